#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

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

static enum status group_add(struct cli *c, void *values, int n, char **argv)
{
    struct one_change one = {.make = d2d_registry_group_add, .name = argv[n]};

    (void)values;
    return cli_with_registry(c, make_change, &one, A_CONSUMER_GROUP, argv[n]);
}

static enum status group_rm(struct cli *c, void *values, int n, char **argv)
{
    struct one_change one = {.make = d2d_registry_group_remove, .name = argv[n]};

    (void)values;
    return cli_with_registry(c, make_change, &one, A_CONSUMER_GROUP, argv[n]);
}

const struct command command_group_add = {{.name = "group add",
                                           .usage = "NAME",
                                           .summary = "make a consumer group",
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

static enum d2d_err get_status(struct d2d_registry *registry, void *ctx)
{
    return d2d_registry_status(registry, ctx);
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
    json_array_foreach(groups, i, group)
    {
        const char *name =
            json_is_string(group) ? json_string_value(group) : json_string_value(json_object_get(group, "name"));

        out_row(&out, json_pack("{ss}", "name", name ? name : ""));
    }
    json_decref(groups);
    return DONE;
}

const struct command command_group_list = {
    {.name = "group list", .usage = "", .summary = "list the consumer groups", .examples = "d2d group list\n"},
    group_list,
    0};

/* For people: the hub in three lines, then its partitions. */
static void print_status(const json_t *hub)
{
    static const struct column columns[] = {{"partition", "PARTITION", 10},
                                            {"begin_sequence_number", "FIRST", 10},
                                            {"last_enqueued_sequence_number", "LAST", 10},
                                            {"last_enqueued_time_utc", "LAST ENQUEUED", 0},
                                            {0}};
    static const char *const skipped[] = {"partitions", NULL};
    const char *key;
    json_t *value, *partition;
    struct out out;
    size_t i;

    json_object_foreach((json_t *)hub, key, value)
    {
        char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

        if (strcmp(key, skipped[0]))
            printf("%-24s %s\n", key, text ? text : json_string_value(value));
        free(text);
    }
    puts("");
    out_begin(&out, OUT_TABLE, columns, "partition");
    json_array_foreach(json_object_get(hub, "partitions"), i, partition) out_row(&out, json_incref(partition));
}

static enum status hub_status(struct cli *c, void *values, int n, char **argv)
{
    enum status status;
    struct out out;
    json_t *hub;
    char *text = NULL;

    (void)values;
    (void)n;
    (void)argv;
    if ((status = cli_with_registry(c, get_status, &text, A_THING, "the hub")))
        return status;
    if (!(hub = out_parsed(text)))
        return FAILED;
    out_begin(&out, c->format, NULL, "host_name");
    if (out.format == OUT_TABLE || out.format == OUT_TSV)
        print_status(hub);
    else
        out_row(&out, json_incref(hub));
    json_decref(hub);
    return DONE;
}

const struct command command_hub_status = {{.name = "hub status",
                                            .usage = "",
                                            .summary = "show what the hub has: devices, connections, partitions",
                                            .examples = "d2d hub status\n"},
                                           hub_status,
                                           0};
