/* Direct methods (service 4.7): a caller asks, and the request stays open until the device has answered or will not. */
#include "http_front.h"

#include "json_body.h"
#include "json_span.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

struct asked {
    struct bytes method, payload;
    int64_t connect_s, response_s;
};

/* A number of seconds under one of its names; `otherwise` where it is not given, null or 0. */
static enum err take_seconds(const json_t *root, const char *const *names, int64_t otherwise, int64_t *out,
                             struct http_answer *a)
{
    *out = otherwise;
    for (; *names; names++) {
        const json_t *v = json_object_get(root, *names);

        if (!v || json_is_null(v))
            continue;
        if (!json_is_number(v) || json_number_value(v) < 0 || json_number_value(v) > (double)CALL_WAIT_MAX_MS / 1000)
            return http_says(a, ERR_RANGE, "%s must be 0 to %d", *names, CALL_WAIT_MAX_MS / 1000);
        if (json_number_value(v) > 0)
            *out = (int64_t)json_number_value(v);
        return OK;
    }
    return OK;
}

static enum err too_short(struct http_answer *a)
{
    return http_says(a, ERR_RANGE, "responseTimeoutInSeconds must be %d to %d", CALL_RESPONSE_LEAST_MS / 1000,
                     CALL_WAIT_MAX_MS / 1000);
}

static enum err read_question(const json_t *root, struct bytes body, struct asked *q, struct http_answer *a)
{
    static const char *const connect[] = {"connectTimeoutInSeconds", NULL};
    /* The two old names are those of the first SDKs and of the edge. */
    static const char *const response[] = {"responseTimeoutInSeconds", "timeoutInSeconds", "timeout", NULL};
    const json_t *method = json_object_get(root, "methodName");
    enum err e;

    if (!json_is_string(method))
        return http_says(a, ERR_ARGUMENT, "methodName must be a text");
    q->method = bytes_of(json_string_value(method), json_string_length(method));
    q->payload = json_span(body, BYTES("payload"));
    if ((e = take_seconds(root, connect, 0, &q->connect_s, a)) ||
        (e = take_seconds(root, response, CALL_RESPONSE_MS / 1000, &q->response_s, a)))
        return e;
    return q->response_s * 1000 < CALL_RESPONSE_LEAST_MS ? too_short(a) : OK;
}

static enum err bad_name(struct http_answer *a)
{
    return http_says(a, ERR_ARGUMENT,
                     "methodName must be 1 to %d printable ASCII characters without blanks or any of \"#%%+/?",
                     CALL_NAME_MAX);
}

static enum err too_large(struct http_answer *a)
{
    return http_says(a, ERR_TOO_LARGE, "The payload must be at most %d bytes", CALL_PAYLOAD_MAX);
}

enum err http_call_check(json_t *method, struct bytes text, struct http_answer *a)
{
    struct asked q = {.method = NO_BYTES};
    enum err e = http_spell(method, NAMES_CALL, a);

    if (e || (e = read_question(method, text, &q, a)))
        return e;
    if (!call_name_valid(q.method))
        return bad_name(a);
    return q.payload.len > CALL_PAYLOAD_MAX ? too_large(a) : OK;
}

/* The fate of a call that was not answered. */
static enum err fail(const struct http_request *r, struct http_answer *a, enum err e)
{
    static const struct {
        enum err e;
        enum http_code code;
        const char *text;
    } ends[] = {
        {ERR_UNREACHABLE, CODE_OFFLINE, "Device %.128s is not connected, or has not subscribed to direct methods"},
        {ERR_CLOSED, CODE_CALL_BROKEN, "Device %.128s went away, or closed its link, before it answered"},
        {ERR_TIMEOUT, CODE_CALL_TIMEOUT, "Device %.128s did not answer in time"},
        {ERR_REJECTED, CODE_BAD_ANSWER, "Device %.128s rejected the call"},
        {ERR_MALFORMED, CODE_BAD_ANSWER, "The answer of device %.128s is not JSON, or is too large"},
        {ERR_FULL, CODE_CALLS_IN_FLIGHT, "Too many calls of device %.128s are open"},
        {ERR_LIMIT, CODE_THROTTLED, "Too many calls are open; try again later (%.128s)"},
    };

    if (e == ERR_NOT_FOUND)
        return http_no_identity(r, a, bytes_str(r->identity));
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends[i].e != e)
            continue;
        a->code = ends[i].code;
        return http_says(a, e, ends[i].text, r->identity);
    }
    return e == ERR_ARGUMENT ? bad_name(a) : e == ERR_TOO_LARGE ? too_large(a) : e;
}

/* Empty, or JSON: nothing else goes out to callers. */
static bool is_answer(struct bytes payload)
{
    char why[JSON_WHY_CAP];
    json_t *root = payload.len ? json_body(payload, JSON_DECODE_ANY | JSON_PASSED_ON, why) : NULL;
    bool yes = root || !payload.len;

    json_decref(root);
    return yes;
}

/* The payload goes out as the device wrote it. One SDK wants both members to be there. */
static enum err put_result(struct http_answer *a, const struct call_answer *answer)
{
    struct bytes payload = bytes_trim(answer->payload);

    if (!is_answer(payload))
        return ERR_MALFORMED;
    buf_printf(&a->body, "{\"status\":%lld,\"payload\":", (long long)answer->status);
    buf_put(&a->body, payload.len ? payload : BYTES("null"));
    buf_puts(&a->body, "}");
    return OK;
}

