#include "amqp_cbs.h"

#include "list.h"

#include <stdio.h>

#define REPLY_TO "cbs"

enum { REQUEST_MAX = 2 * SAS_LEN_MAX + 2048 };

static pn_bytes_t text_of(struct bytes b)
{
    return pn_bytes(b.len, (const char *)b.at);
}

static void put_property(pn_data_t *p, const char *name, const char *value)
{
    pn_data_put_string(p, text_of(bytes_str(name)));
    pn_data_put_string(p, text_of(bytes_str(value)));
}

static void fill(const struct cbs *c, pn_message_t *q, struct bytes token)
{
    pn_data_t *p = pn_message_properties(q);

    pn_message_clear(q);
    pn_message_set_address(q, "$cbs");
    pn_message_set_reply_to(q, REPLY_TO);
    pn_message_set_id(q, (pn_atom_t){.type = PN_STRING, .u.as_bytes = text_of(BYTES("token"))});
    pn_data_put_map(p);
    pn_data_enter(p);
    put_property(p, "operation", "put-token");
    put_property(p, "type", "servicebus.windows.net:sastoken");
    put_property(p, "name", c->audience);
    pn_data_exit(p);
    pn_data_put_string(pn_message_body(q), text_of(token));
}

static void put_token(struct cbs *c, int64_t now_ms)
{
    struct buf token = buf_max(SAS_LEN_MAX), request = buf_max(REQUEST_MAX);
    size_t size = REQUEST_MAX;
    uint64_t tag = c->amqp->seed++;
    enum err e = c->token(c->ctx, &token);

    if (e) {
        amqp_fail(c->amqp, e == ERR_MEMORY ? D2D_NO_MEMORY : D2D_FAILED, "the token cannot be made");
        goto done;
    }
    fill(c, c->room->message, buf_bytes(&token));
    if (!buf_reserve(&request, REQUEST_MAX) || pn_message_encode(c->room->message, (char *)request.at, &size)) {
        amqp_fail(c->amqp, D2D_NO_MEMORY, "out of memory");
        goto done;
    }
    if (!amqp_send(c->amqp, c->ask, pn_dtag((const char *)&tag, sizeof tag), bytes_of(request.at, size), false))
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

static void take_status(struct message_room *r, pn_atom_t key, pn_atom_t value, void *ctx)
{
    (void)r;
    if (atom_is(key, "status-code") && value.type == PN_INT)
        *(int *)ctx = value.u.as_int;
}

static void on_answer(struct cbs *c)
{
    int status = 0;
    char text[64];

    if (room_decode(c->room) == OK)
        room_each(c->room, pn_message_properties(c->room->message), take_status, &status);
    c->waiting = false;
    if (status < 200 || status > 299) {
        snprintf(text, sizeof text, "the token is not accepted (%d)", status);
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
