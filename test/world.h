/* A hub over the engines in memory, as a function of a seed: its clock, its random numbers, its ends and its power
 * cuts. For unit tests, stories, simulations and fuzz targets; whoever needs more in it says so in WORLD_MORE. */
#pragma once

#include "hub.h"
#include "memory_engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef WORLD_MORE
#define WORLD_MORE
#endif

struct world {
    struct store *store;
    struct state *state;
    struct hub *hub;
    struct hub_options options;
    struct hub_birth birth;
    int64_t now_ms;
    uint64_t seed; /* what the next random number is made of */
    WORLD_MORE
};

static inline void world_must(enum err e, const char *what)
{
    if (!e)
        return;
    fprintf(stderr, "%s: %s\n", what, err_name(e));
    abort();
}
#define MUST(expression) world_must((expression), #expression)

/* SplitMix64: small, and every seed gives another sequence. */
static inline uint64_t world_random(struct world *w)
{
    uint64_t z = w->seed += 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static inline unsigned world_below(struct world *w, unsigned n)
{
    return (unsigned)(world_random(w) % n);
}

static inline void world_random_bytes(void *ctx, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)world_random(ctx);
}

static inline void world_grew(void *ctx)
{
    struct world *w = ctx;

    if (w->hub)
        hub_grew(w->hub);
}

static inline void world_listen(struct world *w)
{
    w->options.store = w->store;
    w->store->grew = world_grew;
    w->store->grew_ctx = w;
}

/* The engines; no hub in them yet. */
static inline void world_make(struct world *w, uint64_t seed)
{
    *w = (struct world){.now_ms = 1767225600000, .seed = seed};
    w->options = (struct hub_options){.hash_seed = seed, .random = world_random_bytes, .random_ctx = w};
    w->birth = (struct hub_birth){.name = "hub.test", .partitions = 4};
    MUST(memory_store_open(&w->store));
    MUST(memory_state_open(&w->state));
    w->options.state = w->state;
    world_listen(w);
}

static inline void world_start(struct world *w, uint64_t seed)
{
    world_make(w, seed);
    MUST(hub_init(&w->options, &w->birth, w->now_ms));
    MUST(hub_open(&w->options, &w->hub));
}

/* Stops and starts again: nothing is lost. Seats and readers are gone before. */
static inline void world_restart(struct world *w)
{
    hub_close(w->hub);
    w->hub = NULL;
    MUST(hub_open(&w->options, &w->hub));
}

/* A power cut: what was not durable is lost. Seats and readers are gone before. */
static inline void world_crash(struct world *w)
{
    struct store *left;

    hub_close(w->hub);
    w->hub = NULL;
    MUST(memory_store_crashed(w->store, &left));
    store_close(w->store);
    w->store = left;
    world_listen(w);
    MUST(hub_open(&w->options, &w->hub));
}

static inline void world_end(struct world *w)
{
    hub_close(w->hub);
    store_close(w->store);
    state_close(w->state);
}
