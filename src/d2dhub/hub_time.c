#include "hub_time.h"

#include "log.h"
#include "net.h"
#include "text.h"

static void tell_jump(const struct clock_guard *g, int64_t now_ms)
{
    char system[ISO_TIME_CAP], ours[ISO_TIME_CAP];

    iso_time(now_ms + g->ahead_ms + g->doubt_ms, system);
    iso_time(now_ms + g->ahead_ms, ours);
    log_event(LOG_WARN, "clock-jumped", KVS("system", system), KVS("hub", ours), KVN("seconds", g->doubt_ms / 1000),
              KVN("believed_in_seconds", (clock_guard_due_ms(g) - now_ms) / 1000),
              KVS("detail", "the hub continues with its own time: nothing expires or is deleted by this jump. If the "
                            "system's clock is right, send SIGHUP to use it at once"));
}

static void tell_believed(const struct clock_guard *g, int64_t now_ms)
{
    char time[ISO_TIME_CAP];

    iso_time(now_ms + g->ahead_ms, time);
    log_event(LOG_WARN, "clock-believed", KVS("hub", time), KVS("detail", "the hub uses the system's clock"));
}

/* Under the lock. */
static void tell(struct hub_time *t, enum clock_says says, int64_t now_ms)
{
    const struct clock_guard *g = &t->guard;

    hub_clock_set(t->hub,
                  &(struct hub_clock){
                      .ahead_ms = g->ahead_ms, .jumped_ms = g->jumped_ms, .doubt_ms = g->doubt_ms, .late = g->late});
    switch (says) {
    case CLOCK_GOES_ON:
        return;
    case CLOCK_JUMPED:
        tell_jump(g, now_ms);
        return;
    case CLOCK_BACK:
        log_event(LOG_INFO, "clock-back", KVS("detail", "the system's clock agrees with the hub's again"));
        return;
    case CLOCK_BELIEVED:
        tell_believed(g, now_ms);
        return;
    }
}

void hub_time_begin(struct hub_time *t, struct hub *hub, int64_t wait_ms)
{
    int64_t now_ms = net_steady_ms(), last_ms = hub_last_ms(hub);
    char last[ISO_TIME_CAP];

    pthread_mutex_init(&t->lock, NULL);
    t->hub = hub;
    tell(t, clock_guard_begin(&t->guard, now_ms, net_wall_ms(), last_ms, wait_ms), now_ms);
    if (!t->guard.late)
        return;
    iso_time(last_ms, last);
    log_event(LOG_INFO, "clock-ahead", KVS("last_record", last),
              KVN("seconds", (now_ms + t->guard.ahead_ms - last_ms) / 1000),
              KVN("believed_in_seconds", (clock_guard_due_ms(&t->guard) - now_ms) / 1000),
              KVS("detail", "the last record is old: what is stored neither expires nor is deleted for its age yet"));
}

void hub_time_look(struct hub_time *t)
{
    int64_t now_ms = net_steady_ms();

    pthread_mutex_lock(&t->lock);
    tell(t, clock_guard_look(&t->guard, now_ms, net_wall_ms()), now_ms);
    pthread_mutex_unlock(&t->lock);
}

void hub_time_believe(struct hub_time *t)
{
    int64_t now_ms = net_steady_ms();

    pthread_mutex_lock(&t->lock);
    tell(t, clock_guard_believe(&t->guard, now_ms, net_wall_ms()), now_ms);
    pthread_mutex_unlock(&t->lock);
}
