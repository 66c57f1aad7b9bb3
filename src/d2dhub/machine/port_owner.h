/* Which program listens on a TCP port, as far as /proc tells. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* "mosquitto (process 812)". False when nobody does, or when it is somebody whom we may not look at. */
bool port_owner(int port, char *out, size_t cap);
