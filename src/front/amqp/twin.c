/* Twins over AMQP (device 3.5, 3.8): two links of a device, one for what it asks, one for what it is answered and for
 * what services want of it. Each end is answered alone: some SDKs attach the second only when the first is there, and
 * send nothing, not even events, before both are. */
#include "amqp.h"

#include "device_twin.h"
#include "sections.h"

#include <stdlib.h>

/* Of a link on which the device is answered. */
struct channel {
    bool hears; /* of desired properties */
};

/* Bytes of answers that a session may hold for a device that takes none; more are dropped. */
enum { ANSWERS_WAITING_MAX = 512 * 1024 };

/* ---- the two ends ---------------------------------------------------------------------------------------------- */

static bool is_answering(const struct amqp_link *k)
{
    return k->ops == &amqp_twin_link && pn_link_is_sender(k->pn) && k->own;
}

static struct bytes correlation_of(pn_link_t *pn)
{
    return amqp_link_property(pn, WORD_CHANNEL);
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
        bool same = bytes_eq(correlation_of(k->pn), correlation_of(asked->pn));
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
static bool hears_at_once(const struct amqp_link *k)
{
    struct bytes version = amqp_link_property(k->pn, WORD_API_VERSION);

    return !version.len || bytes_cmp(version, BYTES("2019-10-01")) < 0;
}

static void opened(struct amqp *c, struct amqp_link *k, const struct address *a)
{
    struct channel *channel;

    if (!amqp_device_opened(c, k, a->device))
        return;
    if (pn_link_is_sender(k->pn)) {
        if (!(channel = calloc(1, sizeof *channel))) {
            amqp_link_refuse(c, k, amqp_condition(ERR_MEMORY), "Out of memory.");
            return;
        }
        channel->hears = hears_at_once(k);
        k->own = channel;
    }
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

    while (!e && amqp_may_send(c, k) && hearing_link(k->device) == k) {
        if ((e = hub_desired_next(k->device->seat, &room, &desired)))
            break;
        buf_clear(&c->scratch);
        put_data_head(&c->scratch, desired.json.len);
        buf_put(&c->scratch, desired.json);
        e = amqp_send_scratch(c, k);
    }
    buf_free(&room);
    return amqp_pull_ended(k, e);
}

/* ---- what the device asks -------------------------------------------------------------------------------------- */

/* A text among the annotations, under a symbol or a string. */
static struct bytes annotation(pn_message_t *m, enum amqp_word name)
{
    pn_data_t *all = pn_message_annotations(m);

    pn_data_rewind(all);
    if (!pn_data_next(all) || pn_data_type(all) != PN_MAP)
        return NO_BYTES;
    pn_data_enter(all);
    while (pn_data_next(all)) {
        pn_atom_t key = pn_data_get_atom(all), value;

        if (!pn_data_next(all))
            break;
        value = pn_data_get_atom(all);
        if ((key.type == PN_SYMBOL || key.type == PN_STRING) && (value.type == PN_STRING || value.type == PN_SYMBOL) &&
            amqp_is(bytes_of(key.u.as_bytes.start, key.u.as_bytes.size), name))
            return bytes_of(value.u.as_bytes.start, value.u.as_bytes.size);
    }
    return NO_BYTES;
}

/* The text of a report: its data, in one piece or several. */
static void put_patch(struct bytes message, struct buf *out)
{
    struct bytes data;
    bool bad = false;

    while (amqp_next_data(&message, &data, &bad))
        buf_put(out, data);
}

static void report(struct amqp *c, struct amqp_link *k, struct bytes message, struct twin_reply *r)
{
    struct buf patch = buf_max(AMQP_MESSAGE_MAX);

    /* A version that is named is passed over, as the cloud does (device 3.8). */
    put_patch(message, &patch);
    if (patch.bad)
        twin_reply_fail(c->env, 503001, BYTES("The hub is short of memory."), c->now_ms, r);
    else
        twin_reply_report(c->env, k->device->seat, buf_bytes(&patch), -1, c->now_ms, r);
    buf_free(&patch);
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

    channel->hears = hears;
    follow(to->device);
    amqp_make_eager(c, to);
    *r = (struct twin_reply){.status = 200, .version = -1};
}

/* Carries a request out. Any that is none is answered, too: some clients wait an hour. */
static void ask(struct amqp *c, struct amqp_link *k, struct amqp_link *to, struct bytes message, struct twin_reply *r)
{
    struct bytes operation = annotation(c->message, WORD_OPERATION), resource = annotation(c->message, WORD_RESOURCE);
    bool reported = amqp_is(resource, WORD_REPORTED), desired = amqp_is(resource, WORD_DESIRED);

    if (amqp_is(operation, WORD_GET))
        get(c, k, r);
    else if (amqp_is(operation, WORD_PATCH) && reported)
        report(c, k, message, r);
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
static void answer(struct amqp *c, struct amqp_link *to, pn_msgid_t id, const struct twin_reply *r)
{
    pn_message_t *m = pn_message();
    pn_data_t *annotations = m ? pn_message_annotations(m) : NULL;

    if (!m || r->body.bad) {
        pn_message_free(m);
        return;
    }
    pn_message_set_correlation_id(m, id);
    pn_data_put_map(annotations);
    pn_data_enter(annotations);
    pn_data_put_symbol(annotations, pn_bytes(strlen("status"), "status"));
    pn_data_put_int(annotations, (int32_t)r->status);
    if (r->version >= 0) {
        pn_data_put_symbol(annotations, pn_bytes(strlen("version"), "version"));
        pn_data_put_long(annotations, r->version);
    }
    pn_data_exit(annotations);
    if (r->body.len)
        pn_data_put_binary(pn_message_body(m), pn_bytes(r->body.len, (const char *)r->body.at));
    pn_message_set_inferred(m, true);
    front_wait_for(&c->front, r->after);
    amqp_send_message(c, to, m);
    pn_message_free(m);
}

static void delivery(struct amqp *c, struct amqp_link *k, pn_delivery_t *d)
{
    struct twin_reply r = {.status = 0};
    struct amqp_link *to;
    struct bytes all;
    pn_msgid_t id;

    if (!pn_link_is_receiver(k->pn) || !amqp_receive(c, k, d, AMQP_MESSAGE_MAX, &all))
        return;
    bool readable = amqp_decode(c, all);
    amqp_answer(c, d, OK); /* whatever it was: another outcome makes SDKs start the device again */
    amqp_credit(c, k);
    if (!readable)
        return;
    id = pn_message_get_correlation_id(c->message);
    to = partner_of(k);
    /* Without a correlation id nobody would know what it answers. */
    if (id.type == PN_NULL || !to || pn_session_outgoing_bytes(pn_link_session(to->pn)) > ANSWERS_WAITING_MAX)
        return;
    ask(c, k, to, all, &r);
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
