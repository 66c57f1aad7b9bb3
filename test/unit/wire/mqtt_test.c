#include "mqtt.h"

#include "check.h"

#include <stdlib.h>

#define MAX 1000

static enum mqtt_answer decode(struct bytes in, struct mqtt_packet *p)
{
    size_t used = 0;
    enum mqtt_answer a = mqtt_decode(in, MAX, p, &used);
    if (a == MQTT_PACKET)
        CHECK(used == in.len);
    return a;
}

static bool malformed(struct bytes in)
{
    struct mqtt_packet p;
    return decode(in, &p) == MQTT_MALFORMED;
}

/* A packet of each kind, as an SDK or a hub would send it. */
static const struct bytes whole[] = {
    {(const uint8_t *)"\x10\x1d\0\4MQTT\4\xec\0\x3c\0\1d\0\3a/b\0\2by\0\1u\0\2p\0", 31},
    {(const uint8_t *)"\x20\2\1\0", 4},
    {(const uint8_t *)"\x32\x09\0\3a/b\0\7hi", 11},
    {(const uint8_t *)"\x30\5\0\3a/b", 7},
    {(const uint8_t *)"\x40\2\0\7", 4},
    {(const uint8_t *)"\x50\2\0\7", 4},
    {(const uint8_t *)"\x62\2\0\7", 4},
    {(const uint8_t *)"\x70\2\0\7", 4},
    {(const uint8_t *)"\x82\x0c\0\1\0\1a\1\0\3b/#\0", 14},
    {(const uint8_t *)"\x90\4\0\1\1\x80", 6},
    {(const uint8_t *)"\xa2\5\0\1\0\1a", 7},
    {(const uint8_t *)"\xb0\2\0\1", 4},
    {(const uint8_t *)"\xc0\0", 2},
    {(const uint8_t *)"\xd0\0", 2},
    {(const uint8_t *)"\xe0\0", 2},
};
enum { N_WHOLE = sizeof whole / sizeof *whole };

TEST(every_packet_is_understood_whole_and_asks_for_more_when_cut)
{
    struct mqtt_packet p;
    for (size_t i = 0; i < N_WHOLE; i++) {
        CHECK(decode(whole[i], &p) == MQTT_PACKET);
        CHECK(p.type == whole[i].at[0] >> 4);
        for (size_t n = 0; n < whole[i].len; n++)
            CHECK(decode(bytes_first(whole[i], n), &p) == MQTT_MORE);
    }
}

TEST(a_length_that_is_off_by_one_is_malformed)
{
    uint8_t copy[64];
    for (size_t i = 0; i < N_WHOLE; i++) {
        struct bytes one = whole[i];
        if (one.at[0] >> 4 == MQTT_PUBLISH)
            continue; /* its body is as long as it is */
        memcpy(copy, one.at, one.len);
        copy[one.len] = 'x';
        copy[1] = (uint8_t)(one.at[1] + 1);
        CHECK(malformed(bytes_of(copy, one.len + 1)) || one.at[0] >> 4 == MQTT_SUBACK);
        if (one.at[1] == 0)
            continue;
        copy[1] = (uint8_t)(one.at[1] - 1);
        CHECK(malformed(bytes_of(copy, one.len - 1)) || one.at[0] >> 4 == MQTT_SUBACK);
    }
}

TEST(a_connect_says_all_it_has)
{
    struct mqtt_packet p;
    CHECK(decode(whole[0], &p) == MQTT_PACKET);
    CHECK(p.connect.level == 4 && !p.connect.clean && p.connect.keep_alive_s == 60);
    CHECK(p.connect.will_qos == 1 && p.connect.will_retain);
    CHECK_BYTES(p.connect.client_id, BYTES("d"));
    CHECK_BYTES(p.connect.will_topic, BYTES("a/b"));
    CHECK_BYTES(p.connect.will_body, BYTES("by"));
    CHECK_BYTES(p.connect.user, BYTES("u"));
    CHECK_BYTES(p.connect.password, BYTES("p\0"));
}

TEST(an_empty_password_differs_from_none)
{
    struct mqtt_packet p;
    CHECK(decode(BYTES("\x10\x12\0\4MQTT\4\xc0\0\x3c\0\1d\0\1u\0\0"), &p) == MQTT_PACKET);
    CHECK(p.connect.password.at && p.connect.password.len == 0);
    CHECK(decode(BYTES("\x10\x10\0\4MQTT\4\x80\0\x3c\0\1d\0\1u"), &p) == MQTT_PACKET);
    CHECK(!p.connect.password.at);
}

