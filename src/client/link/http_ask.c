#include "http_ask.h"

#include <stdio.h>

struct exchange {
    const struct account *account;
    bool done;
    enum err e;
    char detail[256];
};

static void on_ended(void *ctx, enum err why)
{
    struct exchange *x = ctx;

    x->done = true;
    x->e = why;
    snprintf(x->detail, sizeof x->detail, "%s", err_text(why));
}

static void on_failed(void *ctx, enum err e, const char *detail)
{
    struct exchange *x = ctx;

    x->done = true;
    x->e = e;
    snprintf(x->detail, sizeof x->detail, "%s", detail);
}

static bool is_done(void *ctx)
{
    const struct exchange *x = ctx;

    return x->done || x->account->gone;
}

static void put_host(const struct account *a, struct buf *head)
{
    char host[HOST_LEN_MAX + 8];
    int n = a->https_port == 443 ? snprintf(host, sizeof host, "%s", a->name)
                                 : snprintf(host, sizeof host, "%s:%d", a->name, a->https_port);

    http_put_header(head, "Host", bytes_of(host, (size_t)n));
}

static enum err put_request(const struct account *a, const struct http_ask *ask, struct buf *head)
{
    bool takes_body =
        strcmp(ask->method, "PUT") == 0 || strcmp(ask->method, "POST") == 0 || strcmp(ask->method, "PATCH") == 0;
    char most[24];

    http_put_request(head, ask->method, ask->target);
    put_host(a, head);
    if (ask->token.at)
        http_put_header(head, "Authorization", ask->token);
    http_put_header(head, "Accept", BYTES("application/json"));
    http_put_header(head, "User-Agent", BYTES("d2d/" D2D_VERSION));
    http_put_header(head, "Connection", BYTES("close"));
    if (ask->if_match)
        http_put_header(head, "If-Match", bytes_str(ask->if_match));
    if (ask->continuation)
        http_put_header(head, "x-ms-continuation", bytes_str(ask->continuation));
    if (ask->most) {
        snprintf(most, sizeof most, "%zu", ask->most);
        http_put_header(head, "x-ms-max-item-count", bytes_str(most));
    }
    if (ask->body.len)
        http_put_header(head, "Content-Type", BYTES("application/json; charset=utf-8"));
    if (ask->body.len || takes_body)
        http_put_body(head, ask->body, false);
    else
        http_put_end(head);
    return buf_check(head);
}

static enum d2d_err carry(struct account *a, struct http_talk *h, struct exchange *x, int64_t limit_ms)
{
    const struct dial dial = {.host = a->connect,
                              .name = a->name,
                              .port = a->https_port,
                              .tls = a->tls,
                              .timeout_ms = a->timeout_ms,
                              .talk = &h->talk,
                              .failed = on_failed,
                              .ctx = x};
    struct loop_conn *conn = NULL;
    enum d2d_err e;

    if ((x->e = loop_conn_dial(a->loop, &dial, &conn)))
        return account_fail(a, err_of(x->e), "%s: %s", a->connect, err_text(x->e));
    if (!(e = loop_until(a->loop, is_done, x, limit_ms)) && a->gone)
        e = D2D_CLOSED;
    if (x->done)
        loop_conn_ended(conn);
    else
        loop_conn_drop(conn);
    if (e)
        return account_fail(a, e, "%s", d2d_err_text(e));
    if (x->e)
        return account_fail(a, err_of(x->e), "%s: %s", a->host, x->detail);
    return D2D_OK;
}

enum d2d_err http_ask(struct account *a, const struct http_ask *ask, int64_t limit_ms, struct http_talk *h)
{
    struct buf head = buf_max(HTTP_HEAD_MAX + HTTP_BODY_MAX);
    struct exchange x = {.account = a};
    enum err inner = put_request(a, ask, &head);
    enum d2d_err e;

    *h = (struct http_talk){.request = buf_bytes(&head), .timeout_ms = a->timeout_ms, .ended = on_ended, .ctx = &x};
    http_talk_init(h);
    a->detail[0] = 0;
    e = inner ? account_fail(a, err_of(inner), "the request: %s", err_text(inner)) : carry(a, h, &x, limit_ms);
    if (head.at)
        explicit_bzero(head.at, head.cap);
    buf_free(&head);
    return e;
}
