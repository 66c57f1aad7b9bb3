#include "seat.h"

#include "identities.h"
#include "part.h"

#include <stdlib.h>

/* Under the shard's lock: nobody sits at the identity any more, and all that hang something there hear of it. Where
 * another takes the seat at once the device is connected all the time. */
static void stand_up(struct hub *h, struct identity *i, struct seat *seat, enum err why, int64_t now_ms)
{
    assert_locked(&i->shard->lock);
    assert(i->seat == seat);
    i->seat = NULL;
    i->device.connected = false;
    i->device.connection_ms = hub_wall_ms(h, now_ms);
    h->connected -= !identity_is_module(bytes_str(i->device.id));
    EACH_PART (p)
        if ((*p)->identity.unseated)
            (*p)->identity.unseated(h, i, seat);
    if (why != ERR_STOLEN)
        identity_happened(h, i->shard, i, HAPPENED_DISCONNECTED, now_ms, NULL);
}

void seat_end(struct hub *h, struct identity *i, enum err why, int64_t now_ms)
{
    struct seat *seat = i->seat;

    assert_locked(&i->shard->lock);
    if (!seat)
        return;
    stand_up(h, i, seat, why, now_ms);
    seat->identity = NULL;
    atomic_store(&seat->state, (int)why);
    /* A wake only marks the connection; it never calls the hub. */
    seat->waker->wake(seat->waker);
}

/* Under the shard's lock. */
static void sit_down(struct hub *h, struct seat *seat, struct identity *i, int64_t now_ms)
{
    int64_t changed_ms = hub_wall_ms(h, now_ms);
    bool was_connected = i->seat;

    assert_locked(&i->shard->lock);
    assert(!i->gone && !i->device.disabled);
    if (i->seat) {
        /* device 2.4: the later connection wins */
        hub_trace(h, "%s: another connection took over", i->device.id);
        changed_ms = i->device.connection_ms; /* it was connected all the time */
        seat_end(h, i, ERR_STOLEN, now_ms);
    } else {
        hub_trace(h, "%s: connected", i->device.id);
    }
    i->device.connected = true;
    i->device.connection_ms = changed_ms;
    i->device.activity_ms = hub_wall_ms(h, now_ms);
    h->connected += !identity_is_module(bytes_str(i->device.id));
    assert(!i->seat);
    i->seat = seat;
    seat->identity = i;
    EACH_PART (p)
        if ((*p)->identity.seated)
            (*p)->identity.seated(h, i, seat);
    if (!was_connected)
        identity_happened(h, i->shard, i, HAPPENED_CONNECTED, now_ms, NULL);
}

enum err hub_attach(struct hub *h, struct bytes device, struct bytes generation, enum proof proof, struct waker *waker,
                    int64_t now_ms, struct seat **out)
{
    struct shard *s = shard_of(h, device);
    size_t head_max = EVENT_HEAD_BARE + 3 * device.len;
    struct seat *seat = calloc(1, sizeof *seat + head_max);
    struct identity *i;
    enum err e;

    if (!seat)
        return ERR_MEMORY;
    mutex_lock(&s->lock);
    e = identity_get(h, s, device, &i);
    if (!e && identity_disabled(h, s, i))
        e = ERR_DISABLED;
    else if (!e && generation.len && !bytes_eq(generation, bytes_str(i->device.generation)))
        e = ERR_UNAUTHORIZED;
    if (!e) {
        seat->hub = h;
        seat->shard = s;
        seat->events.head = (uint8_t *)(seat + 1);
        seat->events.head_max = head_max;
        seat->waker = waker;
        seat->proof = proof;
        memcpy(seat->id, i->device.id, sizeof seat->id);
        sit_down(h, seat, i, now_ms);
    }
    mutex_unlock(&s->lock);
    if (e)
        free(seat);
    else
        *out = seat;
    return e;
}

void hub_detach(struct seat *seat, int64_t now_ms)
{
    struct shard *s;
    struct identity *i;

    if (!seat)
        return;
    s = seat->shard;
    mutex_lock(&s->lock);
    i = seat->identity;
    if (i) {
        hub_trace(seat->hub, "%s: disconnected", i->device.id);
        stand_up(seat->hub, i, seat, OK, now_ms);
    }
    mutex_unlock(&s->lock);
    EACH_PART (p)
        if ((*p)->identity.seat_free)
            (*p)->identity.seat_free(seat);
    free(seat);
}

enum err seat_state(const struct seat *seat)
{
    return (enum err)atomic_load(&seat->state);
}

struct bytes seat_device(const struct seat *seat)
{
    return bytes_str(seat->id);
}
