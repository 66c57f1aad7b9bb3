#include "register_amqp.h"

#include "amqp_error.h"
#include "list.h"
#include "register_carry.h"
#include "sections.h"

#include <jansson.h>
#include <stdio.h>

static struct register_amqp *of(struct amqp_talk *a)
{
    return LIST_OF(a, struct register_amqp, amqp);
}

/* ---- links ----------------------------------------------------------------------------------------------------- */

static pn_link_t *attach(struct register_amqp *m, bool sender)
{
    pn_link_t *l = amqp_link(&m->amqp, sender, m->registering->audience, "d2d");
    const struct prop properties[] = {{BYTES("com.microsoft:api-version"), BYTES(REGISTER_API)},
                                      {BYTES("com.microsoft:client-version"), BYTES("d2d/" D2D_VERSION)}};

    amqp_link_describe(l, properties, 2);
    pn_link_open(l);
    return l;
}

/* provisioning 1.5.1: the receiver is the first. */
static void begin(struct amqp_talk *a)
{
    struct register_amqp *m = of(a);

    m->answers_open = m->asks_open = m->asked = false;
    m->answers = attach(m, false);
    pn_link_flow(m->answers, 10);
    m->asks = attach(m, true);
}

static void forget(struct amqp_talk *a)
{
    struct register_amqp *m = of(a);

    m->answers = m->asks = NULL;
}

/* ---- questions ------------------------------------------------------------------------------------------------- */

static enum err put_question(const struct register_amqp *m, struct buf *out)
{
    const struct registering *r = m->registering;
    const struct prop props[] = {{BYTES("iotdps-operation-type"),
                                  r->operation[0] ? BYTES("iotdps-get-operationstatus") : BYTES("iotdps-register")},
                                 {BYTES("iotdps-operation-id"), bytes_str(r->operation)}};
    const struct msg q = {.props = props, .n_props = r->operation[0] ? 2 : 1};

    put_application_properties(out, &q, true);
    put_data_head(out, r->body.len);
    buf_put(out, buf_bytes(&r->body));
    return buf_check(out);
}

static void ask(struct register_amqp *m)
{
    struct buf question = buf_max(REGISTER_BODY_MAX + 2048);
    uint64_t tag = ++m->asked_n;

    if (put_question(m, &question)) {
        amqp_fail(&m->amqp, D2D_NO_MEMORY, "out of memory");
    } else if (amqp_send(&m->amqp, m->asks, pn_dtag((const char *)&tag, sizeof tag), buf_bytes(&question), false)) {
        m->asked = true;
        m->until_ms = m->amqp.now_ms + m->amqp.timeout_ms;
    }
    buf_free(&question);
}

static void pump(struct amqp_talk *a)
{
    struct register_amqp *m = of(a);

    if (m->answers_open && m->asks_open && !m->asked && pn_link_credit(m->asks) > 0 &&
        a->now_ms >= m->registering->next_ms)
        ask(m);
}

