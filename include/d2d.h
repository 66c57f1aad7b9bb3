/* libd2d: devices, receivers and operators of an IoT hub: a d2dhub of your own, or an Azure IoT Hub.
 *
 * Conventions. Texts are UTF-8 and end with NUL where they are `const char *`; bytes are a pointer and a length. Times
 * are milliseconds since 1970-01-01 UTC, durations are milliseconds. What a callback gets is lent until it returns.
 * What is passed in is copied unless it says otherwise. Functions that can fail give an enum d2d_err; the handle keeps
 * a sentence about its last failure (d2d_*_detail). A handle belongs to one loop and a loop to one thread at a time;
 * other threads use d2d_loop_post(). Handles are freed before their loop, and a loop not inside of a callback; a free
 * function takes NULL; a handle may be freed inside its own callbacks.
 *
 * Blocking and not. At heart everything is non-blocking: handles call back while their loop runs. d2d_loop_run() runs
 * it here; with an event loop of your own, watch d2d_loop_fd() and call d2d_loop_turn(). Functions that end in _wait,
 * those of the registry and d2d_register() run the loop until they are done. Inside of a callback, whichever it is,
 * they do nothing and answer D2D_IN_CALLBACK. */
#ifndef D2D_H
#define D2D_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define D2D_API __attribute__((visibility("default")))
#else
#define D2D_API
#endif

/* "0.1.0" */
D2D_API const char *d2d_version(void);

/* ---- errors ------------------------------------------------------------------------------------------------------ */

enum d2d_err {
    D2D_OK = 0,
    D2D_FAILED,         /* none of the others: see the detail */
    D2D_ARGUMENT,       /* an argument or a connection string is not valid */
    D2D_NOT_AUTHORISED, /* these credentials are not accepted, or do not allow that */
    D2D_NOT_FOUND,      /* no such device, group, partition, hub */
    D2D_NO_CONNECTION,  /* the hub could not be reached */
    D2D_TIMED_OUT,
    D2D_REFUSED,    /* the other side refused it */
    D2D_EXPIRED,    /* a token or a message */
    D2D_OVER_QUOTA, /* a queue, a limit, a quota */
    D2D_EXISTS,     /* it already exists */
    D2D_CHANGED,    /* it was changed in the meantime (ETag) */
    D2D_CLOSED,     /* the handle or the connection was closed */
    D2D_NO_MEMORY,
    D2D_STOPPED,     /* the loop was stopped while a _wait function waited */
    D2D_UNSUPPORTED, /* the hub, or this transport, does not have that */
    D2D_UNTRUSTED,   /* the hub's certificate is not trusted: another CA, another name, expired */
    D2D_CLOCK,       /* the clock of this computer is wrong, so certificates or tokens do not count */
    D2D_WRONG_HUB,   /* the token is for a hub of another name */
    D2D_TAKEN_OVER,  /* another connection of the same identity took the place of this one */
    D2D_IN_CALLBACK  /* that waits, and cannot be called inside of a callback; nothing was done */
};

/* A sentence without a full stop, never NULL. */
D2D_API const char *d2d_err_text(enum d2d_err e);

/* Where there is no handle and no loop yet, `why` takes a sentence about what failed: so many bytes, or NULL. */
enum { D2D_WHY_CAP = 200 };

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

struct d2d_loop;

D2D_API enum d2d_err d2d_loop_new(struct d2d_loop **out);
D2D_API void d2d_loop_free(struct d2d_loop *loop);
/* Why the last function failed that was given this loop and gave no handle: a sentence, or "". Lent until the next
 * call; also NULL. */
D2D_API const char *d2d_loop_detail(const struct d2d_loop *loop);
/* Until d2d_loop_stop(), or for so long (-1: no limit). D2D_STOPPED or D2D_TIMED_OUT; D2D_IN_CALLBACK. */
D2D_API enum d2d_err d2d_loop_run(struct d2d_loop *loop, int64_t timeout_ms);
/* From any thread, and from a signal handler. */
D2D_API void d2d_loop_stop(struct d2d_loop *loop);
/* Work for the thread of the loop, from any thread: called once, in a turn, in the order in which it was given; it may
 * use handles of the loop as callbacks may. It gets D2D_OK, or D2D_CLOSED when the loop is freed before its turn came:
 * then it may only let go of what is its own. Nothing may be posted to a loop that is being freed. D2D_NO_MEMORY. */
