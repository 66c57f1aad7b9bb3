/* Ceilings of what a device and a hub may send, and of the room for mail. */
#include "hub_world.h"

#include "meter.h"

static struct world w;

static enum err send(struct seat *seat, size_t size)
{
    static const uint8_t body[C2D_LEN_MAX];
    struct msg m = {.body = bytes_of(body, size)};
    uint64_t at;

    return hub_send(seat, &m, w.now_ms, &at);
}

static enum err post(const char *id, size_t size)
{
    static const uint8_t body[C2D_LEN_MAX];
    struct msg m = {.body = bytes_of(body, size)};
    uint64_t at;

    return hub_post(w.hub, bytes_str(id), &m, w.now_ms, &at);
}

static void start(const struct hub_ceilings *c)
{
    world_start(&w, 5);
    w.options.ceilings = *c;
    world_restart(&w);
    world_add(&w, "a");
    world_add(&w, "b");
}

TEST(a_meter_lets_a_window_of_it_at_once_and_then_as_time_passes)
{
    struct meter m = {0};
    struct rate r;
    int64_t now_ms = 1000000;
    unsigned n = 0;

    rate_set(&r, 10, 1000);
    while (meter_lets(&m, &r, 1, now_ms) && n < 100) {
        meter_take(&m, &r, 1, now_ms);
        n++;
    }
    assert_int_equal(n, 10);
    assert_false(meter_lets(&m, &r, 1, now_ms + 99));
    assert_true(meter_lets(&m, &r, 1, now_ms + 100));
    assert_int_equal(meter_used(&m, &r, now_ms + 500), 500);
    /* A message larger than the window is let through when nothing was taken, or it never could be. */
    assert_false(meter_lets(&m, &r, 11, now_ms + 999));
    assert_true(meter_lets(&m, &r, 11, now_ms + 1000));
    /* A clock that went back costs a window at most. */
    assert_false(meter_lets(&m, &r, 1, 5000));
    meter_take(&m, &r, 0, 5000);
    assert_true(meter_lets(&m, &r, 1, 5101));
    /* Without a limit it does not count. */
    rate_set(&r, 0, 1000);
    assert_true(meter_lets(&m, &r, 1000000, now_ms));
}

TEST(many_units_of_little_cost_are_counted_exactly)
{
    enum { DAY_MS = 86400 * 1000 };
    struct meter m = {0};
    struct rate r;
    uint64_t taken = 0;

    rate_set(&r, 1ULL << 40, DAY_MS);
    while (meter_lets(&m, &r, 100000000, 1000)) {
        meter_take(&m, &r, 100000000, 1000);
        taken += 100000000;
    }
    assert_true(taken > (1ULL << 40) / 100 * 98 && taken <= (1ULL << 40) / 100 * 102);
}

TEST(a_device_over_its_ceiling_is_refused_and_no_other)
{
    struct bell bell = bell_new();
    struct hub_counts counts;
    struct seat *a, *b;

    start(&(struct hub_ceilings){.device_messages = 5, .device_bytes = 100000});
    a = world_sit(&w, "a", &bell);
    b = world_sit(&w, "b", &bell);
    for (int i = 0; i < 5; i++)
        CHECK_OK(send(a, 10));
    CHECK_ERR(send(a, 10), ERR_BUSY);
    CHECK_OK(send(b, 10));
    w.now_ms += 1000;
    CHECK_OK(send(a, 60000));
    CHECK_ERR(send(a, 60000), ERR_QUOTA);
    CHECK_OK(send(a, 10));
    w.now_ms += 86400000;
    CHECK_OK(send(a, 60000));
    /* It is told once in an episode, and counted each time. */
    assert_true(hub_refused(w.hub, BYTES("a"), ERR_QUOTA, w.now_ms));
    assert_false(hub_refused(w.hub, BYTES("a"), ERR_QUOTA, w.now_ms + 1000));
    assert_false(hub_refused(w.hub, BYTES("a"), ERR_BUSY, w.now_ms + REFUSED_EPISODE_MS));
    assert_true(hub_refused(w.hub, BYTES("b"), ERR_BUSY, w.now_ms));
    assert_true(hub_refused(w.hub, BYTES("a"), ERR_BUSY, w.now_ms + 3 * REFUSED_EPISODE_MS));
    assert_false(hub_refused(w.hub, BYTES("a"), ERR_DISK_FULL, w.now_ms));
    assert_false(hub_refused(w.hub, BYTES("a"), ERR_TOO_LARGE, w.now_ms));
    hub_count(w.hub, &counts);
    assert_int_equal(counts.refused_quota, 2);
    assert_int_equal(counts.refused_busy, 3);
    assert_int_equal(counts.refused_full, 1);
    hub_detach(a, w.now_ms);
    hub_detach(b, w.now_ms);
    world_end(&w);
}

