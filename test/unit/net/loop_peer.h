/* A server and clients on one loop: the server's talks echo, the clients collect. Options of a talk say what it does
 * else. */
#pragma once

#include "certs.h"
#include "list.h"
#include "net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

struct loop_world {
    struct net_loop *loop;
    struct tls *server_tls, *client_tls;
    int port;
    uint64_t durable;
    struct net_loop_options options;
    struct party *server; /* the last one that was accepted */
    struct party *all[512];
    int n;
    uint64_t next_after; /* what the server's answers wait for */
    int64_t hold_ms;     /* how long they are held */
    bool refuse, greedy, one_answer;
    bool stall; /* the server takes nothing, and waits for room */
};

struct party {
    struct talk talk;
    struct loop_world *world;
    struct net_conn *conn;
    struct buf in;
    size_t heard, to_say, said;
    size_t bite;    /* takes so much of its input at a time, nothing of less */
    size_t offered; /* the most that it was shown at once */
    bool is_server, open, closed, failed;
    int closes, wakes, ticks, inputs;
    enum err why;
    int64_t next_tick_ms;
    int64_t say_at_ms; /* its tick says something once it is that late; 0: never */
    struct peer peer;
    char detail[256];
};

static inline struct party *party_new(struct loop_world *w)
{
    struct party *p = calloc(1, sizeof *p);

    CHECK(p && w->n < 512);
    p->world = w;
    p->in = buf_max(64 * 1024 * 1024);
    p->next_tick_ms = INT64_MAX;
    w->all[w->n++] = p;
    return p;
}

static inline void party_pour(struct party *p)
{
    static const uint8_t filler[16384];
    struct buf *out = net_conn_out(p->conn);

    while (p->said < p->to_say && out->len < CONN_OUT_SOFT) {
        size_t n = p->to_say - p->said < sizeof filler ? p->to_say - p->said : sizeof filler;

        buf_put(out, bytes_of(filler, n));
        p->said += n;
    }
}

static inline struct party *party_of(struct talk *t)
{
    return LIST_OF(t, struct party, talk);
}

static size_t party_input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct party *p = party_of(t);

    CHECK(!p->closed);
    p->inputs++;
    if (in.len > p->offered)
        p->offered = in.len;
    t->stalled = p->is_server && p->world->stall;
    if (t->stalled)
        return 0;
    if (in.len < p->bite)
        return 0;
    if (p->bite)
        in = bytes_first(in, p->bite);
    p->heard += in.len;
    if (p->is_server) {
        buf_put(net_conn_out(p->conn), in);
        if (p->world->next_after)
            t->after = p->world->next_after++;
        if (p->world->hold_ms)
            t->held_ms = now_ms + p->world->hold_ms;
        t->over |= p->world->one_answer;
        if (p->world->greedy && in.len)
            p->to_say = 64u * 1024 * 1024;
        party_pour(p);
    } else if (p->in.len < 1024 * 1024) {
        buf_put(&p->in, in);
    }
    return in.len;
}

static void party_wake(struct talk *t, int64_t now_ms)
{
    struct party *p = party_of(t);

    (void)now_ms;
    CHECK(!p->closed);
    p->wakes++;
    party_pour(p);
}

static int64_t party_tick(struct talk *t, int64_t now_ms)
{
    struct party *p = party_of(t);

    CHECK(!p->closed);
    p->ticks++;
    if (!p->say_at_ms)
        return p->next_tick_ms;
    if (now_ms < p->say_at_ms)
        return p->say_at_ms;
    p->say_at_ms = 0;
    buf_put(net_conn_out(p->conn), BYTES("late"));
    return p->next_tick_ms;
}

static void party_close(struct talk *t, enum err why, int64_t now_ms)
{
    struct party *p = party_of(t);

    (void)now_ms;
    p->closes++;
    p->closed = true;
    p->why = why;
}

static void party_talk(struct party *p, struct net_conn *conn, const struct peer *peer, struct talk **talk)
{
    static const struct talk_ops ops = {
        .input = party_input, .wake = party_wake, .tick = party_tick, .close = party_close, .name = "party"};

    p->conn = conn;
    p->peer = *peer;
    p->open = true;
    p->talk = (struct talk){.ops = &ops, .proved = true};
    *talk = &p->talk;
}

