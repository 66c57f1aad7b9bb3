/* The AMQP front from raw bytes: what Proton's client cannot say, cuts, damage, and peers that are no AMQP peers. */
#include "amqp_case.h"

static struct buf talk; /* a whole conversation of a receiver */

static void put_frame(struct buf *b, uint8_t type, struct bytes performative)
{
    buf_put_u32(b, (uint32_t)performative.len + 8);
    buf_put_u8(b, 2);
    buf_put_u8(b, type);
    buf_put_u16(b, 0);
    buf_put(b, performative);
}

/* A performative with its fields as a list32. */
static void put_performative(struct buf *b, uint8_t type, uint8_t code, uint32_t count, struct bytes fields)
{
    struct buf p = buf_max(1 << 20);
    buf_put(&p, BYTES("\x00\x53"));
    buf_put_u8(&p, code);
    buf_put_u8(&p, 0xd0);
    buf_put_u32(&p, (uint32_t)fields.len + 4);
    buf_put_u32(&p, count);
    buf_put(&p, fields);
    put_frame(b, type, buf_bytes(&p));
    buf_free(&p);
}

static void put_string(struct buf *b, uint8_t code, const char *text)
{
    buf_put_u8(b, code);
    buf_put_u8(b, (uint8_t)strlen(text));
    buf_puts(b, text);
}

static void put_login(struct buf *b)
{
    struct buf f = buf_max(1024);
    buf_put(b, BYTES("AMQP\x03\x01\x00\x00"));
    put_string(&f, 0xa3, "PLAIN");
    const char *key = key_text(&w.service.primary);
    buf_put_u8(&f, 0xa0);
    buf_put_u8(&f, (uint8_t)(2 + strlen("service") + strlen(key)));
    buf_put(&f, BYTES("\0service\0"));
    buf_puts(&f, key);
    put_performative(b, 1, 0x41, 2, buf_bytes(&f));
    buf_free(&f);
    buf_put(b, BYTES("AMQP\x00\x01\x00\x00"));
}

static void put_open_and_begin(struct buf *b)
{
    put_performative(b, 0, 0x10, 1, BYTES("\xa1\x01x"));
    /* remote-channel, next-outgoing-id, incoming-window, outgoing-window */
    put_performative(b, 0, 0x11, 4, BYTES("\x40\x52\x00\x70\x00\x00\x08\x00\x70\x00\x00\x08\x00"));
}

/* A receiver of partition 0 that wants to know the end of the partition, and 100 credits. */
static void put_attach_and_flow(struct buf *b, const char *capabilities, size_t len)
{
    struct buf f = buf_max(4096), source = buf_max(1024);
    put_string(&source, 0xa1, PARTITION_0);
    put_string(&f, 0xa1, "my-receiver");
    buf_put(&f, BYTES("\x43\x41\x40\x40\x00\x53\x28\xd0")); /* handle 0, receiver, both modes absent, source */
    buf_put_u32(&f, (uint32_t)source.len + 4);
    buf_put_u32(&f, 1);
    buf_put(&f, buf_bytes(&source));
    buf_put(&f, BYTES("\x00\x53\x29\x45\x40\x40\x40\x40\x40")); /* an empty target; up to offered capabilities */
    buf_put(&f, bytes_of(capabilities, len));
    put_performative(b, 0, 0x12, 13, buf_bytes(&f));
    /* next-incoming-id 0, windows, handle 0, delivery-count 0, link-credit 100 */
    put_performative(b, 0, 0x13, 7, BYTES("\x43\x70\x00\x00\x08\x00\x43\x70\x00\x00\x08\x00\x43\x43\x52\x64"));
    buf_free(&f);
    buf_free(&source);
}

#define ONE_CAPABILITY \
    "\xa3\x2c"         \
    "com.microsoft:enable-receiver-runtime-metric"
#define TWO_CAPABILITIES           \
    "\xe0\x4c\x02\xa3\x1c"         \
    "com.microsoft:georeplication" \
    "\x2c"                         \
    "com.microsoft:enable-receiver-runtime-metric"

