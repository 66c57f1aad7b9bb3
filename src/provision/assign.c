#include "assign.h"

#include "json_text.h"
#include "map.h"
#include "outside.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

/* A registration that is being decided. */
struct plan {
    const struct front_env *env;
    const struct dps_caller *caller;
    const char *operation;
    int64_t now_ms;
    json_t *entry; /* the enrollment or the group */
    json_t *was;   /* the registration before, of the same entry; NULL: none */
    bool known;    /* there is one, of whatever entry */
    int64_t created_ms;
    char device[ID_LEN_MAX + 1];
    char old[HOST_LEN_MAX + 1]; /* where it is now; "": nowhere */
    char old_id[ID_LEN_MAX + 1];
    char host[HOST_LEN_MAX + 1]; /* where it goes; "": the webhook says */
    unsigned error;
    const char *message;
};

static void copy_text(struct bytes text, char *out, size_t cap)
{
    if (!bytes_to_str(text, out, cap))
        out[0] = 0;
}

/* provisioning 2.1, 2.2: it comes to the hub with what it came here; a certificate that a group's authority signed by
 * its thumbprint, so that this authority can make no other device of the hub. What else was tried on the way is not its
 * own. */
static struct device wanted_device(const struct dps_caller *c, const json_t *entry, const char *id)
{
    const json_t *edge = json_object_get(json_object_get(entry, "capabilities"), "iotEdge");
    struct device d = {.auth = c->how == DPS_X509 ? AUTH_SELF_SIGNED : AUTH_SAS, .edge = json_is_true(edge)};

    snprintf(d.id, sizeof d.id, "%s", id);
    if (c->how == DPS_X509) {
        memcpy(d.thumbprint, c->thumbprint, sizeof d.thumbprint);
    } else {
        d.primary = c->primary;
        d.secondary = c->secondary;
    }
    return d;
}

/* ---- which hub ------------------------------------------------------------------------------------------------- */

static void fail(struct plan *p, unsigned error, const char *message)
{
    p->error = error;
    p->message = message;
}

/* The first (this is the one near us) or one by the id, always the same as long as the hubs are. */
static const char *pick(const struct plan *p, const char *const *hubs, size_t n)
{
    char lower[ID_LEN_MAX + 1] = "";
    struct bytes policy = dps_text(p->entry, "allocationPolicy", NULL, NULL);
    size_t len = 0;

    if (bytes_eq_nocase(policy, BYTES("static")) || bytes_eq_nocase(policy, BYTES("geoLatency")))
        return hubs[0];
    for (const char *at = p->caller->registration; *at; at++)
        lower[len++] = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    return hubs[bytes_hash(bytes_of(lower, len), 0) % n];
}

/* provisioning 3.7: those of the entry, or all. */
static void choose_from_list(struct plan *p)
{
    const json_t *list = json_object_get(p->entry, "iotHubs");
    const char *hubs[LINKED_HUBS_MAX + 1];
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(list) && n <= LINKED_HUBS_MAX; i++) {
        const char *name = dps_linked_hub(p->env, bytes_str(json_string_value(json_array_get(list, i))));

        if (name)
            hubs[n++] = name;
    }
    if (!json_array_size(list)) {
        hubs[n++] = p->env->host;
        for (size_t i = 0; p->env->outside && p->env->outside->hubs[i] && n <= LINKED_HUBS_MAX; i++)
            hubs[n++] = p->env->outside->hubs[i];
    }
    if (n)
        snprintf(p->host, sizeof p->host, "%s", pick(p, hubs, n));
    else
        fail(p, DPS_HUB_REFUSES, "None of the hubs of the enrollment is linked to this service.");
}

static bool keeps_its_hub(const struct plan *p)
{
    const json_t *update = json_object_get(json_object_get(p->entry, "reprovisionPolicy"), "updateHubAssignment");

    return p->old[0] && json_is_false(update);
}

static void choose(struct plan *p)
{
    struct bytes pinned = dps_text(p->entry, "iotHubHostName", NULL, NULL);
    const char *name;

    if (keeps_its_hub(p)) {
        memcpy(p->host, p->old, sizeof p->host);
    } else if (pinned.len) {
        if ((name = dps_linked_hub(p->env, pinned)))
            snprintf(p->host, sizeof p->host, "%s", name);
        else
            fail(p, DPS_HUB_REFUSES, "The hub of the enrollment is not linked to this service.");
    } else if (bytes_eq_nocase(dps_text(p->entry, "allocationPolicy", NULL, NULL), BYTES("custom"))) {
        if (!dps_text(p->entry, "customAllocationDefinition", "webhookUrl", NULL).len || !p->env->outside)
            fail(p, DPS_WEBHOOK, "There is no webhook to ask.");
    } else {
        choose_from_list(p);
    }
}

