/* libd2d: devices, receivers and operators of an IoT hub: a d2dhub of your own, or an Azure IoT Hub.
 *
 * Conventions. Texts are UTF-8 and end with NUL where they are `const char *`; bytes are a pointer and a length. Times
 * are milliseconds since 1970-01-01 UTC, durations are milliseconds. Pointers that a callback receives are valid until
 * it returns. Arguments are copied unless a comment says otherwise. "The caller frees" means: with free(). Functions
 * that can fail return an enum d2d_err; the handle keeps a sentence about its last failure (d2d_*_detail). A handle
 * belongs to one loop, and a loop to one thread at a time; other threads use d2d_loop_post(). Free the handles before
 * their loop, and never free a loop inside a callback. A handle may be freed inside its own callbacks. Free functions
 * accept NULL.
 *
 * Nothing blocks unless it says so: handles call back while their loop runs. d2d_loop_run() runs the loop; with an
 * event loop of your own, watch d2d_loop_fd() and call d2d_loop_turn(). Functions that end in _wait, those of the
 * registry and d2d_register() block: they run the loop until they are done. Inside any callback they do nothing and
 * return D2D_IN_CALLBACK. */
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
    D2D_NOT_AUTHORISED, /* access denied: wrong key, expired token, disabled, or missing right */
    D2D_NOT_FOUND,      /* this device, group, partition or hub does not exist */
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
    D2D_CLOCK,       /* the clock of this computer is wrong, so certificates or tokens are not valid */
    D2D_WRONG_HUB,   /* the token is for a hub of another name */
    D2D_TAKEN_OVER,  /* another connection of the same identity took over */
    D2D_IN_CALLBACK  /* a function that waits was called inside a callback; it did nothing */
};

/* A sentence without a full stop, never NULL. */
D2D_API const char *d2d_err_text(enum d2d_err e);

/* Functions without a handle or loop write a sentence about the failure to `why`: a buffer of this size, or NULL. */
enum { D2D_WHY_CAP = 200 };

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

struct d2d_loop;

D2D_API enum d2d_err d2d_loop_new(struct d2d_loop **out);
D2D_API void d2d_loop_free(struct d2d_loop *loop);
/* Why the last d2d_*_new() on this loop failed: a sentence, or "". Valid until the next call. NULL is accepted. */
D2D_API const char *d2d_loop_detail(const struct d2d_loop *loop);
/* Runs until d2d_loop_stop() (D2D_STOPPED) or until this time is over (D2D_TIMED_OUT; -1: no limit). Inside a callback:
 * D2D_IN_CALLBACK. */
D2D_API enum d2d_err d2d_loop_run(struct d2d_loop *loop, int64_t timeout_ms);
/* May be called from any thread, and from a signal handler. */
D2D_API void d2d_loop_stop(struct d2d_loop *loop);
/* Hands work to the thread of the loop, from any thread: `work` is called once, in a turn of the loop, in the order in
 * which it was posted, and may use handles of the loop as callbacks may. It receives D2D_OK, or D2D_CLOSED if the loop
 * is freed first: then it may only free its own data. Do not post to a loop that is being freed. D2D_NO_MEMORY. */
typedef void d2d_work(void *ctx, enum d2d_err e);
D2D_API enum d2d_err d2d_loop_post(struct d2d_loop *loop, d2d_work *work, void *ctx);
/* For an event loop of your own: a file descriptor that becomes readable, how long to wait at most in milliseconds (-1:
 * no limit), and one turn of the loop. */
D2D_API int d2d_loop_fd(const struct d2d_loop *loop);
D2D_API int d2d_loop_timeout_ms(const struct d2d_loop *loop);
D2D_API void d2d_loop_turn(struct d2d_loop *loop);

/* ---- options of all handles ------------------------------------------------------------------------------------ */

enum d2d_log_level { D2D_LOG_ERROR, D2D_LOG_WARN, D2D_LOG_INFO, D2D_LOG_DEBUG };

/* The protocol. Receivers and operators always use AMQP: for them it only selects whether AMQP is in a WebSocket. */
enum d2d_transport {
    D2D_MQTT,    /* MQTT 3.1.1 on mqtts_port */
    D2D_MQTT_WS, /* MQTT in a WebSocket, on https_port: for firewalls that allow only HTTPS */
    D2D_AMQP,    /* AMQP 1.0 on amqps_port */
    D2D_AMQP_WS, /* AMQP in a WebSocket, on https_port */
    D2D_HTTPS    /* only for d2d_register() */
};

/* Options begin with their size, so that a later version of the library knows which fields a program has. Fields that
 * are not set must be zero:
 *
 *     struct d2d_device_options options = {D2D_DEVICE_OPTIONS, .common.ca_file = "ca.pem", .c2d = on_message};
 *
 * In C++: `options.size = sizeof options; options.common.size = sizeof options.common;`. Without the size:
 * D2D_ARGUMENT. */
#define D2D_OPTIONS .size = sizeof(struct d2d_options)
#define D2D_DEVICE_OPTIONS .size = sizeof(struct d2d_device_options), .common.size = sizeof(struct d2d_options)
#define D2D_OPERATOR_OPTIONS .size = sizeof(struct d2d_operator_options), .common.size = sizeof(struct d2d_options)
#define D2D_RECEIVER_OPTIONS .size = sizeof(struct d2d_receiver_options), .common.size = sizeof(struct d2d_options)
#define D2D_REGISTER_OPTIONS .size = sizeof(struct d2d_register_options), .common.size = sizeof(struct d2d_options)

