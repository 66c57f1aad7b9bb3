#include "operator_talk.h"

#include "list.h"

/* Batches that are left to others stay locked by us, and have to leave room for those that are ours. */
enum { REPORTS = 100 };

static struct operator_talk *of(struct amqp_talk *a)
{
    return LIST_OF(a, struct operator_talk, amqp);
}

static void on_authorised(struct cbs *c)
{
    struct operator_talk *m = LIST_OF(c, struct operator_talk, cbs);

    m->awaited = 1;
    sender_attach(&m->sender, "/messages/devicebound");
    if (m->feedback) {
        m->awaited = 2;
        m->reports = amqp_link(&m->amqp, false, "/messages/serviceBound/feedback", "d2d");
        pn_link_open(m->reports);
        pn_link_flow(m->reports, REPORTS);
    }
}

static void forget(struct amqp_talk *a)
{
    struct operator_talk *m = of(a);

    m->sender.link = m->reports = m->cbs.ask = m->cbs.answer = NULL;
    m->sender.open = false;
}

static void begin(struct amqp_talk *a)
{
    forget(a);
    cbs_begin(&of(a)->cbs);
}

static void pump(struct amqp_talk *a)
{
    sender_pump(&of(a)->sender);
}

static void on_link_open(struct amqp_talk *a, pn_link_t *l)
{
    struct operator_talk *m = of(a);

    if (l != m->sender.link && l != m->reports)
        return;
    if (l == m->sender.link)
        m->sender.open = true;
    if (m->awaited && --m->awaited == 0) {
        a->ready = true;
        m->opened(m->ctx);
        if (!amqp_stopped(a))
            pump(a);
    }
}

static void on_link_closed(struct amqp_talk *a, pn_link_t *l)
{
    amqp_fail_by(a, pn_link_remote_condition(l), "the hub closed a link");
}

/* A batch that nobody can read is done with: it would come to all others as it came to us. */
static bool is_done_with(struct operator_talk *m)
{
    bool done;

    if (room_decode(&m->room) || feedback_read(room_body(&m->room), &m->batch))
        return true;
    done = m->feedback(m->ctx, m->batch.at, m->batch.n);
    feedback_batch_free(&m->batch);
    return done;
}

static void on_report(struct operator_talk *m, pn_delivery_t *d)
{
    if (!amqp_take(&m->amqp, d, &m->room) || !is_done_with(m))
        return;
    pn_delivery_update(d, PN_ACCEPTED);
    pn_delivery_settle(d);
    if (!amqp_stopped(&m->amqp))
        pn_link_flow(m->reports, 1);
}

static void on_delivery(struct amqp_talk *a, pn_delivery_t *ready)
{
    struct operator_talk *m = of(a);
    pn_link_t *l = pn_delivery_link(ready);
    pn_delivery_t *d;

    if (cbs_is_mine(&m->cbs, l)) {
        cbs_delivery(&m->cbs, ready);
    } else if (l == m->sender.link) {
        sender_outcome(&m->sender, ready);
        if (!amqp_stopped(a))
            pump(a);
    } else if (l == m->reports) {
        while (!amqp_stopped(a) && (d = amqp_next(l)))
            on_report(m, d);
    }
}

static int64_t due(struct amqp_talk *a, int64_t now_ms)
{
    return cbs_due(&of(a)->cbs, now_ms);
}

static void ended(struct amqp_talk *a)
{
    struct operator_talk *m = of(a);

    m->ended(m->ctx, a->why, a->detail);
}

void operator_talk_init(struct operator_talk *m)
{
    static const struct amqp_ops ops = {begin, on_link_open, on_link_closed, on_delivery, pump, due, forget, ended};

    m->cbs.amqp = m->sender.amqp = &m->amqp;
    m->cbs.room = &m->room;
    m->cbs.authorised = on_authorised;
    amqp_talk_init(&m->amqp, &ops);
    room_init(&m->room);
}

void operator_talk_close(struct operator_talk *m)
{
    amqp_talk_close(&m->amqp);
    room_close(&m->room);
}
