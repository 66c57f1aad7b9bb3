#include "clock_guard.h"

#include "ceilings.h"

static int64_t size_of(int64_t ms)
{
    return ms < 0 ? -ms : ms;
}

static int64_t off_by(const struct clock_guard *g, int64_t steady_ms, int64_t wall_ms)
{
    return wall_ms - (steady_ms + g->ahead_ms);
}

static void believe(struct clock_guard *g, int64_t off_ms)
{
    g->ahead_ms += off_ms;
    g->jumped_ms += off_ms;
    g->doubt_ms = 0;
    g->wrong = g->late = false;
}

static void doubt(struct clock_guard *g, int64_t off_ms, int64_t steady_ms)
{
    g->doubt_ms = off_ms;
    g->since_ms = steady_ms;
}

enum clock_says clock_guard_begin(struct clock_guard *g, int64_t steady_ms, int64_t wall_ms, int64_t last_ms,
                                  int64_t wait_ms)
{
    int64_t gap_ms = last_ms ? wall_ms - last_ms : 0;

    *g = (struct clock_guard){.ahead_ms = wall_ms - steady_ms,
                              .since_ms = steady_ms,
                              .looked_ms = steady_ms,
                              .wait_ms = wait_ms,
                              .wrong = wall_ms < CLOCK_FLOOR_MS || gap_ms < -CLOCK_SMALL_MS};
    if (gap_ms < 0)
        g->ahead_ms = last_ms - steady_ms;
    if (gap_ms < -CLOCK_SMALL_MS) {
        doubt(g, gap_ms, steady_ms);
        return CLOCK_JUMPED;
    }
    g->late = gap_ms > CLOCK_GAP_MS;
    return CLOCK_GOES_ON;
}

/* A machine that had the time of last year, or of 1970, at the start and then a later one, has been told the time. */
static int64_t wait_of(const struct clock_guard *g)
{
    bool told = g->wrong && g->doubt_ms > 0;

    return told && g->wait_ms > CLOCK_TOLD_MS ? CLOCK_TOLD_MS : g->wait_ms;
}

int64_t clock_guard_due_ms(const struct clock_guard *g)
{
    return g->since_ms + wait_of(g);
}

/* Never by more than a tenth of the time that went by, so that it never goes backwards. */
static void follow(struct clock_guard *g, int64_t off_ms, int64_t steady_ms)
{
    int64_t most_ms = (steady_ms - g->looked_ms) / 10;

    if (off_ms > most_ms)
        off_ms = most_ms;
    else if (off_ms < -most_ms)
        off_ms = -most_ms;
    g->ahead_ms += off_ms;
}

enum clock_says clock_guard_look(struct clock_guard *g, int64_t steady_ms, int64_t wall_ms)
{
    int64_t off_ms = off_by(g, steady_ms, wall_ms);
    enum clock_says says = CLOCK_GOES_ON;

    if (size_of(off_ms) <= CLOCK_SMALL_MS) {
        if (g->doubt_ms) {
            says = CLOCK_BACK;
            doubt(g, 0, steady_ms);
        }
        follow(g, off_ms, steady_ms);
        if (g->late && steady_ms >= clock_guard_due_ms(g)) {
            g->late = false;
            says = CLOCK_BELIEVED;
        }
    } else if (size_of(off_ms - g->doubt_ms) > CLOCK_SMALL_MS) {
        doubt(g, off_ms, steady_ms);
        says = CLOCK_JUMPED;
    } else if (steady_ms >= clock_guard_due_ms(g)) {
        believe(g, off_ms);
        says = CLOCK_BELIEVED;
    }
    g->looked_ms = steady_ms;
    return says;
}

enum clock_says clock_guard_believe(struct clock_guard *g, int64_t steady_ms, int64_t wall_ms)
{
    int64_t off_ms = off_by(g, steady_ms, wall_ms);
    bool any = g->late || size_of(off_ms) > CLOCK_SMALL_MS;

    if (any)
        believe(g, size_of(off_ms) > CLOCK_SMALL_MS ? off_ms : 0);
    g->looked_ms = steady_ms;
    return any ? CLOCK_BELIEVED : CLOCK_GOES_ON;
}
