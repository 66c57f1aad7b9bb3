#include "hub_world.h"
#include "state.h"

#include <stdlib.h>

static struct world w;
static struct bell bell, service;
static struct feedback_reader *reader;
static struct feedback_record got[FEEDBACK_BATCH];
static struct c2d_lock held;
static size_t n;

static const void *poster; /* of what is posted */

static void post(const char *id, const char *ack)
{
    struct msg m = {.body = BYTES("x"), .message_id = bytes_str(id), .ack = bytes_str(ack), .poster = poster};
    uint64_t at;

    CHECK_OK(hub_post(w.hub, BYTES("door"), &m, w.now_ms, &at));
}

static struct seat *start(uint64_t seed)
{
    bell = bell_new();
    service = bell_new();
    world_start(&w, seed);
    world_add(&w, "door");
    CHECK_OK(hub_feedback_open(w.hub, &service.waker, &reader));
    return world_sit(&w, "door", &bell);
}

static void end(struct seat *s)
{
    hub_detach(s, w.now_ms);
    hub_feedback_close(reader);
    world_end(&w);
}

/* The next message of the device ends like this. */
static void outcome(struct seat *s, enum outcome how)
{
    struct c2d c;
    uint64_t at;

    CHECK_OK(hub_next(s, w.now_ms, &c));
    CHECK_OK(hub_settle(s, &c.lock, how, w.now_ms, &at));
}

static void wait_for_batch(void)
{
    w.now_ms += FEEDBACK_REST_MS;
    hub_tick(w.hub, w.now_ms);
}

static void next_is(size_t wanted)
{
    CHECK_OK(hub_feedback_next(reader, w.now_ms, got, &n, &held));
    CHECK(n == wanted);
}

static void nothing_comes(void)
{
    CHECK_ERR(hub_feedback_next(reader, w.now_ms, got, &n, &held), ERR_NOT_FOUND);
}

static void settle(enum outcome how)
{
    uint64_t at;

    CHECK_OK(hub_feedback_settle(reader, &held, how, w.now_ms, &at));
}

/* device 5: positive is success only, negative all else, full is both */
TEST(who_asked_is_told_what_became_of_a_message)
{
    static const char *const acks[] = {"none", "positive", "negative", "full"};
    struct seat *s = start(1);
    struct device d;

    CHECK_OK(hub_device_get(w.hub, BYTES("door"), &d));
    for (int i = 0; i < 4; i++)
        post(acks[i], acks[i]);
    for (int i = 0; i < 4; i++)
        outcome(s, OUTCOME_COMPLETE);
    for (int i = 0; i < 4; i++)
        post(acks[i], acks[i]);
    for (int i = 0; i < 4; i++)
        outcome(s, OUTCOME_REJECT);
    CHECK(service.rung > 0);
    next_is(4);
    CHECK_BYTES(bytes_str(got[0].message_id), BYTES("positive"));
    CHECK_BYTES(bytes_str(got[0].device), BYTES("door"));
    CHECK_BYTES(bytes_str(got[0].generation), bytes_str(d.generation));
    CHECK(got[0].fate == FATE_SUCCESS && got[0].ms == w.now_ms);
    CHECK_BYTES(bytes_str(got[1].message_id), BYTES("full"));
    CHECK(got[1].fate == FATE_SUCCESS);
    CHECK_BYTES(bytes_str(got[2].message_id), BYTES("negative"));
    CHECK(got[2].fate == FATE_REJECTED);
    CHECK_BYTES(bytes_str(got[3].message_id), BYTES("full"));
    nothing_comes();
    settle(OUTCOME_COMPLETE);
    CHECK_ERR(hub_feedback_settle(reader, &held, OUTCOME_COMPLETE, w.now_ms, &(uint64_t){0}), ERR_LOCK_LOST);
    nothing_comes();
    end(s);
}

