/* Records that cannot be read any more: readers go over them, and no number that they had is given again. */
#include "event.h"
#include "gap.h"
#include "hub_world.h"
#include "registry.h"

static struct world w;

static void no_wake(struct waker *waker)
{
    (void)waker;
}

static uint64_t send(const char *id)
{
    struct device d;
    uint64_t at;
    const struct msg m = {.body = BYTES("hello")};

    CHECK_OK(hub_device_get(w.hub, bytes_str(id), &d));
    CHECK_OK(hub_send_seatless(w.hub, bytes_str(id), NO_BYTES, PROOF_DEVICE_SAS, &m, w.now_ms, &at));
    return at;
}

/* The sequence numbers of a partition, one behind the other. */
static size_t sequences(unsigned partition, int64_t out[], size_t max)
{
    struct waker waker = {no_wake};
    struct read_options options = {
        .group = BYTES("$Default"), .partition = partition, .position = {.from = FROM_EARLIEST}, .waker = &waker};
    struct reader *r;
    struct event event;
    size_t n = 0;

    CHECK_OK(hub_reader_open(w.hub, &options, NULL, &r));
    while (n < max && !hub_read(r, &event))
        out[n++] = event.sequence;
    CHECK_ERR(hub_read(r, &event), ERR_NOT_FOUND);
    hub_reader_close(r);
    return n;
}

TEST(readers_go_over_what_cannot_be_read)
{
    int64_t found[8];
    unsigned partition;
    uint64_t at[4];

    world_start(&w, 1);
    world_add(&w, "a");
    partition = hub_partition_of(w.hub, BYTES("a"));
    for (int i = 0; i < 4; i++)
        at[i] = send("a");
    memory_store_damage(w.store, at[1]);
    assert_int_equal(sequences(partition, found, 8), 3);
    assert_int_equal(found[0], 0);
    assert_int_equal(found[1], 2);
    assert_int_equal(found[2], 3);
    world_end(&w);
}

TEST(a_number_that_was_lost_is_not_given_again)
{
    struct partition now;
    int64_t found[8];
    unsigned partition;
    uint64_t at = 0;

    world_start(&w, 2);
    world_add(&w, "a");
    partition = hub_partition_of(w.hub, BYTES("a"));
    for (int i = 0; i < 3; i++)
        at = send("a");
    memory_store_damage(w.store, at);
    world_restart(&w);
    CHECK_OK(hub_partition(w.hub, partition, &now));
    assert_int_equal(now.last_sequence, 1); /* nobody waits for the one that does not come */
    send("a");
    assert_int_equal(sequences(partition, found, 8), 3);
    assert_int_equal(found[2], 3);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    send("a");
    assert_int_equal(sequences(partition, found, 8), 4);
    assert_int_equal(found[3], 4);
    world_end(&w);
}

/* The checkpoint knows the number; what had it is gone all the same. */
TEST(nobody_waits_for_a_last_event_that_is_damaged)
{
    struct partition now;
    int64_t found[8];
    unsigned partition;
    uint64_t at = 0;

    world_start(&w, 3);
    world_add(&w, "a");
    partition = hub_partition_of(w.hub, BYTES("a"));
    for (int i = 0; i < 3; i++)
        at = send("a");
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    memory_store_damage(w.store, at);
    for (int again = 0; again < 2; again++) {
        world_restart(&w);
        CHECK_OK(hub_partition(w.hub, partition, &now));
        assert_int_equal(now.last_sequence, 1);
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    }
    send("a");
    assert_int_equal(sequences(partition, found, 8), 3);
    assert_int_equal(found[2], 3);
    world_end(&w);
}

