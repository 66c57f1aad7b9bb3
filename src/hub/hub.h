/* The hub: devices, their seats, events and those who read them. It speaks no protocol, opens no socket and asks no
 * clock. Every call may come from any thread. Calls that change something give the place that the answer has to wait
 * for. */
#pragma once

#include "ceilings.h"
#include "hub_life.h"
#include "msg.h"
#include "name.h"
#include "position.h"
#include "waker.h"

struct hub;
struct record;
struct state;
struct store;

/* ---- time ------------------------------------------------------------------------------------------------------- */

/* Each now_ms is of one steady clock, which never jumps: durations (locks, silence, delays) are measured by it. What is
 * written down for others, or compared with what they wrote, is of the wall clock, and called so. */
struct hub_clock {
    int64_t ahead_ms;  /* the wall clock minus the steady one */
    int64_t jumped_ms; /* so much of that are jumps: what is kept does not get older by them */
    int64_t doubt_ms;  /* the system's clock minus ours, while the hub does not believe it; 0: they agree */
    bool late;         /* messages that were there before the start do not expire yet */
};

/* All 0 until it is called. From any thread. */
void hub_clock_set(struct hub *, const struct hub_clock *);
int64_t hub_wall_ms(const struct hub *, int64_t now_ms);
/* The earlier and the later of our clock and the system's: a credential is valid if it is by one of them. */
void hub_wall_range(const struct hub *, int64_t now_ms, int64_t *early_ms, int64_t *late_ms);
/* The latest wall time that was ever written down here, as far as it is known without reading. Before there are other
 * threads. */
int64_t hub_last_ms(const struct hub *);

/* ---- identities ------------------------------------------------------------------------------------------------ */

enum auth_type { AUTH_SAS, AUTH_SELF_SIGNED, AUTH_CA, AUTH_NONE }; /* service 4.3: authentication.type */

struct key_bytes {
    uint8_t at[KEY_LEN_MAX];
    uint8_t len; /* 0: there is none */
};

/* The identity of a device or of a module, as a copy that its owner may keep. Texts end with NUL. */
struct device {
    char id[IDENTITY_LEN_MAX + 1]; /* its name: name.h */
    char generation[24];
    char etag[24]; /* without quotes */
    bool disabled;
    char reason[REASON_LEN_MAX + 1];
    enum auth_type auth;
    struct key_bytes primary, secondary;
    char thumbprint[2][THUMBPRINT_LEN_MAX + 1]; /* primary, secondary; upper-case hex or empty */
    int64_t status_ms;                          /* when the status changed last; 0: never */
    bool edge;                                  /* capabilities.iotEdge (service 4.3): others may belong to it */
    char parent[EDGE_SCOPE_LEN_MAX + 1];        /* the scope of the edge device that it belongs to, or "" */
    char managed_by[MANAGED_BY_LEN_MAX + 1];    /* of a module: who looks after it (service 4.5), or "" */
    /* Below this line nothing is written to the log. */
    bool connected;
    int64_t connection_ms; /* when connected changed last; 0: never */
    int64_t activity_ms;
    unsigned c2d_count; /* cloud-to-device messages that wait for it or are locked */
};

/* If-Match of a change (service 4.2). */
struct match {
    enum { MATCH_NONE, MATCH_ANY, MATCH_ETAG } how;
    struct bytes etag;                                    /* without quotes; or more than one: */
    bool (*lists)(struct bytes etags, struct bytes etag); /* whether one of them is this one; NULL: there is only one */
};

/* Whether what has this ETag is what was meant. */
static inline bool match_fits(const struct match *m, struct bytes etag)
{
    return m->how != MATCH_ETAG || (m->lists ? m->lists(m->etag, etag) : bytes_eq(m->etag, etag));
}

