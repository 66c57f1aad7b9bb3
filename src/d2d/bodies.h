/* Where the messages of a command come from: its arguments, a file, or the lines of standard input. */
#pragma once

#include "bytes.h"
#include "d2d.h"

struct bodies {
    const char *file; /* NULL: the arguments; "-" as the only one: lines */
    int n;
    char **argv; /* from 1 */
};

bool bodies_are_lines(const struct bodies *);
/* Calls `each` until it fails or there are no more. D2D_ARGUMENT with a line to stderr: the file is none. */
enum d2d_err bodies_each(const struct bodies *, enum d2d_err (*each)(void *ctx, struct bytes body), void *ctx);