TEST(another_level_is_a_packet_whatever_follows)
{
    struct mqtt_packet p;
    CHECK(decode(BYTES("\x10\x0f\0\4MQTT\5\2\0\x3c\0\0\1d~"), &p) == MQTT_PACKET && p.connect.level == 5);
    CHECK(decode(BYTES("\x10\x0e\0\6MQIsdp\3\2\0\x3c\0\0"), &p) == MQTT_PACKET && p.connect.level == 3);
}

TEST(wrong_connects_are_malformed)
{
    CHECK(malformed(BYTES("\x10\x0d\0\4MQTX\4\2\0\x3c\0\1d")));   /* name */
    CHECK(malformed(BYTES("\x10\x0d\0\4MQTT\4\3\0\x3c\0\1d")));   /* reserved flag */
    CHECK(malformed(BYTES("\x10\x0d\0\4MQTT\4\x40\0\x3c\0\1d"))); /* password without user */
    CHECK(malformed(BYTES("\x10\x0d\0\4MQTT\4\x0a\0\x3c\0\1d"))); /* QoS without will */
    CHECK(malformed(BYTES("\x10\x0d\0\4MQTT\4\x22\0\x3c\0\1d"))); /* retain without will */
    CHECK(malformed(BYTES("\x10\x13\0\4MQTT\4\x1e\0\x3c\0\1d\0\1t\0\1b")));
    CHECK(malformed(BYTES("\x10\x13\0\4MQTT\4\x06\0\x3c\0\1d\0\1#\0\1b")));
    CHECK(malformed(BYTES("\x10\x0d\0\4MQTT\4\2\0\x3c\0\1\xff"))); /* no UTF-8 */
    CHECK(malformed(BYTES("\x10\x0e\0\4MQTT\4\2\0\x3c\0\2d\0")));  /* NUL */
}

TEST(wrong_flags_types_and_ids_are_malformed)
{
    CHECK(malformed(BYTES("\x00\0")) && malformed(BYTES("\xf0\0")));
    CHECK(malformed(BYTES("\x11\0")) && malformed(BYTES("\x41\2\0\1")) && malformed(BYTES("\x80\6\0\1\0\1a\0")));
    CHECK(malformed(BYTES("\x60\2\0\1")) && malformed(BYTES("\xc1\0")));
    CHECK(malformed(BYTES("\x40\2\0\0")) && malformed(BYTES("\x32\7\0\1a\0\0hi")));
    CHECK(malformed(BYTES("\x36\7\0\1a\0\1hi"))); /* QoS 3 */
    CHECK(malformed(BYTES("\x38\5\0\1ahi")));     /* DUP with QoS 0 */
    CHECK(malformed(BYTES("\x30\2\0\0")) && malformed(BYTES("\x30\5\0\3a/+")));
    CHECK(malformed(BYTES("\x82\2\0\1")) && malformed(BYTES("\x82\6\0\1\0\1a\3")) &&
          malformed(BYTES("\x82\5\0\1\0\0\0")));
    CHECK(malformed(BYTES("\x90\3\0\1\3")) && malformed(BYTES("\x20\2\2\0")) && malformed(BYTES("\x20\2\1\5")));
}

TEST(a_length_has_at_most_four_bytes_and_the_maximum_counts_all)
{
    struct mqtt_packet p;
    uint8_t full[MAX + 1] = {0x30, 0xe5, 0x07, 0, 1, 'a'};
    size_t used;

    CHECK(malformed(BYTES("\x30\x80\x80\x80\x80")));
    CHECK(decode(BYTES("\x30\x80\x80\x80"), &p) == MQTT_MORE);
    CHECK(decode(BYTES("\x30\xff\xff\xff\x7f"), &p) == MQTT_TOO_LARGE);
    CHECK(mqtt_decode(bytes_of(full, MAX), MAX, &p, &used) == MQTT_PACKET && used == MAX);
    full[1]++;
    CHECK(mqtt_decode(bytes_of(full, 3), MAX, &p, &used) == MQTT_TOO_LARGE);
}

