/* Room for the texts and properties of one message that came, and what reads the common parts of an AMQP message into
 * it. */
#pragma once

#include "amqp_message.h"
#include "ceilings.h"
#include "d2d.h"

/* A message that was read looks into it until the next one is read. */
struct message_room {
    struct amqp_message message; /* of what is in `raw` */
    struct buf raw, text;
    struct d2d_property properties[PROPS_MAX];
};

void room_init(struct message_room *);
void room_close(struct message_room *);

/* Empties `text` and makes so much room there that texts of `len` bytes, taken apart, do not move while they are kept.
 */
enum err room_begin(struct message_room *, size_t len) MUST_CHECK;
/* A copy with a NUL behind it. */
const char *room_keep(struct message_room *, struct bytes);
const char *room_keep_value(struct message_room *, const struct amqp_value *); /* numbers as text; "" for none */

/* Adds one of the *n properties, with texts that are kept; past PROPS_MAX they are left out. */
void room_add_property(struct message_room *, size_t *n, const char *name, const char *value);

/* Reads what is in `raw` into `message`. ERR_MALFORMED. */
enum err room_decode(struct message_room *) MUST_CHECK;
/* Calls `each` for every pair of a map. */
typedef void room_pair(struct message_room *, const struct amqp_value *key, const struct amqp_value *value, void *ctx);
void room_each(struct message_room *, const struct amqp_value *map, room_pair *each, void *ctx);
bool key_is(const struct amqp_value *key, const char *name);
/* The body as bytes: data sections, or a value that is text or bytes. Never NULL. */
struct bytes room_body(struct message_room *);
