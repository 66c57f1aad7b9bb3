/* The hub while the wall clock jumps: the steady one, by which the test's time goes, does not. */
#include "hub_world.h"

static struct world w;
static struct bell bell;
static struct hub_clock wall;

enum { MINUTE = 60000, HOUR = 60 * MINUTE };

#define DAY (24LL * HOUR)

static struct seat *start(uint64_t seed)
{
    bell = bell_new();
    wall = (struct hub_clock){0};
    world_start(&w, seed);
    world_add(&w, "door");
    return world_sit(&w, "door", &bell);
}

static void end(struct seat *s)
{
    hub_detach(s, w.now_ms);
    world_end(&w);
}

/* A jump, once it is believed. */
static void jump(int64_t ms)
{
    wall.ahead_ms += ms;
    wall.jumped_ms += ms;
    hub_clock_set(w.hub, &wall);
}

static void post(const char *body, int64_t expiry_ms)
{
    struct msg m = {.body = bytes_str(body), .expiry_ms = expiry_ms};
    uint64_t at;

    CHECK_OK(hub_post(w.hub, BYTES("door"), &m, w.now_ms, &at));
}

static unsigned waiting(void)
{
    struct device d;

    CHECK_OK(hub_device_get(w.hub, BYTES("door"), &d));
    return d.c2d_count;
}

static int64_t last_enqueued(void)
{
    struct partition p;

    CHECK_OK(hub_partition(w.hub, hub_partition_of(w.hub, BYTES("door")), &p));
    return p.last_enqueued_ms;
}

TEST(a_lock_lasts_as_long_as_it_should_whatever_the_wall_clock_does)
{
    static const int64_t jumps[] = {2 * DAY, -2 * DAY, 30LL * MINUTE, -HOUR};

    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        struct seat *s = start(i + 1);
        struct buf room = buf_max(1 << 16);
        struct c2d c;
        uint64_t at;

        post("open", hub_wall_ms(w.hub, w.now_ms) + 2 * DAY);
        jump(jumps[i] - MINUTE);
        CHECK_OK(hub_take(w.hub, BYTES("door"), w.now_ms, &room, &c));
        w.now_ms += C2D_LOCK_MS / 2;
        jump(MINUTE);
        hub_tick(w.hub, w.now_ms);
        CHECK_ERR(hub_take(w.hub, BYTES("door"), w.now_ms, &room, &c), ERR_NOT_FOUND);
        w.now_ms += C2D_LOCK_MS / 2;
        hub_tick(w.hub, w.now_ms);
        if (jumps[i] < DAY) { /* otherwise it has expired meanwhile */
            CHECK_OK(hub_take(w.hub, BYTES("door"), w.now_ms, &room, &c));
            CHECK_OK(hub_take_settle(w.hub, BYTES("door"), &c.lock, OUTCOME_COMPLETE, w.now_ms, &at));
        }
        CHECK(waiting() == 0);
        buf_free(&room);
        end(s);
    }
}

TEST(a_message_expires_by_the_wall_clock_once_that_is_believed)
{
    struct seat *s = start(1);

    post("open", 0);
    wall.doubt_ms = 2 * DAY;
    hub_clock_set(w.hub, &wall);
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting() == 1);
    wall.doubt_ms = 0;
    jump(2 * DAY);
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting() == 0);
    post("close", 0);
    jump(-HOUR); /* it was enqueued in what is the future now, and expires an hour later */
    w.now_ms += C2D_TTL_DEFAULT_MS;
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting() == 1);
    w.now_ms += HOUR;
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting() == 0);
    end(s);
}

TEST(enqueued_times_never_go_back)
{
    struct seat *s = start(1);
    int64_t first;

    world_send(&w, s, "1");
    CHECK((first = last_enqueued()) == w.now_ms);
    jump(DAY);
    world_send(&w, s, "2");
    CHECK(last_enqueued() == first + DAY);
    jump(-2 * DAY);
    world_send(&w, s, "3");
    CHECK(last_enqueued() == first + DAY);
    hub_detach(s, w.now_ms);
    CHECK(hub_last_ms(w.hub) == first + DAY);
    world_restart(&w);
    CHECK(hub_last_ms(w.hub) == first + DAY);
    s = world_sit(&w, "door", &bell);
    world_send(&w, s, "4");
    CHECK(last_enqueued() == first + DAY);
    end(s);
}

TEST(what_is_kept_grows_no_older_by_a_jump)
{
    struct seat *s = start(1);

    for (int hour = 0; hour < 30; hour++) {
        world_send(&w, s, "x");
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        w.now_ms += HOUR;
        if (hour % 5 == 0)
            jump(hour % 2 ? -20000 * DAY : 20000 * DAY);
    }
    struct partition p;

    CHECK_OK(hub_partition(w.hub, hub_partition_of(w.hub, BYTES("door")), &p));
    CHECK(p.last_sequence - p.first_sequence >= 23);
    /* Nor by a restart that is far from the last record. */
    hub_detach(s, w.now_ms);
    world_restart(&w);
    wall = (struct hub_clock){.ahead_ms = hub_last_ms(w.hub) - w.now_ms};
    hub_clock_set(w.hub, &wall);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    wall.ahead_ms = -30 * DAY;
    hub_clock_set(w.hub, &wall);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(hub_partition(w.hub, hub_partition_of(w.hub, BYTES("door")), &p));
    CHECK(p.last_sequence - p.first_sequence >= 22);
    world_end(&w);
}

TEST(after_a_start_that_is_far_from_the_last_record_old_mail_waits_and_new_mail_passes_it)
{
    struct seat *s = start(1);
    struct c2d c;

    post("old", 0);
    hub_detach(s, w.now_ms);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    wall = (struct hub_clock){.ahead_ms = 3 * DAY, .jumped_ms = 3 * DAY, .late = true};
    hub_clock_set(w.hub, &wall);
    s = world_sit(&w, "door", &bell);
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting() == 1);
    CHECK_ERR(hub_next(s, w.now_ms, &c), ERR_NOT_FOUND);
    post("new", 0);
    CHECK_OK(hub_next(s, w.now_ms, &c));
    CHECK(c.sequence == 2);
    w.now_ms += 5000;
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting() == 2);
    wall.late = false;
    hub_clock_set(w.hub, &wall);
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting() == 1);
    end(s);
}

TEST(generations_stay_unique_when_the_clock_goes_back_between_starts)
{
    char before[24];

    hub_detach(start(1), w.now_ms);
    w.now_ms += DAY;
    snprintf(before, sizeof before, "%s", world_add(&w, "one").generation);
    world_restart(&w);
    w.now_ms -= 30 * DAY;
    CHECK(strcmp(world_add(&w, "two").generation, before) > 0);
    world_end(&w);
}

TESTS(RUN(a_lock_lasts_as_long_as_it_should_whatever_the_wall_clock_does),
      RUN(a_message_expires_by_the_wall_clock_once_that_is_believed), RUN(enqueued_times_never_go_back),
      RUN(what_is_kept_grows_no_older_by_a_jump),
      RUN(after_a_start_that_is_far_from_the_last_record_old_mail_waits_and_new_mail_passes_it),
      RUN(generations_stay_unique_when_the_clock_goes_back_between_starts))
