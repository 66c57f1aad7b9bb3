/* Direct methods that a device was asked and has not answered: at most ASKED_MAX, each under a number that is used
 * once. / */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASKED_MAX = 128, ASKED_NAME_CAP = 64 };

/* How the hub names a call: the text of its rid over MQTT; over AMQP the bytes of a uuid, or a text. */
struct asked {
    uint64_t id;
    bool uuid;
    size_t len;
    uint8_t name[ASKED_NAME_CAP];
};

struct asked_list {
    struct asked *at; /* NULL: direct methods are not listened to */
    size_t n;
    uint64_t last; /* number that was given out */
};

enum err asked_open(struct asked_list *) MUST_CHECK;
void asked_close(struct asked_list *);
/* NULL: it is full, or the name too long. Valid until the next call. */
const struct asked *asked_add(struct asked_list *, struct bytes name, bool uuid);
/* False: it is not among them. */
bool asked_take(struct asked_list *, uint64_t id, struct asked *out) MUST_CHECK;
void asked_clear(struct asked_list *); /* the connection is gone */
