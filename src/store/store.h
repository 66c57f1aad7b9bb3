/* The log: records in one order, read back by place. Three engines: memory (tests: can be slow, fail, forget), disk
 * (the default) and, later, NATS JetStream. A record is durable when its place is below store_durable(). */
#pragma once

#include "err.h"

#include <assert.h>

/* A record as a reader sees it. `at` is its place: it only grows, is never 0, and is opaque but for its order. */
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

/* A record to be appended: `parts` are copied once, one behind the other, into the tail. */
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
    uint64_t held; /* bytes on the disk: the log, and what is ready to be written */
    uint64_t log;
    uint64_t file; /* bytes by which it grows and shrinks */
    bool full;     /* messages are refused, or will soon be: it cannot grow, and gets shorter only by store_trim() */
};

struct store;

enum { STORE_ID = 16, GAP_BODY = 192 };

/* Places that cannot be read any more: what was there was acknowledged, and its bytes are damaged or its file is gone.
 * Readers go over it. */
struct gap {
    uint64_t at, end; /* from the first place of it to the next one that can be read */
    uint64_t base;    /* of the file, whose name it is (16 hexadecimal digits, .log); `at` is at - base in it */
    bool is_jump;     /* no damage: the log was restored, and its places begin anew here */
    bool is_rest;     /* the last of GAPS_MAX: it stands for all behind it, and may hold what can be read */
    /* The kind that its first bytes tell, if any (else 0). It may be wrong: they may be what is damaged. */
    uint8_t kind;
    uint16_t lane;
    size_t len;
    uint8_t body[GAP_BODY]; /* the beginning of the record's */
};

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
    bool (*gap)(struct store *, size_t i, struct gap *out);
    void (*close)(struct store *);
};

struct store {
    const struct store_ops *ops;
    /* Called after `durable` grew, from the engine's own thread, with no lock held. Set before the first append. */
    void (*grew)(void *ctx);
    void *grew_ctx;
    /* Called when a reader meets a gap that store_gap() did not have before, from that reader's thread, with no lock of
     * the store held. Set before the first append; may be NULL. */
    void (*damaged)(void *ctx, const struct gap *);
    void *damaged_ctx;
};

/* In order; not yet durable. ERR_DISK_FULL: there is no room for this one (enum room), nothing was appended, reads go
 * on. ERR_TOO_LARGE: over RECORD_LEN_MAX. Blocks when the tail in memory is full until the sync thread has made room.
 */
static inline MUST_CHECK enum err store_append(struct store *s, const struct draft *d, uint64_t *at)
{
    assert((d->parts || !d->n_parts) && d->room <= ROOM_REGISTRY);
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

/* The next durable record that the cursor wants. A place that was trimmed away reads on from the oldest one, one in a
 * gap from behind that. ERR_NOT_FOUND: nothing more yet. ERR_BUSY: the budget was used up skipping; call again. Cursors
 * of several threads do not disturb each other or the writer. */
static inline MUST_CHECK enum err store_read(struct store *s, struct cursor *c, struct record *out)
{
    assert(c->kind >= -1 && c->kind <= UINT8_MAX && c->lane >= -1 && c->lane <= UINT16_MAX);
    return s->ops->read(s, c, out);
}

static inline void store_cursor_close(struct store *s, struct cursor *c)
{
    s->ops->cursor_close(s, c);
}

/* The answer of store_first() after a store_trim(). */
static inline uint64_t store_first_after(struct store *s, uint64_t below)
{
    return s->ops->first_after(s, below);
}

/* STORE_ID bytes that no other log has; zeros: a log of before, which has not got any yet. */
static inline const uint8_t *store_id(struct store *s)
{
    return s->ops->id(s);
}

/* The i-th gap, in order of places, as far as they are known: all that were there when the log was opened, and what a
 * reader has met since. False: there are not so many. */
static inline bool store_gap(struct store *s, size_t i, struct gap *out)
{
    return s->ops->gap(s, i, out);
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
