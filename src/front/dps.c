/* Registrations: the device on the hub, operations, what devices are told. */
#include "dps.h"

#include "challenges.h"
#include "json_body.h"
#include "text.h"

#include <stdio.h>

/* ---- the device on the hub ------------------------------------------------------------------------------------------- */

static bool same_key(const struct key_bytes *a, const struct key_bytes *b)
{
    return bytes_eq(bytes_of(a->at, a->len), bytes_of(b->at, b->len));
}

static bool same_authentication(const struct device *a, const struct device *b)
{
    return a->auth == b->auth && same_key(&a->primary, &b->primary) && same_key(&a->secondary, &b->secondary) &&
           !strcmp(a->thumbprint[0], b->thumbprint[0]) && !strcmp(a->thumbprint[1], b->thumbprint[1]);
}

/* provisioning 2.1, 2.2: it comes to the hub with what it came here; a certificate that a group's authority signed by its
 * thumbprint, so that this authority can make no other device of the hub. One that is there already keeps its state. */
static enum err make_device(const struct front_env *env, const struct dps_caller *c, const char *id, bool is_its_own,
                            int64_t now_ms, uint64_t *at)
{
    struct device wanted = {.auth = AUTH_SAS}, now, made;
    enum err e = hub_device_get(env->hub, bytes_str(id), &now);

    if (!e)
        wanted = now;
    /* Only what it proved: what else was tried on the way is not its own. */
    wanted.auth = c->how == DPS_X509 ? AUTH_SELF_SIGNED : AUTH_SAS;
    wanted.primary.len = wanted.secondary.len = 0;
    wanted.thumbprint[0][0] = wanted.thumbprint[1][0] = 0;
    if (c->how == DPS_X509) {
        memcpy(wanted.thumbprint, c->thumbprint, sizeof wanted.thumbprint);
    } else {
        wanted.primary = c->primary;
        wanted.secondary = c->secondary;
    }
    snprintf(wanted.id, sizeof wanted.id, "%s", id);
    if (e == ERR_NOT_FOUND)
        return hub_device_put(env->hub, &wanted, (struct match){.how = MATCH_NONE}, now_ms, &made, at);
    if (e || same_authentication(&wanted, &now))
        return e;
    /* Whoever has a group's key can name any device: one that did not come from there is not his to take. */
    if (c->from_group && !is_its_own)
        return ERR_DENIED;
    return hub_device_put(env->hub, &wanted, (struct match){.how = MATCH_ANY}, now_ms, &made, at);
}

/* The device that this registration was given by the same entry before, whatever the case of its id then. */
static bool known_device(const struct front_env *env, const struct dps_caller *c, char out[ID_LEN_MAX + 1])
{
    struct doc doc;
    json_t *state;
    bool known;

    if (dps_document_get(env, DOC_REGISTRATION, bytes_str(c->registration), &doc, &state))
        return false;
    known = bytes_eq(dps_text(state, "entry", NULL, NULL), bytes_str(c->entry)) &&
            bytes_to_str(dps_text(state, "deviceId", NULL, NULL), out, ID_LEN_MAX + 1);
    json_decref(state);
    return known;
}

/* The id that the device gets: that of the enrollment, the one that it got before, or its registration's. */
static enum err device_id(const struct front_env *env, const struct dps_caller *c, char out[ID_LEN_MAX + 1],
                          bool *known)
{
    struct doc doc;
    json_t *entry;
    enum err e;

    *known = known_device(env, c, out);
    if (c->from_group && *known)
        return OK;
    memcpy(out, c->registration, ID_LEN_MAX + 1);
    if (c->from_group)
        return OK;
    if ((e = dps_document_get(env, DOC_ENROLLMENT, bytes_str(c->registration), &doc, &entry)))
        return e;
    struct bytes wanted = dps_text(entry, "deviceId", NULL, NULL);
    if (wanted.len && !bytes_to_str(wanted, out, ID_LEN_MAX + 1))
        e = ERR_DAMAGED;
    json_decref(entry);
    return e;
}

/* ---- registrations ----------------------------------------------------------------------------------------------------- */

static int put_json(const char *text, size_t len, void *ctx)
{
    buf_put(ctx, bytes_of(text, len));
    return 0;
}

static enum err put_and_drop(struct buf *out, json_t *json)
{
    enum err e = !json || json_dump_callback(json, put_json, out, JSON_COMPACT) || out->bad ? ERR_MEMORY : OK;

    json_decref(json);
    return e;
}

