/* Contexts: which hub, and as whom, kept in a file that only its owner can read. `d2dhub init` writes the first one;
 * the files are $XDG_CONFIG_HOME/d2d/contexts/NAME.json and, for the current one's name,
 * $XDG_CONFIG_HOME/d2d/current. */
#pragma once

#include "err.h"

struct context {
    char name[65];
    char ca_file[4096];
    char address[256];                      /* where TCP goes; "" to the host of the connection string */
    int mqtts_port, amqps_port, https_port; /* 0: the standard one */
    char connection_string[4096];
    char event_hub_connection_string[4096]; /* "" when there is none */
};

/* NULL: the current one. ERR_NOT_FOUND, ERR_MALFORMED (with a line to stderr), ERR_IO. */
enum err context_load(const char *name, struct context *out) MUST_CHECK;
bool context_exists(const char *name);
/* Writes it with mode 0600; an existing one is replaced. */
enum err context_save(const struct context *c) MUST_CHECK;
enum err context_remove(const char *name) MUST_CHECK;
enum err context_use(const char *name) MUST_CHECK;
/* The name of the current one, "" when there is none. */
void context_current(char name[65]);
/* Letters, digits, '-', '_' and '.', not beginning with a dot. */
bool context_name_valid(const char *name);
/* Calls `visit` for each, by name. */
enum err context_each(void (*visit)(void *ctx, const char *name), void *ctx) MUST_CHECK;