/* Creates (MATCH_NONE: ERR_EXISTS when there is one) or replaces (MATCH_ANY, MATCH_ETAG: ERR_NOT_FOUND,
 * ERR_PRECONDITION). Reads id, disabled, reason, auth, keys, thumbprints, edge, parent and managed_by of `wanted`; keys
 * of length 0 are generated; a bad id or key is ERR_ARGUMENT. `out` is the identity as it is now. Disabling and new
 * keys end the seat; disabling a device those of its modules, too.
 *
 * A module is an identity of its own, whose device has to be there (ERR_NOT_FOUND); ERR_LIMIT: the device has
 * MODULES_MAX. It goes with its device. While a device is an edge device it has $edgeAgent and $edgeHub. */
enum err hub_device_put(struct hub *, const struct device *wanted, struct match, int64_t now_ms, struct device *out,
                        uint64_t *at) MUST_CHECK;
enum err hub_device_get(struct hub *, struct bytes id, struct device *out) MUST_CHECK;
enum err hub_device_delete(struct hub *, struct bytes id, struct match, int64_t now_ms, uint64_t *at) MUST_CHECK;
/* The modules of a device by name: at most MODULES_MAX and the two of an edge device. ERR_NOT_FOUND: no such device. */
enum { MODULES_ROOM = MODULES_MAX + 2 };
enum err hub_module_list(struct hub *, struct bytes device, struct device out[MODULES_ROOM], size_t *n) MUST_CHECK;
/* Devices, or modules, by name, those after `after`; at most `max`. *n is how many were put into `out`. */
enum err hub_device_list(struct hub *, struct bytes after, struct device *out, size_t max, size_t *n) MUST_CHECK;
enum err hub_modules_list(struct hub *, struct bytes after, struct device *out, size_t max, size_t *n) MUST_CHECK;
/* For whoever looks at all: appends the names of devices, or of modules, each with a NUL behind it; some may be gone.
 * Fewer than `max`: there are no more. Nothing comes into memory. */
enum err hub_identity_names(struct hub *, bool modules, struct bytes after, struct buf *names, size_t max,
                            size_t *n) MUST_CHECK;

/* The scope of an edge device, by which others name it. */
void device_scope(const struct device *, char out[EDGE_SCOPE_LEN_MAX + 1]);
/* True if this is the scope of an edge device that exists. */
bool hub_scope_exists(struct hub *, const char *scope);
/* False: `below` is this scope or one above it, so that they would be in a circle, or there would be
 * more than EDGE_DEPTH_MAX above one another. */
bool hub_scope_may_hold(struct hub *, const char *scope, const char *below);

struct hub_counts {
    uint64_t devices, disabled, connected;
    uint64_t received, received_bytes; /* events since the start */
    /* Messages that were refused, or had to wait, since the start: for want of room, for being too many, too much. */
    uint64_t refused_full, refused_busy, refused_quota;
    uint64_t log_bytes, log_bytes_max; /* what the log takes of the disk, and what it may; 0: no limit */
    bool full;                         /* messages are refused for want of room */
    uint64_t damaged, damaged_bytes;   /* ranges of the log that cannot be read */
};

void hub_count(struct hub *, struct hub_counts *out);

/* ---- policies -------------------------------------------------------------------------------------------------- */

enum right {
    RIGHT_REGISTRY_READ = 1,
    RIGHT_REGISTRY_WRITE = 2,
    RIGHT_SERVICE = 4,
    RIGHT_DEVICE = 8,
    /* Of the provisioning service (provisioning 3.6). */
    RIGHT_ENROLLMENT_READ = 16,
    RIGHT_ENROLLMENT_WRITE = 32,
    RIGHT_REGISTRATION_READ = 64,
    RIGHT_REGISTRATION_WRITE = 128
};

struct policy {
    char name[POLICY_LEN_MAX + 1];
    unsigned rights;
    struct key_bytes primary, secondary;
};