TEST(every_fate_is_told)
{
    struct seat *s = start(2);
    uint64_t purged, at;

    post("expired", "negative");
    w.now_ms += C2D_TTL_DEFAULT_MS;
    hub_tick(w.hub, w.now_ms);
    post("count", "full");
    for (int i = 0; i < C2D_DELIVERIES_DEFAULT; i++)
        outcome(s, OUTCOME_ABANDON);
    post("purged", "full");
    CHECK_OK(hub_purge(w.hub, BYTES("door"), w.now_ms, &purged, &at));
    post("deleted", "full");
    CHECK_OK(hub_device_delete(w.hub, BYTES("door"), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
    wait_for_batch();
    next_is(4);
    CHECK(got[0].fate == FATE_EXPIRED && got[1].fate == FATE_DELIVERY_COUNT && got[2].fate == FATE_PURGED &&
          got[3].fate == FATE_PURGED);
    CHECK_BYTES(bytes_str(fate_name(got[1].fate)), BYTES("DeliveryCountExceeded"));
    end(s);
}

static void one_more(struct seat *s)
{
    post("m", "full");
    outcome(s, OUTCOME_COMPLETE);
}

/* Until nothing leaves at once any more. */
static void spend(struct seat *s)
{
    for (int i = 0; i <= FEEDBACK_AT_ONCE; i++) {
        one_more(s);
        next_is(1);
    }
}

/* Nobody waits longer than the rest, and the hub says when to be called for that. */
/* device 5: Java asks for `full` and names no message. */
TEST(who_names_no_message_is_told_all_the_same)
{
    struct seat *s = start(18);

    post(NULL, "full");
    post("", "positive");
    post(NULL, "none");
    hub_detach(s, w.now_ms);
    hub_feedback_close(reader);
    memory_store_settle(w.store, UINT64_MAX);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms)); /* the mailbox is read from there, then */
    world_restart(&w);
    CHECK_OK(hub_feedback_open(w.hub, &service.waker, &reader));
    s = world_sit(&w, "door", &bell);
    for (int i = 0; i < 3; i++)
        outcome(s, OUTCOME_COMPLETE);
    hub_detach(s, w.now_ms);
    hub_feedback_close(reader);
    memory_store_settle(w.store, UINT64_MAX);
    world_restart(&w); /* and the fates from the log */
    CHECK_OK(hub_feedback_open(w.hub, &service.waker, &reader));
    s = world_sit(&w, "door", &bell);
    wait_for_batch();
    next_is(2);
    CHECK(!got[0].message_id[0] && !got[1].message_id[0] && got[0].fate == FATE_SUCCESS);
    end(s);
}

TEST(little_leaves_at_once_and_much_leaves_together)
{
    struct seat *s = start(8);
    int64_t next_ms;

    spend(s);
    CHECK(service.rung > 0);
    for (int i = 0; i < 3; i++)
        one_more(s);
    nothing_comes();
    next_ms = hub_tick(w.hub, w.now_ms);
    CHECK(next_ms > w.now_ms && next_ms <= w.now_ms + 2 * FEEDBACK_EVERY_MS);
    service.rung = 0;
    w.now_ms = next_ms;
    hub_tick(w.hub, w.now_ms);
    CHECK(service.rung == 1);
    next_is(3);
    wait_for_batch();
    spend(s);
    end(s);
}

/* Two that read, and each of them sends; a third sends and does not read. */
TEST(feedback_goes_to_whoever_sent_the_message_and_never_mixes_with_that_of_others)
{
    struct seat *s = start(10);
    struct bell second = bell_new(), third = bell_new();
    struct feedback_reader *other;
    const void *posters[] = {&service.waker, &second.waker, &third.waker, &service.waker, &second.waker};
    const char *ids[] = {"mine", "theirs", "nobodys", "mine too", "theirs too"};

    CHECK_OK(hub_feedback_open(w.hub, &second.waker, &other));
    for (int i = 0; i < 5; i++) {
        poster = posters[i];
        post(ids[i], "full");
        outcome(s, OUTCOME_COMPLETE);
    }
    poster = NULL;
    next_is(2);
    CHECK_BYTES(bytes_str(got[0].message_id), BYTES("mine"));
    CHECK_BYTES(bytes_str(got[1].message_id), BYTES("mine too"));
    settle(OUTCOME_COMPLETE);
    wait_for_batch();
    next_is(1);
    CHECK_BYTES(bytes_str(got[0].message_id), BYTES("nobodys"));
    settle(OUTCOME_COMPLETE);
    wait_for_batch();
    nothing_comes();
    CHECK_OK(hub_feedback_next(other, w.now_ms, got, &n, &held));
    CHECK(n == 2);
    hub_feedback_close(other); /* and what it leaves is anybody's */
    wait_for_batch();
    next_is(2);
    CHECK_BYTES(bytes_str(got[0].message_id), BYTES("theirs"));
    end(s);
}

