/* The twin of a device over MQTT: what is asked, and desired properties without a gap. */
#include "device_world.h"

static char got[1024]; /* what came, in words */

static void put(const char *format, ...) PRINTF_LIKE(1, 2);

static void put(const char *format, ...)
{
    size_t used = strlen(got);
    va_list args;

    va_start(args, format);
    vsnprintf(got + used, sizeof got - used, format, args);
    va_end(args);
}

static void on_answered(void *ctx, const struct twin_ask *a, const struct twin_answer *answer)
{
    (void)ctx;
    put("%s=%d/%d:%.*s%s; ", a->verb == TWIN_GET ? "get" : "report", (int)answer->e, (int)answer->version,
        BYTES_ARG(answer->body), answer->e ? answer->why : "");
}

static void on_desired(void *ctx, const struct d2d_desired *d)
{
    (void)ctx;
    put("%s%d:%s; ", d->whole ? "whole" : "patch", (int)d->version, d->json);
}

static void on_failed(void *ctx, const char *why)
{
    (void)ctx;
    put("failed: %s; ", why);
}

static void nobody(void *ctx, struct d2d_device *d, enum d2d_err e, int64_t version, const char *json, size_t len)
{
    (void)ctx, (void)d, (void)e, (void)version, (void)json, (void)len;
}

static struct twin_side *twin_open(bool follows)
{
    struct twin_side *t = &w.side.twin;

    world_open(10, 10000, 10);
    got[0] = 0;
    t->follows = follows;
    t->answered = on_answered;
    t->desired = on_desired;
    t->failed = on_failed;
    return t;
}

static void twin_close(void)
{
    twin_end(&w.side.twin, D2D_CLOSED);
    world_close();
}

static void ask(enum twin_verb verb, const char *body)
{
    bool full;
    struct twin_ask *a = twin_put(&w.side.twin, verb, bytes_str(body), &full);

    CHECK(a && !full);
    a->done = nobody;
    w.mqtt.talk.ops->wake(&w.mqtt.talk, T0);
}

/* Every packet that was said: filters of subscriptions, topics and bodies of publications. */
static const char *heard(void)
{
    static char text[1024];
    struct bytes rest = buf_bytes(&w.out), list, filter;
    struct mqtt_packet p;
    size_t used, n = 0;
    uint8_t qos;

    text[0] = 0;
    while (rest.len && mqtt_decode(rest, PACKET_LEN_MAX, &p, &used) == MQTT_PACKET) {
        rest = bytes_skip(rest, used);
        if (p.type == MQTT_PUBLISH)
            n += (size_t)snprintf(text + n, sizeof text - n, "%.*s %.*s; ", BYTES_ARG(p.publish.topic),
                                  BYTES_ARG(p.publish.body));
        for (list = p.filters.list; p.type == MQTT_SUBSCRIBE && mqtt_next_filter(p.type, &list, &filter, &qos);)
            n += (size_t)snprintf(text + n, sizeof text - n, "%04x %.*s; ", p.filters.id, BYTES_ARG(filter));
    }
    buf_clear(&w.out);
    return text;
}

static void tell(const char *topic, const char *body)
{
    struct buf b = buf_max(4096);

    mqtt_put_publish(&b, &(struct mqtt_publish){.topic = bytes_str(topic), .body = bytes_str(body)});
    hear(buf_bytes(&b), T0);
    buf_free(&b);
}

#define GRANT_ANSWERS "\x90\x03\xFF\xF2\x01"
#define GRANT_DESIRED "\x90\x03\xFF\xF3\x01"

static void open_for_twins(void)
{
    accept_connection(T0);
    hear(BYTES(GRANT_ANSWERS), T0);
    if (w.side.twin.follows)
        hear(BYTES(GRANT_DESIRED), T0);
}

#define CHECK_SAID(text) CHECK_BYTES(bytes_str(heard()), BYTES(text))
#define CHECK_GOT(text)                           \
    do {                                          \
        CHECK_BYTES(bytes_str(got), BYTES(text)); \
        got[0] = 0;                               \
    } while (0)

TEST(what_is_asked_waits_for_its_filter_and_its_answer)
{
    twin_open(false);
    accept_connection(T0);
    CHECK_SAID("");
    ask(TWIN_GET, "");
    CHECK_SAID("fff2 $iothub/twin/res/#; ");
    ask(TWIN_REPORT, "{\"a\":1}");
    CHECK_SAID("");
    hear(BYTES(GRANT_ANSWERS), T0);
    CHECK_SAID("$iothub/twin/GET/?$rid=1 ; $iothub/twin/PATCH/properties/reported/?$rid=2 {\"a\":1}; ");
    tell("$iothub/twin/res/204/?$rid=2&$version=7", "");
    tell("$iothub/twin/res/200/?$rid=1", "{\"desired\":{}}");
    CHECK_GOT("report=0/7:; get=0/-1:{\"desired\":{}}; ");
    tell("$iothub/twin/res/200/?$rid=1", "{}"); /* twice */
    tell("$iothub/twin/res/200/?$rid=99", "{}");
    tell("$iothub/twin/res/x/?$rid=1", "{}");
    CHECK_GOT("");
    twin_close();
}

TEST(a_refusal_says_why)
{
    twin_open(false);
    ask(TWIN_REPORT, "{\"a\":1}");
    open_for_twins();
    tell("$iothub/twin/res/400/?$rid=1", "{\"errorCode\":400004,\"message\":\"the key is too long\"}");
    CHECK_GOT(
        "report=2/-1:{\"errorCode\":400004,\"message\":\"the key is too long\"}the key is too long (status 400); ");
    twin_close();
}

