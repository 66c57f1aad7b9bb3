/* Jobs outside of this hub, once they are on their way. */
#include "assign.h"
#include "log.h"

#include <stdlib.h>

void outside_request_free(struct outside_request *request)
{
    if (!request)
        return;
    free(request->twin);
    free(request->url);
    free(request->question);
    explicit_bzero(request, sizeof *request);
    free(request);
}

/* A group's key can name any device: one that did not come from there is not his to take. */
bool outside_may_replace(const struct outside_request *request, const char *host)
{
    return request->owns_id || (request->leave[0] && bytes_eq_nocase(bytes_str(request->leave), bytes_str(host)));
}

const char *outside_hub(const struct front_env *env, const struct outside_request *request, const char *host)
{
    const char *name = host_linked(env, bytes_str(host));
    bool allowed = !request->n_allowed;

    for (size_t i = 0; name && i < request->n_allowed; i++) {
        const char *other = host_linked(env, bytes_str(request->allowed[i]));

        allowed |= other && !strcmp(other, name);
    }
    return allowed ? name : NULL;
}

/* Its place until now is left when it has arrived. */
static enum err arrive(const struct front_env *env, const struct outside_request *request,
                       const struct outside_end *end, int64_t now_ms, uint64_t *at)
{
    const struct arrival arrival = {.device = &request->device,
                                    .may_replace = outside_may_replace(request, env->host),
                                    .moves = request->leave[0] && !host_is_here(env, bytes_str(request->leave)),
                                    .twin = end->twin};
    enum err e = OK;

    if (host_is_here(env, bytes_str(end->host)))
        return device_make_here(env, &arrival, now_ms, at);
    if (request->leave[0] && host_is_here(env, bytes_str(request->leave)))
        e = hub_device_delete(env->hub, bytes_str(request->leave_id), (struct match){.how = MATCH_ANY}, now_ms, at);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* The registration as it is kept, while the request is still its own. */
static enum err own_state(const struct front_env *env, const struct outside_request *request, struct doc *doc,
                          struct registration *r)
{
    enum err e = registration_get(env, bytes_str(request->registration), doc, r);

    if (!e && strcmp(r->operation, request->operation)) {
        registration_free(r);
        e = ERR_NOT_FOUND;
    }
    return e;
}

bool outside_is_wanted(const struct front_env *env, const struct outside_request *request)
{
    struct doc doc;
    struct registration r;

    if (own_state(env, request, &doc, &r))
        return false;
    registration_free(&r);
    return true;
}

/* A newer registration has changed the document, and wins. */
static enum err store_outcome(const struct front_env *env, struct registration *r, const struct doc *doc,
                              int64_t now_ms)
{
    uint64_t at;

    registration_set_updated(r, hub_wall_ms(env->hub, now_ms));
    return registration_store(env, r, (struct match){.how = MATCH_ETAG, .etag = bytes_str(doc->etag)}, now_ms, &at);
}

/* The payload of the webhook is larger than what can be kept: the state is as it was before, but failed. */
static enum err fail_by_payload(const struct front_env *env, const struct outside_request *request, int64_t now_ms)
{
    struct doc doc;
    struct registration r;
    enum err e = own_state(env, request, &doc, &r);

    if (e)
        return e;
    registration_set_failed(&r, DPS_WEBHOOK, "The payload of the webhook is too large.");
    e = store_outcome(env, &r, &doc, now_ms);
    registration_free(&r);
    return e;
}

bool outside_finish(const struct front_env *env, const struct outside_request *request, const struct outside_end *end,
                    int64_t now_ms)
{
    struct doc doc;
    struct registration r;
    uint64_t at;
    bool arrived = false;
    enum err e = own_state(env, request, &doc, &r);

    if (e)
        return false;
    if (end->error) {
        registration_set_failed(&r, end->error, end->message);
    } else if (arrive(env, request, end, now_ms, &at)) {
        registration_set_failed(&r, DPS_HUB_REFUSES, "The hub refuses the device.");
    } else {
        arrived = true;
        e = registration_set_assigned(&r, end->host, request->device.id, end->payload);
    }
    if (!e)
        e = store_outcome(env, &r, &doc, now_ms);
    registration_free(&r);
    if (e == ERR_MEMORY || e == ERR_TOO_LARGE) { /* what the webhook says to it */
        arrived = false;
        e = fail_by_payload(env, request, now_ms);
    }
    if (e && e != ERR_PRECONDITION && e != ERR_NOT_FOUND)
        log_event(LOG_ERROR, "registration-not-stored", KVS("registration", request->registration),
                  KVS("why", err_text(e)));
    return arrived && !e;
}
