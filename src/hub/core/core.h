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

/* ceiling.c: may so much be sent now? ERR_BUSY: too many messages; ERR_QUOTA: too many bytes. Asked before, counted
 * after. Under the shard's lock. */
void ceilings_set(struct hub *h, const struct hub_ceilings *c);
enum err identity_lets(const struct hub *h, const struct identity *i, size_t size, int64_t now_ms) MUST_CHECK;
void identity_took(struct hub *h, struct identity *i, size_t size, int64_t now_ms);
/* What a service sends to devices. */
enum err hub_lets(const struct hub *h, size_t size, int64_t now_ms) MUST_CHECK;
void hub_took(struct hub *h, size_t size, int64_t now_ms);
/* It used so much of its day that this must not be forgotten. */
bool identity_spent(const struct hub *h, const struct identity *i);
/* The checkpoint will have to hold so much more mail. False: it could not. */
bool mail_room_take(struct hub *h, size_t size) MUST_CHECK;
/* After a checkpoint. */
void mail_room_renew(struct hub *h);

/* docs.c */
enum err docs_new(struct docs **out) MUST_CHECK;
void docs_free(struct docs *d);
enum err doc_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
/* Into the checkpoint; then, when that is done, what it knows up to the place is clean. */
struct keeping;
enum err docs_keep(struct keeping *) MUST_CHECK;
void docs_kept(struct hub *h, uint64_t place);
enum err docs_load(struct hub *h) MUST_CHECK;

/* registry.c */
/* Another one than `before`. */
void make_etag(struct hub *h, const char *before, char out[24]);
/* Under the shard's lock: it is out of the map. NULL is fine. */
void identity_free(struct shard *s, struct identity *i);
/* Nobody uses it, and the checkpoint knows all of it. */
bool identity_may_go(const struct hub *h, const struct identity *i);
struct shard *shard_of(struct hub *h, struct bytes id);
/* Under the shard's lock. The identity of that id, from memory or the checkpoint; ERR_NOT_FOUND also for a deleted one.
 */
enum err identity_get(struct hub *h, struct shard *s, struct bytes id, struct identity **out) MUST_CHECK;
enum err device_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
enum err device_gone_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
enum err session_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
/* Ends the seat of an identity: its holder is told why. Under the shard's lock. */
void seat_end(struct hub *h, struct identity *i, enum err why, int64_t now_ms);

/* identity.c: an identity in the log and in the checkpoint */
void device_encode(struct buf *b, const struct device *d);
enum err device_decode(struct bytes body, struct device *out) MUST_CHECK;
void identity_encode(struct buf *b, const struct identity *i);
enum err identity_decode(struct bytes value, struct identity *out) MUST_CHECK;

/* event.c */
enum {
    EVENT_HEAD_MAX = 1024,
    EVENT_SIZE_MIN = 400, /* bytes of the log that an event takes at least */
};
/* Writes what every event of this seat begins with; gives its length. */
size_t event_head(const struct device *d, enum proof proof, uint8_t out[EVENT_HEAD_MAX]);
struct event_facts {
    int64_t sequence, enqueued_ms;
    struct bytes device, sections;
};
enum err event_decode(struct bytes body, struct event_facts *out) MUST_CHECK;

/* partition_key.c: for a hub with n partitions; the step before that, for tests */
unsigned partition_by_id(struct bytes device, unsigned n);
unsigned partition_logical(struct bytes device);

/* partition.c */
void partition_init(struct partition_state *p, unsigned number);
void partition_grow(struct partition_state *p, int64_t sequence, uint64_t at, int64_t enqueued_ms);
/* Under its lock: a place at or before the first event with that sequence number, place or time. */
uint64_t partition_seek(const struct partition_state *p, const struct position *position);
void partition_encode(struct buf *b, const struct partition_state *p);
enum err partition_decode(struct bytes value, struct partition_state *p) MUST_CHECK;
/* What cannot be read in the log from `from` on, the checkpoint's place, may have been events: their numbers are not
 * given again. And the last event that there is may be such a one. */