static int64_t due(struct amqp_talk *a, int64_t now_ms)
{
    struct register_amqp *m = of(a);

    pump(a);
    if (!m->asked)
        return m->registering->next_ms > now_ms ? m->registering->next_ms : INT64_MAX;
    if (now_ms >= m->until_ms)
        amqp_fail(a, D2D_TIMED_OUT, "the service does not answer");
    return m->until_ms;
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

/* The connection is done with: its answer is there, or there will be none. */
static void look(struct register_amqp *m)
{
    m->asked = false;
    if (!m->registering->done)
        return;
    amqp_fail(&m->amqp, D2D_OK, "");
    m->amqp.talk.ops->bye(&m->amqp.talk);
}

static void on_property(struct message_room *room, const struct amqp_value *key, const struct amqp_value *value,
                        void *ctx)
{
    int64_t s;

    if ((key_is(key, "retry-after") || key_is(key, "Retry-After")) &&
        bytes_to_i64(bytes_str(room_keep_value(room, value)), &s))
        *(int64_t *)ctx = s;
}

static void on_answer(struct register_amqp *m, pn_delivery_t *d)
{
    int64_t retry_s = -1;

    if (!amqp_take(&m->amqp, d, &m->room))
        return;
    pn_delivery_update(d, PN_ACCEPTED);
    pn_delivery_settle(d);
    pn_link_flow(m->answers, 1);
    if (!m->asked)
        return;
    if (room_decode(&m->room)) {
        amqp_fail(&m->amqp, D2D_FAILED, "the answer of the service is not a message");
        return;
    }
    room_each(&m->room, &m->room.message.properties, on_property, &retry_s);
    registering_answered(m->registering, 200, retry_s, room_body(&m->room), m->amqp.now_ms);
    look(m);
}

/* provisioning 1.5.1: the description of a refusal begins with the JSON of an error, whose number tells the status. */
static int status_of(const char *name, const char *text, size_t *len)
{
    json_error_t end;
    json_t *error = json_loads(text, JSON_DISABLE_EOF_CHECK, &end);
    json_int_t code = json_integer_value(json_object_get(error, "errorCode"));

    *len = error ? (size_t)end.position : 0;
    json_decref(error);
    if (code >= 400000 && code <= 599999)
        return (int)(code / 1000);
    if (strcmp(name, "com.microsoft:device-container-throttled") == 0)
        return 429;
    return strcmp(name, "amqp:internal-error") == 0 ? 500 : 0;
}

static void on_refused(struct register_amqp *m, pn_condition_t *c)
{
    const char *name = pn_condition_get_name(c), *text = pn_condition_get_description(c);
    size_t len;
    int status;

    name = name ? name : "the service refused it";
    text = text ? text : "";
    if ((status = status_of(name, text, &len)))
        registering_answered(m->registering, status, -1, bytes_first(bytes_str(text), len), m->amqp.now_ms);
    else
        registering_failed(m->registering, amqp_error(name), "%s: %s", name, text);
}

static void on_outcome(struct register_amqp *m, pn_delivery_t *d)
{
    uint64_t how = pn_delivery_remote_state(d);

    if (!pn_delivery_updated(d) || (!how && !pn_delivery_settled(d)))
        return;
    if (how == PN_REJECTED && m->asked) {
        on_refused(m, pn_disposition_condition(pn_delivery_remote(d)));
        pn_delivery_settle(d);
        look(m);
    } else if (how && how != PN_ACCEPTED && m->asked) {
        pn_delivery_settle(d);
        registering_later(m->registering, -1, m->amqp.now_ms, "the service returned the request");
        look(m);
    } else {
        pn_delivery_settle(d);
    }
}

static void on_delivery(struct amqp_talk *a, pn_delivery_t *ready)
{
    struct register_amqp *m = of(a);
    pn_link_t *l = pn_delivery_link(ready);
    pn_delivery_t *d;

    if (l == m->asks)
        on_outcome(m, ready);
    else if (l == m->answers)
        while (!amqp_stopped(a) && (d = amqp_next(l)))
            on_answer(m, d);
}

static void on_link_open(struct amqp_talk *a, pn_link_t *l)
{
    struct register_amqp *m = of(a);

    if (l == m->answers)
        m->answers_open = true;
    else if (l == m->asks)
        m->asks_open = true;
    a->ready = m->answers_open && m->asks_open;
    pump(a);
}

/* A refused certificate is told here (provisioning 1.5.1). */
static void on_link_closed(struct amqp_talk *a, pn_link_t *l)
{
    struct register_amqp *m = of(a);

    if (pn_condition_is_set(pn_link_remote_condition(l)))
        on_refused(m, pn_link_remote_condition(l));
    amqp_fail_by(a, pn_link_remote_condition(l), "the service closed a link");
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void ended(struct amqp_talk *a)
{
    struct register_amqp *m = of(a);
    struct registering *r = m->registering;

    if (r->next_ms <= a->now_ms) /* otherwise it is tried anew */
        registering_failed(r, a->why ? a->why : D2D_CLOSED, "%s: %s", r->account.host, a->detail);
    m->ended(m->ctx);
}

void register_amqp_init(struct register_amqp *m)
{
    static const struct amqp_ops ops = {begin, on_link_open, on_link_closed, on_delivery, pump, due, forget, ended};

    amqp_talk_init(&m->amqp, &ops);
    room_init(&m->room);
}

void register_amqp_close(struct register_amqp *m)
{
    amqp_talk_close(&m->amqp);
    sasl_tpm_close(&m->sasl);
    room_close(&m->room);
}

/* ---- carried --------------------------------------------------------------------------------------------------- */

static void login(struct amqp_talk *a, pn_transport_t *t)
{
    sasl_tpm_start(&of(a)->sasl, t);
}

static void on_ended(void *ctx)
{
    register_carry_ended(ctx);
}

enum d2d_err register_over_amqp(struct registering *r, int64_t limit_ms)
{
    struct account *account = &r->account;
    struct register_carry a = {.registering = r};
    struct register_amqp m = {.registering = r,
                              .ended = on_ended,
                              .ctx = &a,
                              .sasl = {r, 0, buf_max(SAS_LEN_MAX), buf_max(4096)},
                              .amqp = {.host = account->host,
                                       .user = r->token.len ? r->audience : NULL,
                                       .password = buf_str(&r->token),
                                       .bare = !r->tpm && r->token.len == 0,
                                       .login = r->tpm ? login : NULL,
                                       .timeout_ms = account->timeout_ms,
                                       .seed = loop_random(account->loop)}};
    enum d2d_err e;

    register_amqp_init(&m);
    e = register_carry_run(&a, &m.amqp.talk, account->amqps_port, "AMQPWSB10", limit_ms);
    register_amqp_close(&m);
    return e;
}
