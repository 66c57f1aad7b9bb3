/* What becomes of registrations: the device on this hub, and what is kept of it. */
#include "assign.h"
#include "json_body.h"
#include "log.h"
#include "text.h"

enum err dps_put_and_drop(struct buf *out, json_t *json)
{
    enum err e = json_put(json, out);

    json_decref(json);
    return out->bad ? ERR_MEMORY : e;
}

bool dps_is_here(const struct front_env *env, struct bytes host)
{
    return auth_host_is_ours(env, host);
}

/* The name of a linked hub as the configuration has it, or NULL. */
const char *dps_linked_hub(const struct front_env *env, struct bytes host)
{
    if (dps_is_here(env, host))
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

/* One that is there already keeps its state. */
enum err dps_make_here(const struct front_env *env, const struct device *wanted, bool may_replace, int64_t now_ms,
                       uint64_t *at)
{
    struct device now, made, changed;
    enum err e = hub_device_get(env->hub, bytes_str(wanted->id), &now);

    if (e == ERR_NOT_FOUND)
        return hub_device_put(env->hub, wanted, (struct match){.how = MATCH_NONE}, now_ms, &made, at);
    if (e || same_authentication(wanted, &now))
        return e;
    if (!may_replace)
        return ERR_DENIED;
    changed = now;
    changed.auth = wanted->auth;
    changed.primary = wanted->primary;
    changed.secondary = wanted->secondary;
    memcpy(changed.thumbprint, wanted->thumbprint, sizeof changed.thumbprint);
    return hub_device_put(env->hub, &changed, (struct match){.how = MATCH_ANY}, now_ms, &made, at);
}

void dps_set_updated(json_t *state, int64_t wall_ms)
{
    char updated[DPS_TIME_CAP];

    dps_time(wall_ms, updated);
    json_object_set_new(state, "lastUpdatedDateTimeUtc", json_string(updated));
}

/* provisioning 3.8 */
static const char *substatus_of(const json_t *state, const char *host)
{
    struct bytes old = dps_text(state, "was", "hub", NULL), before = dps_text(state, "was", "substatus", NULL);

    if (!old.len)
        return "initialAssignment";
    if (bytes_eq_nocase(old, bytes_str(host)))
        return before.len ? json_string_value(json_object_get(json_object_get(state, "was"), "substatus"))
                          : "initialAssignment";
    if (bytes_eq_nocase(dps_text(state, "initialHub", NULL, NULL), bytes_str(host)))
        return "reprovisionedToInitialAssignment";
    return json_is_false(json_object_get(state, "migrate")) ? "deviceDataReset" : "deviceDataMigrated";
}

static const char *said(const json_t *state, const char *name)
{
    const char *text = json_string_value(json_object_get(state, name));

    return text ? text : "";
}

/* One line for the operator, of one that has come to its end. */
static void log_outcome(const json_t *state)
{
    bool failed = !strcmp(said(state, "status"), "failed");

    if (!strcmp(said(state, "status"), "assigning"))
        return;
    log_event(failed ? LOG_WARN : LOG_INFO, failed ? "registration-failed" : "registered",
              KVS("registration", said(state, "registrationId")), KVS("entry", said(state, "entry")),
              KVS("device", said(state, "deviceId")), KVS("hub", said(state, "assignedHub")),
              KVS("why", failed ? said(state, "errorMessage") : said(state, "substatus")));
}

void dps_set_assigned(json_t *state, const char *host, const char *device, const json_t *payload)
{
    json_object_set_new(state, "status", json_string("assigned"));
    json_object_set_new(state, "substatus", json_string(substatus_of(state, host)));
    json_object_set_new(state, "assignedHub", json_string(host));
    json_object_set_new(state, "deviceId", json_string(device));
    if (json_is_object(payload)) /* provisioning 1.2.2: anything else breaks clients */
        json_object_set_new(state, "payload", json_deep_copy(payload));
    if (!json_object_get(state, "initialHub"))
        json_object_set_new(state, "initialHub", json_string(host));
    json_object_del(state, "was");
}

void dps_set_failed(json_t *state, unsigned error, const char *message)
{
    json_object_set_new(state, "status", json_string("failed"));
    json_object_set_new(state, "errorCode", json_integer(error));
    json_object_set_new(state, "errorMessage", json_string(message));
}

/* Takes the state. */
enum err dps_store(const struct front_env *env, const char *registration, json_t *state, struct match match,
                   int64_t now_ms, uint64_t *at)
{
    struct buf text = buf_max(DOC_LEN_MAX);
    struct doc made;
    enum err e = dps_put_and_drop(&text, json_incref(state));

    if (!e)
        e = hub_doc_put(env->hub, DOC_REGISTRATION, bytes_str(registration), buf_bytes(&text), match, now_ms, &made,
                        at);
    if (!e)
        log_outcome(state);
    json_decref(state);
    if (text.at)
        explicit_bzero(text.at, text.cap);
    buf_free(&text);
    return e;
}
