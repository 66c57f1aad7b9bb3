/* The words of JSON (RFC 8259), one after the other, strictly: nothing is forgiven, nothing is allocated but what the
 * buffer grows by. */
#pragma once

#include "buf.h"

struct scan {
    const uint8_t *at, *end;
};

static inline void scan_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

/* The character behind the blanks; 0: the text ends. */
static inline uint8_t scan_look(struct scan *s)
{
    scan_blanks(s);
    return s->at < s->end ? *s->at : 0;
}

/* True if it is this one: then it is behind it. */
static inline bool scan_take(struct scan *s, uint8_t c)
{
    if (scan_look(s) != c)
        return false;
    s->at++;
    return true;
}

/* All below from where the word begins. False: it is none, and where it stops being one is s->at. */
bool scan_word(struct scan *s, struct bytes word);
/* Appends the text without its quotes and escapes, in UTF-8; *is_plain: it has no character that JSON escapes, and none
 * of C0 and C1. U+0000 and halves of surrogate pairs are refused: clients in C take the one for the end of the text,
 * and the other is no character. */
bool scan_text(struct scan *s, struct buf *out, bool *is_plain);
bool scan_number(struct scan *s, struct bytes *out, bool *is_integer);

/* Whether an integer is one of those that twins may hold (device 7.1), and whether a number that is none is finite. */
bool integer_fits(struct bytes number);
bool number_is_finite(struct bytes number);
