#include "secret.h"

#include <stdlib.h>
#include <time.h>

struct token_values {
    int64_t ttl_ms; /* 0: an hour */
    const char *resource, *out;
    int replace;
};

static const struct opt token_options[] = {
    {"ttl", "T", "expires after this time (1h)", OPT_DURATION, .offset = offsetof(struct token_values, ttl_ms),
     .least = 1000},
    {"resource", "URI", "resource that it is valid for (that of the connection string)", OPT_TEXT,
     .offset = offsetof(struct token_values, resource)},
    {"out", "FILE", "write it to this file, readable by you only (standard output)", OPT_TEXT,
     .offset = offsetof(struct token_values, out), .what = OPT_FILE},
    {"replace", NULL, "overwrite that file", OPT_FLAG, .offset = offsetof(struct token_values, replace)},
    {0}};

static const struct column columns[] = {{"token", "TOKEN", 0}, {0}};

static enum status token_run(struct cli *c, void *values, int n, char **argv)
{
    const struct token_values *wanted = values;
    struct timespec now;
    struct secret secret;
    enum status status;
    enum d2d_err e;
    char *token, why[D2D_WHY_CAP];

    (void)n;
    (void)argv;
    if ((status = cli_choose_identity(c, STRING_ANY)))
        return status;
    clock_gettime(CLOCK_REALTIME, &now);
    e = d2d_token(c->connection_string, wanted->resource, (int64_t)now.tv_sec * 1000,
                  wanted->ttl_ms ? wanted->ttl_ms : 3600 * 1000, &token, why);
    if (e)
        return cli_failed("token", e, why);
    if (!(status = secret_open(&secret, wanted->out, wanted->replace))) {
        secret_form(&secret, c->format, columns, "token");
        status = secret_put(&secret, json_pack("{ss}", "token", token));
    }
    secret_close(&secret);
    free(token);
    return status;
}

const struct command command_token = {{.name = "token",
                                       .usage = "[--ttl T] [--resource URI]",
                                       .summary = "print a SAS token for another tool",
                                       .examples = "d2d token --as phone --ttl 1h\n",
                                       .options = token_options},
                                      token_run,
                                      sizeof(struct token_values)};
