/* libd2d: devices, receivers and operators of an IoT hub: a d2dhub of one's own, or an Azure IoT Hub.
 *
 * Conventions. Texts are UTF-8 and end with NUL where they are `const char *`; bytes are a pointer and a length. Times are
 * milliseconds since 1970-01-01 UTC, durations are milliseconds. What a callback gets is lent until it returns. What is
 * passed in is copied unless it says otherwise. Functions that can fail give an enum d2d_err; the handle keeps a sentence
 * about its last failure (d2d_*_detail). A handle belongs to one loop and a loop to one thread at a time. Handles are freed
 * before their loop; a free function takes NULL; a handle may be freed inside its own callbacks.
 *
 * Blocking and not. At heart everything is non-blocking: handles call back while their loop runs. d2d_loop_run() runs it
 * here; with an event loop of one's own, watch d2d_loop_fd() and call d2d_loop_turn(). Functions that end in _wait run the
 * loop until they are done. */
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
    D2D_NO_CONNECTION,  /* the hub could not be reached, or its certificate is not trusted */
    D2D_TIMED_OUT,
    D2D_REFUSED,    /* the other side refused it */
    D2D_EXPIRED,    /* a token or a message */
    D2D_OVER_QUOTA, /* a queue, a limit, a quota */
    D2D_EXISTS,     /* there is one of that name already */
    D2D_CHANGED,    /* it was changed in the meantime (ETag) */
    D2D_CLOSED,     /* the handle or the connection was closed */
    D2D_NO_MEMORY,
    D2D_STOPPED /* the loop was stopped while a _wait function waited */
};

/* A sentence without a full stop, never NULL. */
D2D_API const char *d2d_err_text(enum d2d_err e);

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

struct d2d_loop;

D2D_API enum d2d_err d2d_loop_new(struct d2d_loop **out);
D2D_API void d2d_loop_free(struct d2d_loop *loop);
/* Until d2d_loop_stop(), or for so long (-1: no limit). D2D_STOPPED or D2D_TIMED_OUT. */
D2D_API enum d2d_err d2d_loop_run(struct d2d_loop *loop, int64_t timeout_ms);
/* From any thread, and from a signal handler. */
D2D_API void d2d_loop_stop(struct d2d_loop *loop);
/* For foreign loops: a descriptor that becomes readable, how long to wait at most (-1: no limit), and one turn. */
D2D_API int d2d_loop_fd(const struct d2d_loop *loop);
D2D_API int d2d_loop_timeout_ms(const struct d2d_loop *loop);
D2D_API void d2d_loop_turn(struct d2d_loop *loop);

/* ---- what all handles are made from ------------------------------------------------------------------------------- */

enum d2d_log_level { D2D_LOG_ERROR, D2D_LOG_WARN, D2D_LOG_INFO, D2D_LOG_DEBUG };

struct d2d_options {
    /* "HostName=…;DeviceId=…;SharedAccessKey=…" (device), "HostName=…;SharedAccessKeyName=…;SharedAccessKey=…" (service) or
     * "Endpoint=sb://…/;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…" (Event Hubs-compatible endpoint). */
    const char *connection_string;
    const char *ca_file;  /* PEM file of the authority; NULL: the system's */
    const char *host;     /* TCP goes here instead of to the host of the string, whose name stays; NULL: there */
    int mqtts_port;       /* 0: 8883 */
    int amqps_port;       /* 0: 5671 */
    int https_port;       /* 0: 443 */
    int64_t timeout_ms;   /* to connect, and of one request; 0: 30 s */
    int64_t token_ttl_ms; /* life of the SAS tokens that are made; 0: one hour */
    void (*log)(void *ctx, enum d2d_log_level level, const char *line); /* NULL: silent */
    void *log_ctx;
};

/* ---- messages ----------------------------------------------------------------------------------------------------- */

struct d2d_property {
    const char *name;
    const char *value;
};

/* A device-to-cloud message. All zero is an empty one. */
struct d2d_message {
    const void *body;
    size_t body_len;
    const char *message_id, *correlation_id, *user_id; /* NULL: none */
    const char *content_type, *content_encoding;       /* "application/json", "utf-8" */
    const struct d2d_property *properties;             /* application properties */
    size_t n_properties;
};

/* ---- a device ----------------------------------------------------------------------------------------------------- */

struct d2d_device;

