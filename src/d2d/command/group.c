#include "cli.h"

#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

typedef enum d2d_err change(struct d2d_registry *registry, const char *name);

struct one_change {
    change *make;
    const char *name;
};

static enum d2d_err make_change(struct d2d_registry *registry, void *ctx)
{
    const struct one_change *one = ctx;

    return one->make(registry, one->name);
}

static const char *name_of(const json_t *group)
{
    const char *name = json_string_value(json_is_string(group) ? group : json_object_get(group, "name"));

    return name ? name : "";
}

/* A hub answers alike whether it made the group or had it. */
static enum d2d_err make_new(struct d2d_registry *registry, const char *name)
{
    char *text = NULL;
    enum d2d_err e = d2d_registry_groups(registry, &text);
    json_t *groups = text ? json_loads(text, 0, NULL) : NULL, *group;
    size_t i;

    json_array_foreach(groups, i, group) if (strcasecmp(name_of(group), name) == 0) e = D2D_EXISTS;
    json_decref(groups);
    free(text);
    return e ? e : d2d_registry_group_add(registry, name);
}

static enum status group_add(struct cli *c, void *values, int n, char **argv)
{
    struct one_change one = {.make = make_new, .name = argv[n]};
    enum status status = cli_with_registry(c, make_change, &one, A_CONSUMER_GROUP, argv[n]);

    (void)values;
    if (!status)
        say("consumer group \"%s\" is created", argv[n]);
    return status;
}

static enum status group_rm(struct cli *c, void *values, int n, char **argv)
{
    struct one_change one = {.make = d2d_registry_group_remove, .name = argv[n]};
    enum status status = cli_with_registry(c, make_change, &one, A_CONSUMER_GROUP, argv[n]);

    (void)values;
    if (!status)
        say("consumer group \"%s\" is deleted", argv[n]);
    return status;
}

const struct command command_group_add = {{.name = "group add",
                                           .usage = "NAME",
                                           .summary = "create a consumer group",
                                           .examples = "d2d group add alarms\n",
                                           .least = 1,
                                           .most = 1},
                                          group_add,
                                          0};
const struct command command_group_rm = {{.name = "group rm",
                                          .usage = "NAME",
                                          .summary = "delete a consumer group",
                                          .examples = "d2d group rm alarms\n",
                                          .least = 1,
                                          .most = 1},
                                         group_rm,
                                         0};

static enum d2d_err get_groups(struct d2d_registry *registry, void *ctx)
{
    return d2d_registry_groups(registry, ctx);
}

static enum status group_list(struct cli *c, void *values, int n, char **argv)
{
    static const struct column columns[] = {{"name", "GROUP", 0}, {0}};
    enum status status;
    struct out out;
    json_t *groups, *group;
    size_t i;
    char *text = NULL;

    (void)values;
    (void)n;
    (void)argv;
    if ((status = cli_with_registry(c, get_groups, &text, A_THING, "the consumer groups")))
        return status;
    if (!(groups = out_parsed(text)))
        return FAILED;
    out_begin(&out, c->format, columns, "name");
    json_array_foreach(groups, i, group) out_row(&out, json_pack("{ss}", "name", name_of(group)));
    json_decref(groups);
    return DONE;
}

const struct command command_group_list = {
    {.name = "group list", .usage = "", .summary = "list the consumer groups", .examples = "d2d group list\n"},
    group_list,
    0};