struct d2d_options {
    size_t size;
    /* Of a device: "HostName=…;DeviceId=…;SharedAccessKey=…", or "…;x509=true", or "…;Tpm=SLOT"; with "ModuleId=…": of
     * one of its modules. Of a service:
     * "HostName=…;SharedAccessKeyName=…;SharedAccessKey=…". Of an Event Hubs-compatible endpoint:
     * "Endpoint=sb://…/;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…". */
    const char *connection_string;
    const char *ca_file; /* PEM file of the certificate authority (CA); NULL: the system's CAs */
    const char *host;    /* connect to this address; the certificate is checked for the HostName; NULL: the HostName */
    int mqtts_port;      /* 0: 8883 */
    int amqps_port;      /* 0: 5671 */
    int https_port;      /* 0: 443 */
    enum d2d_transport transport;
    /* With "x509=true": the PEM file of the device's certificate, followed by any intermediate certificates, and the
     * PEM file of its key, or a key in a TPM: "handle:0x81000200" (tpm2-openssl). */
    const char *cert_file, *key_file;
    /* The TPM to use: "device:/dev/tpmrm0", "swtpm:path=…"; NULL: this computer's. It signs once per token, which
     * blocks the loop for up to 100 ms. */
    const char *tcti;
    int64_t timeout_ms;   /* to connect, and for one request; 0: 30 s */
    int64_t token_ttl_ms; /* the SAS tokens that are made expire after this time; 0: one hour */
    void (*log)(void *ctx, enum d2d_log_level level, const char *line); /* NULL: no log */
    void *log_ctx;
};

/* ---- messages -------------------------------------------------------------------------------------------------- */

struct d2d_property {
    const char *name;
    const char *value;
};

/* For which outcomes of a cloud-to-device message its sender receives feedback. */
enum d2d_ack { D2D_ACK_NONE, D2D_ACK_POSITIVE, D2D_ACK_NEGATIVE, D2D_ACK_FULL };

/* "none", "positive", "negative", "full" */
D2D_API const char *d2d_ack_text(enum d2d_ack ack);

/* A message to send. All zero is an empty message. */
struct d2d_message {
    const void *body;
    size_t body_len;
    const char *message_id, *correlation_id, *user_id; /* NULL: none */
    const char *content_type, *content_encoding;       /* "application/json", "utf-8" */
    const struct d2d_property *properties;             /* application properties */
    size_t n_properties;
    /* Only for messages to devices. */
    enum d2d_ack ack;
    int64_t ttl_ms; /* expires after this time; 0: the default of the hub (an hour) */
};

/* ---- a device -------------------------------------------------------------------------------------------------- */

struct d2d_device;

/* A cloud-to-device message as its device receives it. Texts that it does not have are "". */
struct d2d_c2d {
    uint64_t lock; /* identifies this delivery: for d2d_device_complete(), _abandon() and _reject() */
    const char *message_id, *correlation_id, *user_id, *content_type, *content_encoding;
    const char *input;   /* of a message to a module, routed by an edge hub: its input; "": none */
    enum d2d_ack ack;    /* for which outcomes its sender receives feedback */
    int64_t expiry_ms;   /* 0: unknown */
    int64_t enqueued_ms; /* 0: unknown (MQTT) */
    unsigned deliveries; /* earlier deliveries to this device, if the hub reports them */
    const struct d2d_property *properties;
    size_t n_properties;
    const void *body;
    size_t body_len;
};

/* A direct method that a caller waits for. `method` and `payload` are valid until the callback returns. */
struct d2d_call {
    uint64_t id; /* for d2d_device_answer() */
    const char *method;
    const void *payload; /* JSON text as the caller wrote it; NULL: it gave none */
    size_t payload_len;
};

/* Desired properties of the device's twin: JSON text with their "$version" inside. */
struct d2d_desired {
    int64_t version;
    /* True: all of them, instead of what was received before. False: only those that changed; null stands for one that
     * was deleted, and an object is merged into the one that was there. */
    bool whole;
    const char *json; /* ends with NUL */
    size_t json_len;
};

