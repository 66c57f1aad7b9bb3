#include "device_row.h"

#include "output.h"

#include <stdio.h>
#include <stdlib.h>

const struct column device_columns[] = {{"deviceId", "DEVICE", 24},
                                        {"status", "STATUS", 8},
                                        {"connectionState", "CONNECTION", 12},
                                        {"lastActivityTime", "LAST ACTIVITY", 28},
                                        {"statusReason", "REASON", 0},
                                        {0}};

const struct column module_columns[] = {{"deviceId", "DEVICE", 24},
                                        {"moduleId", "MODULE", 16},
                                        {"managedBy", "MANAGED BY", 10},
                                        {"connectionState", "CONNECTION", 12},
                                        {"lastActivityTime", "LAST ACTIVITY", 0},
                                        {0}};

static const char *const auth_names[] = {
    [D2D_AUTH_KEY] = "key", [D2D_AUTH_THUMBPRINT] = "thumbprint", [D2D_AUTH_CA] = "ca"};

json_t *device_row(const struct d2d_identity *d)
{
    json_t *row =
        json_pack("{ss ss ss ss ss ss ss ss ss}", "deviceId", d->id, "status", d->enabled ? "enabled" : "disabled",
                  "statusReason", d->reason, "connectionState", d->connected ? "Connected" : "Disconnected",
                  "connectionStateUpdatedTime", d->connected_since, "lastActivityTime", d->last_activity,
                  "generationId", d->generation, "etag", d->etag, "authentication", auth_names[d->auth]);

    if (row && d->module[0]) {
        json_object_set_new(row, "moduleId", json_string(d->module));
        json_object_set_new(row, "managedBy", json_string(d->managed_by));
        json_object_del(row, "status");
        json_object_del(row, "statusReason");
    }
    if (row && d->auth == D2D_AUTH_THUMBPRINT)
        json_object_set_new(row, "thumbprints", json_pack("[ss]", d->primary_thumbprint, d->secondary_thumbprint));
    return row;
}

/* The longest plain list; more devices are asked for by pages. */
enum { LISTED_MAX = 1000 };

struct listing {
    uint64_t top; /* 0: all */
    uint64_t shown;
    const char *where; /* NULL: all */
    struct out out;
};

static bool is_enough(const struct listing *l)
{
    return cli_interrupted || (l->top && l->shown == l->top) || !output_flush();
}

static void print(struct listing *l, const struct d2d_identity *found, size_t n)
{
    for (size_t i = 0; i < n && !is_enough(l); i++, l->shown++)
        out_row(&l->out, device_row(&found[i]));
}

static enum d2d_err print_pages(struct d2d_registry *registry, struct listing *l)
{
    char after[D2D_AFTER_CAP] = "";

    do {
        struct d2d_identity *found = NULL;
        size_t n = 0;
        enum d2d_err e = d2d_registry_find(registry, l->where, after, &found, &n);

        if (e)
            return e;
        print(l, found, n);
        free(found);
    } while (after[0] && !is_enough(l));
    return D2D_OK;
}

static enum d2d_err list_devices(struct d2d_registry *registry, void *ctx)
{
    struct listing *l = ctx;
    struct d2d_identity *found = NULL;
    size_t n = 0, most = l->top && l->top < LISTED_MAX ? (size_t)l->top : LISTED_MAX;
    enum d2d_err e;

    if (l->where)
        return print_pages(registry, l);
    if ((e = d2d_registry_list(registry, most, &found, &n)))
        return e;
    if (n == LISTED_MAX && l->top != LISTED_MAX)
        e = print_pages(registry, l);
    if (!l->shown) /* also where this policy may list, but not ask: it gets what there is, and the error */
        print(l, found, n);
    free(found);
    return e;
}

static const struct opt options[] = {{"top", "N", "at most this many (all)", OPT_NUMBER,
                                      .offset = offsetof(struct listing, top), .least = 1, .most = INT64_MAX},
                                     {"where", "CONDITION", "only those that meet it: \"tags.floor = 2\"", OPT_TEXT,
                                      .offset = offsetof(struct listing, where)},
                                     {0}};

static enum status device_list(struct cli *c, void *values, int n, char **argv)
{
    struct listing *l = values;
    enum status status;

    (void)n;
    (void)argv;
    out_begin(&l->out, c->format, device_columns, "deviceId");
    status = cli_with_registry(c, list_devices, l, A_THING, "the list of devices");
    if (!status && !l->shown && l->where)
        say("no device meets the condition");
    else if (!status && !l->shown)
        say("there are no devices yet; `d2d device add NAME` makes one");
    return cli_interrupted ? INTERRUPTED : status;
}

const struct command command_device_list = {
    {.name = "device list",
     .usage = "[--where CONDITION] [--top N]",
     .summary = "list the devices, by id",
     .examples = "d2d device list\nd2d device list --top 10 -o table\n"
                 "d2d device list --where \"connectionState = 'Connected' AND tags.floor = 2\"\n",
     .options = options},
    device_list,
    sizeof(struct listing)};
