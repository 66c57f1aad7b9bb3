#include "amqp.h"

#include "amqp_dps.h"
#include "amqp_fault.h"
#include "amqp_link.h"
#include "amqp_output.h"
#include "budget.h"
#include "claims.h"
#include "handles.h"
#include "kinds.h"
#include "login.h"
#include "text.h"

#include <assert.h>
#include <stdlib.h>

/* Of a session for what comes in: the longest message, and more, so that a longer one is seen to be too long. */
#define CAPACITY (AMQP_MESSAGE_MAX + 4 * AMQP_FRAME_MAX)
#define KEEP (64 * 1024) /* room for the next message; a longer one is rare */

static struct amqp *amqp_of(struct talk *f)
{
    return (struct amqp *)(void *)f;
}

/* ---- Proton's bytes -------------------------------------------------------------------------------------------- */

static void feed(struct amqp *c, struct bytes unit)
{
    while (unit.len) {
        pn_rwbytes_t room = pn_connection_driver_read_buffer(&c->driver);
        size_t n = unit.len < room.size ? unit.len : room.size;
        if (!n)
            return; /* Proton has closed its side: an error that it is about to tell */
        memcpy(room.start, unit.at, n);
        pn_connection_driver_read_done(&c->driver, n);
        unit = bytes_skip(unit, n);
    }
}

/* An Open is the only frame that Proton does not see as it came. */
static void feed_open(struct amqp *c, struct bytes unit)
{
    struct buf copy = buf_max(unit.len);

    buf_put(&copy, unit);
    if (copy.bad) {
        amqp_end(c, ERR_MEMORY, "amqp:internal-error", "out of memory");
    } else {
        amqp_whole_open(&c->whole, copy.at, copy.len);
        feed(c, buf_bytes(&copy));
    }
    buf_free(&copy);
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static void on_session(const struct amqp *c, pn_session_t *s)
{
    assert(c->attach.channel <= AMQP_CHANNEL_MAX);
    pn_session_set_context(s, (void *)(uintptr_t)(c->attach.channel + 1));
    pn_session_set_incoming_capacity(s, CAPACITY);
    pn_session_open(s);
}

static void on_delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    if (k->ops->delivery)
        k->ops->delivery(c, k, d);
    else if (pn_link_is_receiver(k->pn)) /* what was on its way is not kept */
        pn_delivery_settle(d);
}

static void on_transport_error(struct amqp *c)
{
    pn_condition_t *error = pn_transport_condition(c->driver.transport);
    const char *text = pn_condition_get_description(error);
    if (c->refused)
        return;
    amqp_log_refusal(c, pn_condition_get_name(error), text ? text : "");
}

static void on_event(struct amqp *c, pn_event_t *event)
{
    struct amqp_link *k;

    switch (pn_event_type(event)) {
    case PN_CONNECTION_REMOTE_OPEN:
        c->open = true;
        pn_connection_open(pn_event_connection(event));
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        pn_connection_close(pn_event_connection(event));
        break;
    case PN_SESSION_REMOTE_OPEN:
        on_session(c, pn_event_session(event));
        break;
    case PN_SESSION_REMOTE_CLOSE:
        amqp_session_closed(c, pn_event_session(event));
        amqp_flush(c); /* Proton would say it behind whatever is opened next, which may have the same name or number */
        break;
    case PN_LINK_REMOTE_OPEN:
        amqp_link_opened(c, pn_event_link(event));
        break;
    case PN_LINK_REMOTE_DETACH:
    case PN_LINK_REMOTE_CLOSE:
        amqp_link_closed(c, pn_event_link(event), pn_event_type(event) == PN_LINK_REMOTE_DETACH);
        amqp_flush(c);
        break;
    case PN_DELIVERY:
        if ((k = amqp_link_of(pn_event_link(event))))
            on_delivery(c, k, pn_event_delivery(event));
        break;
    case PN_TRANSPORT_ERROR:
        on_transport_error(c);
        break;
    case PN_LINK_FLOW:
        if ((k = amqp_link_of(pn_event_link(event))) && k->ops->pull && pn_link_is_sender(k->pn))
            amqp_make_eager(c, k);
        break;
    default:
        break;
    }
}

static void run_events(struct amqp *c)
{
    pn_event_t *event;
    while (!c->front.over && (event = pn_connection_driver_next_event(&c->driver)))
        on_event(c, event);
}

/* Says what there is to say, and sees whether it was the last. */
static void finish(struct amqp *c)
{
    amqp_flush(c);
    run_events(c); /* an error that showed while writing */
    if (!c->front.over && pn_connection_driver_write_closed(&c->driver)) {
        bool failed = pn_condition_is_set(pn_transport_condition(c->driver.transport));
        talk_end(&c->front, failed ? ERR_PROTOCOL : OK);
    }
}