struct d2d_device_options {
    size_t size;
    struct d2d_options common;
    /* Messages and bytes that may wait for a connection or an acknowledgement; sending more is D2D_OVER_QUOTA. 0: 1,000
     * messages, 16 MiB. */
    size_t queue_messages, queue_bytes;
    size_t window; /* QoS 1 messages that wait for an acknowledgement at once; 0: 64 */
    /* Pauses before it reconnects: the first (0: 500 ms) is doubled up to the longest (0: 30 s); each is shortened by a
     * random part of up to half. They start again with the first when the hub has acknowledged something, or a
     * connection has lasted for a minute. */
    int64_t backoff_first_ms, backoff_most_ms;
    bool once; /* do not reconnect: the first failure is final */
    /* Receives a cloud-to-device message, which must be settled now or later: see d2d_device_complete(). NULL: the
     * device does not receive messages, and they keep waiting in its mailbox. A module has no mailbox: it receives what
     * an edge hub routes to its inputs. */
    void (*c2d)(void *ctx, struct d2d_device *device, const struct d2d_c2d *message);
    bool auto_complete; /* completes each message when `c2d` returns, unless `c2d` has settled it */
    /* How many messages may be unsettled at once. Only AMQP: over MQTT the hub allows 16. 0: 16. */
    size_t receive_window;
    /* The hub sends messages from now on. Called again after a reconnect. */
    void (*listening)(void *ctx, struct d2d_device *device);
    void (*connected)(void *ctx, struct d2d_device *device);
    /* The connection ended or could not be made, for the reason `why`. If `final`, the device does not reconnect:
     * because of `once`, because the error is permanent (D2D_UNTRUSTED, D2D_NOT_AUTHORISED, D2D_WRONG_HUB, D2D_EXPIRED,
     * D2D_NOT_FOUND), or because another connection took over for the fifth time in a row (D2D_TAKEN_OVER). Otherwise
     * it reconnects after a pause. */
    void (*disconnected)(void *ctx, struct d2d_device *device, enum d2d_err why, bool final);
    void *ctx;
    /* Receives a direct method, to be answered now or later with d2d_device_answer(). NULL: the device does not listen
     * to direct methods, and its callers are told so. `listening` comes when it listens to both. */
    void (*call)(void *ctx, struct d2d_device *device, const struct d2d_call *call);
    /* Receives the desired properties of the twin: all of them first, then each change, in order. After a reconnect it
     * receives all of them again, if they have changed; a change that is missing has it receive all of them, too. NULL:
     * the device does not follow them. */
    void (*desired)(void *ctx, struct d2d_device *device, const struct d2d_desired *desired);
};

/* Connects at once. The connection string must be of a device. */
D2D_API enum d2d_err d2d_device_new(struct d2d_loop *loop, const struct d2d_device_options *options,
                                    struct d2d_device **out);
/* Does not wait: `sent` of each message that is not acknowledged receives D2D_CLOSED. */
D2D_API void d2d_device_free(struct d2d_device *device);
/* "DEVICE", or "DEVICE/MODULE". */
D2D_API const char *d2d_device_id(const struct d2d_device *device);
D2D_API const char *d2d_device_detail(const struct d2d_device *device);

/* Receives D2D_OK when the hub has the message on disk (QoS 1), or when it was written to the connection (QoS 0). */
typedef void d2d_sent(void *ctx, struct d2d_device *device, enum d2d_err e);

enum d2d_qos { D2D_AT_MOST_ONCE, D2D_AT_LEAST_ONCE };

/* Queues a copy of the message. The order is kept, and nothing is lost while offline. A QoS 1 message that was not
 * acknowledged when the connection broke is sent again, so it may arrive twice. `sent` may be NULL. D2D_ARGUMENT: no
 * hub takes this message (it is too large, or a text of it is), and the detail says why. */
D2D_API enum d2d_err d2d_device_send(struct d2d_device *device, const struct d2d_message *message, enum d2d_qos qos,
                                     d2d_sent *sent, void *ctx);
/* Sends and runs the loop until it is acknowledged. */
D2D_API enum d2d_err d2d_device_send_wait(struct d2d_device *device, const struct d2d_message *message,
                                          int64_t timeout_ms);
/* Runs the loop until everything that was queued is acknowledged. */
D2D_API enum d2d_err d2d_device_flush_wait(struct d2d_device *device, int64_t timeout_ms);
/* Messages that are not acknowledged yet. */
D2D_API size_t d2d_device_pending(const struct d2d_device *device);

/* Settle a received message. Each message must be settled, in any order. Complete: it is done. Abandon: it is delivered
 * again. Reject: the hub deletes it, and sends feedback to its sender. Until then the hub keeps it for this device.
 *
 * MQTT has only "complete". Over MQTT an abandoned message is delivered again with the next connection, which is made
 * within half a minute; d2d_device_reject() returns D2D_UNSUPPORTED, and the message must still be settled.
 *
 * D2D_EXPIRED: the connection of this delivery has ended, or the message is already settled. If it is not settled, it
 * is delivered again. */
D2D_API enum d2d_err d2d_device_complete(struct d2d_device *device, uint64_t lock);
D2D_API enum d2d_err d2d_device_abandon(struct d2d_device *device, uint64_t lock);
D2D_API enum d2d_err d2d_device_reject(struct d2d_device *device, uint64_t lock);
/* Answers a direct method, once: a status of your own, and a payload in JSON (NULL: none), at most 128 KiB. The caller
 * receives both. D2D_EXPIRED: the connection of this call has ended, or it is already answered. An answer that comes
 * too late for the caller is dropped by the hub, which does not tell. */
D2D_API enum d2d_err d2d_device_answer(struct d2d_device *device, uint64_t id, int status, const void *payload,
                                       size_t len);

/* The device's side of its twin. `answered` receives D2D_OK and, of d2d_device_twin(), the twin as JSON text,
 * {"desired":{…},"reported":{…}}, each with its "$version", which ends with NUL; of d2d_device_report() the new version
 * of the reported properties, or -1 where the hub does not tell it, and json NULL. Else D2D_ARGUMENT: the hub refused
 * the properties, for the reason that d2d_device_detail() has; D2D_OVER_QUOTA; D2D_TIMED_OUT; D2D_CLOSED: the device
 * was freed. */
typedef void d2d_twin_answered(void *ctx, struct d2d_device *device, enum d2d_err e, int64_t version, const char *json,
                               size_t json_len);
/* Asks for the twin. What is asked while offline, or was not answered when the connection broke, is asked again after
 * the reconnect. At most 64 may be unanswered (D2D_OVER_QUOTA). */
