/* The hub, a shard, an identity and its seat: what the parts of the hub have between them. Locks, always in this order:
 * `cold`, one shard, feedback, the store's tail, one of a part's own (a partition, seats that wait). Never two shards.
 * No I/O but the append under any of them (mutex.h). */
#pragma once

#include "heap.h"
#include "list.h"
#include "map.h"
#include "meter.h"
#include "mutex.h"
#include "records.h"
#include "state.h"
#include "store.h"

#include <stdatomic.h>

enum {
    SHARDS = 64,
    /* Identities that a shard keeps in memory without anybody using them. */
    SHARD_IDLE_MAX = 256,
    /* Of a shard's scratch: what all the properties in one MQTT topic come to. Only longer ones make it grow. */
    SCRATCH_READY = TOPIC_LEN_MAX + MODEL_LEN_MAX + 8 * PROPS_MAX + 2048,
    DEVICE_VALUE_MAX = 2048,
    EVENT_HEAD_BARE = 480, /* what stands before each event of a seat, without the names in it, */
    EVENT_HEAD_MAX = 1280, /* and with the longest */
};

/* A device in memory, under its shard's lock. Values that a part hangs onto it are read, kept and freed through that
 * part's row (part.h). */
struct identity {
    struct shard *shard;
    struct device device;
    struct session session;
    bool has_session;
    bool has_modules; /* a device that has, or had, modules: they are looked for */
    bool gone;        /* deleted, and the checkpoint does not know yet */
    bool dirty;       /* the checkpoint does not know this value yet */
    uint32_t round;   /* of the checkpoint that copied it last */
    uint64_t changed_at;
    bool unkept;                  /* the next checkpoint writes down when it was seen last, */
    int64_t copied_ms, kept_ms;   /* which is this as it was copied last, and as the checkpoint has it */
    struct list made;             /* among those of its shard whose names the checkpoint may not know yet; */
    uint64_t made_at;             /* it was made with this record */
    struct seat *seat;            /* who sits there, or NULL */
    struct meter messages, bytes; /* that it sent */
    int64_t refused_ms;           /* for being over one of these, the last time; 0: never */
    /* mail: */
    struct mailbox *mailbox; /* NULL: never used, or empty when it was loaded */
    uint64_t c2d_next;       /* number of the next message; 0 and 1 are the first */
    int64_t kept_due_ms; /* in a value of the checkpoint: when the first of its letters there expires, or DUE_UNKNOWN */
    /* calls: */
    struct call *calls; /* open ones, the oldest first */
    unsigned n_calls;
    struct twin *twin; /* NULL: not in memory */
};

/* The value was written when mailboxes were kept as one value each, which holds it. */
#define DUE_UNKNOWN INT64_MIN

struct shard {
    struct mutex lock;
    struct map identities; /* by name (name.h), those of a device beside it: in use, dirty, or used lately */
    size_t hand;           /* where to look next for one that may go */
    struct list made;      /* identities that came, whose names the checkpoint may not know yet */
    struct heap due;       /* mailboxes of those in memory */
    struct buf scratch;    /* for hub_send: sections of the message that is being sent */
};

struct hub {
    struct hub_options options;
    struct store *store;
    struct state *state;
    struct hub_birth birth;
    bool born;
    uint64_t started_at; /* the end of the log at the start */
    const struct record_kind *kinds[256];

    struct mutex cold; /* of the parts that change seldom: birth, groups, policies, authorities, documents */
    struct shard shards[SHARDS];

    /* The parts' own, each a struct that no other looks into. */
    struct births *births;
    struct groups *groups;
    struct policies *policies;
    struct authorities *authorities;
    struct docs *docs;
    struct jobs *jobs;
    struct events *events;
    struct ages *ages;
    struct mail *mail;
    struct twins *twins;
    struct feedback *feedback;
    struct calls *calls;
    struct presence *presence;

    uint32_t round;              /* of checkpoints */
    _Atomic bool unkept;         /* an identity is */
    struct hub_counts committed; /* devices and disabled ones in the checkpoint; of the checkpoint's caller */
    _Atomic uint64_t nonce;      /* of the next lock of a message */

    /* struct hub_clock */
    _Atomic int64_t ahead_ms, jumped_ms, doubt_ms;
    _Atomic bool late;

    struct {
        struct rate device_messages, device_bytes, hub_messages, hub_bytes;
    } rates;
    struct shared_meter all_messages, all_bytes;
    _Atomic uint64_t log_keep; /* bytes of files; 0: no limit */
    uint64_t mail_bytes;       /* of the checkpoint's caller: what mail_left becomes, */
    uint64_t state_bytes;      /* and what the state has to have in reserve for that */
    _Atomic int64_t mail_left; /* bytes of C2D messages that find room until the next checkpoint */
    _Atomic int64_t ticked_ms; /* the last tick */

    _Atomic uint64_t devices, disabled, connected, received, received_bytes;
    _Atomic uint64_t refused_full, refused_busy, refused_quota;
    _Atomic int64_t last_generation;
};

/* Changes that a device was not told of yet (twin/desired.c). */
struct desired_queue {
    struct buf waiting; /* u64 place, u64 version, u32 length, patch: one behind the other */
    bool behind;        /* there is more, and that is the difference of what is desired now to: */
    struct buf base;
    struct buf patch;  /* that is being made, */
    struct bytes next; /* or that of the change that is being made */
};

/* Sections of a seat: no other part looks into them. `there` is whether there may be something for it; it may be asked
 * without a lock, and only as the first question. The rest is under the shard's lock. */
struct seat_mail {
    _Atomic bool there;
    struct cursor cursor; /* of its owner: where the message is that it reads, */
    struct buf kept;      /* or that message, from the checkpoint */
    struct list awaiting; /* in struct mail, and under its lock: the next message is not durable yet, */
    uint64_t awaited;     /* and has this place */
};

struct seat_calls {
    _Atomic bool there;
    bool taken;     /* it listens to calls */
    uint32_t asked; /* the number of the last one that it was asked */
};

struct seat_twin {
    _Atomic bool there;
    bool taken; /* it listens to changes of what is desired */
    struct desired_queue desired;
};

/* The partition of its events, and what stands before each. Nobody changes that. */
struct seat_events {
    struct partition_state *partition;
    size_t head_len, head_max;
    uint8_t *head; /* behind the seat, with room for its name: every connection has one */
};

struct seat {
    struct hub *hub;
    struct shard *shard;
    struct identity *identity; /* NULL once it is not ours any more; under the shard's lock */
    struct waker *waker;
    enum proof proof;
    _Atomic int state; /* enum err */
    char id[IDENTITY_LEN_MAX + 1];
    /* Sections, a part's each. */
    struct seat_mail mail;
    struct seat_calls calls;
    struct seat_twin twin;
    struct seat_events events;
};

/* The shard of an identity: devices are spread by their ids, and their modules are beside them. By the upper bits: the
 * lower ones of the same hash choose the slot in the shard's map, of which there would be few to begin at. */
static inline struct shard *shard_of(struct hub *h, struct bytes name)
{
    return &h->shards[(bytes_hash(identity_device(name), h->options.hash_seed) >> 32) % SHARDS];
}

/* trace.c */
void hub_random(struct hub *h, uint8_t *out, size_t len);
void hub_trace(struct hub *h, const char *format, ...) PRINTF_LIKE(2, 3);
