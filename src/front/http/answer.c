#include "http_front.h"

#include "dps.h"
#include "json_body.h"
#include "log.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

static const struct {
    int status, number;
    const char *name;
} codes[HTTP_CODES_END] = {
#define X(code, status, number, name) {status, number, name},
    HTTP_CODES(X)
#undef X
};

/* The table of errors and statuses. A peer that is told 503 may come again; one that is told 403, after making room. */
static enum http_code code_of(enum err e)
{
    switch (e) {
    case OK:
        return CODE_NONE;
    case ERR_MALFORMED:
    case ERR_PROTOCOL:
        return CODE_BAD_REQUEST;
    case ERR_ARGUMENT:
    case ERR_RANGE:
    case ERR_UNSUPPORTED:
        return CODE_ARGUMENT;
    case ERR_TOO_LARGE:
        return CODE_BODY_SIZE;
    case ERR_UNAUTHORIZED:
    case ERR_EXPIRED:
    case ERR_DENIED: /* service 1.2: 401, not 403 */
        return CODE_UNAUTHORIZED;
    case ERR_DISABLED:
        return CODE_DISABLED;
    case ERR_NOT_FOUND:
        return CODE_NO_DEVICE;
    case ERR_EXISTS:
        return CODE_DEVICE_EXISTS;
    case ERR_PRECONDITION:
        return CODE_PRECONDITION;
    case ERR_LOCK_LOST:
        return CODE_LOCK_LOST;
    case ERR_TIMEOUT:
    case ERR_IDLE:
        return CODE_TOO_SLOW;
    case ERR_BUSY:
        return CODE_THROTTLED;
    case ERR_LIMIT:
    case ERR_QUOTA:
    case ERR_FULL:
        return CODE_QUOTA;
    case ERR_DISK_FULL:
    case ERR_MEMORY:
    case ERR_SHUTDOWN:
        return CODE_UNAVAILABLE;
    case ERR_STOLEN:
    case ERR_CLOSED:
    case ERR_DAMAGED:
    case ERR_IO:
    case ERR_UNREACHABLE:
    case ERR_TLS:
    case ERR_FOREIGN:
    case ERR_UNTRUSTED:
    case ERR_CLOCK:
    case ERR_REJECTED:
    case ERR_INTERNAL:
    case ERRS_END:
        return CODE_SERVER;
    }
    return CODE_SERVER;
}

enum err http_says(struct http_answer *a, enum err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(a->text, sizeof a->text, format, args);
    va_end(args);
    return e;
}

enum err http_fault(struct http_answer *a, enum err e, const struct entry_fault *f)
{
    for (int code = 0; f->number && code < HTTP_CODES_END; code++)
        if (codes[code].number == f->number)
            a->code = (enum http_code)code;
    return f->why[0] ? http_says(a, e, "%s", f->why) : e;
}

static enum err read_json(struct bytes body, size_t flags, json_t **out, struct http_answer *a)
{
    char why[JSON_WHY_CAP];

    *out = json_body(body, JSON_REJECT_DUPLICATES | flags, why);
    if (*out)
        return OK;
    a->code = CODE_NO_JSON;
    return http_says(a, ERR_MALFORMED, "the body is not JSON: %s", why);
}

enum err http_json(struct bytes body, json_t **out, struct http_answer *a)
{
    return read_json(body, 0, out, a);
}

enum err http_json_passed_on(struct bytes body, json_t **out, struct http_answer *a)
{
    return read_json(body, JSON_PASSED_ON, out, a);
}

enum err http_spell(json_t *root, enum json_names which, struct http_answer *a)
{
    char why[JSON_WHY_CAP];
    enum err e = json_spell(root, which, why);

    return why[0] ? http_says(a, e, "%s", why) : e;
}