static int start(void **state)
{
    client_start(state);
    c.join.now_ms = T0 + 50;
    talk = buf_max(1 << 20);
    put_login(&talk);
    put_open_and_begin(&talk);
    put_attach_and_flow(&talk, ONE_CAPABILITY, sizeof ONE_CAPABILITY - 1);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    buf_free(&talk);
    world_close();
    return 0;
}

static bool heard(struct bytes bytes)
{
    return bytes_find_bytes(buf_bytes(&c.join.hub.out), bytes) < c.join.hub.out.len;
}

static unsigned times_heard(struct bytes bytes)
{
    struct bytes rest = buf_bytes(&c.join.hub.out);
    unsigned n = 0;
    for (size_t at; (at = bytes_find_bytes(rest, bytes)) < rest.len; n++)
        rest = bytes_skip(rest, at + 1);
    return n;
}

/* A new front that is given these bytes, `slice` at a time. */
static void give(struct bytes bytes, size_t slice)
{
    c.join.slice = slice;
    client_front(&c);
    client_input(&c, bytes);
    client_input(&c, NO_BYTES);
}

static void check_metric(const char *capabilities, size_t len)
{
    buf_clear(&talk);
    put_login(&talk);
    put_open_and_begin(&talk);
    put_attach_and_flow(&talk, capabilities, len);
    give(buf_bytes(&talk), 0);
    size_t at = bytes_find_bytes(buf_bytes(&c.join.hub.out), BYTES("\x00\x53\x71\xc1"));
    CHECK(at < c.join.hub.out.len);
    pn_message_t *m = pn_message();
    CHECK(!pn_message_decode(m, (const char *)c.join.hub.out.at + at, c.join.hub.out.len - at));
    pn_data_t *told = pn_message_instructions(m);
    CHECK(value_of(told, "last_enqueued_sequence_number").type == PN_LONG);
    CHECK(value_of(told, "last_enqueued_sequence_number").u.as_long == 0);
    CHECK(value_of(told, "last_enqueued_offset").type == PN_STRING);
    CHECK(value_of(told, "last_enqueued_time_utc").type == PN_TIMESTAMP);
    CHECK(value_of(told, "last_enqueued_time_utc").u.as_timestamp == T0);
    CHECK(value_of(told, "runtime_info_retrieval_time_utc").u.as_timestamp == T0 + 50);
    CHECK(value_of(pn_message_annotations(m), "x-opt-sequence-number").u.as_long == 0);
    pn_message_free(m);
    client_close(&c);
}

TEST(the_runtime_metric_comes_to_those_who_ask)
{
    send_events("phone", 1, T0, 0);
    check_metric(ONE_CAPABILITY, sizeof ONE_CAPABILITY - 1);
    check_metric(TWO_CAPABILITIES, sizeof TWO_CAPABILITIES - 1);
}

TEST(bytes_one_at_a_time_say_the_same)
{
    send_events("phone", 3, T0, 0);
    give(buf_bytes(&talk), 1);
    CHECK(times_heard(BYTES("x-opt-sequence-number")) == 3);
    CHECK(!c.join.hub.talk->over);
    client_close(&c);
}

TEST(a_mode_that_was_not_named_is_answered_with_settled)
{
    give(buf_bytes(&talk), 0);
    /* name, handle, role sender, snd-settle-mode 1 */
    CHECK(heard(BYTES("my-receiver\x43\x42\x50\x01")));
    client_close(&c);
}

TEST(a_peer_may_go_at_any_byte)
{
    send_events("phone", 1, T0, 0);
    for (size_t n = 0; n <= talk.len; n++) {
        give(bytes_first(buf_bytes(&talk), n), 0);
        CHECK(!c.join.hub.talk->over);
        CHECK((times_heard(BYTES("x-opt-sequence-number")) == 1) == (n == talk.len));
        client_close(&c);
    }
}

TEST(one_wrong_byte_ends_one_connection_at_most)
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    send_events("phone", 1, T0, 0);
    for (size_t n = 0; n < talk.len; n++)
        for (size_t i = 0; i < sizeof masks; i++) {
            talk.at[n] ^= masks[i];
            give(buf_bytes(&talk), 0);
            c.join.hub.talk->ops->tick(c.join.hub.talk, c.join.now_ms);
            client_close(&c);
            talk.at[n] ^= masks[i];
        }
    give(buf_bytes(&talk), 0);
    CHECK(heard(BYTES("x-opt-sequence-number")));
    client_close(&c);
}

