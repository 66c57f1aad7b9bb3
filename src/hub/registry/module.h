/* Modules of a device (service 4.5): identities beside it in its shard, named "device/module". They go with it. All of
 * this is called under the shard's lock. */
#pragma once

#include "core.h"

/* OK: this module, which is not there yet, may come. ERR_NOT_FOUND: there is no such device; ERR_LIMIT: MODULES_MAX. */
enum err module_may_come(struct hub *h, struct shard *s, const struct identity *module) MUST_CHECK;
/* A record made it: its device knows that it has modules. */
void module_came(struct identity *device, uint64_t at);
/* Their seats end: the device was disabled. */
void modules_end_seats(struct hub *h, struct shard *s, const struct identity *device, enum err why, int64_t now_ms);
/* The keys of the device are others now: the seats of those end that came by them. */
void modules_end_seats_by_device(struct hub *h, struct shard *s, const struct identity *device, int64_t now_ms);
/* The device goes, and they with it. Not `was_there`: it went before, in a checkpoint that is ahead of the log. */
enum err modules_unset(struct hub *h, struct shard *s, struct bytes id, bool was_there, int64_t now_ms,
                       uint64_t at) MUST_CHECK;
/* $edgeAgent and $edgeHub are there while it is an edge device. *at: of the last record, where there was one. */
enum err edge_modules_follow(struct hub *h, struct shard *s, struct identity *device, int64_t now_ms,
                             uint64_t *at) MUST_CHECK;
/* The names of all modules of this device as put_text() writes them, in no order. To be freed. */
enum err modules_names(struct hub *, const struct shard *, struct bytes device, struct buf *out) MUST_CHECK;
