/* The source of a command's messages: its arguments, a file, or the lines of standard input. */
#pragma once

#include "bytes.h"
#include "d2d.h"

struct source {
    const char *file; /* NULL: the arguments; "-" as the only one: lines */
    int n;
    char **argv; /* from 1 */
};

bool source_is_lines(const struct source *);
/* Says so; the exit status of a command that had nothing to send. */
int source_was_empty(void);
/* The taker of messages: a line of standard input leaves before the next one comes, so the loop runs meanwhile. */
struct taker {
    struct d2d_loop *loop;
    const enum d2d_err *ended; /* not D2D_OK: nothing more is taken */
    enum d2d_err (*each)(void *ctx, struct bytes body);
    void *ctx;
};

/* Calls `each` until it fails, the taker has ended or there are no more. D2D_ARGUMENT with a line to stderr: they
 * cannot be read. */
enum d2d_err source_each(const struct source *, const struct taker *);
