/* Outcomes of registrations: the device on this hub, and what is kept of it. */
#include "assign.h"
#include "log.h"
#include "text.h"

#include <stdio.h>

bool host_is_here(const struct front_env *env, struct bytes host)
{
    return auth_host_is_ours(env, host);
}

/* The name of a linked hub as the configuration has it, or NULL. */
const char *host_linked(const struct front_env *env, struct bytes host)
{
    if (host_is_here(env, host))
        return env->host;
    for (size_t i = 0; env->outside && env->outside->hubs[i]; i++)
        if (bytes_eq_nocase(bytes_str(env->outside->hubs[i]), host))
            return env->outside->hubs[i];
    return NULL;
}

static bool same_key(const struct key_bytes *a, const struct key_bytes *b)
{
    return bytes_eq(bytes_of(a->at, a->len), bytes_of(b->at, b->len));
}

static bool same_authentication(const struct device *a, const struct device *b)
{
    return a->auth == b->auth && same_key(&a->primary, &b->primary) && same_key(&a->secondary, &b->secondary) &&
           !strcmp(a->thumbprint[0], b->thumbprint[0]) && !strcmp(a->thumbprint[1], b->thumbprint[1]);
}

/* Only its proof of identity changes. */
static enum err replace(const struct front_env *env, const struct device *now, const struct device *wanted,
                        int64_t now_ms, uint64_t *at)
{
    struct device changed = *now, made;

    changed.auth = wanted->auth;
    changed.primary = wanted->primary;
    changed.secondary = wanted->secondary;
    memcpy(changed.thumbprint, wanted->thumbprint, sizeof changed.thumbprint);
    return hub_device_put(env->hub, &changed, (struct match){.how = MATCH_ANY}, now_ms, &made, at);
}

enum err device_make_here(const struct front_env *env, const struct arrival *a, int64_t now_ms, uint64_t *at)
{
    struct device now, made;
    enum err e = hub_device_get(env->hub, bytes_str(a->device->id), &now);
    bool is_new = e == ERR_NOT_FOUND;

    if (is_new)
        e = hub_device_put(env->hub, a->device, (struct match){.how = MATCH_NONE}, now_ms, &made, at);
    else if (!e && !same_authentication(a->device, &now))
        e = a->may_replace ? replace(env, &now, a->device, now_ms, at) : ERR_DENIED;
    if (!e && (a->moves || (is_new && a->twin.len)))
        twin_begin(env, a->device->id, a->twin, now_ms, at);
    return e;
}

void registration_set_updated(struct registration *r, int64_t wall_ms)
{
    registration_time(wall_ms, r->updated);
}

/* provisioning 3.8 */
static const char *substatus_of(const struct registration *r, const char *host)
{
    if (!r->was.hub[0])
        return "initialAssignment";
    if (bytes_eq_nocase(bytes_str(r->was.hub), bytes_str(host)))
        return r->was.substatus[0] ? r->was.substatus : "initialAssignment";
    if (bytes_eq_nocase(bytes_str(r->first_hub), bytes_str(host)))
        return "reprovisionedToInitialAssignment";
    return r->migrates ? "deviceDataMigrated" : "deviceDataReset";
}

/* Logs a line for the operator, of a registration that has come to its end. */
static void log_outcome(const struct registration *r)
{
    bool failed = r->status == FAILED;

    if (r->status == ASSIGNING)
        return;
    log_event(failed ? LOG_WARN : LOG_INFO, failed ? "registration-failed" : "registered", KVS("registration", r->id),
              KVS("entry", r->entry), KVS("device", r->device), KVS("hub", r->hub),
              KVS("why", failed ? r->message : r->substatus));
}

enum err registration_set_assigned(struct registration *r, const char *host, const char *device, struct bytes payload)
{
    r->status = ASSIGNED;
    snprintf(r->substatus, sizeof r->substatus, "%s", substatus_of(r, host));
    snprintf(r->hub, sizeof r->hub, "%s", host);
    snprintf(r->device, sizeof r->device, "%s", device);
    if (!r->first_hub[0])
        snprintf(r->first_hub, sizeof r->first_hub, "%s", host);
    r->was.hub[0] = 0;
    buf_put(&r->payload, payload);
    return buf_check(&r->payload);
}

void registration_set_failed(struct registration *r, unsigned error, const char *message)
{
    r->status = FAILED;
    r->error = error;
    snprintf(r->message, sizeof r->message, "%s", message);
}

enum err registration_store(const struct front_env *env, const struct registration *r, struct match match,
                            int64_t now_ms, uint64_t *at)
{
    struct buf text = buf_max(DOC_LEN_MAX);
    struct doc made;
    enum err e;

    registration_encode(r, &text);
    if (!(e = buf_check(&text)))
        e = hub_doc_put(env->hub, DOC_REGISTRATION, bytes_str(r->id), buf_bytes(&text), match, now_ms, &made, at);
    if (!e)
        log_outcome(r);
    if (text.at)
        explicit_bzero(text.at, text.cap);
    buf_free(&text);
    return e;
}
