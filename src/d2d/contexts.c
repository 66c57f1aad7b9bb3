/* The commands about contexts, and `token`. */
#include "cli.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static enum status context_failed(const char *name, enum err e)
{
    fprintf(stderr, "d2d: context \"%s\": %s\n", name, err_text(e));
    return e == ERR_NOT_FOUND ? NOT_FOUND : e == ERR_ARGUMENT ? USAGE : FAILED;
}

/* The file as others will look for it, from wherever they stand. */
static bool absolute(const char *path, char *out, size_t cap)
{
    char *real = path ? realpath(path, NULL) : NULL;
    bool fits = !path || (real && bytes_to_str(bytes_str(real), out, cap));

    free(real);
    return fits;
}

static enum status context_add(struct cli *c, int argc, char **argv)
{
    struct context made = {0};
    enum status status;
    char current[65];
    bool stop;
    enum err e;
    int n;

    if ((status = cli_options(c, &command_context_add, NULL, argc, argv, &n, &stop)) || stop)
        return status;
    if (n != 1 || !context_name_valid(argv[1]))
        return cli_usage(&command_context_add, "which name? Letters, digits, '-', '_' and '.'");
    if ((status = cli_who(c, STRING_ANY)))
        return status;
    if (!absolute(c->ca_file, made.ca_file, sizeof made.ca_file)) {
        fprintf(stderr, "d2d: %s cannot be read: %m\n", c->ca_file);
        return FAILED;
    }
    snprintf(made.name, sizeof made.name, "%s", argv[1]);
    memcpy(made.connection_string, c->connection_string, sizeof made.connection_string);
    made.mqtts_port = c->mqtts_port;
    made.amqps_port = c->amqps_port;
    made.https_port = c->https_port;
    if ((e = context_save(&made)))
        return context_failed(argv[1], e);
    context_current(current);
    if (!current[0] && (e = context_use(argv[1])))
        return context_failed(argv[1], e);
    say("context \"%s\" is there%s", argv[1], current[0] ? "" : ", and current");
    return DONE;
}

const struct command command_context_add = {"context add", "NAME", "remember a hub, and who you are there",
                                            "d2d context add home --connection-string-file owner.cs --ca-file ca.pem\n",
                                            context_add};

static const struct column context_columns[] = {{"current", "", 1}, {"name", "NAME", 16}, {"host", "HOST", 0}, {0}};

struct listing {
    struct out out;
    char current[65];
};

static void list_one(void *ctx, const char *name)
{
    struct listing *l = ctx;
    struct context found;
    char host[256] = "";

    if (context_load(name, &found) == OK &&
        d2d_connection_string_field(found.connection_string, "HostName", host, sizeof host))
        d2d_connection_string_field(found.connection_string, "Endpoint", host, sizeof host);
    out_row(&l->out,
            json_pack("{ss ss ss}", "name", name, "host", host, "current", strcmp(name, l->current) == 0 ? "*" : ""));
}

static enum status context_ls(struct cli *c, int argc, char **argv)
{
    struct listing l;
    enum status status;
    bool stop;
    enum err e;
    int n;

    if ((status = cli_options(c, &command_context_ls, NULL, argc, argv, &n, &stop)) || stop)
        return status;
    out_begin(&l.out, c->format, context_columns, "name");
    context_current(l.current);
    e = context_each(list_one, &l);
    return e ? context_failed("", e) : DONE;
}

const struct command command_context_ls = {"context ls", "", "the contexts; * is the current one", "d2d context ls\n",
                                           context_ls};

static enum status context_change(struct cli *c, const struct command *command, enum err (*change)(const char *),
                                  int argc, char **argv)
{
    enum status status;
    bool stop;
    enum err e;
    int n;

    if ((status = cli_options(c, command, NULL, argc, argv, &n, &stop)) || stop)
        return status;
    if (n != 1)
        return cli_usage(command, "which one?");
    e = change(argv[1]);
    return e ? context_failed(argv[1], e) : DONE;
}

static enum status use_run(struct cli *c, int argc, char **argv)
{
    return context_change(c, &command_context_use, context_use, argc, argv);
}

static enum status rm_run(struct cli *c, int argc, char **argv)
{
    return context_change(c, &command_context_rm, context_remove, argc, argv);
}

const struct command command_context_use = {"context use", "NAME", "make it the current one", "d2d context use home\n",
                                            use_run};
const struct command command_context_rm = {"context rm", "NAME", "forget it", "d2d context rm home\n", rm_run};

static enum status token_run(struct cli *c, int argc, char **argv)
{
    const char *ttl = NULL, *resource = NULL;
    const struct opt opts[] = {
        {"ttl", "T", "how long it is good (1h)", &ttl, NULL, NULL, NULL},
        {"resource", "R", "what it is for (what the connection string is for)", &resource, NULL, NULL, NULL},
        {0}};
    struct timespec now;
    int64_t ttl_ms = 3600 * 1000;
    enum status status;
    enum d2d_err e;
    char *token;
    bool stop;
    int n;

    if ((status = cli_options(c, &command_token, opts, argc, argv, &n, &stop)) || stop)
        return status;
    if (n || (ttl && (duration_parse(bytes_str(ttl), &ttl_ms) || ttl_ms <= 0)))
        return cli_usage(&command_token, "it takes no arguments; --ttl is a duration (1h)");
    if ((status = cli_who(c, STRING_ANY)))
        return status;
    clock_gettime(CLOCK_REALTIME, &now);
    e = d2d_token(c->connection_string, resource, (int64_t)now.tv_sec * 1000, ttl_ms, &token);
    if (e)
        return cli_failed("token", e, "");
    puts(token);
    free(token);
    return DONE;
}

const struct command command_token = {"token", "[--ttl T] [--resource R]", "a SAS token, for tools that want one",
                                      "d2d token --as phone --ttl 1h\n", token_run};
