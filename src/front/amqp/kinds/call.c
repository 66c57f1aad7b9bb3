/* Direct methods over AMQP (device 3.5, 3.8): two links of a device, one for what callers ask and one for its answers.
 * With both of them there the device listens. A call is named by a uuid, which is what SDKs read. */
#include "kinds.h"

#include "amqp_device.h"
#include "log.h"
#include "outcome.h"
#include "sections.h"
#include "transfer.h"

#include <assert.h>

enum { UUID_LEN = 16, FROM_ID = UUID_LEN - 8 };

/* The uuid of a call: its number, in the form that a random one has. */
static void uuid_of(uint64_t id, uint8_t out[UUID_LEN])
{
    memset(out, 0, UUID_LEN);
    out[6] = 0x40;
    for (unsigned i = 0; i < 8; i++)
        out[FROM_ID + i] = (uint8_t)(id >> (56 - 8 * i));
    out[FROM_ID] |= 0x80;
}

/* Also where the device wrote the text of it. */
static bool id_of(struct bytes text, uint64_t *id)
{
    struct c2d_lock uuid;

    if (!lock_parse(text, &uuid))
        return false;
    *id = 0;
    for (unsigned i = 0; i < 8; i++)
        *id = *id << 8 | uuid.at[FROM_ID + i];
    *id &= ~(0x80ULL << 56);
    return true;
}

/* device 3.8: a device that took one of its two links away does not answer. */
static void follow(struct amqp *c, struct amqp_device *d)
{
    bool listens = d->calls && d->answers;

    assert(d->seat && (!d->calls || d->calls->device == d));
    hub_calls_take(d->seat, listens, c->now_ms);
    if (!listens)
        hub_calls_lost(d->seat);
}

static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    if (!amqp_device_opened(c, k, o))
        return;
    amqp_link_accept(c, k);
    if (pn_link_is_sender(k->pn))
        k->device->calls = k; /* the latest counts */
    else
        k->device->answers++;
    follow(c, k->device);
}

static void gone(struct amqp *c, struct amqp_link *k)
{
    struct amqp_device *d = k->device;

    if (!d)
        return;
    assert(pn_link_is_sender(k->pn) || d->answers > 0);
    if (pn_link_is_receiver(k->pn))
        d->answers--;
    else if (d->calls == k)
        d->calls = NULL;
    follow(c, d);
    amqp_device_left(c, k);
}

/* The body is one section of data, which is there when it is empty, too: an SDK looks for it. */
static void put_call(struct buf *b, const struct call_request *call)
{
    uint8_t uuid[UUID_LEN];
    size_t at;

    assert(call->method.len <= CALL_NAME_MAX);
    uuid_of(call->id, uuid);
    put_answer_properties(b, NO_BYTES, &(struct amqp_value){.code = AMQP_UUID, .raw = bytes_of(uuid, sizeof uuid)});
    section_begin(b, SECTION_APPLICATION_PROPERTIES);
    at = put_map_begin(b);
    put_str(b, BYTES("IoThub-methodname"));
    put_str(b, call->method);
    put_narrow_end(b, at, 2);
    put_data_head(b, call->payload.len);
    buf_put(b, call->payload);
}

static enum amqp_pulled pull(struct amqp *c, struct amqp_link *k)
{
    struct buf room = buf_max(CALL_NAME_MAX + CALL_PAYLOAD_MAX);
    struct call_request call;
    enum err e = OK;

    while (!e && amqp_may_send(c, k) && k->device->calls == k && k->device->answers) {
        if ((e = hub_call_next(k->device->seat, c->now_ms, &room, &call)))
            break;
        buf_clear(&c->made);
        put_call(&c->made, &call);
        e = amqp_send_unsettled(c, k, bytes_of(&call.id, sizeof call.id), CALLS_OF_DEVICE_MAX);
    }
    buf_free(&room);
    return amqp_pull_ended(k, e);
}

static bool read_answer(const struct msg *m, uint64_t *id, int64_t *status)
{
    for (size_t i = 0; i < m->n_props; i++)
        if (bytes_eq_nocase(m->props[i].name, BYTES("IoThub-status")))
            return bytes_to_i64(m->props[i].value, status) && id_of(m->correlation_id, id);
    return false;
}

/* The device took the question, and its answer follows, or it would not have it. */
static void settled(struct amqp_link *k, pn_delivery_t *d)
{
    pn_delivery_tag_t tag = pn_delivery_tag(d);
    uint64_t how = pn_delivery_remote_state(d), id;

    if (!pn_delivery_updated(d))
        return;
    assert(tag.size == sizeof id);
    memcpy(&id, tag.start, sizeof id);
    if (how == PN_REJECTED || how == PN_RELEASED || how == PN_MODIFIED)
        hub_call_fail(k->device->seat, id, ERR_REJECTED);
    else if (how != PN_ACCEPTED && !pn_delivery_settled(d))
        return;
    pn_delivery_settle(d);
}

/* The answer is accepted, whatever it is: another outcome makes SDKs open their links again. */
static void answered(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    struct msg_room room = {.text = buf_max(CONN_IN_MAX)};
    int64_t status = 0;
    struct bytes all;
    uint64_t id = 0;
    struct msg m;

    if (!amqp_receive(c, k, d, AMQP_MESSAGE_MAX, &all))
        return;
    if (!msg_read(all, &room, &m) && read_answer(&m, &id, &status) &&
        hub_call_answer(k->device->seat, id, status, m.body) == ERR_TOO_LARGE)
        log_event(LOG_WARN, "answer-too-large", KVS("device", k->device->id), KVN("bytes", m.body.len),
                  KVN("limit", CALL_PAYLOAD_MAX));
    amqp_answer(c, d, OK);
    amqp_credit(c, k);
    buf_free(&room.text);
}

static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    if (pn_link_is_receiver(k->pn))
        answered(c, k, d);
    else
        settled(k, d);
}

const struct link_ops amqp_calls_link = {
    .name = "direct methods",
    .opened = opened,
    .delivery = delivery,
    .pull = pull,
    .recheck = amqp_device_recheck,
    .gone = gone,
    .credit = amqp_credit,
};
