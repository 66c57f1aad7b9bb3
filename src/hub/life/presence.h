/* Identities that were told as connected and not as gone yet (service 7): a hub that was killed tells of them when it
 * is back. The checkpoint has them as "l/{name}", and events in the log behind it say the rest, so that no record is
 * written for this. */
#pragma once

#include "core.h"

struct event_facts;
struct keeping;

enum err presence_make(struct hub *h);
void presence_free(struct hub *h);
enum err presence_keep(struct keeping *);
void presence_kept(struct keeping *, bool done);
/* An event that the hub told is in the log that is replayed. */
void presence_event(struct hub *h, const struct event_facts *, uint64_t at);
/* The log was replayed, and there are no other threads: whoever is connected by it was left so. */
enum err presence_replayed(struct hub *h);

/* It was told, by the event at this place. */
void presence_told(struct hub *h, struct bytes name, bool connected, uint64_t at);
/* True, and never again: it was left connected, and nobody was told that it is not. */
bool presence_take_left(struct hub *h, struct bytes name);
/* It could not be told: it is one of those again. */
void presence_leave(struct hub *h, struct bytes name);
/* An identity of those that were left; false: there is none. */
bool presence_left(struct hub *h, char out[IDENTITY_LEN_MAX + 1]);
