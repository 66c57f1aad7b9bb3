#include "amqp_talk.h"

#include "amqp_error.h"
#include "list.h"
#include "proton_value.h"
#include "sections.h"

#include <proton/sasl.h>
#include <stdio.h>

static struct amqp_talk *of(struct talk *t)
{
    return LIST_OF(t, struct amqp_talk, talk);
}

bool amqp_stopped(const struct amqp_talk *m)
{
    return m->gone || m->talk.over;
}

void amqp_fail(struct amqp_talk *m, enum d2d_err why, const char *detail)
{
    if (m->talk.over)
        return;
    m->why = why;
    snprintf(m->detail, sizeof m->detail, "%s", detail);
    talk_end(&m->talk, ERR_CLOSED);
}

void amqp_fail_by(struct amqp_talk *m, pn_condition_t *c, const char *otherwise)
{
    const char *name = pn_condition_get_name(c), *text = pn_condition_get_description(c);
    char detail[sizeof m->detail];

    snprintf(detail, sizeof detail, "%s%s%s", name ? name : otherwise, text && *text ? ": " : "", text ? text : "");
    amqp_fail(m, name ? amqp_error(name) : D2D_CLOSED, detail);
}

/* Before the other side has opened the connection, bytes that are not AMQP's come from a server of something else. */
static void on_broken(struct amqp_talk *m)
{
    pn_condition_t *c = pn_transport_condition(m->driver.transport);
    const char *name = pn_condition_get_name(c);

    if (name && strcmp(name, "amqp:connection:framing-error") == 0 &&
        pn_connection_state(m->driver.connection) & PN_REMOTE_UNINIT)
        amqp_fail(m, D2D_NO_CONNECTION, err_text(ERR_FOREIGN));
    else
        amqp_fail_by(m, c, "the connection broke");
}

/* ---- what Proton tells ----------------------------------------------------------------------------------------- */

static void on_link_open(struct amqp_talk *m, pn_link_t *l)
{
    pn_terminus_t *theirs = pn_link_is_sender(l) ? pn_link_remote_target(l) : pn_link_remote_source(l);

    /* service 2.4: an attach without a terminus is a refusal; the reason comes with the detach. */
    if (pn_terminus_get_type(theirs) != PN_UNSPECIFIED)
        m->ops->link_open(m, l);
}

static void on_proton(struct amqp_talk *m, pn_event_t *e)
{
    switch ((int)pn_event_type(e)) {
    case PN_LINK_REMOTE_OPEN:
        on_link_open(m, pn_event_link(e));
        break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
        pn_link_close(pn_event_link(e));
        m->ops->link_closed(m, pn_event_link(e));
        break;
    case PN_LINK_FLOW:
        m->ops->pump(m);
        break;
    case PN_DELIVERY:
        m->ops->delivery(m, pn_event_delivery(e));
        break;
    case PN_SESSION_REMOTE_CLOSE:
        amqp_fail_by(m, pn_session_remote_condition(pn_event_session(e)), "the hub closed the session");
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        amqp_fail_by(m, pn_connection_remote_condition(m->driver.connection), "the hub closed the connection");
        break;
    case PN_TRANSPORT_ERROR:
        on_broken(m);
        break;
    }
}

static void events(struct amqp_talk *m)
{
    pn_event_t *e;

    while (!amqp_stopped(m) && (e = pn_connection_driver_next_event(&m->driver)))
        on_proton(m, e);
}

static bool write_some(struct amqp_talk *m)
{
    pn_bytes_t said = pn_connection_driver_write_buffer(&m->driver);

    if (!said.size)
        return false;
    buf_put(m->talk.out, bytes_of(said.start, said.size));
    pn_connection_driver_write_done(&m->driver, said.size);
    return true;
}

static void go_on(struct amqp_talk *m)
{
    do {
        events(m);
    } while (!m->gone && m->has_driver && amqp_has_room(m) && write_some(m));
    events(m); /* a failed login comes to light when nothing is left to be said */
}

/* ---- the talk -------------------------------------------------------------------------------------------------- */

static void end_driver(struct amqp_talk *m)
{
    if (!m->has_driver)
        return;
    m->ops->end(m);
    pn_connection_driver_destroy(&m->driver);
    m->has_driver = false;
}

static void say_who(struct amqp_talk *m)
{
    pn_sasl_t *sasl;

    if (m->bare)
        return;
    sasl = pn_sasl(m->driver.transport);
    pn_sasl_set_allow_insecure_mechs(sasl, true); /* TLS is below us */
    if (m->login) {
        m->login(m, m->driver.transport);
        return;
    }
    pn_sasl_allowed_mechs(sasl, m->user ? "PLAIN" : "ANONYMOUS");
    if (m->user) {
        pn_connection_set_user(m->driver.connection, m->user);
        pn_connection_set_password(m->driver.connection, m->password);
    }
}

static void start(struct talk *t, int64_t now_ms)
{
    struct amqp_talk *m = of(t);
    char container[40];

    end_driver(m);
    m->began_ms = m->now_ms = now_ms;
    m->why = D2D_CLOSED;
    m->detail[0] = 0;
    m->ready = false;
    if (pn_connection_driver_init(&m->driver, NULL, NULL)) {
        amqp_fail(m, D2D_NO_MEMORY, "out of memory");
        return;
    }
    m->has_driver = true;
    say_who(m);
    snprintf(container, sizeof container, "d2d-%016llx", (unsigned long long)m->seed++);
    pn_connection_set_container(m->driver.connection, container);
    pn_connection_set_hostname(m->driver.connection, m->host);
    pn_transport_set_max_frame(m->driver.transport, AMQP_FRAME_MAX);
    pn_transport_set_idle_timeout(m->driver.transport, AMQP_IDLE_MS);
    pn_connection_driver_bind(&m->driver);
    pn_connection_open(m->driver.connection);
    m->session = pn_session(m->driver.connection);
    pn_session_open(m->session);
    m->ops->begin(m);
    go_on(m);
}

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct amqp_talk *m = of(t);
    size_t all = 0;

    m->now_ms = now_ms;
    while (!amqp_stopped(m) && all < in.len) {
        pn_rwbytes_t room = pn_connection_driver_read_buffer(&m->driver);
        struct bytes part = bytes_first(bytes_skip(in, all), room.size);

        if (!part.len)
            break;
        memcpy(room.start, part.at, part.len);
        pn_connection_driver_read_done(&m->driver, part.len);
        all += part.len;
        go_on(m);
    }
    return amqp_stopped(m) ? in.len : all;
}

