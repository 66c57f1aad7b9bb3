/* A hub that was made from a backup gives no number again that the one before it may have given, and whoever goes on
 * where he was with that one misses nothing of what comes. */
#include "hub_world.h"
#include "partition.h"

enum { SKIP = 1000 };

static struct world w;
static struct bell bell;
static struct seat *seat;
static unsigned part, quiet;

static void start(int n)
{
    world_start(&w, 7);
    world_add(&w, "phone");
    bell = bell_new();
    seat = world_sit(&w, "phone", &bell);
    part = hub_partition_of(w.hub, BYTES("phone"));
    quiet = part ? 0 : 1;
    for (int i = 0; i < n; i++)
        world_send(&w, seat, "before");
}

static void stop(void)
{
    hub_detach(seat, w.now_ms);
    world_end(&w);
}

/* With a checkpoint, and without. */
static void again(bool kept)
{
    hub_detach(seat, w.now_ms);
    if (kept)
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    seat = world_sit(&w, "phone", &bell);
}

static struct partition look(unsigned number)
{
    struct partition p;

    CHECK_OK(hub_partition(w.hub, number, &p));
    return p;
}

/* Reads on from there: the number of the first, and how many. */
static int read_from(struct position position, int64_t *first)
{
    struct read_options o = {.group = BYTES("$default"), .partition = part, .position = position, .waker = &bell.waker};
    struct reader *r;
    struct event e;
    int n = 0;

    CHECK_OK(hub_reader_open(w.hub, &o, NULL, &r));
    for (; hub_read(r, &e) == OK; n++)
        if (n == 0)
            *first = e.sequence;
    hub_reader_close(r);
    return n;
}

static enum err open_at(struct position position)
{
    struct read_options o = {.group = BYTES("$default"), .partition = part, .position = position, .waker = &bell.waker};
    struct reader *r;
    enum err e = hub_reader_open(w.hub, &o, NULL, &r);

    if (!e)
        hub_reader_close(r);
    return e;
}

TEST(numbers_of_the_lost_hub_are_not_given_again)
{
    start(5);
    CHECK_OK(hub_restored(w.hub, SKIP, w.now_ms));
    CHECK(look(part).last_sequence == 4 && look(part).first_sequence == 0 && !look(part).empty);
    CHECK(look(quiet).empty && look(quiet).last_sequence == -1 && look(quiet).first_sequence == SKIP);
    world_send(&w, seat, "after");
    CHECK(look(part).last_sequence == 5 + SKIP);
    stop();
}

TEST(it_is_so_after_every_start)
{
    for (int kept = 0; kept < 3; kept++) {
        start(5);
        again(kept > 1);
        CHECK_OK(hub_restored(w.hub, SKIP, w.now_ms));
        again(kept > 0);
        again(false);
        CHECK(look(part).last_sequence == 4);
        CHECK(look(quiet).empty && look(quiet).first_sequence == SKIP);
        world_send(&w, seat, "after");
        CHECK(look(part).last_sequence == 5 + SKIP);
        again(kept > 0);
        CHECK(look(part).last_sequence == 5 + SKIP);
        stop();
    }
}

/* The lost one gave numbers and offsets behind the backup; who has read up to there gets all of what comes. */
TEST(readers_that_were_ahead_miss_nothing)
{
    int64_t first = -1, ahead;

    start(5);
    ahead = (int64_t)store_end(w.store);
    CHECK_ERR(open_at((struct position){FROM_OFFSET, false, ahead}), ERR_RANGE);
    CHECK_ERR(open_at((struct position){FROM_SEQUENCE, false, 100}), ERR_RANGE);
    CHECK_OK(hub_restored(w.hub, SKIP, w.now_ms));
    CHECK_OK(open_at((struct position){FROM_OFFSET, false, ahead}));
    CHECK_OK(open_at((struct position){FROM_SEQUENCE, false, 100}));
    CHECK(read_from((struct position){FROM_SEQUENCE, false, 100}, &first) == 0);
    for (int i = 0; i < 3; i++)
        world_send(&w, seat, "after");
    CHECK(read_from((struct position){FROM_SEQUENCE, false, 100}, &first) == 3 && first == 5 + SKIP);
    CHECK(read_from((struct position){FROM_OFFSET, false, ahead}, &first) == 3 && first == 5 + SKIP);
    CHECK(read_from((struct position){FROM_SEQUENCE, false, 3}, &first) == 4 && first == 4);
    again(true);
    CHECK(read_from((struct position){FROM_SEQUENCE, false, 100}, &first) == 3 && first == 5 + SKIP);
    stop();
}

static enum err applied(struct bytes body)
{
    return hub_apply(w.hub, &(struct record){.kind = REC_RESTORED, .at = 100, .body = body});
}

TEST(a_record_that_is_cut_is_refused_and_one_of_more_partitions_too)
{
    static const uint8_t body[] = {1, 0, 0, 0, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 60};
    static const uint8_t more[10 + 8 * 5] = {1, 0, 0, 0, 0, 0, 0, 0, 9, 5};

    start(0);
    for (size_t n = 0; n < sizeof body; n++)
        CHECK_ERR(applied(bytes_of(body, n)), ERR_DAMAGED);
    CHECK_ERR(applied(bytes_of(more, sizeof more)), ERR_DAMAGED);
    CHECK_OK(applied(bytes_of(body, sizeof body)));
    CHECK(look(0).first_sequence == 50 && look(1).first_sequence == 60 && look(2).first_sequence == 0);
    stop();
}

TESTS(RUN(numbers_of_the_lost_hub_are_not_given_again), RUN(it_is_so_after_every_start),
      RUN(readers_that_were_ahead_miss_nothing), RUN(a_record_that_is_cut_is_refused_and_one_of_more_partitions_too))
