/* Jobs outside of this hub, once they are on their way. */
#include "assign.h"
#include "log.h"

#include <stdlib.h>

void outside_job_free(struct outside_job *job)
{
    if (!job)
        return;
    free(job->url);
    free(job->question);
    json_decref(job->allowed);
    explicit_bzero(job, sizeof *job);
    free(job);
}

/* Whoever has a group's key can name any device: one that did not come from there is not his to take. */
bool outside_may_replace(const struct outside_job *job, const char *host)
{
    return job->owns_id || (job->leave[0] && bytes_eq_nocase(bytes_str(job->leave), bytes_str(host)));
}

const char *outside_hub(const struct front_env *env, const struct outside_job *job, const char *host)
{
    const char *name = dps_linked_hub(env, bytes_str(host));
    bool allowed = !job->allowed;

    for (size_t i = 0; name && i < json_array_size(job->allowed); i++) {
        const char *other = dps_linked_hub(env, bytes_str(json_string_value(json_array_get(job->allowed, i))));

        allowed |= other && !strcmp(other, name);
    }
    return allowed ? name : NULL;
}

/* Where the device is now is left when it has arrived. */
static enum err arrive(const struct front_env *env, const struct outside_job *job, const char *host, int64_t now_ms,
                       uint64_t *at)
{
    enum err e = OK;

    if (dps_is_here(env, bytes_str(host)))
        return dps_make_here(env, &job->device, outside_may_replace(job, env->host), now_ms, at);
    if (job->leave[0] && dps_is_here(env, bytes_str(job->leave)))
        e = hub_device_delete(env->hub, bytes_str(job->leave_id), (struct match){.how = MATCH_ANY}, now_ms, at);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* The registration as it is kept, while the job is still its own. */
static enum err own_state(const struct front_env *env, const struct outside_job *job, struct doc *doc, json_t **state)
{
    enum err e = dps_document_get(env, DOC_REGISTRATION, bytes_str(job->registration), doc, state);

    if (!e && !bytes_eq(dps_text(*state, "operationId", NULL, NULL), bytes_str(job->operation))) {
        json_decref(*state);
        e = ERR_NOT_FOUND;
    }
    return e;
}

bool dps_is_wanted(const struct front_env *env, const struct outside_job *job)
{
    struct doc doc;
    json_t *state;

    if (own_state(env, job, &doc, &state))
        return false;
    json_decref(state);
    return true;
}

/* Takes the state. Whoever registers again meanwhile has changed the document, and wins. */
static enum err store_outcome(const struct front_env *env, const struct outside_job *job, json_t *state,
                              const struct doc *doc, int64_t now_ms)
{
    uint64_t at;

    dps_set_updated(state, hub_wall_ms(env->hub, now_ms));
    return dps_store(env, job->registration, state, (struct match){.how = MATCH_ETAG, .etag = bytes_str(doc->etag)},
                     now_ms, &at);
}

bool dps_finish(const struct front_env *env, const struct outside_job *job, const struct outside_end *end,
                int64_t now_ms)
{
    struct doc doc;
    json_t *state, *kept;
    uint64_t at;
    bool arrived = false;
    enum err e = own_state(env, job, &doc, &state);

    if (e)
        return false;
    kept = json_deep_copy(state);
    if (end->error)
        dps_set_failed(state, end->error, end->message);
    else if (arrive(env, job, end->host, now_ms, &at))
        dps_set_failed(state, DPS_HUB_REFUSES, "The hub refuses the device.");
    else {
        arrived = true;
        dps_set_assigned(state, end->host, job->device.id, end->payload);
    }
    if ((e = store_outcome(env, job, state, &doc, now_ms)) == ERR_MEMORY ||
        e == ERR_TOO_LARGE) { /* what the webhook says to it */
        arrived = false;
        dps_set_failed(kept, DPS_WEBHOOK, "The payload of the webhook is too large.");
        e = store_outcome(env, job, json_incref(kept), &doc, now_ms);
    }
    json_decref(kept);
    if (e && e != ERR_PRECONDITION && e != ERR_NOT_FOUND)
        log_event(LOG_ERROR, "registration-not-stored", KVS("registration", job->registration),
                  KVS("why", err_text(e)));
    return arrived && !e;
}
