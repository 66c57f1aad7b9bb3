#include "mqtt.h"
#include "register_mqtt.h"
#include "register_world.h"

static struct register_mqtt m;
static struct buf out;
static unsigned ends;

static void on_ended(void *ctx)
{
    (void)ctx;
    ends++;
}

static void start(const char *token)
{
    registering_open(NULL, token);
    ends = 0;
    out = buf_max(100000);
    m = (struct register_mqtt){.registering = &r, .ended = on_ended};
    register_mqtt_init(&m);
    m.talk.out = &out;
    m.talk.ops->start(&m.talk, T0);
}

static void end(enum err why)
{
    m.talk.ops->close(&m.talk, m.talk.over ? m.talk.why : why, T0);
    CHECK(ends == 1);
    buf_free(&out);
    registering_close();
}

/* In pieces of every size. */
static void hear(struct bytes in, size_t slice)
{
    struct buf heard = buf_max(4096);

    for (size_t at = 0; at < in.len && !m.talk.over; at += slice) {
        buf_put(&heard, bytes_first(bytes_skip(in, at), slice));
        buf_drop(&heard, m.talk.ops->input(&m.talk, buf_bytes(&heard), T0));
    }
    buf_free(&heard);
}

/* The talk so far, in words. */
static const char *said(void)
{
    static char text[1024];
    struct bytes rest = buf_bytes(&out);
    struct mqtt_packet p;
    size_t used, n = 0;

    text[0] = 0;
    while (rest.len && mqtt_decode(rest, PACKET_LEN_MAX, &p, &used) == MQTT_PACKET) {
        rest = bytes_skip(rest, used);
        if (p.type == MQTT_CONNECT)
            n += (size_t)snprintf(text + n, sizeof text - n, "connect %.*s %.*s %.*s %d\n",
                                  BYTES_ARG(p.connect.client_id), BYTES_ARG(p.connect.user),
                                  BYTES_ARG(p.connect.password), p.connect.clean);
        else if (p.type == MQTT_PUBLISH)
            n += (size_t)snprintf(text + n, sizeof text - n, "%.*s %.*s\n", BYTES_ARG(p.publish.topic),
                                  BYTES_ARG(p.publish.body));
        else
            n += (size_t)snprintf(text + n, sizeof text - n, "(%d)\n", p.type);
    }
    buf_clear(&out);
    return text;
}

static void publish(const char *topic, const char *body, uint8_t qos, size_t slice)
{
    struct buf packet = buf_max(4096);

    mqtt_put_publish(&packet,
                     &(struct mqtt_publish){.topic = bytes_str(topic), .body = bytes_str(body), .qos = qos, .id = 9});
    hear(buf_bytes(&packet), slice);
    buf_free(&packet);
}

static void open_to_asked(void)
{
    start("token");
    hear(BYTES("\x20\x02\x00\x00\x90\x03\x00\x01\x01"), 100);
    said();
    CHECK(m.state == REGISTER_ASKED);
}

TEST(a_registration_in_pieces_of_any_size)
{
    for (size_t slice = 1; slice < 40; slice++) {
        start("token");
        assert_string_equal(
            said(), "connect pump 0ne1/registrations/pump/api-version=2019-03-31&ClientVersion=d2d%2F" D2D_VERSION
                    " token 1\n");
        hear(BYTES("\x20\x02\x00\x00"), slice);
        assert_string_equal(said(), "(8)\n");
        hear(BYTES("\x90\x03\x00\x01\x01"), slice);
        assert_string_equal(said(), "$dps/registrations/PUT/iotdps-register/?$rid=1 {\"registrationId\":\"pump\"}\n");
        hear(BYTES("\x40\x02\x00\x02"), slice);
        publish("$dps/registrations/res/202/?$rid=1&retry-after=3", ASSIGNING, 1, slice);
        assert_string_equal(said(), "(4)\n");
        CHECK(m.talk.ops->tick(&m.talk, T0) == T0 + 3000);
        assert_string_equal(said(), "");
        CHECK(m.talk.ops->tick(&m.talk, T0 + 3000) == T0 + 33000);
        assert_string_equal(said(), "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=5.ab-cd \n");
        publish("$dps/registrations/res/200/?$rid=2", ASSIGNED, 0, slice);
        assert_string_equal(said(), "(14)\n");
        CHECK(m.talk.over && r.done && r.result == D2D_OK);
        assert_string_equal(got.device, "pump-7");
        end(OK);
        CHECK(r.result == D2D_OK);
    }
}