TEST(feedback_that_its_sender_does_not_take_is_anybodys_after_a_while)
{
    struct seat *s = start(11);
    struct bell second = bell_new();
    struct feedback_reader *other;

    CHECK_OK(hub_feedback_open(w.hub, &second.waker, &other));
    poster = &second.waker;
    post("theirs", "full");
    outcome(s, OUTCOME_COMPLETE);
    poster = NULL;
    w.now_ms += FEEDBACK_OWN_MS - FEEDBACK_EVERY_MS - 1;
    nothing_comes();
    w.now_ms += FEEDBACK_EVERY_MS + 1;
    next_is(1);
    hub_feedback_close(other);
    end(s);
}

TEST(a_clock_that_was_set_back_holds_nothing_up)
{
    struct seat *s = start(9);

    for (int i = 0; i < 3; i++) {
        spend(s);
        w.now_ms -= 3600 * 1000;
    }
    end(s);
}

TEST(a_full_batch_does_not_wait)
{
    struct seat *s = start(3);

    spend(s);
    for (int i = 0; i < FEEDBACK_BATCH + 1; i++)
        one_more(s);
    CHECK(service.rung >= 1);
    next_is(FEEDBACK_BATCH);
    nothing_comes();
    wait_for_batch();
    next_is(1);
    end(s);
}

TEST(a_batch_comes_again_when_it_is_abandoned_or_its_lock_ends_or_its_receiver_leaves)
{
    struct seat *s = start(4);
    struct feedback_reader *other;

    post("m", "full");
    outcome(s, OUTCOME_COMPLETE);
    wait_for_batch();
    next_is(1);
    settle(OUTCOME_ABANDON);
    next_is(1);
    w.now_ms += FEEDBACK_LOCK_MS;
    CHECK_ERR(hub_feedback_settle(reader, &held, OUTCOME_COMPLETE, w.now_ms, &(uint64_t){0}), ERR_LOCK_LOST);
    hub_tick(w.hub, w.now_ms);
    next_is(1);
    CHECK_OK(hub_feedback_open(w.hub, &service.waker, &other));
    service.rung = 0;
    hub_feedback_close(reader);
    reader = other;
    CHECK(service.rung == 1);
    for (int i = 1; i < FEEDBACK_DELIVERIES_DEFAULT; i++) {
        wait_for_batch();
        next_is(1);
        settle(OUTCOME_ABANDON);
    }
    nothing_comes();
    end(s);
}

TEST(feedback_that_nobody_takes_goes_after_an_hour)
{
    struct seat *s = start(5);

    post("m", "full");
    outcome(s, OUTCOME_COMPLETE);
    w.now_ms += FEEDBACK_TTL_DEFAULT_MS;
    hub_tick(w.hub, w.now_ms);
    nothing_comes();
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    end(s);
}

static void again(struct seat **s, bool crash)
{
    hub_detach(*s, w.now_ms);
    hub_feedback_close(reader);
    if (crash)
        world_crash(&w);
    else
        world_restart(&w);
    CHECK_OK(hub_feedback_open(w.hub, &service.waker, &reader));
    *s = world_sit(&w, "door", &bell);
}

TEST(feedback_survives_power_cuts_and_checkpoints_and_comes_once)
{
    struct seat *s = start(6);

    post("one", "full");
    outcome(s, OUTCOME_COMPLETE);
    again(&s, true);
    wait_for_batch();
    next_is(1);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(store_trim(w.store, store_end(w.store)));
    again(&s, false);
    next_is(1);
    CHECK_BYTES(bytes_str(got[0].message_id), BYTES("one"));
    post("two", "full");
    outcome(s, OUTCOME_REJECT);
    settle(OUTCOME_COMPLETE);
    again(&s, true);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    again(&s, false);
    wait_for_batch();
    next_is(1);
    CHECK_BYTES(bytes_str(got[0].message_id), BYTES("two"));
    settle(OUTCOME_REJECT);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    again(&s, false);
    wait_for_batch();
    nothing_comes();
    end(s);
}

