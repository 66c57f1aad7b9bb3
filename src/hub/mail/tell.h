/* Telling a seat that there is mail: a wake without contents, once it is durable. */
#pragma once

#include "core.h"

/* Under the shard's lock: there may be something for the seat of this device. */
void mail_tell(struct hub *h, struct identity *i, uint64_t at);
/* Under the shard's lock: wakes it, once the record at this place is on disk. Whoever has several reasons to wait is
 * woken for the first, looks, and waits again. */
void seat_tell(struct hub *h, struct seat *seat, uint64_t at);
/* True if the record at this place is on disk. */
bool mail_is_durable(struct hub *h, uint64_t at);
/* Under the shard's lock: a seat is taken, or ends. */
void mail_seated(struct hub *h, struct identity *i, struct seat *seat);
void mail_unseated(struct hub *h, struct identity *i, struct seat *seat);
/* Its owner lets go of it. */
void mail_seat_free(struct seat *seat);
/* The store grew: seats that waited for that are woken. */
void mail_grew(struct hub *h);
