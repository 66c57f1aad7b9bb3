#include "check.h"
#include "mqtt_talk.h"
#include "mqtt_world.h"

/* A device's conversation over MQTT, joined to the front of a hub in memory, which has a mailbox for it. */
struct listening {
    struct world w;
    struct join join;
    struct device_side side;
    struct mqtt_talk mqtt;
    char given[1024];
    uint64_t locks[64];
    size_t n;
    unsigned listening;
    char user[100];
    struct buf token;
};

static struct listening l;

static void on_opened(void *ctx)
{
    (void)ctx;
}

static void on_listening(void *ctx)
{
    ((struct listening *)ctx)->listening++;
}

static void on_done(void *ctx, struct queued *q, enum d2d_err e)
{
    (void)ctx;
    (void)e;
    free(q);
}

static void on_c2d(void *ctx, const struct d2d_c2d *c)
{
    struct listening *at = ctx;
    size_t used = strlen(at->given);

    snprintf(at->given + used, sizeof at->given - used, "%s%s=%.*s", c->deliveries ? "+" : "", c->message_id,
             (int)c->body_len, (const char *)c->body);
    for (size_t i = 0; i < c->n_properties; i++) {
        used = strlen(at->given);
        snprintf(at->given + used, sizeof at->given - used, ",%s:%s", c->properties[i].name, c->properties[i].value);
    }
    snprintf(at->given + strlen(at->given), sizeof at->given - strlen(at->given), " ");
    CHECK(at->n < sizeof at->locks / sizeof *at->locks);
    at->locks[at->n++] = c->lock;
}

static void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    (void)ctx;
    (void)why;
    (void)detail;
}

static void run(void)
{
    l.join.client.woken = true;
    join_run(&l.join);
}

static void connect(void)
{
    const struct peer peer = {.address = "192.0.2.7:5000"};
    struct talk *front;

    l.join = (struct join){.store = l.w.store, .now_ms = WORLD_T0};
    l.mqtt.talk.over = false;
    CHECK_OK(front_mqtt_new(&l.w.env, &peer, WORLD_T0, &front));
    join_open(&l.join, &l.mqtt.talk, front);
    run();
}

static void cut(void)
{
    join_close(&l.join);
}

static void begin(void)
{
    l = (struct listening){0};
    world_open(&l.w);
    world_device(&l.w, "d1");
    l.token = buf_max(SAS_LEN_MAX);
    world_token(&l.w, "d1", false, WORLD_T0 + 3600000, &l.token);
    snprintf(l.user, sizeof l.user, WORLD_HOST "/d1/?api-version=2021-04-12");
    l.side = (struct device_side){.id = "d1",
                                  .path = "devices/d1",
                                  .window = 4,
                                  .timeout_ms = 30000,
                                  .opened = on_opened,
                                  .listening = on_listening,
                                  .done = on_done,
                                  .c2d = on_c2d,
                                  .ended = on_ended,
                                  .ctx = &l};
    queue_init(&l.side.queue, 10, 1000);
    twin_init(&l.side.twin, 30000);
    CHECK_OK(inbox_open(&l.side.inbox, INBOX_MAX));
    room_init(&l.side.room);
    l.mqtt = (struct mqtt_talk){
        .side = &l.side, .user = bytes_str(l.user), .password = buf_bytes(&l.token), .renew_ms = WORLD_T0 + 3600000};
    mqtt_talk_init(&l.mqtt);
}

static void end(void)
{
    cut();
    world_close(&l.w);
    inbox_close(&l.side.inbox);
    room_close(&l.side.room);
    buf_free(&l.token);
}

static void post(const char *id, const char *body)
{
    const struct prop props[] = {{BYTES("a b"), BYTES("c&d=e")}, {BYTES("\xC3\xBC"), BYTES("gr\xC3\xBC\xC3\x9F")}};
    const struct msg m = {.message_id = bytes_str(id), .props = props, .n_props = 2, .body = bytes_str(body)};
    uint64_t at;

    CHECK_OK(hub_post(l.w.hub, BYTES("d1"), &m, WORLD_T0, &at));
}

static void settle(size_t nth, enum settlement how)
{
    CHECK_OK(mqtt_talk_settle(&l.mqtt, l.locks[nth], how, WORLD_T0));
    run();
}

#define PROPS ",a b:c&d=e,\xC3\xBC:gr\xC3\xBC\xC3\x9F "

TEST(what_waited_and_what_comes_is_given_with_its_properties)
{
    begin();
    post("m1", "waited");
    connect();
    CHECK(l.listening == 1);
    post("m2", "came");
    run();
    assert_string_equal(l.given, "m1=waited" PROPS "m2=came" PROPS);
    end();
}

TEST(what_is_complete_never_comes_again_and_what_is_not_does)
{
    begin();
    post("m1", "one");
    post("m2", "two");
    post("m3", "three");
    connect();
    CHECK(l.n == 3);
    settle(1, SETTLE_COMPLETE);
    settle(0, SETTLE_ABANDON);
    cut();
    l.given[0] = 0;
    connect();
    assert_string_equal(l.given, "+m1=one" PROPS "+m3=three" PROPS);
    settle(3, SETTLE_COMPLETE);
    settle(4, SETTLE_COMPLETE);
    cut();
    l.given[0] = 0;
    connect();
    assert_string_equal(l.given, "");
    end();
}

TEST(who_does_not_listen_leaves_them_where_they_are)
{
    begin();
    connect(); /* the session is kept: the hub goes on sending into it */
    cut();
    post("m1", "one");
    l.side.inbox.max = 0;
    for (int i = 0; i < 3; i++) {
        connect();
        cut();
    }
    assert_string_equal(l.given, "");
    l.side.inbox.max = INBOX_MAX;
    connect();
    CHECK(l.n == 1);
    end();
}

TEST(a_full_window_goes_on_with_each_that_is_complete)
{
    begin();
    for (int i = 0; i < 40; i++)
        post("m", "x");
    connect();
    CHECK(l.n == C2D_WINDOW);
    for (size_t i = 0; i < 40; i++) {
        CHECK(l.n > i);
        settle(i, SETTLE_COMPLETE);
    }
    CHECK(l.n == 40 && l.side.inbox.n == 0);
    end();
}

TESTS(RUN(what_waited_and_what_comes_is_given_with_its_properties),
      RUN(what_is_complete_never_comes_again_and_what_is_not_does), RUN(who_does_not_listen_leaves_them_where_they_are),
      RUN(a_full_window_goes_on_with_each_that_is_complete))
