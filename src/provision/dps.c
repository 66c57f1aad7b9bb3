/* Registrations: operations, what devices are told. */
#include "assign.h"

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

/* provisioning 5.2: a challenge is good for one operation, which its device may ask for again as long as it goes on. */
static enum err assign_challenged(const struct front_env *env, const struct registrant *c, struct bytes payload,
                                  char operation[OPERATION_CAP], int64_t now_ms, uint64_t *at)
{
    enum err e = challenges_bind(env->challenges, c->challenge, operation);

    if (e == ERR_EXISTS) {
        *at = hub_seen(env->hub);
        return OK;
    }
    if (!e && (e = registration_assign(env, c, payload, operation, now_ms, at)))
        challenges_unbind(env->challenges, c->challenge);
    return e;
}

enum err registration_start(const struct front_env *env, const struct registrant *c, struct bytes body, int64_t now_ms,
                            uint64_t *at, struct buf *out)
{
    char operation[OPERATION_CAP];
    struct registration_body b;
    enum err e = registration_body_read(&b, body);

    *at = 0;
    make_operation(env, operation);
    if (!e && b.id[0] && !bytes_eq_nocase(bytes_str(b.id), bytes_str(c->registration)))
        e = ERR_ARGUMENT;
    if (!e)
        e = c->challenge ? assign_challenged(env, c, buf_bytes(&b.payload), operation, now_ms, at)
                         : registration_assign(env, c, buf_bytes(&b.payload), operation, now_ms, at);
    registration_body_free(&b);
    if (!e)
        buf_printf(out, "{\"operationId\":\"%s\",\"status\":\"assigning\"}", operation);
    return e;
}

/* ---- how it goes ----------------------------------------------------------------------------------------------- */

/* With its etag, and for a TPM with its key for the hub, in base64. */
static void put_whole(const struct registration *r, const struct doc *doc, const char *key, struct buf *out)
{
    struct buf etag = buf_max(64);
    char quoted[32];

    snprintf(quoted, sizeof quoted, "\"%s\"", doc->etag);
    buf_put_base64(&etag, bytes_str(quoted));
    registration_show(r, buf_str(&etag), key, out);
    buf_free(&etag);
}

/* provisioning 2.3: its key for the hub, for its chip only. */
static enum err put_activation(const struct front_env *env, const struct registrant *c, const struct registration *r,
                               struct buf *out)
{
    return r->hub_key.len ? registration_put_activation(env, &c->proof, &r->hub_key, r->hub, r->device, out)
                          : ERR_DAMAGED;
}

/* provisioning 5.1: who was let in may be shut out before it has come to an end. */
static enum err look_at_entry(const struct front_env *env, const struct registrant *c, bool *disabled)
{
    struct doc doc;
    struct enrollment entry;
    enum err e =
        enrollment_get(env, c->from_group ? DOC_ENROLLMENT_GROUP : DOC_ENROLLMENT, bytes_str(c->entry), &doc, &entry);

    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    *disabled = entry.disabled;
    enrollment_free(&entry);
    return OK;
}

/* Nobody outside is asked for it any more: the hub was stopped in the middle, or had too much to do. */
static void give_up(const struct front_env *env, struct registration *r, const struct doc *doc, int64_t now_ms)
{
    bool is_ours = env->outside && !strcmp(r->run, env->outside->run);

    if (is_ours && hub_wall_ms(env->hub, now_ms) - doc->updated_ms < ASSIGNING_MS)
        return;
    registration_set_failed(r, DPS_WEBHOOK, "The assignment was interrupted; register again.");
}

/* provisioning 1.2.2: of one that goes on, clients want no more than its id and status, and no less. */
static void put_short(const struct registration *r, const char *status, struct buf *out)
{
    buf_puts(out, "{\"registrationId\":");
    buf_put_json(out, bytes_str(r->id));
    buf_printf(out, ",\"status\":\"%s\"}", status);
}

