#include "map.h"

#include <stdlib.h>
#include <xxhash.h>

enum { FREE, REMOVED, FIRST_CAP = 16 };

uint64_t bytes_hash(struct bytes b, uint64_t seed)
{
    return XXH3_64bits_withSeed(b.at, b.len, seed);
}

static uint64_t key_hash(const struct map *m, struct bytes key)
{
    uint64_t h = bytes_hash(key, m->seed);

    return h > REMOVED ? h : h + 2;
}

void map_init(struct map *m, uint64_t seed)
{
    *m = (struct map){.seed = seed};
}

void map_free(struct map *m)
{
    free(m->slots);
    map_init(m, m->seed);
}

static struct map_slot *slot_of(const struct map *m, struct bytes key, uint64_t hash)
{
    if (m->cap == 0)
        return NULL;
    for (size_t i = (size_t)hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *s = &m->slots[i];

        if (s->hash == FREE)
            return NULL;
        if (s->hash == hash && bytes_eq(s->key, key))
            return s;
    }
}

void *map_get(const struct map *m, struct bytes key)
{
    struct map_slot *s = slot_of(m, key, key_hash(m, key));

    return s ? s->value : NULL;
}

static void insert(struct map *m, struct map_slot slot)
{
    size_t i = (size_t)slot.hash & (m->cap - 1);

    while (m->slots[i].hash > REMOVED)
        i = (i + 1) & (m->cap - 1);
    m->used += m->slots[i].hash == FREE;
    m->slots[i] = slot;
    m->n++;
}

/* To at least so many slots, of which half stay free. */
static enum err move(struct map *m, size_t cap)
{
    struct map old = *m;

    while (m->n + 1 > cap / 2)
        cap *= 2;
    m->slots = calloc(cap, sizeof *m->slots);
    if (!m->slots) {
        *m = old;
        return ERR_MEMORY;
    }
    m->cap = cap;
    m->n = m->used = 0;
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].hash > REMOVED)
            insert(m, old.slots[i]);
    free(old.slots);
    return OK;
}

/* At least a quarter of the slots stays free; removed ones go when there are many. */
static enum err make_room(struct map *m)
{
    if (m->cap && m->used + 1 <= m->cap - m->cap / 4)
        return OK;
    return move(m, m->cap ? m->cap : FIRST_CAP);
}

enum err map_put(struct map *m, struct bytes key, void *value)
{
    uint64_t hash = key_hash(m, key);
    struct map_slot *s = slot_of(m, key, hash);
    enum err e;

    if (s) {
        s->key = key;
        s->value = value;
        return OK;
    }
    if ((e = make_room(m)))
        return e;
    insert(m, (struct map_slot){hash, key, value});
    return OK;
}

void *map_del(struct map *m, struct bytes key)
{
    struct map_slot *s = slot_of(m, key, key_hash(m, key));
    void *value;

    if (!s)
        return NULL;
    value = s->value;
    *s = (struct map_slot){.hash = REMOVED};
    m->n--;
    return value;
}

void map_shrink(struct map *m)
{
    if (m->cap > FIRST_CAP && m->n < m->cap / 8)
        (void)move(m, FIRST_CAP); /* without memory for it the large one stays */
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->cap) {
        const struct map_slot *s = &m->slots[(*at)++];

        if (s->hash > REMOVED)
            return s->value;
    }
    return NULL;
}