typedef void d2d_work(void *ctx, enum d2d_err e);
D2D_API enum d2d_err d2d_loop_post(struct d2d_loop *loop, d2d_work *work, void *ctx);
/* For foreign loops: a descriptor that becomes readable, how long to wait at most (-1: no limit), and one turn. */
D2D_API int d2d_loop_fd(const struct d2d_loop *loop);
D2D_API int d2d_loop_timeout_ms(const struct d2d_loop *loop);
D2D_API void d2d_loop_turn(struct d2d_loop *loop);

/* ---- what all handles are made from ---------------------------------------------------------------------------- */

enum d2d_log_level { D2D_LOG_ERROR, D2D_LOG_WARN, D2D_LOG_INFO, D2D_LOG_DEBUG };

/* How the hub is reached. Receivers and operators speak AMQP in any case: for them only "on a WebSocket" counts. */
enum d2d_transport {
    D2D_MQTT,    /* MQTT 3.1.1 on mqtts_port */
    D2D_MQTT_WS, /* the same on a WebSocket, on https_port: where a firewall lets nothing else through */
    D2D_AMQP,    /* AMQP 1.0 on amqps_port */
    D2D_AMQP_WS,
    D2D_HTTPS /* to register, and for nothing else */
};

/* Options know their size, so that a library of a later version can tell which fields a program has. They begin so, all
 * else is zero where it is not said:
 *
 *     struct d2d_device_options options = {D2D_DEVICE_OPTIONS, .common.ca_file = "ca.pem", .c2d = on_message};
 *
 * In C++: `options.size = sizeof options; options.common.size = sizeof options.common;`. Without it: D2D_ARGUMENT. */
#define D2D_OPTIONS .size = sizeof(struct d2d_options)
#define D2D_DEVICE_OPTIONS .size = sizeof(struct d2d_device_options), .common.size = sizeof(struct d2d_options)
#define D2D_OPERATOR_OPTIONS .size = sizeof(struct d2d_operator_options), .common.size = sizeof(struct d2d_options)
#define D2D_RECEIVER_OPTIONS .size = sizeof(struct d2d_receiver_options), .common.size = sizeof(struct d2d_options)
#define D2D_REGISTER_OPTIONS .size = sizeof(struct d2d_register_options), .common.size = sizeof(struct d2d_options)

struct d2d_options {
    size_t size;
    /* Of a device: "HostName=…;DeviceId=…;SharedAccessKey=…", or "…;x509=true", or "…;Tpm=SLOT". Of a service:
     * "HostName=…;SharedAccessKeyName=…;SharedAccessKey=…". Of an Event Hubs-compatible endpoint:
     * "Endpoint=sb://…/;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…". */
    const char *connection_string;
    const char *ca_file; /* PEM file of the certificate authority (CA); NULL: the system's */
    const char *host;    /* TCP goes here instead of to the host of the string, whose name stays; NULL: there */
    int mqtts_port;      /* 0: 8883 */
    int amqps_port;      /* 0: 5671 */
    int https_port;      /* 0: 443 */
    enum d2d_transport transport;
    /* With "x509=true": PEM files of the device's certificate, followed by those that lead to its CA, and of its key,
     * which may be in a TPM: "handle:0x81000200" (tpm2-openssl). */
    const char *cert_file, *key_file;
    /* Where the TPM is: "device:/dev/tpmrm0", "swtpm:path=…"; NULL: this computer's. Signing takes it up to a tenth of
     * a second, for which the loop stands still, once in the life of a token. */
    const char *tcti;
    int64_t timeout_ms;   /* to connect, and of one request; 0: 30 s */
    int64_t token_ttl_ms; /* life of the SAS tokens that are made; 0: one hour */
    void (*log)(void *ctx, enum d2d_log_level level, const char *line); /* NULL: silent */
    void *log_ctx;
};

/* ---- messages -------------------------------------------------------------------------------------------------- */

struct d2d_property {
    const char *name;
    const char *value;
};

