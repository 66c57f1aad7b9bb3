/* Messages to devices (device 3.7): pulled from the mailbox under credit, locked until the device says what became of
 * it. */
#include "kinds.h"

#include "amqp_device.h"
#include "amqp_output.h"
#include "outcome.h"
#include "sections.h"
#include "transfer.h"

#include <assert.h>

/* A delivery is tagged with its lock as .NET writes a GUID: the first three groups from their low end. */
static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    struct amqp_link *old;

    if (!amqp_device_opened(c, k, o))
        return;
    /* A device has one receiver: the later one wins, as between connections. */
    old = k->device->c2d;
    k->device->c2d = NULL;
    if (old) {
        hub_release(k->device->seat, c->now_ms);
        amqp_link_detach(c, old, "amqp:link:stolen", "Another link of this device took over.");
    }
    assert(!k->device->c2d);
    k->device->c2d = k;
    amqp_link_accept(c, k);
}

static void put_annotations(struct buf *b, const struct c2d *m)
{
    char lock[GUID_TEXT_CAP];
    size_t at;

    lock_text(&m->lock, lock);
    section_begin(b, SECTION_MESSAGE_ANNOTATIONS);
    at = put_map_begin(b);
    put_sym(b, BYTES("iothub-enqueuedtime"));
    put_timestamp(b, m->enqueued_ms);
    put_sym(b, BYTES("iothub-deliverycount"));
    put_ubyte(b, (uint8_t)m->delivery_count);
    put_sym(b, BYTES("x-opt-sequence-number"));
    put_ulong(b, m->sequence);
    put_sym(b, BYTES("x-opt-lock-token"));
    put_str(b, bytes_str(lock));
    put_narrow_end(b, at, 8);
}

/* A link whose messages are settled when they are sent: done, and sent when that is on disk. */
static void complete(struct amqp *c, struct amqp_link *k, const struct c2d *m)
{
    uint64_t at;

    if (!hub_settle(k->device->seat, &m->lock, OUTCOME_COMPLETE, c->now_ms, &at))
        front_wait_for(&c->front, at);
}

static void send(struct amqp *c, struct amqp_link *k, const struct c2d *m)
{
    char tag[sizeof order];
    pn_delivery_t *d;

    for (size_t i = 0; i < sizeof order; i++)
        tag[i] = (char)m->lock.at[order[i]];
    buf_clear(&c->made);
    put_annotations(&c->made, m);
    d = pn_delivery(k->pn, pn_dtag(tag, sizeof tag));
    pn_link_send(k->pn, (const char *)c->made.at, c->made.len);
    pn_link_send(k->pn, (const char *)m->sections.at, m->sections.len);
    pn_link_advance(k->pn);
    if (pn_link_snd_settle_mode(k->pn) != PN_SND_SETTLED)
        return;
    pn_delivery_settle(d);
    complete(c, k, m);
}

static enum amqp_pulled pull(struct amqp *c, struct amqp_link *k)
{
    enum err e = OK;
    struct c2d m;

    assert(k->device->c2d == k);
    while (!e && amqp_may_send(c, k)) {
        if (!(e = hub_next(k->device->seat, c->now_ms, &m))) {
            send(c, k, &m);
            amqp_flush(c);
        }
    }
    if (e && e != ERR_NOT_FOUND && !seat_state(k->device->seat))
        amqp_link_detach(c, k, amqp_condition(e), "A message cannot be read: %s.", err_text(e));
    return amqp_pull_ended(k, e);
}

static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    pn_delivery_tag_t tag = pn_delivery_tag(d);
    struct c2d_lock lock;
    enum outcome how;
    uint64_t at = 0;
    enum err e;

    assert(k->device && k->device->seat);
    if (tag.size != sizeof order || !amqp_outcome_of(d, &how))
        return;
    for (size_t i = 0; i < sizeof order; i++)
        lock.at[order[i]] = (uint8_t)tag.start[i];
    if (!(e = hub_settle(k->device->seat, &lock, how, c->now_ms, &at)))
        front_wait_for(&c->front, at);
    amqp_confirm(c, d, e);
    amqp_make_eager(c, k); /* it may come again */
}

/* Messages that were sent and not settled come to whoever is next. */
static void gone(struct amqp *c, struct amqp_link *k)
{
    struct amqp_device *d = k->device;

    if (d && d->c2d == k) {
        hub_release(d->seat, c->now_ms);
        d->c2d = NULL;
    }
    amqp_device_left(c, k);
}

const struct link_ops amqp_c2d_link = {
    .name = "messages to a device",
    .opened = opened,
    .delivery = delivery,
    .pull = pull,
    .recheck = amqp_device_recheck,
    .gone = gone,
};