TEST(what_is_put_is_decoded_again)
{
    struct buf b = buf_max(4096);
    struct mqtt_packet p;
    struct bytes filter, list;
    uint8_t qos;

    mqtt_put_connect(&b, &(struct mqtt_connect){.keep_alive_s = 7,
                                                .client_id = BYTES("id"),
                                                .user = BYTES("user"),
                                                .password = BYTES(""),
                                                .will_topic = BYTES("t"),
                                                .will_body = BYTES("gone"),
                                                .will_qos = 1});
    CHECK(decode(buf_bytes(&b), &p) == MQTT_PACKET);
    CHECK(p.connect.keep_alive_s == 7 && p.connect.will_qos == 1 && p.connect.password.at && !p.connect.clean);
    CHECK_BYTES(p.connect.will_body, BYTES("gone"));

    static uint8_t body[300];
    buf_clear(&b);
    mqtt_put_publish(&b, &(struct mqtt_publish){BYTES("a/b"), bytes_of(body, sizeof body), 9, 1, true, false});
    CHECK(decode(buf_bytes(&b), &p) == MQTT_PACKET);
    CHECK(p.publish.id == 9 && p.publish.dup && !p.publish.retain && p.publish.body.len == sizeof body);

    buf_clear(&b);
    mqtt_put_subscribe(&b, 3, BYTES("x/#"), 1);
    CHECK(decode(buf_bytes(&b), &p) == MQTT_PACKET && p.filters.id == 3);
    list = p.filters.list;
    CHECK(mqtt_next_filter(MQTT_SUBSCRIBE, &list, &filter, &qos) && qos == 1);
    CHECK_BYTES(filter, BYTES("x/#"));
    CHECK(!mqtt_next_filter(MQTT_SUBSCRIBE, &list, &filter, &qos));

    buf_clear(&b);
    mqtt_put_unsubscribe(&b, 4, BYTES("x/#"));
    CHECK(decode(buf_bytes(&b), &p) == MQTT_PACKET && p.type == MQTT_UNSUBSCRIBE);
    buf_clear(&b);
    mqtt_put_suback(&b, 3, (const uint8_t *)"\1", 1);
    CHECK(decode(buf_bytes(&b), &p) == MQTT_PACKET && p.filters.list.at[0] == 1);
    buf_clear(&b);
    mqtt_put_connack(&b, true, MQTT_NOT_AUTHORIZED);
    CHECK_BYTES(buf_bytes(&b), BYTES("\x20\2\0\5"));
    buf_clear(&b);
    mqtt_put_ack(&b, MQTT_PUBREL, 0x102);
    mqtt_put_empty(&b, MQTT_PINGREQ);
    CHECK_BYTES(buf_bytes(&b), BYTES("\x62\2\1\2\xc0\0"));
    buf_free(&b);
}

static enum mqtt_answer decoded_topic(struct bytes topic)
{
    struct buf b = buf_max(256);
    struct mqtt_packet p;
    size_t used;

    mqtt_put_publish(&b, &(struct mqtt_publish){.topic = topic});
    enum mqtt_answer answer = mqtt_decode(buf_bytes(&b), 256, &p, &used);
    buf_free(&b);
    return answer;
}

TEST(wildcards_are_in_no_topic_but_in_the_id_of_a_device)
{
    CHECK(decoded_topic(BYTES("devices/a+b#c/messages/events/")) == MQTT_PACKET);
    CHECK(decoded_topic(BYTES("devices/a/messages/events/a=1+2")) == MQTT_MALFORMED);
    CHECK(decoded_topic(BYTES("devices/a/messages/events/#")) == MQTT_MALFORMED);
    CHECK(decoded_topic(BYTES("a+b/c")) == MQTT_MALFORMED && decoded_topic(BYTES("#")) == MQTT_MALFORMED);
    CHECK(decoded_topic(BYTES("$iothub/twin/GET/+")) == MQTT_MALFORMED);
}

TEST(a_topic_over_16_bits_makes_the_buffer_bad)
{
    struct buf b = buf_max(100000);
    uint8_t *topic = calloc(1, 65536);

    mqtt_put_publish(&b, &(struct mqtt_publish){.topic = bytes_of(topic, 65536)});
    CHECK(b.bad);
    free(topic);
    buf_free(&b);
}

TESTS(RUN(every_packet_is_understood_whole_and_asks_for_more_when_cut), RUN(a_length_that_is_off_by_one_is_malformed),
      RUN(a_connect_says_all_it_has), RUN(an_empty_password_differs_from_none),
      RUN(another_level_is_a_packet_whatever_follows), RUN(wrong_connects_are_malformed),
      RUN(wrong_flags_types_and_ids_are_malformed), RUN(a_length_has_at_most_four_bytes_and_the_maximum_counts_all),
      RUN(what_is_put_is_decoded_again), RUN(a_topic_over_16_bits_makes_the_buffer_bad),
      RUN(wildcards_are_in_no_topic_but_in_the_id_of_a_device))