/* Which outcomes of a cloud-to-device message its sender wants to be told, as feedback. */
enum d2d_ack { D2D_ACK_NONE, D2D_ACK_POSITIVE, D2D_ACK_NEGATIVE, D2D_ACK_FULL };

/* "none", "positive", "negative", "full" */
D2D_API const char *d2d_ack_text(enum d2d_ack ack);

/* A message to be sent. All zero is an empty one. */
struct d2d_message {
    const void *body;
    size_t body_len;
    const char *message_id, *correlation_id, *user_id; /* NULL: none */
    const char *content_type, *content_encoding;       /* "application/json", "utf-8" */
    const struct d2d_property *properties;             /* application properties */
    size_t n_properties;
    /* Of messages to devices only. */
    enum d2d_ack ack;
    int64_t ttl_ms; /* it expires when it was not completed within this time; 0: what the hub says (an hour) */
};

/* ---- a device -------------------------------------------------------------------------------------------------- */

struct d2d_device;

/* A cloud-to-device message as its device gets it. Texts are "" when there is none. */
struct d2d_c2d {
    uint64_t lock; /* names this delivery of it */
    const char *message_id, *correlation_id, *user_id, *content_type, *content_encoding;
    enum d2d_ack ack;    /* which outcomes its sender wants to be told */
    int64_t expiry_ms;   /* 0: not told */
    int64_t enqueued_ms; /* 0: not told (MQTT) */
    unsigned deliveries; /* how often it was given to this device before, as far as the hub tells */
    const struct d2d_property *properties;
    size_t n_properties;
    const void *body;
    size_t body_len;
};

struct d2d_device_options {
    size_t size;
    struct d2d_options common;
    /* What may wait while there is no connection or no acknowledgement; sending beyond it is D2D_OVER_QUOTA.
     * 0: 1,000 messages, 16 MiB. */
    size_t queue_messages, queue_bytes;
    size_t window; /* QoS 1 messages on their way at once; 0: 64 */
    /* Pauses before it connects again: the first (0: 500 ms) is doubled up to the most (0: 30 s), each with up to half
     * of it taken off by chance. They begin anew when the hub has acknowledged something, or a connection has lasted
     * for a minute. */
    int64_t backoff_first_ms, backoff_most_ms;
    bool once; /* do not reconnect: the first failure ends it */
    /* A cloud-to-device message. It has to be settled, now or later: see d2d_device_complete(). NULL: none are asked
     * for, and what waits for this device goes on waiting. */
    void (*c2d)(void *ctx, struct d2d_device *device, const struct d2d_c2d *message);
    bool auto_complete; /* each message is complete when `c2d` returns, unless that has settled it */
    /* Messages that are given before one of them is settled. AMQP only: over MQTT it is the hub's 16. 0: 16. */
    size_t receive_window;
    /* The hub has heard that we want messages. Called again after a reconnect. */
    void (*listening)(void *ctx, struct d2d_device *device);
    void (*connected)(void *ctx, struct d2d_device *device);
    /* The connection ended or could not be made, and why. `final`: nothing more will be sent, because of `once`,
     * because it cannot heal (D2D_UNTRUSTED, D2D_NOT_AUTHORISED, D2D_WRONG_HUB, D2D_EXPIRED, D2D_NOT_FOUND), or because
     * another connection took the place of this one for the fifth time in a row (D2D_TAKEN_OVER). Otherwise it is tried
     * again. */
    void (*disconnected)(void *ctx, struct d2d_device *device, enum d2d_err why, bool final);
    void *ctx;
};

/* Connects at once. The connection string is a device's. */
D2D_API enum d2d_err d2d_device_new(struct d2d_loop *loop, const struct d2d_device_options *options,
                                    struct d2d_device **out);
/* Waits for nothing: what is not acknowledged is told D2D_CLOSED. */
D2D_API void d2d_device_free(struct d2d_device *device);
D2D_API const char *d2d_device_id(const struct d2d_device *device);
D2D_API const char *d2d_device_detail(const struct d2d_device *device);

/* Answers D2D_OK once the hub has the message on disk (QoS 1), or once it was written (QoS 0). */
typedef void d2d_sent(void *ctx, struct d2d_device *device, enum d2d_err e);

