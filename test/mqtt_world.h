/* A hub in memory and devices over MQTT, joined to their fronts by arrays; for unit tests, stories and fuzz targets. */
#pragma once

#include "engines.h"
#include "front.h"
#include "limiter.h"
#include "mqtt.h"
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

/* One connection: what a network connection does for a front, in the same order. */
struct wire {
    struct waker waker; /* first: the front gives its address back */
    struct front *front;
    struct buf out;   /* what the front said */
    struct buf in;    /* what it has not used yet */
    struct buf heard; /* what left, because it was durable */
    uint64_t after;
    int64_t held_ms; /* until when the connection would keep it */
    bool woken, closed;
    enum err why;
};

static inline void wire_woken(struct waker *waker)
{
    ((struct wire *)(void *)waker)->woken = true;
}

static inline void wire_open_as(struct wire *c, struct world *w, const struct peer *peer, int64_t now_ms)
{
    *c = (struct wire){.waker = {wire_woken}, .out = buf_max(CONN_OUT_MAX), .in = buf_max(CONN_IN_MAX)};
    c->heard = buf_max(CONN_OUT_MAX);
    MUST(front_mqtt_new(&w->env, peer, now_ms, &c->front));
    c->front->out = &c->out;
    c->front->waker = &c->waker;
}

static inline void wire_open(struct wire *c, struct world *w, const char *address, int64_t now_ms)
{
    struct peer peer = {0};

    snprintf(peer.address, sizeof peer.address, "%s", address);
    wire_open_as(c, w, &peer, now_ms);
}

static inline void wire_close(struct wire *c, enum err why, int64_t now_ms)
{
    if (c->front)
        c->front->ops->close(c->front, why, now_ms);
    c->front = NULL;
    c->closed = true;
    c->why = why;
}

/* Lets out what is durable, and ends what is over. */
static inline void wire_settle(struct wire *c, struct world *w, int64_t now_ms)
{
    if (c->front && c->woken) {
        c->woken = false;
        c->front->ops->wake(c->front, now_ms);
        if (c->in.len)
            buf_drop(&c->in, c->front->ops->input(c->front, buf_bytes(&c->in), now_ms));
    }
    if (c->front)
        c->held_ms = c->front->held_ms;
    if (c->front && c->front->after > c->after)
        c->after = c->front->after;
    if (c->front)
        c->front->after = 0;
    if (c->after && store_durable(w->store) <= c->after)
        return;
    c->after = 0;
    buf_put(&c->heard, buf_bytes(&c->out));
    buf_clear(&c->out);
    if (c->front && c->front->over)
        wire_close(c, c->front->why, now_ms);
}

static inline void wire_say(struct wire *c, struct world *w, struct bytes bytes, int64_t now_ms)
{
    if (!c->front)
        return;
    buf_put(&c->in, bytes);
    buf_drop(&c->in, c->front->ops->input(c->front, buf_bytes(&c->in), now_ms));
    wire_settle(c, w, now_ms);
}

static inline void wire_free(struct wire *c, int64_t now_ms)
{
    wire_close(c, ERR_CLOSED, now_ms);
    buf_free(&c->out);
    buf_free(&c->in);
    buf_free(&c->heard);
}

/* The first words of a device. */
static inline void world_connect(struct world *w, const char *id, bool clean, struct buf *out)
{
    char user[300];
    struct buf token = buf_max(SAS_LEN_MAX);

    snprintf(user, sizeof user, WORLD_HOST "/%s/?api-version=2021-04-12", id);
    world_token(w, id, false, WORLD_T0 + 3600000, &token);
    mqtt_put_connect(out, &(struct mqtt_connect){.clean = clean,
                                                 .keep_alive_s = 60,
                                                 .client_id = bytes_str(id),
                                                 .user = bytes_str(user),
                                                 .password = buf_bytes(&token)});
    buf_free(&token);
}
