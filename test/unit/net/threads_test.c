#include "loop_peer.h"

#include <pthread.h>
#include <stdatomic.h>

/* The hub as connections see it: a table of those that may be woken, from any thread, under a lock. */
enum { SEATS = 64, WAKERS = 3, CONNECTIONS = 150 };

static struct hall {
    pthread_mutex_t lock;
    struct net_conn *seats[SEATS];
    struct net_loop *loop;
    _Atomic uint64_t durable;
    atomic_uint wakes;
    atomic_bool stop;
    uint64_t place;
} hall = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct guest {
    struct talk talk; /* first */
    struct net_conn *conn;
    int seat;
    size_t to_hear, heard;
    bool is_server;
};

static size_t guest_input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct guest *g = (struct guest *)(void *)t;

    (void)now_ms;
    g->heard += in.len;
    if (g->is_server) {
        buf_put(net_conn_out(g->conn), in);
        t->after = ++hall.place;
    }
    t->over = !g->is_server && g->heard >= g->to_hear;
    return in.len;
}

static void guest_wake(struct talk *t, int64_t now_ms)
{
    (void)t;
    (void)now_ms;
    atomic_fetch_add(&hall.wakes, 1);
}

static int64_t guest_tick(struct talk *t, int64_t now_ms)
{
    (void)t;
    return now_ms + 5;
}

static void guest_close(struct talk *t, enum err why, int64_t now_ms)
{
    struct guest *g = (struct guest *)(void *)t;

    (void)why;
    (void)now_ms;
    pthread_mutex_lock(&hall.lock);
    if (g->seat >= 0)
        hall.seats[g->seat] = NULL;
    pthread_mutex_unlock(&hall.lock);
    free(g);
}

static enum err seat(struct net_conn *conn, bool is_server, struct talk **talk)
{
    static const struct talk_ops ops = {
        .input = guest_input, .wake = guest_wake, .tick = guest_tick, .close = guest_close, .name = "guest"};
    struct guest *g = calloc(1, sizeof *g);

    CHECK(g);
    *g = (struct guest){
        .talk = {.ops = &ops, .proved = true}, .conn = conn, .seat = -1, .is_server = is_server, .to_hear = 4};
    pthread_mutex_lock(&hall.lock);
    for (int i = 0; g->seat < 0 && i < SEATS; i++)
        if (!hall.seats[i])
            hall.seats[g->seat = i] = conn;
    pthread_mutex_unlock(&hall.lock);
    if (!is_server)
        buf_puts(net_conn_out(conn), "ping");
    *talk = &g->talk;
    return OK;
}

static enum err accept_server(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms,
                              struct talk **talk)
{
    (void)ctx;
    (void)peer;
    (void)now_ms;
    return seat(conn, true, talk);
}

static enum err accept_client(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms,
                              struct talk **talk)
{
    (void)ctx;
    (void)peer;
    (void)now_ms;
    return seat(conn, false, talk);
}

static void no_failure(void *ctx, enum err why, const char *detail)
{
    (void)ctx;
    fail_msg("%s: %s", err_name(why), detail);
}

static void pause_us(long us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static void *wake_guests(void *arg)
{
    for (unsigned i = 0; !atomic_load(&hall.stop); i++) {
        pthread_mutex_lock(&hall.lock);
        if (hall.seats[i % SEATS])
            net_conn_wake(hall.seats[i % SEATS]);
        pthread_mutex_unlock(&hall.lock);
        if (i % SEATS == 0)
            pause_us(100);
    }
    return arg;
}

/* The store's thread. */
static void *sync_records(void *arg)
{
    while (!atomic_load(&hall.stop)) {
        atomic_fetch_add(&hall.durable, 3);
        net_loop_grew(hall.loop);
        pause_us(200);
    }
    return arg;
}

static uint64_t hall_durable(void *ctx)
{
    (void)ctx;
    return atomic_load(&hall.durable);
}

static void *run_loop(void *arg)
{
    net_loop_run(hall.loop);
    return arg;
}

TEST(wakes_may_come_from_any_thread_while_connections_close)
{
    static const char *const names[] = {"127.0.0.1", NULL};
    struct net_connect_options to = {
        .host = "127.0.0.1", .accept = accept_client, .failed = no_failure, .timeout_ms = NEVER_MS};
    pthread_t wakers[WAKERS], store, runner;
    const char *cert, *key, *ca = certs_authority();
    struct net_loop *clients;
    struct net_stats stats;
    struct tls *server;
    struct tls *client;
    char why[256];

    certs_server(names, &cert, &key);
    CHECK_OK(tls_server_new(&(struct tls_pair){cert, key}, 1, &server, why));
    CHECK_OK(tls_client_new(ca, &client, why));
    CHECK_OK(net_loop_open(&(struct net_loop_options){.durable = hall_durable}, &hall.loop));
    CHECK_OK(net_loop_open(&(struct net_loop_options){0}, &clients));
    CHECK_OK(net_listen(hall.loop,
                        &(struct net_listen_options){.address = "127.0.0.1", .tls = server, .accept = accept_server},
                        &to.port));
    to.tls = client;
    pthread_create(&runner, NULL, run_loop, NULL);
    pthread_create(&store, NULL, sync_records, NULL);
    for (int i = 0; i < WAKERS; i++)
        pthread_create(wakers + i, NULL, wake_guests, NULL);
    for (int i = 0; i < CONNECTIONS; i++) {
        CHECK_OK(net_connect(clients, &to));
        net_loop_turn(clients);
        if (i == CONNECTIONS / 2)
            CHECK_OK(tls_server_reload(server, &(struct tls_pair){cert, key}, 1, why));
    }
    for (int64_t until = net_loop_now_ms(clients) + NEVER_MS; net_loop_now_ms(clients) < until;) {
        net_loop_stats(clients, &stats);
        if (stats.accepted == CONNECTIONS && stats.connections == 0)
            break;
        net_loop_turn(clients);
        pause_us(100);
    }
    CHECK(stats.accepted == CONNECTIONS && stats.connections == 0);
    CHECK(atomic_load(&hall.wakes) > 0);
    net_loop_stop(hall.loop, 5000);
    pthread_join(runner, NULL);
    atomic_store(&hall.stop, true);
    for (int i = 0; i < WAKERS; i++)
        pthread_join(wakers[i], NULL);
    pthread_join(store, NULL);
    net_loop_stats(hall.loop, &stats);
    CHECK(stats.accepted == CONNECTIONS && stats.connections == 0);
    net_loop_close(clients);
    net_loop_close(hall.loop);
    tls_free(server);
    tls_free(client);
}

CERT_TESTS(RUN(wakes_may_come_from_any_thread_while_connections_close))
