/* Values of AMQP 1.0 (OASIS AMQP 1.0, 1.6) read without recursion and without copies: what is not wanted is skipped by
 * its length. Lists and maps lend their inside, which is read with the same functions. */
#pragma once

#include "buf.h"

enum { AMQP_SCALAR_CAP = 48 }; /* the text of the longest number, time or uuid, with its NUL */

/* Of a list or map its inside and how many items it claims to have. */
struct amqp_value {
    uint8_t code; /* of a width class' narrowest form: AMQP_STR8 for both kinds of string; 0: there is none */
    struct bytes raw;
    uint32_t count;
};

/* The next value; descriptors before it are passed over. Where there is none the reader is bad. */
struct amqp_value amqp_value_next(struct rd *);

/* The first value in these bytes; code 0: there is none, or it is not whole. */
struct amqp_value amqp_value_in(struct bytes);

bool amqp_value_is_text(const struct amqp_value *); /* a string or a symbol; its text is `raw` */
bool amqp_value_is_map(const struct amqp_value *);
bool amqp_value_is_list(const struct amqp_value *);
/* A string, a symbol or binary: text or bytes in `raw`. */
bool amqp_value_is_bytes(const struct amqp_value *);
/* An integer of any width, or a time in milliseconds; false: it is none, or does not fit. */
bool amqp_value_integer(const struct amqp_value *, int64_t *out);
/* The text of a boolean, number, time (ISO 8601) or uuid. False: it is none of them. */
bool amqp_value_scalar(const struct amqp_value *, char out[AMQP_SCALAR_CAP]);
/* Not null, and no list, map or array. */
bool amqp_value_is_scalar(const struct amqp_value *);
/* Writes a scalar as it came, with its type, and null for anything else. */
void amqp_value_put(struct buf *, const struct amqp_value *);

/* The pairs of a map: `rd` is over its inside, `left` its count. False: there are no more, or *rd is bad. */
struct amqp_pairs {
    struct rd rd;
    uint32_t left;
};

struct amqp_pairs amqp_pairs_of(const struct amqp_value *map); /* no map: none */
bool amqp_pairs_next(struct amqp_pairs *, struct amqp_value *key, struct amqp_value *value);
/* The same; *descriptor is that of the value, and the outermost of several. Code 0: it is not described. */
bool amqp_pairs_next_described(struct amqp_pairs *, struct amqp_value *key, struct amqp_value *descriptor,
                               struct amqp_value *value);
/* The value of the first pair with this key, a string or a symbol; false: there is none. */
bool amqp_map_find(const struct amqp_value *map, struct bytes key, struct amqp_value *out);

/* The items of a list, or of an array of texts or numbers. False: it is neither. */
struct amqp_items {
    struct rd rd;
    uint32_t left;
    uint8_t code; /* of each item of an array; 0: each has its own */
};

bool amqp_items_of(const struct amqp_value *, struct amqp_items *out);
bool amqp_items_next(struct amqp_items *, struct amqp_value *out);

/* The next section of a message: its descriptor (enum section) and value. False at the end, or when *rd is bad. */
bool amqp_section_next(struct rd *, uint64_t *section, struct amqp_value *out);
