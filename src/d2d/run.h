/* A program for each message: its body on standard input, its properties in the environment. */
#pragma once

#include "d2d.h"

struct variable {
    const char *name, *value;
};

/* What a program is started for. */
struct occasion {
    const struct variable *variables; /* NULL name at the end */
    const struct d2d_property *properties;
    size_t n_properties;
    const void *body;
    size_t body_len;
};

/* Runs `sh -c command` and waits. Gives its exit status; 128 and more for a signal; -1 when it could not be started.
 * Environment: the variables, and D2D_PROP_NAME for each property, its name in capitals with everything but letters and
 * digits as '_'. A sender can thus set no other variable. */
int run_program(const char *command, const struct occasion *);