D2D_API enum d2d_err d2d_device_twin(struct d2d_device *device, d2d_twin_answered *answered, void *ctx);
/* Merges a JSON object into the reported properties; null deletes one. At most 32 KiB on an Azure IoT Hub. `answered`
 * may be NULL. D2D_ARGUMENT: it is not a JSON object in UTF-8. */
D2D_API enum d2d_err d2d_device_report(struct d2d_device *device, const char *json, size_t json_len,
                                       d2d_twin_answered *answered, void *ctx);
/* The same, running the loop until the hub has answered. The caller frees *json; version may be NULL. */
D2D_API enum d2d_err d2d_device_twin_wait(struct d2d_device *device, char **json, int64_t timeout_ms);
D2D_API enum d2d_err d2d_device_report_wait(struct d2d_device *device, const char *json, size_t json_len,
                                            int64_t *version, int64_t timeout_ms);

/* Messages that were delivered and are not settled yet. */
D2D_API size_t d2d_device_unsettled(const struct d2d_device *device);

/* ---- an operator: messages to devices, and their outcomes ------------------------------------------------------ */

struct d2d_operator;

/* The outcome of one message whose `ack` asked for it. */
struct d2d_feedback {
    const char *message_id, *device, *generation;
    const char *status;      /* "Success", "Expired", "DeliveryCountExceeded", "Rejected", "Purged" */
    const char *description; /* for people */
    enum d2d_err result;     /* the status as an error: D2D_OK, D2D_EXPIRED, or D2D_REFUSED for the other three */
    int64_t ended_ms;        /* time of the outcome; 0: unknown */
};

struct d2d_operator_options {
    size_t size;
    struct d2d_options common;                  /* with the connection string of a service policy */
    size_t queue_messages, queue_bytes, window; /* as for a device */
    int64_t backoff_first_ms, backoff_most_ms;  /* as for a device */
    bool once;                                  /* do not reconnect */
    /* Receives a batch of feedback, also about messages of other senders: all feedback receivers of a hub share one
     * queue (a d2dhub first delivers to each receiver the feedback about its own messages, in separate batches). Return
     * true: the hub deletes the batch. Return false: other receivers can receive it when this operator is freed, or
     * after a minute. A d2dhub sends feedback at once, and under load in batches, within a second; an Azure IoT Hub may
     * collect it for up to 15 seconds. NULL: receive no feedback. */
    bool (*feedback)(void *ctx, struct d2d_operator *op, const struct d2d_feedback *batch, size_t n);
    void (*connected)(void *ctx, struct d2d_operator *op);
    void (*disconnected)(void *ctx, struct d2d_operator *op, enum d2d_err why, bool final); /* as for a device */
    void *ctx;
};

/* Connects at once. */
D2D_API enum d2d_err d2d_operator_new(struct d2d_loop *loop, const struct d2d_operator_options *options,
                                      struct d2d_operator **out);
/* Does not wait: `posted` of each message that is not acknowledged receives D2D_CLOSED. */
D2D_API void d2d_operator_free(struct d2d_operator *op);
D2D_API const char *d2d_operator_detail(const struct d2d_operator *op);

/* Receives D2D_OK when the hub has the message in the device's mailbox, on disk. D2D_NOT_FOUND: the device does not
 * exist. D2D_OVER_QUOTA: its mailbox is full. */
typedef void d2d_posted(void *ctx, struct d2d_operator *op, enum d2d_err e, const char *message_id);

/* Queues a copy of the message. A message that asks for feedback and has no message id gets one, which `posted`
 * receives; `posted` may be NULL. A message that was not acknowledged when the connection broke is sent again, so it
 * may arrive twice. */
D2D_API enum d2d_err d2d_operator_send(struct d2d_operator *op, const char *device, const struct d2d_message *message,
                                       d2d_posted *posted, void *ctx);
/* Sends and runs the loop until the hub has answered. */
D2D_API enum d2d_err d2d_operator_send_wait(struct d2d_operator *op, const char *device,
                                            const struct d2d_message *message, int64_t timeout_ms);
/* Messages that the hub has not answered yet. */
D2D_API size_t d2d_operator_pending(const struct d2d_operator *op);

/* ---- a receiver of events -------------------------------------------------------------------------------------- */

struct d2d_receiver;

enum d2d_from { D2D_FROM_LATEST, D2D_FROM_EARLIEST, D2D_FROM_OFFSET, D2D_FROM_SEQUENCE, D2D_FROM_TIME };

/* The position to begin at: after the event with this offset or sequence number, or events enqueued after this time. */
struct d2d_position {
    enum d2d_from from;
    bool inclusive;     /* begin with that event, not after it */
    int64_t value;      /* sequence number, or time in milliseconds */
    const char *offset; /* opaque text: `offset` of an event */
};

struct d2d_event {
    const char *partition;
    int64_t sequence;
    const char *offset;
    int64_t enqueued_ms;
    const char *device; /* the sender, as the hub has verified it; "": unknown */
    const char *module; /* its module, if one has sent it; "": none */
    const char *message_id, *correlation_id, *user_id, *content_type, *content_encoding; /* "": none */
    const struct d2d_property *properties; /* application properties; values that are not text are converted to text */
    size_t n_properties;
    const void *body;
    size_t body_len;
};

