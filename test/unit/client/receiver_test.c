#include "events_talk.h"
#include "unit/front/amqp_peer.h"

/* A receiver's conversation, joined to the AMQP front of a hub in memory. */
struct reading {
    struct client hub; /* how it is joined to the front */
    struct events_talk talk;
    struct positions positions;
    char told[1024]; /* "partition-less" bodies and senders, in order */
    unsigned listening, ends;
    enum d2d_err why;
    char host[64], entity[64];
    int port;
};

static struct reading r;

static void on_event(void *ctx, const struct d2d_event *e)
{
    struct reading *reading = ctx;
    size_t used = strlen(reading->told);

    snprintf(reading->told + used, sizeof reading->told - used, "%s:%.*s ", e->device, (int)e->body_len,
             (const char *)e->body);
}

static void on_listening(void *ctx)
{
    ((struct reading *)ctx)->listening++;
}

static void on_redirected(void *ctx, struct bytes host, int port, struct bytes entity)
{
    struct reading *reading = ctx;

    snprintf(reading->host, sizeof reading->host, "%.*s", BYTES_ARG(host));
    snprintf(reading->entity, sizeof reading->entity, "%.*s", BYTES_ARG(entity));
    reading->port = port;
}

static void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    struct reading *reading = ctx;

    (void)detail;
    reading->ends++;
    reading->why = why;
}

static void reading_open(enum d2d_from from)
{
    memset(&r, 0, sizeof r);
    r.talk = (struct events_talk){.amqp = {.host = "hub.test",
                                           .user = w.service.name,
                                           .password = key_text(&w.service.primary),
                                           .timeout_ms = 30000,
                                           .seed = 1},
                                  .entity = "hub",
                                  .group = "$Default",
                                  .positions = &r.positions,
                                  .all = true,
                                  .position = {.from = from},
                                  .credit = 4,
                                  .redirected = on_redirected,
                                  .listening = on_listening,
                                  .event = on_event,
                                  .ended = on_ended,
                                  .ctx = &r};
    events_talk_init(&r.talk);
}

static void run(void)
{
    r.hub.join.client.woken = true;
    join_run(&r.hub.join);
}

static void connect(void)
{
    memset(&r.hub, 0, sizeof r.hub);
    r.talk.amqp.talk.over = false;
    client_join(&r.hub, &r.talk.amqp.talk);
    run();
}

static void cut(void)
{
    join_close(&r.hub.join);
}

static void reading_close(void)
{
    cut();
    events_talk_close(&r.talk);
}

TEST(all_partitions_are_read_from_the_oldest)
{
    world_open(4);
    send_events("phone", 10, T0, 0);
    reading_open(D2D_FROM_EARLIEST);
    connect();
    CHECK(r.listening == 1 && r.positions.n == 4);
    assert_string_equal(r.told, "phone:0 phone:1 phone:2 phone:3 phone:4 phone:5 phone:6 phone:7 phone:8 phone:9 ");
    reading_close();
    world_close();
}

TEST(reading_from_now_on_misses_nothing_over_a_cut)
{
    world_open(1);
    send_events("phone", 3, T0, 0);
    reading_open(D2D_FROM_LATEST);
    connect();
    CHECK(r.listening == 1);
    assert_string_equal(r.told, "");
    cut(); /* before the first event came */
    send_events("door", 2, T0 + 10, 0);
    connect();
    assert_string_equal(r.told, "door:0 door:1 ");
    cut();
    send_events("lamp", 1, T0 + 20, 0);
    connect();
    assert_string_equal(r.told, "door:0 door:1 lamp:0 ");
    reading_close();
    world_close();
}

TEST(a_saved_position_is_gone_on_from)
{
    struct buf saved = buf_max(4096);

    world_open(4);
    send_events("phone", 3, T0, 0);
    reading_open(D2D_FROM_EARLIEST);
    connect();
    positions_save(&r.positions, &saved);
    reading_close();
    send_events("phone", 2, T0 + 10, 0);
    reading_open(D2D_FROM_EARLIEST);
    CHECK_OK(positions_load(&r.positions, buf_str(&saved)));
    connect();
    assert_string_equal(r.told, "phone:0 phone:1 ");
    reading_close();
    buf_free(&saved);
    world_close();
}