/* Makes those that the hub should have and does not: a hub of an earlier version had fewer. On disk when it returns. */
enum err hub_policies_complete(struct hub *) MUST_CHECK;
enum err hub_policy_get(struct hub *, struct bytes name, struct policy *out) MUST_CHECK;
size_t hub_policy_list(struct hub *, struct policy *out, size_t max);

/* ---- provisioning: what its service keeps ---------------------------------------------------------------------- */

enum doc_kind { DOC_ENROLLMENT, DOC_ENROLLMENT_GROUP, DOC_REGISTRATION, DOC_CONFIGURATION, DOC_KINDS };

/* A document under a name, which is compared without case. The hub does not look into it. */
struct doc {
    enum doc_kind kind;
    char id[ID_LEN_MAX + 1]; /* as it was first written */
    char etag[24];           /* without quotes */
    int64_t created_ms, updated_ms;
};

/* Creates (MATCH_NONE: ERR_EXISTS when there is one) or replaces. ERR_ARGUMENT: the name; ERR_TOO_LARGE: DOC_LEN_MAX;
 * ERR_LIMIT: DOCS_MAX of a kind. */
enum err hub_doc_put(struct hub *, enum doc_kind, struct bytes id, struct bytes body, struct match, int64_t now_ms,
                     struct doc *out, uint64_t *at) MUST_CHECK;
/* Appends the document to `body`. ERR_NOT_FOUND. */
enum err hub_doc_get(struct hub *, enum doc_kind, struct bytes id, struct buf *body, struct doc *out) MUST_CHECK;
/* The one behind `after`; ERR_NOT_FOUND: that was the last. */
enum err hub_doc_next(struct hub *, enum doc_kind, struct bytes after, struct buf *body, struct doc *out) MUST_CHECK;
/* Another one after each change of one of this kind. */
uint64_t hub_doc_version(struct hub *, enum doc_kind);
/* MATCH_NONE: whatever it is. */
enum err hub_doc_delete(struct hub *, enum doc_kind, struct bytes id, struct match, uint64_t *at) MUST_CHECK;

/* ---- the seat of a device -------------------------------------------------------------------------------------- */

/* How the holder of a seat proved who it is; it is stamped on what it sends (device 6.3). PROOF_ABOVE_SAS: a module, by
 * the key of its device. */
enum proof { PROOF_DEVICE_SAS, PROOF_ABOVE_SAS, PROOF_POLICY_SAS, PROOF_X509 };

/* Kinds of messages that a device wants to hear; kept with the identity when its session is (device 2.6). */
enum want { WANT_C2D, WANT_CALLS, WANT_TWIN_ANSWERS, WANT_DESIRED, WANTS };

enum { WANTED_PART_CAP = 128 };

struct session {
    /* The low four bits: 0 no, 1 at most once (QoS 0), 2 at least once (QoS 1). The high four bits are the same by a
     * filter that takes more than this; each of the two goes without the other. */
    uint8_t wants[WANTS];
    char part[WANTED_PART_CAP]; /* a filter that takes a part of some of it, or "" */
};

/* 0: not, or not all of it; 1, 2: as above. */
static inline uint8_t session_wants(const struct session *s, enum want what)
{
    uint8_t low = s->wants[what] & 0xF, high = s->wants[what] >> 4;

    return low > high ? low : high;
}

struct seat;

/* Takes the seat of the device; whoever sat there is woken and told by seat_state(). ERR_NOT_FOUND, ERR_DISABLED.
 * The identity is read again here: it may have changed since the credentials were checked; `generation` (may be empty)
 * then no longer fits and the answer is ERR_UNAUTHORIZED. */
enum err hub_attach(struct hub *, struct bytes device, struct bytes generation, enum proof, struct waker *,
                    int64_t now_ms, struct seat **out) MUST_CHECK;
/* Given back; NULL is fine. The waker is not called any more after this returns. */
void hub_detach(struct seat *, int64_t now_ms);

/* OK while it is ours; ERR_STOLEN, ERR_DISABLED, ERR_NOT_FOUND (deleted), ERR_UNAUTHORIZED (new keys) once it is not.
 */
