#include "events_talk.h"

#include "amqp_error.h"
#include "events_ask.h"
#include "list.h"
#include "text.h"

#include <stdio.h>

static struct events_talk *of(struct amqp_talk *a)
{
    return LIST_OF(a, struct events_talk, amqp);
}

static void fail(struct events_talk *m, enum d2d_err why, const char *detail)
{
    amqp_fail(&m->amqp, why, detail);
}

static bool stopped(const struct events_talk *m)
{
    return amqp_stopped(&m->amqp);
}

/* ---- step by step ---------------------------------------------------------------------------------------------- */

static void attach_all(struct events_talk *m)
{
    m->state = EVENTS_ATTACHING;
    m->awaited = m->positions->n;
    for (size_t i = 0; i < m->positions->n; i++)
        if (attach(m, &m->positions->at[i])) {
            fail(m, D2D_ARGUMENT, "the position or the names of devices cannot be requested");
            return;
        }
    if (!m->positions->n)
        fail(m, D2D_NOT_FOUND, "the hub has no partitions");
}

static void ask_tails(struct events_talk *m)
{
    m->state = EVENTS_TAILS;
    m->awaited = 0;
    for (size_t i = 0; m->position.from == D2D_FROM_LATEST && i < m->positions->n; i++)
        if (!m->positions->at[i].known && ask_tail(m, &m->positions->at[i])) {
            fail(m, D2D_NO_MEMORY, "out of memory");
            return;
        }
    if (!m->awaited)
        attach_all(m);
}

static void begin(struct amqp_talk *a)
{
    struct events_talk *m = of(a);

    m->awaited = 0;
    m->born_ms = 0;
    m->filtered = m->devices && m->devices[0] && !m->filter_refused;
    if (!m->entity) {
        m->state = EVENTS_REDIRECT;
        ask_where(m);
        return;
    }
    m->state = EVENTS_PARTITIONS;
    ask_open(m);
    if (ask_partitions(m))
        fail(m, D2D_NO_MEMORY, "out of memory");
}

static void is_another_hub(struct events_talk *m)
{
    char was[ISO_TIME_CAP], is[ISO_TIME_CAP], text[256];

    iso_time(m->positions->born_ms, was);
    iso_time(m->born_ms, is);
    snprintf(text, sizeof text,
             "the saved positions are of a hub that was made at %s, but this one was made at %s; read from the "
             "beginning or from a time, without them",
             was, is);
    fail(m, D2D_CHANGED, text);
}

static void on_answer(struct events_talk *m)
{
    int status = read_answer(m);
    char text[64];

    if (status) {
        snprintf(text, sizeof text, "$management answers %d", status);
        fail(m, status == 401 ? D2D_NOT_AUTHORISED : status == 404 ? D2D_NOT_FOUND : D2D_FAILED, text);
        return;
    }
    if (m->awaited && --m->awaited)
        return;
    if (m->born_ms) {
        is_another_hub(m);
        return;
    }
    if (m->state == EVENTS_PARTITIONS)
        ask_tails(m);
    else if (m->state == EVENTS_TAILS)
        attach_all(m);
}

static bool is_wanted(const struct events_talk *m, const struct d2d_event *e)
{
    if (!m->devices || !m->devices[0])
        return true;
    for (size_t i = 0; m->devices[i]; i++)
        if (strcmp(m->devices[i], e->device) == 0)
            return true;
    return false;
}

static void on_event(struct events_talk *m, struct progress *at)
{
    struct d2d_event e;

    if (event_view(&m->room, at->id, &e)) {
        fail(m, D2D_FAILED, "an event is not well-formed");
        return;
    }
    if (at->known && e.sequence >= 0 && e.sequence <= at->sequence)
        return; /* it was given already */
    if (bytes_to_str(bytes_str(e.offset), at->offset, sizeof at->offset) && at->offset[0])
        at->known = true;
    at->sequence = e.sequence;
    if (is_wanted(m, &e))
        m->event(m->ctx, &e);
}

/* ---- what Proton tells ----------------------------------------------------------------------------------------- */

static void top_up(struct events_talk *m, pn_link_t *l)
{
    int have = pn_link_credit(l);

    if (!m->paused && have <= m->credit / 2)
        pn_link_flow(l, m->credit - have);
}

