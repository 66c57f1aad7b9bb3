#include "cli.h"
#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>

static enum d2d_err get_status(struct d2d_registry *registry, void *ctx)
{
    return d2d_registry_status(registry, ctx);
}

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
    json_array_foreach(json_object_get(hub, "partitions"), i, partition)
    {
        out_never(partition);
        if (json_integer_value(json_object_get(partition, "lastEnqueuedSequenceNumber")) < 0)
            json_object_set_new(partition, "lastEnqueuedSequenceNumber", json_string("-"));
        out_row(&out, json_incref(partition));
    }
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