enum d2d_qos { D2D_AT_MOST_ONCE, D2D_AT_LEAST_ONCE };

/* Queues the message (a copy). Order is kept; nothing is lost while offline; a QoS 1 message that was on its way when
 * the connection broke is sent again, so it may arrive twice. `sent` may be NULL. */
D2D_API enum d2d_err d2d_device_send(struct d2d_device *device, const struct d2d_message *message, enum d2d_qos qos,
                                     d2d_sent *sent, void *ctx);
/* Sends and runs the loop until it is acknowledged. */
D2D_API enum d2d_err d2d_device_send_wait(struct d2d_device *device, const struct d2d_message *message,
                                          int64_t timeout_ms);
/* Runs the loop until everything that was queued is acknowledged. */
D2D_API enum d2d_err d2d_device_flush_wait(struct d2d_device *device, int64_t timeout_ms);
/* Messages that are not acknowledged yet. */
D2D_API size_t d2d_device_pending(const struct d2d_device *device);

/* What becomes of a received message: each one has to get one of these, in any order. Complete: it is done with.
 * Abandon: it comes again. Reject: it is deleted, and its sender is told. Until then the hub keeps it for this device.
 *
 * MQTT knows only "complete". There an abandoned message comes again with the next connection, which is made half a
 * minute later at the latest; d2d_device_reject() is D2D_UNSUPPORTED, and the message is still to be settled.
 *
 * D2D_EXPIRED: the connection that it came with is gone, or it was settled before; it comes again if it was not. */
D2D_API enum d2d_err d2d_device_complete(struct d2d_device *device, uint64_t lock);
D2D_API enum d2d_err d2d_device_abandon(struct d2d_device *device, uint64_t lock);
D2D_API enum d2d_err d2d_device_reject(struct d2d_device *device, uint64_t lock);
/* Messages that were given and are not settled. */
D2D_API size_t d2d_device_unsettled(const struct d2d_device *device);

/* ---- an operator: messages to devices, and what became of them ------------------------------------------------- */

struct d2d_operator;

/* The end of one message that asked for it with `ack`. */
struct d2d_feedback {
    const char *message_id, *device, *generation;
    const char *status;      /* "Success", "Expired", "DeliveryCountExceeded", "Rejected", "Purged" */
    const char *description; /* for people */
    enum d2d_err result;     /* the same: D2D_OK, D2D_EXPIRED, or D2D_REFUSED for the other three */
    int64_t ended_ms;        /* 0: not told */
};

struct d2d_operator_options {
    size_t size;
    struct d2d_options common; /* a service policy's string */
    size_t queue_messages, queue_bytes, window;
    int64_t backoff_first_ms, backoff_most_ms; /* these as of a device */
    bool once;                                 /* do not reconnect */
    /* A batch of feedback, about messages of whoever sent them: all receivers of a hub share one queue (a d2dhub gives
     * each one that of its own messages first, apart from other). True: the hub forgets it. False: it is left to
     * others, who get it when this operator is freed, or a minute later. A d2dhub gives out what there is at once, and
     * under load in batches, within a second; an Azure IoT Hub may collect for up to fifteen seconds. NULL: feedback is
     * not asked for. */
    bool (*feedback)(void *ctx, struct d2d_operator *op, const struct d2d_feedback *batch, size_t n);
    void (*connected)(void *ctx, struct d2d_operator *op);
    void (*disconnected)(void *ctx, struct d2d_operator *op, enum d2d_err why, bool final); /* as of a device */
    void *ctx;
};

/* Connects at once. */
D2D_API enum d2d_err d2d_operator_new(struct d2d_loop *loop, const struct d2d_operator_options *options,
                                      struct d2d_operator **out);
/* What is not acknowledged is told D2D_CLOSED. */
D2D_API void d2d_operator_free(struct d2d_operator *op);
D2D_API const char *d2d_operator_detail(const struct d2d_operator *op);

/* D2D_OK once the hub has the message in the device's mailbox, on disk. D2D_NOT_FOUND: no such device. D2D_OVER_QUOTA:
 * its mailbox is full. */
typedef void d2d_posted(void *ctx, struct d2d_operator *op, enum d2d_err e, const char *message_id);