TEST(positions_of_a_hub_that_was_made_anew_are_refused_and_it_is_said)
{
    struct buf saved = buf_max(4096);

    world_open(4);
    send_events("phone", 3, T0, 0);
    reading_open(D2D_FROM_EARLIEST);
    connect();
    positions_save(&r.positions, &saved);
    CHECK(r.positions.born_ms == T0 && bytes_starts(buf_bytes(&saved), BYTES("{\"born\":1795411500000,")));
    reading_close();
    /* The same positions of a hub of another birth: the offsets fit, the events are others. */
    saved.at[sizeof "{\"born\":" - 1] = '2';
    reading_open(D2D_FROM_EARLIEST);
    CHECK_OK(positions_load(&r.positions, buf_str(&saved)));
    connect();
    CHECK(r.talk.amqp.talk.over && r.talk.amqp.why == D2D_CHANGED && !r.listening);
    if (!strstr(r.talk.amqp.detail, "this one was made at 2026-11-23T"))
        fail_msg("%s", r.talk.amqp.detail);
    reading_close();
    /* Positions of before they said so are taken as they are. */
    reading_open(D2D_FROM_EARLIEST);
    CHECK_OK(positions_load(&r.positions, "{\"partitions\":{\"0\":{\"offset\":\"-1\"}}}"));
    connect();
    CHECK(!r.talk.amqp.talk.over && r.positions.born_ms == T0);
    reading_close();
    buf_free(&saved);
    world_close();
}

TEST(an_offset_that_the_hub_never_gave_out_ends_the_receiver)
{
    world_open(1);
    send_events("phone", 3, T0, 0);
    reading_open(D2D_FROM_EARLIEST);
    CHECK_OK(positions_load(&r.positions, "{\"partitions\":{\"0\":{\"offset\":\"99999999\"}}}"));
    connect();
    CHECK(r.talk.amqp.talk.over && r.talk.amqp.why == D2D_ARGUMENT);
    if (!strstr(r.talk.amqp.detail, "The supplied offset '99999999' is invalid. The last offset in the system is '"))
        fail_msg("%s", r.talk.amqp.detail);
    reading_close();
    world_close();
}

TEST(the_hub_filters_by_sender)
{
    static const char *const devices[] = {"phone", "lamp", NULL};

    world_open(1);
    send_events("phone", 1, T0, 0);
    send_events("stranger", 2, T0 + 10, 0);
    send_events("lamp", 1, T0 + 20, 0);
    reading_open(D2D_FROM_EARLIEST);
    r.talk.devices = devices;
    connect();
    assert_string_equal(r.told, "phone:0 lamp:0 ");
    CHECK(r.talk.filtered && !r.talk.filter_refused);
    reading_close();
    world_close();
}

TEST(a_hub_that_does_not_filter_is_filtered_here)
{
    static const char *const devices[] = {"phone", NULL};

    world_open(1);
    send_events("phone", 1, T0, 0);
    send_events("stranger", 2, T0 + 10, 0);
    reading_open(D2D_FROM_EARLIEST);
    r.talk.devices = devices;
    r.talk.filter_refused = true;
    connect();
    assert_string_equal(r.told, "phone:0 ");
    CHECK(!r.talk.filtered);
    reading_close();
    world_close();
}

TEST(a_hub_says_where_its_events_are)
{
    char user[POLICY_LEN_MAX + 16];

    world_open(1);
    reading_open(D2D_FROM_EARLIEST);
    snprintf(user, sizeof user, "%s@sas.root.hub", w.service.name);
    r.talk.entity = NULL;
    r.talk.amqp.user = user;
    r.talk.amqp.password = token_for(&w.service, "hub.test", T0 + 3600000, false);
    connect();
    CHECK(r.talk.amqp.talk.over);
    cut();
    CHECK(r.why == D2D_OK && r.port == 5671);
    assert_string_equal(r.host, "hub.test");
    assert_string_equal(r.entity, "hub");
    events_talk_close(&r.talk);
    world_close();
}

TEST(refusals_are_told_apart)
{
    world_open(1);
    reading_open(D2D_FROM_EARLIEST);
    r.talk.amqp.password = "bm9uZSBvZiB0aGUga2V5cw==";
    connect();
    reading_close();
    CHECK(r.why == D2D_NOT_AUTHORISED);
    reading_open(D2D_FROM_EARLIEST);
    r.talk.group = "nobody";
    connect();
    reading_close();
    CHECK(r.why == D2D_NOT_FOUND);
    reading_open(D2D_FROM_EARLIEST);
    r.talk.entity = "elsewhere";
    connect();
    reading_close();
    CHECK(r.why == D2D_NOT_FOUND);
    world_close();
}

