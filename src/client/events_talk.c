#include "events_talk.h"

#include "amqp_error.h"
#include "events_ask.h"
#include "list.h"

#include <proton/sasl.h>
#include <stdio.h>

enum { OUT_ENOUGH = CONN_OUT_SOFT, IDLE_MS = AMQP_IDLE_MS };

static struct events_talk *of(struct talk *t)
{
    return LIST_OF(t, struct events_talk, talk);
}

static enum err fail(struct events_talk *m, enum d2d_err why, const char *detail)
{
    if (!m->talk.over) {
        m->why = why;
        snprintf(m->detail, sizeof m->detail, "%s", detail);
        talk_end(&m->talk, ERR_CLOSED);
    }
    return ERR_CLOSED;
}

static void fail_by(struct events_talk *m, pn_condition_t *c, const char *otherwise)
{
    const char *name = pn_condition_get_name(c), *text = pn_condition_get_description(c);
    char detail[sizeof m->detail];

    snprintf(detail, sizeof detail, "%s%s%s", name ? name : otherwise, text && *text ? ": " : "", text ? text : "");
    fail(m, name ? amqp_error(name) : D2D_CLOSED, detail);
}

static bool stopped(const struct events_talk *m)
{
    return m->gone || m->talk.over;
}

/* ---- step by step -------------------------------------------------------------------------------------------------- */

static void attach_all(struct events_talk *m)
{
    m->state = EVENTS_ATTACHING;
    m->awaited = m->positions->n;
    for (size_t i = 0; i < m->positions->n; i++)
        if (attach(m, &m->positions->at[i])) {
            fail(m, D2D_ARGUMENT, "the position or the names of devices cannot be asked for");
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
            fail(m, D2D_NO_MEMORY, "no memory left");
            return;
        }
    if (!m->awaited)
        attach_all(m);
}

