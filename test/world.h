/* A hub in memory and what fronts need to talk to it, as a function of a seed: unit tests, stories and fuzz targets. */
#pragma once

#include "engines.h"
#include "front.h"
#include "limiter.h"
#include "sas.h"

#include <stdio.h>
#include <stdlib.h>

#define WORLD_T0 1795411500000LL
#define WORLD_HOST "hub.test"

struct world {
    struct store *store;
    struct state *state;
    struct hub *hub;
    struct front_env env;
    uint64_t random;
    void (*trace)(void *ctx, const char *sentence);
    void *trace_ctx;
};

static inline void world_must(enum err e, const char *what)
{
    if (!e)
        return;
    fprintf(stderr, "%s: %s\n", what, err_name(e));
    abort();
}
#define MUST(expression) world_must((expression), #expression)

static inline void world_random(void *ctx, uint8_t *out, size_t len)
{
    uint64_t *seed = ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)((*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL) >> 33);
}

static inline void world_grew(void *ctx)
{
    hub_grew(ctx);
}

static inline void world_open(struct world *w)
{
    struct hub_birth birth = {.name = WORLD_HOST, .partitions = 1, .scope = "0ne00000001", .created_ms = WORLD_T0};

    w->random = 7;
    MUST(memory_store_open(&w->store));
    MUST(memory_state_open(&w->state));
    const struct hub_options options = {.store = w->store,
                                        .state = w->state,
                                        .hash_seed = 5,
                                        .random = world_random,
                                        .random_ctx = &w->random,
                                        .trace = w->trace,
                                        .trace_ctx = w->trace_ctx};
    MUST(hub_init(&options, &birth, WORLD_T0));
    MUST(hub_open(&options, &w->hub));
    w->store->grew = world_grew;
    w->store->grew_ctx = w->hub;
    w->env = (struct front_env){
        .hub = w->hub, .host = WORLD_HOST, .entity = "hub", .random = world_random, .random_ctx = &w->random};
    MUST(limiter_new(3, &w->env.limiter));
}

static inline void world_close(struct world *w)
{
    hub_close(w->hub);
    store_close(w->store);
    state_close(w->state);
    limiter_free(w->env.limiter);
}

static inline void world_device(struct world *w, const char *id)
{
    struct device wanted = {.auth = AUTH_SAS}, made;
    uint64_t at;

    snprintf(wanted.id, sizeof wanted.id, "%s", id);
    MUST(hub_device_put(w->hub, &wanted, (struct match){.how = MATCH_NONE}, WORLD_T0, &made, &at));
}

/* A token of the device with one of its keys; appended. */
static inline void world_token(struct world *w, const char *id, bool secondary, int64_t expires_ms, struct buf *out)
{
    char resource[300];
    struct device d;

    MUST(hub_device_get(w->hub, bytes_str(id), &d));
    const struct key_bytes *key = secondary ? &d.secondary : &d.primary;
    snprintf(resource, sizeof resource, WORLD_HOST "/devices/%s", id);
    MUST(sas_make(bytes_str(resource), NO_BYTES, expires_ms / 1000, bytes_of(key->at, key->len), out));
}
