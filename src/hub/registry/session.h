/* The session of a device, kept with its identity (device 2.6). */
#pragma once

#include "core.h"

enum { REC_SESSION = 5 };

enum err session_apply(struct hub *h, const struct record *r) MUST_CHECK;
