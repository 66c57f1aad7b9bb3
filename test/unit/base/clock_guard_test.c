/* The guard in simulated time: one second a look. */
#include "check.h"

#include "ceilings.h"
#include "clock_guard.h"

enum { SECOND = 1000, HOUR = 3600 * SECOND };

#define DAY (24LL * HOUR)
#define START 1800000000000LL /* 2027 */

struct clocks {
    struct clock_guard g;
    int64_t steady_ms, system_ms; /* the system's clock minus the steady one */
};

static int64_t ours(const struct clocks *w)
{
    return w->steady_ms + w->g.ahead_ms;
}

static enum clock_says begin(struct clocks *w, int64_t wall_ms, int64_t last_ms)
{
    *w = (struct clocks){.steady_ms = 1000000};
    w->system_ms = wall_ms - w->steady_ms;
    return clock_guard_begin(&w->g, w->steady_ms, wall_ms, last_ms, CLOCK_STEADY_MS);
}

/* The first thing that it says within so many seconds. */
static enum clock_says pass(struct clocks *w, int64_t seconds)
{
    while (seconds-- > 0) {
        int64_t before_ms = ours(w);
        w->steady_ms += SECOND;
        enum clock_says says = clock_guard_look(&w->g, w->steady_ms, w->steady_ms + w->system_ms);
        if (says != CLOCK_BELIEVED)
            CHECK(ours(w) >= before_ms);
        if (says != CLOCK_GOES_ON)
            return says;
    }
    return CLOCK_GOES_ON;
}

TEST(a_clock_that_goes_on_is_followed)
{
    struct clocks w;

    CHECK(begin(&w, START, START - HOUR) == CLOCK_GOES_ON);
    CHECK(pass(&w, 3600) == CLOCK_GOES_ON && ours(&w) == START + HOUR);
    w.system_ms += 3000;
    CHECK(pass(&w, 1) == CLOCK_GOES_ON && ours(&w) == START + HOUR + 1100);
    CHECK(pass(&w, 60) == CLOCK_GOES_ON && ours(&w) == w.steady_ms + w.system_ms);
    w.system_ms -= 3000;
    CHECK(pass(&w, 60) == CLOCK_GOES_ON && ours(&w) == w.steady_ms + w.system_ms);
    CHECK(w.g.jumped_ms == 0 && !w.g.late);
}

TEST(a_jump_that_takes_itself_back_changes_nothing)
{
    static const int64_t jumps[] = {HOUR, -HOUR, 2 * DAY, -20000 * DAY, 6000, -6000};

    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        struct clocks w;

        CHECK(begin(&w, START, START) == CLOCK_GOES_ON);
        w.system_ms += jumps[i];
        CHECK(pass(&w, 1) == CLOCK_JUMPED && w.g.doubt_ms == jumps[i]);
        CHECK(pass(&w, 300) == CLOCK_GOES_ON && ours(&w) == START + 301 * SECOND);
        w.system_ms -= jumps[i];
        CHECK(pass(&w, 1) == CLOCK_BACK && w.g.doubt_ms == 0);
        CHECK(pass(&w, 1200) == CLOCK_GOES_ON && ours(&w) == w.steady_ms + w.system_ms && w.g.jumped_ms == 0);
    }
}

TEST(a_jump_is_believed_when_the_clock_goes_on_evenly_from_there)
{
    struct clocks w;

    CHECK(begin(&w, START, START) == CLOCK_GOES_ON);
    w.system_ms += HOUR;
    CHECK(pass(&w, 1) == CLOCK_JUMPED);
    CHECK(pass(&w, CLOCK_STEADY_MS / SECOND - 1) == CLOCK_GOES_ON && ours(&w) == w.steady_ms + w.system_ms - HOUR);
    CHECK(pass(&w, 1) == CLOCK_BELIEVED && ours(&w) == w.steady_ms + w.system_ms);
    CHECK(w.g.jumped_ms == HOUR && w.g.doubt_ms == 0);
}

TEST(a_clock_that_jumps_again_and_again_is_not_believed)
{
    struct clocks w;

    CHECK(begin(&w, START, START) == CLOCK_GOES_ON);
    for (int i = 0; i < 100; i++) {
        w.system_ms += HOUR;
        CHECK(pass(&w, 1) == CLOCK_JUMPED);
        CHECK(pass(&w, 400) == CLOCK_GOES_ON);
    }
    CHECK(ours(&w) == w.steady_ms + w.system_ms - 100LL * HOUR);
}

