/* Registrations: operations, what devices are told. */
#include "assign.h"

#include "json_names.h"
#include "outside.h"
#include "text.h"

#include <stdio.h>

/* ---- registrations --------------------------------------------------------------------------------------------- */

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

/* What came: nothing, a blank, or an object that names this registration or none. */
static enum err read_body(struct bytes body, const struct dps_caller *c, json_t **out)
{
    char why[JSON_WHY_CAP];
    enum err e;

    *out = NULL;
    if (!bytes_trim(body).len)
        return OK;
    if (!(*out = json_body(body, 0, why)))
        return ERR_MALFORMED;
    if ((e = json_spell(*out, NAMES_REGISTER, why)))
        return e;
    struct bytes id = dps_text(*out, "registrationId", NULL, NULL);
    return !json_is_object(*out) || (id.len && !bytes_eq_nocase(id, bytes_str(c->registration))) ? ERR_ARGUMENT : OK;
}

/* provisioning 5.2: a challenge is good for one operation, which its device may ask for again as long as it goes on. */
static enum err assign_challenged(const struct front_env *env, const struct dps_caller *c, const json_t *payload,
                                  char operation[OPERATION_CAP], int64_t now_ms, uint64_t *at)
{
    enum err e = challenges_bind(env->challenges, c->challenge, operation);

    if (e == ERR_EXISTS) {
        *at = hub_seen(env->hub);
        return OK;
    }
    if (!e && (e = dps_assign(env, c, payload, operation, now_ms, at)))
        challenges_unbind(env->challenges, c->challenge);
    return e;
}

enum err dps_register(const struct front_env *env, const struct dps_caller *c, struct bytes body, int64_t now_ms,
                      uint64_t *at, struct buf *out)
{
    char operation[OPERATION_CAP];
    json_t *root;
    enum err e = read_body(body, c, &root);
    const json_t *payload = json_object_get(root, "payload");

    *at = 0;
    make_operation(env, operation);
    if (!e)
        e = c->challenge ? assign_challenged(env, c, payload, operation, now_ms, at)
                         : dps_assign(env, c, payload, operation, now_ms, at);
    json_decref(root);
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

/* provisioning 1.2.2: clients want no more than this of one that goes on, and no less. Takes the state. */
static json_t *short_state(json_t *state, const char *status)
{
    json_t *shown = json_pack("{sO ss}", "registrationId", json_object_get(state, "registrationId"), "status", status);

    json_decref(state);
    return shown;
}

/* provisioning 5.1: who was let in may be shut out before it has come to an end. */
static enum err look_at_entry(const struct front_env *env, const struct dps_caller *c, bool *disabled)
{
    struct doc doc;
    json_t *entry;
    enum err e =
        dps_document_get(env, c->from_group ? DOC_ENROLLMENT_GROUP : DOC_ENROLLMENT, bytes_str(c->entry), &doc, &entry);

    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    *disabled = dps_is_disabled(entry);
    json_decref(entry);
    return OK;
}

/* Nobody works at it any more: the hub was stopped in the middle, or had too much to do. */
static void give_up(const struct front_env *env, json_t *state, const struct doc *doc, int64_t now_ms)
{
    bool is_ours = env->outside && bytes_eq(dps_text(state, "run", NULL, NULL), bytes_str(env->outside->run));

    if (is_ours && hub_wall_ms(env->hub, now_ms) - doc->updated_ms < ASSIGNING_MS)
        return;
    json_object_set_new(state, "status", json_string("failed"));
    json_object_set_new(state, "errorCode", json_integer(DPS_WEBHOOK));
    json_object_set_new(state, "errorMessage", json_string("The assignment was interrupted; register again."));
}

static enum err show_status(const struct front_env *env, const struct dps_caller *c, json_t *state,
                            const struct doc *doc, struct bytes operation, bool *goes_on, struct buf *out)
{
    char id[OPERATION_CAP], status[16];
    bool disabled = false;
    enum err e = look_at_entry(env, c, &disabled);

    if (e) {
        json_decref(state);
        return e;
    }
    if (!bytes_to_str(operation, id, sizeof id) ||
        !bytes_to_str(dps_text(state, "status", NULL, NULL), status, sizeof status)) {
        json_decref(state);
        return ERR_DAMAGED;
    }
    if (disabled)
        snprintf(status, sizeof status, "disabled");
    *goes_on = !strcmp(status, "assigning");
    if (!strcmp(status, "assigned") && c->how == DPS_TPM && (e = add_activation(env, c, state))) {
        json_decref(state);
        return e;
    }
    if (!*goes_on && c->challenge)
        challenges_end(env->challenges, c->challenge);
    return dps_put_and_drop(out, json_pack("{ss ss so}", "operationId", id, "status", status, "registrationState",
                                           *goes_on || disabled ? short_state(state, status) : with_etag(state, doc)));
}

enum err dps_status(const struct front_env *env, const struct dps_caller *c, struct bytes operation, int64_t now_ms,
                    bool *goes_on, struct buf *out)
{
    struct doc doc;
    json_t *state;
    enum err e = dps_document_get(env, DOC_REGISTRATION, bytes_str(c->registration), &doc, &state);

    *goes_on = false;
    if (e)
        return e;
    if (!bytes_eq(dps_text(state, "operationId", NULL, NULL), operation)) {
        json_decref(state);
        return ERR_NOT_FOUND;
    }
    if (bytes_eq(dps_text(state, "status", NULL, NULL), BYTES("assigning")))
        give_up(env, state, &doc, now_ms);
    return show_status(env, c, state, &doc, operation, goes_on, out);
}

enum err dps_state(const struct front_env *env, struct bytes registration, struct buf *out)
{
    struct doc doc;
    json_t *state;
    enum err e = dps_document_get(env, DOC_REGISTRATION, registration, &doc, &state);

    return e ? e : dps_put_and_drop(out, with_etag(state, &doc));
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

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
    dps_time(hub_wall_ms(env->hub, now_ms), time);
    buf_printf(b, "{\"errorCode\":%u,\"trackingId\":\"%.8s-%.4s-%.4s-%.4s-%.12s\",\"message\":", error.code, h, h + 8,
               h + 12, h + 16, h + 20);
    buf_put_json(b, bytes_str(error.message));
    buf_printf(b, ",\"timestampUtc\":\"%s\",\"info\":{}}", time);
    buf_free(&hex);
}
