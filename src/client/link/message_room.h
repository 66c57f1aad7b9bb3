/* Room for the texts and properties of one message that came, and what reads the common parts of an AMQP message into
 * it. */
#pragma once

#include "buf.h"
#include "ceilings.h"
#include "d2d.h"

#include <proton/message.h>

/* A message that was read looks into it until the next one is read. */
struct message_room {
    pn_message_t *message;
    struct buf raw, text;
    struct d2d_property properties[PROPS_MAX];
};

enum err room_open(struct message_room *) MUST_CHECK;
void room_close(struct message_room *);

/* Empties `text` and makes so much room there that texts of `len` bytes, taken apart, do not move while they are kept.
 */
enum err room_begin(struct message_room *, size_t len) MUST_CHECK;
/* A copy with a NUL behind it. */
const char *room_keep(struct message_room *, struct bytes);
const char *room_keep_atom(struct message_room *, pn_atom_t);       /* numbers as text; "" for what has none */
const char *room_keep_str(struct message_room *, const char *text); /* NULL: "" */

/* Decodes what is in `raw` into `message`. ERR_MALFORMED. */
enum err room_decode(struct message_room *) MUST_CHECK;
/* Calls `each` for every pair of a map. */
void room_each(struct message_room *, pn_data_t *map,
               void (*each)(struct message_room *, pn_atom_t key, pn_atom_t value, void *ctx), void *ctx);
bool atom_is(pn_atom_t key, const char *name);
/* The body as bytes: one data section, or a string. */
struct bytes room_body(struct message_room *);