TEST(the_operator_knows_better)
{
    struct clocks w;

    CHECK(begin(&w, START, START) == CLOCK_GOES_ON);
    CHECK(clock_guard_believe(&w.g, w.steady_ms, w.steady_ms + w.system_ms) == CLOCK_GOES_ON);
    w.system_ms -= DAY;
    CHECK(pass(&w, 5) == CLOCK_JUMPED);
    CHECK(clock_guard_believe(&w.g, w.steady_ms, w.steady_ms + w.system_ms) == CLOCK_BELIEVED);
    CHECK(ours(&w) == w.steady_ms + w.system_ms && w.g.jumped_ms == -DAY);
    CHECK(pass(&w, 1200) == CLOCK_GOES_ON);
}

TEST(a_start_without_a_battery_clock)
{
    /* In 1970, and at the time of the last stop of the machine; then network time comes. */
    static const int64_t at_start[] = {5000, START - 8LL * HOUR};

    for (size_t i = 0; i < sizeof at_start / sizeof *at_start; i++) {
        struct clocks w;
        int64_t last_ms = START - 7LL * HOUR;

        CHECK(begin(&w, at_start[i], last_ms) == CLOCK_JUMPED && ours(&w) == last_ms);
        CHECK(pass(&w, 20) == CLOCK_GOES_ON && ours(&w) == last_ms + 20 * SECOND);
        w.system_ms += START - at_start[i];
        CHECK(pass(&w, 1) == CLOCK_JUMPED);
        CHECK(pass(&w, CLOCK_TOLD_MS / SECOND - 1) == CLOCK_GOES_ON);
        CHECK(pass(&w, 1) == CLOCK_BELIEVED && ours(&w) == w.steady_ms + w.system_ms);
        CHECK(w.g.jumped_ms == 7LL * HOUR);
        w.system_ms += DAY; /* and from now on it is as suspicious as any */
        CHECK(pass(&w, 1) == CLOCK_JUMPED);
        CHECK(pass(&w, CLOCK_STEADY_MS / SECOND - 1) == CLOCK_GOES_ON);
    }
}

TEST(a_new_hub_without_a_battery_clock)
{
    struct clocks w;

    CHECK(begin(&w, 5000, 0) == CLOCK_GOES_ON && ours(&w) == 5000);
    w.system_ms += START;
    CHECK(pass(&w, 1) == CLOCK_JUMPED);
    CHECK(pass(&w, CLOCK_TOLD_MS / SECOND) == CLOCK_BELIEVED && ours(&w) == w.steady_ms + w.system_ms);
}

TEST(a_start_after_a_long_time_lets_nothing_expire_at_once)
{
    struct clocks w;

    CHECK(begin(&w, START, START - 30 * DAY) == CLOCK_GOES_ON && ours(&w) == START);
    CHECK(w.g.late);
    CHECK(pass(&w, CLOCK_STEADY_MS / SECOND - 1) == CLOCK_GOES_ON && w.g.late);
    CHECK(pass(&w, 1) == CLOCK_BELIEVED && !w.g.late && w.g.jumped_ms == 0 && ours(&w) == w.steady_ms + w.system_ms);
    CHECK(begin(&w, START, START - DAY + 1) == CLOCK_GOES_ON && !w.g.late);
}

TEST(a_wrong_clock_at_the_start_that_is_set_right)
{
    struct clocks w;

    CHECK(begin(&w, START + 3650 * DAY, START) == CLOCK_GOES_ON && w.g.late);
    w.system_ms -= 3650 * DAY;
    CHECK(pass(&w, 1) == CLOCK_JUMPED && w.g.late);
    CHECK(pass(&w, CLOCK_STEADY_MS / SECOND) == CLOCK_BELIEVED && w.g.jumped_ms == -3650 * DAY && !w.g.late);
    CHECK(ours(&w) == w.steady_ms + w.system_ms);
}

TESTS(RUN(a_clock_that_goes_on_is_followed), RUN(a_jump_that_takes_itself_back_changes_nothing),
      RUN(a_jump_is_believed_when_the_clock_goes_on_evenly_from_there),
      RUN(a_clock_that_jumps_again_and_again_is_not_believed), RUN(the_operator_knows_better),
      RUN(a_start_without_a_battery_clock), RUN(a_new_hub_without_a_battery_clock),
      RUN(a_start_after_a_long_time_lets_nothing_expire_at_once), RUN(a_wrong_clock_at_the_start_that_is_set_right))