/* ---- what is kept ---------------------------------------------------------------------------------------------- */

static const char *const attestations[] = {
    [DPS_SYMMETRIC_KEY] = "symmetricKey", [DPS_X509] = "x509", [DPS_TPM] = "tpm"};

/* Kept until the device has it. */
static void put_hub_key(json_t *state, const struct key_bytes *key)
{
    struct buf text = buf_max(KEY_TEXT_MAX + 1);

    buf_put_base64(&text, bytes_of(key->at, key->len));
    json_object_set_new(state, "hubKey", json_string(buf_str(&text)));
    if (text.at)
        explicit_bzero(text.at, text.cap);
    buf_free(&text);
}

/* Where it is until this comes to an end; that may be what one which did not come to an end began with. */
static json_t *was_of(const struct plan *p)
{
    json_t *substatus = json_object_get(p->was, "substatus");

    if (!substatus)
        substatus = json_object_get(json_object_get(p->was, "was"), "substatus");
    return json_pack("{ss ss sO*}", "hub", p->old, "device", p->old_id, "substatus", substatus);
}

/* provisioning 1.2.2; what is ours: operation, entry, "was", "initialHub", "migrate". */
static json_t *state_of(const struct plan *p)
{
    const struct dps_caller *c = p->caller;
    const json_t *migrate = json_object_get(json_object_get(p->entry, "reprovisionPolicy"), "migrateDeviceData");
    char created[DPS_TIME_CAP];
    json_t *by = c->from_group ? json_pack("{ss}", "enrollmentGroupId", c->entry) : json_object();

    dps_time(p->created_ms, created);
    json_t *state = json_pack("{ss ss ss so ss ss sb}", "registrationId", c->registration, "createdDateTimeUtc",
                              created, "status", "assigning", attestations[c->how], by, "operationId", p->operation,
                              "entry", c->entry, "migrate", !json_is_false(migrate));
    if (!state)
        return NULL;
    dps_set_updated(state, hub_wall_ms(p->env->hub, p->now_ms));
    if (c->how == DPS_TPM)
        put_hub_key(state, &c->primary);
    if (p->old[0])
        json_object_set_new(state, "was", was_of(p));
    json_object_set(state, "initialHub", json_object_get(p->was, "initialHub"));
    return state;
}

/* ---- jobs outside ---------------------------------------------------------------------------------------------- */

/* Those that the webhook may choose from: of the entry, or all. */
static json_t *linked_list(const struct plan *p)
{
    const json_t *own = json_object_get(p->entry, "iotHubs");
    json_t *list;

    if (json_array_size(own))
        return json_deep_copy(own);
    list = json_pack("[s]", p->env->host);
    for (size_t i = 0; list && p->env->outside->hubs[i]; i++)
        json_array_append_new(list, json_string(p->env->outside->hubs[i]));
    return list;
}

/* provisioning 3.7; the entry without its keys. */
static char *question_of(const struct plan *p, const json_t *payload)
{
    const struct dps_caller *c = p->caller;
    json_t *entry = json_deep_copy(p->entry), *context, *question;
    char *text;

    json_object_del(json_object_get(entry, "attestation"), "symmetricKey");
    context = json_pack("{ss so so*}", "registrationId", c->registration, attestations[c->how], json_object(),
                        "payload", payload ? json_deep_copy(payload) : NULL);
    if (p->old[0]) {
        json_object_set_new(context, "currentIotHubHostName", json_string(p->old));
        json_object_set_new(context, "currentDeviceId", json_string(p->old_id));
    }
    question = json_pack("{so so so}", c->from_group ? "enrollmentGroup" : "individualEnrollment", entry,
                         "deviceRuntimeContext", context, "linkedHubs", linked_list(p));
    text = question ? json_text(question, JSON_COMPACT) : NULL;
    json_decref(question);
    return text;
}

static struct outside_job *job_of(const struct plan *p, const json_t *payload)
{
    struct outside_job *job = calloc(1, sizeof *job);
    struct bytes url = dps_text(p->entry, "customAllocationDefinition", "webhookUrl", NULL);