enum err seat_state(const struct seat *);
struct bytes seat_device(const struct seat *); /* its name */

/* The kept session; false when there is none. Setting NULL forgets it. */
bool hub_session_get(struct seat *, struct session *out);
enum err hub_session_set(struct seat *, const struct session *, uint64_t *at) MUST_CHECK;

/* ---- the mailbox of a device (device 5) ------------------------------------------------------------------------ */

/* Which ends of a message its sender wants to hear of (iothub-ack). */
enum ack { ACK_NONE, ACK_POSITIVE, ACK_NEGATIVE, ACK_FULL };

/* The text of iothub-ack, in any case; no text is none. False: it is none of the four. */
bool ack_parse(struct bytes text, enum ack *out) MUST_CHECK;

/* How a message left, or did not. */
enum outcome {
    OUTCOME_COMPLETE,
    OUTCOME_REJECT,
    OUTCOME_ABANDON, /* back to its place in the queue; its delivery count grows, which may make it a dead letter */
};

/* Names one delivery of one message: 16 bytes, shown as a GUID. */
struct c2d_lock {
    uint8_t at[16];
};

enum { GUID_TEXT_CAP = 37 };
/* 8-4-4-4-12 lower-case hex digits of the bytes in order, and back (either case). */
void lock_text(const struct c2d_lock *lock, char out[GUID_TEXT_CAP]);
bool lock_parse(struct bytes text, struct c2d_lock *out) MUST_CHECK;

/* A message on its way to the device. */
struct c2d {
    struct c2d_lock lock;
    uint64_t sequence;       /* of the device's mailbox, from 1 */
    unsigned delivery_count; /* how often it was abandoned */
    bool again;              /* it was sent before and never settled */
    int64_t enqueued_ms;
    int64_t expiry_ms;
    struct bytes sections; /* AMQP 1.0: properties, application properties (with iothub-ack), data; lent */
};

/* Puts a message into the mailbox; it waits as long as it says, or c2d_options.ttl_ms. ERR_NOT_FOUND: no such device.
 * ERR_FULL: the mailbox is. ERR_TOO_LARGE: over C2D_LEN_MAX. ERR_ARGUMENT: ack. ERR_RANGE: it is expired already.
 * ERR_DISK_FULL, ERR_BUSY, ERR_QUOTA. A disabled device gets it when it is enabled. */
enum err hub_post(struct hub *, struct bytes device, const struct msg *, int64_t now_ms, uint64_t *at) MUST_CHECK;

/* The next message for who sits here, in order, locked for as long as the seat lasts. Only what is durable.
 * ERR_NOT_FOUND: none, the waker will tell. `out` is lent until the next call with this seat. Cheap when there is none.
 */
enum err hub_next(struct seat *, int64_t now_ms, struct c2d *out) MUST_CHECK;
/* ERR_LOCK_LOST: it is not locked by this seat: settled before, expired, purged. */
enum err hub_settle(struct seat *, const struct c2d_lock *, enum outcome, int64_t now_ms, uint64_t *at) MUST_CHECK;
/* Messages that this seat has locked go back into the queue, their delivery count as it was: the link or subscription
 * ended. */
void hub_release(struct seat *, int64_t now_ms);

/* The same for who has no seat: the lock lasts C2D_LOCK_MS. Sections go into `room`. Takes no seat from anybody.
 * ERR_NOT_FOUND: no message (that the device exists has been checked with its credentials). */
enum err hub_take(struct hub *, struct bytes device, int64_t now_ms, struct buf *room, struct c2d *out) MUST_CHECK;
enum err hub_take_settle(struct hub *, struct bytes device, const struct c2d_lock *, enum outcome, int64_t now_ms,
                         uint64_t *at) MUST_CHECK;