/* Little of one that goes on or was shut out, and all of one that ended. `key`: put_activation(), or nothing. */
static void put_progress(const struct registration *r, const struct doc *doc, bool disabled, struct buf *key,
                         struct buf *out)
{
    static const char *const statuses[] = {[ASSIGNING] = "assigning", [ASSIGNED] = "assigned", [FAILED] = "failed"};
    const char *status = disabled ? "disabled" : statuses[r->status];

    buf_printf(out, "{\"operationId\":\"%s\",\"status\":\"%s\",\"registrationState\":", r->operation, status);
    if (disabled || r->status == ASSIGNING)
        put_short(r, status, out);
    else
        put_whole(r, doc, key->len ? buf_str(key) : NULL, out);
    buf_puts(out, "}");
}

/* A challenge has done its duty when its device is told how the operation ended. */
static enum err tell_progress(const struct front_env *env, const struct registrant *c, const struct registration *r,
                              const struct doc *doc, bool *goes_on, struct buf *out)
{
    struct buf key = buf_max(2 * ATTEST_BLOB_MAX);
    bool disabled = false;
    enum err e = look_at_entry(env, c, &disabled);

    *goes_on = !disabled && r->status == ASSIGNING;
    if (!e && !disabled && r->status == ASSIGNED && c->how == ATTESTED_BY_TPM)
        e = put_activation(env, c, r, &key);
    if (!e) {
        if (!*goes_on && c->challenge)
            challenges_end(env->challenges, c->challenge);
        put_progress(r, doc, disabled, &key, out);
        e = out->bad ? ERR_MEMORY : OK;
    }
    buf_free(&key);
    return e;
}

enum err registration_progress(const struct front_env *env, const struct registrant *c, struct bytes operation,
                               int64_t now_ms, bool *goes_on, struct buf *out)
{
    struct doc doc;
    struct registration r;
    enum err e = registration_get(env, bytes_str(c->registration), &doc, &r);

    *goes_on = false;
    if (e)
        return e;
    if (!bytes_eq(bytes_str(r.operation), operation))
        e = ERR_NOT_FOUND;
    if (!e && r.status == ASSIGNING)
        give_up(env, &r, &doc, now_ms);
    if (!e)
        e = tell_progress(env, c, &r, &doc, goes_on, out);
    registration_free(&r);
    return e;
}

enum err registration_put(const struct front_env *env, struct bytes registration, struct buf *out)
{
    struct doc doc;
    struct registration r;
    enum err e = registration_get(env, registration, &doc, &r);

    if (e)
        return e;
    put_whole(&r, &doc, NULL, out);
    registration_free(&r);
    return out->bad ? ERR_MEMORY : OK;
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

struct registration_error registration_error_of(enum err e)
{
    switch (e) {
    case ERR_NOT_FOUND:
        return (struct registration_error){404201, "There is no such scope, registration or operation."};
    case ERR_UNAUTHORIZED:
    case ERR_EXPIRED:
    case ERR_DISABLED:
    case ERR_DENIED:
        return (struct registration_error){401002, "Unauthorized."};
    case ERR_MALFORMED:
    case ERR_ARGUMENT:
    case ERR_TOO_LARGE:
        return (struct registration_error){400000, "The body is not valid."};
    case ERR_BUSY:
        return (struct registration_error){429001, "Too many attempts."};
    default:
        return (struct registration_error){500000, "Internal error."};
    }
}

void registration_put_error(const struct front_env *env, struct buf *b, struct registration_error error, int64_t now_ms)
{
    struct buf hex = buf_max(40);
    char time[REGISTRATION_TIME_CAP];
    uint8_t id[16];

    env->random(env->random_ctx, id, sizeof id);
    buf_put_hex(&hex, bytes_of(id, sizeof id));
    const char *h = buf_str(&hex);
    registration_time(hub_wall_ms(env->hub, now_ms), time);
    buf_printf(b, "{\"errorCode\":%u,\"trackingId\":\"%.8s-%.4s-%.4s-%.4s-%.12s\",\"message\":", error.code, h, h + 8,
               h + 12, h + 16, h + 20);
    buf_put_json(b, bytes_str(error.message));
    buf_printf(b, ",\"timestampUtc\":\"%s\",\"info\":{}}", time);
    buf_free(&hex);
}
