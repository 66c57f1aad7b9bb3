/* Where the files of a person's programs are. */
#pragma once

#include "bytes.h"

/* $XDG_CONFIG_HOME/d2d and what is below, or ~/.config/d2d; false when neither is known or it does not fit. */
bool home_config(const char *below, char *out, size_t cap) MUST_CHECK;
