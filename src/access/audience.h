/* The audience of a token, its "sr" (device 1.3): a host, and the path of an identity or an entity. Some clients escape
 * it, once, twice or three times: each form is tried. auth.h has what else is asked of it. */
#pragma once

#include "bytes.h"
#include "env.h"

/* True if a token for this lets the device or module in; `scope` is then the form that does, as `who.scope` has it.
 * `policy`: it is not its own key that signed. */
bool audience_fits_device(const struct front_env *, struct bytes sr, struct bytes device, bool policy, char *scope,
                          size_t cap) MUST_CHECK;
/* Of a policy's token: the first form that names a host of ours, or the plain one. False: it cannot be read. */
bool audience_of_policy(const struct front_env *, struct bytes sr, char *scope, size_t cap) MUST_CHECK;
/* True if it names a host of ours in one of its forms. */
bool audience_is_ours(const struct front_env *, struct bytes sr) MUST_CHECK;
