/* An AMQP message as an event of d2d.h. */
#pragma once

#include "buf.h"
#include "d2d.h"
#include "limits.h"

#include <proton/message.h>

/* Room for the texts and properties of one event; the event looks into it until the next one is decoded. */
struct event_room {
    pn_message_t *message;
    struct buf raw, text;
    struct d2d_property properties[PROPS_MAX];
};

enum err event_room_open(struct event_room *) MUST_CHECK;
void event_room_close(struct event_room *);
/* Of what is in room->raw. service 2.8. ERR_MALFORMED. */
enum err event_view(struct event_room *, const char *partition, struct d2d_event *out) MUST_CHECK;
