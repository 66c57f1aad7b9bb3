#include "configuration_take.h"

#include "query.h"

#include <string.h>

static enum err refuse(struct entry_fault *f, int number, const char *text)
{
    f->number = number;
    return entry_says(f, ERR_ARGUMENT, "%s", text);
}

bool configuration_id_valid(const char *id)
{
    size_t len = strlen(id);

    return len >= 1 && len <= ID_LEN_MAX && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-+%_*!'") == len;
}

/* Writes a kind of content; those that say nothing are left out, so that it comes back as it was meant. */
static enum err take_content(struct entry_fault *f, const json_t *root, json_t *to, enum configures *kind)
{
    json_t *settings, *given = json_object_get(root, "content"), *key_settings;
    json_t *content = json_object();
    const char *bad = "", *key;
    enum err e = content ? OK : ERR_MEMORY;

    if (!e && configuration_content(given, kind, &settings))
        e = refuse(f, CONFIGURATION_BAD_CONTENT,
                   "The content must be one of deviceContent, modulesContent and moduleContent");
    if (!e && (json_object_set(content, configures_name(*kind), settings) || json_object_set(to, "content", content)))
        e = ERR_MEMORY;
    if (!e && *kind != CONFIGURES_EDGE)
        e = configuration_check(settings, &bad);
    else if (!e)
        json_object_foreach(settings, key, key_settings) if (!e) e =
            device_id_valid(bytes_str(key)) ? configuration_check(key_settings, &bad) : ERR_ARGUMENT;
    json_decref(content);
    if (e == ERR_ARGUMENT && !f->number) {
        f->number = CONFIGURATION_BAD_CONTENT;
        return entry_says(f, e, "A setting of the content cannot be applied: '%.100s'", bad);
    }
    return e;
}

enum err configuration_take_target(const json_t *root, json_t *to, enum configures kind, struct entry_fault *f)
{
    json_t *text = json_object_get(root, "targetCondition");
    struct condition *condition = NULL;
    struct complaint why;
    bool targets;
    enum err e;

    if (text && !json_is_string(text) && !json_is_null(text))
        return refuse(f, CONFIGURATION_BAD_TARGET, "targetCondition must be a text");
    if (kind != CONFIGURES_MODULES && configuration_is_of_modules(bytes_str(json_string_value(text))))
        return refuse(f, CONFIGURATION_BAD_CONTENT,
                      "The target condition is one of modules, and the content is not moduleContent");
    e = configuration_target(bytes_str(json_string_value(text)), kind, &targets, &condition, &why);
    condition_free(condition);
    if (e == ERR_ARGUMENT) {
        f->number = CONFIGURATION_BAD_TARGET;
        return entry_says(f, e, "The target condition is refused: %s", why.text);
    }
    if (!e && json_object_set_new(to, "targetCondition", json_string(targets ? json_string_value(text) : "")))
        e = ERR_MEMORY;
    return e;
}

enum err configuration_check_query(const char *name, const json_t *text, struct entry_fault *f)
{
    struct complaint why = {.e = OK};
    struct query q;
    enum err e;

    if (!json_is_string(text))
        return refuse(f, CONFIGURATION_BAD_METRICS, "A query of a metric must be a text");
    e = query_open(&q, bytes_str(json_string_value(text)), &why);
    query_close(&q);
    if (!e)
        return OK;
    f->number = CONFIGURATION_BAD_METRICS;
    return entry_says(f, ERR_ARGUMENT, "The query of the metric '%.60s' is refused: %s", name, why.text);
}

static enum err take_metrics(struct entry_fault *f, const json_t *root, json_t *to)
{
    json_t *queries = json_object_get(json_object_get(root, "metrics"), "queries"), *text;
    const char *name;
    enum err e = OK;

    if (queries && !json_is_object(queries) && !json_is_null(queries))
        return refuse(f, CONFIGURATION_BAD_METRICS, "metrics.queries must be an object");
    if (json_object_size(queries) > CONFIGURATION_METRICS_MAX)
        return refuse(f, CONFIGURATION_BAD_METRICS, "A configuration must have at most five metrics");
    json_object_foreach(queries, name, text) if (!e) e = configuration_check_query(name, text, f);
    if (!e && json_object_set_new(to, "queries", json_is_object(queries) ? json_incref(queries) : json_object()))
        e = ERR_MEMORY;
    return e;
}

static enum err take_rest(struct entry_fault *f, const json_t *root, json_t *to)
{
    json_t *priority = json_object_get(root, "priority"), *labels = json_object_get(root, "labels");
    json_t *version = json_object_get(root, "schemaVersion");

    if (priority && !json_is_null(priority) && (!json_is_integer(priority) || json_integer_value(priority) < 0))
        return refuse(f, CONFIGURATION_BAD, "priority must be a whole number, 0 or more");
    if (labels && !json_is_null(labels) && !json_is_object(labels))
        return refuse(f, CONFIGURATION_BAD, "labels must be an object");
    if (json_object_set_new(to, "priority", json_integer(json_integer_value(priority))) ||
        json_object_set_new(to, "labels", labels ? json_incref(labels) : json_null()) ||
        json_object_set_new(to, "schemaVersion", json_is_string(version) ? json_incref(version) : json_string("1.0")) ||
        json_object_set_new(to, "contentType", json_string("assignment")))
        return ERR_MEMORY;
    return OK;
}

enum err configuration_take(const char *id, const json_t *root, json_t *to, struct entry_fault *f)
{
    const json_t *its = json_object_get(root, "id");
    enum configures kind = CONFIGURES_DEVICES;
    enum err e;

    if (!configuration_id_valid(id))
        return refuse(f, CONFIGURATION_BAD, "A configuration id must be 1 to 128 of a-z 0-9 - + % _ * ! '");
    if (!json_is_object(root))
        return refuse(f, CONFIGURATION_BAD, "The body must be a configuration");
    if (json_is_string(its) && strcmp(json_string_value(its), id) != 0)
        return refuse(f, CONFIGURATION_BAD, "The id of the body is not that of the path");
    if ((e = take_content(f, root, to, &kind)) || (e = configuration_take_target(root, to, kind, f)) ||
        (e = take_metrics(f, root, to)))
        return e;
    return take_rest(f, root, to);
}