struct d2d_receiver_options {
    size_t size;
    struct d2d_options common; /* the connection string of a service policy, or of an Event Hubs-compatible endpoint */
    const char *group;         /* consumer group; NULL: "$Default" */
    const char *const *partitions; /* only these; the list ends with NULL. NULL: all */
    struct d2d_position position;  /* for the partitions that `resume` does not name */
    const char *resume;            /* positions from d2d_receiver_positions(); NULL: none */
    /* Only events of these devices; the list ends with NULL. NULL: all devices. A d2dhub filters them itself; an Azure
     * IoT Hub sends all events, and the library filters them. */
    const char *const *devices;
    unsigned credit;                           /* events that the hub may send ahead, per partition; 0: 300 */
    bool once;                                 /* do not reconnect */
    int64_t backoff_first_ms, backoff_most_ms; /* as for a device */
    void (*event)(void *ctx, struct d2d_receiver *receiver, const struct d2d_event *event);
    /* All partitions are being read. Called again after a reconnect. */
    void (*listening)(void *ctx, struct d2d_receiver *receiver);
    void (*disconnected)(void *ctx, struct d2d_receiver *receiver, enum d2d_err why, bool final);
    void *ctx;
};

/* Connects at once. After a reconnect it continues after the last event that `event` received: no event is missed, and
 * none is received twice. */
D2D_API enum d2d_err d2d_receiver_new(struct d2d_loop *loop, const struct d2d_receiver_options *options,
                                      struct d2d_receiver **out);
D2D_API void d2d_receiver_free(struct d2d_receiver *receiver);
D2D_API const char *d2d_receiver_detail(const struct d2d_receiver *receiver);
/* True: the hub filters by sender. False: this library does. */
D2D_API bool d2d_receiver_filtered_by_hub(const struct d2d_receiver *receiver);
/* The positions after the last events that `event` received, as JSON text: save it, and pass it as `resume`. Valid
 * until the next call. They are of this hub: after the hub was made again, they end the receiver with D2D_CHANGED. */
D2D_API const char *d2d_receiver_positions(struct d2d_receiver *receiver);
/* True: receive no more events, except those that the hub has already sent. False: continue. */
D2D_API void d2d_receiver_pause(struct d2d_receiver *receiver, bool paused);

/* ---- the registry ---------------------------------------------------------------------------------------------- */

/* How a device authenticates. */
enum d2d_auth {
    D2D_AUTH_KEY,        /* with a token signed by one of its keys */
    D2D_AUTH_THUMBPRINT, /* with a certificate that has one of its thumbprints */
    D2D_AUTH_CA          /* with a certificate for its id, signed by a CA of the hub */
};

/* A device or module in the registry. Keys are base64 text; "" if the policy does not have the right to read them.
 *
 * Where a function takes the name of an identity, "DEVICE/MODULE" is a module. */
struct d2d_identity {
    char id[129];         /* of the device */
    char module[129];     /* "": it is a device */
    char managed_by[129]; /* of a module: what manages it, "iotEdge"; "": nothing */
    char generation[32];
    char etag[64];
    bool enabled; /* not of a module, which is enabled with its device */
    char reason[129];
    enum d2d_auth auth;
    char primary_key[128], secondary_key[128];
    char primary_thumbprint[65], secondary_thumbprint[65]; /* hex digits of a SHA-1 or SHA-256 */
    bool connected;
    char connected_since[40], last_activity[40]; /* ISO 8601; "": never */
};

struct d2d_registry;

/* The connection string must be of a service policy with registry rights. Every function blocks and runs the loop. */
D2D_API enum d2d_err d2d_registry_new(struct d2d_loop *loop, const struct d2d_options *options,
                                      struct d2d_registry **out);
D2D_API void d2d_registry_free(struct d2d_registry *registry);
D2D_API const char *d2d_registry_detail(const struct d2d_registry *registry);

/* Creates a device or module; the hub generates keys that are empty. Reads id, module, managed_by, enabled, reason,
 * auth and its keys or thumbprints from `identity`, and fills it with the answer of the hub. D2D_EXISTS. */
D2D_API enum d2d_err d2d_registry_add(struct d2d_registry *registry, struct d2d_identity *identity);
/* Replaces a device if its ETag is still `identity->etag` ("": in any case). D2D_CHANGED, D2D_NOT_FOUND. */
D2D_API enum d2d_err d2d_registry_update(struct d2d_registry *registry, struct d2d_identity *identity);
D2D_API enum d2d_err d2d_registry_get(struct d2d_registry *registry, const char *id, struct d2d_identity *out);
D2D_API enum d2d_err d2d_registry_remove(struct d2d_registry *registry, const char *id);
/* All modules of a device; the caller frees *out. */
D2D_API enum d2d_err d2d_registry_modules(struct d2d_registry *registry, const char *device, struct d2d_identity **out,
                                          size_t *n);

struct d2d_question {
    size_t size;
    const char *method;
    const char *payload;            /* JSON; NULL: none */
    unsigned connect_s, response_s; /* time to wait for the device, and for its answer; 0: not at all, 30 s */
};
#define D2D_QUESTION .size = sizeof(struct d2d_question)

/* Calls a direct method of a device or module and waits for its answer: the device's *status and *payload (JSON text;
 * the caller frees it). D2D_NO_CONNECTION: it is not connected, or does not listen to direct methods; D2D_CLOSED: its
 * connection ended first; D2D_REFUSED: it rejected the call, or its answer is not JSON; D2D_TIMED_OUT, D2D_NOT_FOUND,
 * D2D_OVER_QUOTA. The policy must have the right "service connect". */
