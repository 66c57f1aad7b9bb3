/* An AMQP message as an event of d2d.h. */
#pragma once

#include "message_room.h"

/* Of what is in room->raw. service 2.8. ERR_MALFORMED. */
enum err event_view(struct message_room *, const char *partition, struct d2d_event *out) MUST_CHECK;