/* Queues the message (a copy). One that asks for feedback and has no message id gets one, which `posted` is told;
 * `posted` may be NULL. What was on its way when the connection broke is sent again, so it may arrive twice. */
D2D_API enum d2d_err d2d_operator_send(struct d2d_operator *op, const char *device, const struct d2d_message *message,
                                       d2d_posted *posted, void *ctx);
/* Sends and runs the loop until the hub has it. */
D2D_API enum d2d_err d2d_operator_send_wait(struct d2d_operator *op, const char *device,
                                            const struct d2d_message *message, int64_t timeout_ms);
/* Messages that the hub has not answered yet. */
D2D_API size_t d2d_operator_pending(const struct d2d_operator *op);

/* ---- a receiver of events -------------------------------------------------------------------------------------- */

struct d2d_receiver;

enum d2d_from { D2D_FROM_LATEST, D2D_FROM_EARLIEST, D2D_FROM_OFFSET, D2D_FROM_SEQUENCE, D2D_FROM_TIME };

/* Where to begin: after the event with this offset or sequence number, or with what was enqueued after this time. */
struct d2d_position {
    enum d2d_from from;
    bool inclusive;     /* that event too */
    int64_t value;      /* sequence number, or time */
    const char *offset; /* opaque text, as an event gave it */
};

struct d2d_event {
    const char *partition;
    int64_t sequence;
    const char *offset;
    int64_t enqueued_ms;
    const char *device; /* who sent it, as the hub stamped it; "" when it did not */
    const char *message_id, *correlation_id, *user_id, *content_type, *content_encoding; /* "" when there is none */
    const struct d2d_property *properties; /* application properties; values that are not text are written as one */
    size_t n_properties;
    const void *body;
    size_t body_len;
};

struct d2d_receiver_options {
    size_t size;
    struct d2d_options common;     /* a service policy's string (the hub redirects), or an Event Hubs one */
    const char *group;             /* NULL: "$Default" */
    const char *const *partitions; /* only these, NULL at the end; NULL: all */
    struct d2d_position position;  /* for the partitions that `resume` does not name */
    const char *resume;            /* what d2d_receiver_positions() gave; NULL: none */
    const char *const
        *devices;    /* only what these sent, NULL at the end; NULL: everybody. Filtered in a d2dhub; an Azure
                                      hub sends everything, and it is filtered here */
    unsigned credit; /* events on their way at once, of each partition; 0: 300 */
    bool once;       /* do not reconnect */
    int64_t backoff_first_ms, backoff_most_ms; /* as of a device */
    void (*event)(void *ctx, struct d2d_receiver *receiver, const struct d2d_event *event);
    /* All partitions are being read. Called again after a reconnect. */
    void (*listening)(void *ctx, struct d2d_receiver *receiver);
    void (*disconnected)(void *ctx, struct d2d_receiver *receiver, enum d2d_err why, bool final);
    void *ctx;
};

/* Connects at once. After a reconnect it goes on after the last event that was given to `event`, so that none is missed
 * and none comes twice. */
D2D_API enum d2d_err d2d_receiver_new(struct d2d_loop *loop, const struct d2d_receiver_options *options,
                                      struct d2d_receiver **out);
D2D_API void d2d_receiver_free(struct d2d_receiver *receiver);
D2D_API const char *d2d_receiver_detail(const struct d2d_receiver *receiver);
/* Whether the hub filters by sender (true) or this library does. */
D2D_API bool d2d_receiver_filtered_by_hub(const struct d2d_receiver *receiver);
/* The positions after the last events given, as JSON text to be kept and passed as `resume`. Lent until the next call.
 * They are of this hub: one that was made anew since then ends the receiver with D2D_CHANGED. */
D2D_API const char *d2d_receiver_positions(struct d2d_receiver *receiver);
/* No more events until resumed; what is on its way still comes. */
D2D_API void d2d_receiver_pause(struct d2d_receiver *receiver, bool paused);

/* ---- the registry ---------------------------------------------------------------------------------------------- */

/* An identity. Keys are base64 text, empty when they may not be seen. */
/* How a device proves who it is. */
enum d2d_auth {
    D2D_AUTH_KEY,        /* with a token signed by one of its keys */
    D2D_AUTH_THUMBPRINT, /* with a certificate that has one of its thumbprints */
    D2D_AUTH_CA          /* with a certificate that a CA of the hub signed for it */
};

