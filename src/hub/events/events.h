/* Events as a part of the hub: its partitions, their readers. */
#pragma once

#include "core.h"

extern const struct part event_part;