static void wake(struct talk *t, int64_t now_ms)
{
    struct amqp_talk *m = of(t);

    if (amqp_stopped(m) || !m->has_driver)
        return;
    m->now_ms = now_ms;
    m->ops->pump(m);
    go_on(m);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t tick(struct talk *t, int64_t now_ms)
{
    struct amqp_talk *m = of(t);
    int64_t limit_ms = m->began_ms + m->timeout_ms, next_ms, due_ms;

    if (amqp_stopped(m) || !m->has_driver)
        return INT64_MAX;
    m->now_ms = now_ms;
    if (!m->ready && now_ms >= limit_ms) {
        amqp_fail(m, D2D_TIMED_OUT, "the hub does not answer");
        return INT64_MAX;
    }
    next_ms = pn_transport_tick(m->driver.transport, now_ms);
    due_ms = m->ops->due(m, now_ms);
    if (!amqp_stopped(m))
        m->ops->pump(m); /* the output has room again */
    go_on(m);
    if (next_ms)
        due_ms = sooner(due_ms, next_ms);
    return m->ready ? due_ms : sooner(due_ms, limit_ms);
}

static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    struct amqp_talk *m = of(t);

    m->now_ms = now_ms;
    if (!t->over) { /* the other side ended it; Proton may know why */
        m->why = why == ERR_IDLE ? D2D_TIMED_OUT : D2D_CLOSED;
        snprintf(m->detail, sizeof m->detail, "%s", err_text(why));
    }
    end_driver(m);
    m->ops->ended(m);
}

/* Proton may be in the middle of telling us something: it is only asked to write. */
static void bye(struct talk *t)
{
    struct amqp_talk *m = of(t);

    if (!m->has_driver)
        return;
    pn_connection_close(m->driver.connection);
    while (amqp_has_room(m) && write_some(m))
        ;
}

void amqp_talk_init(struct amqp_talk *m, const struct amqp_ops *ops)
{
    static const struct talk_ops talk_ops = {
        .start = start, .input = input, .wake = wake, .tick = tick, .close = closed, .bye = bye, .name = "amqp"};

    m->talk.ops = &talk_ops;
    m->ops = ops;
}

void amqp_talk_close(struct amqp_talk *m)
{
    end_driver(m);
}

/* ---- links and messages ---------------------------------------------------------------------------------------- */

pn_link_t *amqp_link(struct amqp_talk *m, bool sender, const char *address, const char *other)
{
    char name[48];
    pn_link_t *l;

    snprintf(name, sizeof name, "d2d-%016llx-%s", (unsigned long long)m->seed++, sender ? "s" : "r");
    l = sender ? pn_sender(m->session, name) : pn_receiver(m->session, name);
    pn_terminus_set_address(sender ? pn_link_target(l) : pn_link_source(l), address);
    pn_terminus_set_address(sender ? pn_link_source(l) : pn_link_target(l), other);
    return l;
}

void amqp_link_describe(pn_link_t *l, const struct prop *properties, size_t n)
{
    struct buf map = buf_max(1024);
    size_t at = put_map_begin(&map);

    for (size_t i = 0; i < n; i++) {
        put_sym(&map, properties[i].name);
        put_str(&map, properties[i].value);
    }
    put_compound_end(&map, at, (uint32_t)(2 * n));
    if (!map.bad)
        proton_value_write(pn_link_properties(l), buf_bytes(&map));
    buf_free(&map);
}

pn_delivery_t *amqp_next(pn_link_t *l)
{
    pn_delivery_t *d = pn_link_current(l);

    return d && pn_delivery_readable(d) && !pn_delivery_partial(d) ? d : NULL;
}

bool amqp_take(struct amqp_talk *m, pn_delivery_t *d, struct message_room *room)
{
    pn_link_t *l = pn_delivery_link(d);
    size_t size = pn_delivery_pending(d);
    ssize_t n = 0;
    uint8_t *to;

    buf_clear(&room->raw);
    to = buf_grow(&room->raw, size);
    if (size && (!to || (n = pn_link_recv(l, (char *)to, size)) < 0)) {
        amqp_fail(m, D2D_FAILED, "a message is larger than the limit");
        return false;
    }
    room->raw.len = (size_t)n;
    pn_link_advance(l);
    return true;
}

bool amqp_send(struct amqp_talk *m, pn_link_t *l, pn_delivery_tag_t tag, struct bytes message, bool settled)
{
    pn_delivery_t *d = pn_delivery(l, tag);

    if (!d || pn_link_send(l, (const char *)message.at, message.len) != (ssize_t)message.len) {
        amqp_fail(m, D2D_NO_MEMORY, "out of memory");
        return false;
    }
    pn_link_advance(l);
    if (settled)
        pn_delivery_settle(d);
    return true;
}

bool amqp_has_room(const struct amqp_talk *m)
{
    return m->talk.out->len < CONN_OUT_SOFT;
}
