/* Ceilings of what a device and all of a hub may send, and of the room for it. Volatile: a hub that starts begins anew.
 * */
#include "ceiling.h"

enum { SECOND_MS = 1000, DAY_MS = 86400 * 1000, KEPT_IN_THOUSAND = 60 };

void ceilings_set(struct hub *h, const struct hub_ceilings *c)
{
    rate_set(&h->rates.device_messages, c->device_messages, SECOND_MS);
    rate_set(&h->rates.device_bytes, c->device_bytes, DAY_MS);
    rate_set(&h->rates.hub_messages, c->hub_messages, SECOND_MS);
    rate_set(&h->rates.hub_bytes, c->hub_bytes, DAY_MS);
}

void hub_space_set(struct hub *h, const struct hub_space *space)
{
    atomic_store(&h->log_keep, space->log_bytes);
    h->mail_bytes = space->mail_bytes;
    h->state_bytes = space->state_bytes;
    rate_set(&h->rates.device_bytes, space->device_bytes, DAY_MS);
}

enum err hub_lets(const struct hub *h, size_t size, int64_t now_ms)
{
    if (!shared_meter_lets(&h->all_messages, &h->rates.hub_messages, 1, now_ms))
        return ERR_BUSY;
    return shared_meter_lets(&h->all_bytes, &h->rates.hub_bytes, size, now_ms) ? OK : ERR_QUOTA;
}

void hub_took(struct hub *h, size_t size, int64_t now_ms)
{
    shared_meter_take(&h->all_messages, &h->rates.hub_messages, 1, now_ms);
    shared_meter_take(&h->all_bytes, &h->rates.hub_bytes, size, now_ms);
}

enum err identity_lets(const struct hub *h, const struct identity *i, size_t size, int64_t now_ms)
{
    assert_locked(&i->shard->lock);
    if (!meter_lets(&i->messages, &h->rates.device_messages, 1, now_ms))
        return ERR_BUSY;
    if (!meter_lets(&i->bytes, &h->rates.device_bytes, size, now_ms))
        return ERR_QUOTA;
    return hub_lets(h, size, now_ms);
}

void identity_took(struct hub *h, struct identity *i, size_t size, int64_t now_ms)
{
    assert_locked(&i->shard->lock);
    meter_take(&i->messages, &h->rates.device_messages, 1, now_ms);
    meter_take(&i->bytes, &h->rates.device_bytes, size, now_ms);
    hub_took(h, size, now_ms);
}

bool identity_spent(const struct hub *h, const struct identity *i)
{
    return meter_used(&i->bytes, &h->rates.device_bytes, atomic_load(&h->ticked_ms)) > KEPT_IN_THOUSAND;
}

/* Under the shard's lock: of one that is in memory; whoever was refused just now is. */
static bool is_new_episode(struct identity *i, int64_t now_ms)
{
    bool is_new = !i || !i->refused_ms || now_ms - i->refused_ms > REFUSED_EPISODE_MS;

    if (i)
        i->refused_ms = now_ms;
    return is_new;
}

bool hub_refused(struct hub *h, struct bytes device, enum err why, int64_t now_ms)
{
    struct shard *s = shard_of(h, device);
    bool is_new;

    if (why == ERR_DISK_FULL) {
        h->refused_full++;
        return false; /* the store says so, once */
    }
    if (why == ERR_BUSY)
        h->refused_busy++;
    else if (why == ERR_QUOTA)
        h->refused_quota++;
    else
        return false;
    mutex_lock(&s->lock);
    is_new = is_new_episode(map_get(&s->identities, device), now_ms);
    mutex_unlock(&s->lock);
    return is_new;
}

bool mail_room_take(struct hub *h, size_t size)
{
    int64_t left = atomic_load(&h->mail_left);

    do {
        if (left < (int64_t)size)
            return false;
    } while (!atomic_compare_exchange_weak(&h->mail_left, &left, left - (int64_t)size));
    return true;
}

void mail_room_renew(struct hub *h)
{
    bool whole = !h->state_bytes || !state_reserve(h->state, h->state_bytes);

    atomic_store(&h->mail_left, !whole ? 0 : h->mail_bytes > INT64_MAX ? INT64_MAX : (int64_t)h->mail_bytes);
}
