#include "presence.h"

#include "event.h"
#include "keeping.h"
#include "life.h"

#include <stdio.h>
#include <stdlib.h>

struct live {
    uint64_t at; /* the place of the event that says so; 0: of none */
    bool connected;
    size_t name_len;
    uint8_t name[];
};

struct presence {
    struct mutex lock;  /* of these: */
    struct map changes; /* that the checkpoint does not know yet */
    struct map left;    /* connected when the hub was killed, and not told of yet */
    struct map taken;   /* of the checkpoint's caller: the changes that it writes */
    _Atomic size_t left_n;
};

enum err presence_make(struct hub *h)
{
    struct presence *p = calloc(1, sizeof *p);

    if (!p)
        return ERR_MEMORY;
    mutex_init(&p->lock, RANK_OWN);
    map_init(&p->changes, h->options.hash_seed);
    map_init(&p->left, h->options.hash_seed);
    map_init(&p->taken, h->options.hash_seed);
    h->presence = p;
    return OK;
}

static void clear(struct map *m)
{
    size_t at = 0;
    void *v;

    while ((v = map_next(m, &at)))
        free(v);
    map_free(m);
}

void presence_free(struct hub *h)
{
    if (!h->presence)
        return;
    clear(&h->presence->changes);
    clear(&h->presence->left);
    clear(&h->presence->taken);
    mutex_destroy(&h->presence->lock);
    free(h->presence);
}

static struct bytes name_of(const struct live *l)
{
    return bytes_of(l->name, l->name_len);
}

/* A change that finds no memory is lost: then a device may be told as gone once more. */
static void note(struct map *m, struct bytes name, bool connected, uint64_t at)
{
    struct live *l = map_get(m, name);

    assert(name.len > 0 && name.len <= IDENTITY_LEN_MAX);
    if (!l) {
        if (!(l = calloc(1, sizeof *l + name.len)))
            return;
        l->name_len = name.len;
        memcpy(l->name, name.at, name.len);
        if (map_put(m, name_of(l), l)) {
            free(l);
            return;
        }
    }
    l->at = at;
    l->connected = connected;
}

/* ---- the checkpoint --------------------------------------------------------------------------------------------- */

static struct bytes key_of(char out[STATE_KEY_MAX], struct bytes name)
{
    return bytes_of(out, (size_t)snprintf(out, STATE_KEY_MAX, "l/%.*s", BYTES_ARG(name)));
}

enum err presence_keep(struct keeping *k)
{
    struct presence *p = k->hub->presence;
    char key[STATE_KEY_MAX];
    const struct live *l;
    enum err e = OK;

    assert(!p->taken.n);
    mutex_lock(&p->lock);
    p->taken = p->changes;
    map_init(&p->changes, k->hub->options.hash_seed);
    mutex_unlock(&p->lock);
    for (size_t at = 0; !e && (l = map_next(&p->taken, &at));) {
        keeping_saw(k, l->at);
        e = l->connected ? keeping_put(k, key_of(key, name_of(l)), BYTES("1"))
                         : keeping_del(k, key_of(key, name_of(l)));
        if (!e)
            e = keeping_step(k);
    }
    return e;
}

void presence_kept(struct keeping *k, bool done)
{
    struct presence *p = k->hub->presence;
    const struct live *l;

    mutex_lock(&p->lock);
    for (size_t at = 0; !done && (l = map_next(&p->taken, &at));)
        if (!map_get(&p->changes, name_of(l)))
            note(&p->changes, name_of(l), l->connected, l->at);
    mutex_unlock(&p->lock);
    clear(&p->taken);
    map_init(&p->taken, k->hub->options.hash_seed);
}

/* ---- the start -------------------------------------------------------------------------------------------------- */

static bool has_text(struct bytes all, const char *text)
{
    char coded[32];

    snprintf(coded, sizeof coded, "\xA1%c%s", (char)strlen(text), text);
    return bytes_find_bytes(all, bytes_str(coded)) < all.len;
}

void presence_event(struct hub *h, const struct event_facts *facts, uint64_t at)
{
    char name[IDENTITY_LEN_MAX + 1];
    struct event_told told;

    if (!event_was_told(facts, &told) || !bytes_eq(told.source, BYTES(LIFE_CONNECTION_SOURCE)) ||
        !identity_name(facts->device, told.module, name))
        return;
    presence_told(h, bytes_str(name), has_text(told.rest, LIFE_CONNECTED), at);
}

static bool found_left(void *ctx, struct bytes key, struct bytes value)
{
    struct presence *p = ctx;

    (void)value;
    note(&p->left, bytes_skip(key, 2), true, 0);
    return true;
}

/* Of a hub that does not tell of connections any more. */
static void forget_left(struct hub *h, struct presence *p)
{
    const struct live *l;

    if (p->left.n)
        atomic_store(&h->unkept, true); /* no record asks for a checkpoint */
    for (size_t at = 0; (l = map_next(&p->left, &at));)
        note(&p->changes, name_of(l), false, 0);
    clear(&p->left);
}

enum err presence_replayed(struct hub *h)
{
    struct presence *p = h->presence;
    const struct live *l;
    enum err e;

    assert(!p->left.n);
    e = state_each(h->state, BYTES("l/"), NO_BYTES, found_left, p);
    for (size_t at = 0; !e && (l = map_next(&p->changes, &at));) {
        if (l->connected)
            note(&p->left, name_of(l), true, l->at);
        else
            free(map_del(&p->left, name_of(l)));
    }
    if (!(h->options.life & LIFE_CONNECTIONS))
        forget_left(h, p);
    p->left_n = p->left.n;
    return e;
}

/* ---- later ------------------------------------------------------------------------------------------------------ */

void presence_told(struct hub *h, struct bytes name, bool connected, uint64_t at)
{
    struct presence *p = h->presence;

    mutex_lock(&p->lock);
    note(&p->changes, name, connected, at);
    mutex_unlock(&p->lock);
}

bool presence_take_left(struct hub *h, struct bytes name)
{
    struct presence *p = h->presence;
    struct live *l;

    if (!p->left_n)
        return false;
    mutex_lock(&p->lock);
    l = map_del(&p->left, name);
    p->left_n = p->left.n;
    mutex_unlock(&p->lock);
    assert(!l || l->connected);
    free(l);
    return l != NULL;
}

void presence_leave(struct hub *h, struct bytes name)
{
    struct presence *p = h->presence;

    mutex_lock(&p->lock);
    note(&p->left, name, true, 0);
    p->left_n = p->left.n;
    mutex_unlock(&p->lock);
}

bool presence_left(struct hub *h, char out[IDENTITY_LEN_MAX + 1])
{
    struct presence *p = h->presence;
    const struct live *l;
    size_t at = 0;

    if (!p->left_n)
        return false;
    mutex_lock(&p->lock);
    l = map_next(&p->left, &at);
    if (l && !bytes_to_str(name_of(l), out, IDENTITY_LEN_MAX + 1))
        out[0] = 0;
    mutex_unlock(&p->lock);
    return l != NULL;
}