static void check_stranger(struct bytes bytes)
{
    give(bytes, 0);
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == ERR_PROTOCOL);
    CHECK_BYTES(buf_bytes(&c.join.hub.out), BYTES("AMQP\x03\x01\x00\x00"));
    client_close(&c);
}

TEST(what_is_no_amqp_is_told_what_is_spoken_here)
{
    check_stranger(BYTES("GET / HTTP/1.1\r\n"));
    check_stranger(BYTES("\x16\x03\x01\x02\x00\x01\x00\x01"));
    check_stranger(BYTES("AMQP\x00\x00\x09\x01"));
    check_stranger(BYTES("AMQP\x02\x01\x00\x00"));
    check_stranger(BYTES("AMQX"));
    CHECK(strstr(w.log, "amqp-refused"));
}

static void check_ended(struct bytes frame, const char *condition)
{
    buf_clear(&talk);
    put_login(&talk);
    put_open_and_begin(&talk);
    buf_put(&talk, frame);
    give(buf_bytes(&talk), 0);
    CHECK(c.join.hub.talk->over);
    CHECK(heard(bytes_str(condition)));
    client_close(&c);
}

TEST(frames_of_wrong_size_end_the_connection)
{
    check_ended(BYTES("\x00\x01\x00\x01\x02\x00\x00\x00"), "amqp:connection:framing-error");
    check_ended(BYTES("\xff\xff\xff\xff\x02\x00\x00\x00"), "amqp:connection:framing-error");
    check_ended(BYTES("\x00\x00\x00\x07\x02\x00\x00\x00"), "amqp:connection:framing-error");
    check_ended(BYTES("\x00\x00\x00\x08\x01\x00\x00\x00"), "amqp:decode-error");
    check_ended(BYTES("\x00\x00\x00\x08\x03\x00\x00\x00"), "amqp:decode-error");
}

TEST(frames_that_nest_or_claim_too_much_end_the_connection)
{
    static const char nest[50000]; /* described by described by described … */
    struct buf b = buf_max(1 << 20);
    put_frame(&b, 0, bytes_of(nest, sizeof nest));
    check_ended(buf_bytes(&b), "amqp:decode-error");

    buf_clear(&b); /* lists in lists */
    struct buf lists = buf_max(1 << 20);
    for (int i = 0; i < 40; i++)
        buf_put(&lists, BYTES("\xd0\x00\x00\x01\x00\x00\x00\x00\x01"));
    put_performative(&b, 0, 0x10, 1, buf_bytes(&lists));
    check_ended(buf_bytes(&b), "amqp:decode-error");

    buf_clear(&b); /* four thousand million times nothing */
    put_performative(&b, 0, 0x10, 1, BYTES("\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40"));
    check_ended(buf_bytes(&b), "amqp:decode-error");
    buf_free(&lists);
    buf_free(&b);
}

TEST(links_of_one_connection_are_bounded)
{
    struct buf f = buf_max(1024), b = buf_max(1 << 20);
    put_login(&b);
    put_open_and_begin(&b);
    for (unsigned i = 0; i <= AMQP_LINKS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%06u", i);
        buf_clear(&f);
        put_string(&f, 0xa1, name);
        buf_put_u8(&f, 0x70);
        buf_put_u32(&f, i);
        buf_put(&f, BYTES("\x41"));
        put_performative(&b, 0, 0x12, 3, buf_bytes(&f));
    }
    give(buf_bytes(&b), 0);
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == ERR_LIMIT);
    CHECK(heard(BYTES("amqp:resource-limit-exceeded")));
    client_close(&c);
    buf_free(&f);
    buf_free(&b);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(the_runtime_metric_comes_to_those_who_ask), CASE(bytes_one_at_a_time_say_the_same),
      CASE(a_mode_that_was_not_named_is_answered_with_settled), CASE(a_peer_may_go_at_any_byte),
      CASE(one_wrong_byte_ends_one_connection_at_most), CASE(what_is_no_amqp_is_told_what_is_spoken_here),
      CASE(frames_of_wrong_size_end_the_connection), CASE(frames_that_nest_or_claim_too_much_end_the_connection),
      CASE(links_of_one_connection_are_bounded))