enum err partition_damaged(struct hub *h, struct partition_state *p, uint64_t from) MUST_CHECK;
/* The log may have lost its beginning: what is the oldest event now? */
enum err partition_trimmed(struct hub *h, struct partition_state *p) MUST_CHECK;
enum err event_apply(struct hub *h, const struct record *r) MUST_CHECK;

/* mailbox.c: under the shard's lock */
enum err mailbox_of(struct identity *i, struct mailbox **out) MUST_CHECK; /* made when there is none */
/* Room for one more letter, and for its timer. */
enum err mailbox_reserve(struct shard *s, struct mailbox *m, int64_t due_ms) MUST_CHECK;
void mailbox_add(struct mailbox *m, const struct letter *l);
struct letter *mailbox_find(struct mailbox *m, uint64_t sequence);
void mailbox_remove(struct mailbox *m, struct letter *l);
struct letter *mailbox_first_free(struct mailbox *m);
void mailbox_lock(struct mailbox *m, struct letter *l, struct seat *holder, int64_t until_ms, uint64_t nonce);
void mailbox_unlock(struct shard *s, struct mailbox *m, struct letter *l);
/* What this seat holds is free again. True if there was something. */
bool mailbox_release(struct shard *s, struct mailbox *m, const struct seat *holder);
/* When this letter has to be looked at. */
int64_t letter_due(const struct letter *l, int64_t ahead_ms);
void mailbox_free(struct shard *s, struct identity *i);
/* When the first letter expires; INT64_MAX: there is none. m may be NULL, here and there. */
int64_t mailbox_expiry(const struct mailbox *m);
/* For the checkpoint: each letter as u64 number, u16 length, and its value there. */
void mailbox_copy(struct buf *b, const struct mailbox *m);
enum err letter_decode(struct bytes value, uint64_t sequence, struct letter *out) MUST_CHECK;
/* A mailbox in one value, as it was before: the next of its letters. ERR_NOT_FOUND: there are no more. */
struct rd mailbox_old_begin(struct bytes value, int64_t *due_ms);
enum err mailbox_old_next(struct rd *r, struct letter *out) MUST_CHECK;

/* mail_keep.c: mailboxes and bodies in the checkpoint; mail_load.c: out of it */
enum err mail_load(struct hub *h, struct shard *s, struct identity *i) MUST_CHECK;
/* `was`: the device as the checkpoint has it; `is`: as it will have it, or NULL; `letters`: what mailbox_copy()
 * wrote. */
enum err mail_keep(struct keeping *, struct bytes id, const struct identity *was, const struct identity *is,
                   struct bytes letters) MUST_CHECK;
/* lost.c: outside of all locks. The body of this letter can be read neither in the log nor in the checkpoint: nobody
 * will ever get it, so it leaves, and its sender is told. ERR_BUSY: somebody who could read it has it. */
enum err mail_lost(struct hub *h, struct bytes id, uint64_t sequence, int64_t now_ms) MUST_CHECK;
/* Those that a checkpoint came across. */
void mail_give_up(struct keeping *, int64_t now_ms);
enum err mail_body(struct hub *h, struct bytes id, uint64_t at, struct buf *out) MUST_CHECK;
struct bytes mail_old_key(char out[STATE_KEY_MAX], struct bytes id);
struct bytes letter_prefix(char out[STATE_KEY_MAX], struct bytes id);
struct bytes mail_due_key(char out[STATE_KEY_MAX], struct bytes id, int64_t due_ms);
bool letter_number(struct bytes key, uint64_t *out) MUST_CHECK; /* in the key of a letter */
/* Ids of devices in the checkpoint that have something due, one behind the other as put_text() writes them. */
enum err mail_due(struct hub *h, int64_t wall_ms, struct buf *ids) MUST_CHECK;

