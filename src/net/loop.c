#include "conn.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum {
    SLEEP_MAX_MS = 5000, /* libuv's clock stands still while the machine sleeps, ours does not */
    LOG_LINES_MAX = 10,  /* a second */
    WIRE_MAX = 1024 * 1024,
    WIRE_KEEP = 256 * 1024
};

static _Thread_local const struct net_loop *turning;

/* ---- time ------------------------------------------------------------------------------------------------------ */

static void read_clock(struct net_loop *l)
{
    l->clock_offset_ms = net_steady_ms() - (int64_t)(uv_hrtime() / 1000000);
}

int64_t net_loop_now_ms(struct net_loop *l)
{
    return (int64_t)uv_now(&l->uv) + l->clock_offset_ms;
}

enum err loop_at(struct net_loop *l, struct due *due, int64_t when_ms)
{
    assert(due->run);
    return heap_set(&l->timers, &due->timer, when_ms);
}

void loop_move(struct net_loop *l, struct due *due, int64_t when_ms)
{
    enum err e = heap_set(&l->timers, &due->timer, when_ms);

    assert(!e && "it has its place already");
    (void)e;
}

static void on_timer(uv_timer_t *timer)
{
    struct net_loop *l = timer->data;
    int64_t now_ms = net_loop_now_ms(l);
    struct timer *t;

    l->armed_ms = INT64_MAX;
    while ((t = heap_first(&l->timers)) && t->due_ms <= now_ms) {
        struct due *due = LIST_OF(t, struct due, timer);

        loop_move(l, due, INT64_MAX);
        due->run(due, now_ms);
    }
}