/* Empties the mailbox, of locked ones too; *n says of how many. ERR_NOT_FOUND: no such device. */
enum err hub_purge(struct hub *, struct bytes device, int64_t now_ms, uint64_t *n, uint64_t *at) MUST_CHECK;

/* ---- feedback (service 3.2): one queue of the hub, its receivers compete --------------------------------------- */

enum fate { FATE_SUCCESS, FATE_EXPIRED, FATE_DELIVERY_COUNT, FATE_REJECTED, FATE_PURGED };

/* "Success", "Expired", "DeliveryCountExceeded", "Rejected", "Purged" */
const char *fate_name(enum fate);

/* The fate of one message. */
struct feedback_record {
    char message_id[ID_LEN_MAX + 1];
    char device[ID_LEN_MAX + 1];
    char generation[24];
    enum fate fate;
    int64_t ms;         /* when */
    const void *poster; /* as in struct msg */
};

struct feedback_reader;

enum err hub_feedback_open(struct hub *, struct waker *, struct feedback_reader **out) MUST_CHECK;
/* Records that it has locked go back. NULL is fine. */
void hub_feedback_close(struct feedback_reader *);
/* Feedback on messages whose poster reads too (with the same waker) is his alone for FEEDBACK_OWN_MS, and never in
 * one batch with what is not: so whoever waits for his own neither holds nor drops that of others. A batch of 1 to
 * FEEDBACK_BATCH records: when so many wait, or few batches left lately (FEEDBACK_AT_ONCE). Locked for
 * FEEDBACK_LOCK_MS. ERR_NOT_FOUND: none yet, the waker will tell. */
enum err hub_feedback_next(struct feedback_reader *, int64_t now_ms, struct feedback_record out[FEEDBACK_BATCH],
                           size_t *n, struct c2d_lock *lock) MUST_CHECK;
/* Complete and reject drop the batch, abandon brings it again (FEEDBACK_DELIVERIES_DEFAULT times). ERR_LOCK_LOST. */
enum err hub_feedback_settle(struct feedback_reader *, const struct c2d_lock *, enum outcome, int64_t now_ms,
                             uint64_t *at) MUST_CHECK;

/* The same for who has no receiver, and is not woken: a batch is locked for FEEDBACK_LOCK_MS, whoever took it. */
enum err hub_feedback_take(struct hub *, int64_t now_ms, struct feedback_record out[FEEDBACK_BATCH], size_t *n,
                           struct c2d_lock *lock) MUST_CHECK;
enum err hub_feedback_take_settle(struct hub *, const struct c2d_lock *, enum outcome, int64_t now_ms,
                                  uint64_t *at) MUST_CHECK;

/* ---- events ---------------------------------------------------------------------------------------------------- */

/* A device-to-cloud message becomes an event of the device's partition, that of a module too, stamped with who sent it
 * and when. ERR_TOO_LARGE over MESSAGE_LEN_MAX (device 6.1), ERR_DISK_FULL, ERR_BUSY and ERR_QUOTA (struct
 * hub_ceilings), or what seat_state() says. Allocates nothing. */
enum err hub_send(struct seat *, const struct msg *, int64_t now_ms, uint64_t *at) MUST_CHECK;

/* The same of who has no seat and takes none from anybody. `generation` as hub_attach() has it. */
enum err hub_send_seatless(struct hub *, struct bytes device, struct bytes generation, enum proof, const struct msg *,
                           int64_t now_ms, uint64_t *at) MUST_CHECK;

unsigned hub_partitions(const struct hub *);
unsigned hub_partition_of(const struct hub *, struct bytes name);

struct partition {
    int64_t first_sequence; /* the oldest that can be read; one more than the last when there is none */
    int64_t last_sequence;  /* of the last event; -1: never used */
    uint64_t last_offset;
    int64_t last_enqueued_ms;
    bool empty;
};

enum err hub_partition(struct hub *, unsigned partition, struct partition *out) MUST_CHECK;

/* An offset as text, everywhere the same: of a fixed width, so that it can be written into an event that is stored
 * already. */
