/* Modules in the registry (service 4.5). Their device manages them, too: with its own key or certificate it may do what
 * an operator may, and tell the modules of the edge, which the hub makes, their keys. */
#include "http_front.h"

#include "identity_json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

static_assert(MODULES_ROOM * (IDENTITY_JSON_MAX + 1) + 2 < HTTP_ANSWER_MAX, "the longest list is one answer");

enum err http_no_identity(const struct http_request *r, struct http_answer *a, struct bytes name)
{
    struct entry_fault fault = {.number = 0};

    if (name.len)
        return http_fault(a, identity_missing(r->env->hub, name, &fault), &fault);
    a->code = CODE_NO_DEVICE;
    return http_says(a, ERR_NOT_FOUND, "Device %.128s not registered", r->names[0]);
}

enum err http_module_fault(const struct http_request *r, struct http_answer *a, struct bytes name, enum err e)
{
    struct entry_fault fault = {.number = 0};

    return http_fault(a, module_fault(r->env->hub, name, e, &fault), &fault);
}

/* Decides who may do what to a module of the edge: its device tells it keys, nobody else does anything. */
static enum err check_name(const struct http_request *r, struct http_answer *a, bool updates)
{
    if (!r->identity[0])
        return http_says(a, ERR_ARGUMENT,
                         "ids of devices and modules must be 1 to %d of A-Z a-z 0-9 - : . + %% _ # * ? ! ( ) , = @ ; "
                         "$ '",
                         ID_LEN_MAX);
    if (!module_is_system(bytes_str(r->identity)) || (updates && r->who.device[0]))
        return OK;
    return http_says(a, ERR_ARGUMENT, "Modules whose ids begin with $ are the hub's: %.128s", r->names[1]);
}

static void put_module(struct http_answer *a, const struct device *d)
{
    identity_json_put(&a->body, d);
    snprintf(a->etag, sizeof a->etag, "%s", d->etag);
}

enum err http_module_get(struct http_request *r, struct http_answer *a)
{
    struct device d;

    if (hub_device_get(r->env->hub, bytes_str(r->identity), &d))
        return http_no_identity(r, a, bytes_str(r->identity));
    put_module(a, &d);
    return OK;
}

enum err http_modules_list(struct http_request *r, struct http_answer *a)
{
    struct device *all = malloc(MODULES_ROOM * sizeof *all);
    size_t n = 0;
    enum err e = all ? hub_module_list(r->env->hub, bytes_str(r->identity), all, &n) : ERR_MEMORY;

    buf_puts(&a->body, "[");
    for (size_t i = 0; !e && i < n; i++) {
        buf_puts(&a->body, i ? "," : "");
        identity_json_put(&a->body, &all[i]);
    }
    buf_puts(&a->body, "]");
    free(all);
    return e == ERR_NOT_FOUND ? http_no_identity(r, a, bytes_str(r->identity)) : e;
}

/* 200 whether it is new or not, as of devices. */
enum err http_module_put(struct http_request *r, struct http_answer *a)
{
    struct match match = http_match(r->head);
    struct device wanted = {0}, made;
    uint64_t at = 0;
    enum err e = check_name(r, a, match.how != MATCH_NONE);

    if (e)
        return e;
    memcpy(wanted.id, r->identity, sizeof wanted.id);
    if ((e = http_identity_read(r->body, &wanted, a)))
        return e;
    if ((e = http_device_change(r, a, &wanted, match, &made, &at)))
        return http_module_fault(r, a, bytes_str(r->identity), e);
    front_wait_for(r->front, at);
    put_module(a, &made);
    return OK;
}

enum err http_module_delete(struct http_request *r, struct http_answer *a)
{
    struct match match = http_match(r->head);
    uint64_t at = 0;
    enum err e = check_name(r, a, false);

    if (e)
        return e;
    e = http_device_drop(r, bytes_str(r->identity), match, &at);
    if (e == ERR_PRECONDITION && match.how == MATCH_NONE)
        return http_says(a, e, "The ETag is missing: a delete needs If-Match");
    if (e)
        return http_module_fault(r, a, bytes_str(r->identity), e);
    front_wait_for(r->front, at);
    a->status = 204;
    return OK;
}
