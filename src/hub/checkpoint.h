/* The checkpoint as a whole. */
#pragma once

#include "core.h"

enum err checkpoint_load(struct hub *h) MUST_CHECK;
