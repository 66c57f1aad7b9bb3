/* A hub in a thread of the test, with its three listeners on loopback: real sockets, real TLS, the real front. */
#pragma once

#include "certs.h"
#include "d2d.h"
#include "front.h"
#include "memory_engines.h"
#include "net.h"
#include "sas.h"
#include "text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>

#define LIVE_KEY "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5"

struct live {
    struct store *store;
    struct state *state;
    struct hub *hub;
    struct front_env env;
    struct live_door {
        enum err (*make)(const struct front_env *, const struct peer *, int64_t, struct talk **);
    } doors[3];
    int ports[3], ports6[3]; /* MQTT, AMQP, HTTPS; the latter on ::1, 0 where there is no IPv6 */
    struct tls *tls;
    struct net_loop *loop;
    pthread_t thread, ticker;
    atomic_bool stopping;
    char ca[128];
};

static struct live live;

static inline int64_t live_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void live_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    CHECK(getrandom(out, len, 0) == (ssize_t)len);
}

static inline void live_grew(void *ctx)
{
    (void)ctx;
    if (live.hub)
        hub_grew(live.hub);
}

static inline void *live_run(void *ctx)
{
    net_loop_run(ctx);
    return NULL;
}

/* Locks end, feedback is collected. */
static inline void *live_tick(void *ctx)
{
    static const struct timespec nap = {0, 20 * 1000000};

    (void)ctx;
    while (!atomic_load(&live.stopping)) {
        hub_tick(live.hub, live_now_ms());
        nanosleep(&nap, NULL);
    }
    return NULL;
}

static enum err live_accept(void *door, struct net_conn *conn, const struct peer *peer, int64_t now_ms,
                            struct talk **out)
{
    (void)conn;
    return ((struct live_door *)door)->make(&live.env, peer, now_ms, out);
}

static inline void live_listen(void)
{
    static enum err (*const make[])(const struct front_env *, const struct peer *, int64_t,
                                    struct talk **) = {front_mqtt_new, front_amqp_new, front_http_new};

    for (int i = 0; i < 3; i++) {
        struct net_listen_options o = {
            .address = "127.0.0.1", .tls = live.tls, .accept = live_accept, .accept_ctx = &live.doors[i]};

        live.doors[i].make = make[i];
        CHECK_OK(net_listen(live.loop, &o, &live.ports[i]));
        o.address = "::1";
        if (net_listen(live.loop, &o, &live.ports6[i]))
            live.ports6[i] = 0;
    }
    live.env.amqps_port = live.ports[1];
}

static inline void live_open(void)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1", "gateway.test", NULL};
    static const char *const aliases[] = {"::1", NULL};
    struct hub_birth birth = {.name = "localhost", .partitions = 2, .scope = "0ne00000001"};
    const char *cert, *key;
    char why[256];

    memset(&live, 0, sizeof live);
    birth.created_ms = live_now_ms();
    CHECK_OK(memory_store_open(&live.store));
    CHECK_OK(memory_state_open(&live.state));
    live.store->grew = live_grew;
    const struct hub_options options = {.store = live.store, .state = live.state, .random = live_random};
    CHECK_OK(hub_init(&options, &birth, live_now_ms()));
    CHECK_OK(hub_open(&options, &live.hub));
    live.env = (struct front_env){
        .hub = live.hub, .host = "localhost", .aliases = aliases, .entity = "hub", .random = live_random};
    snprintf(live.ca, sizeof live.ca, "%s", certs_authority());
    certs_server(names, &cert, &key);
    CHECK_OK(tls_server_new(&(struct tls_pair){cert, key}, 1, &live.tls, why));
    CHECK_OK(net_loop_open(&(struct net_loop_options){0}, &live.loop));
    live_listen();
    CHECK(pthread_create(&live.thread, NULL, live_run, live.loop) == 0);
    CHECK(pthread_create(&live.ticker, NULL, live_tick, NULL) == 0);
}

static inline void live_close(void)
{
    atomic_store(&live.stopping, true);
    net_loop_stop(live.loop, 0);
    pthread_join(live.thread, NULL);
    pthread_join(live.ticker, NULL);
    net_loop_close(live.loop);
    tls_free(live.tls);
    store_close(live.store);
    hub_close(live.hub);
    state_close(live.state);
}

/* The device as it is to be from now on; it is made if there is none. */
static inline void live_device(const char *id, bool disabled)
{
    struct device d = {.disabled = disabled}, made;
    size_t len;
    uint64_t at;

    snprintf(d.id, sizeof d.id, "%s", id);
    CHECK_OK(base64_decode(BYTES(LIVE_KEY), d.primary.at, sizeof d.primary.at, &len));
    d.primary.len = (uint8_t)len;
    d.secondary = d.primary;
    if (hub_device_put(live.hub, &d, (struct match){.how = MATCH_ANY}, live_now_ms(), &made, &at))
        CHECK_OK(hub_device_put(live.hub, &d, (struct match){.how = MATCH_NONE}, live_now_ms(), &made, &at));
}

static inline void live_post(const char *device, const char *body)
{
    struct msg m = {.body = bytes_str(body)};
    uint64_t at;

    CHECK_OK(hub_post(live.hub, bytes_str(device), &m, live_now_ms(), &at));
}

static inline const char *live_device_string(const char *id)
{
    static char text[256];

    snprintf(text, sizeof text, "HostName=localhost;DeviceId=%s;SharedAccessKey=" LIVE_KEY, id);
    return text;
}

static inline const char *live_owner_string(void)
{
    static char text[256];
    struct buf key = buf_max(128);
    struct policy p;

    CHECK_OK(hub_policy_get(live.hub, BYTES("iothubowner"), &p));
    buf_put_base64(&key, bytes_of(p.primary.at, p.primary.len));
    snprintf(text, sizeof text, "HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey=%s", buf_str(&key));
    buf_free(&key);
    return text;
}

/* Options that lead every handle there. */
static inline struct d2d_options live_options(const char *string)
{
    return (struct d2d_options){D2D_OPTIONS,
                                .connection_string = string,
                                .ca_file = live.ca,
                                .host = "127.0.0.1",
                                .mqtts_port = live.ports[0],
                                .amqps_port = live.ports[1],
                                .https_port = live.ports[2],
                                .timeout_ms = 60000};
}
