/* Events of life as a part of the hub (hub_life.h). */
#pragma once

#include "core.h"

extern const struct part life_part;
