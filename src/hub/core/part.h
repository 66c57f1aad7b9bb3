/* The hub is a table of parts: a capability is one row of parts.c, and nothing else names it. A row says which records
 * are its own, what it writes into the checkpoint and reads from there, whom it tells when the log grows, what is due
 * when time passes, and what it hangs onto an identity. Any of it may be NULL: there is nothing to do.
 *
 * A new part has a struct of its own, which make() makes and struct hub points to; a header that declares its row and
 * the numbers of its records; and its row in parts.c. */
#pragma once

#include "core.h"

struct event_facts;
struct job;
struct keeping;
struct twin_told;

/* A kind of records in the log. Its number is its for ever: doc/disk-format.md lists all of them. */
struct record_kind {
    uint8_t number;
    enum room room;   /* that it finds on a full disk */
    const char *what; /* "a device": for the operator, of one that cannot be read; NULL: a record */
    /* How its body begins, behind its version. */
    enum { SAYS_NOTHING, SAYS_DEVICE, SAYS_MESSAGE /* a device and the number of a message to it */ } says;
    /* Applies a record that is in the log: live, recovery and standby alike. Applying it twice changes nothing. */
    enum err (*apply)(struct hub *, const struct record *);
};

/* Turns in the life of an identity that others may want to be told of. */
enum happening { HAPPENED_CREATED, HAPPENED_DELETED, HAPPENED_CONNECTED, HAPPENED_DISCONNECTED, HAPPENINGS };

/* A part's value of an identity; all of it under the shard's lock but keep(). */
struct identity_part {
    /* The checkpoint's value of the identity was read: now what this part keeps beside it. */
    enum err (*load)(struct hub *, struct shard *, struct identity *);
    /* The identity leaves memory. */
    void (*free)(struct shard *, struct identity *);
    /* True if nobody needs it in memory, but for what the checkpoint knows. */
    bool (*may_go)(const struct hub *, const struct identity *);
    /* Appends what keep() will be given: a copy of what the checkpoint has to hold beside the identity's own value. */
    void (*copy)(struct buf *, const struct identity *);
    /* Without a lock, before the identity's own value is written. `was`: the identity as the checkpoint has it, empty
     * if it has none; `is`: as it will have it, NULL: it is deleted, and what is kept for it goes; of both only what
     * is in its own value is set. `copied`: what copy() wrote. */
    enum err (*keep)(struct keeping *, struct bytes id, const struct identity *was, const struct identity *is,
                     struct bytes copied);
    /* Its record was applied: it is what that says. */
    void (*became)(struct hub *, struct shard *, const struct identity *);
    /* A seat was taken; all of it is set but what is the parts' own. */
    void (*seated)(struct hub *, struct identity *, struct seat *);
    /* That seat is not the identity's any more; i->seat is NULL. */
    void (*unseated)(struct hub *, struct identity *, struct seat *);
    /* Its owner lets go of it, under no lock. */
    void (*seat_free)(struct seat *);
    /* It is about to be deleted: records that have to stand before that one. *at: the last one's place. */
    enum err (*leave)(struct hub *, struct identity *, int64_t now_ms, uint64_t *at);
    /* It is deleted: what hangs there goes. */
    void (*gone)(struct hub *, struct shard *, struct identity *);
    /* Something has happened to it, now and not in recovery; if that has a record, it is in the log. *at becomes the
     * place of what is written here; `at` may be NULL. */
    void (*happened)(struct hub *, struct shard *, const struct identity *, enum happening, int64_t now_ms,
                     uint64_t *at);
    /* Its twin changes: behind the record, before the twin in memory is the new one. */
    void (*twin_changed)(struct hub *, struct shard *, const struct twin_told *, uint64_t *at);
};

struct part {
    const char *name;
    const struct record_kind *kinds;
    size_t n_kinds;

    /* Its own memory. free() is also called when make() failed or was not reached. */
    enum err (*make)(struct hub *);
    void (*free)(struct hub *);

    /* The checkpoint (keeping.h): load() comes in the order of the table, keep() in the opposite order, so that the
     * birth is written last. kept(): it came to its end (k->place), or it did not, and what keep() took is still to be
     * written. */
    enum err (*keep)(struct keeping *);
    void (*kept)(struct keeping *k, bool done);
    enum err (*load)(struct hub *);

    /* The birth is known, and with it how many partitions there are. May come again. */
    enum err (*born)(struct hub *);
    /* The log behind the checkpoint was applied; then, and later: the log lost its beginning. */
    enum err (*replayed)(struct hub *);
    enum err (*trimmed)(struct hub *);
    /* An event that the hub itself told is in the log that is replayed. */
    void (*event_replayed)(struct hub *, const struct event_facts *, uint64_t at);

    /* The store is durable further than before: who waits for that is woken. From the store's thread. */
    void (*grew)(struct hub *);
    /* Does what is due; when to be called again at the latest. */
    int64_t (*tick)(struct hub *, int64_t now_ms);
    /* The wall clock jumped: appointments that are by it are looked at again. */
    void (*jumped)(struct hub *);
    /* The latest wall time that it has written down. */
    int64_t (*last_ms)(const struct hub *);

    /* A job is in another state, now and not in recovery, and its record is in the log; under the lock of jobs, which
     * is that of the scratch. *at becomes the place of what is written here. */
    void (*job_changed)(struct hub *, const struct job *, struct buf *scratch, int64_t now_ms, uint64_t *at);

    struct identity_part identity;
};

/* All parts hear of it; under the shard's lock. */
void identity_happened(struct hub *h, struct shard *s, const struct identity *i, enum happening what, int64_t now_ms,
                       uint64_t *at);

/* parts.c: the table, with NULL behind the last. */
extern const struct part *const hub_parts[];

#define EACH_PART(p) for (const struct part *const *p = hub_parts; *p; (p)++)

/* The kind of that number, or NULL. Slow: the hub has them by number. */
const struct record_kind *record_kind_of(uint8_t number);