/* There may be room again. */
static void quench(struct amqp *c)
{
    c->thirsty = false;
    LIST_EACH (&c->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, in);

        if (k->ops->credit)
            k->ops->credit(c, k);
    }
}

/* All that are eager, a turn each, until none has more for which there is room. */
static void pull_links(struct amqp *c)
{
    bool more = true;

    while (more) {
        more = false;
        LIST_EACH (&c->eager, it) {
            struct amqp_link *k = LIST_OF(it, struct amqp_link, eager);

            assert(k->ops->pull && pn_link_is_sender(k->pn));
            switch (k->ops->pull(c, k)) {
            case PULLED_ALL:
                list_del(&k->eager);
                break;
            case PULLED_SOME:
                break;
            case PULLED_TURN:
                more = true;
                break;
            }
        }
    }
    /* The first link now is the last one next time, so that a short `out` feeds all links of the connection. */
    if (!list_empty(&c->eager))
        list_add(&c->eager, list_take(&c->eager));
}

/* After anything that came: it may be credit, a window, room, or events. */
static void pull(struct amqp *c)
{
    if (c->front.over)
        return;
    c->again = false;
    if (c->thirsty && front_has_room(&c->front))
        quench(c);
    pull_links(c);
    finish(c);
    if (c->again && !c->front.over)
        c->front.waker->wake(c->front.waker);
}

/* ---- the five functions ---------------------------------------------------------------------------------------- */

/* A peer that speaks no AMQP 1.0 gets the header that we speak, and the connection ends (AMQP 1.0, 2.2). */
static void refuse_header(struct amqp *c)
{
    amqp_log_refusal(c, "protocol header", "this is not AMQP 1.0");
    buf_put(c->front.out, BYTES("AMQP\x03\x01\x00\x00"));
    talk_end(&c->front, ERR_PROTOCOL);
}

/* Unless the connection has ended already. */
static void refuse_frame(struct amqp *c, enum err e)
{
    if (e == ERR_PROTOCOL)
        amqp_end(c, e, "amqp:connection:framing-error",
                 "a frame has a type, a channel or a handle that is not allowed");
    else
        amqp_end(c, e, "amqp:decode-error", "a frame is not well-formed, nests too deep, or has too many values");
}

/* Takes a whole unit of the stream. */
static void take_unit(struct amqp *c, struct bytes unit)
{
    enum err e = OK;

    assert(unit.len > 0);
    if (bytes_starts(unit, BYTES("AMQP"))) {
        if (!amqp_header_known(unit)) {
            refuse_header(c);
            return;
        }
        c->greeted = true;
        c->sasl = unit.at[4] != 0;
        c->attach = (struct amqp_attach){0};
    } else if ((e = amqp_frame_check(unit, amqp_values_most(c), &c->attach)) || !amqp_budget_take(c, unit.len)) {
        refuse_frame(c, e);
        return;
    }
    if (amqp_handles_take(c) && !c->front.over) {
        c->unit_len = unit.len;
        if (c->attach.code == AMQP_CODE_OPEN)
            feed_open(c, unit);
        else
            feed(c, unit);
    }
    run_events(c);
}

static void set_now(struct amqp *c, int64_t now_ms)
{
    if (now_ms > c->now_ms)
        c->steady_ms += now_ms - c->now_ms;
    c->now_ms = now_ms;
}

static size_t amqp_input(struct talk *f, struct bytes in, int64_t now_ms)
{
    struct amqp *c = amqp_of(f);
    size_t used = 0, len;

    set_now(c, now_ms);
    if (!c->greeted && !bytes_starts(BYTES("AMQP"), bytes_first(in, 4)))
        refuse_header(c);
    while (!f->over) {
        if (amqp_unit(bytes_skip(in, used), amqp_frame_most(c), &len)) {
            amqp_end(c, ERR_PROTOCOL, "amqp:connection:framing-error", "a frame has a size that is not allowed");
            break;
        }
        if (!len)
            break;
        assert(len <= in.len - used);
        take_unit(c, bytes_first(bytes_skip(in, used), len));
        used += len;
    }
    pull(c);
    if (c->came.cap > KEEP)
        buf_free(&c->came);
    if (c->made.cap > KEEP)
        buf_free(&c->made);
    return f->over ? in.len : used;
}

static void amqp_wake(struct talk *f, int64_t now_ms)
{
    struct amqp *c = amqp_of(f);
    if (f->over)
        return;
    set_now(c, now_ms);
    amqp_devices_woken(c);
    pull(c);
}

static void recheck(struct amqp *c)
{
    LIST_EACH (&c->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, in);

        if (k->ops->recheck)
            k->ops->recheck(c, k);
    }
}