/* Checkpoints and power cuts at any moment of many lives: every fate that was acknowledged is told, and none twice that
 * was settled. */
TEST(nothing_is_lost_or_told_twice_whatever_happens_in_between)
{
    enum { MANY = 400 };
    static uint8_t told[MANY];
    struct seat *s;
    unsigned sent = 0, known = 0;
    char id[16];
    uint64_t at;

    bell = bell_new();
    service = bell_new();
    world_make(&w, 7);
    w.options.c2d.feedback_ttl_ms = INT64_C(1) << 40;
    CHECK_OK(hub_init(&w.options, &w.birth, w.now_ms));
    CHECK_OK(hub_open(&w.options, &w.hub));
    world_add(&w, "door");
    CHECK_OK(hub_feedback_open(w.hub, &service.waker, &reader));
    s = world_sit(&w, "door", &bell);
    memset(told, 0, sizeof told);
    while (known < MANY) {
        switch (world_below(&w, 8)) {
        case 0:
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
            break;
        case 1:
            again(&s, world_below(&w, 2));
            break;
        case 2:
            wait_for_batch();
            if (hub_feedback_next(reader, w.now_ms, got, &n, &held))
                break;
            if (hub_feedback_settle(reader, &held, world_below(&w, 2) ? OUTCOME_COMPLETE : OUTCOME_ABANDON, w.now_ms,
                                    &at) ||
                at == 0)
                break;
            for (size_t i = 0; i < n; i++) {
                CHECK(!told[atoi(got[i].message_id)]++);
                known++;
            }
            break;
        default:
            if (sent == MANY)
                break;
            snprintf(id, sizeof id, "%u", sent++);
            post(id, "full");
            outcome(s, world_below(&w, 2) ? OUTCOME_COMPLETE : OUTCOME_REJECT);
        }
    }
    nothing_comes();
    end(s);
}

static void keep_one(uint64_t at)
{
    struct buf value = buf_max(256);
    char key[24];

    snprintf(key, sizeof key, "f/%016llx", (unsigned long long)at);
    buf_put_u64(&value, at);
    buf_put_u8(&value, FATE_SUCCESS);
    buf_put_u64(&value, (uint64_t)w.now_ms);
    for (int text = 0; text < 3; text++)
        buf_put_u8(&value, 0);
    CHECK_OK(state_put(w.state, bytes_str(key), buf_bytes(&value)));
    buf_free(&value);
}

static bool count_one(void *ctx, struct bytes key, struct bytes value)
{
    (void)key;
    (void)value;
    ++*(unsigned *)ctx;
    return true;
}

/* A checkpoint that was cut off has what is new, and still what that has driven out. */
TEST(more_feedback_in_the_checkpoint_than_there_may_be_is_read_and_goes)
{
    unsigned kept = 0;

    world_start(&w, 21);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(state_begin(w.state));
    for (uint64_t at = 1; at <= FEEDBACK_MAX + 3; at++)
        keep_one(at);
    CHECK_OK(state_commit(w.state, state_place(w.state)));
    world_restart(&w);
    world_add(&w, "phone");
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(state_each(w.state, BYTES("f/"), NO_BYTES, count_one, &kept));
    CHECK(kept == FEEDBACK_MAX);
    world_end(&w);
}

TESTS(RUN(who_asked_is_told_what_became_of_a_message), RUN(every_fate_is_told),
      RUN(who_names_no_message_is_told_all_the_same),
      RUN(more_feedback_in_the_checkpoint_than_there_may_be_is_read_and_goes),
      RUN(little_leaves_at_once_and_much_leaves_together), RUN(a_clock_that_was_set_back_holds_nothing_up),
      RUN(feedback_goes_to_whoever_sent_the_message_and_never_mixes_with_that_of_others),
      RUN(feedback_that_its_sender_does_not_take_is_anybodys_after_a_while), RUN(a_full_batch_does_not_wait),
      RUN(a_batch_comes_again_when_it_is_abandoned_or_its_lock_ends_or_its_receiver_leaves),
      RUN(feedback_that_nobody_takes_goes_after_an_hour),
      RUN(feedback_survives_power_cuts_and_checkpoints_and_comes_once),
      RUN(nothing_is_lost_or_told_twice_whatever_happens_in_between))