D2D_API enum d2d_err d2d_registry_call(struct d2d_registry *registry, const char *device,
                                       const struct d2d_question *question, int *status, char **payload);

/* The twin of a device or module, as the hub's JSON text (tags, properties.desired, properties.reported and what the
 * hub knows of the identity). The caller frees *json. */
D2D_API enum d2d_err d2d_twin_get(struct d2d_registry *registry, const char *id, char **json);
/* Merges {"tags":{…},"properties":{"desired":{…}}} into the twin, or replaces tags and desired properties by them; null
 * deletes. `etag`: only if the twin still has it (D2D_CHANGED); NULL: in any case. *answer is the twin as it is now;
 * the caller frees it; `answer` may be NULL. D2D_ARGUMENT: the hub refused it, for the reason that
 * d2d_registry_detail() has. */
D2D_API enum d2d_err d2d_twin_patch(struct d2d_registry *registry, const char *id, const char *json, const char *etag,
                                    char **answer);
D2D_API enum d2d_err d2d_twin_replace(struct d2d_registry *registry, const char *id, const char *json, const char *etag,
                                      char **answer);

/* A page of the answer to a query in the hub's language ("SELECT * FROM devices WHERE tags.floor = 2"), as a JSON array
 * of at most `most` rows (0: as many as the hub gives, 100). `after` is as for d2d_registry_page(). The caller frees
 * *json. */
enum { D2D_AFTER_CAP = 1024 };
D2D_API enum d2d_err d2d_query(struct d2d_registry *registry, const char *query, size_t most, char after[D2D_AFTER_CAP],
                               char **json);

/* Configurations: desired properties for all devices that meet a condition. They are JSON texts, as in the hub's API:
 * {"id":…,"priority":…,"targetCondition":…,"content":{"deviceContent":{…}},…}. The caller frees the answers. */
/* Creates it (etag NULL; D2D_EXISTS), or replaces it if its ETag is still `etag` ("*": in any case; D2D_CHANGED,
 * D2D_NOT_FOUND). */
D2D_API enum d2d_err d2d_configuration_put(struct d2d_registry *registry, const char *id, const char *json,
                                           const char *etag, char **answer);
D2D_API enum d2d_err d2d_configuration_get(struct d2d_registry *registry, const char *id, char **json);
D2D_API enum d2d_err d2d_configuration_remove(struct d2d_registry *registry, const char *id);
/* At most 100: this API has no pages. */
D2D_API enum d2d_err d2d_configurations(struct d2d_registry *registry, char **json);
/* Applies a content, {"deviceContent":{…}} or {"modulesContent":{…}}, to one device, once. */
D2D_API enum d2d_err d2d_configuration_apply(struct d2d_registry *registry, const char *device, const char *content);

/* Jobs: a direct method, or a change of twins, for all devices that meet a condition. They are JSON texts, as in the
 * hub's API: {"type":"scheduleUpdateTwin","updateTwin":{…},"queryCondition":…,"startTime":…,
 * "maxExecutionTimeInSeconds":…}. The caller frees the answers. */
/* D2D_EXISTS: there is one with this id; D2D_OVER_QUOTA: too many are active. */
D2D_API enum d2d_err d2d_job_start(struct d2d_registry *registry, const char *id, const char *json, char **answer);
/* D2D_NOT_FOUND. What became of each device: d2d_query() "SELECT * FROM devices.jobs WHERE devices.jobs.jobId =
 * '…'". */
D2D_API enum d2d_err d2d_job_get(struct d2d_registry *registry, const char *id, char **json);
D2D_API enum d2d_err d2d_job_cancel(struct d2d_registry *registry, const char *id, char **answer);
/* A page of them, as a JSON array; `type` and `status` as the hub writes them, or NULL: any. */
D2D_API enum d2d_err d2d_jobs(struct d2d_registry *registry, const char *type, const char *status,
                              char after[D2D_AFTER_CAP], char **json);

/* Import and export of the registry: devices, modules and twins as lines of a file that the hub reads and writes, a
 * d2dhub in the folder blobs of its data folder; configurations in a file beside it. They are JSON texts, as in the
 * hub's API: {"type":"export","outputBlobContainerUri":"https://any.host/box","excludeKeysInExport":false,
 * "includeConfigurations":true}. The caller frees the answers. D2D_OVER_QUOTA: another one has not ended. */
D2D_API enum d2d_err d2d_transfer_start(struct d2d_registry *registry, const char *json, char **answer);
/* D2D_NOT_FOUND. How far it is. */
D2D_API enum d2d_err d2d_transfer_get(struct d2d_registry *registry, const char *id, char **json);
D2D_API enum d2d_err d2d_transfer_cancel(struct d2d_registry *registry, const char *id);
/* The transfers that the hub remembers, as a JSON array. */
D2D_API enum d2d_err d2d_transfers(struct d2d_registry *registry, char **json);

/* Empties the mailbox of a device; *n is how many messages were in it. */
D2D_API enum d2d_err d2d_registry_purge(struct d2d_registry *registry, const char *id, uint64_t *n);
/* Devices in the order of their ids, at most 1,000: this API has no pages. The caller frees *out. */
D2D_API enum d2d_err d2d_registry_list(struct d2d_registry *registry, size_t most, struct d2d_identity **out,
                                       size_t *n);

