#include "assign.h"

#include "document.h"
#include "map.h"
#include "outside.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

/* A registration that is being decided. */
struct plan {
    const struct front_env *env;
    const struct registrant *caller;
    const char *operation;
    int64_t now_ms;
    struct enrollment entry; /* or the group */
    struct registration was; /* the one before, of the same entry; id "": none */
    bool known;              /* there is one, of whatever entry */
    int64_t created_ms;
    char device[ID_LEN_MAX + 1];
    char old[HOST_LEN_MAX + 1]; /* where it is now; "": nowhere */
    char old_id[ID_LEN_MAX + 1];
    char host[HOST_LEN_MAX + 1]; /* where it goes; "": the webhook says */
    unsigned error;
    const char *message;
};

/* provisioning 2.1, 2.2: it comes to the hub with what it came here; a certificate that a group's authority signed by
 * its thumbprint, so that this authority can make no other device of the hub. What else was tried on the way is not its
 * own. */
static struct device wanted_device(const struct registrant *c, const struct enrollment *entry, const char *id)
{
    bool certificate = c->how == ATTESTED_BY_CERTIFICATE;
    struct device d = {.auth = certificate ? AUTH_SELF_SIGNED : AUTH_SAS, .edge = entry->edge};

    snprintf(d.id, sizeof d.id, "%s", id);
    if (certificate) {
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
    size_t len = 0;

    if (p->entry.allocation == BY_LIST || p->entry.allocation == BY_LATENCY)
        return hubs[0];
    for (const char *at = p->caller->registration; *at; at++)
        lower[len++] = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    return hubs[bytes_hash(bytes_of(lower, len), 0) % n];
}

/* provisioning 3.7: those of the entry, or all. */
static void choose_from_list(struct plan *p)
{
    const char *hubs[LINKED_HUBS_MAX + 1];
    size_t n = 0;

    for (size_t i = 0; i < p->entry.n_hubs; i++) {
        const char *name = host_linked(p->env, bytes_str(p->entry.hubs[i]));

        if (name)
            hubs[n++] = name;
    }
    if (!p->entry.n_hubs) {
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
    return p->old[0] && p->entry.keeps_hub;
}

static void choose(struct plan *p)
{
    const char *name;

    if (keeps_its_hub(p)) {
        memcpy(p->host, p->old, sizeof p->host);
    } else if (p->entry.pinned) {
        if ((name = host_linked(p->env, bytes_str(p->entry.host))))
            snprintf(p->host, sizeof p->host, "%s", name);
        else
            fail(p, DPS_HUB_REFUSES, "The hub of the enrollment is not linked to this service.");
    } else if (p->entry.allocation == BY_WEBHOOK) {
        if (!p->entry.webhook || !p->env->outside)
            fail(p, DPS_WEBHOOK, "There is no webhook to ask.");
    } else {
        choose_from_list(p);
    }
}

/* ---- what is kept ---------------------------------------------------------------------------------------------- */

/* Its place until this comes to an end; that may be what one which did not come to an end began with. */
static void remember(const struct plan *p, struct registration *r)
{
    const char *substatus = p->was.substatus[0] ? p->was.substatus : p->was.was.substatus;

    memcpy(r->was.hub, p->old, sizeof p->old);
    memcpy(r->was.device, p->old_id, sizeof p->old_id);
    memcpy(r->was.substatus, substatus, sizeof r->was.substatus);
}

/* provisioning 1.2.2 */
static void begin(const struct plan *p, struct registration *r)
{
    const struct registrant *c = p->caller;

    *r = (struct registration){.status = ASSIGNING, .how = c->how, .migrates = p->entry.migrates};
    r->payload = buf_max(DOC_LEN_MAX);
    memcpy(r->id, c->registration, sizeof r->id);
    memcpy(r->entry, c->entry, sizeof r->entry);
    if (c->from_group)
        memcpy(r->group, c->entry, sizeof r->group);
    snprintf(r->operation, sizeof r->operation, "%s", p->operation);
    registration_time(p->created_ms, r->created);
    registration_set_updated(r, hub_wall_ms(p->env->hub, p->now_ms));
    if (c->how == ATTESTED_BY_TPM) /* kept until the device has it */
        r->hub_key = c->primary;
    if (p->old[0])
        remember(p, r);
    memcpy(r->first_hub, p->was.first_hub, sizeof r->first_hub);
}

/* ---- requests to others ------------------------------------------------------------------------------------------ */

static struct outside_request *request_of(const struct plan *p, struct bytes payload)
{
    struct outside_request *request = calloc(1, sizeof *request);
    struct bytes twin = enrollment_twin(&p->entry);

    if (!request)
        return NULL;
    snprintf(request->registration, sizeof request->registration, "%s", p->caller->registration);
    snprintf(request->operation, sizeof request->operation, "%s", p->operation);
    request->device = wanted_device(p->caller, &p->entry, p->device);
    request->owns_id = !p->caller->from_group;
    memcpy(request->host, p->host, sizeof request->host);
    memcpy(request->leave, p->old, sizeof request->leave);
    memcpy(request->leave_id, p->old_id, sizeof request->leave_id);
    request->migrates = p->entry.migrates;
    if (twin.len && !(request->twin = strndup((const char *)twin.at, twin.len))) {
        outside_request_free(request);
        return NULL;
    }
    if (p->host[0])
        return request;
    memcpy(request->allowed, p->entry.hubs, sizeof request->allowed);
    request->n_allowed = p->entry.n_hubs;
    request->url = strdup(p->entry.webhook);
    request->question = document_question(p->env, p->caller, &p->entry, payload, p->old, p->old_id);
    if (request->url && request->question)
        return request;
    outside_request_free(request);
    return NULL;
}

static enum err start_request(const struct plan *p, struct bytes payload)
{
    struct outside_request *request = request_of(p, payload);
    enum err e = request ? p->env->outside->start(p->env->outside->ctx, request) : ERR_MEMORY;

    if (e)
        outside_request_free(request);
    return e;
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

/* Recalls what the same entry gave it before: the device id, whatever the case of its own then, and the hub. */
static void recall(struct plan *p)
{
    struct doc doc;
    bool assigned;

    if (registration_get(p->env, bytes_str(p->caller->registration), &doc, &p->was)) {
        p->was = (struct registration){.id = ""};
        return;
    }
    p->known = true;
    p->created_ms = doc.created_ms;
    if (strcmp(p->was.entry, p->caller->entry)) {
        registration_free(&p->was);
        p->was = (struct registration){.id = ""};
        return;
    }
    assigned = p->was.hub[0];
    memcpy(p->old, assigned ? p->was.hub : p->was.was.hub, sizeof p->old);
    memcpy(p->old_id, assigned ? p->was.device : p->was.was.device, sizeof p->old_id);
    if (!p->old_id[0])
        p->old[0] = 0;
}

/* The id that the device gets: that of the enrollment, the one that it got before from its group, or its
 * registration's. */
static void name_device(struct plan *p)
{
    const char *wanted = p->caller->from_group ? p->old_id : p->entry.device;

    snprintf(p->device, sizeof p->device, "%s", wanted[0] ? wanted : p->caller->registration);
}

static enum err decide(struct plan *p, struct bytes payload, uint64_t *at)
{
    bool here = host_is_here(p->env, bytes_str(p->host));
    bool outside = !p->error && (!here || (p->old[0] && !host_is_here(p->env, bytes_str(p->old))));
    struct match match = {.how = p->known ? MATCH_ANY : MATCH_NONE};
    struct device wanted = wanted_device(p->caller, &p->entry, p->device);
    struct registration r;
    enum err e = OK;

    const struct arrival arrival = {
        .device = &wanted, .may_replace = !p->caller->from_group || p->old[0], .twin = enrollment_twin(&p->entry)};

    if (!p->error && !outside)
        e = device_make_here(p->env, &arrival, p->now_ms, at);
    explicit_bzero(&wanted, sizeof wanted);
    if (e)
        return e;
    begin(p, &r);
    if (p->error)
        registration_set_failed(&r, p->error, p->message);
    else if (!outside)
        e = registration_set_assigned(&r, p->env->host, p->device, NO_BYTES);
    else
        snprintf(r.run, sizeof r.run, "%s", p->env->outside->run);
    if (!e && !(e = registration_store(p->env, &r, match, p->now_ms, at)) && outside)
        e = start_request(p, payload);
    registration_free(&r);
    return e;
}

enum err registration_assign(const struct front_env *env, const struct registrant *c, struct bytes payload,
                             const char operation[OPERATION_CAP], int64_t now_ms, uint64_t *at)
{
    struct plan p = {
        .env = env, .caller = c, .operation = operation, .now_ms = now_ms, .created_ms = hub_wall_ms(env->hub, now_ms)};
    struct doc doc;
    enum doc_kind kind = c->from_group ? DOC_ENROLLMENT_GROUP : DOC_ENROLLMENT;
    enum err e = enrollment_get(env, kind, bytes_str(c->entry), &doc, &p.entry);

    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    if (p.entry.disabled) { /* since it was let in */
        e = ERR_DISABLED;
    } else {
        recall(&p);
        name_device(&p);
        choose(&p);
        e = decide(&p, payload, at);
        registration_free(&p.was);
    }
    enrollment_free(&p.entry);
    return e;
}
