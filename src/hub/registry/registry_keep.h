/* The devices in the checkpoint. */
#pragma once

#include "keeping.h"

enum err registry_keep(struct keeping *) MUST_CHECK;
void registry_kept(struct keeping *, bool done);
enum err registry_load(struct hub *h) MUST_CHECK;
