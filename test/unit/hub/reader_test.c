#include "hub_world.h"

enum { MANY = 300 };

static struct world w;
static struct bell bell;
static struct seat *seat;
static unsigned part;

/* A phone that sits and has sent n events, numbered in their bodies, a second apart. */
static void start(uint64_t seed, int n)
{
    world_start(&w, seed);
    world_add(&w, "phone");
    bell = bell_new();
    seat = world_sit(&w, "phone", &bell);
    part = hub_partition_of(w.hub, BYTES("phone"));
    for (int i = 0; i < n; i++) {
        char text[16];

        snprintf(text, sizeof text, "%d", i);
        world_send(&w, seat, text);
        w.now_ms += 1000;
    }
    bell = bell_new();
}

static void stop(void)
{
    hub_detach(seat, w.now_ms);
    world_end(&w);
}

static struct read_options from(struct position position)
{
    return (struct read_options){
        .group = BYTES("$default"), .partition = part, .position = position, .waker = &bell.waker};
}

static struct reader *open_from(struct position position)
{
    struct read_options o = from(position);
    struct reader *r = NULL;

    CHECK_OK(hub_reader_open(w.hub, &o, NULL, &r));
    return r;
}

static const struct position EARLIEST = {.from = FROM_EARLIEST}, LATEST = {.from = FROM_LATEST};

/* Reads what is there; gives how many, and the sequence number of the first. */
static int read_on(struct reader *r, int64_t *first)
{
    struct event e;
    int n = 0;
    enum err why;
    int64_t last = -1;

    while (!(why = hub_read(r, &e)) || why == ERR_BUSY) {
        if (why)
            continue;
        if (n++ == 0)
            *first = e.sequence;
        else
            CHECK(e.sequence == last + 1);
        last = e.sequence;
    }
    CHECK_ERR(why, ERR_NOT_FOUND);
    return n;
}

static void check_from(struct position position, int64_t first, int n)
{
    struct reader *r = open_from(position);
    int64_t got = -1;

    CHECK(read_on(r, &got) == n);
    CHECK(n == 0 || got == first);
    hub_reader_close(r);
}

static uint64_t offset_of(int64_t sequence)
{
    struct reader *r = open_from((struct position){FROM_SEQUENCE, true, sequence});
    struct event e;

    CHECK_OK(hub_read(r, &e));
    CHECK(e.sequence == sequence);
    hub_reader_close(r);
    return e.offset;
}

TEST(every_kind_of_position_begins_where_it_says)
{
    int64_t began;

    start(1, MANY);
    began = w.now_ms - MANY * 1000;
    check_from(EARLIEST, 0, MANY);
    check_from(LATEST, 0, 0);
    check_from((struct position){FROM_OFFSET, false, -1}, 0, MANY);
    for (int i = 0; i < MANY; i += 13) {
        int64_t offset = (int64_t)offset_of(i), ms = began + i * 1000;

        check_from((struct position){FROM_OFFSET, false, offset}, i + 1, MANY - i - 1);
        check_from((struct position){FROM_OFFSET, true, offset}, i, MANY - i);
        check_from((struct position){FROM_SEQUENCE, false, i}, i + 1, MANY - i - 1);
        check_from((struct position){FROM_SEQUENCE, true, i}, i, MANY - i);
        check_from((struct position){FROM_TIME, false, ms}, i + 1, MANY - i - 1);
        check_from((struct position){FROM_TIME, true, ms}, i, MANY - i);
        check_from((struct position){FROM_TIME, false, ms - 1}, i, MANY - i);
    }
    check_from((struct position){FROM_TIME, false, INT64_MAX}, 0, 0);
    check_from((struct position){FROM_TIME, false, 0}, 0, MANY);
    check_from((struct position){FROM_SEQUENCE, false, INT64_MIN}, 0, MANY);
    stop();
}

