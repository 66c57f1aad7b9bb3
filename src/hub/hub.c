/* The hub is made, opened from what its engines have, and closed. */
#include "birth.h"
#include "ceiling.h"
#include "checkpoint.h"
#include "identities.h"
#include "part.h"

#include <assert.h>
#include <stdlib.h>

uint64_t hub_seen(struct hub *h)
{
    return store_end(h->store) - 1;
}

const struct hub_birth *hub_birth(const struct hub *h)
{
    return &h->birth;
}

static void hub_free(struct hub *h)
{
    struct identity *i;

    for (size_t k = 0; k < SHARDS; k++) {
        struct shard *s = &h->shards[k];

        for (size_t at = 0; (i = map_next(&s->identities, &at));)
            identity_free(s, i);
        map_free(&s->identities);
        heap_free(&s->due);
        buf_free(&s->scratch);
        mutex_destroy(&s->lock);
    }
    EACH_PART (p)
        if ((*p)->free)
            (*p)->free(h);
    mutex_destroy(&h->cold);
    free(h);
}

/* A number that two have would be read by the wrong one. */
static void kinds_list(struct hub *h)
{
    EACH_PART (p) {
        for (size_t i = 0; i < (*p)->n_kinds; i++) {
            const struct record_kind *k = &(*p)->kinds[i];

            assert(!h->kinds[k->number]);
            h->kinds[k->number] = k;
        }
    }
}

static enum err parts_make(struct hub *h)
{
    enum err e = OK;

    EACH_PART (p)
        if (!e && (*p)->make)
            e = (*p)->make(h);
    return e;
}

static enum err hub_new(const struct hub_options *o, struct hub **out)
{
    struct hub *h = calloc(1, sizeof *h);
    bool ready = true;
    uint64_t nonce;

    if (!h)
        return ERR_MEMORY;
    h->options = *o;
    h->store = o->store;
    atomic_store(&h->mail_left, INT64_MAX);
    h->mail_bytes = UINT64_MAX;
    ceilings_set(h, &o->ceilings);
    h->state = o->state;
    mutex_init(&h->cold, RANK_COLD);
    hub_random(h, (uint8_t *)&nonce, sizeof nonce);
    h->nonce = nonce;
    for (size_t i = 0; i < SHARDS; i++) {
        mutex_init(&h->shards[i].lock, RANK_SHARD);
        map_init(&h->shards[i].identities, o->hash_seed);
        list_init(&h->shards[i].made);
        h->shards[i].scratch = buf_max(RECORD_LEN_MAX);
        ready = buf_reserve(&h->shards[i].scratch, SCRATCH_READY) && ready;
    }
    kinds_list(h);
    if (parts_make(h) || !ready) {
        hub_free(h);
        return ERR_MEMORY;
    }
    *out = h;
    return OK;
}

enum err hub_apply(struct hub *h, const struct record *r)
{
    const struct record_kind *k = h->kinds[r->kind];

    assert(r->at != 0);
    return k ? k->apply(h, r) : ERR_UNSUPPORTED;
}

/* The log behind the checkpoint. */
static enum err replay(struct hub *h)
{
    struct cursor c = {.at = state_place(h->state), .kind = -1, .lane = -1};
    struct record r;
    enum err e;

    while (!(e = store_read(h->store, &c, &r)))
        if ((e = hub_apply(h, &r)))
            break;
    store_cursor_close(h->store, &c);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err load(struct hub *h)
{
    enum err e = checkpoint_load(h);

    if (!e)
        e = replay(h);
    if (!e && !h->born)
        e = ERR_NOT_FOUND;
    h->started_at = store_end(h->store);
    EACH_PART (p)
        if (!e && (*p)->replayed)
            e = (*p)->replayed(h);
    return e;
}

enum err hub_open(const struct hub_options *o, struct hub **out)
{
    struct hub *h;
    enum err e = hub_new(o, &h);

    if (e)
        return e;
    if ((e = load(h))) {
        hub_free(h);
        return e;
    }
    *out = h;
    return OK;
}

void hub_close(struct hub *h)
{
    if (h)
        hub_free(h);
}

/* The birth record comes last: a hub without it is none, and can be made again. */
static enum err start(struct hub *h, const struct hub_birth *wanted, int64_t now_ms)
{
    struct hub_birth birth = *wanted;
    enum err e;

    birth_make(h, &birth, now_ms);
    e = hub_policies_complete(h);
    return e ? e : birth_give(h, &birth);
}

enum err hub_init(const struct hub_options *o, struct hub_birth *birth, int64_t now_ms)
{
    struct hub *h;
    enum err e;

    if (!birth->name[0] || birth->partitions > PARTITIONS_MAX)
        return ERR_ARGUMENT;
    if ((e = hub_new(o, &h)))
        return e;
    e = load(h);
    if (!e)
        e = ERR_EXISTS;
    else if (e == ERR_NOT_FOUND)
        e = start(h, birth, now_ms);
    if (!e)
        *birth = h->birth;
    hub_free(h);
    return e;
}
