/* Messages of a device that are not acknowledged: those on their way first, then those that wait, in the order in which they
 * were given. It has a ceiling of messages and of bytes. */
#pragma once

#include "d2d.h"
#include "err.h"
#include "list.h"

struct queued {
    struct list link;
    d2d_sent *sent;
    void *ctx;
    uint16_t id; /* QoS 1: its packet id from the first time it was said */
    uint8_t qos;
    bool again; /* it was said on an earlier connection: DUP */
    size_t topic_len, body_len;
    uint8_t bytes[]; /* topic, body */
};

struct device_queue {
    struct list all;
    struct list *next; /* the first that was not said on this connection; &all: none */
    size_t n, bytes, on_way;
    size_t n_max, bytes_max;
    uint16_t last_id;
};

void queue_init(struct device_queue *, size_t n_max, size_t bytes_max);
/* Makes the copy. ERR_FULL; ERR_TOO_LARGE, ERR_ARGUMENT: the message will never do. */
enum err queue_put(struct device_queue *, const char *device, const struct d2d_message *, uint8_t qos, d2d_sent *sent,
                   void *ctx) MUST_CHECK;
/* The next to be said, or NULL. It has its packet id. */
struct queued *queue_next(struct device_queue *);
/* It was said. QoS 1 stays until it is acknowledged; QoS 0 is taken out and given back to the caller: free(). */
void queue_said(struct device_queue *, struct queued *);
/* Takes out the one on its way that has this packet id; NULL: there is none. Given: free(). */
struct queued *queue_acked(struct device_queue *, uint16_t id);
/* Takes out any. Given: free(). NULL when empty. */
struct queued *queue_take(struct device_queue *);
/* The connection is gone: all that was on its way is said again, with DUP (MQTT-3.3.1-1). */
void queue_rewind(struct device_queue *);
/* Nobody is told any more what becomes of messages with this ctx. */
void queue_forget(struct device_queue *, const void *ctx);
