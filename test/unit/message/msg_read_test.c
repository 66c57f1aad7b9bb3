#include "check.h"
#include "sections.h"

static struct msg_room room;
static struct msg m;

static enum err read_it(struct bytes sections)
{
    buf_free(&room.text);
    room.text = buf_max(1 << 20);
    return msg_read(sections, &room, &m);
}

static void done(void)
{
    buf_free(&room.text);
}

TEST(what_we_write_is_what_we_read)
{
    struct prop props[] = {{BYTES("k"), BYTES("v")}, {BYTES("none"), NO_BYTES}};
    struct msg sent = {.message_id = BYTES("1"),
                       .user_id = BYTES("u"),
                       .to = BYTES("t"),
                       .label = BYTES("l"),
                       .reply_to = BYTES("r"),
                       .correlation_id = BYTES("c"),
                       .content_type = BYTES("ct"),
                       .content_encoding = BYTES("ce"),
                       .expiry_ms = 1700000000123,
                       .ack = BYTES("full"),
                       .creation_time = BYTES("2026-01-01T00:00:00Z"),
                       .schema = BYTES("s"),
                       .props = props,
                       .n_props = 2,
                       .body = BYTES("body")};
    struct buf b = buf_max(4096);

    put_properties(&b, &sent);
    put_application_properties(&b, &sent, true);
    put_data_head(&b, sent.body.len);
    buf_put(&b, sent.body);
    CHECK_OK(read_it(buf_bytes(&b)));
    CHECK_BYTES(m.message_id, sent.message_id);
    CHECK_BYTES(m.user_id, sent.user_id);
    CHECK_BYTES(m.to, sent.to);
    CHECK_BYTES(m.label, sent.label);
    CHECK_BYTES(m.reply_to, sent.reply_to);
    CHECK_BYTES(m.correlation_id, sent.correlation_id);
    CHECK_BYTES(m.content_type, sent.content_type);
    CHECK_BYTES(m.content_encoding, sent.content_encoding);
    CHECK_BYTES(m.ack, sent.ack);
    CHECK_BYTES(m.creation_time, sent.creation_time);
    CHECK_BYTES(m.schema, sent.schema);
    CHECK(m.expiry_ms == sent.expiry_ms && m.n_props == 2 && !m.props[1].value.at);
    CHECK_BYTES(m.props[0].value, BYTES("v"));
    CHECK_BYTES(m.body, sent.body);
    for (size_t n = 0; n < b.len; n++)
        (void)read_it(bytes_first(buf_bytes(&b), n)); /* nothing is read behind a cut */
    buf_free(&b);
    done();
}

/* Properties with this message id (its bytes), and nothing else. */
static enum err with_id(struct bytes id)
{
    struct buf b = buf_max(256);
    enum err e;

    buf_put(&b, BYTES("\0\x53\x73\xc0"));
    buf_put_u8(&b, (uint8_t)(id.len + 1));
    buf_put_u8(&b, 1);
    buf_put(&b, id);
    e = read_it(buf_bytes(&b));
    if (!e && m.message_id.at >= b.at && m.message_id.at < b.at + b.len) {
        /* A view into what is freed here: it is looked at as text of the room. */
        buf_puts(&room.text, "");
        buf_put(&room.text, m.message_id);
        m.message_id = buf_bytes(&room.text);
    }
    buf_free(&b);
    return e;
}

/* device 6.2: ids may be of any of these types; text is what is kept */
TEST(ids_of_every_type_become_text)
{
    CHECK_OK(with_id(BYTES("\xa1\x02id")));
    CHECK_BYTES(m.message_id, BYTES("id"));
    CHECK_OK(with_id(BYTES("\xb1\0\0\0\x02id")));
    CHECK_BYTES(m.message_id, BYTES("id"));
    CHECK_OK(with_id(BYTES("\xa0\x02id")));
    CHECK_BYTES(m.message_id, BYTES("id"));
    CHECK_OK(with_id(BYTES("\x44")));
    CHECK_BYTES(m.message_id, BYTES("0"));
    CHECK_OK(with_id(BYTES("\x53\xff")));
    CHECK_BYTES(m.message_id, BYTES("255"));
    CHECK_OK(with_id(BYTES("\x80\xff\xff\xff\xff\xff\xff\xff\xff")));
    CHECK_BYTES(m.message_id, BYTES("18446744073709551615"));
    CHECK_OK(with_id(BYTES("\x98\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff")));
    CHECK_BYTES(m.message_id, BYTES("00112233-4455-6677-8899-aabbccddeeff"));
    CHECK_OK(with_id(BYTES("\x40")));
    CHECK(!m.message_id.at);
    CHECK_ERR(with_id(BYTES("\xa1\x02\xff\xfe")), ERR_MALFORMED);
    CHECK_ERR(with_id(BYTES("\x45")), ERR_UNSUPPORTED);
    CHECK_ERR(with_id(BYTES("\xa1\x05id")), ERR_MALFORMED);
    done();
}

