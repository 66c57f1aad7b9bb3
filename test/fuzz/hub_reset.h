/* A hub in memory that is made once and set back after each input: making one takes a hundred times as long as what
 * most inputs do. What one input made must not change what another finds. */
#pragma once

#include "hub.h"
#include "hub_ca.h"
#include "memory_engines.h"

#include <stdlib.h>

enum { HUB_LASTS = 500 }; /* inputs; its log grows */

#define NOW_MS 1795411500000LL

struct fuzz_hub {
    struct store *store;
    struct state *state;
    struct hub *hub;
    uint64_t seed;
    unsigned used;
};

static inline void must(enum err e)
{
    if (e)
        abort();
}

static inline void fixed_random(void *ctx, uint8_t *out, size_t len)
{
    uint64_t *state = ctx;

    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)((*state = *state * 6364136223846793005ULL + 1442695040888963407ULL) >> 33);
}

static inline void fuzz_hub_open(struct fuzz_hub *f)
{
    struct hub_birth birth = {.name = "hub.test", .partitions = 1, .scope = "0ne00000001"};

    *f = (struct fuzz_hub){.seed = 7};
    must(memory_store_open(&f->store));
    must(memory_state_open(&f->state));
    const struct hub_options options = {
        .store = f->store, .state = f->state, .hash_seed = 5, .random = fixed_random, .random_ctx = &f->seed};
    must(hub_init(&options, &birth, NOW_MS));
    must(hub_open(&options, &f->hub));
}

static inline void fuzz_hub_close(struct fuzz_hub *f)
{
    hub_close(f->hub);
    store_close(f->store);
    state_close(f->state);
    *f = (struct fuzz_hub){0};
}

static inline void forget_devices(struct hub *hub, const char *keep)
{
    static struct device some[16];
    uint64_t at;
    size_t n;

    do {
        must(hub_device_list(hub, NO_BYTES, some, 16, &n));
        for (size_t i = 0; i < n; i++)
            if (!keep || strcmp(some[i].id, keep))
                must(hub_device_delete(hub, bytes_str(some[i].id), (struct match){.how = MATCH_ANY}, NOW_MS, &at));
    } while (n == 16);
}

static inline void forget_documents(struct hub *hub)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc;
    uint64_t at;

    for (enum doc_kind kind = 0; kind < DOC_KINDS; kind++)
        while (!hub_doc_next(hub, kind, NO_BYTES, &body, &doc)) {
            must(hub_doc_delete(hub, kind, bytes_str(doc.id), (struct match){.how = MATCH_NONE}, &at));
            buf_clear(&body);
        }
    buf_free(&body);
}

static inline void forget_authorities(struct hub *hub)
{
    static struct ca ca;
    uint64_t at;

    while (!hub_ca_next(hub, NO_BYTES, &ca))
        must(hub_ca_delete(hub, bytes_str(ca.name), (struct match){.how = MATCH_ANY}, NOW_MS, &at));
}

static inline void forget_feedback(struct hub *hub)
{
    static struct feedback_record records[FEEDBACK_BATCH];
    struct c2d_lock lock;
    uint64_t at;
    size_t n;

    while (!hub_feedback_take(hub, NOW_MS + FEEDBACK_LOCK_MS + FEEDBACK_OWN_MS, records, &n, &lock))
        must(hub_feedback_take_settle(hub, &lock, OUTCOME_COMPLETE, NOW_MS + FEEDBACK_LOCK_MS, &at));
}

/* A device of this name stays, NULL: none does. */
static inline void fuzz_hub_reset(struct fuzz_hub *f, const char *keep)
{
    forget_devices(f->hub, keep);
    forget_documents(f->hub);
    forget_authorities(f->hub);
    forget_feedback(f->hub);
    f->seed = 7;
    if (++f->used == HUB_LASTS)
        fuzz_hub_close(f);
}
