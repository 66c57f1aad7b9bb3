/* A text of the language as a row of tokens. What a word is, and how texts are quoted, differs from dialect to dialect.
 */
#pragma once

#include "complaint.h"
#include "value.h"

struct dialect;

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* a name or a key word */
    TOKEN_TEXT,   /* in quotes: `value` has it without them */
    TOKEN_NUMBER, /* `value` */
    TOKEN_MARK,   /* anything else that means something */
};

struct token {
    enum token_kind kind;
    bool bracketed;   /* a word in [[ ]]: never a key word */
    size_t at;        /* where it begins */
    struct bytes raw; /* as it is written; of a word in [[ ]] what is in them */
    struct value value;
};

struct lexer {
    const struct dialect *dialect;
    struct bytes original; /* the text, for positions */
    uint8_t *text;         /* a copy of it, in which texts lose their quotes and escapes: tokens look into it */
    size_t len, next;      /* next: behind the token */
    struct token token;    /* the one that is looked at */
    struct complaint *why; /* after a complaint every token is TOKEN_END */
};

/* `copy` has room for as many bytes as the text. It must be UTF-8 without NULs, else that is the first complaint. */
void lexer_open(struct lexer *, const struct dialect *, struct bytes text, uint8_t *copy, struct complaint *);
/* On to the next token. */
void lexer_next(struct lexer *);
/* The same where only a name can stand: one that begins with a digit is a name, too, and [[ begins one. */
void lexer_next_name(struct lexer *);
/* The token that is looked at is "[" and another one follows at once: it becomes the name that these two begin. */
bool lexer_bracket(struct lexer *);
/* True if this mark of one character comes behind the token. */
bool lexer_before(const struct lexer *, char mark);

bool lexer_is_mark(const struct lexer *, const char *mark);
bool lexer_is_word(const struct lexer *, const char *word); /* a key word, in any case */
/* If it is there: past it. */
bool lexer_take_mark(struct lexer *, const char *mark);
bool lexer_take_word(struct lexer *, const char *word);

/* Complains of what stands here: the sentence ends with it in quotes, or with "the end". */
void lexer_wrong(struct lexer *, enum err, const char *sentence);
/* Complains about a part of the text that tokens gave. */
void lexer_wrong_at(struct lexer *, enum err, size_t at, const char *format, ...) PRINTF_LIKE(4, 5);
