/* The log on standard error: logfmt or JSON lines, with time and level, and no more of them than a disk can bear. */
#pragma once

#include "config.h"

void report_open(const struct config *c);
/* Tells the service manager, if there is one ($NOTIFY_SOCKET): "READY=1", "STOPPING=1". */
void report_notify(const char *state);
