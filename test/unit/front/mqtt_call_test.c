/* Direct methods over MQTT: each filter that is known of some client, and what comes of it. */
#include "mqtt_case.h"

static void quiet(struct waker *waker)
{
    (void)waker;
}

static struct waker caller = {quiet};

static void connect_device(bool clean)
{
    CHECK(connect_as("door", WORLD_HOST "/door/?api-version=2021-04-12", "door", NULL, clean) == 0);
}

static int start(void **state)
{
    door_start(state);
    connect_device(true);
    return 0;
}

static void subscribe(const char *filter)
{
    mqtt_put_subscribe(&say, 1, bytes_str(filter), 1);
    say_all();
    buf_clear(&c.client.in);
}

static enum err call(const char *method, const char *payload, struct call **out)
{
    const struct call_question q = {.device = BYTES("door"),
                                    .method = bytes_str(method),
                                    .payload = payload ? bytes_str(payload) : NO_BYTES,
                                    .response_ms = 30000,
                                    .waker = &caller};

    *out = NULL;
    return hub_call_open(w.hub, &q, WORLD_T0, out);
}

/* The call that the device was sent; false: none. */
static bool hear(struct mqtt_publish *out)
{
    struct mqtt_packet p;
    size_t used;

    join_run_at(&c, WORLD_T0);
    if (!c.client.in.len)
        return false;
    CHECK(mqtt_decode(buf_bytes(&c.client.in), PACKET_LEN_MAX, &p, &used) == MQTT_PACKET && p.type == MQTT_PUBLISH);
    CHECK(used == c.client.in.len && p.publish.qos == 0);
    *out = p.publish;
    return true;
}

static void answer(const char *status, struct bytes rid, uint8_t qos, const char *body)
{
    char topic[100];

    snprintf(topic, sizeof topic, "$iothub/methods/res/%s/?$rid=%.*s", status, BYTES_ARG(rid));
    mqtt_put_publish(&say, &(struct mqtt_publish){
                               .topic = bytes_str(topic), .body = bytes_str(body), .qos = qos, .id = qos ? 7 : 0});
    buf_clear(&c.client.in);
    say_all();
}

/* A call, there and back. */
static void check_round(const char *payload, const char *status, int64_t number, uint8_t qos)
{
    static const char begins[] = "$iothub/methods/POST/open/?$rid=";
    struct mqtt_publish p;
    struct call_answer a;
    struct call *k;
    int64_t until_ms;
    char rid[24];

    CHECK_OK(call("open", payload, &k));
    CHECK(hear(&p) && bytes_starts(p.topic, bytes_str(begins)));
    CHECK_BYTES(p.body, payload ? bytes_str(payload) : NO_BYTES);
    CHECK(bytes_to_str(bytes_skip(p.topic, strlen(begins)), rid, sizeof rid));
    answer(status, bytes_str(rid), qos, "[1]");
    CHECK(c.client.in.len == (qos ? 4 : 0));
    CHECK_OK(hub_call_look(k, WORLD_T0, &a, &until_ms));
    CHECK(a.status == number);
    CHECK_BYTES(a.payload, BYTES("[1]"));
    hub_call_close(k);
    buf_clear(&c.client.in);
}

/* ERR_BUSY: it is open. */
static enum err fate(struct call *k)
{
    struct call_answer a;
    int64_t until_ms;

    return hub_call_look(k, WORLD_T0, &a, &until_ms);
}

TEST(each_filter_that_takes_calls_is_one_that_listens)
{
    static const char *const filters[] = {"$iothub/methods/POST/#", "$iothub/methods/#", "$iothub/#",
                                          "$iothub/methods/POST/open/#"};
    struct call *k;

    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        CHECK(call("open", NULL, &k) == ERR_UNREACHABLE);
        subscribe(filters[i]);
        check_round(NULL, "200", 200, 0);
        check_round("null", "-5", -5, 1);
        check_round("{\"a\":1}", "404", 404, 0);
        mqtt_put_unsubscribe(&say, 2, bytes_str(filters[i]));
        say_all();
        buf_clear(&c.client.in);
    }
    CHECK(call("open", NULL, &k) == ERR_UNREACHABLE);
}

TEST(what_a_filter_does_not_take_is_not_sent)
{
    struct mqtt_publish p;
    struct call *k;

    subscribe("$iothub/methods/POST/open/#");
    CHECK_OK(call("close", NULL, &k));
    CHECK(!hear(&p));
    CHECK(fate(k) == ERR_UNREACHABLE); /* at once */
    hub_call_close(k);
    check_round(NULL, "200", 200, 0);
}

TEST(a_kept_session_listens_from_the_start)
{
    struct mqtt_publish p;
    struct call *k;

    join_close(&c);
    connect_device(false);
    subscribe("$iothub/methods/POST/#");
    join_close(&c);
    CHECK(call("open", NULL, &k) == ERR_UNREACHABLE);
    connect_device(false);
    check_round(NULL, "200", 200, 0);
    CHECK(!hear(&p));
}