TEST(a_position_that_was_never_given_out_is_refused)
{
    start(1, 5);
    int64_t last = (int64_t)offset_of(4);
    const struct position beyond[] = {
        {FROM_OFFSET, false, last + 1},   {FROM_OFFSET, true, last + 1}, {FROM_OFFSET, false, INT64_MAX},
        {FROM_SEQUENCE, false, 5},        {FROM_SEQUENCE, true, 6},      {FROM_SEQUENCE, false, INT64_MAX},
        {FROM_SEQUENCE, true, INT64_MAX},
    };
    struct reader *r;

    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        struct read_options o = {
            .group = BYTES("$Default"), .partition = part, .position = beyond[i], .waker = &bell.waker};

        CHECK_ERR(hub_reader_open(w.hub, &o, NULL, &r), ERR_RANGE);
    }
    check_from((struct position){FROM_OFFSET, false, last}, 0, 0);
    check_from((struct position){FROM_SEQUENCE, false, 4}, 0, 0);
    check_from((struct position){FROM_SEQUENCE, true, 5}, 0, 0); /* the next one */
    stop();
}

TEST(the_latest_position_is_that_of_the_open)
{
    struct reader *r;
    struct event e;

    start(2, 5);
    r = open_from(LATEST);
    CHECK_ERR(hub_read(r, &e), ERR_NOT_FOUND);
    world_send(&w, seat, "new");
    CHECK_OK(hub_read(r, &e));
    CHECK(e.sequence == 5);
    CHECK_BYTES(event_body(&e), BYTES("new"));
    CHECK_ERR(hub_read(r, &e), ERR_NOT_FOUND);
    hub_reader_close(r);
    stop();
}

/* An event that was sent before the open and became durable after it is not the latest. */
TEST(the_latest_position_is_behind_what_is_not_durable_yet)
{
    struct reader *r;
    struct event e;

    start(3, 1);
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    world_send(&w, seat, "before");
    r = open_from(LATEST);
    world_send(&w, seat, "after");
    CHECK_ERR(hub_read(r, &e), ERR_NOT_FOUND);
    memory_store_settle(w.store, UINT64_MAX);
    CHECK_OK(hub_read(r, &e));
    CHECK_BYTES(event_body(&e), BYTES("after"));
    hub_reader_close(r);
    stop();
}

TEST(only_what_is_durable_is_read_and_then_who_waits_is_woken)
{
    struct reader *r;
    struct event e;
    uint64_t first, second;

    start(4, 0);
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    r = open_from(EARLIEST);
    CHECK_ERR(hub_read(r, &e), ERR_NOT_FOUND);
    first = world_send(&w, seat, "one");
    second = world_send(&w, seat, "two");
    CHECK(bell.rung == 0);
    CHECK_ERR(hub_read(r, &e), ERR_NOT_FOUND);
    memory_store_settle(w.store, first + 1);
    CHECK(bell.rung == 1);
    CHECK_OK(hub_read(r, &e));
    CHECK_BYTES(event_body(&e), BYTES("one"));
    CHECK_ERR(hub_read(r, &e), ERR_NOT_FOUND);
    memory_store_settle(w.store, second + 1);
    CHECK(bell.rung == 2);
    CHECK_OK(hub_read(r, &e));
    /* It does not wait: nobody calls it. */
    world_send(&w, seat, "three");
    memory_store_settle(w.store, UINT64_MAX);
    CHECK(bell.rung == 2);
    CHECK_OK(hub_read(r, &e));
    hub_reader_close(r);
    stop();
}

TEST(records_of_others_wake_nobody)
{
    struct reader *r;
    struct event e;
    char id[16];

    start(5, 0);
    r = open_from(EARLIEST);
    CHECK_ERR(hub_read(r, &e), ERR_NOT_FOUND);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "d%d", i);
        world_add(&w, id);
    }
    CHECK(bell.rung == 0);
    hub_reader_close(r);
    stop();
}