TEST(a_hub_that_says_nothing_is_given_up)
{
    world_open(1);
    reading_open(D2D_FROM_EARLIEST);
    memset(&r.hub, 0, sizeof r.hub);
    client_join(&r.hub, &r.talk.amqp.talk);
    CHECK(r.talk.amqp.talk.ops->tick(&r.talk.amqp.talk, T0) <= T0 + 30000);
    r.talk.amqp.talk.ops->tick(&r.talk.amqp.talk, T0 + 30000);
    CHECK(r.talk.amqp.talk.over);
    reading_close();
    CHECK(r.why == D2D_TIMED_OUT);
    world_close();
}

TEST(a_pause_holds_events_back)
{
    world_open(1);
    send_events("phone", 10, T0, 0);
    reading_open(D2D_FROM_EARLIEST);
    r.talk.paused = true;
    connect();
    CHECK(r.listening == 1);
    assert_string_equal(r.told, "");
    r.talk.paused = false;
    r.talk.amqp.talk.ops->wake(&r.talk.amqp.talk, T0);
    run();
    assert_string_equal(r.told, "phone:0 phone:1 phone:2 phone:3 phone:4 phone:5 phone:6 phone:7 phone:8 phone:9 ");
    reading_close();
    world_close();
}

static void check_selector(struct d2d_position p, const char *const *devices, const char *wanted)
{
    struct progress at = {.sequence = -1};
    struct buf b = buf_max(SELECTOR_LEN_MAX);

    CHECK_OK(selector_put(&at, &p, devices, &b));
    assert_string_equal(buf_str(&b), wanted);
    buf_free(&b);
}

TEST(positions_are_said_as_clients_say_them)
{
    static const char *const one[] = {"it's", NULL}, *const two[] = {"a", "b", NULL};
    struct buf b = buf_max(100);
    struct progress at = {.sequence = -1};
    struct d2d_position quoted = {.from = D2D_FROM_OFFSET, .offset = "1' OR '1"};

    check_selector((struct d2d_position){.from = D2D_FROM_EARLIEST}, NULL, "amqp.annotation.x-opt-offset > '-1'");
    check_selector((struct d2d_position){.from = D2D_FROM_LATEST}, NULL, "amqp.annotation.x-opt-offset > '@latest'");
    check_selector((struct d2d_position){.from = D2D_FROM_OFFSET, .offset = "77", .inclusive = true}, NULL,
                   "amqp.annotation.x-opt-offset >= '77'");
    check_selector(
        (struct d2d_position){.from = D2D_FROM_SEQUENCE, .value = 5}, one,
        "amqp.annotation.x-opt-sequence-number > '5' AND amqp.annotation.iothub-connection-device-id = 'it''s'");
    check_selector(
        (struct d2d_position){.from = D2D_FROM_TIME, .value = 9, .inclusive = true}, two,
        "amqp.annotation.x-opt-enqueued-time > '8' AND amqp.annotation.iothub-connection-device-id IN ('a', 'b')");
    CHECK_ERR(selector_put(&at, &quoted, NULL, &b), ERR_ARGUMENT);
    buf_free(&b);
}

TEST(saved_positions_that_are_none_are_refused)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"partitions\":[]}",
                                      "{\"partitions\":{\"0\":{}}}",
                                      "{\"partitions\":{\"0123456789012\":{\"offset\":\"1\"}}}"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct positions p = {.n = 0};
        CHECK_ERR(positions_load(&p, bad[i]), ERR_MALFORMED);
    }
}

TESTS(RUN(all_partitions_are_read_from_the_oldest), RUN(reading_from_now_on_misses_nothing_over_a_cut),
      RUN(a_saved_position_is_gone_on_from), RUN(positions_of_a_hub_that_was_made_anew_are_refused_and_it_is_said),
      RUN(an_offset_that_the_hub_never_gave_out_ends_the_receiver), RUN(the_hub_filters_by_sender),
      RUN(a_hub_that_does_not_filter_is_filtered_here), RUN(a_hub_says_where_its_events_are),
      RUN(refusals_are_told_apart), RUN(a_hub_that_says_nothing_is_given_up), RUN(a_pause_holds_events_back),
      RUN(positions_are_said_as_clients_say_them), RUN(saved_positions_that_are_none_are_refused))