static enum err on_server_accept(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms,
                                 struct talk **talk)
{
    struct loop_world *w = ctx;

    (void)now_ms;
    if (w->refuse)
        return ERR_LIMIT;
    w->server = party_new(w);
    w->server->is_server = true;
    party_talk(w->server, conn, peer, talk);
    return OK;
}

static enum err on_client_accept(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms,
                                 struct talk **talk)
{
    (void)now_ms;
    party_talk(ctx, conn, peer, talk);
    return OK;
}

static void on_client_failed(void *ctx, enum err why, const char *detail)
{
    struct party *p = ctx;

    p->failed = true;
    p->why = why;
    snprintf(p->detail, sizeof p->detail, "%s", detail);
}

static uint64_t world_durable(void *ctx)
{
    return ((struct loop_world *)ctx)->durable;
}

static inline void world_open(struct loop_world *w, const struct net_loop_options *options)
{
    static const char *const names[] = {"localhost", "127.0.0.1", NULL};
    const char *cert, *key, *ca = certs_authority();
    char why[256];

    *w = (struct loop_world){.durable = 1};
    if (options)
        w->options = *options;
    w->options.durable = world_durable;
    w->options.durable_ctx = w;
    certs_server(names, &cert, &key);
    CHECK_OK(tls_server_new(&(struct tls_pair){cert, key}, 1, &w->server_tls, why));
    CHECK_OK(tls_client_new(ca, &w->client_tls, why));
    CHECK_OK(net_loop_open(&w->options, &w->loop));
    CHECK_OK(net_listen(w->loop,
                        &(struct net_listen_options){
                            .address = "127.0.0.1", .tls = w->server_tls, .accept = on_server_accept, .accept_ctx = w},
                        &w->port));
}

static inline void world_close(struct loop_world *w)
{
    net_loop_close(w->loop);
    tls_free(w->server_tls);
    tls_free(w->client_tls);
    for (int i = 0; i < w->n; i++) {
        CHECK(w->all[i]->closes == (w->all[i]->open ? 1 : 0));
        buf_free(&w->all[i]->in);
        free(w->all[i]);
    }
}

static inline struct party *party_connect_to(struct loop_world *w, const char *host, int port, const char *name)
{
    struct party *p = party_new(w);

    CHECK_OK(net_connect(w->loop, &(struct net_connect_options){.host = host,
                                                                .port = port,
                                                                .name = name,
                                                                .tls = w->client_tls,
                                                                .accept = on_client_accept,
                                                                .accept_ctx = p,
                                                                .failed = on_client_failed,
                                                                .timeout_ms = NEVER_MS}));
    return p;
}

static inline struct party *party_connect(struct loop_world *w)
{
    return party_connect_to(w, "127.0.0.1", w->port, NULL);
}

static inline void party_say(struct party *p, struct bytes text)
{
    buf_put(net_conn_out(p->conn), text);
    net_conn_wake(p->conn);
}

/* A socket without TLS. */
static inline int raw_connect(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

static inline bool raw_is_closed(int fd)
{
    char c;

    return recv(fd, &c, 1, 0) == 0;
}

static inline bool raw_is_refused(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), status;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    status = connect(fd, (struct sockaddr *)&to, sizeof to);
    close(fd);
    return status < 0;
}

/* A turn as a foreign event loop would do it: waits for the descriptor, for 50 ms at most. */
static inline void world_turn(struct loop_world *w)
{
    struct pollfd fd = {.fd = net_loop_fd(w->loop), .events = POLLIN};
    int wait_ms = net_loop_timeout_ms(w->loop);

    poll(&fd, 1, wait_ms < 0 || wait_ms > 50 ? 50 : wait_ms);
    net_loop_turn(w->loop);
}

/* Turns the loop until the condition holds; a test that never gets there fails at last, on the slowest of machines. */
#define RUN_UNTIL(w, condition)                                                       \
    do {                                                                              \
        for (int64_t until_ = net_loop_now_ms((w)->loop) + NEVER_MS; !(condition);) { \
            world_turn(w);                                                            \
            if (net_loop_now_ms((w)->loop) > until_)                                  \
                fail_msg("never: %s", #condition);                                    \
        }                                                                             \
    } while (0)
