/* A hub in memory and what fronts need to talk to it: unit tests, stories and fuzz targets. */
#pragma once

#include "front.h"
#include "limiter.h"
#include "log.h"
#include "sas.h"
#include "text.h"

/* Fronts are given `env`; policies and the lines of the log are for those tests that want them. */
#define WORLD_MORE                                  \
    struct front_env env;                           \
    void (*trace)(void *ctx, const char *sentence); \
    void *trace_ctx;                                \
    struct policy service, registry;                \
    bool ready;                                     \
    char log[16384];

#include "world.h"

#define WORLD_T0 1795411500000LL /* 2026-11-23T05:25:00Z */
#define WORLD_HOST "hub.test"

/* Keys and the scope id are always the same: the corpora of fuzz targets hold tokens that were made with them. */
static inline void world_known_bytes(void *ctx, uint8_t *out, size_t len)
{
    struct world *w = ctx;

    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)((w->seed = w->seed * 6364136223846793005ULL + 1442695040888963407ULL) >> 33);
}

static inline bool world_is_ready(void *ctx)
{
    return ((struct world *)ctx)->ready;
}

static inline void world_logged(void *ctx, enum log_level level, struct bytes line)
{
    struct world *w = ctx;
    size_t used = strlen(w->log);

    (void)level;
    if (used + line.len + 2 < sizeof w->log)
        snprintf(w->log + used, sizeof w->log - used, "%.*s\n", BYTES_ARG(line));
}

/* A hub with so many partitions; what is traced goes where w->trace says. */
static inline void world_serve(struct world *w, unsigned partitions)
{
    void (*trace)(void *ctx, const char *sentence) = w->trace;
    void *trace_ctx = w->trace_ctx;

    world_make(w, 7);
    w->now_ms = WORLD_T0;
    w->birth = (struct hub_birth){.name = WORLD_HOST, .partitions = partitions};
    w->options.random = world_known_bytes;
    w->options.trace = w->trace = trace;
    w->options.trace_ctx = w->trace_ctx = trace_ctx;
    w->ready = true;
    MUST(hub_init(&w->options, &w->birth, w->now_ms));
    MUST(hub_open(&w->options, &w->hub));
    w->env = (struct front_env){.hub = w->hub,
                                .host = WORLD_HOST,
                                .entity = "hub",
                                .amqps_port = 5671,
                                .random = world_known_bytes,
                                .random_ctx = w,
                                .ready = world_is_ready,
                                .ready_ctx = w};
}

static inline void world_device_as(struct world *w, const char *id, bool edge)
{
    struct device wanted = {.auth = AUTH_SAS, .edge = edge}, made;
    uint64_t at;

    snprintf(wanted.id, sizeof wanted.id, "%s", id);
    MUST(hub_device_put(w->hub, &wanted, (struct match){.how = MATCH_NONE}, WORLD_T0, &made, &at));
}

static inline void world_device(struct world *w, const char *id)
{
    world_device_as(w, id, false);
}

/* How many events are stored, all partitions together. */
static inline int64_t world_stored(const struct world *w)
{
    int64_t n = 0;

    for (unsigned i = 0; i < hub_partitions(w->hub); i++) {
        struct partition p;

        MUST(hub_partition(w->hub, i, &p));
        n += p.last_sequence + 1;
    }
    return n;
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

/* A token of a policy for all of the hub; appended. */
static inline void world_policy_token(struct world *w, const char *name, int64_t expires_ms, struct buf *out)
{
    struct policy p;

    MUST(hub_policy_get(w->hub, bytes_str(name), &p));
    MUST(sas_make(BYTES(WORLD_HOST), bytes_str(name), expires_ms / 1000, bytes_of(p.primary.at, p.primary.len), out));
}

/* ---- provisioning ---------------------------------------------------------------------------------------------- */

#define WORLD_ENROLLED "primaryprimaryprimaryprimary" /* the key of each enrollment */

static inline void world_enroll(struct world *w, const char *id)
{
    struct buf text = buf_max(1024), key = buf_max(64);
    struct doc d;
    uint64_t at;

    buf_put_base64(&key, BYTES(WORLD_ENROLLED));
    buf_printf(&text,
               "{\"registrationId\":\"%s\",\"provisioningStatus\":\"enabled\",\"attestation\":{\"type\":"
               "\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"%s\"}}}",
               id, buf_str(&key));
    MUST(hub_doc_put(w->hub, DOC_ENROLLMENT, bytes_str(id), buf_bytes(&text), (struct match){.how = MATCH_NONE},
                     WORLD_T0, &d, &at));
    buf_free(&text);
    buf_free(&key);
}

static inline void world_registration_token(struct world *w, const char *id, int64_t expires_ms, struct buf *out)
{
    char resource[300];

    snprintf(resource, sizeof resource, "%s/registrations/%s", hub_birth(w->hub)->scope, id);
    MUST(sas_make(bytes_str(resource), NO_BYTES, expires_ms / 1000, BYTES(WORLD_ENROLLED), out));
}
