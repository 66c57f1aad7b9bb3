/* The checkpoint: what changed since the last one goes into the state, with the place P up to which it is true. P is
 * the end of the log before anything is looked at; a record below P whose change is not visible yet holds its lock, so
 * it is seen when that lock is taken here. What is copied may be newer than P, which is harmless: applying twice
 * changes nothing. But it must be durable before the state says so: a crash may not know more than the log. */
#include "checkpoint.h"

#include "ceiling.h"
#include "keeping.h"
#include "part.h"
#include "retention.h"

/* The first of the table, the birth, comes last: a checkpoint without it is read as none, and everything is in the log
 * then. */
static enum err keep_all(struct keeping *k)
{
    const struct part *const *end = hub_parts;
    enum err e = OK;

    while (*end)
        end++;
    while (!e && end-- > hub_parts)
        if ((*end)->keep)
            e = (*end)->keep(k);
    return e;
}

static enum err take(struct hub *h, uint64_t place, int64_t now_ms)
{
    struct keeping k;
    enum err e = keeping_begin(&k, h, place, now_ms);

    assert(place >= state_place(h->state));
    atomic_store(&h->unkept, false);
    h->round++;
    if (!e && (e = keep_all(&k)))
        keeping_abort(&k);
    else if (!e)
        e = keeping_end(&k);
    EACH_PART (p)
        if ((*p)->kept)
            (*p)->kept(&k, !e);
    keeping_free(&k);
    return e;
}

enum err hub_checkpoint(struct hub *h, int64_t now_ms)
{
    uint64_t place = store_end(h->store);
    int64_t lived_ms = hub_wall_ms(h, now_ms) - atomic_load(&h->jumped_ms);
    enum err e = OK, retained;

    ages_add(h, place, lived_ms);
    /* A hub where nothing happens writes nothing. */
    if (place != state_place(h->state) || atomic_load(&h->unkept))
        e = take(h, place, now_ms);
    /* Also when that failed: a full disk gets room by what the last checkpoint lets go. */
    retained = retain(h, lived_ms);
    mail_room_renew(h);
    return e ? e : retained;
}

/* Without a birth everything is in the log still. */
enum err checkpoint_load(struct hub *h)
{
    enum err e;

    EACH_PART (p)
        if ((*p)->load && (e = (*p)->load(h)))
            return e;
    return OK;
}
