#include "http_ws.h"

#include "capacity.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* The part that exists only while there is a request: an idle connection costs little. */
struct exchange {
    struct http_in in;
    struct http_request request;
    struct http_answer answer;
    enum err verdict; /* of the routes, when the head was there */
};

struct http {
    struct talk front;
    const struct front_env *env;
    struct peer peer;
    struct exchange *exchange; /* NULL between requests */
    enum {
        WAIT_HEAD,    /* the first one, or one that has begun: → WAIT_BODY, WAIT_REQUEST, or too slow */
        WAIT_BODY,    /* → WAIT_REQUEST, or too slow */
        WAIT_REQUEST, /* → WAIT_HEAD with its first byte, or idle */
        WORKING,      /* at an answer that takes more than one turn: nothing is read. → WAIT_REQUEST */
    } state;
    int64_t due_ms; /* when this state has lasted too long */
    struct ws *ws;  /* what the connection has become, or NULL */
};

static struct http *http_of(struct talk *f)
{
    return (struct http *)(void *)((char *)f - offsetof(struct http, front));
}

static bool exchange_open(struct http *s)
{
    struct exchange *x = calloc(1, sizeof *x);

    assert(!s->exchange);
    if (!x)
        return false;
    http_in_init(&x->in, HTTP_REQUESTS, HTTP_BODY_MAX);
    s->exchange = x;
    return true;
}

static void drop_job(struct http_answer *a)
{
    if (a->job)
        a->drop(a->job);
    a->job = NULL;
    a->more = NULL;
}

static void exchange_close(struct http *s)
{
    if (s->exchange) {
        drop_job(&s->exchange->answer);
        buf_free(&s->exchange->answer.body);
        buf_free(&s->exchange->answer.headers);
        http_in_free(&s->exchange->in);
    }
    free(s->exchange);
    s->exchange = NULL;
}

static void begin(struct http *s, int64_t now_ms, const struct http_head *head)
{
    struct exchange *x = s->exchange;

    assert(x && !x->answer.job);
    x->request =
        (struct http_request){.env = s->env, .front = &s->front, .head = head, .peer = &s->peer, .now_ms = now_ms};
    memcpy(x->request.address, s->peer.address, sizeof x->request.address);
    x->answer =
        (struct http_answer){.status = 200, .headers = buf_max(4 * C2D_LEN_MAX), .body = buf_max(HTTP_ANSWER_MAX)};
}

/* The answer leaves; with `last` nothing comes after it. */
static void answer(struct http *s, enum err e, bool last)
{
    struct exchange *x = s->exchange;

    assert(x && !s->ws);
    if (!e && (x->answer.body.bad || x->answer.headers.bad))
        e = ERR_MEMORY;
    http_put_answer(&s->front, s->env, &x->request, &x->answer, e, last);
    drop_job(&x->answer);
    buf_free(&x->answer.body);
    buf_free(&x->answer.headers);
    if (last)
        talk_end(&s->front, e);
}

/* The part of the body that may be kept: little of a stranger's, and nothing large while memory is short. */
static void limit_body(struct http *s)
{
    struct exchange *x = s->exchange;
    bool large = x->in.head.has_body && x->in.left > HTTP_BODY_UNPROVED;

    if (!x->verdict && s->front.proved && large && !capacity_may_take(s->env, (size_t)x->in.left))
        x->verdict = http_says(&x->answer, ERR_MEMORY, "The hub is short of memory; try again later");
    if (!x->verdict && !s->front.proved)
        http_in_body_max(&x->in, HTTP_BODY_UNPROVED);
}

