/* Letters that cannot be read. */
#pragma once

#include "core.h"

struct keeping;

/* Outside of all locks. The body of this letter can be read neither in the log nor in the checkpoint: nobody will ever
 * get it, so it leaves, and its sender is told. ERR_BUSY: somebody who could read it has it. */
enum err mail_lost(struct hub *h, struct bytes id, uint64_t sequence, int64_t now_ms) MUST_CHECK;
/* Drops the lost letters that a checkpoint came across. */
void mail_give_up(const struct keeping *);