/* c2d.c */
enum err c2d_apply(struct hub *h, const struct record *r) MUST_CHECK;
enum err c2d_out_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
enum err c2d_count_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
/* The stored message behind the head of its record. */
enum err c2d_sections(struct bytes body, struct bytes *out) MUST_CHECK;
/* Under the shard's lock. Everything leaves with this fate; *n more. */
enum err mail_drop_all(struct hub *h, struct identity *i, enum fate fate, int64_t now_ms, uint64_t *n,
                       uint64_t *at) MUST_CHECK;
enum err letter_out(struct hub *h, struct identity *i, const struct letter *l, enum fate fate, int64_t now_ms,
                    uint64_t *at) MUST_CHECK;
enum err letter_settle(struct hub *h, struct identity *i, struct letter *l, enum outcome how, int64_t now_ms,
                       uint64_t *at) MUST_CHECK;
/* Under the shard's lock: what has expired leaves, locks that ended end. */
void mail_expire(struct hub *h, struct shard *s, struct identity *i, int64_t now_ms);
/* mail.c. Under the shard's lock: there may be something for the seat of this device. */
void mail_tell(struct hub *h, struct identity *i, uint64_t at);
/* Under the shard's lock: a seat is taken, or ends. */
void mail_seated(struct hub *h, struct identity *i);
void mail_unseated(struct hub *h, struct identity *i, struct seat *seat);
/* Its owner lets go of it. */
void mail_seat_free(struct seat *seat);
/* The store grew: seats that waited for that are woken. */
void mail_grew(struct hub *h);

/* feedback.c */
enum err feedback_make(struct hub *h) MUST_CHECK;
void feedback_free(struct hub *h);
/* Under a shard's lock: a record whose place is `at`. */
void feedback_add(struct hub *h, uint64_t at, const struct feedback_record *r);
enum err feedback_done_apply(struct hub *h, struct bytes body) MUST_CHECK;
int64_t feedback_tick(struct hub *h, int64_t now_ms); /* when to call again at the latest */
void feedback_grew(struct hub *h);
enum err feedback_keep(struct keeping *) MUST_CHECK;
void feedback_kept(struct hub *h, bool done);
enum err feedback_load(struct hub *h) MUST_CHECK;

/* reader.c */
void readers_of_group_end(struct hub *h, const char *group);
/* Wakes those that wait for what is durable now. */
void readers_grew(struct hub *h);

/* group.c, policy.c */
bool group_is_there(const struct hub *h, struct bytes name); /* under `cold` */
void cold_encode_groups(struct buf *b, const struct hub *h);
enum err groups_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
void policies_encode(struct buf *b, const struct hub *h);
enum err policies_decode(struct hub *h, struct bytes value) MUST_CHECK;
enum err policy_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;

/* ca.c */
enum { CAS_VALUE_MAX = CAS_ROOM * (CA_LEN_MAX + 256) };
enum err ca_apply(struct hub *h, struct bytes body, uint64_t at) MUST_CHECK;
void cas_encode(struct buf *b, const struct hub *h); /* under `cold` */
enum err cas_decode(struct hub *h, struct bytes value) MUST_CHECK;

/* hub.c */
enum err partitions_make(struct hub *h) MUST_CHECK;

/* retention.c */
void ages_encode(struct buf *b, const struct hub *h);
enum err ages_decode(struct hub *h, struct bytes value) MUST_CHECK;
/* The checkpoint is about to hold what is below this place. */
void ages_add(struct hub *h, uint64_t place, int64_t lived_ms);
/* Gives up what is too old or too much, below what the checkpoint holds. */
enum err retain(struct hub *h, int64_t lived_ms) MUST_CHECK;

/* checkpoint.c */
void put_birth(struct buf *b, const struct hub_birth *birth);
enum err birth_decode(struct bytes body, struct hub_birth *out) MUST_CHECK;
enum err checkpoint_load(struct hub *h) MUST_CHECK;
