#include "hub_world.h"
#include "partition.h"
#include "retention.h"

static struct world w;

/* Two devices on different partitions. */
static char loud[16], quiet[24];

static void start(uint64_t seed, int64_t retention_ms, uint64_t retention_bytes)
{
    world_start(&w, seed);
    w.options.retention_ms = retention_ms;
    w.options.retention_bytes = retention_bytes;
    world_restart(&w);
    snprintf(loud, sizeof loud, "loud");
    world_add(&w, loud);
    for (int i = 0; i == 0 || hub_partition_of(w.hub, bytes_str(quiet)) == hub_partition_of(w.hub, bytes_str(loud));
         i++)
        snprintf(quiet, sizeof quiet, "quiet%d", i);
    world_add(&w, quiet);
}

static void send_from(const char *id, int n)
{
    struct bell bell = bell_new();
    struct seat *seat = world_sit(&w, id, &bell);

    for (int i = 0; i < n; i++)
        world_send(&w, seat, "x");
    hub_detach(seat, w.now_ms);
}

static struct partition partition_of(const char *id)
{
    struct partition p;

    CHECK_OK(hub_partition(w.hub, hub_partition_of(w.hub, bytes_str(id)), &p));
    return p;
}

static void checkpoint(void)
{
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
}

/* A reader from the beginning must get what the partition says. */
static void check_readable(const char *id)
{
    struct bell bell = bell_new();
    struct read_options o = {
        .group = BYTES("$Default"), .partition = hub_partition_of(w.hub, bytes_str(id)), .waker = &bell.waker};
    struct partition p = partition_of(id);
    int64_t next = p.first_sequence;
    struct reader *r;
    struct event e;

    CHECK_OK(hub_reader_open(w.hub, &o, NULL, &r));
    while (!hub_read(r, &e))
        CHECK(e.sequence == next++);
    CHECK(next == p.last_sequence + 1);
    CHECK(p.empty == (p.first_sequence > p.last_sequence));
    hub_reader_close(r);
}

enum { HOUR = 3600000 };

TEST(what_is_older_than_the_retention_goes_and_nothing_younger)
{
    start(1, 10 * HOUR, 0);
    for (int hour = 0; hour < 48; hour++) {
        send_from(loud, 100);
        checkpoint();
        w.now_ms += HOUR;
        checkpoint();
        check_readable(loud);
        /* A checkpoint an hour: an event may stay for one more. */
        if (hour > 12) {
            int64_t kept = partition_of(loud).last_sequence + 1 - partition_of(loud).first_sequence;

            CHECK(kept >= 900 && kept <= 1100);
        }
        if (hour % 7 == 0)
            world_crash(&w);
    }
    world_end(&w);
}

/* A device that says one thing a day must not keep everybody's log for months. */
TEST(a_quiet_partition_holds_nothing_back)
{
    start(2, 10 * HOUR, 0);
    send_from(quiet, 1);
    for (int hour = 0; hour < 48; hour++) {
        send_from(loud, 50);
        if (hour == 40)
            send_from(quiet, 1);
        checkpoint();
        w.now_ms += HOUR;
    }
    checkpoint();
    CHECK(partition_of(loud).first_sequence >= 48 * 50 - 12 * 50);
    CHECK(partition_of(quiet).first_sequence == 1 && partition_of(quiet).last_sequence == 1);
    check_readable(quiet);
    check_readable(loud);
    world_end(&w);
}

TEST(everything_goes_when_nothing_is_young_and_numbers_go_on)
{
    start(3, HOUR, 0);
    send_from(loud, 10);
    checkpoint();
    w.now_ms += 3 * HOUR;
    checkpoint();
    CHECK(partition_of(loud).empty && partition_of(loud).first_sequence == 10);
    check_readable(loud);
    world_crash(&w);
    CHECK(partition_of(loud).empty);
    send_from(loud, 1);
    CHECK(partition_of(loud).last_sequence == 10 && partition_of(loud).first_sequence == 10);
    check_readable(loud);
    world_end(&w);
}

static int begun;

static enum err count_begin(struct state *s)
{
    (void)s;
    begun++;
    return ERR_IO;
}

/* Sets the state so that no checkpoint can be written; gives what it was. */
static const struct state_ops *fail_checkpoints(struct state_ops *failing)
{
    const struct state_ops *real = w.state->ops;

    begun = 0;
    *failing = *real;
    failing->begin = count_begin;
    w.state->ops = failing;
    return real;
}

TEST(what_no_checkpoint_holds_is_never_given_up)
{
    const struct state_ops *real;
    struct state_ops failing;

    start(4, HOUR, 5);
    send_from(loud, 10);
    real = fail_checkpoints(&failing);
    for (int i = 0; i < 3; i++) {
        CHECK_ERR(hub_checkpoint(w.hub, w.now_ms), ERR_IO);
        w.now_ms += 100 * HOUR;
        send_from(loud, 10);
    }
    w.state->ops = real;
    world_crash(&w);
    CHECK(partition_of(loud).first_sequence == 0 && partition_of(loud).last_sequence == 39);
    check_readable(loud);
    world_end(&w);
}

