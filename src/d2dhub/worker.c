#include "worker.h"

#include "clock.h"
#include "configurations.h"
#include "net.h"
#include "queries.h"
#include "runner.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    BURST_US = 150,        /* after so long it lets others work: whoever wakes then waits no longer for a processor */
    WAIT_MAX_US = 1000000, /* it looks again at the latest then */
};

struct worker {
    struct waker waker; /* first: it is found by it */
    struct hub *hub;
    struct queries *queries;
    struct job_runner *jobs;
    struct configurations *configurations;
    struct served served;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool started, woken, stopping;
};

static void wake(struct waker *waker)
{
    struct worker *w = (struct worker *)(void *)waker;

    pthread_mutex_lock(&w->lock);
    w->woken = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* So long, or until somebody calls if `early`. False: the hub stops. */
static bool wait_us(struct worker *w, int64_t wait, bool early)
{
    int64_t us = clock_us(CLOCK_MONOTONIC) + (wait < WAIT_MAX_US ? wait : WAIT_MAX_US);
    struct timespec until = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
    bool goes_on;

    pthread_mutex_lock(&w->lock);
    while (!w->stopping && !(early && w->woken) && clock_us(CLOCK_MONOTONIC) < us)
        pthread_cond_timedwait(&w->changed, &w->lock, &until);
    if (early)
        w->woken = false;
    goes_on = !w->stopping;
    pthread_mutex_unlock(&w->lock);
    return goes_on;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A little of everything. Gives how many milliseconds the next turn can wait. */
static int64_t turn(struct worker *w)
{
    int64_t next_ms = queries_turn(w->queries) || hub_index_turn(w->hub) ? 0 : INT64_MAX;
    int64_t now_ms = net_steady_ms();

    next_ms = earlier(job_runner_turn(w->jobs, now_ms), next_ms);
    next_ms = earlier(configurations_turn(w->configurations, now_ms), next_ms);
    return next_ms > now_ms ? next_ms - now_ms : 0;
}

static void *work(void *ctx)
{
    struct worker *w = ctx;
    int64_t began_us, now_us, wait_ms, rest_us;

    do {
        began_us = clock_us(CLOCK_MONOTONIC);
        do {
            wait_ms = turn(w);
            now_us = clock_us(CLOCK_MONOTONIC);
        } while (!wait_ms && now_us - began_us < BURST_US);
        rest_us = served_now(&w->served, now_us) ? SERVED_REST * (now_us - began_us) : 0;
    } while (wait_us(w, rest_us, false) && wait_us(w, wait_ms * 1000, true));
    return NULL;
}

enum err worker_new(struct hub *hub, const struct job_files *files, struct worker **out)
{
    struct worker *w = calloc(1, sizeof *w);
    pthread_condattr_t by_monotonic;

    if (!w)
        return ERR_MEMORY;
    w->waker.wake = wake;
    w->hub = hub;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&by_monotonic);
    pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &by_monotonic);
    pthread_condattr_destroy(&by_monotonic);
    *out = w;
    if (queries_new(&w->waker, &w->queries))
        return ERR_MEMORY;
    if (configurations_new(hub, &w->waker, &w->configurations))
        return ERR_MEMORY;
    return job_runner_new(hub, &w->waker, files, &w->jobs);
}

enum err worker_start(struct worker *w, const struct served *served)
{
    w->served = *served;
    w->started = pthread_create(&w->thread, NULL, work, w) == 0;
    return w->started ? OK : ERR_INTERNAL;
}

struct queries *worker_queries(struct worker *w)
{
    return w->queries;
}

struct configurations *worker_configurations(struct worker *w)
{
    return w->configurations;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (w->started)
        pthread_join(w->thread, NULL);
    job_runner_free(w->jobs);
    configurations_free(w->configurations);
    queries_free(w->queries);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
