/* The languages that share this room, and where they differ. */
#pragma once

#include "lexer.h"

/* The rules that a condition runs by. */
enum rules {
    RULES_QUERY, /* service 4.8: only primitives of one kind have an order, whatever is not a boolean is undefined */
    RULES_ROUTE, /* service 6.5 */
};

struct dialect {
    const char *name; /* "a query": what the text is called */
    enum rules rules;
    unsigned depth_max;
    size_t len_max;
    /* True if the byte at `n` goes on with the word that begins at the first. */
    bool (*of_word)(struct bytes from, size_t n);
    const char *const *marks; /* the longest first, NULL at the end */
    bool numbers;             /* else a word */
    bool doubled;             /* a quote within quotes is doubled; else it has a backslash */
    bool longest;             /* where a longer word begins at a text, a number or a mark, it is the word */
    bool comments;
    bool dots;          /* a path is names with dots between; else it is one word */
    bool dollars;       /* $name, {$name}, $body.x */
    bool comparing;     /* a name alone is no condition */
    bool lower_words;   /* true, false, null, undefined only so */
    bool calls;         /* functions */
    unsigned functions; /* a bit that the functions have which there are: function.h */
};

extern const struct dialect dialect_query, dialect_route, dialect_selector;
