/* What the two files of the query language share: its words, and its conditions. */
#pragma once

#include "query.h"

struct query_reader {
    struct bytes rest;
    const json_t *document; /* NULL: the condition is only checked */
    unsigned depth;
    enum err bad;
    char *why;     /* QUERY_WHY_CAP bytes */
    uint8_t *text; /* QUERY_LEN_MAX bytes for texts without their escapes, never longer than the query; not for paths */
    size_t text_len;
};

/* Remembers the first thing that is wrong, and reads no further. */
void query_bad(struct query_reader *, enum err e, const char *text, struct bytes what);
bool query_take(struct query_reader *, const char *mark);
bool query_take_word(struct query_reader *, const char *word);
/* A name, or [[name]]; empty when there is none. */
struct bytes query_name(struct query_reader *);
/* name.name.name, as it is written; empty when there is none. `last` (may be NULL) is its last name. */
struct bytes query_path(struct query_reader *, struct bytes *last);
/* What stands at a path of the document, or NULL; its first name in any case. `key` (may be NULL) becomes its last name
 * as the document has it. */
const json_t *query_at(const json_t *document, struct bytes path, struct bytes *key);
/* True if the condition is. */
bool query_condition(struct query_reader *);
