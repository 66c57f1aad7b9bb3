/* Configurations over REST (service 4.11). */
#include "http_front.h"

#include "configuration_change.h"
#include "configuration_show.h"
#include "json_body.h"

#include <stdio.h>

/* With the counts of the last round. */
static enum err show(const struct http_request *r, struct buf *b, const struct doc *doc, struct bytes body)
{
    struct configurations *rounds = r->env->configurations;
    struct configuration_counts counts;
    bool there = rounds && configurations_counts(rounds, bytes_str(doc->id), &counts);

    return configuration_show(b, doc, body, there ? &counts : NULL);
}

static enum err show_alone(const struct http_request *r, struct http_answer *a, const struct doc *doc,
                           struct bytes body)
{
    snprintf(a->etag, sizeof a->etag, "%s", doc->etag);
    return show(r, &a->body, doc, body);
}

static struct configuration_changer changer(const struct http_request *r)
{
    return (struct configuration_changer){.hub = r->env->hub, .id = r->names[0], .now_ms = r->now_ms};
}

static void changed(struct http_request *r, const char *what, const struct doc *doc, uint64_t at)
{
    http_audit(r, what, "configuration", bytes_str(doc->id), NULL);
    front_wait_for(r->front, at);
    if (r->env->configurations)
        configurations_changed(r->env->configurations);
}

static enum err put(struct http_request *r, struct http_answer *a, const json_t *root, json_t *to)
{
    const struct configuration_changer by = changer(r);
    struct entry_fault fault = {.number = 0};
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc;
    uint64_t at = 0;
    enum err e = configuration_take(by.id, root, to, &fault);

    if (!e)
        e = configuration_put(&by, to, http_match(r->head), &body, &doc, &at, &fault);
    if (!e) {
        changed(r, "configuration-set", &doc, at);
        e = show_alone(r, a, &doc, buf_bytes(&body));
    } else {
        e = http_fault(a, e, &fault);
    }
    buf_free(&body);
    return e;
}

/* ---- the routes ------------------------------------------------------------------------------------------------- */

enum err http_configuration_put(struct http_request *r, struct http_answer *a)
{
    json_t *to = json_object(), *root = NULL;
    enum err e = to ? http_json(r->body, &root, a) : ERR_MEMORY;

    if (!e)
        e = put(r, a, root, to);
    json_decref(root);
    json_decref(to);
    return e;
}

enum err http_configuration_get(struct http_request *r, struct http_answer *a)
{
    struct entry_fault fault = {.number = 0};
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc;
    enum err e = configuration_get(r->env->hub, r->names[0], &body, &doc, &fault);

    e = e ? http_fault(a, e, &fault) : show_alone(r, a, &doc, buf_bytes(&body));
    buf_free(&body);
    return e;
}

enum err http_configuration_delete(struct http_request *r, struct http_answer *a)
{
    const struct configuration_changer by = changer(r);
    struct entry_fault fault = {.number = 0};
    struct doc doc;
    uint64_t at = 0;
    enum err e = configuration_delete(&by, http_match(r->head), &doc, &at, &fault);

    if (e)
        return http_fault(a, e, &fault);
    changed(r, "configuration-deleted", &doc, at);
    a->status = 204;
    return OK;
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
            e = show(r, &a->body, &doc, buf_bytes(&body));
        }
        buf_clear(&body);
    }
    buf_puts(&a->body, "]");
    buf_free(&body);
    return e;
}

enum err http_configurations_test(struct http_request *r, struct http_answer *a)
{
    struct entry_fault fault = {.number = 0};
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
    enum configures kind = modules ? CONFIGURES_MODULES : CONFIGURES_DEVICES;
    buf_put_json(&a->body, bytes_str(configuration_take_target(root, to, kind, &fault) ? fault.why : ""));
    buf_puts(&a->body, ",\"customMetricQueryErrors\":{");
    queries = json_object_get(root, "customMetricQueries");
    json_object_foreach(queries, name, text)
    {
        if (!configuration_check_query(name, text, &fault))
            continue;
        buf_puts(&a->body, first ? "" : ",");
        buf_put_json(&a->body, bytes_str(name));
        buf_puts(&a->body, ":");
        buf_put_json(&a->body, bytes_str(fault.why));
        first = false;
    }
    buf_puts(&a->body, "}}");
    json_decref(root);
    json_decref(to);
    return OK;
}
