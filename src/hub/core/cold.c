#include "cold.h"

void cold_changed(struct cold *c, uint64_t at)
{
    c->known = false;
    c->changed_at = at;
}

enum err cold_keep(struct keeping *k, struct cold *c, struct bytes key, size_t max,
                   void (*encode)(struct buf *, const struct hub *))
{
    struct buf value = buf_max(max);
    struct hub *h = k->hub;
    enum err e = OK;

    assert(!c->taken);
    mutex_lock(&h->cold);
    if ((c->taken = !c->known)) {
        encode(&value, h);
        keeping_saw(k, c->changed_at);
        c->known = true;
    }
    mutex_unlock(&h->cold);
    if (c->taken && !(e = value.bad ? ERR_MEMORY : keeping_put(k, key, buf_bytes(&value))))
        e = keeping_step(k);
    buf_free(&value);
    return e;
}

void cold_kept(struct hub *h, struct cold *c, bool done)
{
    mutex_lock(&h->cold);
    c->known &= done || !c->taken;
    c->taken = false;
    mutex_unlock(&h->cold);
}

enum err cold_load(struct hub *h, struct cold *c, struct bytes key, size_t max,
                   enum err (*decode)(struct hub *, struct bytes))
{
    struct buf value = buf_max(max);
    enum err e = OK;

    if (h->born && !(e = state_get(h->state, key, &value))) {
        mutex_lock(&h->cold);
        e = decode(h, buf_bytes(&value));
        c->known = !e;
        mutex_unlock(&h->cold);
    }
    buf_free(&value);
    return e;
}
