/* Configurations over REST (service 4.11). What is kept is JSON as its client wrote it, brought into one form. */
#include "http_front.h"

#include "configurations.h"
#include "json_body.h"
#include "query.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

/* ---- what is told ------------------------------------------------------------------------------------------------ */

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

static enum err put_one(const struct http_request *r, struct buf *b, const struct doc *doc, struct bytes body)
{
    static const char *const kept[] = {"schemaVersion", "labels",          "content",
                                       "contentType",   "targetCondition", "priority"};
    char why[JSON_WHY_CAP];
    json_t *root = json_body(body, 0, why);
    struct configuration_counts counts;
    bool there = r->env->configurations && configurations_counts(r->env->configurations, bytes_str(doc->id), &counts);

    assert(doc->kind == DOC_CONFIGURATION && !configuration_is_gone(body));
    if (!root)
        return ERR_DAMAGED;
    buf_puts(b, "{\"id\":");
    buf_put_json(b, bytes_str(doc->id));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        put_member(b, kept[i], json_object_get(root, kept[i]));
    put_time(b, "createdTimeUtc", doc->created_ms);
    put_time(b, "lastUpdatedTimeUtc", doc->updated_ms);
    put_system_metrics(b, doc, root, there ? &counts : NULL);
    put_metrics(b, doc, root, there ? &counts : NULL);
    buf_printf(b, ",\"etag\":\"%s\"}", doc->etag);
    json_decref(root);
    return OK;
}

/* ---- what is kept ------------------------------------------------------------------------------------------------ */

static enum err refuse(struct http_answer *a, enum http_code code, const char *text)
{
    a->code = code;
    return http_says(a, ERR_ARGUMENT, "%s", text);
}

static bool id_valid(const char *id)
{
    size_t len = strlen(id);

    return len >= 1 && len <= ID_LEN_MAX && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-+%_*!'") == len;
}

static enum err no_such(const struct http_request *r, struct http_answer *a)
{
    a->code = CODE_NO_CONFIGURATION;
    return http_says(a, ERR_NOT_FOUND, "Configuration %.128s does not exist", r->names[0]);
}

/* Writes a kind of content; those that say nothing are left out, so that it comes back as it was meant. */
static enum err take_content(struct http_answer *a, const json_t *root, json_t *to, enum configures *kind)
{
    json_t *settings, *given = json_object_get(root, "content"), *key_settings;
    json_t *content = json_object();
    const char *bad = "", *key;
    enum err e = content ? OK : ERR_MEMORY;

    if (!e && configuration_content(given, kind, &settings))
        e = refuse(a, CODE_CONTENT, "The content must be one of deviceContent, modulesContent and moduleContent");
    if (!e && (json_object_set(content, configures_name(*kind), settings) || json_object_set(to, "content", content)))
        e = ERR_MEMORY;
    if (!e && *kind != CONFIGURES_EDGE)
        e = configuration_check(settings, &bad);
    else if (!e)
        json_object_foreach(settings, key, key_settings) if (!e) e =
            device_id_valid(bytes_str(key)) ? configuration_check(key_settings, &bad) : ERR_ARGUMENT;
    json_decref(content);
    if (e == ERR_ARGUMENT && !a->code) {
        a->code = CODE_CONTENT;
        return http_says(a, e, "A setting of the content cannot be applied: '%.100s'", bad);
    }
    return e;
}

static enum err take_target(struct http_answer *a, const json_t *root, json_t *to, enum configures kind)
{
    json_t *text = json_object_get(root, "targetCondition");
    struct condition *condition = NULL;
    struct complaint why;
    bool targets;
    enum err e;

    if (text && !json_is_string(text) && !json_is_null(text))
        return refuse(a, CODE_TARGET, "targetCondition must be a text");
    e = configuration_target(bytes_str(json_string_value(text)), kind, &targets, &condition, &why);
    condition_free(condition);
    if (e == ERR_ARGUMENT) {
        a->code = CODE_TARGET;
        return http_says(a, e, "The target condition is refused: %s", why.text);
    }
    if (!e && json_object_set_new(to, "targetCondition", json_string(targets ? json_string_value(text) : "")))
        e = ERR_MEMORY;
    return e;
}

static enum err check_query(struct http_answer *a, const char *name, const json_t *text)
{
    struct complaint why = {.e = OK};
    struct query q;
    enum err e;

    if (!json_is_string(text))
        return refuse(a, CODE_METRICS, "A query of a metric must be a text");
    e = query_open(&q, bytes_str(json_string_value(text)), &why);
    query_close(&q);
    if (!e)
        return OK;
    a->code = CODE_METRICS;
    return http_says(a, ERR_ARGUMENT, "The query of the metric '%.60s' is refused: %s", name, why.text);
}

static enum err take_metrics(struct http_answer *a, const json_t *root, json_t *to)
{
    json_t *queries = json_object_get(json_object_get(root, "metrics"), "queries"), *text;
    const char *name;
    enum err e = OK;