/* A page of all devices, by a query: without keys and generation. `after` is "" for the first page; each call sets it
 * for the next one, and to "" after the last page. The caller frees *out. */
D2D_API enum d2d_err d2d_registry_page(struct d2d_registry *registry, char after[D2D_AFTER_CAP],
                                       struct d2d_identity **out, size_t *n);
/* The same of the devices that meet a condition of the hub's query language, "tags.floor = 2". */
D2D_API enum d2d_err d2d_registry_find(struct d2d_registry *registry, const char *where, char after[D2D_AFTER_CAP],
                                       struct d2d_identity **out, size_t *n);

/* Only on a d2dhub: consumer groups, and the status of the hub, as JSON text. The caller frees *json. */
D2D_API enum d2d_err d2d_registry_group_add(struct d2d_registry *registry, const char *name);
D2D_API enum d2d_err d2d_registry_group_remove(struct d2d_registry *registry, const char *name);
D2D_API enum d2d_err d2d_registry_groups(struct d2d_registry *registry, char **json);
D2D_API enum d2d_err d2d_registry_status(struct d2d_registry *registry, char **json);

/* Only on a d2dhub: the CA certificates that verify certificates of devices. Answers are JSON texts; the caller frees
 * *json. */
D2D_API enum d2d_err d2d_registry_cas(struct d2d_registry *registry, char **json);
/* Adds one, in PEM or DER. It is used when it is verified: by `verified`, or by
 * d2d_registry_ca_verify(). D2D_EXISTS. */
D2D_API enum d2d_err d2d_registry_ca_add(struct d2d_registry *registry, const char *name, const void *certificate,
                                         size_t len, bool verified, char **json);
D2D_API enum d2d_err d2d_registry_ca_remove(struct d2d_registry *registry, const char *name);
/* Makes a new verification code, which is in the answer. */
D2D_API enum d2d_err d2d_registry_ca_code(struct d2d_registry *registry, const char *name, char **json);
/* Proves that you have its key: `proof` is a certificate signed with it, whose common name is the verification code. */
D2D_API enum d2d_err d2d_registry_ca_verify(struct d2d_registry *registry, const char *name, const void *proof,
                                            size_t len, char **json);

/* ---- enrollments: which devices may register, and how they authenticate ---------------------------------------- */

/* A device, or a group of devices. Enrollments are JSON texts, as in the API of the Device Provisioning Service; the
 * registry is that of a d2dhub, or of such a service
 * ("HostName=NAME.azure-devices-provisioning.net;SharedAccessKeyName=…;SharedAccessKey=…"). The caller frees the
 * answers. */
enum d2d_enrollment { D2D_ENROLLMENT_DEVICE, D2D_ENROLLMENT_GROUP };

/* Creates an enrollment (etag NULL; D2D_EXISTS), or replaces it if its ETag is still `etag` ("*": in any case;
 * D2D_CHANGED, D2D_NOT_FOUND). The service makes the keys that the text does not have. */
D2D_API enum d2d_err d2d_enrollment_put(struct d2d_registry *registry, enum d2d_enrollment kind, const char *name,
                                        const char *json, const char *etag, char **answer);
/* Without keys. */
D2D_API enum d2d_err d2d_enrollment_get(struct d2d_registry *registry, enum d2d_enrollment kind, const char *name,
                                        char **json);
/* The attestation mechanism alone, with its keys. */
D2D_API enum d2d_err d2d_enrollment_keys(struct d2d_registry *registry, enum d2d_enrollment kind, const char *name,
                                         char **json);
/* A page of them, as a JSON array. `after` is as for d2d_registry_page(). */
D2D_API enum d2d_err d2d_enrollment_list(struct d2d_registry *registry, enum d2d_enrollment kind,
                                         char after[D2D_AFTER_CAP], char **json);
D2D_API enum d2d_err d2d_enrollment_remove(struct d2d_registry *registry, enum d2d_enrollment kind, const char *name);

/* ---- registering: a device asks for its hub -------------------------------------------------------------------- */

struct d2d_register_options {
    size_t size;
    struct d2d_options common; /* without connection string; timeout_ms is for the whole registration; 0: a minute */
    const char *service;       /* "global.azure-devices-provisioning.net", or the name of a d2dhub */
    const char *scope;         /* the id scope of the service, "0ne00000001" */
    const char *registration;  /* registration id; NULL: the common name of the certificate, or the id of the TPM */
    const char *key;           /* base64; NULL: authenticate by the certificate in `common`, or by the TPM */
    /* By the TPM (over HTTPS and AMQP): the key that the service makes for the device, and the name of the hub, are
     * stored in the slot and replace what is in it. The connection string is then "HostName=…;DeviceId=…;Tpm=SLOT". */
    bool tpm;
    unsigned tpm_slot;   /* 0 to 9; the cloud's SDKs use 0 */
    const char *payload; /* a JSON text for the webhook that chooses the hub; NULL: none */
};

/* The result. Texts that the answer does not have are "". */
struct d2d_registration {
    char registration[129];
    char hub[254], device[129]; /* the hub, and the device id on it */
    char status[24];            /* "assigned", "failed", "disabled" */
    char substatus[48];         /* "initialAssignment", … */
    unsigned error_code;        /* 0: none */
    char error[400];            /* for people, also after a time-out */
    char payload[4096];         /* a JSON text from the webhook that chose the hub; a longer one is left out */
};

