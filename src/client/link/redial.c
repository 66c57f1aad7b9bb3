#include "redial.h"

/* STEADY_MS: what was open for so long was no accident. TAKEN_MAX: of two programs with one identity, one gives in. */
enum { STEADY_MS = 60000, TAKEN_MAX = 5 };

void redial_init(struct redial *r, struct account *a, int64_t first_ms, int64_t most_ms, bool once,
                 void (*dial)(void *ctx, int64_t now_ms), void *ctx)
{
    *r = (struct redial){
        .account = a, .alarm = {.run = dial, .ctx = ctx}, .backoff = backoff_of(first_ms, most_ms), .once = once};
}

enum err redial_start(struct redial *r)
{
    return loop_alarm(r->account->loop, &r->alarm, loop_now_ms(r->account->loop));
}

void redial_stop(struct redial *r)
{
    loop_no_alarm(r->account->loop, &r->alarm);
}

void redial_opened(struct redial *r)
{
    r->open_ms = loop_now_ms(r->account->loop);
}

void redial_worked(struct redial *r)
{
    backoff_reset(&r->backoff);
}

/* These will be so the next time, too. */
static bool is_hopeless(enum d2d_err why)
{
    return why == D2D_NOT_AUTHORISED || why == D2D_WRONG_HUB || why == D2D_UNTRUSTED || why == D2D_NOT_FOUND ||
           why == D2D_EXPIRED || why == D2D_ARGUMENT || why == D2D_CHANGED || why == D2D_NO_MEMORY;
}

/* A displaced connection comes back after a pause that only grows: the other one may be there for one message. Two that
 * both stay would take the place from each other for ever, even if each gets work done in between. */
static bool gives_in(struct redial *r, enum d2d_err why)
{
    if (why != D2D_TAKEN_OVER)
        return false;
    if (++r->taken >= TAKEN_MAX)
        return true;
    if (r->backoff.tries < r->taken)
        r->backoff.tries = r->taken;
    return false;
}

bool redial_ended(struct redial *r, enum d2d_err why)
{
    struct d2d_loop *l = r->account->loop;
    int64_t now_ms = loop_now_ms(l);

    if (r->open_ms && now_ms - r->open_ms >= STEADY_MS) {
        backoff_reset(&r->backoff);
        r->taken = 0;
    }
    r->open_ms = 0;
    if (gives_in(r, why) || r->once || is_hopeless(why))
        return true;
    return loop_alarm(l, &r->alarm, now_ms + backoff_next(&r->backoff, loop_random(l))) != OK;
}