enum { OFFSET_TEXT_CAP = 21 };
void offset_text(uint64_t offset, char out[OFFSET_TEXT_CAP]);

/* Names are compared without case. "$Default" is always there. ERR_ARGUMENT, ERR_EXISTS, ERR_LIMIT, ERR_NOT_FOUND. */
enum err hub_group_add(struct hub *, struct bytes name, uint64_t *at) MUST_CHECK;
enum err hub_group_del(struct hub *, struct bytes name, uint64_t *at) MUST_CHECK;
bool hub_group_exists(struct hub *, struct bytes name);
/* Appends each name with a NUL behind it. */
enum err hub_group_list(struct hub *, struct buf *out) MUST_CHECK;

struct read_options {
    struct bytes group;
    unsigned partition;
    struct position position;
    bool has_epoch;
    int64_t epoch;
    const struct bytes *devices; /* only these senders; copied */
    size_t n_devices;            /* 0: all; at most FILTER_DEVICES_MAX */
    struct waker *waker;         /* called when there may be more, and when the reader was displaced */
};

/* An event, lent until the next call on its reader. */
struct event {
    int64_t sequence;
    uint64_t offset;
    int64_t enqueued_ms;
    struct bytes device;
    struct bytes
        sections; /* AMQP 1.0: message annotations, properties, application properties, data; to be sent as it is */
};

struct reader;

/* ERR_NOT_FOUND: no such partition or group. ERR_RANGE: a position behind the end. ERR_STOLEN: an epoch is in the way
 * (service 2.7); *epoch_now (may be NULL) is then the one that holds. ERR_LIMIT: READERS_MAX. A higher or equal epoch,
 * or any epoch against readers without, displaces. */
enum err hub_reader_open(struct hub *, const struct read_options *, int64_t *epoch_now, struct reader **out) MUST_CHECK;
void hub_reader_close(struct reader *);
/* OK, or ERR_STOLEN, or ERR_NOT_FOUND when its group was deleted. */
enum err hub_reader_state(const struct reader *);

/* The next event after the last one, durable ones only. ERR_NOT_FOUND: nothing yet, the waker will tell. ERR_BUSY:
 * nothing found within a slice of work; call again soon. */
enum err hub_read(struct reader *, struct event *out) MUST_CHECK;

/* ---- life ------------------------------------------------------------------------------------------------------ */

/* Zero is the default of ceilings.h. */
struct c2d_options {
    unsigned depth;      /* of a mailbox; MAILBOX_DEPTH_DEFAULT */
    int64_t ttl_ms;      /* of a message that does not say; C2D_TTL_DEFAULT_MS */
    unsigned deliveries; /* C2D_DELIVERIES_DEFAULT */
    int64_t feedback_ttl_ms;
    unsigned feedback_deliveries;
};

/* Ceilings of what is sent; 0: no limit. Messages in a second, bytes in a day. */
struct hub_ceilings {
    uint64_t device_messages, device_bytes, hub_messages, hub_bytes;
};

struct hub_options {
    struct store *store; /* lent for the life of the hub */
    struct state *state;
    uint64_t hash_seed;
    /* Fills with random bytes: keys, generation ids. */
    void (*random)(void *ctx, uint8_t *out, size_t len);
    void *random_ctx;
    int64_t retention_ms;     /* 0: RETENTION_DEFAULT_MS */
    uint64_t retention_bytes; /* of the log's files; 0: what hub_space_set() says */
    size_t checkpoint_batch;  /* bytes of one of its transactions at most; 0: STATE_BATCH */
    /* Asked before each of them how many bytes it may have, and may wait first, so that others get the disk; `pressure`
     * in percent: with how much memory for what it lets go it can wait the less, at 100 not at all. NULL: it never
     * waits. */
    size_t (*pace)(void *ctx, unsigned pressure);
    void *pace_ctx;
    struct hub_ceilings ceilings;
    struct c2d_options c2d;
    unsigned life;       /* LIFE_…: of what events tell */
    uint32_t twin_bytes; /* of a section of a twin; 0: TWIN_PART_DEFAULT, at most TWIN_PART_MAX */
    /* Sentences about what was decided, for stories; NULL: none. */
    void (*trace)(void *ctx, const char *sentence);
    void *trace_ctx;
};

