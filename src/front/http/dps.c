/* The provisioning service over HTTPS: what devices ask (provisioning 1.6). */
#include "http_front.h"

#include "dps.h"
#include "json_body.h"

#include <stdio.h>

/* Answers in its own form, with its own headers (provisioning 1.2.4). */
static enum err fails(struct http_request *r, struct http_answer *a, enum err e)
{
    struct dps_error error = dps_error_of(e);
    char code[16];

    if (!r->told)
        http_log_refusal(r, e, error.message);
    a->status = (int)(error.code / 1000);
    snprintf(code, sizeof code, "%u", error.code);
    http_put_header(&a->headers, "x-ms-error-code", bytes_str(code));
    if (a->status == 429)
        http_put_header(&a->headers, "Retry-After", BYTES("3"));
    buf_clear(&a->body);
    dps_put_error(r->env, &a->body, error, r->now_ms);
    return OK;
}

static enum err not_admitted(struct http_request *r, enum err e, const char *why)
{
    journal_login_failed(r->env, r->peer, (struct journal_who){"registration", bytes_str(r->names[1])}, e, why,
                         r->now_ms);
    r->told = true;
    return e;
}

/* provisioning 1.6: a TPM that has not proved anything yet is told what to prove it with. */
static bool wants_challenge(struct http_request *r, json_t **body)
{
    char why[JSON_WHY_CAP];

    *body = NULL;
    if (http_header(r->head, BYTES("authorization")).len || !(*body = json_body(r->body, 0, why)) ||
        json_spell(*body, NAMES_REGISTER, why))
        return false;
    return json_is_object(json_object_get(*body, "tpm"));
}

static enum err challenge(struct http_request *r, struct http_answer *a, const json_t *body)
{
    enum err e = dps_challenge_by_body(r->env, r->peer, bytes_str(r->names[0]), bytes_str(r->names[1]), body, r->now_ms,
                                       &a->body);

    if (e)
        return fails(r, a, not_admitted(r, e, NULL));
    a->status = 401;
    return OK;
}

static enum err admit(struct http_request *r, struct dps_caller *caller)
{
    struct bytes token = http_header(r->head, BYTES("authorization"));
    enum err e =
        dps_admit(r->env, r->peer, bytes_str(r->names[0]), bytes_str(r->names[1]), token, NULL, r->now_ms, caller);

    if (e)
        return not_admitted(r, e, caller->why);
    r->front->proved = true;
    return OK;
}

/* provisioning 1.2: the first answer is always 202. */
enum err http_dps_register(struct http_request *r, struct http_answer *a)
{
    struct dps_caller caller;
    json_t *body;
    uint64_t at;
    enum err e;

    if (wants_challenge(r, &body)) {
        e = challenge(r, a, body);
        json_decref(body);
        return e;
    }
    json_decref(body);
    if (!(e = admit(r, &caller)))
        e = dps_register(r->env, &caller, r->body, r->now_ms, &at, &a->body);
    if (e)
        return fails(r, a, e);
    front_wait_for(r->front, at);
    a->status = 202;
    http_put_header(&a->headers, "Retry-After", BYTES("2"));
    return OK;
}

enum err http_dps_operation(struct http_request *r, struct http_answer *a)
{
    struct dps_caller caller;
    enum err e = admit(r, &caller);

    bool goes_on;

    if (!e)
        e = dps_status(r->env, &caller, bytes_str(r->names[2]), r->now_ms, &goes_on, &a->body);
    if (e)
        return fails(r, a, e);
    if (goes_on) {
        a->status = 202;
        http_put_header(&a->headers, "Retry-After", BYTES("2"));
    }
    front_wait_for(r->front, hub_seen(r->env->hub));
    return OK;
}

enum err http_dps_lookup(struct http_request *r, struct http_answer *a)
{
    struct dps_caller caller;
    enum err e = admit(r, &caller);

    if (!e)
        e = dps_state(r->env, bytes_str(caller.registration), &a->body);
    if (e)
        return fails(r, a, e);
    front_wait_for(r->front, hub_seen(r->env->hub));
    return OK;
}