/* Credentials and route are checked before the body is read: what a stranger sends is not kept. */
static void on_head(struct http *s, int64_t now_ms)
{
    struct exchange *x = s->exchange;
    const struct http_head *head = &x->in.head;

    assert(s->state == WAIT_HEAD || s->state == WAIT_REQUEST);
    begin(s, now_ms, head);
    x->verdict = http_judge(&x->request, &s->peer, &x->answer);
    s->state = WAIT_BODY;
    s->due_ms = now_ms + HTTP_BODY_MS;
    limit_body(s);
    x->in.skip_body = x->verdict != OK;
    if (!head->has_body || !head->wants_continue)
        return;
    if (x->verdict) { /* the body may come or not: nothing can be read behind it */
        answer(s, x->verdict, true);
        return;
    }
    http_put_status(s->front.out, 100);
    http_put_end(s->front.out);
}

/* Changes the protocol, as the routes agreed to: no request comes any more. */
static void upgrade(struct http *s, int64_t now_ms)
{
    struct exchange *x = s->exchange;
    enum err e = ws_open(&s->front, s->env, &s->peer, x->answer.upgrade, now_ms, &s->ws);

    assert(e || s->ws);
    if (e)
        talk_end(&s->front, e);
    else
        http_put_upgrade(&s->front, &x->request, &x->answer);
    buf_free(&x->answer.body);
    exchange_close(s);
}

static void finish(struct http *s, enum err e, int64_t now_ms)
{
    struct exchange *x = s->exchange;

    if (!e && x->answer.more) {
        assert(!x->answer.job || x->answer.drop);
        s->state = WORKING;
        s->due_ms = x->answer.wait_ms ? x->answer.wait_ms : INT64_MAX;
        if (!x->answer.wait_ms)
            s->front.waker->wake(s->front.waker);
        return;
    }
    if (!e && x->answer.upgrade) {
        upgrade(s, now_ms);
        return;
    }
    /* service 4.13: the connection of whoever is throttled is closed */
    answer(s, e, !x->in.head.keep_alive || (e == ERR_BUSY && !x->answer.code));
    s->state = WAIT_REQUEST;
    s->due_ms = now_ms + HTTP_IDLE_MS;
}

static void on_message(struct http *s, int64_t now_ms)
{
    struct exchange *x = s->exchange;
    enum err e = x->verdict;

    assert(s->state == WAIT_BODY);
    x->request.now_ms = now_ms;
    x->request.body = buf_bytes(&x->in.body);
    if (!e)
        e = http_route_run(&x->request, &x->answer);
    finish(s, e, now_ms);
}

/* A turn of an answer that takes more than one. */
static void work_on(struct http *s, int64_t now_ms)
{
    struct http_answer *a = &s->exchange->answer;
    http_more *more = a->more;

    assert(s->state == WORKING && more);
    a->more = NULL;
    a->wait_ms = 0;
    s->exchange->request.now_ms = now_ms;
    finish(s, more(&s->exchange->request, a, a->job), now_ms);
}

/* Answers a request that cannot be read. The connection ends: nobody knows where the next request begins. */
static void on_fault(struct http *s, int64_t now_ms)
{
    static const struct {
        enum http_code code;
        enum err e;
        const char *text;
    } faults[] = {
        [HTTP_FINE] = {CODE_SERVER, ERR_INTERNAL, ""},
        [HTTP_MALFORMED] = {CODE_BAD_REQUEST, ERR_MALFORMED, "This is not a well-formed HTTP/1.1 request"},
        [HTTP_TARGET_TOO_LONG] = {CODE_TARGET_SIZE, ERR_TOO_LARGE, "The target is longer than the limit"},
        [HTTP_BODY_TOO_LARGE] = {CODE_BODY_SIZE, ERR_TOO_LARGE, "The body is larger than the limit"},
        [HTTP_HEAD_TOO_LARGE] = {CODE_HEAD_SIZE, ERR_TOO_LARGE, "The head is larger than the limit"},
        [HTTP_BAD_CODING] = {CODE_CODING, ERR_UNSUPPORTED, "The only supported transfer coding is chunked"},
        [HTTP_BAD_VERSION] = {CODE_HTTP_VERSION, ERR_UNSUPPORTED, "The only supported version is HTTP/1.1"},
    };
    struct exchange *x = s->exchange;
    enum http_fault fault = x->in.fault;
    const struct http_head *head = fault == HTTP_BODY_TOO_LARGE ? &x->in.head : NULL;

    assert(fault != HTTP_FINE && fault < sizeof faults / sizeof *faults);
    begin(s, now_ms, head);
    x->answer.code = faults[fault].code;
    answer(s, http_says(&x->answer, faults[fault].e, "%s", faults[fault].text), true);
}

