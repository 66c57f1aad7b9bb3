/* The commands about contexts. */
#include "secret.h"

#include <stdio.h>
#include <stdlib.h>

static enum status context_failed(const char *name, enum err e)
{
    if (e == ERR_NOT_FOUND)
        complain("context \"%s\" does not exist; `d2d context list` shows those that do", name);
    else if (e == ERR_ARGUMENT)
        complain("a context's name has letters, digits, '-', '_' and '.', and does not begin with '.', unlike \"%s\"",
                 name);
    else if (!*name)
        complain("the list of contexts: %s: %m", err_text(e));
    else
        complain("context \"%s\": %s: %m", name, err_text(e));
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

struct add_values {
    int replace;
};

static const struct opt add_options[] = {
    {"replace", NULL, "overwrite a context of this name", OPT_FLAG, .offset = offsetof(struct add_values, replace)},
    {0}};

static enum status context_add(struct cli *c, void *values, int n, char **argv)
{
    const struct add_values *v = values;
    const char *environment = getenv("D2D_CONNECTION_STRING");
    struct context made = {0};
    struct d2d_options options;
    enum status status;
    char current[65];
    enum err e;

    (void)n;
    if (!context_name_valid(argv[1]))
        return cli_usage(&command_context_add,
                         "a NAME has letters, digits, '-', '_' and '.', and does not begin with '.'");
    if (!v->replace && context_exists(argv[1])) {
        complain("context \"%s\" already exists; --replace overwrites it, or choose another name", argv[1]);
        return REFUSED;
    }
    if (!c->connection_string_file && !(environment && *environment) && !c->as && !c->has_slot)
        return cli_usage(&command_context_add, "--connection-string-file is missing (or D2D_CONNECTION_STRING, --as or "
                                               "--slot): the identity that the context saves");
    if ((status = cli_choose_identity(c, STRING_ANY)))
        return status;
    cli_fill_options(c, &options);
    if (!absolute(options.ca_file, made.ca_file, sizeof made.ca_file)) {
        complain("%s cannot be read: %m", options.ca_file);
        return FAILED;
    }
    snprintf(made.name, sizeof made.name, "%s", argv[1]);
    memcpy(made.connection_string, c->connection_string, sizeof made.connection_string);
    snprintf(made.address, sizeof made.address, "%s", options.host ? options.host : "");
    made.mqtts_port = options.mqtts_port;
    made.amqps_port = options.amqps_port;
    made.https_port = options.https_port;
    if ((e = context_save(&made)))
        return context_failed(argv[1], e);
    context_current(current);
    if (!current[0] && (e = context_use(argv[1])))
        return context_failed(argv[1], e);
    say("context \"%s\" is saved%s", argv[1],
        current[0] ? "; `d2d context use` makes it the current one" : ", and is the current one");
    return DONE;
}

const struct command command_context_add = {
    {.name = "context add",
     .usage = "NAME",
     .summary = "save a hub and a connection string under a name",
     .examples = "d2d context add home --connection-string-file owner.cs --ca-file ca.pem\n",
     .options = add_options,
     .least = 1,
     .most = 1},
    context_add,
    sizeof(struct add_values)};

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

static enum status context_list(struct cli *c, void *values, int n, char **argv)
{
    struct listing l;
    enum err e;

    (void)values;
    (void)n;
    (void)argv;
    out_begin(&l.out, c->format, context_columns, "name");
    context_current(l.current);
    e = context_each(list_one, &l);
    return e ? context_failed("", e) : DONE;
}

const struct command command_context_list = {{.name = "context list",
                                              .usage = "",
                                              .summary = "list the contexts; * is the current one",
                                              .examples = "d2d context list\n"},
                                             context_list,
                                             0};

static enum status use_run(struct cli *c, void *values, int n, char **argv)
{
    const char *environment = getenv("D2D_CONTEXT");
    enum err e = context_use(argv[1]);

    (void)c;
    (void)values;
    (void)n;
    if (e)
        return context_failed(argv[1], e);
    say("context \"%s\" is the current one", argv[1]);
    if (environment && *environment && strcmp(environment, argv[1]) != 0)
        say("but D2D_CONTEXT in the environment selects \"%s\" instead", environment);
    return DONE;
}

static enum status rm_run(struct cli *c, void *values, int n, char **argv)
{
    enum err e = context_remove(argv[1]);

    (void)c;
    (void)values;
    (void)n;
    if (e)
        return context_failed(argv[1], e);
    say("context \"%s\" is deleted", argv[1]);
    return DONE;
}

const struct command command_context_use = {{.name = "context use",
                                             .usage = "NAME",
                                             .summary = "make a context the current one",
                                             .examples = "d2d context use home\n",
                                             .least = 1,
                                             .most = 1,
                                             .first = OPT_CONTEXT},
                                            use_run,
                                            0};
const struct command command_context_rm = {{.name = "context rm",
                                            .usage = "NAME",
                                            .summary = "delete a context",
                                            .examples = "d2d context rm home\n",
                                            .least = 1,
                                            .most = 1,
                                            .first = OPT_CONTEXT},
                                           rm_run,
                                           0};