static void drop_call(void *job)
{
    hub_call_close(job);
}

/* A look at the call; it stays open, or this is how it ended. */
static enum err look(struct http_request *r, struct http_answer *a, void *job)
{
    struct call_answer answer;
    enum err e = hub_call_look(job, r->now_ms, &answer, &a->wait_ms);

    assert(job && !a->more);
    if (e == ERR_BUSY) {
        a->more = look;
        return OK;
    }
    if (!e)
        e = put_result(a, &answer);
    return e ? fail(r, a, e) : OK;
}

/* ---- commands: methods by another name (service 4.11) ------------------------------------------------------------ */

static enum err put_command_result(struct http_answer *a, const struct call_answer *answer)
{
    char status[24];

    if (!is_answer(bytes_trim(answer->payload)))
        return ERR_MALFORMED;
    snprintf(status, sizeof status, "%lld", (long long)answer->status);
    http_put_header(&a->headers, "x-ms-command-statuscode", bytes_str(status));
    buf_put(&a->body, answer->payload);
    return OK;
}

static enum err look_at_command(struct http_request *r, struct http_answer *a, void *job)
{
    struct call_answer answer;
    enum err e = hub_call_look(job, r->now_ms, &answer, &a->wait_ms);

    if (e == ERR_BUSY) {
        a->more = look_at_command;
        return OK;
    }
    if (!e)
        e = put_command_result(a, &answer);
    return e ? fail(r, a, e) : OK;
}

/* Seconds in the query; `otherwise` where it says nothing, or 0. */
static enum err query_seconds(const struct http_request *r, struct http_answer *a, const char *name, int64_t otherwise,
                              int64_t *out)
{
    char text[24];
    uint64_t n;
    enum err e = http_query(r->head->query, bytes_str(name), text, sizeof text);

    *out = otherwise;
    if (e == ERR_NOT_FOUND)
        return OK;
    if (e || !bytes_to_u64(bytes_str(text), &n) || n > CALL_WAIT_MAX_MS / 1000)
        return http_says(a, ERR_RANGE, "%s must be 0 to %d", name, CALL_WAIT_MAX_MS / 1000);
    if (n)
        *out = (int64_t)n;
    return OK;
}

/* The command of a component is the method component*command. */
enum err http_command(struct http_request *r, struct http_answer *a)
{
    struct buf method = buf_max(CALL_NAME_MAX + 1);
    char why[JSON_WHY_CAP];
    struct call_question question = {.device = bytes_str(r->identity), .payload = r->body, .waker = r->front->waker};
    struct call *call = NULL;
    int64_t connect_s, response_s;
    json_t *payload = NULL;
    enum err e;

    a->nested = true;
    if (r->body.len && !(payload = json_body(r->body, JSON_DECODE_ANY | JSON_PASSED_ON, why)))
        return http_says(a, ERR_ARGUMENT, "The payload is %s", why);
    json_decref(payload);
    buf_printf(&method, "%s%s%s", r->names[1], r->names[2][0] ? "*" : "", r->names[2]);
    question.method = buf_bytes(&method);
    if (!(e = query_seconds(r, a, "connectTimeoutInSeconds", 0, &connect_s)) &&
        !(e = query_seconds(r, a, "responseTimeoutInSeconds", CALL_RESPONSE_MS / 1000, &response_s)) &&
        !(e = response_s * 1000 < CALL_RESPONSE_LEAST_MS ? too_short(a) : OK)) {
        question.connect_ms = connect_s * 1000;
        question.response_ms = response_s * 1000;
        e = method.bad ? ERR_ARGUMENT : hub_call_open(r->env->hub, &question, r->now_ms, &call);
        e = e ? fail(r, a, e) : OK;
    }
    buf_free(&method);
    if (e)
        return e;
    assert(call && !a->job);
    a->job = call;
    a->drop = drop_call;
    return look_at_command(r, a, call);
}

/* ---- methods --------------------------------------------------------------------------------------------------- */

/* service 4.13: the first api-versions tell a failure as everything else does. */
static bool is_of_2016(const struct http_request *r)
{
    char version[32];

    return !http_query(r->head->query, BYTES("api-version"), version, sizeof version) &&
           bytes_starts(bytes_str(version), BYTES("2016-"));
}

enum err http_call(struct http_request *r, struct http_answer *a)
{
    struct asked q = {.method = NO_BYTES};
    struct call *call = NULL;
    json_t *root;
    enum err e;

    a->nested = !is_of_2016(r);
    if ((e = http_json_passed_on(r->body, &root, a)))
        return e;
    e = http_spell(root, NAMES_CALL, a);
    if (!e && !(e = read_question(root, r->body, &q, a))) {
        const struct call_question question = {.device = bytes_str(r->identity),
                                               .method = q.method,
                                               .payload = q.payload,
                                               .connect_ms = q.connect_s * 1000,
                                               .response_ms = q.response_s * 1000,
                                               .waker = r->front->waker};

        e = hub_call_open(r->env->hub, &question, r->now_ms, &call);
        e = e ? fail(r, a, e) : OK;
    }
    json_decref(root);
    if (e)
        return e;
    assert(call && !a->job);
    a->job = call;
    a->drop = drop_call;
    return look(r, a, call);
}
