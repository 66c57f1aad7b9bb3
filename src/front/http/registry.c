/* The identity registry (service 4.2, 4.3, 4.11). */
#include "http_front.h"

#include "identity_json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static_assert(LIST_MAX * (IDENTITY_JSON_MAX + 1) + 2 < HTTP_ANSWER_MAX, "the longest list is one answer");

enum { PAGE = 50 }; /* identities of a list that are in memory at a time */

static enum err no_device(const struct http_request *r, struct http_answer *a)
{
    return http_says(a, ERR_NOT_FOUND, "Device %.128s not registered", r->names[0]);
}

static void put_device(struct http_answer *a, const struct device *d)
{
    identity_json_put(&a->body, d);
    snprintf(a->etag, sizeof a->etag, "%s", d->etag);
}

enum err http_device_get(struct http_request *r, struct http_answer *a)
{
    struct device d;
    enum err e = hub_device_get(r->env->hub, bytes_str(r->identity), &d);

    if (e)
        return e == ERR_NOT_FOUND ? no_device(r, a) : e;
    put_device(a, &d);
    return OK;
}

/* Names what of it is another one now: "keys, status". */
static void put_changes(struct buf *b, const struct device *was, const struct device *is)
{
    const struct {
        const char *name;
        bool differs;
    } parts[] = {
        {"keys",
         !bytes_eq(bytes_of(was->primary.at, was->primary.len), bytes_of(is->primary.at, is->primary.len)) ||
             !bytes_eq(bytes_of(was->secondary.at, was->secondary.len), bytes_of(is->secondary.at, is->secondary.len))},
        {"thumbprints", strcmp(was->thumbprint[0], is->thumbprint[0]) || strcmp(was->thumbprint[1], is->thumbprint[1])},
        {"authentication", was->auth != is->auth},
        {is->disabled ? "disabled" : "enabled", was->disabled != is->disabled},
        {"reason", strcmp(was->reason, is->reason) != 0},
        {"edge", was->edge != is->edge || strcmp(was->parent, is->parent) != 0},
    };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].differs)
            buf_printf(b, "%s%s", b->len ? ", " : "", parts[i].name);
}

/* Of the changes of an operator, in the audit. */
static void audit(void *ctx, struct bytes name, const struct device *was, const struct device *is)
{
    const struct http_request *r = ctx;
    bool module = identity_is_module(name);
    struct buf changes = buf_max(128);
    char what[32];

    if (was)
        put_changes(&changes, was, is);
    snprintf(what, sizeof what, "%s-%s", module ? "module" : "device", !is ? "deleted" : was ? "updated" : "created");
    http_audit(r, what, module ? "module" : "device", name, is ? buf_str(&changes) : NULL);
    buf_free(&changes);
}

void http_audit_twin(const struct http_request *r, struct bytes name, const struct twin_change *change)
{
    bool tags = change->part[TWIN_TAGS].at, desired = change->part[TWIN_DESIRED].at;

    http_audit(r, "twin-updated", identity_is_module(name) ? "module" : "device", name,
               tags && desired ? "tags, desired properties"
               : tags          ? "tags"
                               : "desired properties");
}

static void audit_twin(void *ctx, struct bytes name, const struct twin_change *change)
{
    http_audit_twin(ctx, name, change);
}

struct changer http_changer(struct http_request *r)
{
    return (struct changer){
        .hub = r->env->hub, .now_ms = r->now_ms, .changed = audit, .twin_changed = audit_twin, .ctx = r};
}

enum err http_device_change(struct http_request *r, struct http_answer *a, const struct device *wanted,
                            struct match match, struct device *made, uint64_t *at)
{
    const struct changer by = http_changer(r);
    struct entry_fault fault = {.number = 0};

    return http_fault(a, identity_change(&by, wanted, match, made, at, &fault), &fault);
}

enum err http_device_drop(struct http_request *r, struct bytes id, struct match match, uint64_t *at)
{
    const struct changer by = http_changer(r);

    return identity_drop(&by, id, match, at);
}

