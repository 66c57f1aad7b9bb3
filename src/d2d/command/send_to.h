/* `d2d send --to`: messages from an operator to a device, and what became of them. */
#pragma once

#include "cli.h"
#include "source.h"

struct send_to {
    const char *to;
    struct d2d_message message; /* all but its body */
    struct source source;
    bool until_acked; /* wait for the feedback of each */
};

enum status send_to_device(struct cli *, const struct send_to *);
