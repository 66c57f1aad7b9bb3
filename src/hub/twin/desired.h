/* Changes of what is desired, which wait until the device takes them. */
#pragma once

#include "twin_record.h"

/* The fields of a seat are in struct seat. */

/* Under the shard's lock: room for what desired_add() puts, which then cannot fail. */
enum err desired_reserve(const struct twin_told *) MUST_CHECK;
void desired_add(struct hub *h, const struct twin_told *, uint64_t at);

void desired_seated(struct hub *h, struct identity *i, struct seat *seat);
void desired_seat_free(struct seat *seat);