    if (queries && !json_is_object(queries) && !json_is_null(queries))
        return refuse(a, CODE_METRICS, "metrics.queries must be an object");
    if (json_object_size(queries) > CONFIGURATION_METRICS_MAX)
        return refuse(a, CODE_METRICS, "A configuration must have at most five metrics");
    json_object_foreach(queries, name, text) if (!e) e = check_query(a, name, text);
    if (!e && json_object_set_new(to, "queries", json_is_object(queries) ? json_incref(queries) : json_object()))
        e = ERR_MEMORY;
    return e;
}

static enum err take_rest(struct http_answer *a, const json_t *root, json_t *to)
{
    json_t *priority = json_object_get(root, "priority"), *labels = json_object_get(root, "labels");
    json_t *version = json_object_get(root, "schemaVersion");

    if (priority && !json_is_null(priority) && (!json_is_integer(priority) || json_integer_value(priority) < 0))
        return refuse(a, CODE_ARGUMENT, "priority must be a whole number, 0 or more");
    if (labels && !json_is_null(labels) && !json_is_object(labels))
        return refuse(a, CODE_ARGUMENT, "labels must be an object");
    if (json_object_set_new(to, "priority", json_integer(json_integer_value(priority))) ||
        json_object_set_new(to, "labels", labels ? json_incref(labels) : json_null()) ||
        json_object_set_new(to, "schemaVersion", json_is_string(version) ? json_incref(version) : json_string("1.0")) ||
        json_object_set_new(to, "contentType", json_string("assignment")))
        return ERR_MEMORY;
    return OK;
}

/* The form in which it is kept. */
static enum err take(struct http_request *r, struct http_answer *a, const json_t *root, json_t *to)
{
    const json_t *id = json_object_get(root, "id");
    enum configures kind = CONFIGURES_DEVICES;
    enum err e;

    if (!id_valid(r->names[0]))
        return refuse(a, CODE_ARGUMENT, "A configuration id must be 1 to 128 of a-z 0-9 - + % _ * ! '");
    if (!json_is_object(root))
        return refuse(a, CODE_ARGUMENT, "The body must be a configuration");
    if (json_is_string(id) && strcmp(json_string_value(id), r->names[0]) != 0)
        return refuse(a, CODE_ARGUMENT, "The id of the body is not that of the path");
    if ((e = take_content(a, root, to, &kind)) || (e = take_target(a, root, to, kind)) ||
        (e = take_metrics(a, root, to)))
        return e;
    return take_rest(a, root, to);
}

/* Reads what is there, also one that was deleted and is not gone everywhere yet: `body` is empty then. */
static enum err look(const struct http_request *r, struct buf *body, struct doc *doc)
{
    return hub_doc_get(r->env->hub, DOC_CONFIGURATION, bytes_str(r->names[0]), body, doc);
}

static size_t count_all(struct hub *hub, size_t *alive)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc = {.id = ""};
    size_t n = 0;

    *alive = 0;
    while (!hub_doc_next(hub, DOC_CONFIGURATION, bytes_str(doc.id), &body, &doc)) {
        n++;
        *alive += body.len > 0;
        buf_clear(&body);
    }
    buf_free(&body);
    assert(*alive <= n);
    return n;
}

/* Whether it may be made, or changed into that. */
static enum err may_put(struct http_request *r, struct http_answer *a, const json_t *to, struct match *match)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc;
    enum err e = look(r, &body, &doc);
    size_t alive;

    assert(json_object_get(to, "content")); /* it is in the form in which it is kept */
    if ((e == ERR_NOT_FOUND || (!e && configuration_is_gone(buf_bytes(&body)))) && match->how != MATCH_NONE) {
        e = no_such(r, a);
    } else if (e == ERR_NOT_FOUND || (!e && configuration_is_gone(buf_bytes(&body)))) {
        match->how = e ? MATCH_NONE : MATCH_ANY;
        e = OK;
        if (count_all(r->env->hub, &alive) >= CONFIGURATIONS_ROOM || alive >= CONFIGURATIONS_ALIVE) {
            a->code = CODE_CONFIGURATIONS;
            e = http_says(a, ERR_LIMIT, "A hub must have at most %d configurations", CONFIGURATIONS_ALIVE);
        }
    } else if (!e && match->how == MATCH_NONE) {
        a->code = CODE_CONFIGURATION_EXISTS;
        e = http_says(a, ERR_EXISTS, "Configuration %.128s already exists", r->names[0]);
    } else if (!e) {
        char why[JSON_WHY_CAP];
        json_t *was = json_body(buf_bytes(&body), 0, why);

        if (!json_equal(json_object_get(was, "content"), json_object_get(to, "content")))
            e = refuse(a, CODE_CONTENT, "The content of a configuration cannot change: make another one");
        json_decref(was);
    }
    buf_free(&body);
    return e;
}

static enum err put(struct http_request *r, struct http_answer *a, const json_t *to)
{
    struct match match = http_match(r->head);
    struct buf text = buf_max(DOC_LEN_MAX);
    struct doc doc;
    uint64_t at = 0;
    enum err e = may_put(r, a, to, &match);

