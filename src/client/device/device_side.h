/* A device as its conversations see it, whatever they speak: messages to be sent, messages that were given and are not
 * settled, and who is told. */
#pragma once

#include "asked.h"
#include "device_queue.h"
#include "inbox.h"
#include "message_room.h"
#include "twin_side.h"

enum settlement { SETTLE_COMPLETE, SETTLE_ABANDON, SETTLE_REJECT };

struct device_side {
    const char *id;   /* "DEVICE" or "DEVICE/MODULE": the client id of MQTT (device 2.2) */
    const char *path; /* "devices/DEVICE" or "devices/DEVICE/modules/MODULE" */
    bool is_module;
    struct twin_side twin;
    struct device_queue queue;
    struct inbox inbox;       /* no room: messages from the cloud are not asked for */
    struct asked_list asked;  /* not open: nor are direct methods */
    struct message_room room; /* MQTT: of the message that is being given */
    bool auto_complete;
    size_t window; /* QoS 1 messages on their way at once */
    int64_t timeout_ms;
    bool gone; /* the owner was freed in one of its callbacks: nothing of it is touched any more */
    void (*opened)(void *ctx);
    void (*listening)(void *ctx);
    void (*done)(void *ctx, struct queued *, enum d2d_err); /* given: free() */
    void (*c2d)(void *ctx, const struct d2d_c2d *);
    void (*call)(void *ctx, const struct d2d_call *);
    /* The last call. D2D_OK: a fresh connection is wanted, at once. */
    void (*ended)(void *ctx, enum d2d_err why, const char *detail);
    void *ctx;
};

static inline bool side_wants_c2d(const struct device_side *s)
{
    return s->inbox.max > 0;
}

static inline bool side_wants_calls(const struct device_side *s)
{
    return s->asked.at != NULL;
}