TEST(a_certificate_needs_no_password)
{
    start("");
    CHECK(strstr(said(), "d2d%2F" D2D_VERSION "  1\n"));
    end(ERR_CLOSED);
}

TEST(a_refused_connection_is_told)
{
    start("token");
    hear(BYTES("\x20\x02\x00\x05"), 100);
    end(OK);
    CHECK(r.done && r.result == D2D_NOT_AUTHORISED && strstr(got.error, "CONNACK 5"));
    start("token");
    hear(BYTES("\x20\x02\x00\x03"), 100); /* not available now */
    end(OK);
    CHECK(!r.done && r.next_ms == T0 + 2000);
}

TEST(answers_to_other_questions_are_none)
{
    static const char *const others[] = {"$dps/registrations/res/200/?$rid=7", "$dps/registrations/res/200/",
                                         "$dps/registrations/res/200/$rid=1",  "$dps/registrations/res//?$rid=1",
                                         "$dps/registrations/res/abc/?$rid=1", "devices/pump/messages/devicebound/",
                                         "$dps/registrations/res/200/?$rid=x", "$dps/registrations/res/2000/?$rid=1"};

    open_to_asked();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        publish(others[i], ASSIGNED, 0, 100);
    CHECK(!r.done && !m.talk.over && m.state == REGISTER_ASKED);
    publish("$dps/registrations/res/401/?$rid=1", "{\"errorCode\":401000,\"message\":\"no\"}", 0, 100);
    CHECK(r.done && r.result == D2D_NOT_AUTHORISED && m.talk.over);
    end(OK);
    assert_string_equal(got.error, "401000: no");
}

TEST(silence_and_a_lost_connection_end_it)
{
    open_to_asked();
    CHECK(m.talk.ops->tick(&m.talk, T0 + 30000) == INT64_MAX);
    CHECK(m.talk.over);
    end(OK);
    CHECK(r.done && r.result == D2D_TIMED_OUT);
    open_to_asked();
    end(ERR_CLOSED);
    CHECK(r.done && r.result == D2D_CLOSED);
}

TEST(a_connection_lost_in_between_is_made_anew)
{
    open_to_asked();
    publish("$dps/registrations/res/202/?$rid=1&retry-after=3", ASSIGNING, 0, 100);
    end(ERR_CLOSED);
    CHECK(!r.done && r.next_ms == T0 + 3000);
}

TEST(what_is_no_mqtt_ends_it)
{
    static const struct bytes bad[] = {BYTES("\x90\x03\x00\x01\x01"), BYTES("\xF0\x00"),
                                       BYTES("\x20\x02\x00"
                                             "\x00\x20\x02\x00\x00"),
                                       BYTES("\x20\x02\x00\x00\x90\x03\x00\x01\x80"),
                                       BYTES("\x20\x02\x00\x00\x90\x03\x00\x02\x01")};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        start("token");
        hear(bad[i], 100);
        CHECK(m.talk.over);
        end(OK);
        CHECK(r.done && r.result != D2D_OK);
    }
}

TESTS(RUN(a_registration_in_pieces_of_any_size), RUN(a_certificate_needs_no_password),
      RUN(a_refused_connection_is_told), RUN(answers_to_other_questions_are_none),
      RUN(silence_and_a_lost_connection_end_it), RUN(a_connection_lost_in_between_is_made_anew),
      RUN(what_is_no_mqtt_ends_it))
