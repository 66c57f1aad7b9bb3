/* The folder in which a person's programs keep their files. */
#pragma once

#include "bytes.h"

/* $XDG_CONFIG_HOME/d2d and what is below, or ~/.config/d2d; false when neither is known or it does not fit. */
bool home_config(const char *below, char *out, size_t cap) MUST_CHECK;
