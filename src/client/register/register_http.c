#include "register.h"

#include "http_ask.h"
#include "inquiry.h"

#include "text.h"

/* provisioning 1.6 */
static void put_target(const struct registering *r, struct buf *out)
{
    buf_puts(out, "/");
    buf_put_percent(out, bytes_str(r->scope));
    buf_puts(out, "/registrations/");
    buf_put_percent(out, bytes_str(r->out->registration));
    if (r->operation[0])
        buf_printf(out, "/operations/%s", r->operation);
    else
        buf_puts(out, "/register");
    buf_puts(out, "?api-version=" REGISTER_API);
}

static int64_t retry_of(const struct http_head *head)
{
    int64_t s;

    return bytes_to_i64(http_header(head, BYTES("retry-after")), &s) ? s : -1;
}

enum d2d_err register_over_http(struct registering *r, int64_t limit_ms)
{
    struct account *a = &r->account;
    struct buf target = buf_max(HTTP_TARGET_MAX);
    struct http_talk h = {0};
    struct http_ask ask = {.method = r->operation[0] ? "GET" : "PUT",
                           .token = r->token.len ? buf_bytes(&r->token) : NO_BYTES,
                           .body = r->operation[0] ? NO_BYTES : buf_bytes(&r->body)};
    enum d2d_err e, clock;

    put_target(r, &target);
    ask.target = buf_bytes(&target);
    if ((e = http_ask(a, &ask, limit_ms, &h))) {
        if (e != D2D_STOPPED)
            registering_failed(r, e, "%s", a->detail);
    } else if (h.in.head.status == 401 &&
               (clock = inquiry_clock(a, &h.in.head, D2D_NOT_AUTHORISED)) != D2D_NOT_AUTHORISED) {
        registering_failed(r, clock, "%s", a->detail);
    } else {
        registering_answered(r, h.in.head.status, retry_of(&h.in.head), buf_bytes(&h.in.body), loop_now_ms(a->loop));
    }
    http_talk_close(&h);
    buf_free(&target);
    return e == D2D_STOPPED ? e : D2D_OK;
}