TEST(what_was_not_answered_is_asked_again_and_at_the_end_told)
{
    twin_open(false);
    ask(TWIN_REPORT, "{\"a\":1}");
    open_for_twins();
    heard();
    cut();
    tell("$iothub/twin/res/204/?$rid=1&$version=2", "");
    CHECK_GOT("");
    open_for_twins();
    CHECK_SAID("fff2 $iothub/twin/res/#; $iothub/twin/PATCH/properties/reported/?$rid=1 {\"a\":1}; ");
    twin_close();
    CHECK_GOT("report=12/0:the connection was closed; ");
}

TEST(an_answer_that_does_not_come_is_a_failure)
{
    twin_open(false);
    ask(TWIN_GET, "");
    open_for_twins();
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 29999);
    CHECK_GOT("");
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 30000);
    CHECK_GOT("get=6/0:the hub does not answer; ");
    twin_close();
}

TEST(questions_have_a_ceiling)
{
    bool full = false;

    twin_open(false);
    for (int i = 0; i < TWIN_ASKS_MAX; i++)
        ask(TWIN_GET, "");
    CHECK(!twin_put(&w.side.twin, TWIN_GET, NO_BYTES, &full) && full);
    twin_close();
}

TEST(desired_properties_come_whole_and_then_in_order)
{
    twin_open(true);
    open_for_twins();
    CHECK_SAID("fff2 $iothub/twin/res/#; fff3 $iothub/twin/PATCH/properties/desired/#; $iothub/twin/GET/?$rid=1 ; ");
    tell("$iothub/twin/res/200/?$rid=1", "{\"desired\":{\"a\":1,\"$version\":4},\"reported\":{\"$version\":1}}");
    tell("$iothub/twin/PATCH/properties/desired/?$version=5", "{\"a\":2,\"$version\":5}");
    tell("$iothub/twin/PATCH/properties/desired/?$version=5", "{\"a\":2,\"$version\":5}"); /* twice */
    tell("$iothub/twin/PATCH/properties/desired/?$version=6", "{\"b\":null,\"$version\":6}");
    tell("$iothub/twin/PATCH/properties/desired/", "[1]");
    tell("$iothub/twin/PATCH/properties/desired/", "{\"a\":3}");
    CHECK_GOT("whole4:{\"a\":1,\"$version\":4}; patch5:{\"a\":2,\"$version\":5}; patch6:{\"b\":null,\"$version\":6}; ");
    CHECK_SAID("");
    twin_close();
}

TEST(a_gap_has_all_of_them_come)
{
    twin_open(true);
    open_for_twins();
    tell("$iothub/twin/res/200/?$rid=1", "{\"desired\":{\"$version\":4}}");
    heard();
    tell("$iothub/twin/PATCH/properties/desired/?$version=6", "{\"a\":2,\"$version\":6}");
    CHECK_SAID("$iothub/twin/GET/?$rid=2 ; ");
    /* A twin read before that change is not enough. */
    tell("$iothub/twin/res/200/?$rid=2", "{\"desired\":{\"$version\":5}}");
    CHECK_SAID("$iothub/twin/GET/?$rid=3 ; ");
    tell("$iothub/twin/res/200/?$rid=3", "{\"desired\":{\"a\":2,\"$version\":6}}");
    CHECK_GOT("whole4:{\"$version\":4}; whole6:{\"a\":2,\"$version\":6}; ");
    twin_close();
}

TEST(a_reconnect_tells_only_what_has_changed)
{
    twin_open(true);
    open_for_twins();
    tell("$iothub/twin/res/200/?$rid=1", "{\"desired\":{\"$version\":4}}");
    cut();
    open_for_twins();
    tell("$iothub/twin/res/200/?$rid=2", "{\"desired\":{\"$version\":4}}");
    cut();
    open_for_twins();
    tell("$iothub/twin/res/200/?$rid=3", "{\"desired\":{\"x\":1,\"$version\":5}}");
    CHECK_GOT("whole4:{\"$version\":4}; whole5:{\"x\":1,\"$version\":5}; ");
    twin_close();
}

TEST(desired_properties_that_cannot_be_read_are_asked_for_again)
{
    twin_open(true);
    open_for_twins();
    heard();
    tell("$iothub/twin/res/429/?$rid=1", "");
    CHECK_GOT("failed: the hub refused it (status 429); ");
    w.mqtt.talk.ops->tick(&w.mqtt.talk, T0 + 5000);
    CHECK_SAID("$iothub/twin/GET/?$rid=2 ; ");
    twin_close();
}

TEST(a_hub_without_twins_says_so_and_the_device_goes_on)
{
    twin_open(true);
    ask(TWIN_GET, "");
    accept_connection(T0);
    hear(BYTES("\x90\x03\xFF\xF2\x80"), T0);
    hear(BYTES("\x90\x03\xFF\xF3\x80"), T0);
    CHECK_GOT("get=15/0:that is not supported here; ");
    CHECK(!w.mqtt.talk.over);
    send("hello", 1);
    CHECK_BYTES(bytes_str(said()), BYTES("1 hello,"));
    twin_close();
}

TESTS(RUN(what_is_asked_waits_for_its_filter_and_its_answer), RUN(a_refusal_says_why),
      RUN(what_was_not_answered_is_asked_again_and_at_the_end_told), RUN(an_answer_that_does_not_come_is_a_failure),
      RUN(questions_have_a_ceiling), RUN(desired_properties_come_whole_and_then_in_order),
      RUN(a_gap_has_all_of_them_come), RUN(a_reconnect_tells_only_what_has_changed),
      RUN(desired_properties_that_cannot_be_read_are_asked_for_again),
      RUN(a_hub_without_twins_says_so_and_the_device_goes_on))