/* service 4.13, as direct methods have it: the message is the text of a JSON object of its own. */
static void put_nested(struct http_answer *a, enum http_code code, const char *text, const char *tracking,
                       int64_t wall_ms)
{
    struct buf message = buf_max(1024);
    char iso[ISO_TIME_CAP];

    iso_time(wall_ms, iso);
    buf_printf(&message, "{\"errorCode\":%d,\"message\":", codes[code].number);
    buf_put_json(&message, bytes_str(text));
    buf_printf(&message, ",\"trackingId\":\"%s\",\"timestampUtc\":\"%s\"}", tracking, iso);
    buf_clear(&a->body);
    buf_puts(&a->body, "{\"Message\":");
    buf_put_json(&a->body, buf_bytes(&message));
    buf_puts(&a->body, ",\"ExceptionMessage\":\"\"}");
    buf_free(&message);
}

/* service 4.13, envelope 1: the name comes first, up to the semicolon. */
static void put_envelope(struct http_answer *a, enum http_code code, const char *text, const char *tracking,
                         int64_t wall_ms)
{
    struct buf message = buf_max(512);
    char iso[ISO_TIME_CAP];

    iso_time(wall_ms, iso);
    buf_printf(&message, "ErrorCode:%s;%s", codes[code].name, text);
    buf_clear(&a->body);
    buf_puts(&a->body, "{\"Message\":");
    buf_put_json(&a->body, buf_bytes(&message));
    buf_printf(&a->body, ",\"ExceptionMessage\":\"Tracking ID:%s-G:0-TimeStamp:%.2s/%.2s/%.4s %.8s\"}", tracking,
               iso + 5, iso + 8, iso, iso + 11);
    buf_free(&message);
}

/* A line in the log for each refused request: who, what, why. The query stays out: one day something may be in it. */
static void log_refusal(const struct http_request *r, enum http_code code, enum err e, const char *text)
{
    if (r->told || !journal_may_tell(r->env, r->peer, bytes_str(r->who.policy), r->now_ms))
        return;
    log_event(LOG_WARN, "request-refused", KVS("peer", r->address),
              KVS("who", r->who.policy[0]   ? r->who.policy
                         : r->who.device[0] ? r->who.device
                                            : "nobody"),
              KV("method", r->head ? r->head->method : BYTES("?")),
              KV("path", r->head ? bytes_first(r->head->path, 256) : BYTES("?")), KVN("status", codes[code].status),
              KVN("code", codes[code].number), KVS("name", codes[code].name), KVS("reason", err_name(e)),
              KVS("detail", text));
}

/* Two forms of one number: clients log the header, people send us the body. */
static void put_request_id(struct talk *f, const struct front_env *env, char tracking[33])
{
    struct buf hex = buf_over(tracking, 33);
    uint8_t id[16];
    char guid[40];

    assert(env->random);
    env->random(env->random_ctx, id, sizeof id);
    buf_put_hex(&hex, bytes_of(id, sizeof id));
    tracking[32] = 0;
    snprintf(guid, sizeof guid, "%.8s-%.4s-%.4s-%.4s-%.12s", tracking, tracking + 8, tracking + 12, tracking + 16,
             tracking + 20);
    http_put_header(f->out, "x-ms-request-id", bytes_str(guid));
}

static void put_connection(struct talk *f, const struct http_request *r, bool last)
{
    if (last)
        http_put_header(f->out, "Connection", BYTES("close"));
    else if (r->head && !r->head->minor)
        http_put_header(f->out, "Connection", BYTES("keep-alive"));
}

static void put_type(struct talk *f, const struct http_answer *a)
{
    http_put_header(f->out, "Content-Type", a->type ? bytes_str(a->type) : BYTES("application/json; charset=utf-8"));
    http_put_header(f->out, "Cache-Control", BYTES("no-store")); /* there may be keys in it */
}

/* provisioning 1.2.4, for all of the provisioning service; what devices ask answers for itself. */
static bool is_provisioning(const struct http_request *r)
{
    static const char *const paths[] = {"/enrollments", "/enrollmentGroups", "/registrations"};

    for (size_t i = 0; r->head && i < sizeof paths / sizeof *paths; i++)
        if (bytes_starts_nocase(r->head->path, bytes_str(paths[i])))
            return true;
    return false;
}

