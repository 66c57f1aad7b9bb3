/* Devices on a connection (device 3.2, 3.3, 3.9): each has shown who it is by a token, by the login of the connection
 * or by the connection's certificate, and has one seat for all its links. What happens to one leaves the others alone.
 */
#include "amqp_device.h"

#include "claims.h"
#include "log.h"
#include "outcome.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

/* device 1.6: without a token the certificate of the connection counts. */
static enum err proof_of(struct amqp *c, struct bytes id, struct who *out)
{
    const struct who *claim = amqp_claim_of(c, id);
    enum err e;

    if (claim) {
        *out = *claim;
        return OK;
    }
    if (identity_is_module(id) && (claim = amqp_claim_of(c, identity_device(id))) &&
        auth_module_of(c->env, claim, id, out))
        return OK;
    if (!c->peer.has_certificate) {
        *out = (struct who){.why = "no token was sent for the device, and no certificate was shown"};
        return ERR_UNAUTHORIZED;
    }
    e = auth_peer(c->env, &c->peer, id, NO_BYTES, c->now_ms, out);
    e = auth_tried(c->env, &c->peer, id, e, c->now_ms);
    if (!e)
        amqp_proved(c, out);
    return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e; /* which devices there are is not told to a stranger */
}

/* By any thread. */
static void ring(struct waker *waker)
{
    struct amqp_device *d = (struct amqp_device *)(void *)waker;
    struct amqp *c = d->connection;

    assert(c->front.waker);
    if (!atomic_exchange(&d->rung, true)) {
        d->next = atomic_load(&c->rung);
        while (!atomic_compare_exchange_weak(&c->rung, &d->next, d))
            ;
    }
    c->front.waker->wake(c->front.waker);
}

/* Devices whose bell was rung become ours to look at. */
static void take_rung(struct amqp *c)
{
    struct amqp_device *next;

    for (struct amqp_device *d = atomic_exchange(&c->rung, NULL); d; d = next) {
        next = d->next;
        assert(d->connection == c);
        atomic_store(&d->rung, false);
        if (list_alone(&d->awake))
            list_add(&c->awake, &d->awake);
    }
}

/* It has no seat any more: nobody rings. */
static void put_to_rest(struct amqp *c, struct amqp_device *d)
{
    take_rung(c);
    assert(list_empty(&d->links) && !d->rung);
    list_del(&d->awake);
    free(d);
}

static enum err sit_down(struct amqp *c, struct bytes id, struct amqp_device **out)
{
    struct amqp_device *d;
    struct who who;
    enum err e = proof_of(c, id, &who);

    if (e) {
        journal_login_failed(c->env, &c->peer, (struct journal_who){"device", id}, e, who.why, c->now_ms);
        c->told_why = true;
        return e;
    }
    if (!(d = calloc(1, sizeof *d)))
        return ERR_MEMORY;
    d->waker.wake = ring;
    d->connection = c;
    list_init(&d->links);
    /* A proof of a device fits an id that is valid. */
    if (!bytes_to_str(id, d->id, sizeof d->id) || (e = map_put(&c->devices, bytes_str(d->id), d))) {
        free(d);
        return e ? e : ERR_NOT_FOUND;
    }
    e = hub_attach(c->env->hub, id, bytes_str(who.device[0] ? who.generation : ""), who.proof, &d->waker, c->now_ms,
                   &d->seat);
    if (!e && !auth_still_signs(c->env, &who)) {
        amqp_claims_drop(c, id);
        hub_detach(d->seat, c->now_ms);
        e = ERR_UNAUTHORIZED;
    }
    if (e) {
        map_del(&c->devices, bytes_str(d->id));
        put_to_rest(c, d);
        return e;
    }
    d->since_ms = c->now_ms;
    d->told = journal_connected(c->env, &c->peer, (struct journal_who){"device", bytes_str(d->id)}, c->now_ms);
    *out = d;
    return OK;
}

/* device 3.5: on any link by which the device sends. One that cannot be kept is passed over, as the cloud does with
 * properties that it does not know. */
static void announce_model(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    struct bytes model = pn_link_is_receiver(k->pn) ? amqp_link_property(o, WORD_MODEL) : NO_BYTES;
    uint64_t at = 0;

    if (model.len && model.len <= MODEL_LEN_MAX && !hub_model_set(k->device->seat, model, c->now_ms, &at))
        front_wait_for(&c->front, at);
}

bool amqp_device_opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    struct bytes id = o->address.device;
    struct amqp_device *d = map_get(&c->devices, id);
    enum err e = d ? seat_state(d->seat) : sit_down(c, id, &d);

    if (e) {
        amqp_link_refuse_device(c, k, amqp_condition(e), amqp_code(e), "Device '%.*s': %s.",
                                BYTES_ARG(bytes_first(id, IDENTITY_LEN_MAX)), err_text(e));
        return false;
    }
    assert(!k->device && list_alone(&k->mates));
    list_add(&d->links, &k->mates);
    k->device = d;
    announce_model(c, k, o);
    return true;
}

static enum err why_left(const struct amqp *c, const struct amqp_device *d)
{
    enum err e = seat_state(d->seat);

    return e ? e : d->why ? d->why : c->front.over ? c->front.why : OK;
}

void amqp_device_left(struct amqp *c, struct amqp_link *k)
{
    struct amqp_device *d = k->device;

    if (!d)
        return;
    assert(d->connection == c);
    k->device = NULL;
    list_del(&k->mates);
    if (!list_empty(&d->links))
        return;
    if (d->told)
        journal_left(&c->peer, (struct journal_who){"device", bytes_str(d->id)}, why_left(c, d), NULL, d->since_ms,
                     c->now_ms);
    map_del(&c->devices, bytes_str(d->id));
    hub_detach(d->seat, c->now_ms);
    put_to_rest(c, d);
}

static void detach(struct amqp *c, struct amqp_link *k, enum err why)
{
    char id[IDENTITY_LEN_MAX + 1];

    memcpy(id, k->device->id, sizeof id);
    amqp_link_detach(c, k, amqp_condition(why), "Device '%s': %s.", id, err_text(why));
}

/* The last of its links takes the device with it. */
static void detach_all(struct amqp *c, struct amqp_device *d, enum err why)
{
    bool more = !list_empty(&d->links);

    if (why == ERR_UNAUTHORIZED)
        amqp_claims_drop(c, bytes_str(d->id));
    while (more) {
        struct amqp_link *k = LIST_OF(d->links.next, struct amqp_link, mates);

        more = d->links.next != d->links.prev;
        detach(c, k, why);
    }
}

void amqp_devices_woken(struct amqp *c)
{
    take_rung(c);
    while (!list_empty(&c->awake)) {
        struct amqp_device *d = LIST_OF(c->awake.next, struct amqp_device, awake);
        enum err why = seat_state(d->seat);

        list_del(&d->awake);
        assert(!list_empty(&d->links));
        if (why) {
            detach_all(c, d, why);
            continue;
        }
        LIST_EACH (&d->links, it) {
            struct amqp_link *k = LIST_OF(it, struct amqp_link, mates);

            if (k->ops->pull && pn_link_is_sender(k->pn))
                amqp_make_eager(c, k);
        }
    }
}

/* device 1.5: without a new token the links of the device end. */
void amqp_device_recheck(struct amqp *c, struct amqp_link *k)
{
    struct who who;

    assert(k->device);
    if ((k->device->why = proof_of(c, bytes_str(k->device->id), &who) ? ERR_EXPIRED : OK))
        amqp_link_detach(c, k, "amqp:unauthorized-access", "Token Invalid. The token of the device is expired.");
}
