#include "amqp_cbs.h"

#include "list.h"
#include "sections.h"

#include <stdio.h>

#define REPLY_TO "cbs"

enum { REQUEST_MAX = 2 * SAS_LEN_MAX + 2048 };

/* device 3.3 */
static void put_request(const struct cbs *c, struct bytes token, struct buf *out)
{
    const struct prop props[] = {{BYTES("operation"), BYTES("put-token")},
                                 {BYTES("type"), BYTES("servicebus.windows.net:sastoken")},
                                 {BYTES("name"), bytes_str(c->audience)}};
    const struct msg m = {.to = BYTES("$cbs"),
                          .reply_to = BYTES(REPLY_TO),
                          .message_id = BYTES("token"),
                          .props = props,
                          .n_props = sizeof props / sizeof *props};

    put_properties(out, &m);
    put_application_properties(out, &m, true);
    section_begin(out, SECTION_VALUE);
    put_str(out, token);
}

static void put_token(struct cbs *c, int64_t now_ms)
{
    struct buf token = buf_max(SAS_LEN_MAX), request = buf_max(REQUEST_MAX);
    uint64_t tag = c->amqp->seed++;
    enum err e = c->token(c->ctx, &token);

    if (e) {
        amqp_fail(c->amqp, e == ERR_MEMORY ? D2D_NO_MEMORY : D2D_FAILED, "the token cannot be made");
        goto done;
    }
    put_request(c, buf_bytes(&token), &request);
    if (request.bad) {
        amqp_fail(c->amqp, D2D_NO_MEMORY, "out of memory");
        goto done;
    }
    if (!amqp_send(c->amqp, c->ask, pn_dtag((const char *)&tag, sizeof tag), buf_bytes(&request), false))
        goto done;
    c->waiting = true;
    c->asked_ms = now_ms;
    /* device 1.4: in good time. */
    c->renew_ms = c->renews ? now_ms + c->ttl_ms / 10 * 8 : INT64_MAX;
done:
    buf_free(&token);
    buf_free(&request);
}

void cbs_begin(struct cbs *c)
{
    c->known = c->waiting = false;
    c->ask = amqp_link(c->amqp, true, "$cbs", REPLY_TO);
    c->answer = amqp_link(c->amqp, false, "$cbs", REPLY_TO);
    pn_link_open(c->ask);
    pn_link_open(c->answer);
    pn_link_flow(c->answer, 10);
    put_token(c, c->amqp->now_ms);
}

bool cbs_is_mine(const struct cbs *c, const pn_link_t *l)
{
    return l == c->ask || l == c->answer;
}

static void on_answer(struct cbs *c)
{
    struct amqp_value code;
    int64_t status = 0;
    char text[64];

    if (room_decode(c->room) || !amqp_map_find(&c->room->message.properties, BYTES("status-code"), &code) ||
        !amqp_value_integer(&code, &status))
        status = 0;
    c->waiting = false;
    if (status < 200 || status > 299) {
        snprintf(text, sizeof text, "the token is not accepted (%lld)", (long long)status);
        amqp_fail(c->amqp, status == 401 || status == 404 ? D2D_NOT_AUTHORISED : D2D_FAILED, text);
    } else if (!c->known) {
        c->known = true;
        c->authorised(c);
    }
}

void cbs_delivery(struct cbs *c, pn_delivery_t *ready)
{
    pn_delivery_t *d;

    if (pn_delivery_link(ready) == c->ask) {
        if (pn_delivery_remote_state(ready) == PN_REJECTED)
            amqp_fail_by(c->amqp, pn_disposition_condition(pn_delivery_remote(ready)), "$cbs refuses the request");
        pn_delivery_settle(ready);
        return;
    }
    while (!amqp_stopped(c->amqp) && (d = amqp_next(c->answer))) {
        if (!amqp_take(c->amqp, d, c->room))
            return;
        pn_delivery_update(d, PN_ACCEPTED);
        pn_delivery_settle(d);
        pn_link_flow(c->answer, 1);
        on_answer(c);
    }
}

int64_t cbs_due(struct cbs *c, int64_t now_ms)
{
    if (c->waiting) {
        if (now_ms < c->asked_ms + c->amqp->timeout_ms)
            return c->asked_ms + c->amqp->timeout_ms;
        amqp_fail(c->amqp, D2D_TIMED_OUT, "the hub does not answer the token");
        return INT64_MAX;
    }
    if (c->known && now_ms >= c->renew_ms)
        put_token(c, now_ms);
    return c->known ? c->renew_ms : INT64_MAX;
}
