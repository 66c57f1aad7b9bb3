/* Mailboxes in the checkpoint, and letters that cannot be read. */
#pragma once

#include "core.h"

struct keeping;

/* mail_keep.c: mailboxes and bodies in the checkpoint; mail_load.c: out of it */
enum err mail_load(struct hub *h, struct shard *s, struct identity *i) MUST_CHECK;
/* `was`: the device as the checkpoint has it; `is`: as it will have it, or NULL; `letters`: what mailbox_copy()
 * wrote. */
enum err mail_keep(struct keeping *, struct bytes id, const struct identity *was, const struct identity *is,
                   struct bytes letters) MUST_CHECK;
/* lost.c: outside of all locks. The body of this letter can be read neither in the log nor in the checkpoint: nobody
 * will ever get it, so it leaves, and its sender is told. ERR_BUSY: somebody who could read it has it. */
enum err mail_lost(struct hub *h, struct bytes id, uint64_t sequence, int64_t now_ms) MUST_CHECK;
/* Those that a checkpoint came across. */
void mail_give_up(struct keeping *, int64_t now_ms);
enum err mail_body(struct hub *h, struct bytes id, uint64_t at, struct buf *out) MUST_CHECK;
struct bytes mail_old_key(char out[STATE_KEY_MAX], struct bytes id);
struct bytes letter_prefix(char out[STATE_KEY_MAX], struct bytes id);
struct bytes mail_due_key(char out[STATE_KEY_MAX], struct bytes id, int64_t due_ms);
bool letter_number(struct bytes key, uint64_t *out) MUST_CHECK; /* in the key of a letter */
/* Ids of devices in the checkpoint that have something due, one behind the other as put_text() writes them. */
enum err mail_due(struct hub *h, int64_t wall_ms, struct buf *ids) MUST_CHECK;
