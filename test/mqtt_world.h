/* Devices over MQTT joined to their fronts on a hub in memory; for unit tests, stories and fuzz targets. */
#pragma once

#include "front_world.h"
#include "join.h"
#include "mqtt.h"

static inline void world_open(struct world *w)
{
    world_serve(w, 1);
    MUST(limiter_new(3, &w->env.limiter));
}

static inline void world_close(struct world *w)
{
    limiter_free(w->env.limiter);
    world_end(w);
}

static inline void world_join(struct world *w, struct join *c, struct talk *front, int64_t now_ms)
{
    *c = (struct join){.store = w->store, .now_ms = now_ms};
    join_open(c, NULL, front);
}

/* The test is a client over MQTT; what it hears is in c->client.in. */
static inline void world_join_mqtt(struct world *w, struct join *c, const struct peer *peer, int64_t now_ms)
{
    struct talk *front;

    MUST(front_mqtt_new(&w->env, peer, now_ms, &front));
    world_join(w, c, front, now_ms);
}

static inline void world_join_mqtt_from(struct world *w, struct join *c, const char *address, int64_t now_ms)
{
    struct peer peer = {0};

    snprintf(peer.address, sizeof peer.address, "%s", address);
    world_join_mqtt(w, c, &peer, now_ms);
}

/* The test is a client over HTTP, or in a WebSocket. */
static inline void world_join_https(struct world *w, struct join *c, const struct peer *peer, int64_t now_ms)
{
    struct talk *front;

    MUST(front_http_new(&w->env, peer, now_ms, &front));
    world_join(w, c, front, now_ms);
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
