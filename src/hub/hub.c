#include "c2d.h"
#include "ca.h"
#include "ceiling.h"
#include "checkpoint.h"
#include "docs.h"
#include "feedback.h"
#include "group.h"
#include "partition.h"
#include "policy.h"
#include "registry.h"
#include "restored.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void hub_random(struct hub *h, uint8_t *out, size_t len)
{
    h->options.random(h->options.random_ctx, out, len);
}

void hub_trace(struct hub *h, const char *format, ...)
{
    char sentence[256];
    va_list args;

    if (!h->options.trace)
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    h->options.trace(h->options.trace_ctx, sentence);
}

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
        pthread_mutex_destroy(&s->lock);
    }
    for (unsigned n = 0; n < PARTITIONS_MAX; n++) {
        free(h->partitions[n].index);
        pthread_mutex_destroy(&h->partitions[n].lock);
    }
    feedback_free(h);
    docs_free(h->docs);
    pthread_mutex_destroy(&h->awaiting_lock);
    pthread_mutex_destroy(&h->cold);
    free(h);
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
    pthread_mutex_init(&h->cold, NULL);
    pthread_mutex_init(&h->awaiting_lock, NULL);
    list_init(&h->awaiting);
    hub_random(h, (uint8_t *)&nonce, sizeof nonce);
    h->nonce = nonce;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&h->shards[i].lock, NULL);
        map_init(&h->shards[i].identities, o->hash_seed);
        h->shards[i].scratch = buf_max(RECORD_LEN_MAX);
        ready = buf_reserve(&h->shards[i].scratch, SCRATCH_READY) && ready;
    }
    for (unsigned i = 0; i < PARTITIONS_MAX; i++)
        partition_init(&h->partitions[i], i);
    ready = !feedback_make(h) && !docs_new(&h->docs) && ready;
    if (!ready) {
        hub_free(h);
        return ERR_MEMORY;
    }
    *out = h;
    return OK;
}

/* The index of each partition, once it is known how many there are. */
enum err partitions_make(struct hub *h)
{
    for (unsigned n = 0; n < h->birth.partitions; n++) {
        struct partition_state *p = &h->partitions[n];

        if (!p->index && !(p->index = calloc(INDEX_CAP, sizeof *p->index)))
            return ERR_MEMORY;
    }
    return OK;
}

static enum err birth_apply(struct hub *h, struct bytes body, uint64_t at)
{
    struct hub_birth birth;
    enum err e = birth_decode(body, &birth);

    if (e)
        return e;
    h->birth = birth;
    h->born = true;
    h->cold_dirty = true;
    h->cold_at = at;
    return partitions_make(h);
}

enum err hub_apply(struct hub *h, const struct record *r)
{
    switch ((enum record_kind)r->kind) {
    case REC_BIRTH:
        return birth_apply(h, r->body, r->at);
    case REC_POLICY:
        return policy_apply(h, r->body, r->at);
    case REC_DEVICE:
        return device_apply(h, r->body, r->at);
    case REC_DEVICE_GONE:
        return device_gone_apply(h, r->body, r->at);
    case REC_SESSION:
        return session_apply(h, r->body, r->at);
    case REC_GROUPS:
        return groups_apply(h, r->body, r->at);
    case REC_CA:
        return ca_apply(h, r->body, r->at);
    case REC_DOC:
        return doc_apply(h, r->body, r->at);
    case REC_RESTORED:
        return restored_apply(h, r->body, r->at);
    case REC_LOST:
        return OK;
    case REC_EVENT:
        return event_apply(h, r);
    case REC_C2D:
        return c2d_apply(h, r);
    case REC_C2D_OUT:
        return c2d_out_apply(h, r->body, r->at);
    case REC_C2D_COUNT:
        return c2d_count_apply(h, r->body, r->at);
    case REC_FEEDBACK_DONE:
        return feedback_done_apply(h, r->body);
    }
    return ERR_UNSUPPORTED;
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
    for (unsigned n = 0; !e && n < h->birth.partitions; n++)
        if (!(e = partition_damaged(h, &h->partitions[n], state_place(h->state))))
            e = partition_trimmed(h, &h->partitions[n]);
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

/* "0ne" and eight hexadecimal digits (provisioning 1). */
static void make_scope(struct hub *h, char out[16])
{
    uint32_t number;

    hub_random(h, (uint8_t *)&number, sizeof number);
    snprintf(out, 16, "0ne%08X", (unsigned)number);
}

/* The birth record comes last: a hub without it is none, and can be made again. */
static enum err give_birth(struct hub *h, const struct hub_birth *wanted, int64_t now_ms)
{
    struct hub_birth birth = *wanted;
    struct buf b = buf_max(1024);
    uint64_t at;
    enum err e;

    if (!birth.partitions)
        birth.partitions = PARTITIONS_DEFAULT;
    birth.created_ms = now_ms;
    birth.placed = PLACED_BY_ID;
    make_scope(h, birth.scope);
    put_birth(&b, &birth);
    if (!(e = hub_policies_complete(h)) && !(e = record_append(h->store, REC_BIRTH, &b, &at)) &&
        !(e = birth_apply(h, buf_bytes(&b), at)))
        e = store_sync(h->store, at);
    buf_free(&b);
    return e;
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
        e = give_birth(h, birth, now_ms);
    if (!e)
        *birth = h->birth;
    hub_free(h);
    return e;
}
