#include "device_amqp.h"

#include "incoming.h"
#include "list.h"
#include "text.h"

static struct device_amqp *of(struct amqp_talk *a)
{
    return LIST_OF(a, struct device_amqp, amqp);
}

/* ---- links ----------------------------------------------------------------------------------------------------- */

/* device 3.4. Ids stand there as clients in two languages write them: escaped. */
void device_amqp_address(const struct device_amqp *m, const char *what, struct buf *out)
{
    struct bytes module = bytes_str(m->side->id), device = bytes_cut(&module, '/');

    buf_clear(out);
    buf_puts(out, "/devices/");
    buf_put_percent(out, device);
    if (m->side->is_module) {
        buf_puts(out, "/modules/");
        buf_put_percent(out, module);
    }
    buf_puts(out, what);
}

static void attach(struct device_amqp *m)
{
    struct buf address = buf_max(AMQP_ADDRESS_MAX);

    m->authorised = true;
    device_amqp_address(m, "/messages/events", &address);
    sender_attach(&m->sender, buf_str(&address));
    if (side_wants_c2d(m->side)) {
        /* The messages that an edge hub routes to a module come from the address that it sends to. */
        device_amqp_address(m, m->side->is_module ? "/messages/events" : "/messages/devicebound", &address);
        m->mailbox = amqp_link(&m->amqp, false, buf_str(&address), "d2d");
        pn_link_open(m->mailbox);
        pn_link_flow(m->mailbox, (int)m->side->inbox.max);
        m->opening++;
    }
    if (side_wants_calls(m->side)) {
        device_amqp_address(m, "/methods/devicebound", &address);
        device_amqp_listen_to_calls(m, buf_str(&address));
        m->opening += 2;
    }
    buf_free(&address);
    device_amqp_pump_twin(m);
}

static void on_authorised(struct cbs *c)
{
    attach(LIST_OF(c, struct device_amqp, cbs));
}

static void forget_links(struct device_amqp *m)
{
    m->sender.link = m->mailbox = m->calls = m->answers = m->twin_asks = m->twin_answers = NULL;
    m->sender.open = m->twin_open = m->authorised = false;
    twin_rewind(&m->side->twin);
}

static void begin(struct amqp_talk *a)
{
    struct device_amqp *m = of(a);

    inbox_clear(&m->side->inbox);
    asked_clear(&m->side->asked);
    forget_links(m);
    m->opening = 0;
    if (a->bare)
        attach(m);
    else
        cbs_begin(&m->cbs);
}

static void pump(struct amqp_talk *a)
{
    sender_pump(&of(a)->sender);
    if (!amqp_stopped(a))
        device_amqp_pump_twin(of(a));
}

static void on_link_open(struct amqp_talk *a, pn_link_t *l)
{
    struct device_amqp *m = of(a);

    if (l == m->sender.link && !m->sender.open) {
        m->sender.open = true;
        a->ready = true;
        m->side->opened(m->side->ctx);
        if (!amqp_stopped(a))
            pump(a);
    } else if ((l == m->mailbox || l == m->calls || l == m->answers) && !--m->opening) {
        m->side->listening(m->side->ctx);
    } else if (l == m->twin_asks || l == m->twin_answers) {
        device_amqp_twin_opened(m, l);
    }
}

static void on_link_closed(struct amqp_talk *a, pn_link_t *l)
{
    amqp_fail_by(a, pn_link_remote_condition(l), "the hub closed a link");
}

/* ---- messages -------------------------------------------------------------------------------------------------- */

/* Messages that are held and those that may still come are as many as there is room for. */
static void top_up(struct device_amqp *m)
{
    int room = (int)(m->side->inbox.max - m->side->inbox.n) - pn_link_credit(m->mailbox);

    if (room > 0)
        pn_link_flow(m->mailbox, room);
}

static void settle(struct device_amqp *m, struct held *h, uint64_t outcome)
{
    pn_delivery_t *d = h->delivery;

    inbox_del(&m->side->inbox, h);
    pn_delivery_update(d, outcome);
    pn_delivery_settle(d);
    top_up(m);
}

