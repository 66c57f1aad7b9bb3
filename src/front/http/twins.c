/* Twins for services (service 4.6): read, merged, replaced. Of what a client sends only tags and desired properties are
 * read; SDKs send the whole twin back, with what they do not know as null. */
#include "http_front.h"

#include "configurations.h"
#include "plan.h"
#include "twin_document.h"
#include "twin_run.h"
#include "twin_take.h"

#include <stdio.h>

static enum err refused(struct http_answer *a, enum err e, const struct twin_fault *why)
{
    struct entry_fault fault = {.number = 0};

    return http_fault(a, twin_refused(e, why, &fault), &fault);
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

/* The name of the identity in the path. False: there can be none. */
static bool name_of(const struct http_request *r, char name[IDENTITY_LEN_MAX + 1])
{
    const char *module = r->names[1];

    return identity_name(bytes_str(r->names[0]), module[0] ? bytes_str(module) : NO_BYTES, name);
}

static enum err not_found(const struct http_request *r, struct http_answer *a)
{
    return http_no_identity(r, a, bytes_str(r->identity));
}

static enum err put_document(struct http_request *r, const struct device *d, struct bytes run, struct buf *out)
{
    struct plan *plan = r->env->configurations ? configurations_hold(r->env->configurations) : NULL;
    const struct twin_document document = {.device = d, .run = run, .configurations = plan ? &plan->told : NULL};
    enum err e = twin_document_put(out, &document);

    plan_release(plan);
    return e;
}

/* Also what a change is answered with. What it shows is durable when it leaves. */
static enum err put_twin(struct http_request *r, const char *name, struct http_answer *a)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    struct device device;
    struct twin_facts facts;
    uint64_t at = 0;
    enum err e = hub_twin_copy(r->env->hub, bytes_str(name), &run, &device, &at);

    if (!e) {
        twin_facts_of(buf_bytes(&run), &facts);
        twin_etag_text(facts.etag, a->etag);
        e = put_document(r, &device, buf_bytes(&run), &a->body);
        front_wait_for(r->front, at);
    }
    buf_free(&run);
    return e == ERR_NOT_FOUND ? not_found(r, a) : e;
}

enum err http_twin_get(struct http_request *r, struct http_answer *a)
{
    char name[IDENTITY_LEN_MAX + 1];

    return name_of(r, name) ? put_twin(r, name, a) : not_found(r, a);
}

static enum err carry_out(struct http_request *r, struct http_answer *a, const char *name,
                          const struct twin_change *change)
{
    struct twin_fault fault = {.why = ""};
    uint64_t at = 0;
    enum err e = hub_twin_change(r->env->hub, bytes_str(name), change, r->now_ms, &fault, &at);

    if (!e && at)
        http_audit_twin(r, bytes_str(name), change);
    if (!e)
        front_wait_for(r->front, at);
    return e == ERR_NOT_FOUND ? not_found(r, a) : e ? refused(a, e, &fault) : OK;
}

/* The change that a body asks for. `clears`: null for all that is desired, which empties it (Node's suite). */
struct asked {
    struct twin_change change;
    bool clears;
};

static enum err read_body(const struct http_request *r, struct http_answer *a, struct asked *out)
{
    struct entry_fault fault = {.number = 0};
    json_t *root;
    enum err e = http_json(r->body, &root, a);

    if (e)
        return e;
    e = http_fault(a, twin_take(root, r->body, &out->change, &fault), &fault);
    out->clears = json_is_null(json_object_get(json_object_get(root, "properties"), "desired"));
    out->change.part[TWIN_REPORTED] = NO_BYTES; /* the device's own */
    json_decref(root);
    return e;
}

static enum err change(struct http_request *r, struct http_answer *a, bool replace)
{
    static const struct twin_change nothing = {.part = {[TWIN_DESIRED] = {(const uint8_t *)"{}", 2}}, .replace = true};
    struct asked asked = {.change = {.replace = replace, .match = http_match(r->head)}};
    struct twin_change cleared = nothing;
    char name[IDENTITY_LEN_MAX + 1];
    enum err e;

    if (!name_of(r, name))
        return not_found(r, a);
    if ((e = read_body(r, a, &asked)))
        return e;
    for (int p = TWIN_TAGS; replace && p <= TWIN_DESIRED; p++)
        if (!asked.change.part[p].at) /* service 4.6: what is missing is empty */
            asked.change.part[p] = BYTES("{}");
    if (!replace && asked.clears && !asked.change.part[TWIN_TAGS].at)
        cleared.match = asked.change.match;
    else if ((e = carry_out(r, a, name, &asked.change)))
        return e;
    if (!replace && asked.clears && (e = carry_out(r, a, name, &cleared)))
        return e;
    return put_twin(r, name, a);
}

enum err http_twin_merge(struct http_request *r, struct http_answer *a)
{
    return change(r, a, false);
}

enum err http_twin_replace(struct http_request *r, struct http_answer *a)
{
    return change(r, a, true);
}