TEST(a_reader_may_name_the_senders_that_it_wants)
{
    struct bytes wanted[] = {BYTES("garage"), BYTES("phone")};
    struct bell others = bell_new();
    struct read_options o;
    struct reader *r;
    struct event e;
    char id[16];
    int n = 0;
    enum err why;

    start(6, 3);
    for (int i = 0; i < 50; i++) {
        struct seat *s;

        snprintf(id, sizeof id, "d%d", i);
        world_add(&w, id);
        s = world_sit(&w, id, &others);
        world_send(&w, s, "noise");
        hub_detach(s, w.now_ms);
    }
    world_send(&w, seat, "last");
    o = from(EARLIEST);
    o.devices = wanted;
    o.n_devices = 2;
    CHECK_OK(hub_reader_open(w.hub, &o, NULL, &r));
    wanted[0] = wanted[1] = BYTES("changed"); /* they were copied */
    while (!(why = hub_read(r, &e))) {
        CHECK_BYTES(e.device, BYTES("phone"));
        n++;
    }
    CHECK_ERR(why, ERR_NOT_FOUND);
    CHECK(n == 4);
    hub_reader_close(r);
    o.n_devices = FILTER_DEVICES_MAX + 1;
    CHECK_ERR(hub_reader_open(w.hub, &o, NULL, &r), ERR_LIMIT);
    stop();
}

/* A sender that is never there: each call looks through a slice, and nothing is lost over them. */
TEST(a_rare_sender_is_looked_for_in_slices)
{
    static char big[200 * 1024];
    struct bytes wanted[] = {BYTES("garage")};
    struct msg m = {.body = bytes_of(big, sizeof big)};
    struct read_options o;
    struct reader *r;
    struct event e;
    int busy = 0;
    uint64_t at;
    enum err why;

    start(7, 0);
    for (int i = 0; i < 40; i++)
        CHECK_OK(hub_send(seat, &m, w.now_ms, &at));
    o = from(EARLIEST);
    o.devices = wanted;
    o.n_devices = 1;
    CHECK_OK(hub_reader_open(w.hub, &o, NULL, &r));
    while ((why = hub_read(r, &e)) == ERR_BUSY)
        busy++;
    CHECK_ERR(why, ERR_NOT_FOUND);
    CHECK(busy >= 5 && busy <= 10);
    hub_reader_close(r);
    stop();
}

TEST(there_is_no_reader_without_its_partition_and_group)
{
    struct read_options o;
    struct reader *r;

    start(8, 0);
    o = from(EARLIEST);
    o.partition = 4;
    CHECK_ERR(hub_reader_open(w.hub, &o, NULL, &r), ERR_NOT_FOUND);
    o = from(EARLIEST);
    o.group = BYTES("nobody");
    CHECK_ERR(hub_reader_open(w.hub, &o, NULL, &r), ERR_NOT_FOUND);
    stop();
}

/* ---- epochs (service 2.7) -------------------------------------------------------------------------------------- */

static enum err open_epoch(struct bell *b, const char *group, bool has, int64_t epoch, int64_t *now,
                           struct reader **out)
{
    struct read_options o = from(EARLIEST);

    o.group = bytes_str(group);
    o.waker = &b->waker;
    o.has_epoch = has;
    o.epoch = epoch;
    return hub_reader_open(w.hub, &o, now, out);
}

TEST(a_higher_or_equal_epoch_displaces_a_lower_one)
{
    struct bell a = bell_new(), b = bell_new(), c = bell_new();
    struct reader *ra, *rb, *rc;
    struct event e;
    int64_t now = -7;

    start(9, 3);
    CHECK_OK(open_epoch(&a, "$Default", true, 5, &now, &ra));
    CHECK_ERR(open_epoch(&b, "$Default", true, 4, &now, &rb), ERR_STOLEN);
    CHECK(now == 5 && a.rung == 0);
    CHECK_ERR(open_epoch(&b, "$Default", true, 4, NULL, &rb), ERR_STOLEN);
    CHECK_OK(open_epoch(&b, "$DEFAULT", true, 5, &now, &rb));
    CHECK(a.rung == 1);
    CHECK_ERR(hub_reader_state(ra), ERR_STOLEN);
    CHECK_ERR(hub_read(ra, &e), ERR_STOLEN);
    CHECK_OK(open_epoch(&c, "$Default", true, 6, &now, &rc));
    CHECK(b.rung == 1);
    CHECK_OK(hub_read(rc, &e));
    hub_reader_close(ra);
    hub_reader_close(rb);
    hub_reader_close(rc);
    hub_reader_close(NULL);
    stop();
}

