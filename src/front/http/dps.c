/* The provisioning service over HTTPS: what devices ask (provisioning 1.6). */
#include "http_front.h"

#include "dps.h"

#include <assert.h>
#include <stdio.h>

/* Answers in its own form, with its own headers (provisioning 1.2.4). */
static enum err fails(struct http_request *r, struct http_answer *a, enum err e)
{
    struct registration_error error = registration_error_of(e);
    char code[16];

    if (!r->told)
        http_log_refusal(r, e, error.message);
    a->status = (int)(error.code / 1000);
    assert(a->status >= 400);
    snprintf(code, sizeof code, "%u", error.code);
    http_put_header(&a->headers, "x-ms-error-code", bytes_str(code));
    if (a->status == 429)
        http_put_header(&a->headers, "Retry-After", BYTES("3"));
    buf_clear(&a->body);
    registration_put_error(r->env, &a->body, error, r->now_ms);
    return OK;
}

static enum err not_admitted(struct http_request *r, enum err e, const char *why)
{
    journal_login_failed(r->env, r->peer, (struct journal_who){"registration", bytes_str(r->names[1])}, e, why,
                         r->now_ms);
    r->told = true;
    return e;
}

static struct registration_request request_of(const struct http_request *r)
{
    return (struct registration_request){.env = r->env,
                                         .peer = r->peer,
                                         .scope = bytes_str(r->names[0]),
                                         .registration = bytes_str(r->names[1]),
                                         .token = http_header(r->head, BYTES("authorization")),
                                         .now_ms = r->now_ms};
}

/* provisioning 1.6: a TPM that has not proved anything yet is told what to prove it with. False: it is none. */
static bool was_challenged(struct http_request *r, struct http_answer *a, enum err *e)
{
    const struct registration_request request = request_of(r);
    struct registration_body body;
    bool wants = !request.token.len;

    if (!wants)
        return false;
    *e = registration_body_read(&body, r->body);
    wants = !*e && body.tpm;
    if (wants)
        *e = registration_challenge_by_body(&request, &body, &a->body);
    registration_body_free(&body);
    if (wants && *e)
        *e = fails(r, a, not_admitted(r, *e, NULL));
    else if (wants)
        a->status = 401;
    return wants;
}

static enum err admit(struct http_request *r, struct registrant *caller)
{
    const struct registration_request request = request_of(r);
    enum err e = registration_admit(&request, caller);

    return e ? not_admitted(r, e, caller->why) : OK;
}

/* provisioning 1.2: the first answer is always 202. */
enum err http_dps_register(struct http_request *r, struct http_answer *a)
{
    struct registrant caller;
    uint64_t at;
    enum err e;

    if (was_challenged(r, a, &e))
        return e;
    if (!(e = admit(r, &caller)))
        e = registration_start(r->env, &caller, r->body, r->now_ms, &at, &a->body);
    if (e)
        return fails(r, a, e);
    front_wait_for(r->front, at);
    a->status = 202;
    http_put_header(&a->headers, "Retry-After", BYTES("2"));
    return OK;
}

enum err http_dps_operation(struct http_request *r, struct http_answer *a)
{
    struct registrant caller;
    enum err e = admit(r, &caller);

    bool goes_on;

    if (!e)
        e = registration_progress(r->env, &caller, bytes_str(r->names[2]), r->now_ms, &goes_on, &a->body);
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
    struct registrant caller;
    enum err e = admit(r, &caller);

    if (!e)
        e = registration_put(r->env, bytes_str(caller.registration), &a->body);
    if (e)
        return fails(r, a, e);
    front_wait_for(r->front, hub_seen(r->env->hub));
    return OK;
}
