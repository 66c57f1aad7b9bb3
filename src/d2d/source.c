#include "source.h"

#include "cli.h"

#include "buf.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BODY_CAP = 4 * 1024 * 1024, BLOCK = 65536 };

bool source_is_lines(const struct source *b)
{
    return !b->file && b->n == 1 && strcmp(b->argv[1], "-") == 0;
}

int source_was_empty(void)
{
    complain("nothing was sent: standard input has no line; `d2d send ''` sends an empty message");
    return FAILED;
}

static bool goes_on(const struct taker *t)
{
    return !cli_interrupted && !*t->ended;
}

/* Until there is some, or its end; Ctrl-C wakes the loop. */
static void wait_for_input(const struct taker *t)
{
    struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = d2d_loop_fd(t->loop), .events = POLLIN}};

    do {
        p[0].revents = p[1].revents = 0;
        if (poll(p, 2, d2d_loop_timeout_ms(t->loop)) <= 0 || p[1].revents)
            d2d_loop_turn(t->loop);
    } while (!p[0].revents && goes_on(t));
}

/* False at its end. */
static bool read_input(struct buf *in, enum d2d_err *e)
{
    uint8_t *to = buf_grow(in, BLOCK);
    ssize_t n = to ? read(STDIN_FILENO, to, BLOCK) : 0;

    if (!to)
        complain("a line of standard input is too large for a message");
    else if (n < 0 && errno != EINTR && errno != EAGAIN)
        complain("standard input cannot be read: %m");
    else {
        in->len -= BLOCK - (n > 0 ? (size_t)n : 0);
        return n != 0;
    }
    *e = D2D_ARGUMENT;
    return false;
}

/* The last one may lack its newline. */
static enum d2d_err take_lines(const struct taker *t, struct buf *in, bool last)
{
    struct bytes rest = buf_bytes(in);
    enum d2d_err e = D2D_OK;

    while (!e && goes_on(t)) {
        size_t len = bytes_find(rest, '\n');

        if (len == rest.len && !(last && len))
            break;
        e = t->each(t->ctx, bytes_first(rest, len));
        rest = bytes_skip(rest, len < rest.len ? len + 1 : len);
    }
    buf_drop(in, in->len - rest.len);
    return e;
}

static enum d2d_err each_line(const struct taker *t)
{
    struct buf in = buf_max(BODY_CAP + BLOCK);
    enum d2d_err e = D2D_OK;
    bool more = true;

    while (!e && more && goes_on(t)) {
        wait_for_input(t);
        if (!goes_on(t))
            break;
        more = read_input(&in, &e);
        if (!e)
            e = take_lines(t, &in, !more);
    }
    buf_free(&in);
    return e;
}

static enum d2d_err whole_file(const char *path, const struct taker *t)
{
    struct buf body = buf_max(BODY_CAP);
    FILE *f = fopen(path, "re");
    enum d2d_err e = D2D_ARGUMENT;
    uint8_t block[BLOCK];

    while (f && !feof(f) && !ferror(f))
        buf_put(&body, bytes_of(block, fread(block, 1, sizeof block, f)));
    if (!f || ferror(f))
        complain("--file %s cannot be read: %m", path);
    else if (buf_check(&body))
        complain("--file %s is too large for a message", path);
    else
        e = t->each(t->ctx, buf_bytes(&body));
    if (f)
        fclose(f);
    buf_free(&body);
    return e;
}

enum d2d_err source_each(const struct source *b, const struct taker *t)
{
    enum d2d_err e = D2D_OK;

    if (b->file)
        return whole_file(b->file, t);
    if (source_is_lines(b))
        return each_line(t);
    for (int i = 1; !e && i <= b->n; i++)
        e = t->each(t->ctx, bytes_str(b->argv[i]));
    return e;
}
