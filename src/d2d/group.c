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
    json_array_foreach(groups, i, group) out_row(&out, json_pack("{ss}", "name", name_of(group)));
    json_decref(groups);
    return DONE;
}

const struct command command_group_list = {
    {.name = "group list", .usage = "", .summary = "list the consumer groups", .examples = "d2d group list\n"},
    group_list,
    0};

/* "host_name" is "hostName" in what d2d prints, as all names are. */
static json_t *with_our_names(const json_t *from)
{
    json_t *made = json_object(), *value;
    const char *key;

    json_object_foreach((json_t *)from, key, value)
    {
        char name[64];
        size_t n = 0;

        for (const char *at = key; *at && n + 1 < sizeof name; at++)
            if (*at != '_')
                name[n++] = at > key && at[-1] == '_' && *at >= 'a' && *at <= 'z' ? (char)(*at - ('a' - 'A')) : *at;
        name[n] = 0;
        if (json_is_array(value)) {
            json_t *list = json_array(), *one;
            size_t i;

            json_array_foreach(value, i, one) json_array_append_new(list, with_our_names(one));
            json_object_set_new(made, name, list);
        } else {
            json_object_set(made, name, value);
        }
    }
    return made;
}

/* For people: a line each, then the partitions. */
static void put_status(const json_t *hub)
{
    static const struct column columns[] = {{"partition", "PARTITION", 10},
                                            {"beginSequenceNumber", "FIRST", 10},
                                            {"lastEnqueuedSequenceNumber", "LAST", 10},
                                            {"lastEnqueuedTimeUtc", "LAST ENQUEUED", 0},
                                            {0}};
    const char *key;
    json_t *value, *partition;
    struct out out;
    size_t i;

    json_object_foreach((json_t *)hub, key, value)
    {
        char *text = json_is_string(value) ? NULL : json_text(value, JSON_COMPACT | JSON_ENCODE_ANY);

        if (!json_is_array(value))
            printf("%-28s %s\n", key, text ? text : json_string_value(value));
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
    static const struct column columns[] = {{"hostName", "HOST", 24},
                                            {"scopeId", "ID SCOPE", 12},
                                            {"devices", "DEVICES", 8},
                                            {"disabledDevices", "DISABLED", 8},
                                            {"connectedDevices", "CONNECTED", 9},
                                            {"eventsReceived", "EVENTS", 8},
                                            {"bytesReceived", "BYTES", 8},
                                            {"consumerGroups", "GROUPS", 6},
                                            {"partitionCount", "PARTITIONS", 0},
                                            {0}};
    json_t *answer, *hub;
    char *text = NULL;

    (void)values;
    (void)n;
    (void)argv;
    if ((status = cli_with_registry(c, get_status, &text, A_THING, "the hub")))
        return status;
    if (!(answer = out_parsed(text)))
        return FAILED;
    hub = with_our_names(answer);
    json_decref(answer);
    out_begin(&out, c->format, columns, "hostName");
    if (out.format == OUT_TABLE)
        put_status(hub);
    else
        out_row(&out, json_incref(hub));
    json_decref(hub);
    return DONE;
}

const struct command command_hub_status = {{.name = "hub status",
                                            .usage = "",
                                            .summary = "show the devices, connections and partitions of the hub",
                                            .examples = "d2d hub status\n"},
                                           hub_status,
                                           0};
