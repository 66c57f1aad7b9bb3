/* Mailboxes in the checkpoint. */
#pragma once

#include "core.h"

struct keeping;

/* mail_load.c: out of it. Under the shard's lock. */
enum err mail_load(struct hub *h, struct shard *s, struct identity *i) MUST_CHECK;
/* Into it. `was`: the device as the checkpoint has it; `is`: as it will have it, or NULL; `letters`: what
 * mailbox_copy() wrote. */
enum err mail_keep(struct keeping *, struct bytes id, const struct identity *was, const struct identity *is,
                   struct bytes letters) MUST_CHECK;
enum err mail_body(struct hub *h, struct bytes id, uint64_t at, struct buf *out) MUST_CHECK;
struct bytes mail_old_key(char out[STATE_KEY_MAX], struct bytes id);
struct bytes letter_prefix(char out[STATE_KEY_MAX], struct bytes id);
struct bytes mail_due_key(char out[STATE_KEY_MAX], struct bytes id, int64_t due_ms);
bool letter_number(struct bytes key, uint64_t *out) MUST_CHECK; /* in the key of a letter */
/* Ids of devices in the checkpoint that have something due, one behind the other as put_text() writes them. */
enum err mail_due(struct hub *h, int64_t wall_ms, struct buf *ids) MUST_CHECK;