static void begin(struct events_talk *m)
{
    m->awaited = 0;
    if (!m->entity) {
        m->state = EVENTS_REDIRECT;
        ask_where(m);
        return;
    }
    m->state = EVENTS_PARTITIONS;
    ask_open(m);
    if (!m->all)
        ask_tails(m);
    else if (ask_partitions(m))
        fail(m, D2D_NO_MEMORY, "no memory left");
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

/* ---- what Proton tells --------------------------------------------------------------------------------------------- */

static void top_up(struct events_talk *m, pn_link_t *l)
{
    int have = pn_link_credit(l);

    if (!m->paused && have <= m->credit / 2)
        pn_link_flow(l, m->credit - have);
}

static bool take_delivery(struct events_talk *m, pn_link_t *l, pn_delivery_t *d)
{
    size_t size = pn_delivery_pending(d);
    ssize_t n = 0;
    uint8_t *to;

    buf_clear(&m->room.raw);
    to = buf_grow(&m->room.raw, size);
    if (size && (!to || (n = pn_link_recv(l, (char *)to, size)) < 0)) {
        fail(m, D2D_FAILED, "a message is larger than the limit");
        return false;
    }
    m->room.raw.len = (size_t)n;
    pn_delivery_update(d, PN_ACCEPTED);
    pn_link_advance(l);
    pn_delivery_settle(d);
    return true;
}

static void on_delivery(struct events_talk *m, pn_delivery_t *ready)
{
    pn_link_t *l = pn_delivery_link(ready);
    pn_delivery_t *d;

    if (pn_link_is_sender(l)) {
        if (pn_delivery_remote_state(ready) == PN_REJECTED)
            fail_by(m, pn_disposition_condition(pn_delivery_remote(ready)), "$management refuses the request");
        pn_delivery_settle(ready);
        return;
    }
    while (!stopped(m) && (d = pn_link_current(l)) && pn_delivery_readable(d) && !pn_delivery_partial(d)) {
        struct progress *at = pn_link_get_context(l);

        if (!take_delivery(m, l, d))
            return;
        if (at)
            on_event(m, at);
        else
            on_answer(m);
        if (!stopped(m) && at)
            top_up(m, l);
    }
}

static void on_link_open(struct events_talk *m, pn_link_t *l)
{
    struct progress *at = pn_link_get_context(l);

    if (pn_terminus_get_type(pn_link_remote_source(l)) == PN_UNSPECIFIED)
        return; /* service 2.4: refused; the reason comes with the detach */
    if (m->state == EVENTS_REDIRECT) {
        fail(m, D2D_FAILED, "the hub does not say where its events are");
        return;
    }
    if (!at || at->link != l || at->attached)
        return;
    at->attached = true;
    if (!filter_is_honoured(l))
        m->filtered = false;
    if (m->awaited && --m->awaited == 0 && m->state == EVENTS_ATTACHING) {
        m->state = EVENTS_READING;
        m->listening(m->ctx);
    }
}

static void on_redirect(struct events_talk *m, pn_link_t *l)
{
    struct bytes host, entity;
    int port;

    if (!read_redirect(l, &host, &port, &entity)) {
        fail(m, D2D_FAILED, "the hub's redirect makes no sense");
        return;
    }
    m->redirected(m->ctx, host, port, entity);
    m->why = D2D_OK;
    talk_end(&m->talk, OK);
}

/* What a hub says that does not know the filter: anything that is not about rights, names, limits or its own state. */
static bool is_about_filter(const char *condition)
{
    enum d2d_err e = amqp_error(condition);

    return condition && (e == D2D_ARGUMENT || (e == D2D_REFUSED && strcmp(condition, "amqp:link:stolen") != 0));
}

static void on_link_closed(struct events_talk *m, pn_link_t *l)
{
    pn_condition_t *c = pn_link_remote_condition(l);
    const char *name = pn_condition_get_name(c);
    struct progress *at = pn_link_get_context(l);

    pn_link_close(l);
    if (m->state == EVENTS_REDIRECT && name && strcmp(name, "amqp:link:redirect") == 0) {
        on_redirect(m, l);
    } else if (at && at->link == l && !at->attached && m->devices && m->devices[0] && is_about_filter(name)) {
        m->filter_refused = true;
        m->filtered = false;
        if (attach(m, at))
            fail(m, D2D_ARGUMENT, "the position cannot be asked for");
    } else if (!at || at->link == l) {
        fail_by(m, c, "the hub closed a link");
    }
}

static void on_proton(struct events_talk *m, pn_event_t *e)
{
    switch ((int)pn_event_type(e)) {
    case PN_LINK_REMOTE_OPEN:
        on_link_open(m, pn_event_link(e));
        break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
        on_link_closed(m, pn_event_link(e));
        break;
    case PN_DELIVERY:
        on_delivery(m, pn_event_delivery(e));
        break;
    case PN_SESSION_REMOTE_CLOSE:
        fail_by(m, pn_session_remote_condition(pn_event_session(e)), "the hub closed the session");
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        fail_by(m, pn_connection_remote_condition(pn_event_connection(e)), "the hub closed the connection");
        break;
    case PN_TRANSPORT_ERROR:
        fail_by(m, pn_transport_condition(pn_event_transport(e)), "the connection broke");
        break;
    }
}

/* ---- bytes --------------------------------------------------------------------------------------------------------- */

static void events(struct events_talk *m)
{
    pn_event_t *e;

    while (!stopped(m) && (e = pn_connection_driver_next_event(&m->driver)))
        on_proton(m, e);
}

static void flush(struct events_talk *m)
{
    while (!m->gone && m->has_driver && m->talk.out->len < OUT_ENOUGH) {
        pn_bytes_t said = pn_connection_driver_write_buffer(&m->driver);

        if (!said.size)
            break;
        buf_put(m->talk.out, bytes_of(said.start, said.size));
        pn_connection_driver_write_done(&m->driver, said.size);
        events(m);
    }
}

static void go_on(struct events_talk *m)
{
    events(m);
    flush(m);
}

static void end_driver(struct events_talk *m)
{
    if (m->has_driver)
        pn_connection_driver_destroy(&m->driver);
    m->has_driver = false;
    for (size_t i = 0; i < m->positions->n; i++)
        m->positions->at[i].link = NULL;
}

static void start(struct talk *t, int64_t now_ms)
{
    struct events_talk *m = of(t);
    char container[40];

    end_driver(m);
    m->began_ms = now_ms;
    m->why = D2D_CLOSED;
    m->detail[0] = 0;
    m->filtered = m->devices && m->devices[0] && !m->filter_refused;
    if (pn_connection_driver_init(&m->driver, NULL, NULL)) {
        fail(m, D2D_NO_MEMORY, "no memory left");
        return;
    }
    m->has_driver = true;
    pn_sasl_set_allow_insecure_mechs(pn_sasl(m->driver.transport), true); /* TLS is below us */
    pn_sasl_allowed_mechs(pn_sasl(m->driver.transport), "PLAIN");
    pn_connection_set_user(m->driver.connection, m->user);
    pn_connection_set_password(m->driver.connection, m->password);
    snprintf(container, sizeof container, "d2d-%016llx", (unsigned long long)m->seed++);
    pn_connection_set_container(m->driver.connection, container);
    pn_connection_set_hostname(m->driver.connection, m->host);
    pn_transport_set_max_frame(m->driver.transport, AMQP_FRAME_MAX);
    pn_transport_set_idle_timeout(m->driver.transport, IDLE_MS);
    pn_connection_driver_bind(&m->driver);
    pn_connection_open(m->driver.connection);
    m->session = pn_session(m->driver.connection);
    pn_session_open(m->session);
    begin(m);
    go_on(m);
}

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct events_talk *m = of(t);
    size_t all = 0;

    (void)now_ms;
    while (!stopped(m) && all < in.len) {
        pn_rwbytes_t room = pn_connection_driver_read_buffer(&m->driver);
        struct bytes part = bytes_first(bytes_skip(in, all), room.size);

        if (!part.len)
            break;
        memcpy(room.start, part.at, part.len);
        pn_connection_driver_read_done(&m->driver, part.len);
        all += part.len;
        go_on(m);
    }
    return stopped(m) ? in.len : all;
}

