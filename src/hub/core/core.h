/* What the files of the hub share. Locks, always in this order: `cold`, one shard, the store's tail, one partition.
 * Never two shards. No I/O but the append under any of them. */
#pragma once

#include "heap.h"
#include "list.h"
#include "map.h"
#include "meter.h"
#include "records.h"
#include "state.h"
#include "store.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    SHARDS = 64,
    POLICIES = 6,
    CAS_ROOM = 2 * CAS_MAX, /* while a log is replayed onto a checkpoint that is ahead of it, those of both are there */
    /* Identities that a shard keeps in memory without anybody using them. */
    SHARD_IDLE_MAX = 256,
    EVICT_LOOKS = 16, /* at most so many are looked at for one that comes */
    /* Of a shard's scratch: what all the properties in one MQTT topic come to. Only longer ones make it grow. */
    SCRATCH_READY = TOPIC_LEN_MAX + MODEL_LEN_MAX + 8 * PROPS_MAX + 2048,
    /* Entries of a partition's index; when they run out every second one goes and the rest stand for twice as many. */
    INDEX_CAP = 4096,
    INDEX_STRIDE = 64, /* events an entry stands for, at first */
    INDEX_REACH =
        64 * 1024,     /* and what it may reach over in the log, where the partition is quiet and others are not */
    INDEX_SAVED = 512, /* entries in the checkpoint */
    AGES = 512,        /* how many places of the log it is remembered of how old they are */
    DEVICE_VALUE_MAX = 2048,
};

/* A C2D message in a mailbox. Its body lies in the log at `at`, and in the checkpoint too when that has seen it. */
struct letter {
    uint64_t sequence, at;
    int64_t enqueued_ms, expiry_ms; /* by the wall clock, as in the record */
    char *message_id;               /* for the feedback, where one is wanted; owned */
    const void *poster;             /* whose feedback it is, as in struct msg; not recorded */
    uint8_t deliveries;
    uint8_t ack;
    bool tried; /* it was locked before and came back without an outcome */
    /* While it is locked: */
    bool locked;
    struct seat *holder; /* NULL: somebody without a seat */
    int64_t until_ms;    /* by the steady clock */
    uint64_t nonce;
};

/* Letters in order of their numbers: at[head] … at[head + n - 1]. */
struct mailbox {
    struct timer due; /* by the wall clock, at the latest when something has to be done; may be too early */
    struct identity *owner;
    struct letter *at;
    size_t head, n, cap;
    size_t busy; /* all before head + busy are locked */
    size_t n_locked;
};

struct identity {
    struct device device;
    struct session session;
    struct mailbox *mailbox; /* NULL: never used, or empty when it was loaded */
    uint64_t c2d_next;       /* number of the next message; 0 and 1 are the first */
    bool has_session;
    bool gone;      /* deleted, and the checkpoint does not know yet */
    bool dirty;     /* the checkpoint does not know this value yet */
    uint32_t round; /* of the checkpoint that copied it last */
    uint64_t changed_at;
    int64_t kept_due_ms; /* in a value of the checkpoint: when the first of its letters there expires, or DUE_UNKNOWN */
    struct seat *seat;   /* who sits there, or NULL */
    struct call *calls;  /* open ones, the oldest first */
    unsigned n_calls;
    struct meter messages, bytes; /* that it sent */
    int64_t refused_ms;           /* for being over one of these, the last time; 0: never */
};

/* The value was written when mailboxes were kept as one value each, which holds it. */
#define DUE_UNKNOWN INT64_MIN

struct shard {
    pthread_mutex_t lock;
    struct map identities; /* by device id: those in use, dirty, or used lately */
    size_t hand;           /* where to look next for one that may go */
    struct heap due;       /* mailboxes of those in memory */
    struct buf scratch;    /* for hub_send: sections of the message that is being sent */
};

/* Every stride-th event of a partition, or more of them where they lie far apart. */
struct index_entry {
    int64_t sequence;
    uint64_t at;
    int64_t enqueued_ms;
};

struct partition_state {
    pthread_mutex_t lock;
    unsigned number;
    int64_t first, next; /* sequence numbers: the oldest that can be read, the next to be given */
    int64_t last;        /* of the last event; -1: there was none. Behind it some may have been left out */
    uint64_t skipped_at; /* the place of the record that did so last; 0: none did */
    uint64_t first_at;   /* place of the oldest */
    uint64_t last_at;
    int64_t last_ms;
    uint64_t stride, reach;
    size_t n_index;
    struct index_entry *index; /* INDEX_CAP of them */
    struct list readers;
    bool dirty;
};

/* Everything below the place was appended before that time: by the wall clock, but without its jumps. */
struct age {
    uint64_t at;
    int64_t ms;
};

struct hub {
    struct hub_options options;
    struct store *store;
    struct state *state;
    struct hub_birth birth;
    bool born;

    pthread_mutex_t cold; /* of groups, policies, CA certificates and documents */
    struct policy policies[POLICIES];
    size_t n_policies;
    char groups[GROUPS_MAX][GROUP_LEN_MAX + 1];
    size_t n_groups;
    struct ca cas[CAS_ROOM]; /* by name */
    size_t n_cas;
    struct docs *docs;
    bool cold_dirty;
    uint64_t cold_at;

    struct shard shards[SHARDS];
    struct partition_state partitions[PARTITIONS_MAX];
    uint32_t round;              /* of checkpoints */
    struct hub_counts committed; /* devices and disabled ones in the checkpoint; of the checkpoint's caller */
    struct age ages[AGES];       /* oldest first; his too */
    size_t n_ages;
    int64_t age_step_ms;
    bool ages_resumed; /* they have been looked at since the start */

    pthread_mutex_t awaiting_lock; /* the innermost but for the store's own */
    struct list awaiting;          /* seats whose next message is not durable yet */
    _Atomic uint64_t n_awaiting;
    _Atomic uint64_t nonce; /* of the next lock */
    struct feedback *feedback;
    _Atomic uint64_t calls;     /* so many were opened: the last one's id */
    _Atomic size_t calls_bytes; /* that those hold which are open */
    _Atomic uint64_t lost;      /* messages whose bodies could not be read */

    /* struct hub_clock */
    _Atomic int64_t ahead_ms, jumped_ms, doubt_ms;
    _Atomic bool late;
    uint64_t started_at; /* the end of the log at the start */

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

struct seat {
    struct hub *hub;
    struct shard *shard;
    struct identity *identity; /* NULL once it is not ours any more; under the shard's lock */
    struct partition_state *partition;
    struct waker *waker;
    _Atomic int state; /* enum err */
    char id[ID_LEN_MAX + 1];
    /* C2D: whether there may be something for it; which message it reads; where it waits for one to be durable. */
    _Atomic bool mail;
    _Atomic bool calls; /* whether there may be one for it */
    bool takes_calls;   /* under the shard's lock */
    struct cursor cursor;
    struct buf kept;
    struct list awaiting;
    uint64_t awaited;
    size_t head_len; /* of what stands before each event that is sent from here: event.c */
    uint8_t head[];
};

void hub_random(struct hub *h, uint8_t *out, size_t len);
void hub_trace(struct hub *h, const char *format, ...) PRINTF_LIKE(2, 3);
