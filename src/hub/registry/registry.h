/* The devices: the records that change them. */
#pragma once

#include "core.h"

enum { REC_DEVICE = 3, REC_DEVICE_GONE = 4 };

extern const struct part registry_part;