/* Fixed for ever by hub_init(). */
enum { PLACED_OUR_WAY, PLACED_BY_ID };

struct hub_birth {
    char name[HOST_LEN_MAX + 1]; /* host name of the hub */
    unsigned partitions;         /* 0: PARTITIONS_DEFAULT */
    char scope[16];              /* provisioning scope id, "0ne…" */
    int64_t created_ms;
    /* How a partition is chosen for a device. A hub of before goes on as it began, or the events of a device would not
     * be in one partition, and in order, any more. */
    uint8_t placed;
};

/* In an empty store: writes the birth record and the five built-in policies with new keys; durable when it returns.
 * ERR_EXISTS when there is a hub in it. The rest of `birth` is filled in. */
enum err hub_init(const struct hub_options *, struct hub_birth *, int64_t now_ms) MUST_CHECK;
/* Loads the checkpoint and replays the log behind it. ERR_NOT_FOUND: no hub was made here. */
enum err hub_open(const struct hub_options *, struct hub **out) MUST_CHECK;
/* Seats and readers must be gone, and the store closed: its thread tells the hub that it grew. A checkpoint before all
 * that makes the next start quick; without it the log is replayed. NULL is fine. */
void hub_close(struct hub *);

/* The hub was made from a backup, and the one that was lost may have gone on: sequence numbers go on so much higher. On
 * disk when it returns. */
enum err hub_restored(struct hub *, uint64_t skip, int64_t wall_ms) MUST_CHECK;

const struct hub_birth *hub_birth(const struct hub *);

/* Anything read just now may rest on records that are not durable yet: an answer that tells it waits for this place, or
 * a crash could take back what was said. */
uint64_t hub_seen(struct hub *);

/* To be called by the one who owns the store's `grew`: wakes the readers that wait for events. */
void hub_grew(struct hub *);

/* Does what is due: messages expire, locks of those without a seat end, feedback has waited long enough. Returns when
 * to call again at the latest; sooner does no harm. Any thread, one at a time. */
int64_t hub_tick(struct hub *, int64_t now_ms);

/* Applies a record of the log: live, recovery and standby alike. Applying it twice changes nothing. */
enum err hub_apply(struct hub *, const struct record *) MUST_CHECK;

/* Room on the disk, as its owner sees it. */
struct hub_space {
    uint64_t log_bytes;    /* of the log's files, where retention_bytes does not say; 0: no limit */
    uint64_t mail_bytes;   /* of C2D messages that are accepted between two checkpoints */
    uint64_t state_bytes;  /* that the checkpoint keeps in reserve, or there is no room for C2D messages; 0: none */
    uint64_t device_bytes; /* that one device may send in a day; 0: no limit */
};

/* From the thread that makes checkpoints; the next one goes by it. Until then there is room for everything. */
void hub_space_set(struct hub *, const struct hub_space *);

/* A message of this device was refused with this error, or has to wait: it is counted. True: tell the operator, who
 * does not know it yet. */
bool hub_refused(struct hub *, struct bytes device, enum err why, int64_t now_ms);

/* The next checkpoint keeps what no record has: when identities were seen last. Before a stop. */
void hub_remember(struct hub *);

/* Writes what changed since the last time into the state, with the place up to which it is true, then trims the log by
 * age and size, never above the checkpoint. Slow: not on a loop. One caller at a time. */
enum err hub_checkpoint(struct hub *, int64_t now_ms) MUST_CHECK;

#include "hub_call.h"
#include "hub_index.h"
#include "hub_twin.h"