TEST(readers_without_an_epoch_give_way_to_one_with_it)
{
    struct bell plain = bell_new(), b = bell_new();
    struct reader *r[3], *owner, *late, *other;
    int64_t now = -7;

    start(10, 0);
    CHECK_OK(hub_group_add(w.hub, BYTES("apart"), &(uint64_t){0}));
    for (int i = 0; i < 3; i++)
        CHECK_OK(open_epoch(&plain, "$Default", false, 0, &now, &r[i]));
    CHECK_OK(open_epoch(&b, "apart", false, 0, &now, &other));
    CHECK_OK(open_epoch(&b, "$Default", true, 0, &now, &owner));
    CHECK(plain.rung == 3);
    CHECK_OK(hub_reader_state(other));
    CHECK_ERR(open_epoch(&plain, "$Default", false, 0, &now, &late), ERR_STOLEN);
    CHECK(now == 0);
    hub_reader_close(owner);
    CHECK_OK(open_epoch(&plain, "$Default", false, 0, &now, &late));
    hub_reader_close(late);
    hub_reader_close(other);
    for (int i = 0; i < 3; i++)
        hub_reader_close(r[i]);
    stop();
}

TEST(a_thousand_readers_share_a_partition_and_no_more)
{
    static struct reader *r[READERS_MAX];
    struct reader *one_more, *apart;
    struct event e;

    start(11, 2);
    CHECK_OK(hub_group_add(w.hub, BYTES("apart"), &(uint64_t){0}));
    for (int i = 0; i < READERS_MAX; i++)
        CHECK_OK(open_epoch(&bell, "$Default", false, 0, NULL, &r[i]));
    CHECK_ERR(open_epoch(&bell, "$Default", false, 0, NULL, &one_more), ERR_LIMIT);
    CHECK_OK(open_epoch(&bell, "apart", false, 0, NULL, &apart));
    for (int i = 0; i < READERS_MAX; i++) {
        CHECK_OK(hub_read(r[i], &e));
        CHECK_OK(hub_read(r[i], &e));
        CHECK_ERR(hub_read(r[i], &e), ERR_NOT_FOUND);
    }
    world_send(&w, seat, "all");
    CHECK(bell.rung == READERS_MAX);
    for (int i = 0; i < READERS_MAX; i++)
        hub_reader_close(r[i]);
    hub_reader_close(apart);
    stop();
}

/* ---- groups ---------------------------------------------------------------------------------------------------- */