struct d2d_identity {
    char id[129];
    char generation[32];
    char etag[64];
    bool enabled;
    char reason[129];
    enum d2d_auth auth;
    char primary_key[128], secondary_key[128];
    char primary_thumbprint[65], secondary_thumbprint[65]; /* hex digits of a SHA-1 or SHA-256 */
    bool connected;
    char connected_since[40], last_activity[40]; /* ISO 8601; "" when never */
};

struct d2d_registry;

/* A service policy's string with registry rights. Every call blocks and runs the loop. */
D2D_API enum d2d_err d2d_registry_new(struct d2d_loop *loop, const struct d2d_options *options,
                                      struct d2d_registry **out);
D2D_API void d2d_registry_free(struct d2d_registry *registry);
D2D_API const char *d2d_registry_detail(const struct d2d_registry *registry);

/* Creates it; keys that are empty are generated by the hub. Reads id, enabled, reason, auth and what that needs of
 * `identity` and fills it with what the hub answered. D2D_EXISTS. */
D2D_API enum d2d_err d2d_registry_add(struct d2d_registry *registry, struct d2d_identity *identity);
/* Replaces it, if it is still as `identity->etag` says (empty: whatever it is). D2D_CHANGED, D2D_NOT_FOUND. */
D2D_API enum d2d_err d2d_registry_update(struct d2d_registry *registry, struct d2d_identity *identity);
D2D_API enum d2d_err d2d_registry_get(struct d2d_registry *registry, const char *id, struct d2d_identity *out);
D2D_API enum d2d_err d2d_registry_remove(struct d2d_registry *registry, const char *id);
/* Empties its mailbox; *n is how many messages were in it. */
D2D_API enum d2d_err d2d_registry_purge(struct d2d_registry *registry, const char *id, uint64_t *n);
/* By id, at most 1,000: this API has no pages. Given: free *out with free(). */
D2D_API enum d2d_err d2d_registry_list(struct d2d_registry *registry, size_t most, struct d2d_identity **out,
                                       size_t *n);

/* Some of them, by way of a query, however many there are: without keys and generation. `after` is "" at first, then as
 * it was left; "" again: there are no more. Given: free *out with free(). */
enum { D2D_AFTER_CAP = 1024 };
D2D_API enum d2d_err d2d_registry_page(struct d2d_registry *registry, char after[D2D_AFTER_CAP],
                                       struct d2d_identity **out, size_t *n);

/* A d2dhub only: consumer groups, and what the hub has, as JSON text. Given: free *json with free(). */
D2D_API enum d2d_err d2d_registry_group_add(struct d2d_registry *registry, const char *name);
D2D_API enum d2d_err d2d_registry_group_remove(struct d2d_registry *registry, const char *name);
D2D_API enum d2d_err d2d_registry_groups(struct d2d_registry *registry, char **json);
D2D_API enum d2d_err d2d_registry_status(struct d2d_registry *registry, char **json);

/* A d2dhub only: the CA certificates that devices come by. Each answer is a JSON text; given: free *json with free().
 */
D2D_API enum d2d_err d2d_registry_cas(struct d2d_registry *registry, char **json);
/* A new one, in PEM or DER. It counts when it is verified: because you say so, or by the proof below. D2D_EXISTS. */
D2D_API enum d2d_err d2d_registry_ca_add(struct d2d_registry *registry, const char *name, const void *certificate,
                                         size_t len, bool verified, char **json);
D2D_API enum d2d_err d2d_registry_ca_remove(struct d2d_registry *registry, const char *name);
/* A new verification code, in the answer. */
D2D_API enum d2d_err d2d_registry_ca_code(struct d2d_registry *registry, const char *name, char **json);
/* The proof that its key is yours: a certificate that it signed, with the code as its common name. */
D2D_API enum d2d_err d2d_registry_ca_verify(struct d2d_registry *registry, const char *name, const void *proof,
                                            size_t len, char **json);

/* ---- enrollments: which devices may register, and how they prove who they are ---------------------------------- */