TEST(the_ceilings_of_the_hub_count_all_devices_and_what_is_sent_to_them)
{
    struct bell bell = bell_new();
    struct seat *a, *b;

    start(&(struct hub_ceilings){.hub_messages = 4, .hub_bytes = 100000});
    a = world_sit(&w, "a", &bell);
    b = world_sit(&w, "b", &bell);
    CHECK_OK(send(a, 10));
    CHECK_OK(send(b, 10));
    CHECK_OK(post("a", 10));
    CHECK_OK(post("b", 10));
    CHECK_ERR(send(b, 10), ERR_BUSY);
    CHECK_ERR(post("a", 10), ERR_BUSY);
    w.now_ms += 1000;
    CHECK_OK(send(a, 60000));
    CHECK_ERR(send(b, 60000), ERR_QUOTA);
    CHECK_ERR(post("b", 60000), ERR_QUOTA);
    hub_detach(a, w.now_ms);
    hub_detach(b, w.now_ms);
    world_end(&w);
}

TEST(what_a_device_has_sent_is_remembered_when_others_need_its_place_in_memory)
{
    struct bell bell = bell_new();
    struct seat *seat;
    char id[16];

    start(&(struct hub_ceilings){.device_bytes = 100000});
    seat = world_sit(&w, "a", &bell);
    CHECK_OK(send(seat, 60000));
    hub_detach(seat, w.now_ms);
    hub_tick(w.hub, w.now_ms);
    /* More than all shards keep without need. */
    for (int i = 0; i < 20000; i++) {
        snprintf(id, sizeof id, "d%d", i);
        world_add(&w, id);
        if (i % 5000 == 4999)
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    }
    seat = world_sit(&w, "a", &bell);
    CHECK_ERR(send(seat, 60000), ERR_QUOTA);
    hub_detach(seat, w.now_ms);
    world_end(&w);
}

TEST(mail_is_refused_where_a_checkpoint_could_not_hold_it)
{
    start(&(struct hub_ceilings){0});
    hub_space_set(w.hub, &(struct hub_space){.mail_bytes = 20000, .state_bytes = 1 << 20});
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(post("a", 10000));
    CHECK_ERR(post("b", 10000), ERR_DISK_FULL);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(post("b", 10000));
    /* No reserve, no mail; when there is one again, there is. */
    memory_state_room(w.state, 1000);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_ERR(post("a", 1), ERR_DISK_FULL);
    memory_state_room(w.state, UINT64_MAX);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(post("a", 1));
    world_end(&w);
}

static int64_t oldest(void)
{
    struct partition p;
    int64_t n = 0;

    for (unsigned i = 0; i < 4; i++) {
        CHECK_OK(hub_partition(w.hub, i, &p));
        n += p.first_sequence;
    }
    return n;
}

TEST(a_full_disk_lets_the_oldest_go_unless_the_operator_said_how_much_is_kept)
{
    struct bell bell = bell_new();
    struct seat *seat;

    start(&(struct hub_ceilings){0});
    hub_space_set(w.hub, &(struct hub_space){.log_bytes = 1000, .mail_bytes = UINT64_MAX});
    seat = world_sit(&w, "a", &bell);
    for (int i = 0; i < 100; i++)
        CHECK_OK(send(seat, 10));
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    memory_store_faults(w.store, &(struct memory_faults){.full = ROOM_UPKEEP});
    CHECK_ERR(send(seat, 10), ERR_DISK_FULL);
    for (int i = 0; i < 50; i++)
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    assert_true(oldest() > 10);
    hub_detach(seat, w.now_ms);
    w.options.retention_bytes = 1000;
    world_restart(&w);
    int64_t before = oldest();
    for (int i = 0; i < 50; i++)
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    assert_int_equal(oldest(), before);
    world_end(&w);
}

TESTS(RUN(a_meter_lets_a_window_of_it_at_once_and_then_as_time_passes),
      RUN(many_units_of_little_cost_are_counted_exactly), RUN(a_device_over_its_ceiling_is_refused_and_no_other),
      RUN(the_ceilings_of_the_hub_count_all_devices_and_what_is_sent_to_them),
      RUN(what_a_device_has_sent_is_remembered_when_others_need_its_place_in_memory),
      RUN(mail_is_refused_where_a_checkpoint_could_not_hold_it),
      RUN(a_full_disk_lets_the_oldest_go_unless_the_operator_said_how_much_is_kept))
