/* The log on standard error: logfmt or JSON lines, with time and level, and no more of them than a disk can bear.
 * Whoever logs never waits for whoever reads it. */
#pragma once

#include "config.h"

/* False: its thread cannot be made. Signals should be blocked. */
bool report_open(const struct config *c);
/* Level and form, while others log. */
void report_change(const struct config *c);
/* When the other threads have ended; waits a little for what is not written. */
void report_close(void);
/* Tells the service manager, if there is one ($NOTIFY_SOCKET): "READY=1", "STOPPING=1". */
void report_notify(const char *state);