/* 200 whether it is new or not: one client takes nothing else (service 4.2). */
enum err http_device_put(struct http_request *r, struct http_answer *a)
{
    struct device wanted = {0}, made;
    uint64_t at = 0;
    enum err e;

    if (!device_id_valid(bytes_str(r->names[0])) || !bytes_to_str(bytes_str(r->names[0]), wanted.id, sizeof wanted.id))
        return http_says(a, ERR_ARGUMENT,
                         "a device id must be 1 to %d of A-Z a-z 0-9 - : . + %% _ # * ? ! ( ) , = @ ; $ '", ID_LEN_MAX);
    if ((e = http_identity_read(r->body, &wanted, a)))
        return e;
    e = http_device_change(r, a, &wanted, http_match(r->head), &made, &at);
    if (e == ERR_EXISTS)
        return http_says(a, e, "A device with ID '%s' is already registered", wanted.id);
    if (e)
        return e == ERR_NOT_FOUND ? no_device(r, a) : e;
    front_wait_for(r->front, at);
    put_device(a, &made);
    return OK;
}

enum err http_device_delete(struct http_request *r, struct http_answer *a)
{
    struct match match = http_match(r->head);
    uint64_t at;
    enum err e = http_device_drop(r, bytes_str(r->identity), match, &at);

    if (e == ERR_PRECONDITION && match.how == MATCH_NONE)
        return http_says(a, e, "The ETag is missing: a delete needs If-Match");
    if (e)
        return e == ERR_NOT_FOUND ? no_device(r, a) : e;
    front_wait_for(r->front, at);
    a->status = 204;
    return OK;
}

/* service 4.3: from 1 to 1000, which is also what no number means. */
static enum err take_top(const struct http_request *r, size_t *top, struct http_answer *a)
{
    char text[24];
    uint64_t n = LIST_MAX;
    enum err e = http_query(r->head->query, BYTES("top"), text, sizeof text);

    if (e == ERR_NOT_FOUND)
        e = OK;
    else if (e || !bytes_to_u64(bytes_str(text), &n) || n < 1 || n > LIST_MAX)
        e = http_says(a, ERR_ARGUMENT, "top must be a number from 1 to %d", LIST_MAX);
    *top = (size_t)n;
    return e;
}

enum err http_devices_list(struct http_request *r, struct http_answer *a)
{
    struct device *page;
    char after[ID_LEN_MAX + 1] = "";
    size_t left, n = PAGE;
    enum err e = take_top(r, &left, a);

    if (e)
        return e;
    if (!(page = malloc(PAGE * sizeof *page)))
        return ERR_MEMORY;
    buf_puts(&a->body, "[");
    while (!e && left && n == PAGE) {
        e = hub_device_list(r->env->hub, bytes_str(after), page, left < PAGE ? left : PAGE, &n);
        assert(e || (n <= PAGE && n <= left));
        for (size_t i = 0; !e && i < n; i++) {
            if (a->body.len > 1)
                buf_puts(&a->body, ",");
            identity_json_put(&a->body, &page[i]);
            memcpy(after, page[i].id, sizeof after);
        }
        left -= e ? 0 : n;
    }
    buf_puts(&a->body, "]");
    free(page);
    return e;
}

enum err http_statistics_devices(struct http_request *r, struct http_answer *a)
{
    struct hub_counts n;

    hub_count(r->env->hub, &n);
    buf_printf(&a->body, "{\"totalDeviceCount\":%llu,\"enabledDeviceCount\":%llu,\"disabledDeviceCount\":%llu}",
               (unsigned long long)n.devices, (unsigned long long)(n.devices - n.disabled),
               (unsigned long long)n.disabled);
    return OK;
}

enum err http_statistics_service(struct http_request *r, struct http_answer *a)
{
    struct hub_counts n;

    hub_count(r->env->hub, &n);
    buf_printf(&a->body, "{\"connectedDeviceCount\":%llu}", (unsigned long long)n.connected);
    return OK;
}
