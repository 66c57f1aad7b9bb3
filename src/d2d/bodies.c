#include "bodies.h"

#include "cli.h"

#include "buf.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_CAP = 4 * 1024 * 1024 };

bool bodies_are_lines(const struct bodies *b)
{
    return !b->file && b->n == 1 && strcmp(b->argv[1], "-") == 0;
}

static enum d2d_err each_line(enum d2d_err (*each)(void *ctx, struct bytes body), void *ctx)
{
    char *line = NULL;
    size_t cap = 0;
    enum d2d_err e = D2D_OK;

    for (ssize_t n; !e && !cli_interrupted && (n = getline(&line, &cap, stdin)) >= 0;) {
        size_t len = (size_t)n;

        if (len && line[len - 1] == '\n')
            len--;
        e = each(ctx, bytes_of(line, len));
    }
    free(line);
    return e;
}

static enum d2d_err whole_file(const char *path, enum d2d_err (*each)(void *ctx, struct bytes body), void *ctx)
{
    struct buf body = buf_max(BODY_CAP);
    FILE *f = fopen(path, "re");
    enum d2d_err e = D2D_ARGUMENT;
    uint8_t block[65536];

    if (!f) {
        fprintf(stderr, "d2d: %s cannot be read: %m\n", path);
        return D2D_ARGUMENT;
    }
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        buf_put(&body, bytes_of(block, n));
    fclose(f);
    if (buf_check(&body) == OK)
        e = each(ctx, buf_bytes(&body));
    else
        fprintf(stderr, "d2d: %s is too large for a message\n", path);
    buf_free(&body);
    return e;
}

enum d2d_err bodies_each(const struct bodies *b, enum d2d_err (*each)(void *ctx, struct bytes body), void *ctx)
{
    enum d2d_err e = D2D_OK;

    if (b->file)
        return whole_file(b->file, each, ctx);
    if (bodies_are_lines(b))
        return each_line(each, ctx);
    for (int i = 1; !e && i <= b->n; i++)
        e = each(ctx, bytes_str(b->argv[i]));
    return e;
}
