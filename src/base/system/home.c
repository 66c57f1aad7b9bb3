#include "home.h"

#include <stdio.h>
#include <stdlib.h>

bool home_config(const char *below, char *out, size_t cap)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = 0;

    if (config && *config)
        n = snprintf(out, cap, "%s/d2d%s", config, below);
    else if (home && *home)
        n = snprintf(out, cap, "%s/.config/d2d%s", home, below);
    return n > 0 && (size_t)n < cap;
}
