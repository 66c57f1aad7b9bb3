#include "conn.h"
#include "gate.h"
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    ACCEPTS_A_TURN = 32, /* a handshake costs half a millisecond: those who are in must not wait for all who come */
    PAUSE_MS = 500       /* after descriptors ran out */
};

/* We accept ourselves instead of with uv_listen(), which spins or cuts everyone off when descriptors run out. */
struct net_listener {
    struct list link;
    struct net_loop *loop;
    uv_poll_t poll;
    struct due again;
    int fd;
    bool starved; /* of descriptors; it was said in the log */
    struct net_listen_options options;
};

static void on_incoming(uv_poll_t *poll, int status, int events);

static void on_again(struct due *due, int64_t now_ms)
{
    struct net_listener *n = LIST_OF(due, struct net_listener, again);

    (void)now_ms;
    uv_poll_start(&n->poll, UV_READABLE, on_incoming);
}

static void pause_accepting(struct net_listener *n, int error)
{
    if (!n->starved)
        log_event(LOG_ERROR, "accept-paused", KVS("address", n->options.address), KVS("reason", strerror(error)));
    n->starved = true;
    uv_poll_stop(&n->poll);
    loop_move(n->loop, &n->again, net_loop_now_ms(n->loop) + PAUSE_MS);
}

static void welcome(struct net_listener *n, int fd, const struct sockaddr_storage *from)
{
    struct net_gate *gate = n->options.gate;
    struct gate_place *place = NULL;
    struct net_conn *c;

    assert(fd >= 0 && n->options.accept && n->options.tls);
    if (gate && !(place = gate_enter(gate, from, net_loop_now_ms(n->loop)))) {
        close(fd);
        count(&n->loop->counters.refused, 1);
        return;
    }
    if (conn_new(n->loop, n->options.accept, n->options.accept_ctx, &c)) {
        if (place)
            gate_leave(gate, place, false);
        close(fd);
        return;
    }
    c->gate = gate;
    c->place = place;
    if (uv_tcp_open(&c->tcp, fd) < 0) {
        close(fd);
        conn_abort(c, ERR_INTERNAL);
        return;
    }
    conn_shake(c, n->options.tls, NULL);
}

static int accept_one(const struct net_listener *n, struct sockaddr_storage *from)
{
    socklen_t len = sizeof *from;

    return accept4(n->fd, (struct sockaddr *)from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void on_incoming(uv_poll_t *poll, int status, int events)
{
    struct net_listener *n = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from;
        int fd = accept_one(n, &from);

        if (fd >= 0) {
            n->starved = false;
            welcome(n, fd, &from);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(n, errno);
            return;
        }
        /* Anything else is the end of a connection that was about to come: the next one. */
    }
}

static bool parse_address(const char *text, int port, struct sockaddr_storage *out, socklen_t *len)
{
    if (port < 0 || port > 65535)
        return false;
    if (uv_ip4_addr(text, port, (struct sockaddr_in *)out) == 0)
        *len = sizeof(struct sockaddr_in);
    else if (uv_ip6_addr(text, port, (struct sockaddr_in6 *)out) == 0)
        *len = sizeof(struct sockaddr_in6);
    else
        return false;
    return true;
}

static int real_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = {.v6 = {0}};
    socklen_t len = sizeof a;

    if (getsockname(fd, &a.any, &len) < 0)
        return -1;
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

/* With SO_REUSEPORT a second program of the same user would get half of the connections; without it the kernel refuses.
 */
static bool is_taken(const struct sockaddr_storage *a, socklen_t len)
{
    int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    bool taken;

    if (fd < 0)
        return false; /* the real one will fail too, and say why */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    taken = bind(fd, (const struct sockaddr *)a, len) < 0 && errno == EADDRINUSE;
    close(fd);
    return taken;
}

/* Every loop opens its own on the same port: SO_REUSEPORT spreads the connections. */
static enum err open_socket(const struct net_listen_options *o, int *out, int *port)
{
    struct sockaddr_storage a;
    socklen_t len;
    int fd, on = 1;
    enum err e = ERR_IO;

    if (!parse_address(o->address, o->port, &a, &len))
        return ERR_ARGUMENT;
    if (o->first && o->port && is_taken(&a, len))
        return ERR_BUSY;
    fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno == EAFNOSUPPORT ? ERR_ARGUMENT : ERR_LIMIT;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 && bind(fd, (struct sockaddr *)&a, len) == 0 &&
        listen(fd, BACKLOG) == 0 && (*port = real_port(fd)) > 0) {
        *out = fd;
        return OK;
    }
    if (errno == EACCES || errno == EPERM)
        e = ERR_DENIED;
    else if (errno == EADDRINUSE)
        e = ERR_BUSY;
    else if (errno == EADDRNOTAVAIL)
        e = ERR_ARGUMENT;
    close(fd);
    return e;
}

enum err net_listen(struct net_loop *l, const struct net_listen_options *options, int *port)
{
    struct net_listener *n = calloc(1, sizeof *n);
    enum err e = n ? OK : ERR_MEMORY;

    if (!e)
        e = open_socket(options, &n->fd, port);
    if (e) {
        free(n);
        return e;
    }
    n->loop = l;
    n->options = *options;
    n->again.run = on_again;
    if (uv_poll_init(&l->uv, &n->poll, n->fd) < 0 || loop_at(l, &n->again, INT64_MAX)) {
        close(n->fd);
        free(n);
        return ERR_MEMORY;
    }
    n->poll.data = n;
    uv_poll_start(&n->poll, UV_READABLE, on_incoming);
    list_add(&l->listeners, &n->link);
    return OK;
}

void listeners_close(struct net_loop *l)
{
    LIST_EACH (&l->listeners, it) {
        struct net_listener *n = LIST_OF(it, struct net_listener, link);

        if (n->fd < 0)
            continue;
        heap_del(&l->timers, &n->again.timer);
        uv_close((uv_handle_t *)&n->poll, NULL);
        close(n->fd);
        n->fd = -1;
    }
}

void listeners_free(struct net_loop *l)
{
    LIST_EACH (&l->listeners, it) {
        list_del(it);
        free(LIST_OF(it, struct net_listener, link));
    }
}
