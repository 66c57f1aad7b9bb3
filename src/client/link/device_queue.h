/* Messages of a device, or to devices, that are not acknowledged: those on their way first, then those that wait, in
 * the order in which they were given. It has a ceiling of messages and of bytes. */
#pragma once

#include "d2d.h"
#include "err.h"
#include "list.h"

enum { QUEUE_ID_MAX = 65519 }; /* the others are left for who has something else to say */

struct queued {
    struct list link;
    d2d_sent *sent;     /* of a device */
    d2d_posted *posted; /* of an operator */
    void *ctx;
    uint16_t id; /* QoS 1: its packet id, or delivery tag, from the first time it was said */
    uint8_t qos;
    bool again; /* it was said on an earlier connection: DUP */
    size_t head_len, body_len;
    uint8_t bytes
        []; /* MQTT: topic, body. An operator's: message id with its NUL, AMQP message. Else: nothing, AMQP message */
};

struct device_queue {
    struct list all;
    struct list *next; /* the first that was not said on this connection; &all: none */
    size_t n, bytes, on_way;
    size_t n_max, bytes_max;
    uint16_t last_id;
};

void queue_init(struct device_queue *, size_t n_max, size_t bytes_max);
/* Makes the copy; who is told is filled in by the caller. ERR_FULL. */
enum err queue_put(struct device_queue *, struct bytes head, struct bytes body, uint8_t qos,
                   struct queued **out) MUST_CHECK;
struct bytes queued_head(const struct queued *);
struct bytes queued_body(const struct queued *);
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