/* A peer that has proved nothing gets as long as for the first packet. */
static int64_t check_deadlines(struct amqp *c)
{
    int64_t due = c->born_ms + (c->tpm ? TPM_MS : CONNECT_MS);

    if (amqp_claims_expire(c)) {
        if (c->has_who && !c->who.rights) {
            amqp_end(c, ERR_EXPIRED, "amqp:unauthorized-access", "ExpiredToken: the token of this connection expired");
            return INT64_MAX;
        }
        recheck(c);
    }
    if (c->proved && c->open)
        return c->expiry_ms;
    if (c->now_ms < due)
        return due < c->expiry_ms ? due : c->expiry_ms;
    if (c->open)
        amqp_end(c, ERR_UNAUTHORIZED, "amqp:unauthorized-access", "no valid token was sent in time");
    else
        talk_end(&c->front, ERR_TIMEOUT);
    return INT64_MAX;
}

static int64_t amqp_tick(struct talk *f, int64_t now_ms)
{
    struct amqp *c = amqp_of(f);

    if (f->over)
        return INT64_MAX;
    set_now(c, now_ms);
    int64_t due = check_deadlines(c);
    int64_t fault = amqp_faults_tick(c);
    if (f->over)
        return INT64_MAX;
    if (fault < due)
        due = fault;
    int64_t beat = pn_transport_tick(c->driver.transport, c->steady_ms);
    if (beat && now_ms + (beat - c->steady_ms) < due)
        due = now_ms + (beat - c->steady_ms);
    run_events(c);
    finish(c);
    return f->over ? INT64_MAX : due;
}

static void amqp_close(struct talk *f, enum err why, int64_t now_ms)
{
    struct amqp *c = amqp_of(f);
    set_now(c, now_ms);
    if (!f->over)
        f->why = why ? why : ERR_CLOSED;
    f->over = true;
    amqp_links_free(c);
    assert(list_empty(&c->links) && list_empty(&c->eager) && !c->n_links);
    amqp_handles_free(c);
    amqp_budget_return(c);
    if (c->told.kind)
        journal_left(&c->peer, c->told, f->why, NULL, c->since_ms, c->now_ms);
    amqp_claims_free(c);
    assert(c->devices.n == 0 && !c->rung);
    map_free(&c->devices);
    amqp_dps_free(c->dps);
    amqp_tpm_free(c->tpm);
    pn_connection_driver_destroy(&c->driver);
    buf_free(&c->came);
    buf_free(&c->made);
    free(c);
}

static const struct talk_ops amqp_ops = {
    .name = "amqp",
    .input = amqp_input,
    .wake = amqp_wake,
    .tick = amqp_tick,
    .close = amqp_close,
};

/* service 2.3: what the live service announces. */
static void announce(struct amqp *c)
{
    struct buf name = buf_max(64);
    uint8_t random[16];

    c->env->random(c->env->random_ctx, random, sizeof random);
    buf_put_hex(&name, bytes_of(random, sizeof random));
    buf_puts(&name, "_G1");
    pn_connection_set_container(c->driver.connection, buf_str(&name));
    buf_free(&name);
    pn_transport_set_max_frame(c->driver.transport, AMQP_FRAME_MAX);
    pn_transport_set_channel_max(c->driver.transport, AMQP_CHANNEL_MAX);
    /* Proton announces the half of what it waits for. */
    pn_transport_set_idle_timeout(c->driver.transport, 2 * AMQP_IDLE_MS);
}

enum err front_amqp_new(const struct front_env *env, const struct peer *peer, int64_t now_ms, struct talk **out)
{
    uint64_t seed;
    struct amqp *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_MEMORY;
    *c = (struct amqp){
        .front = {.ops = &amqp_ops},
        .env = env,
        .peer = *peer,
        .now_ms = now_ms,
        .born_ms = now_ms,
        .steady_ms = 1,
        .expiry_ms = INT64_MAX,
        .fault_ms = INT64_MAX,
        .came = buf_max(AMQP_MESSAGE_MAX),
        .made = buf_max(AMQP_MESSAGE_MAX),
    };
    c->peer.held_ms = &c->front.held_ms;
    c->peer.protocol = peer->websocket ? "amqp-ws" : "amqp";
    list_init(&c->links);
    list_init(&c->eager);
    list_init(&c->awake);
    env->random(env->random_ctx, (uint8_t *)&seed, sizeof seed);
    map_init(&c->claims, seed);
    map_init(&c->devices, seed);
    map_init(&c->handles, seed);
    if (pn_connection_driver_init(&c->driver, NULL, NULL)) {
        free(c);
        return ERR_MEMORY;
    }
    announce(c);
    amqp_sasl_start(c);
    pn_connection_driver_bind(&c->driver);
    *out = &c->front;
    return OK;
}
