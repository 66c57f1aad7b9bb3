/* The log: records in one order, read back by place. Three engines: memory (tests: can be slow, fail, forget), disk
 * (the default) and, later, NATS JetStream. A record is durable when its place is below store_durable(). */
#pragma once

#include "err.h"

/* What a reader sees. `at` is the record's place: it only grows, is never 0, and is opaque but for its order. */
struct record {
    uint64_t at;
    uint8_t kind;      /* the hub's; the store knows none */
    uint16_t lane;     /* the hub's: a partition, so that a reader can skip what is not its own */
    struct bytes body; /* lent until the cursor moves or is closed */
};

/* Which room a record may take. When the disk is full messages are refused; what keeps the hub going has a reserve,
 * whose last part is for the operator, who has to be able to end what fills the disk. */
enum room {
    ROOM_MESSAGES, /* what anybody sends */
    ROOM_UPKEEP,   /* what becomes of what is there: outcomes, feedback, sessions */
    ROOM_REGISTRY, /* who may do what */
};

/* What is to be appended: `parts` are copied once, one behind the other, into the tail. */
struct draft {
    uint8_t kind;
    uint16_t lane;
    enum room room;
    const struct bytes *parts;
    size_t n_parts;
    /* Writes what depends on the place (sequence numbers) into the copy. Called under the tail lock, so records of all
     * threads come here one at a time and in the order of the log: short, no I/O, no other lock. May be NULL. */
    void (*stamp)(void *ctx, uint8_t *body, size_t len, uint64_t at);
    void *ctx;
};

/* A position of a reader. Set `at` to a place (or 0: the oldest record) and the filters; close it at the end. */
struct cursor {
    uint64_t at;   /* the next place to look at */
    int kind;      /* only this one, or -1 */
    int lane;      /* only this one, or -1 */
    size_t budget; /* bytes that one read may skip over before it says ERR_BUSY; 0 is no limit */
    void *engine;  /* the engine's */
};

struct store_space {
    uint64_t held; /* bytes on the disk, those that are ready to be written among them */
    uint64_t file; /* bytes by which it grows and shrinks */
    bool full;     /* messages are refused, or will soon be: it cannot grow, and gets shorter only by store_trim() */
};

struct store;

enum { STORE_ID = 16 };

struct store_ops {
    enum err (*append)(struct store *, const struct draft *, uint64_t *at);
    uint64_t (*durable)(struct store *);
    uint64_t (*first)(struct store *);
    uint64_t (*end)(struct store *);
    enum err (*sync)(struct store *, uint64_t at);
    enum err (*read)(struct store *, struct cursor *, struct record *);
    void (*cursor_close)(struct store *, struct cursor *);
    uint64_t (*first_after)(struct store *, uint64_t below);
    enum err (*trim)(struct store *, uint64_t below);
    uint64_t (*older_than)(struct store *, uint64_t keep);
    void (*space)(struct store *, struct store_space *out);
    const uint8_t *(*id)(struct store *);
    void (*close)(struct store *);
};

struct store {
    const struct store_ops *ops;
    /* Called after `durable` grew, from the engine's own thread, with no lock held. Set before the first append. */
    void (*grew)(void *ctx);
    void *grew_ctx;
};

/* In order; not yet durable. ERR_DISK_FULL: there is no room for this one (enum room), nothing was appended, reads go
 * on. ERR_TOO_LARGE: over RECORD_LEN_MAX. Blocks when the tail in memory is full until the sync thread has made room. */
static inline MUST_CHECK enum err store_append(struct store *s, const struct draft *d, uint64_t *at)
{
    return s->ops->append(s, d, at);
}

/* Every record with a place below this one is on disk. Only ever grows. Cheap: one atomic load. */
static inline uint64_t store_durable(struct store *s)
{
    return s->ops->durable(s);
}

/* The oldest place that can be read, and the place that the next record will get. */
static inline uint64_t store_first(struct store *s)
{
    return s->ops->first(s);
}

static inline uint64_t store_end(struct store *s)
{
    return s->ops->end(s);
}

/* Waits until the record at this place is durable. For starts, stops and checkpoints, not for the message path. */
static inline MUST_CHECK enum err store_sync(struct store *s, uint64_t at)
{
    return s->ops->sync(s, at);
}

/* The next durable record that the cursor wants. A place that was trimmed away reads on from the oldest one.
 * ERR_NOT_FOUND: nothing more yet. ERR_BUSY: the budget was used up skipping; call again. Cursors of several threads do
 * not disturb each other or the writer. */
static inline MUST_CHECK enum err store_read(struct store *s, struct cursor *c, struct record *out)
{
    return s->ops->read(s, c, out);
}

static inline void store_cursor_close(struct store *s, struct cursor *c)
{
    s->ops->cursor_close(s, c);
}

/* What store_first() would be after store_trim(). */
static inline uint64_t store_first_after(struct store *s, uint64_t below)
{
    return s->ops->first_after(s, below);
}

/* STORE_ID bytes that no other log has; zeros: a log of before, which has not got any yet. */
static inline const uint8_t *store_id(struct store *s)
{
    return s->ops->id(s);
}

/* Gives up whole segments that hold only places below this one. Records lent to a cursor stay valid until it moves. */
static inline MUST_CHECK enum err store_trim(struct store *s, uint64_t below)
{
    return s->ops->trim(s, below);
}

/* The place below which the log may go so that at most `keep` bytes of it stay, but what is being written always does.
 */
static inline uint64_t store_older_than(struct store *s, uint64_t keep)
{
    return s->ops->older_than(s, keep);
}

static inline void store_space(struct store *s, struct store_space *out)
{
    s->ops->space(s, out);
}

/* Writes and syncs what is left, then frees. NULL is fine. */
static inline void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}