    if (!job)
        return NULL;
    snprintf(job->registration, sizeof job->registration, "%s", p->caller->registration);
    snprintf(job->operation, sizeof job->operation, "%s", p->operation);
    job->device = wanted_device(p->caller, p->entry, p->device);
    job->owns_id = !p->caller->from_group;
    memcpy(job->host, p->host, sizeof job->host);
    memcpy(job->leave, p->old, sizeof job->leave);
    memcpy(job->leave_id, p->old_id, sizeof job->leave_id);
    if (p->host[0])
        return job;
    if (json_array_size(json_object_get(p->entry, "iotHubs")))
        job->allowed = json_deep_copy(json_object_get(p->entry, "iotHubs"));
    job->url = strndup((const char *)url.at, url.len);
    job->question = question_of(p, payload);
    if (job->url && job->question)
        return job;
    outside_job_free(job);
    return NULL;
}

static enum err start_job(const struct plan *p, const json_t *payload)
{
    struct outside_job *job = job_of(p, payload);
    enum err e = job ? p->env->outside->start(p->env->outside->ctx, job) : ERR_MEMORY;

    if (e)
        outside_job_free(job);
    return e;
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

/* What the same entry gave it before: the device id, whatever the case of its own then, and the hub. */
static void recall(struct plan *p)
{
    struct doc doc;

    if (dps_document_get(p->env, DOC_REGISTRATION, bytes_str(p->caller->registration), &doc, &p->was))
        return;
    p->known = true;
    p->created_ms = doc.created_ms;
    if (!bytes_eq(dps_text(p->was, "entry", NULL, NULL), bytes_str(p->caller->entry))) {
        json_decref(p->was);
        p->was = NULL;
        return;
    }
    bool assigned = dps_text(p->was, "assignedHub", NULL, NULL).len > 0;
    copy_text(assigned ? dps_text(p->was, "assignedHub", NULL, NULL) : dps_text(p->was, "was", "hub", NULL), p->old,
              sizeof p->old);
    copy_text(assigned ? dps_text(p->was, "deviceId", NULL, NULL) : dps_text(p->was, "was", "device", NULL), p->old_id,
              sizeof p->old_id);
    if (!p->old_id[0])
        p->old[0] = 0;
}

/* The id that the device gets: that of the enrollment, the one that it got before from its group, or its
 * registration's. */
static void name_device(struct plan *p)
{
    struct bytes wanted = p->caller->from_group ? NO_BYTES : dps_text(p->entry, "deviceId", NULL, NULL);

    if (p->caller->from_group && p->old_id[0])
        wanted = bytes_str(p->old_id);
    copy_text(wanted.len ? wanted : bytes_str(p->caller->registration), p->device, sizeof p->device);
}

static enum err decide(struct plan *p, const json_t *payload, uint64_t *at)
{
    bool here = dps_is_here(p->env, bytes_str(p->host));
    bool outside = !p->error && (!here || (p->old[0] && !dps_is_here(p->env, bytes_str(p->old))));
    struct match match = {.how = p->known ? MATCH_ANY : MATCH_NONE};
    struct device wanted = wanted_device(p->caller, p->entry, p->device);
    json_t *state;
    enum err e = OK;

    if (!p->error && !outside)
        e = dps_make_here(p->env, &wanted, !p->caller->from_group || p->old[0], p->now_ms, at);
    explicit_bzero(&wanted, sizeof wanted);
    if (e)
        return e;
    if (!(state = state_of(p)))
        return ERR_MEMORY;
    if (p->error)
        dps_set_failed(state, p->error, p->message);
    else if (!outside)
        dps_set_assigned(state, p->env->host, p->device, NULL);
    else
        json_object_set_new(state, "run", json_string(p->env->outside->run));
    if (!(e = dps_store(p->env, p->caller->registration, state, match, p->now_ms, at)) && outside)
        e = start_job(p, payload);
    return e;
}

enum err dps_assign(const struct front_env *env, const struct dps_caller *c, const json_t *payload,
                    const char operation[OPERATION_CAP], int64_t now_ms, uint64_t *at)
{
    struct plan p = {
        .env = env, .caller = c, .operation = operation, .now_ms = now_ms, .created_ms = hub_wall_ms(env->hub, now_ms)};
    struct doc doc;
    enum doc_kind kind = c->from_group ? DOC_ENROLLMENT_GROUP : DOC_ENROLLMENT;
    enum err e = dps_document_get(env, kind, bytes_str(c->entry), &doc, &p.entry);

    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    if (dps_is_disabled(p.entry)) { /* since it was let in */
        json_decref(p.entry);
        return ERR_DISABLED;
    }
    recall(&p);
    name_device(&p);
    choose(&p);
    e = decide(&p, payload, at);
    json_decref(p.entry);
    json_decref(p.was);
    return e;
}
