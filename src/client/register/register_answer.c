#include "register_tpm.h"

#include "identity.h"
#include "json_text.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* provisioning 1.2.3: what is not told, and the least and the most that is believed. */
enum { RETRY_S = 2, RETRY_MIN_S = 1, RETRY_MAX_S = 60 };

enum err registering_put_body(struct registering *r, const char *payload)
{
    json_t *parsed = payload ? json_loads(payload, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (payload && !parsed)
        return ERR_ARGUMENT;
    json_decref(parsed);
    r->body = buf_max(REGISTER_BODY_MAX);
    buf_puts(&r->body, "{\"registrationId\":");
    buf_put_json(&r->body, bytes_str(r->out->registration));
    if (r->tpm)
        registering_put_keys(r, &r->body);
    if (payload) {
        buf_puts(&r->body, ",\"payload\":");
        buf_puts(&r->body, payload);
    }
    buf_puts(&r->body, "}");
    return buf_check(&r->body);
}

void registering_failed(struct registering *r, enum d2d_err e, const char *format, ...)
{
    va_list args;

    if (r->done)
        return;
    r->done = true;
    r->result = e;
    va_start(args, format);
    vsnprintf(r->out->error, sizeof r->out->error, format, args);
    va_end(args);
}

void registering_later(struct registering *r, int64_t retry_s, int64_t now_ms, const char *why)
{
    if (retry_s < 0)
        retry_s = RETRY_S;
    if (retry_s < RETRY_MIN_S)
        retry_s = RETRY_MIN_S;
    if (retry_s > RETRY_MAX_S)
        retry_s = RETRY_MAX_S;
    r->next_ms = now_ms + retry_s * 1000;
    snprintf(r->out->error, sizeof r->out->error, "%s", why);
    account_say(&r->account, D2D_LOG_DEBUG, "%s: %s, asking again in %d s", r->account.host, why, (int)retry_s);
}

static const char *text_of(const json_t *from, const char *name)
{
    const char *text = json_string_value(json_object_get(from, name));

    return text ? text : "";
}

/* It may come to stand on a terminal. */
static void tame(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            *text = '?';
}

/* The number and the text of an error, wherever they stand. */
static void take_error(struct registering *r, const json_t *from, int status)
{
    json_int_t code = json_integer_value(json_object_get(from, "errorCode"));
    const char *message = text_of(from, "errorMessage");

    if (!*message)
        message = text_of(from, "message");
    r->out->error_code = code > 0 && code <= UINT32_MAX ? (unsigned)code : 0;
    if (r->out->error_code)
        snprintf(r->out->error, sizeof r->out->error, "%u%s%s", r->out->error_code, *message ? ": " : "", message);
    else if (*message)
        snprintf(r->out->error, sizeof r->out->error, "%s", message);
    else
        snprintf(r->out->error, sizeof r->out->error, "status %d", status);
    tame(r->out->error);
}

/* It goes into topics, paths and properties as it is (provisioning 1.1). */
static bool is_operation(const char *id)
{
    size_t len = strlen(id);

    return len > 0 && len <= OPERATION_LEN_MAX &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") == len;
}

/* It comes to stand in a connection string. */
static bool take_word(const char *text, char *out, size_t cap)
{
    bool plain = *text != 0;

    for (const char *at = text; *at; at++)
        plain = plain && *at > 0x20 && *at < 0x7F && *at != ';';
    return plain && bytes_to_str(bytes_str(text), out, cap);
}

static void take_assignment(struct registering *r, const json_t *state)
{
    struct d2d_registration *out = r->out;
    char *payload = json_text(json_object_get(state, "payload"), JSON_COMPACT);

    if (payload && strlen(payload) < sizeof out->payload)
        memcpy(out->payload, payload, strlen(payload) + 1);
    free(payload);
    snprintf(out->substatus, sizeof out->substatus, "%s", text_of(state, "substatus"));
    tame(out->substatus);
    if (!take_word(text_of(state, "assignedHub"), out->hub, sizeof out->hub) ||
        !take_word(text_of(state, "deviceId"), out->device, sizeof out->device)) {
        out->hub[0] = out->device[0] = 0;
        registering_failed(r, D2D_FAILED, "the service does not name the hub");
        return;
    }
    if (!registering_take_key(r,
                              json_string_value(json_object_get(json_object_get(state, "tpm"), "authenticationKey"))))
        return;
    out->error[0] = 0;
    r->done = true;
    r->result = D2D_OK;
}

static void take_failure(struct registering *r, const json_t *state)
{
    take_error(r, state, 0);
    if (!r->out->error_code && !text_of(state, "errorMessage")[0])
        snprintf(r->out->error, sizeof r->out->error, "the registration is %s", r->out->status);
    r->done = true;
    r->result = D2D_REFUSED;
}

static void on_status(struct registering *r, const json_t *root, int64_t retry_s, int64_t now_ms)
{
    const json_t *state = json_object_get(root, "registrationState");
    const char *operation = text_of(root, "operationId");
    char *status = r->out->status;

    snprintf(status, sizeof r->out->status, "%s", text_of(root, "status"));
    tame(status);
    if (!r->operation[0] && is_operation(operation))
        memcpy(r->operation, operation, strlen(operation) + 1);
    if (strcmp(status, "assigned") == 0 && state)
        take_assignment(r, state);
    else if (strcmp(status, "failed") == 0 || strcmp(status, "disabled") == 0)
        take_failure(r, state);
    else if (strcmp(status, "assigning") != 0 && strcmp(status, "assigned") != 0)
        registering_failed(r, D2D_FAILED, "the service answers with the unknown status \"%.20s\"", status);
    else if (!r->operation[0])
        registering_failed(r, D2D_FAILED, "the service gives no operation id");
    else
        registering_later(r, retry_s, now_ms, "the service is assigning a hub");
}

static bool is_passing(int status)
{
    return status == 429 || status >= 500;
}

static void on_refusal(struct registering *r, int status, int64_t retry_s, const json_t *root, struct bytes body,
                       int64_t now_ms)
{
    char why[sizeof r->out->error];

    if (status == 401 &&
        registering_challenged(r, json_string_value(json_object_get(root, "authenticationKey")), now_ms))
        return;
    take_error(r, root, status);
    memcpy(why, r->out->error, sizeof why);
    if (is_passing(status)) {
        registering_later(r, retry_s, now_ms, why);
        return;
    }
    r->done = true;
    r->result = status_error(status, body, why, sizeof why);
    if (!r->result)
        r->result = D2D_FAILED;
}

void registering_answered(struct registering *r, int status, int64_t retry_s, struct bytes body, int64_t now_ms)
{
    json_t *root = body.len ? json_loadb((const char *)body.at, body.len, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (r->done)
        ;
    else if (status < 200 || status >= 300)
        on_refusal(r, status, retry_s, root, body, now_ms);
    else if (!json_is_object(root))
        registering_failed(r, D2D_FAILED, "the answer of the service is not JSON");
    else
        on_status(r, root, retry_s, now_ms);
    json_decref(root);
}
