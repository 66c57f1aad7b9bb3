/* A cloud-to-device message as it came, as a d2d_c2d of d2d.h. */
#pragma once

#include "message_room.h"

/* Whether an MQTT topic is that of the mailbox of a device, or of the inputs of a module: `path` is "devices/{d}" or
 * "devices/{d}/modules/{m}". */
bool incoming_is_ours(const char *path, struct bytes topic);
/* Of an MQTT PUBLISH (device 2.10). ERR_MALFORMED: the topic is none of this device's mailbox. */
enum err incoming_mqtt(struct message_room *, const char *path, struct bytes topic, struct bytes body,
                       struct d2d_c2d *out) MUST_CHECK;
/* Of the AMQP message in room->raw (device 3.7). ERR_MALFORMED. */
enum err incoming_amqp(struct message_room *, struct d2d_c2d *out) MUST_CHECK;
