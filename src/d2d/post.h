/* `d2d send --to`: messages from an operator to a device, and what became of them. */
#pragma once

#include "bodies.h"
#include "cli.h"

struct posting {
    const char *to;
    struct d2d_message message; /* all but its body */
    struct bodies bodies;
    bool until_acked; /* wait for the feedback of each */
};

enum status post(struct cli *, const struct posting *);
