/* Something that can sign and never shows its key. In memory, in a file; a chip goes through the same table. */
#pragma once

#include "buf.h"
#include "ceilings.h"

/* A signature that was asked for. The struct stays where it is until `done` was called; that may be inside
 * key_sign(). */
struct signing {
    void (*done)(struct signing *);
    enum err e;
    uint8_t mac[32]; /* HMAC-SHA256 of the text, when e is OK */
};

struct key;

struct key_ops {
    /* Answers by signing->done when it returned OK; otherwise there will be no answer. The text is lent until it
     * returns. */
    enum err (*sign)(struct key *, struct bytes text, struct signing *signing);
    void (*drop)(struct key *);
};

struct key {
    const struct key_ops *ops;
};

/* Of raw bytes, or of the base64 text that connection strings have. Given: key_drop() wipes and frees it. */
enum err key_in_memory(struct bytes raw, struct key **out) MUST_CHECK;
enum err key_of_base64(struct bytes text, struct key **out) MUST_CHECK;
/* A file whose first line is the base64 text. ERR_NOT_FOUND, ERR_IO, ERR_MALFORMED. */
enum err key_in_file(const char *path, struct key **out) MUST_CHECK;

static inline MUST_CHECK enum err key_sign(struct key *k, struct bytes text, struct signing *signing)
{
    return k->ops->sign(k, text, signing);
}

void key_drop(struct key *); /* also NULL */
