/* A hub over the engines in memory, as a function of a seed: its clock, its random numbers, its ends and its power
 * cuts. */
#pragma once

#include "check.h"
#include "engines.h"
#include "hub.h"

#include <stdio.h>
#include <string.h>

struct world {
    struct store *store;
    struct state *state;
    struct hub *hub;
    struct hub_options options;
    struct hub_birth birth;
    int64_t now_ms;
    uint64_t seed; /* what the next random number is made of */
};

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
    CHECK_OK(memory_store_open(&w->store));
    CHECK_OK(memory_state_open(&w->state));
    w->options.state = w->state;
    world_listen(w);
}

static inline void world_start(struct world *w, uint64_t seed)
{
    world_make(w, seed);
    CHECK_OK(hub_init(&w->options, &w->birth, w->now_ms));
    CHECK_OK(hub_open(&w->options, &w->hub));
}

/* Stops and starts again: nothing is lost. Seats and readers are gone before. */
static inline void world_restart(struct world *w)
{
    hub_close(w->hub);
    w->hub = NULL;
    CHECK_OK(hub_open(&w->options, &w->hub));
}

/* A power cut: what was not durable is lost. Seats and readers are gone before. */
static inline void world_crash(struct world *w)
{
    struct store *left;

    hub_close(w->hub);
    w->hub = NULL;
    CHECK_OK(memory_store_crashed(w->store, &left));
    store_close(w->store);
    w->store = left;
    world_listen(w);
    CHECK_OK(hub_open(&w->options, &w->hub));
}

static inline void world_end(struct world *w)
{
    hub_close(w->hub);
    store_close(w->store);
    state_close(w->state);
}

/* ---- what tests say often -------------------------------------------------------------------------------------- */

static inline struct device device_named(const char *id)
{
    struct device d = {0};

    snprintf(d.id, sizeof d.id, "%s", id);
    return d;
}

static inline struct device world_add(struct world *w, const char *id)
{
    struct device wanted = device_named(id), made = {0};
    uint64_t at;

    CHECK_OK(hub_device_put(w->hub, &wanted, (struct match){.how = MATCH_NONE}, w->now_ms, &made, &at));
    return made;
}

/* A waker that counts. */
struct bell {
    struct waker waker;
    unsigned rung;
};

static inline void bell_ring(struct waker *waker)
{
    ((struct bell *)(void *)waker)->rung++;
}

static inline struct bell bell_new(void)
{
    return (struct bell){.waker = {.wake = bell_ring}};
}

static inline struct seat *world_sit(struct world *w, const char *id, struct bell *bell)
{
    struct seat *seat = NULL;

    CHECK_OK(hub_attach(w->hub, bytes_str(id), NO_BYTES, PROOF_DEVICE_SAS, &bell->waker, w->now_ms, &seat));
    return seat;
}

/* Sends a body; gives the place of its record. */
static inline uint64_t world_send(struct world *w, struct seat *seat, const char *body)
{
    struct msg m = {.body = bytes_str(body)};
    uint64_t at = 0;

    CHECK_OK(hub_send(seat, &m, w->now_ms, &at));
    return at;
}

/* The payload: our events end with one data section whose length has four bytes. */
static inline struct bytes event_body(const struct event *e)
{
    static const uint8_t head[] = {0x00, 0x53, 0x75, 0xB0};
    size_t at = bytes_find_bytes(e->sections, bytes_of(head, sizeof head));

    CHECK(at < e->sections.len);
    return bytes_skip(e->sections, at + sizeof head + 4);
}
