/* Requests to $management, the redirect of a hub, and receivers with their filters: what a receiver says, and how
 * answers are read. */
#pragma once

#include "events_talk.h"

void ask_where(struct events_talk *); /* the hub, which redirects (service 2.9) */
/* Host and entity are lent until the next message is read. */
bool read_redirect(struct events_talk *, pn_link_t *, struct bytes *host, int *port, struct bytes *entity);
void ask_open(struct events_talk *);                      /* the links of $management */
enum err ask_partitions(struct events_talk *) MUST_CHECK; /* service 2.5 */
enum err ask_tail(struct events_talk *, const struct progress *) MUST_CHECK;
/* Reads an answer, in room->raw. Adds partitions, or sets the one's position to its end. The status when it was
 * refused, else 0. */
int read_answer(struct events_talk *);
/* Attaches the receiver of a partition. */
enum err attach(struct events_talk *, struct progress *) MUST_CHECK;
/* Whether the hub said that it honours the filter by sender. */
bool filter_is_honoured(struct events_talk *, pn_link_t *);
