#include "configuration_show.h"

#include "json_body.h"
#include "text.h"

#include <assert.h>

static void put_member(struct buf *b, const char *name, const json_t *value)
{
    buf_printf(b, ",\"%s\":", name);
    if (json_is_string(value))
        buf_put_json(b, bytes_of(json_string_value(value), json_string_length(value)));
    else if (json_is_integer(value))
        buf_printf(b, "%lld", (long long)json_integer_value(value));
    else if (!json_is_object(value) || json_put(value, b))
        buf_puts(b, "null");
}

static void put_time(struct buf *b, const char *name, int64_t ms)
{
    char time[ISO_TIME_CAP];

    iso_time(ms, time);
    buf_printf(b, ",\"%s\":\"%s\"", name, time);
}

/* Queries that can be run: for whom it targets, on whom all of it applies, and which edge devices say so. */
static void put_system_queries(struct buf *b, const struct doc *doc, const json_t *root)
{
    static const char reported[] = " and moduleId = '$edgeAgent' and properties.desired.$version = "
                                   "properties.reported.lastDesiredVersion and "
                                   "properties.reported.lastDesiredStatus.code";
    struct bytes target = bytes_trim(bytes_str(json_string_value(json_object_get(root, "targetCondition"))));
    const json_t *content = json_object_get(root, "content");
    bool modules = json_object_get(content, configures_name(CONFIGURES_MODULES));
    struct buf text = buf_max(DOC_LEN_MAX);

    if (!target.len)
        return;
    buf_puts(&text, modules ? "select deviceId, moduleId " : "select deviceId from devices");
    if (!modules && !bytes_eq(target, BYTES("*")))
        buf_puts(&text, " where ");
    if (!bytes_eq(target, BYTES("*")))
        buf_put(&text, target);
    buf_puts(b, "\"targetedCount\":");
    buf_put_json(b, buf_bytes(&text));
    buf_printf(b, ",\"appliedCount\":\"select deviceId%s where configurations.[[%s]].status = 'Applied'\"",
               modules ? ", moduleId from devices.modules" : " from devices", doc->id);
    if (json_object_get(content, configures_name(CONFIGURES_EDGE)))
        for (int fails = 0; fails < 2; fails++)
            buf_printf(b,
                       ",\"reported%sCount\":\"select deviceId from devices.modules where "
                       "configurations.[[%s]].status = 'Applied'%s %s 200\"",
                       fails ? "Failed" : "Successful", doc->id, reported, fails ? "!=" : "=");
    buf_free(&text);
}

/* The counts, and how they are queried; no counts before the first round. `counts` may be NULL. */
static void put_system_metrics(struct buf *b, const struct doc *doc, const json_t *root,
                               const struct configuration_counts *counts)
{
    buf_puts(b, ",\"systemMetrics\":{\"results\":{");
    if (counts)
        buf_printf(b, "\"targetedCount\":%llu,\"appliedCount\":%llu", (unsigned long long)counts->targeted,
                   (unsigned long long)counts->applied);
    if (counts && json_object_get(json_object_get(root, "content"), configures_name(CONFIGURES_EDGE)))
        buf_printf(b, ",\"reportedSuccessfulCount\":%llu,\"reportedFailedCount\":%llu",
                   (unsigned long long)counts->succeeded, (unsigned long long)counts->failed);
    buf_puts(b, "},\"queries\":{");
    put_system_queries(b, doc, root);
    buf_puts(b, "}}");
}

/* Metrics of its own, as they were counted for it as it is. */
static void put_metrics(struct buf *b, const struct doc *doc, const json_t *root,
                        const struct configuration_counts *counts)
{
    json_t *queries = json_object_get(root, "queries"), *query;
    const char *name, *before = "";
    size_t i = 0;

    buf_puts(b, ",\"metrics\":{\"results\":{");
    json_object_foreach(queries, name, query)
    {
        uint64_t result = counts && i < CONFIGURATION_METRICS_MAX && strcmp(counts->etag, doc->etag) == 0
                              ? counts->metrics[i]
                              : METRIC_UNKNOWN;

        i++;
        if (result == METRIC_UNKNOWN)
            continue;
        buf_puts(b, before);
        buf_put_json(b, bytes_str(name));
        buf_printf(b, ":%llu", (unsigned long long)result);
        before = ",";
    }
    buf_puts(b, "},\"queries\":");
    if (json_put(queries, b))
        buf_puts(b, "{}");
    buf_puts(b, "}");
}

enum err configuration_show(struct buf *b, const struct doc *doc, struct bytes body,
                            const struct configuration_counts *counts)
{
    static const char *const kept[] = {"schemaVersion", "labels",          "content",
                                       "contentType",   "targetCondition", "priority"};
    char why[JSON_WHY_CAP];
    json_t *root = json_body(body, 0, why);

    assert(doc->kind == DOC_CONFIGURATION && !configuration_is_gone(body));
    if (!root)
        return ERR_DAMAGED;
    buf_puts(b, "{\"id\":");
    buf_put_json(b, bytes_str(doc->id));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        put_member(b, kept[i], json_object_get(root, kept[i]));
    put_time(b, "createdTimeUtc", doc->created_ms);
    put_time(b, "lastUpdatedTimeUtc", doc->updated_ms);
    put_system_metrics(b, doc, root, counts);
    put_metrics(b, doc, root, counts);
    buf_printf(b, ",\"etag\":\"%s\"}", doc->etag);
    json_decref(root);
    return OK;
}
