#include "loop.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

enum { GRACE_MS = 1000, LINGER_SHORT_MS = 200, DETAIL_CAP = 512 };

struct trust {
    struct list all;
    struct tls *tls;
    char *ca, *cert, *key; /* NULL: not given */
};

struct d2d_loop {
    struct net_loop *net;
    struct heap alarms;
    struct list trusts;
    struct list graves;
    pthread_mutex_t lock; /* over the next two */
    struct posted *posted, **last_posted;
    uint64_t random;
    int stop_fd; /* wakes the wait of d2d_loop_run() */
    atomic_bool stop;
    unsigned inside; /* this many loop_enter() deep */
    bool waiting;    /* loop_until() has somebody above it who still uses his handle */
    char detail[DETAIL_CAP];
};

int64_t loop_now_ms(struct d2d_loop *l)
{
    return net_loop_now_ms(l->net);
}

/* xorshift64*: for jitter and names, not for secrets. */
uint64_t loop_random(struct d2d_loop *l)
{
    l->random ^= l->random >> 12;
    l->random ^= l->random << 25;
    l->random ^= l->random >> 27;
    return l->random * 0x2545F4914F6CDD1DULL;
}

enum err loop_alarm(struct d2d_loop *l, struct alarm *a, int64_t at_ms)
{
    return heap_set(&l->alarms, &a->timer, at_ms);
}

void loop_no_alarm(struct d2d_loop *l, struct alarm *a)
{
    heap_del(&l->alarms, &a->timer);
}

