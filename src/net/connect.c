#include "conn.h"

#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

/* A client's way to a connection: its name, then its addresses one after the other, TCP, TLS. */
struct attempt {
    struct list link; /* in the loop's attempts while the caller has no answer */
    struct net_loop *loop;
    struct net_connect_options options; /* the texts are those below */
    struct due due;                     /* the time that the caller gives */
    int64_t until_ms;
    uv_getaddrinfo_t lookup;
    bool looking_up; /* it cannot always be cancelled: the attempt outlives its answer then */
    struct addrinfo *found, *next;
    struct net_conn *conn; /* to the address that is being tried */
    char host[HOST_LEN_MAX + 1], name[HOST_LEN_MAX + 1];
    enum err
        doubt; /* a server was there, and its certificate would not do: this counts, whatever the next address says */
    char doubt_text[400];
};

/* "[2001:db8::1]" and "2001:db8::1" are the same. */
static struct bytes without_brackets(const char *host)
{
    struct bytes b = bytes_str(host);

    return b.len > 2 && b.at[0] == '[' && b.at[b.len - 1] == ']' ? bytes_first(bytes_skip(b, 1), b.len - 2) : b;
}

/* A name with a dot at its end is complete; certificates have it without. */
static struct bytes without_dot(struct bytes name)
{
    return name.len > 1 && name.at[name.len - 1] == '.' ? bytes_first(name, name.len - 1) : name;
}

static void attempt_free(struct attempt *a)
{
    uv_freeaddrinfo(a->found);
    free(a);
}

/* The caller has its answer. */
static void over(struct attempt *a)
{
    list_del(&a->link);
    heap_del(&a->loop->timers, &a->due.timer);
    a->conn = NULL;
    if (a->looking_up)
        uv_cancel((uv_req_t *)&a->lookup);
    else
        attempt_free(a);
}

static void fail(struct attempt *a, enum err why, const char *detail)
{
    struct net_connect_options options = a->options;
    char text[HOST_LEN_MAX + 440];

    assert(why != OK);
    snprintf(text, sizeof text, strchr(a->host, ':') ? "[%s]:%d: %s" : "%s:%d: %s", a->host, a->options.port, detail);
    over(a);
    options.failed(options.accept_ctx, why, text);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct net_conn *c = request->handle->data;
    struct attempt *a = c->attempt;

    if (!a)
        return;
    assert(a->conn == c);
    if (status == 0) {
        /* From here on the time of the whole attempt counts. */
        a->next = NULL;
        conn_shake(c, a->options.tls, a->name);
        return;
    }
    c->attempt = NULL;
    conn_abort(c, ERR_UNREACHABLE);
    attempt_lost(a, ERR_UNREACHABLE, uv_strerror(status));
}

/* Each address gets its share of the time, so that one that is silent does not use it up. */
static void try_next(struct attempt *a)
{
    struct addrinfo *at = a->next;
    int64_t now_ms = net_loop_now_ms(a->loop), left = 0;
    struct net_conn *c;
    int status;

    assert(at && !a->conn);
    for (struct addrinfo *i = at; i; i = i->ai_next)
        left++;
    a->next = at->ai_next;
    if (conn_new(a->loop, a->options.accept, a->options.accept_ctx, &c)) {
        fail(a, ERR_MEMORY, err_text(ERR_MEMORY));
        return;
    }
    c->attempt = a;
    a->conn = c;
    loop_move(a->loop, &c->due, now_ms + (a->until_ms - now_ms) / left);
    status = uv_tcp_connect(&c->request.connect, &c->tcp, at->ai_addr, on_connected);
    if (status < 0) {
        c->attempt = NULL;
        conn_abort(c, ERR_UNREACHABLE);
        attempt_lost(a, ERR_UNREACHABLE, uv_strerror(status));
    }
}

void attempt_open(struct attempt *a)
{
    over(a);
}

void attempt_lost(struct attempt *a, enum err why, const char *detail)
{
    assert(!a->looking_up);
    a->conn = NULL;
    if (!a->doubt && (why == ERR_UNTRUSTED || why == ERR_CLOCK)) {
        a->doubt = why;
        snprintf(a->doubt_text, sizeof a->doubt_text, "%s", detail);
    }
    if (a->next && why != ERR_SHUTDOWN)
        try_next(a);
    else if (a->doubt)
        fail(a, a->doubt, a->doubt_text);
    else
        fail(a, why == ERR_CLOSED ? ERR_UNREACHABLE : why, detail);
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct attempt *a = lookup->data;

    a->looking_up = false;
    a->found = a->next = found;
    if (list_alone(&a->link))
        attempt_free(a);
    else if (status < 0 || !found)
        fail(a, ERR_UNREACHABLE, "the host name does not resolve");
    else
        try_next(a);
}

static void give_up(struct attempt *a, enum err why, const char *detail)
{
    if (a->conn) {
        a->conn->attempt = NULL;
        conn_abort(a->conn, why);
    }
    fail(a, why, detail);
}

static void on_time_over(struct due *due, int64_t now_ms)
{
    struct attempt *a = LIST_OF(due, struct attempt, due);

    (void)now_ms;
    give_up(a, ERR_TIMEOUT, a->looking_up ? "the name was not found in time" : "there was no answer in time");
}

void attempts_cancel(struct net_loop *l, enum err why)
{
    LIST_EACH (&l->attempts, it)
        give_up(LIST_OF(it, struct attempt, link), why, err_text(why));
}

enum err net_connect(struct net_loop *l, const struct net_connect_options *options)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    const char *name = options->name ? options->name : options->host;
    struct attempt *a;
    char port[8];

    if (options->port <= 0 || options->port > 65535 || strlen(options->host) > HOST_LEN_MAX ||
        strlen(name) > HOST_LEN_MAX)
        return ERR_ARGUMENT;
    a = calloc(1, sizeof *a);
    if (!a)
        return ERR_MEMORY;
    assert(options->accept && options->failed);
    uv_update_time(&l->uv); /* this may come from outside a turn */
    a->loop = l;
    a->options = *options;
    a->due.run = on_time_over;
    a->lookup.data = a;
    a->until_ms = net_loop_now_ms(l) + options->timeout_ms;
    snprintf(a->host, sizeof a->host, "%.*s", BYTES_ARG(without_brackets(options->host)));
    snprintf(a->name, sizeof a->name, "%.*s", BYTES_ARG(without_dot(without_brackets(name))));
    snprintf(port, sizeof port, "%d", options->port);
    if (loop_at(l, &a->due, a->until_ms)) {
        free(a);
        return ERR_MEMORY;
    }
    if (uv_getaddrinfo(&l->uv, &a->lookup, on_looked_up, a->host, port, &hints) < 0) {
        heap_del(&l->timers, &a->due.timer);
        free(a);
        return ERR_ARGUMENT;
    }
    a->looking_up = true;
    list_add(&l->attempts, &a->link);
    loop_again(l); /* the timer is not armed yet */
    return OK;
}
