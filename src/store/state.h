/* The checkpoint: keys and values as of one place in the log. Recovery is this, and the log from that place on. Two
 * engines: LMDB (disk) and memory (tests). One writer at a time; readers of any thread, never blocked by it. */
#pragma once

#include "buf.h"

struct state;

/* Returns false to stop. Key and value are lent until it returns; it must not call the state. */
typedef bool state_visit(void *ctx, struct bytes key, struct bytes value);
/* The same, with the value that the same name has under another prefix; its `at` is NULL where there is none. */
typedef bool state_visit_pair(void *ctx, struct bytes key, struct bytes value, struct bytes beside);

struct state_ops {
    uint64_t (*place)(struct state *);
    enum err (*get)(struct state *, struct bytes key, struct buf *out);
    enum err (*each)(struct state *, struct bytes prefix, struct bytes after, state_visit *, void *ctx);
    enum err (*pairs)(struct state *, struct bytes prefix, struct bytes beside, struct bytes after, state_visit_pair *,
                      void *ctx);
    enum err (*begin)(struct state *);
    enum err (*put)(struct state *, struct bytes key, struct bytes value);
    enum err (*del)(struct state *, struct bytes key);
    enum err (*commit)(struct state *, uint64_t place);
    void (*abort)(struct state *);
    enum err (*reserve)(struct state *, uint64_t bytes);
    void (*close)(struct state *);
};

struct state {
    const struct state_ops *ops;
};

/* Keys are at most this long (LMDB's own limit is 511). */
#define STATE_KEY_MAX 400

/* Everything in the log below this place is contained. 0 in a new one. */
static inline uint64_t state_place(struct state *s)
{
    return s->ops->place(s);
}

/* Appends the value to `out`. ERR_NOT_FOUND. */
static inline MUST_CHECK enum err state_get(struct state *s, struct bytes key, struct buf *out)
{
    return s->ops->get(s, key, out);
}

/* Visits the committed keys that start with prefix and come after `after` (NO_BYTES: from the first), in byte order. */
static inline MUST_CHECK enum err state_each(struct state *s, struct bytes prefix, struct bytes after,
                                             state_visit *visit, void *ctx)
{
    return s->ops->each(s, prefix, after, visit, ctx);
}

/* Visits those keys, each with its value and that of its name under `beside`: all of one moment. `beside` is not the
 * longer one of the two. */
static inline MUST_CHECK enum err state_pairs(struct state *s, struct bytes prefix, struct bytes beside,
                                              struct bytes after, state_visit_pair *visit, void *ctx)
{
    return s->ops->pairs(s, prefix, beside, after, visit, ctx);
}

/* begin, any number of put and del, then commit (all of it, durable, with the place) or abort. An error in between
 * leaves the transaction to be aborted. ERR_DISK_FULL is passed on: the checkpoint then stays where it is. */
static inline MUST_CHECK enum err state_begin(struct state *s)
{
    return s->ops->begin(s);
}

static inline MUST_CHECK enum err state_put(struct state *s, struct bytes key, struct bytes value)
{
    return s->ops->put(s, key, value);
}

/* Deleting what is not there is fine. */
static inline MUST_CHECK enum err state_del(struct state *s, struct bytes key)
{
    return s->ops->del(s, key);
}

static inline MUST_CHECK enum err state_commit(struct state *s, uint64_t place)
{
    return s->ops->commit(s, place);
}

static inline void state_abort(struct state *s)
{
    s->ops->abort(s);
}

/* Commits of so many bytes will find room, whatever others do to the disk. ERR_DISK_FULL: there is less. To be called
 * again after commits, by the one writer. */
static inline MUST_CHECK enum err state_reserve(struct state *s, uint64_t bytes)
{
    return s->ops->reserve(s, bytes);
}

static inline void state_close(struct state *s)
{
    if (s)
        s->ops->close(s);
}
