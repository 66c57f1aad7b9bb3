#include "amqp_message.h"
#include "check.h"
#include "sections.h"

#include <stdlib.h>

static void put_all(struct buf *b)
{
    const uint8_t uuid[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0x4d, 0xef, 0x80, 1, 2, 3, 4, 5, 6, 7};
    size_t at;

    section_begin(b, SECTION_MESSAGE_ANNOTATIONS);
    at = put_map_begin(b);
    put_sym(b, BYTES("operation"));
    put_str(b, BYTES("PATCH"));
    put_sym(b, BYTES("version"));
    put_long(b, -7);
    put_compound_end(b, at, 4);
    section_begin(b, SECTION_PROPERTIES);
    at = put_list_begin(b);
    for (int i = 0; i < AMQP_CORRELATION_ID; i++)
        buf_put_u8(b, AMQP_NULL);
    put_uuid(b, uuid);
    put_compound_end(b, at, AMQP_CORRELATION_ID + 1);
    section_begin(b, SECTION_APPLICATION_PROPERTIES);
    at = put_map_begin(b);
    put_str(b, BYTES("status"));
    put_int(b, 200);
    put_compound_end(b, at, 2);
    put_data_head(b, 3);
    buf_puts(b, "abc");
    put_data_head(b, 2);
    buf_puts(b, "de");
}

static int64_t number_of(const struct amqp_value *map, const char *key)
{
    struct amqp_value v;
    int64_t n = -1;

    CHECK(amqp_map_find(map, bytes_str(key), &v) && amqp_value_integer(&v, &n));
    return n;
}

TEST(what_is_written_is_found)
{
    struct buf b = buf_max(4096), body = buf_max(16);
    char text[AMQP_SCALAR_CAP];
    struct amqp_message m;
    struct amqp_value v;

    put_all(&b);
    CHECK_OK(amqp_message_read(buf_bytes(&b), &m));
    CHECK(number_of(&m.annotations, "version") == -7);
    CHECK(amqp_map_find(&m.annotations, BYTES("operation"), &v) && amqp_value_is_text(&v));
    CHECK_BYTES(v.raw, BYTES("PATCH"));
    CHECK(!amqp_map_find(&m.annotations, BYTES("oper"), &v));
    CHECK(number_of(&m.properties, "status") == 200);
    CHECK(amqp_value_scalar(&m.fields[AMQP_CORRELATION_ID], text));
    CHECK_BYTES(bytes_str(text), BYTES("01234567-89ab-4def-8001-020304050607"));
    CHECK(m.n_data == 2);
    amqp_message_join(buf_bytes(&b), &body);
    CHECK_BYTES(buf_bytes(&body), BYTES("abcde"));
    buf_free(&b);
    buf_free(&body);
}

/* Sections end where a cut may leave a whole message; in between it is none, and nothing is read past the cut. */
TEST(a_message_cut_anywhere_is_whole_sections_or_malformed)
{
    struct buf b = buf_max(4096);
    struct amqp_message m;
    size_t whole = 0;

    put_all(&b);
    for (size_t n = 0; n < b.len; n++) {
        uint8_t *cut = malloc(n + 1);

        memcpy(cut, b.at, n);
        whole += !amqp_message_read(bytes_of(cut, n), &m);
        free(cut);
    }
    CHECK(whole == 5); /* nothing, and after four of five sections */
    buf_free(&b);
}

TEST(integers_of_every_width)
{
    static const struct {
        struct bytes raw;
        int64_t value;
        bool fits;
    } cases[] = {{{(const uint8_t *)"\x43", 1}, 0, true},
                 {{(const uint8_t *)"\x50\xff", 2}, 255, true},
                 {{(const uint8_t *)"\x51\xff", 2}, -1, true},
                 {{(const uint8_t *)"\x61\x80\x00", 3}, INT16_MIN, true},
                 {{(const uint8_t *)"\x70\xff\xff\xff\xff", 5}, UINT32_MAX, true},
                 {{(const uint8_t *)"\x71\xff\xff\xff\xfe", 5}, -2, true},
                 {{(const uint8_t *)"\x80\x7f\xff\xff\xff\xff\xff\xff\xff", 9}, INT64_MAX, true},
                 {{(const uint8_t *)"\x80\x80\x00\x00\x00\x00\x00\x00\x00", 9}, 0, false},
                 {{(const uint8_t *)"\x81\x80\x00\x00\x00\x00\x00\x00\x00", 9}, INT64_MIN, true},
                 {{(const uint8_t *)"\x82\x00\x00\x00\x00\x00\x00\x00\x00", 9}, 0, false},
                 {{(const uint8_t *)"\xa1\x01"
                                    "7",
                   3},
                  0,
                  false},
                 {{(const uint8_t *)"\x41", 1}, 0, false}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rd rd = rd_over(cases[i].raw);
        struct amqp_value v = amqp_value_next(&rd);
        int64_t n = 0;

        CHECK(!rd.bad && !rd_left(&rd));
        CHECK(amqp_value_integer(&v, &n) == cases[i].fits);
        CHECK(n == cases[i].value);
    }
}

static size_t items_of(struct bytes raw, struct bytes *last)
{
    struct rd rd = rd_over(raw);
    struct amqp_value v = amqp_value_next(&rd), item;
    struct amqp_items items;
    size_t n = 0;

    if (rd.bad || !amqp_items_of(&v, &items))
        return SIZE_MAX;
    while (amqp_items_next(&items, &item)) {
        *last = item.raw;
        n++;
    }
    return items.rd.bad ? SIZE_MAX : n;
}

TEST(items_of_lists_and_arrays)
{
    struct bytes last = NO_BYTES;

    CHECK(items_of(BYTES("\xe0\x06\x02\xa1\x01"
                         "0"
                         "\x01"
                         "1"),
                   &last) == 2);
    CHECK_BYTES(last, BYTES("1"));
    CHECK(items_of(BYTES("\xc0\x07\x02\xa1\x01"
                         "0"
                         "\xa1\x01"
                         "2"),
                   &last) == 2);
    CHECK_BYTES(last, BYTES("2"));
    CHECK(items_of(BYTES("\x45"), &last) == 0);
    CHECK(items_of(BYTES("\xe0\x04\x03\xa1\x01"
                         "0"),
                   &last) == SIZE_MAX); /* claims more than there are */
    CHECK(items_of(BYTES("\xe0\x02\x01\x00"), &last) == SIZE_MAX);
    CHECK(items_of(BYTES("\xa1\x01x"), &last) == SIZE_MAX);
}

TESTS(RUN(what_is_written_is_found), RUN(a_message_cut_anywhere_is_whole_sections_or_malformed),
      RUN(integers_of_every_width), RUN(items_of_lists_and_arrays))
