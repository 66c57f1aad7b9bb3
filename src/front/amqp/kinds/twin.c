/* Twins over AMQP (device 3.5, 3.8): two links of a device, one for what it asks, one for what it is answered and for
 * what services want of it. Each end is answered alone: some SDKs attach the second only when the first is there, and
 * send nothing, not even events, before both are. */
#include "kinds.h"

#include "amqp_device.h"
#include "amqp_output.h"
#include "device_twin.h"
#include "outcome.h"
#include "sections.h"
#include "transfer.h"

#include <assert.h>
#include <stdlib.h>

enum {
    ANSWERS_WAITING_MAX = 512 * 1024, /* bytes that a session may hold for a device that takes none; more are dropped */
    CHANNEL_ID_MAX = 128,             /* what SDKs write has 41; of a longer one the beginning counts */
};

/* An end of the channel. */
struct channel {
    bool hears; /* of desired properties, where the device is answered */
    size_t id_len;
    uint8_t id[CHANNEL_ID_MAX]; /* the correlation id that both ends have */
};

/* ---- the two ends ---------------------------------------------------------------------------------------------- */

static bool is_answering(const struct amqp_link *k)
{
    return k->ops == &amqp_twin_link && pn_link_is_sender(k->pn) && k->own;
}

static struct bytes id_of(const struct amqp_link *k)
{
    const struct channel *channel = k->own;

    assert(channel && channel->id_len <= CHANNEL_ID_MAX);
    return bytes_of(channel->id, channel->id_len);
}

/* The other end: with the same correlation id, or, since some change it when they attach one of the two again, any of
 * this device. The latest counts. */
static struct amqp_link *partner_of(const struct amqp_link *asked)
{
    struct amqp_link *found = NULL;
    bool fits = false;

    LIST_EACH (&asked->device->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, mates);

        if (!is_answering(k))
            continue;
        bool same = bytes_eq(id_of(k), id_of(asked));
        if (found && fits && !same)
            continue;
        found = k;
        fits = same;
    }
    return found;
}

/* The link of the device that hears of desired properties: the latest of those that asked for it, or NULL. */
static struct amqp_link *hearing_link(const struct amqp_device *d)
{
    struct amqp_link *found = NULL;

    LIST_EACH (&d->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, mates);

        if (is_answering(k) && ((struct channel *)k->own)->hears)
            found = k;
    }
    return found;
}

static void follow(const struct amqp_device *d)
{
    hub_desired_take(d->seat, hearing_link(d) != NULL);
}

/* device 3.8: clients from before that version never say that they want to hear; that they attach says it. */
static bool hears_at_once(const struct amqp_opening *o)
{
    struct bytes version = amqp_link_property(o, WORD_API_VERSION);

    return !version.len || bytes_cmp(version, BYTES("2019-10-01")) < 0;
}

static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    struct bytes id = bytes_first(amqp_link_property(o, WORD_CHANNEL), CHANNEL_ID_MAX);
    struct channel *channel;

    if (!amqp_device_opened(c, k, o))
        return;
    if (!(channel = calloc(1, sizeof *channel))) {
        amqp_link_refuse(c, k, amqp_condition(ERR_MEMORY), "Out of memory.");
        return;
    }
    channel->hears = pn_link_is_sender(k->pn) && hears_at_once(o);
    channel->id_len = id.len;
    if (id.len)
        memcpy(channel->id, id.at, id.len);
    k->own = channel;
    amqp_link_accept(c, k);
    follow(k->device);
}

static void gone(struct amqp *c, struct amqp_link *k)
{
    free(k->own);
    k->own = NULL;
    if (k->device)
        follow(k->device);
    amqp_device_left(c, k);
}

/* ---- what services want ---------------------------------------------------------------------------------------- */

/* device 3.8: one section of data and nothing else; a correlation id would make it an answer. */
static enum amqp_pulled pull(struct amqp *c, struct amqp_link *k)
{
    struct buf room = buf_max(TWIN_JSON_MAX);
    struct desired desired;
    enum err e = OK;

    assert(is_answering(k));
    while (!e && amqp_may_send(c, k) && hearing_link(k->device) == k) {
        if ((e = hub_desired_next(k->device->seat, &room, &desired)))
            break;
        buf_clear(&c->made);
        put_data_head(&c->made, desired.json.len);
        buf_put(&c->made, desired.json);
        e = amqp_send_made(c, k);
    }
    buf_free(&room);
    return amqp_pull_ended(k, e);
}

/* ---- what the device asks -------------------------------------------------------------------------------------- */

static struct bytes annotation(const struct amqp_message *m, enum amqp_word name)
{
    struct amqp_value v;

    return amqp_map_word(&m->annotations, name, &v) && amqp_value_is_text(&v) ? v.raw : NO_BYTES;
}