static void put_dps_failure(struct talk *f, const struct http_request *r, struct http_answer *a, enum http_code code,
                            const char *text)
{
    char number[16];

    buf_clear(&a->body);
    registration_put_error(r->env, &a->body, (struct registration_error){(unsigned)codes[code].number, text},
                           r->now_ms);
    put_type(f, a);
    snprintf(number, sizeof number, "%d", codes[code].number);
    http_put_header(f->out, "x-ms-error-code", bytes_str(number));
}

/* RFC 7235: where the credentials have to be for. Whoever has a token for another hub can see it here: the name that
 * was asked for if it is one of ours, else the first one. */
static void put_challenge(struct talk *f, const struct http_request *r)
{
    struct bytes asked = r->head ? http_header(r->head, BYTES("host")) : NO_BYTES;
    bool ours = bytes_find(asked, '"') == asked.len && auth_host_is_ours(r->env, asked);
    struct buf text = buf_max(HOST_LEN_MAX + 64);

    assert(r->env->host[0]);
    buf_printf(&text, "SharedAccessSignature realm=\"%.*s\"", BYTES_ARG(ours ? asked : bytes_str(r->env->host)));
    http_put_header(f->out, "WWW-Authenticate", buf_bytes(&text));
    buf_free(&text);
}

static void put_failure(struct talk *f, const struct http_request *r, struct http_answer *a, enum http_code code,
                        enum err e, const char *tracking)
{
    const char *text = a->text[0] ? a->text : err_text(e);

    log_refusal(r, code, e, text);
    a->type = NULL;
    if (is_provisioning(r)) {
        put_dps_failure(f, r, a, code, text);
    } else {
        (a->nested ? put_nested : put_envelope)(a, code, text, tracking, hub_wall_ms(r->env->hub, r->now_ms));
        put_type(f, a);
        http_put_header(f->out, "iothub-errorcode", bytes_str(codes[code].name));
    }
    if (code == CODE_UNAUTHORIZED)
        put_challenge(f, r);
    if (code == CODE_METHOD)
        http_put_header(f->out, "Allow", bytes_str(a->allow));
    if (code == CODE_UPGRADE) { /* RFC 6455 4.2.2 */
        http_put_header(f->out, "Upgrade", BYTES("websocket"));
        http_put_header(f->out, "Sec-WebSocket-Version", BYTES("13"));
    }
}

const char *http_code_name(const struct http_answer *a, enum err e)
{
    assert(a->code || e);
    return codes[a->code ? a->code : code_of(e)].name;
}

int http_code_number(const struct http_answer *a, enum err e)
{
    assert(a->code || e);
    return codes[a->code ? a->code : code_of(e)].number;
}

void http_log_refusal(const struct http_request *r, enum err e, const char *text)
{
    log_refusal(r, code_of(e), e, text);
}

void http_audit(const struct http_request *r, const char *what, const char *kind, struct bytes id, const char *detail)
{
    journal_change(&r->who, r->peer, what, (struct journal_who){kind, id}, detail);
}

void http_put_answer(struct talk *f, const struct front_env *env, const struct http_request *r, struct http_answer *a,
                     enum err e, bool last)
{
    enum http_code code = !e ? CODE_NONE : a->code ? a->code : code_of(e);
    int status = e ? codes[code].status : a->status;
    bool head_only = r->head && bytes_eq(r->head->method, BYTES("HEAD"));
    char tracking[33];

    assert(e ? codes[code].status >= 400 : status >= 200);
    http_put_status(f->out, status);
    http_put_date(f->out, hub_wall_ms(r->env->hub, r->now_ms));
    put_request_id(f, env, tracking);
    put_connection(f, r, last);
    if (e)
        put_failure(f, r, a, code, e, tracking);
    else if (status != 204)
        put_type(f, a);
    if (!e && a->etag[0]) {
        char quoted[sizeof a->etag + 2];

        snprintf(quoted, sizeof quoted, "\"%s\"", a->etag);
        http_put_header(f->out, "ETag", bytes_str(quoted));
    }
    if (!e)
        buf_put(f->out, buf_bytes(&a->headers));
    if (status == 204)
        http_put_end(f->out);
    else
        http_put_body(f->out, buf_bytes(&a->body), head_only);
}