/* One device, or a group of them. They go by JSON texts as the Device Provisioning Service has them; the registry is
 * that of a d2dhub, or of such a service
 * ("HostName=NAME.azure-devices-provisioning.net;SharedAccessKeyName=…;SharedAccessKey=…"). What is answered is given:
 * free() it. */
enum d2d_enrollment { D2D_ENROLLMENT_DEVICE, D2D_ENROLLMENT_GROUP };

/* Makes it (D2D_EXISTS), or replaces it if it is still as `etag` says ("*": whatever it is; D2D_CHANGED,
 * D2D_NOT_FOUND). etag NULL: makes it. Keys that the text does not have are made by the service. */
D2D_API enum d2d_err d2d_enrollment_put(struct d2d_registry *registry, enum d2d_enrollment kind, const char *name,
                                        const char *json, const char *etag, char **answer);
/* Without keys. */
D2D_API enum d2d_err d2d_enrollment_get(struct d2d_registry *registry, enum d2d_enrollment kind, const char *name,
                                        char **json);
/* The attestation mechanism alone, with its keys. */
D2D_API enum d2d_err d2d_enrollment_keys(struct d2d_registry *registry, enum d2d_enrollment kind, const char *name,
                                         char **json);
/* Some of them, as a JSON array. `after` is "" at first, then as it was left; "" again: there are no more. */
D2D_API enum d2d_err d2d_enrollment_list(struct d2d_registry *registry, enum d2d_enrollment kind,
                                         char after[D2D_AFTER_CAP], char **json);
D2D_API enum d2d_err d2d_enrollment_remove(struct d2d_registry *registry, enum d2d_enrollment kind, const char *name);

/* ---- registering: a device asks which hub is its own ----------------------------------------------------------- */

struct d2d_register_options {
    size_t size;
    struct d2d_options common; /* the connection string is not looked at; timeout_ms is of all of it, 0: a minute */
    const char *service;       /* "global.azure-devices-provisioning.net", or the name of a d2dhub */
    const char *scope;         /* the id scope of the service, "0ne00000001" */
    const char *registration;  /* NULL: the common name of the certificate, or that which the TPM has */
    const char *key;           /* base64; NULL: the certificate in `common`, or the TPM, says who this is */
    /* By the TPM (over HTTPS and AMQP): the slot takes the key that the service makes for the device, in place of the
     * one that it has, and the name of the hub. The connection string is then "HostName=…;DeviceId=…;Tpm=SLOT". */
    bool tpm;
    unsigned tpm_slot;   /* 0 to 9; the cloud's SDKs use 0 */
    const char *payload; /* a JSON text for whoever chooses the hub; NULL: none */
};

/* What became of it. Texts are "" when there is none. */
struct d2d_registration {
    char registration[129];
    char hub[254], device[129]; /* where the device belongs, and as whom */
    char status[24];            /* "assigned", "failed", "disabled" */
    char substatus[48];         /* "initialAssignment", … */
    unsigned error_code;        /* 0: none */
    char error[400];            /* for people, also when it did not come to an end */
    char payload[4096];         /* a JSON text of whoever chose the hub; a longer one is left out */
};

/* Runs the loop until the service has decided. D2D_REFUSED: it has, against it. `out` says more, and is filled in any
 * case. */
D2D_API enum d2d_err d2d_register(struct d2d_loop *loop, const struct d2d_register_options *options,
                                  struct d2d_registration *out);
/* The key of a device in an enrollment group, made from the group's: base64 text, 45 bytes with its NUL. */
D2D_API enum d2d_err d2d_derive_key(const char *group_key, const char *registration, char *out, size_t cap);

/* ---- tokens and connection strings ----------------------------------------------------------------------------- */

/* A SAS token made with the key of a connection string, or in this computer's TPM where it says so. resource NULL: what
 * the string is for (the device, the hub, the entity). Given: free *out with free(). */
D2D_API enum d2d_err d2d_token(const char *connection_string, const char *resource, int64_t now_ms, int64_t ttl_ms,
                               char **out, char *why);

/* The value of a field of a connection string ("HostName", "DeviceId", …; case matters not) into `out`; D2D_NOT_FOUND.
 */
