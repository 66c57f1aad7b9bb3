/* A program for each event: its body on standard input, its properties in the environment. */
#pragma once

#include "d2d.h"

/* Runs `sh -c command` and waits. Gives its exit status; 128 and more for a signal; -1 when it could not be started.
 * Environment: D2D_DEVICE, D2D_PARTITION, D2D_SEQUENCE, D2D_OFFSET, D2D_ENQUEUED, D2D_MESSAGE_ID, D2D_CORRELATION_ID,
 * D2D_CONTENT_TYPE, and D2D_PROP_NAME for each property, its name in capitals with everything but letters and digits as '_'.
 * A sender can thus set no other variable. */
int run_for_event(const char *command, const struct d2d_event *event);
