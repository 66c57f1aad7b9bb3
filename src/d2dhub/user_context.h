/* The contexts that the command line d2d has for this hub, in the home of whoever typed the command. With sudo that is
 * not root: then everything in that home is done as its owner, in a process of its own, so that no link there leads
 * root anywhere. */
#pragma once

#include "facts.h"

/* For a new hub: a context with a copy of the certificate authority beside it. The contexts of other hubs stay,
 * whatever they are called; the one of a hub that was in the same data folder before is replaced. It becomes the
 * current one when none is. Says on standard error what it is called. */
enum err user_context_make(const struct config *, const json_t *facts) MUST_CHECK;
/* For a hub that runs: contexts of it get the ports that it has now. Gives how many were not up to date. */
int user_context_follow(const struct config *, const json_t *facts);
/* Appends the certificate authority of the current context. ERR_NOT_FOUND. */
enum err user_context_ca(struct buf *out) MUST_CHECK;