D2D_API enum d2d_err d2d_connection_string_field(const char *connection_string, const char *field, char *out,
                                                 size_t cap);

/* ---- the TPM of this computer ---------------------------------------------------------------------------------- */

/* Ten slots with a device's key and the name of its hub, laid out as the cloud's own tools have them. */
enum { D2D_TPM_SLOTS = 10 };

struct d2d_tpm;

struct d2d_tpm_slot {
    bool has_key, has_text; /* a key without a text is what the cloud's SDKs leave, a text without a key is half done */
    bool has_x509;          /* a key for a client certificate */
    char host[256], device[129], hardware_id[65];
    char foreign[D2D_WHY_CAP]; /* another program keeps something there, which nothing here touches (D2D_REFUSED); "" */
};

/* tcti NULL: what D2D_TCTI in the environment says, or /dev/tpmrm0 or /dev/tpm0. The chip takes 10 ms to a second for
 * an answer: the calls below block so long. */
D2D_API enum d2d_err d2d_tpm_open(const char *tcti, struct d2d_tpm **out, char *why);
D2D_API void d2d_tpm_close(struct d2d_tpm *tpm);
D2D_API const char *d2d_tpm_detail(const struct d2d_tpm *tpm);

/* The registration id that all tools propose: 52 characters. */
D2D_API enum d2d_err d2d_tpm_registration_id(struct d2d_tpm *tpm, char *out, size_t cap);
/* The public part of the endorsement key, which an enrollment knows the chip by, as base64 text. It is made if there is
 * none, which takes a chip up to a minute. */
D2D_API enum d2d_err d2d_tpm_endorsement_key(struct d2d_tpm *tpm, char *out, size_t cap);
D2D_API enum d2d_err d2d_tpm_slot_read(struct d2d_tpm *tpm, unsigned slot, struct d2d_tpm_slot *out);
/* Puts the key of a device's connection string into a slot, with the names of hub and device; it never comes out again.
 * D2D_EXISTS: the slot has a key, which is not to be replaced. */
D2D_API enum d2d_err d2d_tpm_provision(struct d2d_tpm *tpm, unsigned slot, const char *connection_string, bool replace);
/* The key of the device, or the one for a certificate. D2D_NOT_FOUND: there is none. */
D2D_API enum d2d_err d2d_tpm_erase(struct d2d_tpm *tpm, unsigned slot);
D2D_API enum d2d_err d2d_tpm_x509_erase(struct d2d_tpm *tpm, unsigned slot);
/* Makes an ECDSA P-256 key for a client certificate; `out` is its name for d2d_options.key_file ("handle:0x81000200").
 * OpenSSL's provider opens the TPM itself: close this one before. D2D_EXISTS. */
D2D_API enum d2d_err d2d_tpm_x509_make(struct d2d_tpm *tpm, unsigned slot, char *out, size_t cap);

/* "HostName=…;DeviceId=…;Tpm=SLOT" of the device whose key is in a slot. There is no secret in it. D2D_NOT_FOUND. */
D2D_API enum d2d_err d2d_tpm_string(const char *tcti, unsigned slot, char *out, size_t cap, char *why);

/* ---- certificates ---------------------------------------------------------------------------------------------- */

/* A self-signed certificate for a device that the hub knows by its thumbprint. Given: free *certificate and *key with
 * free(); wipe the key before. */
struct d2d_certificate_options {
    size_t size; /* as of all options: {.size = sizeof options, …} */
    const char *device;
    int64_t from_ms, to_ms;
    const char *key_in_tpm; /* as d2d_tpm_x509_make() gave it; NULL: a new key is made, and given as PEM */
};

struct d2d_certificate {
    char *certificate;   /* PEM */
    char *key;           /* PEM; NULL: it is in the TPM */
    char thumbprint[65]; /* SHA-256, upper-case hex */
};

D2D_API enum d2d_err d2d_certificate_make(const struct d2d_certificate_options *options, struct d2d_certificate *out,
                                          char *why);
/* The DER form of a certificate in PEM (the first one), DER, or the base64 of either. Given: free *der with free(). */
D2D_API enum d2d_err d2d_certificate_der(const void *text, size_t len, void **der, size_t *der_len);

#ifdef __cplusplus
}
#endif

#endif