/* Runs the loop until the service has decided. D2D_REFUSED: the service refused. `out` is filled in any case, with
 * details. */
D2D_API enum d2d_err d2d_register(struct d2d_loop *loop, const struct d2d_register_options *options,
                                  struct d2d_registration *out);
/* The key of a device in an enrollment group, derived from the group's key: base64 text, 45 bytes with its NUL. */
D2D_API enum d2d_err d2d_derive_key(const char *group_key, const char *registration, char *out, size_t cap);

/* ---- tokens and connection strings ----------------------------------------------------------------------------- */

/* A SAS token, signed with the key of a connection string, or in this computer's TPM with "Tpm=SLOT". resource NULL:
 * the device, hub or entity of the string. The caller frees *out. */
D2D_API enum d2d_err d2d_token(const char *connection_string, const char *resource, int64_t now_ms, int64_t ttl_ms,
                               char **out, char *why);

/* Writes the value of a field of a connection string ("HostName", "DeviceId", …; in any case) to `out`. D2D_NOT_FOUND.
 */
D2D_API enum d2d_err d2d_connection_string_field(const char *connection_string, const char *field, char *out,
                                                 size_t cap);

/* ---- the TPM of this computer ---------------------------------------------------------------------------------- */

/* Ten slots, each for a device's key and the name of its hub, in the layout of the cloud's own tools. */
enum { D2D_TPM_SLOTS = 10 };

struct d2d_tpm;

struct d2d_tpm_slot {
    bool has_key, has_text; /* the cloud's SDKs store only a key; only a text means that storing did not finish */
    bool has_x509;          /* a key for a client certificate */
    char host[256], device[129], hardware_id[65];
    char foreign[D2D_WHY_CAP]; /* what another program stores there, which libd2d does not touch (D2D_REFUSED); "" */
};

/* tcti NULL: D2D_TCTI of the environment, or /dev/tpmrm0 or /dev/tpm0. The functions below block until the chip
 * answers: 10 ms to a second. */
D2D_API enum d2d_err d2d_tpm_open(const char *tcti, struct d2d_tpm **out, char *why);
D2D_API void d2d_tpm_close(struct d2d_tpm *tpm);
D2D_API const char *d2d_tpm_detail(const struct d2d_tpm *tpm);

/* The registration id of this TPM, as all tools derive it: 52 characters. */
D2D_API enum d2d_err d2d_tpm_registration_id(struct d2d_tpm *tpm, char *out, size_t cap);
/* The public part of the endorsement key, by which an enrollment identifies the chip, as base64 text. If the chip has
 * none, it makes one, which takes up to a minute. */
D2D_API enum d2d_err d2d_tpm_endorsement_key(struct d2d_tpm *tpm, char *out, size_t cap);
D2D_API enum d2d_err d2d_tpm_slot_read(struct d2d_tpm *tpm, unsigned slot, struct d2d_tpm_slot *out);
/* Stores the key of a device's connection string in a slot, with the names of hub and device; it cannot be read again.
 * D2D_EXISTS: the slot has a key, and `replace` is false. */
D2D_API enum d2d_err d2d_tpm_provision(struct d2d_tpm *tpm, unsigned slot, const char *connection_string, bool replace);
/* Erases the key of the device, or the key for a certificate. D2D_NOT_FOUND: the slot has none. */
D2D_API enum d2d_err d2d_tpm_erase(struct d2d_tpm *tpm, unsigned slot);
D2D_API enum d2d_err d2d_tpm_x509_erase(struct d2d_tpm *tpm, unsigned slot);
/* Makes an ECDSA P-256 key for a client certificate; `out` is its name for d2d_options.key_file ("handle:0x81000200").
 * OpenSSL's provider opens the TPM itself: close this handle before you use the key. D2D_EXISTS. */
D2D_API enum d2d_err d2d_tpm_x509_make(struct d2d_tpm *tpm, unsigned slot, char *out, size_t cap);

/* "HostName=…;DeviceId=…;Tpm=SLOT" of the device whose key is in a slot. It contains no key. D2D_NOT_FOUND. */
D2D_API enum d2d_err d2d_tpm_string(const char *tcti, unsigned slot, char *out, size_t cap, char *why);

/* ---- certificates ---------------------------------------------------------------------------------------------- */

/* A self-signed certificate for a device that authenticates by thumbprint. The caller frees `certificate` and `key`,
 * and overwrites the key first. */
struct d2d_certificate_options {
    size_t size; /* as for all options: {.size = sizeof options, …} */
    const char *device;
    int64_t from_ms, to_ms; /* begin and end of its validity */
    const char *key_in_tpm; /* from d2d_tpm_x509_make(); NULL: make a new key, as PEM */
};

struct d2d_certificate {
    char *certificate;   /* PEM */
    char *key;           /* PEM; NULL: the key is in the TPM */
    char thumbprint[65]; /* SHA-256, upper-case hex */
};

D2D_API enum d2d_err d2d_certificate_make(const struct d2d_certificate_options *options, struct d2d_certificate *out,
                                          char *why);
/* The DER form of a certificate in PEM (the first one), DER, or the base64 of either. The caller frees *der. */
D2D_API enum d2d_err d2d_certificate_der(const void *text, size_t len, void **der, size_t *der_len);

#ifdef __cplusplus
}
#endif

#endif