TEST(whoever_read_what_was_lost_may_go_on_behind_it)
{
    struct waker waker = {no_wake};
    struct read_options options = {.group = BYTES("$Default"), .waker = &waker};
    struct reader *r;
    uint64_t at;

    world_start(&w, 4);
    world_add(&w, "a");
    options.partition = hub_partition_of(w.hub, BYTES("a"));
    send("a");
    at = send("a");
    memory_store_damage(w.store, at);
    world_restart(&w);
    options.position = (struct position){.from = FROM_OFFSET, .value = (int64_t)at};
    CHECK_OK(hub_reader_open(w.hub, &options, NULL, &r));
    hub_reader_close(r);
    options.position = (struct position){.from = FROM_SEQUENCE, .value = 1};
    CHECK_OK(hub_reader_open(w.hub, &options, NULL, &r));
    hub_reader_close(r);
    world_end(&w);
}

TEST(an_empty_partition_stays_empty)
{
    struct partition now;

    world_start(&w, 5);
    world_add(&w, "a");
    memory_store_damage(w.store, send("a"));
    world_restart(&w);
    CHECK_OK(hub_partition(w.hub, hub_partition_of(w.hub, BYTES("a")), &now));
    assert_true(now.empty);
    world_end(&w);
}

TEST(a_gap_is_named_by_what_its_bytes_say)
{
    struct gap_facts facts;
    struct gap_sums sums;
    struct gap g;
    uint64_t at;

    world_start(&w, 6);
    world_add(&w, "phone");
    send("phone");
    at = send("phone");
    send("phone");
    memory_store_damage(w.store, at);
    assert_true(store_gap(w.store, 0, &g));
    gap_facts_of(w.store, &g, &facts);
    assert_string_equal(facts.what, "an event");
    assert_string_equal(facts.device, "phone");
    assert_int_equal(facts.partition, (int)hub_partition_of(w.hub, BYTES("phone")));
    assert_int_equal(facts.sequence, 1);
    assert_int_equal(facts.next_sequence, 2);
    gap_sum(w.store, &sums);
    assert_int_equal(sums.ranges, 1);
    /* Bytes that say nothing plausible say nothing. */
    g.body[18] = 1;
    g.kind = REC_DEVICE;
    gap_facts_of(w.store, &g, &facts);
    assert_string_equal(facts.what, "a device");
    assert_string_equal(facts.device, "");
    g.kind = 99;
    gap_facts_of(w.store, &g, &facts);
    assert_string_equal(facts.what, "a record");
    world_end(&w);
}

TEST(no_event_is_smaller_than_it_is_counted)
{
    struct device d = device_named("a");
    uint8_t head[EVENT_HEAD_MAX];

    for (enum proof proof = PROOF_DEVICE_SAS; proof <= PROOF_X509; proof++)
        assert_true(event_head(&d, proof, head, sizeof head) >= EVENT_SIZE_MIN - 24);
}

/* A seat has room for it by the length of its name; event_head() asserts that it fits. */
TEST(the_head_of_an_event_fits_whatever_the_names_in_it)
{
    struct device d = {.generation = "12345678901234567890123"};
    uint8_t head[EVENT_HEAD_BARE + 3 * IDENTITY_LEN_MAX];

    for (int device = 1; device <= ID_LEN_MAX; device++)
        for (int module = 0; module <= ID_LEN_MAX; module += 32)
            for (enum proof proof = PROOF_DEVICE_SAS; proof <= PROOF_X509; proof++) {
                int len = snprintf(d.id, sizeof d.id, "%0*d%s%0*d", device, 0, module ? "/" : "", module, 0);

                d.id[len -= !module] = 0; /* a number of no digits has one */
                CHECK(event_head(&d, proof, head, EVENT_HEAD_BARE + 3 * (size_t)len) <= EVENT_HEAD_MAX);
            }
}

TESTS(RUN(readers_go_over_what_cannot_be_read), RUN(a_number_that_was_lost_is_not_given_again),
      RUN(nobody_waits_for_a_last_event_that_is_damaged), RUN(whoever_read_what_was_lost_may_go_on_behind_it),
      RUN(an_empty_partition_stays_empty), RUN(the_head_of_an_event_fits_whatever_the_names_in_it),
      RUN(a_gap_is_named_by_what_its_bytes_say), RUN(no_event_is_smaller_than_it_is_counted))
