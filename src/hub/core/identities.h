/* Identities in memory. All of it under the shard's lock. */
#pragma once

#include "core.h"

/* The identity of that name (name.h), from memory or the checkpoint; ERR_NOT_FOUND also for a deleted one. It may be
 * pushed out of memory by the next call. */
enum err identity_get(struct hub *h, struct shard *s, struct bytes name, struct identity **out) MUST_CHECK;
/* The same for who has another one in hand, which stays in memory. */
enum err identity_get_beside(struct hub *h, struct shard *s, struct bytes name, const struct identity *stays,
                             struct identity **out) MUST_CHECK;
/* The same, or one that is not there yet (`gone`), so that what follows cannot fail. `stays` may be NULL. */
enum err identity_make(struct hub *h, struct shard *s, struct bytes name, const struct identity *stays,
                       struct identity **out) MUST_CHECK;
/* Undoes what was made for a record that could not be appended. */
void identity_unmake(struct shard *s, struct identity *i);
/* It is out of the map. NULL is fine. */
void identity_free(struct shard *s, struct identity *i);
/* Nobody uses it, and the checkpoint knows all of it. */
bool identity_may_go(const struct hub *h, const struct identity *i);
/* The same, to let it go now; false also where the checkpoint has to learn before when it was seen last. */
bool identity_leaves(struct hub *h, struct identity *i);
/* Of its value in the checkpoint: "d/{device}", "mod/{device}/{module}". */
struct bytes identity_key(char out[STATE_KEY_MAX], struct bytes name);
/* The device of a module; the module stays in memory. */
enum err identity_parent(struct hub *h, struct shard *s, const struct identity *module,
                         struct identity **out) MUST_CHECK;
/* A module is as disabled as its device is (device 1.3). */
bool identity_disabled(struct hub *h, struct shard *s, const struct identity *i);
/* The places of their values in the checkpoint: the prefix of all, and the key behind which to go on; NO_BYTES: from
 * the first. ERR_ARGUMENT: `after` is no name. */
enum err identities_behind(bool modules, struct bytes after, char key[STATE_KEY_MAX], struct bytes *prefix,
                           struct bytes *from) MUST_CHECK;
/* Adds the names behind `after` of devices, or of modules, that the checkpoint may not know yet. Takes the lock of each
 * shard, one after the other. */
struct ids;
void identities_made(struct hub *h, bool modules, struct bytes after, struct ids *ids);