TEST(answers_to_nothing_are_dropped)
{
    struct mqtt_publish p;
    struct call *k;

    subscribe("$iothub/methods/POST/#");
    answer("200", BYTES("12345"), 1, "{}");
    CHECK(c.client.in.len == 4); /* acknowledged, as one that is late */
    answer("200", BYTES("not-a-number"), 0, "{}");
    CHECK(c.hub.talk);
    buf_clear(&c.client.in);
    CHECK_OK(call("open", NULL, &k));
    hub_call_close(k); /* before the device has got it */
    CHECK(!hear(&p));
    check_round(NULL, "200", 200, 0);
}

/* Asks, and gives what the topic says behind the rid's name. */
static struct call *ask(char *rid, size_t cap)
{
    struct mqtt_publish p;
    struct call *k;

    CHECK_OK(call("open", NULL, &k));
    CHECK(hear(&p) && bytes_starts(p.topic, BYTES("$iothub/methods/POST/open/?$rid=")));
    CHECK(bytes_to_str(bytes_skip(p.topic, strlen("$iothub/methods/POST/open/?$rid=")), rid, cap));
    buf_clear(&c.client.in);
    return k;
}

/* device 2.11: UNSUBSCRIBE says that no further call is wanted; to answer takes no subscription. */
TEST(a_device_that_unsubscribes_may_answer_what_it_got)
{
    struct call *got, *later;
    char rid[24];

    subscribe("$iothub/methods/POST/#");
    got = ask(rid, sizeof rid);
    CHECK_OK(call("open", NULL, &later)); /* behind the UNSUBSCRIBE, for the hub */
    mqtt_put_unsubscribe(&say, 2, BYTES("$iothub/methods/POST/#"));
    say_all();
    CHECK(fate(got) == ERR_BUSY);
    answer("200", bytes_str(rid), 1, "{}");
    CHECK(fate(got) == OK);
    hub_call_close(got);
    hub_call_close(later);
    CHECK(call("open", NULL, &later) == ERR_UNREACHABLE);
}

TEST(a_device_that_goes_ends_what_it_got_at_once)
{
    struct call *k;
    char rid[24];

    for (int how = 0; how < 3; how++) {
        subscribe("$iothub/methods/POST/#");
        k = ask(rid, sizeof rid);
        if (how == 0) {
            buf_put(&say, BYTES("\xE0\0"));
            say_all();
        } else if (how == 1) {
            join_cut(&c, ERR_CLOSED, WORLD_T0);
        } else { /* another connection takes over, and may not answer for this one */
            connect_device(true);
            subscribe("$iothub/methods/POST/#");
            answer("200", bytes_str(rid), 1, "{}");
        }
        CHECK(fate(k) == ERR_CLOSED);
        hub_call_close(k);
        connect_device(true);
    }
}

static bool is_answered(struct call *k)
{
    return fate(k) == OK;
}

/* device 2.11 */
TEST(rid_counts_from_1_on_each_connection_in_lower_case_hexadecimal)
{
    char rid[24], expected[24];

    for (int connection = 0; connection < 2; connection++) {
        subscribe("$iothub/methods/POST/#");
        for (int i = 1; i <= 20; i++) {
            struct call *k = ask(rid, sizeof rid);

            snprintf(expected, sizeof expected, "%x", (unsigned)i);
            assert_string_equal(rid, expected);
            hub_call_close(k);
        }
        connect_device(true);
    }
}

TEST(answers_are_matched_as_numbers_whatever_their_case_and_zeros)
{
    static const char *const same[] = {"a", "A", "0a", "0000000A", "000000000000a"};
    static const char *const others[] = {"0", "b", "10", "1a", "0x0a", "10000000a", "a ", "-a", "1234567890abcdef0"};
    struct call *k;
    char rid[24];

    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        subscribe("$iothub/methods/POST/#");
        for (int n = 1; n < 10; n++)
            hub_call_close(ask(rid, sizeof rid));
        k = ask(rid, sizeof rid);
        for (size_t j = 0; j < sizeof others / sizeof *others; j++) {
            answer("200", bytes_str(others[j]), 1, "{}");
            CHECK(c.client.in.len == 4 && !is_answered(k)); /* acknowledged, as one that is late */
        }
        answer("200", bytes_str(same[i]), 0, "{}");
        CHECK(is_answered(k));
        hub_call_close(k);
        connect_device(true);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, door_stop)
TESTS(CASE(each_filter_that_takes_calls_is_one_that_listens), CASE(what_a_filter_does_not_take_is_not_sent),
      CASE(a_kept_session_listens_from_the_start), CASE(answers_to_nothing_are_dropped),
      CASE(a_device_that_unsubscribes_may_answer_what_it_got), CASE(a_device_that_goes_ends_what_it_got_at_once),
      CASE(rid_counts_from_1_on_each_connection_in_lower_case_hexadecimal),
      CASE(answers_are_matched_as_numbers_whatever_their_case_and_zeros))