static void on_delivery(struct amqp_talk *a, pn_delivery_t *ready)
{
    struct events_talk *m = of(a);
    pn_link_t *l = pn_delivery_link(ready);
    struct progress *at = pn_link_get_context(l);
    pn_delivery_t *d;

    if (pn_link_is_sender(l)) {
        if (pn_delivery_remote_state(ready) == PN_REJECTED)
            amqp_fail_by(a, pn_disposition_condition(pn_delivery_remote(ready)), "$management refuses the request");
        pn_delivery_settle(ready);
        return;
    }
    while (!stopped(m) && (d = amqp_next(l))) {
        if (!amqp_take(a, d, &m->room))
            return;
        pn_delivery_update(d, PN_ACCEPTED);
        pn_delivery_settle(d);
        if (at)
            on_event(m, at);
        else
            on_answer(m);
        if (!stopped(m) && at)
            top_up(m, l);
    }
}

static void on_link_open(struct amqp_talk *a, pn_link_t *l)
{
    struct events_talk *m = of(a);
    struct progress *at = pn_link_get_context(l);

    if (m->state == EVENTS_REDIRECT) {
        fail(m, D2D_FAILED, "the hub does not name its events endpoint");
        return;
    }
    if (!at || at->link != l || at->attached)
        return;
    at->attached = true;
    if (!filter_is_honoured(m, l))
        m->filtered = false;
    if (m->awaited && --m->awaited == 0 && m->state == EVENTS_ATTACHING) {
        m->state = EVENTS_READING;
        a->ready = true;
        m->listening(m->ctx);
    }
}

static void on_redirect(struct events_talk *m, pn_link_t *l)
{
    struct bytes host, entity;
    int port;

    if (!read_redirect(m, l, &host, &port, &entity)) {
        fail(m, D2D_FAILED, "the hub's redirect is not valid");
        return;
    }
    m->redirected(m->ctx, host, port, entity);
    fail(m, D2D_OK, "");
}

/* A hub that does not know the filter refuses with anything that is not about rights, names, limits or its state. */
static bool is_about_filter(const char *condition)
{
    enum d2d_err e = amqp_error(condition);

    return condition && (e == D2D_ARGUMENT || e == D2D_REFUSED);
}

static void on_link_closed(struct amqp_talk *a, pn_link_t *l)
{
    struct events_talk *m = of(a);
    pn_condition_t *c = pn_link_remote_condition(l);
    const char *name = pn_condition_get_name(c);
    struct progress *at = pn_link_get_context(l);

    if (m->state == EVENTS_REDIRECT && name && strcmp(name, "amqp:link:redirect") == 0) {
        on_redirect(m, l);
    } else if (at && at->link == l && !at->attached && m->devices && m->devices[0] && is_about_filter(name)) {
        m->filter_refused = true;
        m->filtered = false;
        if (attach(m, at))
            fail(m, D2D_ARGUMENT, "the position cannot be requested");
    } else if (!at || at->link == l) {
        amqp_fail_by(a, c, "the hub closed a link");
    }
}

static void pump(struct amqp_talk *a)
{
    struct events_talk *m = of(a);

    for (size_t i = 0; i < m->positions->n; i++)
        if (m->positions->at[i].link && m->positions->at[i].attached)
            top_up(m, m->positions->at[i].link);
}

static int64_t due(struct amqp_talk *a, int64_t now_ms)
{
    (void)a;
    (void)now_ms;
    return INT64_MAX;
}

static void end(struct amqp_talk *a)
{
    struct events_talk *m = of(a);

    for (size_t i = 0; i < m->positions->n; i++)
        m->positions->at[i].link = NULL;
}

static void ended(struct amqp_talk *a)
{
    struct events_talk *m = of(a);

    m->ended(m->ctx, a->why, a->detail);
}

void events_talk_init(struct events_talk *m)
{
    static const struct amqp_ops ops = {begin, on_link_open, on_link_closed, on_delivery, pump, due, end, ended};

    amqp_talk_init(&m->amqp, &ops);
    room_init(&m->room);
}

void events_talk_close(struct events_talk *m)
{
    amqp_talk_close(&m->amqp);
    room_close(&m->room);
}