/* Places of the log in memory are records. */
TEST(a_log_that_is_too_large_loses_its_beginning)
{
    start(5, 0, 100);
    for (int i = 0; i < 20; i++) {
        send_from(loud, 30);
        checkpoint();
        CHECK(store_end(w.store) - store_first(w.store) <= 100);
        check_readable(loud);
    }
    CHECK(partition_of(loud).last_sequence == 599);
    world_end(&w);
}

TEST(a_clock_that_was_far_ahead_does_not_keep_the_log_for_ever)
{
    int64_t before;

    start(6, 10 * HOUR, 0);
    before = w.now_ms;
    w.now_ms += 100000LL * HOUR;
    send_from(loud, 10);
    checkpoint();
    w.now_ms = before;
    for (int i = 0; i < 30; i++) {
        send_from(loud, 10);
        checkpoint();
        w.now_ms += HOUR;
    }
    CHECK(partition_of(loud).first_sequence >= 100);
    world_end(&w);
}

/* More checkpoints than ages are kept of: the steps get longer, the retention stays. */
TEST(ages_of_places_are_few_and_true)
{
    start(7, 2000 * 60000LL, 0);
    for (int i = 0; i < 4000; i++) {
        send_from(loud, 1);
        checkpoint();
        w.now_ms += 60000;
        CHECK(w.hub->ages->n <= AGES);
        if (i % 500 == 0)
            world_restart(&w);
    }
    checkpoint();
    /* Events have the times 0, 1, 2, … minutes; now it is 4000. */
    CHECK(partition_of(loud).first_sequence <= 2000);
    CHECK(partition_of(loud).first_sequence >= 1900);
    check_readable(loud);
    world_end(&w);
}

/* The index is bounded and every position is still found through it. */
TEST(an_index_that_is_full_gets_coarser_and_still_finds)
{
    struct bell bell = bell_new();
    struct partition_state *p;
    struct seat *seat;
    enum { EVENTS = INDEX_CAP * INDEX_STRIDE + 5000 };

    start(8, 0, 0);
    p = partition_at(w.hub, hub_partition_of(w.hub, bytes_str(loud)));
    seat = world_sit(&w, loud, &bell);
    for (int i = 0; i < EVENTS; i++)
        world_send(&w, seat, "");
    CHECK(p->n_index <= INDEX_CAP && p->stride == 2 * INDEX_STRIDE);
    hub_detach(seat, w.now_ms);
    for (int restarted = 0; restarted < 2; restarted++) {
        for (int64_t sequence = 0; sequence < EVENTS; sequence += 33331) {
            struct read_options o = {.group = BYTES("$Default"),
                                     .partition = hub_partition_of(w.hub, bytes_str(loud)),
                                     .position = {FROM_SEQUENCE, true, sequence},
                                     .waker = &bell.waker};
            struct reader *r;
            struct event e;

            CHECK_OK(hub_reader_open(w.hub, &o, NULL, &r));
            CHECK_OK(hub_read(r, &e)); /* within one slice */
            CHECK(e.sequence == sequence);
            hub_reader_close(r);
        }
        checkpoint();
        world_crash(&w);
    }
    world_end(&w);
}

TEST(a_hub_where_nothing_happens_writes_nothing)
{
    const struct state_ops *real;
    struct state_ops failing;

    start(9, 0, 0);
    send_from(loud, 1);
    checkpoint();
    real = fail_checkpoints(&failing);
    checkpoint();
    w.now_ms += 10 * HOUR;
    checkpoint();
    CHECK(begun == 0);
    send_from(loud, 1);
    CHECK_ERR(hub_checkpoint(w.hub, w.now_ms), ERR_IO);
    CHECK(begun == 1);
    w.state->ops = real;
    checkpoint();
    world_crash(&w);
    CHECK(partition_of(loud).last_sequence == 1);
    world_end(&w);
}

TESTS(RUN(what_is_older_than_the_retention_goes_and_nothing_younger), RUN(a_quiet_partition_holds_nothing_back),
      RUN(everything_goes_when_nothing_is_young_and_numbers_go_on), RUN(what_no_checkpoint_holds_is_never_given_up),
      RUN(a_log_that_is_too_large_loses_its_beginning), RUN(a_clock_that_was_far_ahead_does_not_keep_the_log_for_ever),
      RUN(ages_of_places_are_few_and_true), RUN(an_index_that_is_full_gets_coarser_and_still_finds),
      RUN(a_hub_where_nothing_happens_writes_nothing))