/* Nothing is complete. `left`: bytes of a head that has begun. */
static void on_more(struct http *s, bool left, int64_t now_ms)
{
    if (s->state == WAIT_REQUEST && left) {
        s->state = WAIT_HEAD;
        s->due_ms = now_ms + HTTP_HEAD_MS;
    } else if (s->state == WAIT_REQUEST) {
        exchange_close(s);
    }
}

static size_t http_input(struct talk *f, struct bytes in, int64_t now_ms)
{
    struct http *s = http_of(f);
    size_t all = 0, used = 0;

    while (!s->ws && !f->over && s->state != WORKING && front_has_room(f)) {
        if (!s->exchange && !exchange_open(s)) {
            talk_end(f, ERR_MEMORY);
            break;
        }
        enum http_step step = http_read(&s->exchange->in, bytes_skip(in, all), &used);
        all += used;
        assert(all <= in.len);
        switch (step) {
        case HTTP_STEP_HEAD:
            on_head(s, now_ms);
            break;
        case HTTP_STEP_MESSAGE:
            on_message(s, now_ms);
            break;
        case HTTP_STEP_BAD:
            on_fault(s, now_ms);
            break;
        case HTTP_STEP_MORE:
            on_more(s, all < in.len, now_ms);
            return all;
        }
    }
    if (s->ws)
        all += ws_input(s->ws, bytes_skip(in, all), now_ms);
    return f->over ? in.len : all;
}

/* Input that found no room is given again by the connection. */
static void http_wake(struct talk *f, int64_t now_ms)
{
    struct http *s = http_of(f);

    if (s->ws)
        ws_wake(s->ws, now_ms);
    else if (s->state == WORKING && !f->over)
        work_on(s, now_ms);
}

static int64_t http_tick(struct talk *f, int64_t now_ms)
{
    struct http *s = http_of(f);

    if (f->over)
        return INT64_MAX;
    if (s->ws)
        return ws_tick(s->ws, now_ms);
    if (now_ms < s->due_ms)
        return s->due_ms;
    if (s->state == WORKING) {
        work_on(s, now_ms);
        return f->over ? INT64_MAX : s->due_ms;
    }
    if (s->state == WAIT_REQUEST || !s->exchange) { /* nothing was asked: nothing is said */
        talk_end(f, ERR_IDLE);
        return INT64_MAX;
    }
    begin(s, now_ms, s->state == WAIT_BODY ? &s->exchange->in.head : NULL);
    answer(s, http_says(&s->exchange->answer, ERR_TIMEOUT, "The request did not come in time"), true);
    return INT64_MAX;
}

static void http_close(struct talk *f, enum err why, int64_t now_ms)
{
    struct http *s = http_of(f);

    if (s->ws)
        ws_close(s->ws, why, now_ms);
    exchange_close(s);
    free(s);
}

static const struct talk_ops ops = {
    .name = "https",
    .input = http_input,
    .wake = http_wake,
    .tick = http_tick,
    .close = http_close,
};

enum err front_http_new(const struct front_env *env, const struct peer *peer, int64_t now_ms, struct talk **out)
{
    struct http *s = calloc(1, sizeof *s);

    if (!s)
        return ERR_MEMORY;
    s->front.ops = &ops;
    s->env = env;
    s->peer = *peer;
    s->peer.held_ms = &s->front.held_ms;
    s->peer.protocol = "https";
    s->state = WAIT_HEAD;
    s->due_ms = now_ms + HTTP_HEAD_MS;
    *out = &s->front;
    return OK;
}