static void give(struct device_amqp *m, pn_delivery_t *d)
{
    struct device_side *side = m->side;
    struct d2d_c2d c;
    struct held *h = inbox_add(&side->inbox);

    if (!h) {
        amqp_fail(&m->amqp, D2D_FAILED, "the hub sends more than was requested");
        return;
    }
    h->delivery = d;
    c.lock = h->lock;
    if (incoming_amqp(&m->room, &c)) {
        settle(m, h, PN_REJECTED); /* nobody could ever read it */
        return;
    }
    c.lock = h->lock;
    side->c2d(side->ctx, &c);
    if (!side->gone && side->auto_complete && (h = inbox_find(&side->inbox, c.lock)))
        settle(m, h, PN_ACCEPTED);
}

static void on_delivery(struct amqp_talk *a, pn_delivery_t *ready)
{
    struct device_amqp *m = of(a);
    pn_link_t *l = pn_delivery_link(ready);
    pn_delivery_t *d;

    if (cbs_is_mine(&m->cbs, l)) {
        cbs_delivery(&m->cbs, ready);
    } else if (l == m->sender.link) {
        sender_outcome(&m->sender, ready);
        if (!amqp_stopped(a))
            pump(a);
    } else if (l == m->mailbox) {
        while (!amqp_stopped(a) && (d = amqp_next(l)) && amqp_take(a, d, &m->room))
            give(m, d);
    } else if (l == m->calls) {
        while (!amqp_stopped(a) && (d = amqp_next(l)) && amqp_take(a, d, &m->room))
            device_amqp_take_call(m, d);
    } else if (l == m->twin_answers) {
        while (!amqp_stopped(a) && (d = amqp_next(l)) && amqp_take(a, d, &m->room))
            device_amqp_take_twin(m, d);
    }
}

static void on_done(void *ctx, struct queued *q, enum d2d_err e, const char *why)
{
    struct device_amqp *m = ctx;

    (void)why;
    m->side->done(m->side->ctx, q, e);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static int64_t due(struct amqp_talk *a, int64_t now_ms)
{
    int64_t token_ms = a->bare ? INT64_MAX : cbs_due(&of(a)->cbs, now_ms), twin_ms;

    if (amqp_stopped(a))
        return INT64_MAX;
    twin_ms = twin_due(&of(a)->side->twin, now_ms);
    if (!amqp_stopped(a))
        device_amqp_pump_twin(of(a));
    return twin_ms < token_ms ? twin_ms : token_ms;
}

static void end(struct amqp_talk *a)
{
    struct device_amqp *m = of(a);

    inbox_clear(&m->side->inbox);
    asked_clear(&m->side->asked);
    forget_links(m);
    m->cbs.ask = m->cbs.answer = NULL;
}

static void ended(struct amqp_talk *a)
{
    struct device_amqp *m = of(a);

    m->side->ended(m->side->ctx, a->why, a->detail);
}

void device_amqp_init(struct device_amqp *m, struct device_side *side)
{
    static const struct amqp_ops ops = {begin, on_link_open, on_link_closed, on_delivery, pump, due, end, ended};

    m->side = side;
    m->cbs.amqp = m->sender.amqp = &m->amqp;
    m->cbs.room = &m->room;
    m->cbs.authorised = on_authorised;
    m->sender.queue = &side->queue;
    m->sender.window = side->window;
    m->sender.done = on_done;
    m->sender.ctx = m;
    m->amqp.timeout_ms = side->timeout_ms;
    amqp_talk_init(&m->amqp, &ops);
    room_init(&m->room);
}

void device_amqp_close(struct device_amqp *m)
{
    amqp_talk_close(&m->amqp);
    room_close(&m->room);
}

enum err device_amqp_settle(struct device_amqp *m, uint64_t lock, enum settlement how)
{
    static const uint64_t outcomes[] = {
        [SETTLE_COMPLETE] = PN_ACCEPTED, [SETTLE_ABANDON] = PN_RELEASED, [SETTLE_REJECT] = PN_REJECTED};
    struct held *h = inbox_find(&m->side->inbox, lock);

    if (!h)
        return ERR_LOCK_LOST;
    settle(m, h, outcomes[how]);
    return OK;
}