static void property_is(struct bytes value, const char *text)
{
    struct buf b = buf_max(256);

    buf_put(&b, BYTES("\0\x53\x74\xc1"));
    buf_put_u8(&b, (uint8_t)(value.len + 4));
    buf_put_u8(&b, 2);
    buf_put(&b, BYTES("\xa1\x01k"));
    buf_put(&b, value);
    CHECK_OK(read_it(buf_bytes(&b)));
    CHECK(m.n_props == 1);
    CHECK_BYTES(m.props[0].value, bytes_str(text));
    buf_free(&b);
}

TEST(properties_of_every_simple_type_become_text)
{
    property_is(BYTES("\x41"), "true");
    property_is(BYTES("\x56\x00"), "false");
    property_is(BYTES("\x71\xff\xff\xff\xff"), "-1");
    property_is(BYTES("\x54\x80"), "-128");
    property_is(BYTES("\x81\x80\0\0\0\0\0\0\0"), "-9223372036854775808");
    property_is(BYTES("\x70\xff\xff\xff\xff"), "4294967295");
    property_is(BYTES("\x82\x3f\xf8\0\0\0\0\0\0"), "1.5");
    property_is(BYTES("\x72\x3f\xc0\0\0"), "1.5");
    property_is(BYTES("\x83\0\0\x01\x9b\x76\xda\xa8\0"), "2026-01-01T00:00:00.0000000Z");
    property_is(BYTES("\xa3\x01s"), "s");
    done();
}

TEST(a_body_may_come_in_pieces_or_as_a_value)
{
    CHECK_OK(read_it(BYTES("\0\x53\x75\xa0\x02"
                           "ab"
                           "\0\x53\x75\xa0\x00\0\x53\x75\xa0\x03"
                           "cde")));
    CHECK_BYTES(m.body, BYTES("abcde"));
    CHECK_OK(read_it(BYTES("\0\x53\x77\xa1\x02hi")));
    CHECK_BYTES(m.body, BYTES("hi"));
    CHECK_OK(read_it(BYTES("\0\x53\x77\x40")));
    CHECK(m.body.len == 0);
    CHECK_OK(read_it(BYTES("\0\x80\0\0\0\0\0\0\0\x75\xb0\0\0\0\x01x")));
    CHECK_BYTES(m.body, BYTES("x"));
    CHECK_ERR(read_it(BYTES("\0\x53\x77\x71\0\0\0\x01")), ERR_UNSUPPORTED);
    CHECK_ERR(read_it(BYTES("\0\x53\x76\x45")), ERR_UNSUPPORTED);
    CHECK_ERR(read_it(BYTES("\0\x53\x79\x45")), ERR_MALFORMED);
    CHECK_ERR(read_it(BYTES("nonsense")), ERR_MALFORMED);
    CHECK_OK(read_it(NO_BYTES));
    done();
}

/* device 6.2 */
TEST(annotations_that_have_a_meaning_are_taken_the_others_passed_over)
{
    CHECK_OK(read_it(BYTES("\0\x53\x70\x45\0\x53\x72\xc1\x22\x04\xa3\x0a"
                           "dt-subject"
                           "\xa1\x01t\xa3\x0dx-opt-foreign\xc1\x01\x00\0\x53\x75\xa0\x01x")));
    CHECK_BYTES(m.subject, BYTES("t"));
    CHECK_BYTES(m.body, BYTES("x"));
    done();
}

TEST(more_properties_than_there_is_room_for_are_refused)
{
    struct buf b = buf_max(8192);
    unsigned n = PROPS_MAX + 1;

    buf_put(&b, BYTES("\0\x53\x74\xd1"));
    buf_put_u32(&b, 4 + n * 4);
    buf_put_u32(&b, n * 2);
    for (unsigned i = 0; i < n; i++)
        buf_put(&b, BYTES("\xa1\x01k\x41"));
    CHECK_ERR(read_it(buf_bytes(&b)), ERR_LIMIT);
    buf_free(&b);
    done();
}

/* Stored text must be text: otherwise nobody could be given the message again. A user id is binary. */
TEST(binary_that_is_no_text_is_refused_but_as_a_user_id)
{
    CHECK_ERR(read_it(BYTES("\0\x53\x73\xc0\x05\x01\xa0\x02u\xd3")), ERR_MALFORMED);
    CHECK_OK(read_it(BYTES("\0\x53\x73\xc0\x05\x01\xa0\x02ok")));
    CHECK_BYTES(m.message_id, BYTES("ok"));
    CHECK_OK(read_it(BYTES("\0\x53\x73\xc0\x06\x02\x40\xa0\x02u\xd3")));
    CHECK_BYTES(m.user_id, BYTES("u\xd3"));
    CHECK_ERR(read_it(BYTES("\0\x53\x74\xc1\x08\x02\xa1\x01k\xa0\x02u\xd3")), ERR_MALFORMED);
    done();
}

TESTS(RUN(binary_that_is_no_text_is_refused_but_as_a_user_id), RUN(what_we_write_is_what_we_read),
      RUN(ids_of_every_type_become_text), RUN(properties_of_every_simple_type_become_text),
      RUN(a_body_may_come_in_pieces_or_as_a_value),
      RUN(annotations_that_have_a_meaning_are_taken_the_others_passed_over),
      RUN(more_properties_than_there_is_room_for_are_refused))