/* Its data are the text, in one piece or several. */
static void report(struct amqp *c, struct amqp_link *k, struct bytes message, const struct amqp_message *m,
                   struct twin_reply *r)
{
    struct buf pieces = buf_max(AMQP_MESSAGE_MAX);
    struct bytes patch = m->n_data == 1 ? m->body : NO_BYTES;

    if (m->n_data > 1) {
        amqp_message_join(message, &pieces);
        patch = buf_bytes(&pieces);
    }
    /* A version that is named is passed over, as the cloud does (device 3.8). */
    if (pieces.bad)
        twin_reply_fail(c->env, 503001, BYTES("The hub is short of memory."), c->now_ms, r);
    else
        twin_reply_report(c->env, k->device->seat, patch, -1, c->now_ms, r);
    buf_free(&pieces);
}

/* Notifications after this are newer than the answer. */
static void get(struct amqp *c, struct amqp_link *k, struct twin_reply *r)
{
    struct amqp_link *hearing = hearing_link(k->device);

    if (hearing)
        (void)pull(c, hearing);
    twin_reply_get(c->env, k->device->seat, c->now_ms, r);
}

static void subscribe(struct amqp *c, struct amqp_link *to, bool hears, struct twin_reply *r)
{
    struct channel *channel = to->own;

    assert(is_answering(to));
    channel->hears = hears;
    follow(to->device);
    amqp_make_eager(c, to);
    *r = (struct twin_reply){.status = 200, .version = -1};
}

/* Carries a request out. Any that is none is answered, too: some clients wait an hour. */
static void ask(struct amqp *c, struct amqp_link *k, struct amqp_link *to, struct bytes message,
                const struct amqp_message *m, struct twin_reply *r)
{
    struct bytes operation = annotation(m, WORD_OPERATION), resource = annotation(m, WORD_RESOURCE);
    bool reported = amqp_is(resource, WORD_REPORTED), desired = amqp_is(resource, WORD_DESIRED);

    if (amqp_is(operation, WORD_GET))
        get(c, k, r);
    else if (amqp_is(operation, WORD_PATCH) && reported)
        report(c, k, message, m, r);
    else if (amqp_is(operation, WORD_PUT) && desired)
        subscribe(c, to, true, r);
    else if (amqp_is(operation, WORD_DELETE) && desired)
        subscribe(c, to, false, r);
    else
        twin_reply_fail(c->env, 400003, BYTES("There is no such operation, or it is not one of this resource."),
                        c->now_ms, r);
}

/* device 3.8: the correlation id keeps its type; behind symbols `status` is an int and `version` a long; what is said
 * is one section of data. */
static void answer(struct amqp *c, struct amqp_link *to, const struct amqp_value *id, const struct twin_reply *r)
{
    struct buf *b = &c->made;
    size_t at;

    assert(r->status && amqp_value_is_scalar(id));
    if (r->body.bad)
        return;
    buf_clear(b);
    put_header(b);
    section_begin(b, SECTION_MESSAGE_ANNOTATIONS);
    at = put_map_begin(b);
    put_sym(b, BYTES("status"));
    put_narrow_int(b, (int32_t)r->status);
    if (r->version >= 0) {
        put_sym(b, BYTES("version"));
        put_narrow_long(b, r->version);
    }
    put_compound_end(b, at, r->version >= 0 ? 4 : 2);
    put_answer_properties(b, NO_BYTES, id);
    if (r->body.len) {
        section_begin(b, SECTION_DATA);
        put_binary(b, buf_bytes(&r->body));
    }
    front_wait_for(&c->front, r->after);
    amqp_send_made(c, to);
}

static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    struct twin_reply r = {.status = 0};
    struct amqp_message m;
    struct amqp_link *to;
    struct bytes all;

    if (!pn_link_is_receiver(k->pn) || !amqp_receive(c, k, d, AMQP_MESSAGE_MAX, &all))
        return;
    bool readable = amqp_take_apart(all, &m);
    amqp_answer(c, d, OK); /* whatever it was: another outcome makes SDKs start the device again */
    amqp_credit(c, k);
    if (!readable)
        return;
    const struct amqp_value *id = &m.fields[AMQP_CORRELATION_ID];
    to = partner_of(k);
    /* Without a correlation id nobody would know what it answers. */
    if (!amqp_value_is_scalar(id) || !to || pn_session_outgoing_bytes(pn_link_session(to->pn)) > ANSWERS_WAITING_MAX)
        return;
    ask(c, k, to, all, &m, &r);
    amqp_flush(c);
    answer(c, to, id, &r);
    buf_free(&r.body);
}

const struct link_ops amqp_twin_link = {
    .name = "twin",
    .opened = opened,
    .delivery = delivery,
    .pull = pull,
    .recheck = amqp_device_recheck,
    .gone = gone,
    .credit = amqp_credit,
};