static bool same_file(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool copy_file(const char *file, char **out)
{
    *out = file ? strdup(file) : NULL;
    return !file || *out;
}

static void trust_free(struct trust *t)
{
    if (!t)
        return;
    tls_free(t->tls);
    free(t->ca);
    free(t->cert);
    free(t->key);
    free(t);
}

enum err loop_tls(struct d2d_loop *l, const struct tls_files *files, struct tls **out, char why[256])
{
    struct trust *t;
    enum err e;

    LIST_EACH (&l->trusts, it) {
        t = LIST_OF(it, struct trust, all);
        if (same_file(t->ca, files->ca) && same_file(t->cert, files->cert) && same_file(t->key, files->key)) {
            *out = t->tls;
            return OK;
        }
    }
    t = calloc(1, sizeof *t);
    if (!t || !copy_file(files->ca, &t->ca) || !copy_file(files->cert, &t->cert) || !copy_file(files->key, &t->key)) {
        trust_free(t);
        return ERR_MEMORY;
    }
    if ((e = tls_client_new(files->ca, &t->tls, why)) ||
        (files->cert && (e = tls_client_use(t->tls, files->cert, files->key, why)))) {
        trust_free(t);
        return e;
    }
    list_add(&l->trusts, &t->all);
    *out = t->tls;
    return OK;
}

/* ---- callbacks ------------------------------------------------------------------------------------------------- */

static void dig(struct d2d_loop *l)
{
    while (!l->inside && !l->waiting && !list_empty(&l->graves)) {
        struct grave *g = LIST_OF(l->graves.next, struct grave, link);

        list_del(&g->link);
        g->end(g->of);
    }
}

void loop_enter(struct d2d_loop *l)
{
    l->inside++;
}

void loop_leave(struct d2d_loop *l)
{
    l->inside--;
}

bool loop_is_inside(const struct d2d_loop *l)
{
    return l->inside > 0;
}

void loop_bury(struct d2d_loop *l, struct grave *g)
{
    list_add(&l->graves, &g->link);
    dig(l);
}

enum d2d_err loop_fail(struct d2d_loop *l, enum d2d_err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(l->detail, sizeof l->detail, format, args);
    va_end(args);
    return e;
}

void loop_begins(struct d2d_loop *l)
{
    l->detail[0] = 0;
}

enum d2d_err loop_ends(struct d2d_loop *l, enum d2d_err e)
{
    return e && !l->detail[0] ? loop_fail(l, e, "%s", d2d_err_text(e)) : e;
}

const char *d2d_loop_detail(const struct d2d_loop *l)
{
    return l ? l->detail : "";
}

/* ---- work of other threads ------------------------------------------------------------------------------------- */

struct posted {
    struct posted *next;
    d2d_work *work;
    void *ctx;
};

enum d2d_err d2d_loop_post(struct d2d_loop *l, d2d_work *work, void *ctx)
{
    struct posted *p;

    if (!l || !work)
        return D2D_ARGUMENT;
    p = malloc(sizeof *p);
    if (!p)
        return D2D_NO_MEMORY;
    *p = (struct posted){.work = work, .ctx = ctx};
    pthread_mutex_lock(&l->lock);
    *l->last_posted = p;
    l->last_posted = &p->next;
    pthread_mutex_unlock(&l->lock);
    net_loop_wake(l->net);
    return D2D_OK;
}

/* Only the posts that are there now: the turn of later ones is the next. */
static void run_posted(struct d2d_loop *l, enum d2d_err e)
{
    struct posted *now, *next;

    pthread_mutex_lock(&l->lock);
    now = l->posted;
    l->posted = NULL;
    l->last_posted = &l->posted;
    pthread_mutex_unlock(&l->lock);
    loop_enter(l);
    for (; now; now = next) {
        next = now->next;
        now->work(now->ctx, e);
        free(now);
    }
    loop_leave(l);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

enum d2d_err d2d_loop_new(struct d2d_loop **out)
{
    const struct net_loop_options options = {.linger_ms = LINGER_SHORT_MS};
    struct d2d_loop *l;

    if (!out)
        return D2D_ARGUMENT;
    l = calloc(1, sizeof *l);
    if (!l)
        return D2D_NO_MEMORY;
    list_init(&l->trusts);
    list_init(&l->graves);
    l->last_posted = &l->posted;
    l->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->stop_fd < 0 || getrandom(&l->random, sizeof l->random, 0) < 0 || net_loop_open(&options, &l->net)) {
        if (l->stop_fd >= 0)
            close(l->stop_fd);
        free(l);
        return D2D_FAILED;
    }
    l->random |= 1;
    pthread_mutex_init(&l->lock, NULL);
    *out = l;
    return D2D_OK;
}

void d2d_loop_free(struct d2d_loop *l)
{
    if (!l)
        return;
    run_posted(l, D2D_CLOSED);
    net_loop_stop(l->net, GRACE_MS); /* what was said leaves */
    net_loop_run(l->net);
    net_loop_close(l->net);
    dig(l);
    LIST_EACH (&l->trusts, it)
        trust_free(LIST_OF(it, struct trust, all));
    heap_free(&l->alarms);
    close(l->stop_fd);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- turns ----------------------------------------------------------------------------------------------------- */

static void run_alarms(struct d2d_loop *l)
{
    struct timer *t;

    while ((t = heap_first(&l->alarms)) && t->due_ms <= loop_now_ms(l)) {
        struct alarm *a = LIST_OF(t, struct alarm, timer);

        heap_del(&l->alarms, t);
        a->run(a->ctx, loop_now_ms(l));
    }
}

void d2d_loop_turn(struct d2d_loop *l)
{
    if (l->inside)
        return;
    loop_enter(l);
    net_loop_turn(l->net);
    run_alarms(l);
    run_posted(l, D2D_OK);
    loop_leave(l);
    dig(l);
}

int d2d_loop_fd(const struct d2d_loop *l)
{
    return net_loop_fd(l->net);
}

static int sooner(int a, int64_t b)
{
    if (b < 0)
        b = 0;
    return a < 0 || b < a ? (int)(b < INT32_MAX ? b : INT32_MAX) : a;
}

int d2d_loop_timeout_ms(const struct d2d_loop *l)
{
    int wait_ms = net_loop_timeout_ms(l->net);
    struct timer *t = heap_first(&l->alarms);

    return t ? sooner(wait_ms, t->due_ms - net_loop_now_ms(l->net)) : wait_ms;
}

static void wait_for_something(struct d2d_loop *l, int64_t left_ms)
{
    struct pollfd fds[] = {{.fd = d2d_loop_fd(l), .events = POLLIN}, {.fd = l->stop_fd, .events = POLLIN}};
    int wait_ms = d2d_loop_timeout_ms(l);

    if (left_ms >= 0)
        wait_ms = sooner(wait_ms, left_ms);
    poll(fds, 2, wait_ms); /* interrupted: the caller looks again */
}

static bool take_stop(struct d2d_loop *l)
{
    uint64_t times;

    if (!atomic_exchange(&l->stop, false))
        return false;
    if (read(l->stop_fd, &times, sizeof times) < 0) {
        /* The one who stops us has not come to write yet: the next wait is cut short once, nothing else. */
    }
    return true;
}

/* D2D_OK: wait on, for at most so long. */
static enum d2d_err is_over(struct d2d_loop *l, int64_t until_ms, int64_t *left_ms)
{
    if (take_stop(l))
        return D2D_STOPPED;
    *left_ms = until_ms < 0 ? -1 : until_ms - clock_ms(CLOCK_MONOTONIC);
    return until_ms >= 0 && *left_ms <= 0 ? D2D_TIMED_OUT : D2D_OK;
}

enum d2d_err loop_until(struct d2d_loop *l, bool (*done)(void *ctx), void *ctx, int64_t timeout_ms)
{
    int64_t until_ms = timeout_ms < 0 ? -1 : clock_ms(CLOCK_MONOTONIC) + timeout_ms, left_ms;
    enum d2d_err e = D2D_OK;

    if (l->inside)
        return loop_fail(l, D2D_IN_CALLBACK, "%s", d2d_err_text(D2D_IN_CALLBACK));
    dig(l);
    l->waiting = done != NULL;
    while (!(done && done(ctx)) && !(e = is_over(l, until_ms, &left_ms))) {
        wait_for_something(l, left_ms);
        d2d_loop_turn(l);
    }
    l->waiting = false;
    return e;
}

enum d2d_err d2d_loop_run(struct d2d_loop *l, int64_t timeout_ms)
{
    return loop_until(l, NULL, NULL, timeout_ms);
}

void d2d_loop_stop(struct d2d_loop *l)
{
    static const uint64_t once = 1;
    int saved = errno;

    atomic_store(&l->stop, true);
    if (write(l->stop_fd, &once, sizeof once) < 0)
        errno = saved; /* full: somebody has stopped it already */
    errno = saved;
}

/* ---- links ----------------------------------------------------------------------------------------------------- */

struct loop_conn {
    struct net_conn *conn; /* NULL until it is open */
    struct talk *talk;     /* NULL: dropped */
    void (*failed)(void *ctx, enum err, const char *detail);
    void *ctx;
};

static enum err on_open(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms, struct talk **out)
{
    struct loop_conn *k = ctx;

    (void)peer;
    (void)now_ms;
    if (!k->talk) {
        free(k);
        return ERR_CLOSED;
    }
    k->conn = conn;
    *out = k->talk;
    return OK;
}

static void on_failed(void *ctx, enum err why, const char *detail)
{
    struct loop_conn *k = ctx;

    if (k->talk)
        k->failed(k->ctx, why, detail);
    else
        free(k);
}

enum err loop_conn_dial(struct d2d_loop *l, const struct dial *d, struct loop_conn **out)
{
    struct loop_conn *k = calloc(1, sizeof *k);
    struct net_connect_options options = {.host = d->host,
                                          .port = d->port,
                                          .name = d->name,
                                          .tls = d->tls,
                                          .accept = on_open,
                                          .accept_ctx = k,
                                          .failed = on_failed,
                                          .timeout_ms = d->timeout_ms};
    enum err e;

    if (!k)
        return ERR_MEMORY;
    *k = (struct loop_conn){.talk = d->talk, .failed = d->failed, .ctx = d->ctx};
    *d->talk = (struct talk){.ops = d->talk->ops, .proved = true};
    if ((e = net_connect(l->net, &options))) {
        free(k);
        return e;
    }
    *out = k;
    return OK;
}

void loop_conn_wake(struct loop_conn *k)
{
    if (k && k->conn)
        net_conn_wake(k->conn);
}

void loop_conn_ended(struct loop_conn *k)
{
    free(k);
}

void loop_conn_drop(struct loop_conn *k)
{
    if (!k)
        return;
    if (k->conn && !k->talk->over && k->talk->ops->bye)
        k->talk->ops->bye(k->talk);
    k->talk = NULL;
    if (!k->conn) /* it is freed when it is known what became of it */
        return;
    net_conn_drop(k->conn);
    free(k);
}
