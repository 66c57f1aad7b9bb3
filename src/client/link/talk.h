/* A conversation of a client: bytes in, bytes out, like a front. Whoever carries it lends `out` and looks at `over`
 * after each call. */
#pragma once

#include "buf.h"

struct talk;

struct talk_ops {
    void (*start)(struct talk *, int64_t now_ms); /* the connection is there */
    size_t (*input)(struct talk *, struct bytes in,
                    int64_t now_ms);                /* bytes used; the rest comes back with more behind it */
    void (*wake)(struct talk *, int64_t now_ms);    /* its owner wants something said */
    int64_t (*tick)(struct talk *, int64_t now_ms); /* does what is due; when to call again */
    void (*close)(struct talk *, enum err why, int64_t now_ms); /* the last call */
    void (*bye)(struct talk *); /* the last call instead, when its owner goes: what it still says; NULL: nothing */
};

struct talk {
    const struct talk_ops *ops;
    struct buf *out;
    bool over;
    enum err why;
};

static inline void talk_end(struct talk *t, enum err why)
{
    if (!t->over) {
        t->over = true;
        t->why = why;
    }
}
