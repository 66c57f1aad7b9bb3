/* Feedback: what services hear of the messages that they sent to devices (service 3.2). */
#include "kinds.h"

#include "amqp_output.h"
#include "feedback_json.h"
#include "outcome.h"
#include "sections.h"
#include "service.h"
#include "transfer.h"

#include <assert.h>

enum { JSON_MAX = 64 * 1024 };
static_assert(FEEDBACK_BATCH * 700 < JSON_MAX, "a batch is one message");

static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    struct feedback_reader *reader;

    if (!amqp_service_may(c, k, o, "Listen"))
        return;
    if (hub_feedback_open(c->env->hub, c->front.waker, &reader)) {
        amqp_link_refuse(c, k, "amqp:internal-error", "Out of memory.");
        return;
    }
    assert(!k->own);
    k->own = reader;
    amqp_link_accept(c, k);
}

/* service 3.2: .NET casts the annotation and dereferences the user id, and takes no other content type. */
static void put_message(struct amqp *c, struct buf *b, const struct feedback_record *records, size_t n)
{
    const struct msg m = {.user_id = bytes_str(c->env->entity), .content_type = BYTES(FEEDBACK_CONTENT_TYPE)};
    struct buf json = buf_max(JSON_MAX);
    size_t at;

    feedback_put_json(&json, records, n);
    buf_clear(b);
    section_begin(b, SECTION_MESSAGE_ANNOTATIONS);
    at = put_map_begin(b);
    put_sym(b, BYTES("iothub-enqueuedtime"));
    put_timestamp(b, hub_wall_ms(c->env->hub, c->now_ms));
    put_narrow_end(b, at, 2);
    put_properties(b, &m);
    put_data_head(b, json.len);
    buf_put(b, buf_bytes(&json));
    b->bad |= json.bad;
    buf_free(&json);
}

/* A reader of feedback is woken without being named: all of them stay eager. */
static enum amqp_pulled pull(struct amqp *c, struct amqp_link *k)
{
    struct feedback_record records[FEEDBACK_BATCH];
    struct c2d_lock lock;
    enum err e = OK;
    uint64_t at;
    size_t n;

    assert(k->own);
    while (amqp_may_send(c, k) && !(e = hub_feedback_next(k->own, c->now_ms, records, &n, &lock))) {
        put_message(c, &c->made, records, n);
        pn_delivery_t *d = pn_delivery(k->pn, pn_dtag((const char *)lock.at, sizeof lock.at));
        pn_link_send(k->pn, (const char *)c->made.at, c->made.len);
        pn_link_advance(k->pn);
        if (pn_link_snd_settle_mode(k->pn) == PN_SND_SETTLED) {
            pn_delivery_settle(d);
            if (!hub_feedback_settle(k->own, &lock, OUTCOME_COMPLETE, c->now_ms, &at))
                front_wait_for(&c->front, at);
        }
        amqp_flush(c);
    }
    if (e == ERR_NOT_FOUND && pn_link_get_drain(k->pn))
        pn_link_drained(k->pn);
    return PULLED_SOME;
}

static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    pn_delivery_tag_t tag = pn_delivery_tag(d);
    struct c2d_lock lock;
    enum outcome how;
    uint64_t at = 0;
    enum err e;

    assert(k->own);
    if (tag.size != sizeof lock.at || !amqp_outcome_of(d, &how))
        return;
    memcpy(lock.at, tag.start, sizeof lock.at);
    if (!(e = hub_feedback_settle(k->own, &lock, how, c->now_ms, &at)))
        front_wait_for(&c->front, at);
    amqp_confirm(c, d, e);
}

static void recheck(struct amqp *c, struct amqp_link *k)
{
    amqp_service_recheck(c, k, "messages/servicebound/feedback");
}

static void gone(struct amqp *c, struct amqp_link *k)
{
    (void)c;
    hub_feedback_close(k->own);
    k->own = NULL;
}

const struct link_ops amqp_feedback_link = {
    .name = "feedback",
    .opened = opened,
    .delivery = delivery,
    .pull = pull,
    .recheck = recheck,
    .gone = gone,
};
