/* The devices: the records that change them. */
#pragma once

#include "core.h"

enum { REC_DEVICE = 3, REC_DEVICE_GONE = 4 };

/* A change of an identity, with its record. Under the shard's lock: as hub_device_put(); drops it whatever it is. */
enum err device_put(struct hub *h, struct shard *s, const struct device *wanted, struct match match, int64_t now_ms,
                    struct device *out, uint64_t *at) MUST_CHECK;
enum err device_drop(struct hub *h, struct shard *s, struct identity *i, int64_t now_ms, uint64_t *at) MUST_CHECK;
/* Under the shard's lock: it is gone, and a device's modules with it. What is not there is fine: the record may be
 * applied twice. */
enum err identity_unset(struct hub *h, struct shard *s, struct bytes name, int64_t now_ms, uint64_t at) MUST_CHECK;

extern const struct part registry_part;