    if (!e && !(e = json_put(to, &text)) && text.bad) {
        a->code = CODE_BODY_SIZE;
        e = http_says(a, ERR_TOO_LARGE, "A configuration must be at most %d bytes", DOC_LEN_MAX);
    }
    if (!e)
        e = hub_doc_put(r->env->hub, DOC_CONFIGURATION, bytes_str(r->names[0]), buf_bytes(&text), match, r->now_ms,
                        &doc, &at);
    if (!e) {
        http_audit(r, "configuration-set", "configuration", bytes_str(doc.id), NULL);
        front_wait_for(r->front, at);
        if (r->env->configurations)
            configurations_changed(r->env->configurations);
        e = put_one(r, &a->body, &doc, buf_bytes(&text));
    }
    buf_free(&text);
    return e;
}

/* ---- the routes ------------------------------------------------------------------------------------------------- */

enum err http_configuration_put(struct http_request *r, struct http_answer *a)
{
    json_t *to = json_object(), *root = NULL;
    enum err e = to ? http_json(r->body, &root, a) : ERR_MEMORY;

    if (!e && !(e = take(r, a, root, to)))
        e = put(r, a, to);
    json_decref(root);
    json_decref(to);
    return e;
}

enum err http_configuration_get(struct http_request *r, struct http_answer *a)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc;
    enum err e = look(r, &body, &doc);

    if (e == ERR_NOT_FOUND || (!e && configuration_is_gone(buf_bytes(&body))))
        e = no_such(r, a);
    else if (!e)
        e = put_one(r, &a->body, &doc, buf_bytes(&body));
    buf_free(&body);
    return e;
}

/* It stays as an empty document until what it had set is gone everywhere (configuration.h). */
enum err http_configuration_delete(struct http_request *r, struct http_answer *a)
{
    struct match match = http_match(r->head);
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc;
    uint64_t at = 0;
    enum err e = look(r, &body, &doc);

    if (e == ERR_NOT_FOUND || (!e && configuration_is_gone(buf_bytes(&body)))) {
        e = no_such(r, a);
    } else if (!e) {
        if (match.how == MATCH_NONE)
            match.how = MATCH_ANY;
        e = hub_doc_put(r->env->hub, DOC_CONFIGURATION, bytes_str(r->names[0]), NO_BYTES, match, r->now_ms, &doc, &at);
    }
    if (!e) {
        http_audit(r, "configuration-deleted", "configuration", bytes_str(doc.id), NULL);
        front_wait_for(r->front, at);
        if (r->env->configurations)
            configurations_changed(r->env->configurations);
        a->status = 204;
    }
    buf_free(&body);
    return e;
}

/* Clients ask for more than there can be. */
static enum err take_top(const struct http_request *r, struct http_answer *a, uint64_t *most)
{
    char text[24];
    enum err e = http_query(r->head->query, BYTES("top"), text, sizeof text);

    *most = CONFIGURATIONS_ALIVE;
    if (e == ERR_NOT_FOUND)
        return OK;
    if (e || !bytes_to_u64(bytes_str(text), most) || !*most)
        return http_says(a, ERR_ARGUMENT, "top must be a number above 0");
    return OK;
}

enum err http_configurations_list(struct http_request *r, struct http_answer *a)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc = {.id = ""};
    uint64_t most, n = 0;
    enum err e = take_top(r, a, &most);

    buf_puts(&a->body, "[");
    while (!e && n < most && !hub_doc_next(r->env->hub, DOC_CONFIGURATION, bytes_str(doc.id), &body, &doc)) {
        if (!configuration_is_gone(buf_bytes(&body))) {
            buf_puts(&a->body, n++ ? "," : "");
            e = put_one(r, &a->body, &doc, buf_bytes(&body));
        }
        buf_clear(&body);
    }
    buf_puts(&a->body, "]");
    buf_free(&body);
    return e;
}

enum err http_configurations_test(struct http_request *r, struct http_answer *a)
{
    struct http_answer refused = {.status = 200};
    json_t *root, *to = json_object(), *queries, *text;
    const char *name;
    bool first = true;
    enum err e = to ? http_json(r->body, &root, a) : ERR_MEMORY;

    if (e) {
        json_decref(to);
        return e;
    }
    const char *target = json_string_value(json_object_get(root, "targetCondition"));
    bool modules = target && strcasestr(target, "devices.modules");
    buf_puts(&a->body, "{\"targetConditionError\":");
    buf_put_json(&a->body, take_target(&refused, root, to, modules ? CONFIGURES_MODULES : CONFIGURES_DEVICES)
                               ? bytes_str(refused.text)
                               : BYTES(""));
    buf_puts(&a->body, ",\"customMetricQueryErrors\":{");
    queries = json_object_get(root, "customMetricQueries");
    json_object_foreach(queries, name, text)
    {
        if (!check_query(&refused, name, text))
            continue;
        buf_puts(&a->body, first ? "" : ",");
        buf_put_json(&a->body, bytes_str(name));
        buf_puts(&a->body, ":");
        buf_put_json(&a->body, bytes_str(refused.text));
        first = false;
    }
    buf_puts(&a->body, "}}");
    json_decref(root);
    json_decref(to);
    return OK;
}