static void make_operation(const struct front_env *env, char out[OPERATION_CAP])
{
    struct buf hex = buf_max(64);
    uint8_t random[24];

    env->random(env->random_ctx, random, sizeof random);
    buf_put_hex(&hex, bytes_of(random, sizeof random));
    const char *h = buf_str(&hex);
    snprintf(out, OPERATION_CAP, "5.%.16s.%.8s-%.4s-%.4s-%.4s-%.12s", h, h + 16, h + 24, h + 28, h + 32, h + 36);
    buf_free(&hex);
}

static const char *const attestations[] = {
    [DPS_SYMMETRIC_KEY] = "symmetricKey", [DPS_X509] = "x509", [DPS_TPM] = "tpm"};

/* Kept until the device has it. */
static void put_hub_key(json_t *state, const struct key_bytes *key)
{
    struct buf text = buf_max(KEY_TEXT_MAX + 1);

    buf_put_base64(&text, bytes_of(key->at, key->len));
    json_object_set_new(state, "hubKey", json_string(buf_str(&text)));
    explicit_bzero(text.at, text.len);
    buf_free(&text);
}

/* provisioning 1.2.2; with the operation, the entry and the key, which are ours. */
static json_t *state_of(const struct front_env *env, const struct dps_caller *c, const char *device,
                        const char *operation, int64_t created_ms, int64_t now_ms)
{
    char created[DPS_TIME_CAP], updated[DPS_TIME_CAP];
    json_t *by = c->from_group ? json_pack("{ss}", "enrollmentGroupId", c->entry) : json_object();

    dps_time(created_ms, created);
    dps_time(now_ms, updated);
    json_t *state = json_pack("{ss ss ss ss ss ss ss so ss ss}", "registrationId", c->registration,
                              "createdDateTimeUtc", created, "assignedHub", env->host, "deviceId", device, "status",
                              "assigned", "substatus", "initialAssignment", "lastUpdatedDateTimeUtc", updated,
                              attestations[c->how], by, "operationId", operation, "entry", c->entry);
    if (c->how == DPS_TPM && state)
        put_hub_key(state, &c->primary);
    return state;
}

/* Whether a body is one that may come: nothing, a blank, or an object that names this registration or none. */
static enum err check_body(struct bytes body, const struct dps_caller *c)
{
    char why[JSON_WHY_CAP];
    json_t *root;
    enum err e = OK;

    if (!bytes_trim(body).len)
        return OK;
    if (!(root = json_body(body, 0, why)))
        return ERR_MALFORMED;
    struct bytes id = dps_text(root, "registrationId", NULL, NULL);
    if (!json_is_object(root) || (id.len && !bytes_eq_nocase(id, bytes_str(c->registration))))
        e = ERR_ARGUMENT;
    json_decref(root);
    return e;
}

static enum err begin(const struct front_env *env, const struct dps_caller *c, const char *operation, int64_t now_ms,
                      uint64_t *at)
{
    struct buf text = buf_max(DOC_LEN_MAX), old = buf_max(DOC_LEN_MAX);
    char device[ID_LEN_MAX + 1];
    bool is_its_own;
    struct doc was = {.created_ms = now_ms}, made;
    enum err e = device_id(env, c, device, &is_its_own), known;

    if (!e)
        e = make_device(env, c, device, is_its_own, now_ms, at);
    known = hub_doc_get(env->hub, DOC_REGISTRATION, bytes_str(c->registration), &old, &was);
    if (!e)
        e = put_and_drop(&text, state_of(env, c, device, operation, known ? now_ms : was.created_ms, now_ms));
    if (!e)
        e = hub_doc_put(env->hub, DOC_REGISTRATION, bytes_str(c->registration), buf_bytes(&text),
                        (struct match){.how = known ? MATCH_NONE : MATCH_ANY}, now_ms, &made, at);
    buf_free(&text);
    buf_free(&old);
    return e;
}

/* provisioning 5.2: a challenge is good for one operation, which its device may ask for again as long as it goes on. */
static enum err begin_challenged(const struct front_env *env, const struct dps_caller *c, char operation[OPERATION_CAP],
                                 int64_t now_ms, uint64_t *at)
{
    enum err e = challenges_bind(env->challenges, c->challenge, operation);

    if (e == ERR_EXISTS) {
        *at = hub_seen(env->hub);
        return OK;
    }
    if (!e && (e = begin(env, c, operation, now_ms, at)))
        challenges_unbind(env->challenges, c->challenge);
    return e;
}