static void arm_timer(struct net_loop *l)
{
    struct timer *t = heap_first(&l->timers);
    int64_t due_ms = t ? t->due_ms : INT64_MAX, wait_ms;

    if (due_ms == l->armed_ms)
        return;
    l->armed_ms = due_ms;
    if (due_ms == INT64_MAX) {
        uv_timer_stop(&l->timer);
        return;
    }
    wait_ms = due_ms - net_loop_now_ms(l);
    if (wait_ms > SLEEP_MAX_MS)
        wait_ms = SLEEP_MAX_MS;
    uv_timer_start(&l->timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

bool loop_may_log(struct net_loop *l)
{
    int64_t second = net_loop_now_ms(l) / 1000;

    if (second != l->log_second) {
        l->log_second = second;
        l->log_lines = 0;
    }
    return l->log_lines++ < LOG_LINES_MAX;
}

/* Buffers that were not used for a while are given back. */
static void on_sweep(struct due *due, int64_t now_ms)
{
    struct net_loop *l = LIST_OF(due, struct net_loop, sweep);
    int64_t warm_ms = l->options.warm_ms ? l->options.warm_ms : WARM_MS;

    while (!list_empty(&l->warm)) {
        struct net_conn *c = LIST_OF(l->warm.next, struct net_conn, warm);

        if (now_ms < c->used_ms + warm_ms && now_ms >= c->used_ms) {
            loop_move(l, due, c->used_ms + warm_ms);
            break;
        }
        conn_cool(c);
    }
    if (l->wire.len == 0 && l->wire.cap > WIRE_KEEP)
        buf_shrink(&l->wire, WIRE_KEEP);
}

/* ---- a turn ---------------------------------------------------------------------------------------------------- */

void loop_again(struct net_loop *l)
{
    uv_async_send(&l->async);
}

bool loop_is_turning(const struct net_loop *l)
{
    return turning == l;
}

static void on_async(uv_async_t *async)
{
    (void)async; /* what it came for is looked at when the turn is settled */
}

/* Oldest first: the stack is turned over. */
static void take_woken(struct net_loop *l)
{
    struct net_conn *c = atomic_exchange(&l->woken, NULL), *first = NULL, *next;

    for (; c; c = next) {
        next = c->next_woken;
        c->next_woken = first;
        first = c;
    }
    for (c = first; c; c = next) {
        next = c->next_woken;
        conn_take_woken(c);
    }
}

static uint64_t durable(const struct net_loop *l)
{
    return l->options.durable ? l->options.durable(l->options.durable_ctx) : UINT64_MAX;
}

/* Connections whose sealed half may leave by now are settled in this turn. */
static void look_at_waiting(struct net_loop *l, uint64_t now_durable)
{
    if (now_durable == l->durable)
        return;
    assert(now_durable > l->durable);
    l->durable = now_durable;
    LIST_EACH (&l->waiting, it) {
        struct net_conn *c = LIST_OF(it, struct net_conn, waiting);

        if (c->sealed_after < now_durable) {
            list_del(&c->waiting);
            conn_touch(c);
        }
    }
}

/* True if the store grew before it could know that somebody waits: net_loop_grew() may have found nothing to do then.
 */
static bool grew_unheard(struct net_loop *l)
{
    bool any = !list_empty(&l->waiting);

    atomic_exchange(&l->any_waiting, any);
    return any && durable(l) != l->durable;
}

static void begin_stop(struct net_loop *l, int64_t grace_ms)
{
    l->stopping = true;
    assert(!l->done);
    listeners_close(l);
    attempts_cancel(l, ERR_SHUTDOWN);
    LIST_EACH (&l->conns, it) {
        struct net_conn *c = LIST_OF(it, struct net_conn, all);

        if (c->state == CONN_OPEN)
            conn_leave(c, ERR_SHUTDOWN);
        else if (c->state < CONN_OPEN)
            conn_abort(c, ERR_SHUTDOWN);
    }
    loop_move(l, &l->grace, net_loop_now_ms(l) + grace_ms);
}

static void abort_all(struct net_loop *l)
{
    LIST_EACH (&l->conns, it)
        conn_abort(LIST_OF(it, struct net_conn, all), ERR_SHUTDOWN);
}

static void on_grace(struct due *due, int64_t now_ms)
{
    (void)now_ms;
    abort_all(LIST_OF(due, struct net_loop, grace));
}

static void settle(struct net_loop *l)
{
    int64_t stop_ms = atomic_load(&l->stop_ms);

    read_clock(l);
    if (stop_ms >= 0 && !l->stopping)
        begin_stop(l, stop_ms);
    take_woken(l);
    do {
        look_at_waiting(l, durable(l));
        while (!list_empty(&l->dirty))
            conn_settle(conn_of_dirty(l->dirty.next));
    } while (grew_unheard(l));
    assert(list_empty(&l->dirty));
    arm_timer(l);
    if (atomic_load(&l->woken))
        loop_again(l);
    l->done = l->stopping && list_empty(&l->conns);
    if (l->done)
        uv_stop(&l->uv);
}

/* Before the loop waits, and again after it has waited, so that a turn that does not wait leaves nothing behind. */
static void on_prepare(uv_prepare_t *prepare)
{
    settle(prepare->data);
}

static void on_check(uv_check_t *check)
{
    struct net_loop *l = check->data;

    atomic_fetch_add_explicit(&l->counters.turns, 1, memory_order_relaxed);
    settle(l);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void init_lists(struct net_loop *l)
{
    list_init(&l->conns);
    list_init(&l->listeners);
    list_init(&l->attempts);
    list_init(&l->dirty);
    list_init(&l->waiting);
    list_init(&l->warm);
}

enum err net_loop_open(const struct net_loop_options *options, struct net_loop **out)
{
    struct net_loop *l = calloc(1, sizeof *l);

    if (!l)
        return ERR_MEMORY;
    init_lists(l);
    l->options = *options;
    l->wire = buf_max(WIRE_MAX);
    l->sweep.run = on_sweep;
    l->grace.run = on_grace;
    l->armed_ms = INT64_MAX;
    atomic_store(&l->stop_ms, -1);
    if (loop_at(l, &l->sweep, INT64_MAX) || loop_at(l, &l->grace, INT64_MAX) || uv_loop_init(&l->uv) < 0) {
        heap_free(&l->timers);
        free(l);
        return ERR_MEMORY;
    }
    if (uv_async_init(&l->uv, &l->async, on_async) < 0) {
        uv_loop_close(&l->uv);
        heap_free(&l->timers);
        free(l);
        return ERR_LIMIT; /* of descriptors */
    }
    uv_prepare_init(&l->uv, &l->prepare);
    uv_check_init(&l->uv, &l->check);
    uv_timer_init(&l->uv, &l->timer);
    l->prepare.data = l->check.data = l->timer.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    read_clock(l);
    *out = l;
    return OK;
}

/* Writing to a peer that is gone must not end the program, and a library must not change how its program takes signals:
 * SIGPIPE is blocked on this thread while the loop runs, and what came of it is taken away. */
struct quiet {
    sigset_t pipe, outer;
    bool was_pending;
};

static void quiet_begin(struct quiet *q)
{
    sigset_t pending;

    sigemptyset(&pending);
    sigpending(&pending);
    q->was_pending = sigismember(&pending, SIGPIPE);
    sigemptyset(&q->pipe);
    sigaddset(&q->pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &q->pipe, &q->outer);
}

static void quiet_end(const struct quiet *q)
{
    static const struct timespec no_time = {0, 0};

    if (!q->was_pending)
        while (sigtimedwait(&q->pipe, NULL, &no_time) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &q->outer, NULL);
}

static int turn(struct net_loop *l, uv_run_mode mode)
{
    const struct net_loop *outer = turning;
    int more;

    turning = l;
    more = uv_run(&l->uv, mode);
    /* From libuv 1.45 on timers come last: what they said would be left behind until something else happens. */
    if (mode == UV_RUN_NOWAIT)
        settle(l);
    turning = outer;
    return more;
}

void net_loop_run(struct net_loop *l)
{
    struct quiet quiet;

    quiet_begin(&quiet);
    while (!l->done)
        turn(l, UV_RUN_ONCE);
    quiet_end(&quiet);
}

void net_loop_stop(struct net_loop *l, int64_t grace_ms)
{
    atomic_store(&l->stop_ms, grace_ms > 0 ? grace_ms : 0);
    loop_again(l);
}

void net_loop_close(struct net_loop *l)
{
    struct quiet quiet;

    if (!l)
        return;
    quiet_begin(&quiet);
    listeners_close(l);
    attempts_cancel(l, ERR_SHUTDOWN);
    abort_all(l);
    uv_close((uv_handle_t *)&l->async, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->timer, NULL);
    while (turn(l, UV_RUN_DEFAULT))
        ;
    assert(list_empty(&l->conns) && list_empty(&l->attempts));
    quiet_end(&quiet);
    take_woken(l);
    uv_loop_close(&l->uv);
    listeners_free(l);
    heap_free(&l->timers);
    buf_free(&l->wire);
    free(l);
}

void net_loop_grew(struct net_loop *l)
{
    /* Together with grew_unheard(): both change the same variable, one after the other. Either this comes second and
     * sees that somebody waits, or that one does and then sees what the store published before this. */
    if (atomic_fetch_or(&l->any_waiting, 0))
        loop_again(l);
}

uint64_t net_loop_turns(struct net_loop *l)
{
    uint64_t turns = atomic_load(&l->counters.turns);

    loop_again(l);
    return turns;
}

int net_loop_fd(struct net_loop *l)
{
    return uv_backend_fd(&l->uv);
}

int net_loop_timeout_ms(struct net_loop *l)
{
    uv_update_time(&l->uv);
    return uv_backend_timeout(&l->uv);
}

void net_loop_turn(struct net_loop *l)
{
    struct quiet quiet;

    quiet_begin(&quiet);
    turn(l, UV_RUN_NOWAIT);
    quiet_end(&quiet);
}

void net_loop_wake(struct net_loop *l)
{
    loop_again(l);
}

void net_loop_stats(struct net_loop *l, struct net_stats *out)
{
    const struct counters *c = &l->counters;

    *out = (struct net_stats){
        .connections = atomic_load(&c->connections),
        .accepted = atomic_load(&c->accepted),
        .handshakes_failed = atomic_load(&c->handshakes_failed),
        .refused = atomic_load(&c->refused),
        .reads = atomic_load(&c->reads),
        .writes = atomic_load(&c->writes),
        .bytes_in = atomic_load(&c->bytes_in),
        .bytes_out = atomic_load(&c->bytes_out),
    };
}
