#include "pulse.h"

#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    OPENING_LOOK_MS = 2000,
    MORE_S = 30, /* for a start that goes on: a slow disk may let a page wait for long */
    LOOK_MS = 15000,
    LOOKS = 4, /* in the time that the service manager gives: one that comes late is no misfortune */
};

static int64_t processor_ns(clockid_t clock)
{
    struct timespec used = {0};

    clock_gettime(clock, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* How often to look; *watched: the service manager waits for it. */
static int64_t look_ms(bool *watched)
{
    const char *time = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
    uint64_t us, pid;

    *watched = time && bytes_to_u64(bytes_str(time), &us) && us > 0 &&
               (!process || (bytes_to_u64(bytes_str(process), &pid) && pid == (uint64_t)getpid()));
    if (!*watched || us / 1000 / LOOKS > LOOK_MS)
        return LOOK_MS;
    return us / 1000 < LOOKS ? 1 : (int64_t)(us / 1000 / LOOKS);
}

/* Under the lock; until something changes or the time is over. */
static void wait_ms(struct pulse *p, int64_t ms)
{
    const struct server *server = p->server;
    struct timespec until;
    int over = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!over && !p->end && p->server == server)
        over = pthread_cond_timedwait(&p->change, &p->lock, &until);
}

/* The thread that opens reads the log and applies it: when it gets on, it uses the processor; when the disk gives
 * nothing, it does not. */
static void while_opening(struct pulse *p)
{
    int64_t used = processor_ns(p->opener);
    char more[64];

    snprintf(more, sizeof more, "EXTEND_TIMEOUT_USEC=%d000000", MORE_S);
    while (!p->end && !p->server) {
        int64_t before = used;

        wait_ms(p, OPENING_LOOK_MS);
        used = processor_ns(p->opener);
        if (!p->end && !p->server && used > before)
            report_notify(more);
    }
}

static void while_serving(struct pulse *p)
{
    struct server_moved moved = {0};
    const char *stuck, *was_stuck = NULL;
    bool watched;
    int64_t period_ms = look_ms(&watched);

    while (!p->end) {
        if (server_moves(p->server, &moved, &stuck) && watched)
            report_notify("WATCHDOG=1");
        if (stuck && !was_stuck)
            log_event(LOG_ERROR, "stuck", KVS("what", stuck), KVN("seconds", period_ms / 1000));
        if (!stuck && was_stuck)
            log_event(LOG_INFO, "goes-on", KVS("what", was_stuck));
        was_stuck = stuck;
        wait_ms(p, period_ms);
    }
}

static void *beat(void *ctx)
{
    struct pulse *p = ctx;

    pthread_mutex_lock(&p->lock);
    while_opening(p);
    while_serving(p);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

void pulse_begin(struct pulse *p)
{
    pthread_condattr_t monotonic;

    *p = (struct pulse){0};
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->change, &monotonic);
    pthread_condattr_destroy(&monotonic);
    p->running =
        pthread_getcpuclockid(pthread_self(), &p->opener) == 0 && pthread_create(&p->thread, NULL, beat, p) == 0;
}

void pulse_serve(struct pulse *p, struct server *server)
{
    pthread_mutex_lock(&p->lock);
    p->server = server;
    pthread_cond_signal(&p->change);
    pthread_mutex_unlock(&p->lock);
}

void pulse_end(struct pulse *p)
{
    pthread_mutex_lock(&p->lock);
    p->end = true;
    pthread_cond_signal(&p->change);
    pthread_mutex_unlock(&p->lock);
    if (p->running)
        pthread_join(p->thread, NULL);
}
