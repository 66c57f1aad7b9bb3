/* The subcommands: what is told of each, and what it does once its configuration is read. argv begins with its name.
 * Each gives the exit status. */
#pragma once

#include "config.h"

struct command {
    struct opt_command told;
    int (*run)(struct config *c, int argc, char **argv);
};

extern const struct command command_init, command_run, command_check, command_show, command_backup, command_restore,
    command_repair;
