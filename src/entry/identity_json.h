/* An identity as JSON (service 4.3, 4.5): of a device, or of a module. */
#pragma once

#include "entry_fault.h"
#include "hub.h"

#include <jansson.h>

enum { IDENTITY_JSON_MAX = 2400 }; /* the longest one */

void identity_json_put(struct buf *, const struct device *);
/* In base64, or null. */
void identity_json_put_key(struct buf *, const struct key_bytes *);
/* Members of it, with a comma before them. */
void identity_json_put_authentication(struct buf *, const struct device *);
void identity_json_put_edge(struct buf *, const struct device *);

/* Status, reason, authentication and edge of an object that is spelled as it should be; who manages it and
 * authentication, where out->id names a module. */
enum err identity_json_take(const json_t *, struct device *out, struct entry_fault *) MUST_CHECK;