static void wake(struct talk *t, int64_t now_ms)
{
    struct events_talk *m = of(t);

    (void)now_ms;
    if (stopped(m) || !m->has_driver)
        return;
    for (size_t i = 0; i < m->positions->n; i++)
        if (m->positions->at[i].link && m->positions->at[i].attached)
            top_up(m, m->positions->at[i].link);
    go_on(m);
}

static int64_t tick(struct talk *t, int64_t now_ms)
{
    struct events_talk *m = of(t);
    int64_t next_ms, limit_ms = m->began_ms + m->timeout_ms;

    if (stopped(m) || !m->has_driver)
        return INT64_MAX;
    if (m->state != EVENTS_READING && now_ms >= limit_ms) {
        fail(m, D2D_TIMED_OUT, "the hub does not answer");
        return INT64_MAX;
    }
    next_ms = pn_transport_tick(m->driver.transport, now_ms);
    go_on(m);
    if (!next_ms)
        next_ms = INT64_MAX;
    return m->state != EVENTS_READING && limit_ms < next_ms ? limit_ms : next_ms;
}

static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    struct events_talk *m = of(t);

    (void)now_ms;
    if (!t->over) { /* the other side ended it; Proton may know why */
        m->why = why == ERR_IDLE ? D2D_TIMED_OUT : D2D_CLOSED;
        snprintf(m->detail, sizeof m->detail, "%s", err_text(why));
    }
    end_driver(m);
    m->ended(m->ctx, m->why, m->detail);
}

void events_talk_init(struct events_talk *m)
{
    static const struct talk_ops ops = {start, input, wake, tick, closed, NULL};

    m->talk.ops = &ops;
}

void events_talk_close(struct events_talk *m)
{
    end_driver(m);
    room_close(&m->room);
}