TEST(groups_are_told_apart_without_case_and_are_limited)
{
    struct buf names = buf_max(4096);
    char name[GROUP_LEN_MAX + 2];
    uint64_t at;

    start(12, 0);
    CHECK(hub_group_exists(w.hub, BYTES("$DEFAULT")));
    CHECK_ERR(hub_group_add(w.hub, BYTES("$default"), &at), ERR_EXISTS);
    CHECK_ERR(hub_group_del(w.hub, BYTES("$Default"), &at), ERR_ARGUMENT);
    CHECK_ERR(hub_group_add(w.hub, BYTES("a/b"), &at), ERR_ARGUMENT);
    CHECK_ERR(hub_group_add(w.hub, NO_BYTES, &at), ERR_ARGUMENT);
    memset(name, 'g', sizeof name);
    CHECK_ERR(hub_group_add(w.hub, bytes_of(name, GROUP_LEN_MAX + 1), &at), ERR_ARGUMENT);
    CHECK_OK(hub_group_add(w.hub, bytes_of(name, GROUP_LEN_MAX), &at));
    CHECK_ERR(hub_group_add(w.hub, BYTES("GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG"), &at), ERR_EXISTS);
    for (int i = 2; i < GROUPS_MAX; i++) {
        snprintf(name, sizeof name, "group-%d", i);
        CHECK_OK(hub_group_add(w.hub, bytes_str(name), &at));
    }
    CHECK_ERR(hub_group_add(w.hub, BYTES("one-more"), &at), ERR_LIMIT);
    CHECK_OK(hub_group_del(w.hub, BYTES("GROUP-7"), &at));
    CHECK_ERR(hub_group_del(w.hub, BYTES("group-7"), &at), ERR_NOT_FOUND);
    CHECK_OK(hub_group_list(w.hub, &names));
    CHECK(strcmp(buf_str(&names), "$Default") == 0);
    CHECK(bytes_find_bytes(buf_bytes(&names), BYTES("group-7")) == names.len);
    CHECK(bytes_find_bytes(buf_bytes(&names), BYTES("group-8\0")) < names.len);
    buf_free(&names);
    stop();
}

TEST(groups_survive_power_cuts_with_and_without_a_checkpoint)
{
    uint64_t at;

    world_start(&w, 13);
    CHECK_OK(hub_group_add(w.hub, BYTES("one"), &at));
    world_crash(&w);
    CHECK(hub_group_exists(w.hub, BYTES("ONE")));
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(hub_group_add(w.hub, BYTES("two"), &at));
    CHECK_OK(hub_group_del(w.hub, BYTES("one"), &at));
    world_crash(&w);
    CHECK(!hub_group_exists(w.hub, BYTES("one")) && hub_group_exists(w.hub, BYTES("two")));
    memory_store_faults(w.store, &(struct memory_faults){.append = ERR_DISK_FULL});
    CHECK_ERR(hub_group_add(w.hub, BYTES("three"), &at), ERR_DISK_FULL);
    CHECK_ERR(hub_group_del(w.hub, BYTES("two"), &at), ERR_DISK_FULL);
    CHECK(!hub_group_exists(w.hub, BYTES("three")) && hub_group_exists(w.hub, BYTES("two")));
    world_end(&w);
}

TEST(readers_of_a_group_end_with_it)
{
    struct bell b = bell_new();
    struct reader *r, *stays;
    uint64_t at;

    start(14, 0);
    CHECK_OK(hub_group_add(w.hub, BYTES("one"), &at));
    CHECK_OK(open_epoch(&b, "ONE", false, 0, NULL, &r));
    CHECK_OK(open_epoch(&b, "$Default", false, 0, NULL, &stays));
    CHECK_OK(hub_group_del(w.hub, BYTES("one"), &at));
    CHECK(b.rung == 1);
    CHECK_ERR(hub_reader_state(r), ERR_NOT_FOUND);
    CHECK_OK(hub_reader_state(stays));
    hub_reader_close(r);
    hub_reader_close(stays);
    stop();
}

TESTS(RUN(every_kind_of_position_begins_where_it_says), RUN(a_position_that_was_never_given_out_is_refused),
      RUN(the_latest_position_is_that_of_the_open), RUN(the_latest_position_is_behind_what_is_not_durable_yet),
      RUN(only_what_is_durable_is_read_and_then_who_waits_is_woken), RUN(records_of_others_wake_nobody),
      RUN(a_reader_may_name_the_senders_that_it_wants), RUN(a_rare_sender_is_looked_for_in_slices),
      RUN(there_is_no_reader_without_its_partition_and_group), RUN(a_higher_or_equal_epoch_displaces_a_lower_one),
      RUN(readers_without_an_epoch_give_way_to_one_with_it), RUN(a_thousand_readers_share_a_partition_and_no_more),
      RUN(groups_are_told_apart_without_case_and_are_limited),
      RUN(groups_survive_power_cuts_with_and_without_a_checkpoint), RUN(readers_of_a_group_end_with_it))