struct d2d_device_options {
    struct d2d_options common;
    /* What may wait while there is no connection or no acknowledgement; sending beyond it is D2D_OVER_QUOTA.
     * 0: 1,000 messages, 16 MiB. */
    size_t queue_messages, queue_bytes;
    size_t window;            /* QoS 1 messages on their way at once; 0: 64 */
    int64_t backoff_first_ms; /* reconnecting: 0: 500 ms, doubled up to */
    int64_t backoff_most_ms;  /* 0: 30 s; each with up to half of it taken off by chance */
    bool once;                /* do not reconnect: the first failure ends it */
    void (*connected)(void *ctx, struct d2d_device *device);
    /* The connection ended or could not be made, and why; it is tried again unless `once`, or the hub said that these
     * credentials are no good, and then `final` is true: nothing more will be sent. */
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

/* Queues the message (a copy). Order is kept; nothing is lost while offline; a QoS 1 message that was on its way when the
 * connection broke is sent again, so it may arrive twice. `sent` may be NULL. */
D2D_API enum d2d_err d2d_device_send(struct d2d_device *device, const struct d2d_message *message, enum d2d_qos qos,
                                     d2d_sent *sent, void *ctx);
/* Sends and runs the loop until it is acknowledged. */
D2D_API enum d2d_err d2d_device_send_wait(struct d2d_device *device, const struct d2d_message *message,
                                          int64_t timeout_ms);
/* Runs the loop until everything that was queued is acknowledged. */
D2D_API enum d2d_err d2d_device_flush_wait(struct d2d_device *device, int64_t timeout_ms);
/* Messages that are not acknowledged yet. */
D2D_API size_t d2d_device_pending(const struct d2d_device *device);

/* ---- a receiver of events ------------------------------------------------------------------------------------------ */

struct d2d_receiver;

enum d2d_from { D2D_FROM_LATEST, D2D_FROM_EARLIEST, D2D_FROM_OFFSET, D2D_FROM_SEQUENCE, D2D_FROM_TIME };

/* Where to begin: behind the event with this offset or sequence number, or with what was enqueued after this time. */
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
    const struct d2d_property *properties; /* application properties; values that are no text are written as one */
    size_t n_properties;
    const void *body;
    size_t body_len;
};

struct d2d_receiver_options {
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

/* Connects at once. After a reconnect it goes on behind the last event that was given to `event`, so that none is missed
 * and none comes twice. */
D2D_API enum d2d_err d2d_receiver_new(struct d2d_loop *loop, const struct d2d_receiver_options *options,
                                      struct d2d_receiver **out);
D2D_API void d2d_receiver_free(struct d2d_receiver *receiver);
D2D_API const char *d2d_receiver_detail(const struct d2d_receiver *receiver);
/* Whether the hub filters by sender (true) or this library does. */
D2D_API bool d2d_receiver_filtered_by_hub(const struct d2d_receiver *receiver);
/* The positions behind the last events given, as JSON text to be kept and passed as `resume`. Lent until the next call. */
D2D_API const char *d2d_receiver_positions(struct d2d_receiver *receiver);
/* No more events until resumed; what is on its way still comes. */
D2D_API void d2d_receiver_pause(struct d2d_receiver *receiver, bool paused);

/* ---- the registry -------------------------------------------------------------------------------------------------- */

/* An identity. Keys are base64 text, empty when they may not be seen. */
struct d2d_identity {
    char id[129];
    char generation[32];
    char etag[64];
    bool enabled;
    char reason[129];
    char primary_key[128], secondary_key[128];
    bool connected;
    char connected_since[40], last_activity[40]; /* ISO 8601; "" when never */
};

struct d2d_registry;

/* A service policy's string with registry rights. Every call blocks and runs the loop. */
D2D_API enum d2d_err d2d_registry_new(struct d2d_loop *loop, const struct d2d_options *options,
                                      struct d2d_registry **out);
D2D_API void d2d_registry_free(struct d2d_registry *registry);
D2D_API const char *d2d_registry_detail(const struct d2d_registry *registry);

/* Creates it; keys that are empty are generated by the hub. Reads id, enabled, reason and keys of `identity` and fills it
 * with what the hub answered. D2D_EXISTS. */
D2D_API enum d2d_err d2d_registry_add(struct d2d_registry *registry, struct d2d_identity *identity);
/* Replaces it, if it is still as `identity->etag` says (empty: whatever it is). D2D_CHANGED, D2D_NOT_FOUND. */
D2D_API enum d2d_err d2d_registry_update(struct d2d_registry *registry, struct d2d_identity *identity);
D2D_API enum d2d_err d2d_registry_get(struct d2d_registry *registry, const char *id, struct d2d_identity *out);
D2D_API enum d2d_err d2d_registry_remove(struct d2d_registry *registry, const char *id);
/* At most 1,000 (the API has no pages). Given: free *out with free(). */
D2D_API enum d2d_err d2d_registry_list(struct d2d_registry *registry, size_t most, struct d2d_identity **out,
                                       size_t *n);

/* A d2dhub only: consumer groups, and what the hub has, as JSON text. Given: free *json with free(). */
D2D_API enum d2d_err d2d_registry_group_add(struct d2d_registry *registry, const char *name);
D2D_API enum d2d_err d2d_registry_group_remove(struct d2d_registry *registry, const char *name);
D2D_API enum d2d_err d2d_registry_groups(struct d2d_registry *registry, char **json);
D2D_API enum d2d_err d2d_registry_status(struct d2d_registry *registry, char **json);

/* ---- tokens and connection strings ---------------------------------------------------------------------------------- */

/* A SAS token made with the key of a connection string. resource NULL: what the string is for (the device, the hub, the
 * entity). Given: free *out with free(). */
D2D_API enum d2d_err d2d_token(const char *connection_string, const char *resource, int64_t now_ms, int64_t ttl_ms,
                               char **out);

/* The value of a field of a connection string ("HostName", "DeviceId", …; case matters not) into `out`; D2D_NOT_FOUND. */
D2D_API enum d2d_err d2d_connection_string_field(const char *connection_string, const char *field, char *out,
                                                 size_t cap);

#ifdef __cplusplus
}
#endif

#endif