enum err dps_register(const struct front_env *env, const struct dps_caller *c, struct bytes body, int64_t now_ms,
                      uint64_t *at, struct buf *out)
{
    char operation[OPERATION_CAP];
    enum err e = check_body(body, c);

    *at = 0;
    make_operation(env, operation);
    if (!e)
        e = c->challenge ? begin_challenged(env, c, operation, now_ms, at) : begin(env, c, operation, now_ms, at);
    if (!e)
        buf_printf(out, "{\"operationId\":\"%s\",\"status\":\"assigning\"}", operation);
    return e;
}

static json_t *with_etag(json_t *state, const struct doc *doc)
{
    struct buf text = buf_max(64);
    char quoted[32];

    snprintf(quoted, sizeof quoted, "\"%s\"", doc->etag);
    buf_put_base64(&text, bytes_str(quoted));
    json_object_set_new(state, "etag", json_string(buf_str(&text)));
    buf_free(&text);
    return dps_registration_show(state);
}

/* provisioning 2.3: its key for the hub, for its chip only. */
static enum err add_activation(const struct front_env *env, const struct dps_caller *c, json_t *state)
{
    struct buf blob = buf_max(2 * ATTEST_BLOB_MAX);
    struct key_bytes key;
    enum err e = dps_key(dps_text(state, "hubKey", NULL, NULL), &key) ? OK : ERR_DAMAGED;

    if (!e)
        e = dps_put_activation(env, &c->proof, &key, json_string_value(json_object_get(state, "assignedHub")),
                               json_string_value(json_object_get(state, "deviceId")), &blob);
    if (!e && json_object_set_new(state, "tpm", json_pack("{ss}", "authenticationKey", buf_str(&blob))))
        e = ERR_MEMORY;
    explicit_bzero(&key, sizeof key);
    buf_free(&blob);
    return e;
}

enum err dps_status(const struct front_env *env, const struct dps_caller *c, struct bytes operation, struct buf *out)
{
    struct doc doc;
    json_t *state;
    enum err e = dps_document_get(env, DOC_REGISTRATION, bytes_str(c->registration), &doc, &state);

    if (e)
        return e;
    if (!bytes_eq(dps_text(state, "operationId", NULL, NULL), operation)) {
        json_decref(state);
        return ERR_NOT_FOUND;
    }
    if (c->how == DPS_TPM && (e = add_activation(env, c, state))) {
        json_decref(state);
        return e;
    }
    if (c->challenge)
        challenges_end(env->challenges, c->challenge);
    char id[64];
    if (!bytes_to_str(operation, id, sizeof id))
        id[0] = 0;
    return put_and_drop(out, json_pack("{ss ss so}", "operationId", id, "status", "assigned", "registrationState",
                                       with_etag(state, &doc)));
}

enum err dps_state(const struct front_env *env, struct bytes registration, struct buf *out)
{
    struct doc doc;
    json_t *state;
    enum err e = dps_document_get(env, DOC_REGISTRATION, registration, &doc, &state);

    return e ? e : put_and_drop(out, with_etag(state, &doc));
}

/* ---- errors ---------------------------------------------------------------------------------------------------------- */

struct dps_error dps_error_of(enum err e)
{
    switch (e) {
    case ERR_NOT_FOUND:
        return (struct dps_error){404201, "There is no such scope, registration or operation."};
    case ERR_UNAUTHORIZED:
    case ERR_EXPIRED:
    case ERR_DISABLED:
    case ERR_DENIED:
        return (struct dps_error){401002, "Unauthorized."};
    case ERR_MALFORMED:
    case ERR_ARGUMENT:
    case ERR_TOO_LARGE:
        return (struct dps_error){400000, "The body is not valid."};
    case ERR_BUSY:
        return (struct dps_error){429001, "Too many attempts."};
    default:
        return (struct dps_error){500000, "Internal error."};
    }
}

void dps_put_error(const struct front_env *env, struct buf *b, struct dps_error error, int64_t now_ms)
{
    struct buf hex = buf_max(40);
    char time[DPS_TIME_CAP];
    uint8_t id[16];

    env->random(env->random_ctx, id, sizeof id);
    buf_put_hex(&hex, bytes_of(id, sizeof id));
    const char *h = buf_str(&hex);
    dps_time(now_ms, time);
    buf_printf(
        b,
        "{\"errorCode\":%u,\"trackingId\":\"%.8s-%.4s-%.4s-%.4s-%.12s\",\"message\":\"%s\",\"timestampUtc\":\"%s\","
        "\"info\":{}}",
        error.code, h, h + 8, h + 12, h + 16, h + 20, error.message, time);
    buf_free(&hex);
}
