/* What services send to devices, and the feedback they get (service 3). */
#include "amqp.h"

#include "feedback_json.h"
#include "log.h"
#include "sections.h"

enum { JSON_MAX = 64 * 1024 };
static_assert(FEEDBACK_BATCH * 700 < JSON_MAX, "a batch is one message");

static const char DEVICEBOUND[] = "messages/devicebound", FEEDBACK[] = "messages/servicebound/feedback";

void amqp_service_opened(struct amqp *c, struct amqp_link *k, const struct address *a)
{
    if (!amqp_may_listen(c, bytes_str(a->path))) {
        amqp_link_unauthorized(c, k, a->kind == ADDRESS_SERVICE_DEVICEBOUND ? "Send" : "Listen", a->path);
        return;
    }
    if (a->kind == ADDRESS_FEEDBACK && hub_feedback_open(c->env->hub, c->front.waker, &k->feedback)) {
        amqp_link_refuse(c, k, "amqp:internal-error", "Out of memory.");
        return;
    }
    k->kind = a->kind == ADDRESS_FEEDBACK              ? LINK_FEEDBACK
              : a->kind == ADDRESS_SERVICE_DEVICEBOUND ? LINK_POST
                                                       : LINK_IDLE;
    amqp_link_accept(c, k);
    amqp_credit(c, k);
    if (k->kind == LINK_FEEDBACK)
        amqp_make_eager(c, k);
    if (k->kind == LINK_IDLE)
        log_event(LOG_WARN, "not-available", KVS("policy", amqp_who(c)), KVS("address", c->peer.address),
                  KVS("what", "notifications of uploads"), KVS("detail", "the link stays open and receives nothing"));
}

/* ---- to devices ------------------------------------------------------------------------------------------------ */

static enum err post(struct amqp *c, struct bytes sections)
{
    struct msg_room room = {.text = buf_max(2 * AMQP_MESSAGE_MAX)};
    char device[ID_LEN_MAX + 1];
    struct msg m;
    uint64_t at;
    enum err e = msg_read(sections, &room, &m);

    if (!e && !m.to.len)
        e = ERR_ARGUMENT;
    if (!e && !address_device_of(m.to, device))
        e = ERR_NOT_FOUND;
    m.poster = c->front.waker;
    if (!e) {
        e = hub_post(c->env->hub, bytes_str(device), &m, c->now_ms, &at);
        (void)hub_refused(c->env->hub, bytes_str(device), e, c->now_ms);
    }
    if (!e)
        front_wait_for(&c->front, at);
    buf_free(&room.text);
    return e;
}

void amqp_post(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    struct bytes all;
    enum err e;

    if (!amqp_receive(c, k, d, AMQP_MESSAGE_MAX, &all))
        return;
    e = post(c, all);
    /* service 3.1; a device is told so by a condition of AMQP's (device 7.2). */
    amqp_answer_as(c, d, e, e == ERR_QUOTA ? "com.microsoft:quota-exceeded" : amqp_condition(e));
    amqp_credit(c, k);
}

/* ---- feedback -------------------------------------------------------------------------------------------------- */

/* service 3.2: .NET casts the annotation and dereferences the user id, and takes no other content type. */
static void put_message(struct amqp *c, struct buf *b, const struct feedback_record *records, size_t n)
{
    const struct msg m = {.user_id = bytes_str(c->env->entity), .content_type = BYTES(FEEDBACK_CONTENT_TYPE)};
    struct buf json = buf_max(JSON_MAX);
    size_t at;

    feedback_put_json(&json, records, n);
    buf_clear(b);
    section_begin(b, SECTION_MESSAGE_ANNOTATIONS);
    buf_put(b, BYTES("\xc1\x00\x02")); /* a map8 of one pair */
    at = b->len - 1;
    put_sym(b, BYTES("iothub-enqueuedtime"));
    put_timestamp(b, hub_wall_ms(c->env->hub, c->now_ms));
    if (!b->bad)
        b->at[at - 1] = (uint8_t)(b->len - at);
    put_properties(b, &m);
    put_data_head(b, json.len);
    buf_put(b, buf_bytes(&json));
    b->bad |= json.bad;
    buf_free(&json);
}

void amqp_feedback_pull(struct amqp *c, struct amqp_link *k)
{
    struct feedback_record records[FEEDBACK_BATCH];
    struct c2d_lock lock;
    enum err e = OK;
    uint64_t at;
    size_t n;

    while (amqp_may_send(c, k) && !(e = hub_feedback_next(k->feedback, c->now_ms, records, &n, &lock))) {
        put_message(c, &c->scratch, records, n);
        pn_delivery_t *d = pn_delivery(k->pn, pn_dtag((const char *)lock.at, sizeof lock.at));
        pn_link_send(k->pn, (const char *)c->scratch.at, c->scratch.len);
        pn_link_advance(k->pn);
        if (pn_link_snd_settle_mode(k->pn) == PN_SND_SETTLED) {
            pn_delivery_settle(d);
            if (!hub_feedback_settle(k->feedback, &lock, OUTCOME_COMPLETE, c->now_ms, &at))
                front_wait_for(&c->front, at);
        }
        amqp_flush(c);
    }
    if (e == ERR_NOT_FOUND && pn_link_get_drain(k->pn))
        pn_link_drained(k->pn);
}

void amqp_feedback_outcome(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    pn_delivery_tag_t tag = pn_delivery_tag(d);
    struct c2d_lock lock;
    enum outcome how;
    uint64_t at = 0;
    enum err e;

    if (tag.size != sizeof lock.at || !amqp_outcome_of(d, &how))
        return;
    memcpy(lock.at, tag.start, sizeof lock.at);
    if (!(e = hub_feedback_settle(k->feedback, &lock, how, c->now_ms, &at)))
        front_wait_for(&c->front, at);
    amqp_confirm(c, d, e);
}

void amqp_service_recheck(struct amqp *c)
{
    LIST_EACH (&c->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, in);
        const char *path = k->kind == LINK_POST ? DEVICEBOUND : FEEDBACK;

        if ((k->kind == LINK_POST || k->kind == LINK_FEEDBACK || k->kind == LINK_IDLE) &&
            !amqp_may_listen(c, bytes_str(path)))
            amqp_link_detach(c, k, "amqp:unauthorized-access", "ExpiredToken: The token of this link is expired.");
    }
}
