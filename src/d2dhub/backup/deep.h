/* d2dhub check --deep: reads all of a hub's data, whether it runs or not. */
#pragma once

#include "config.h"

/* The exit status; every damage was printed. */
int check_deep(const struct config *);
