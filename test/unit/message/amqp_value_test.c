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

static struct buf *fresh(struct buf *b)
{
    buf_clear(b);
    return b;
}

TEST(small_numbers_and_lists_take_the_fewest_bytes)
{
    struct buf b = buf_max(4096);
    size_t at;

    put_narrow_int(fresh(&b), -128);
    CHECK_BYTES(buf_bytes(&b), BYTES("\x54\x80"));
    put_narrow_int(fresh(&b), 128);
    CHECK_BYTES(buf_bytes(&b), BYTES("\x71\0\0\0\x80"));
    put_narrow_long(fresh(&b), 127);
    CHECK_BYTES(buf_bytes(&b), BYTES("\x55\x7f"));
    put_narrow_long(fresh(&b), -129);
    CHECK_BYTES(buf_bytes(&b), BYTES("\x81\xff\xff\xff\xff\xff\xff\xff\x7f"));
    at = put_list_begin(fresh(&b));
    put_ubyte(&b, 7);
    put_bool(&b, false);
    put_narrow_end(&b, at, 2);
    CHECK_BYTES(buf_bytes(&b), BYTES("\xc0\x04\x02\x50\x07\x42"));
    buf_free(&b);
}

/* A byte of the size is for the count. */
TEST(a_map_is_as_wide_as_it_must_be)
{
    struct buf b = buf_max(4096), text = buf_max(512);

    for (size_t len = 240; len < 260; len++) {
        struct amqp_value map, v;
        size_t at;

        memset(buf_grow(fresh(&text), len), 'x', len);
        at = put_map_begin(fresh(&b));
        put_sym(&b, BYTES("k"));
        put_str(&b, buf_bytes(&text));
        put_narrow_end(&b, at, 2);
        CHECK(b.at[0] == (3 + 2 + len + 1 <= 255 ? AMQP_MAP8 : AMQP_MAP32));
        map = amqp_value_in(buf_bytes(&b));
        CHECK(amqp_value_is_map(&map) && amqp_map_find(&map, BYTES("k"), &v));
        CHECK_BYTES(v.raw, buf_bytes(&text));
    }
    buf_free(&text);
    buf_free(&b);
}

TEST(what_does_not_fit_is_left_bad)
{
    struct buf b = buf_max(12);
    size_t at = put_map_begin(&b);

    put_str(&b, BYTES("long enough"));
    put_narrow_end(&b, at, 2);
    CHECK(b.bad);
    buf_free(&b);
}

TEST(an_array_of_strings_is_read_again)
{
    struct buf b = buf_max(256);
    struct amqp_value array, v;
    struct amqp_items items;
    size_t at = put_texts_begin(&b);

    put_texts_item(&b, BYTES("0"));
    put_texts_item(&b, BYTES("17"));
    put_compound_end(&b, at, 2);
    array = amqp_value_in(buf_bytes(&b));
    CHECK(amqp_items_of(&array, &items) && amqp_items_next(&items, &v));
    CHECK_BYTES(v.raw, BYTES("0"));
    CHECK(amqp_items_next(&items, &v));
    CHECK_BYTES(v.raw, BYTES("17"));
    CHECK(!amqp_items_next(&items, &v));
    buf_free(&b);
}

TEST(scalars_are_written_as_they_came)
{
    const struct bytes values[] = {
        BYTES("\x44"),
        BYTES("\x53\x07"),
        BYTES("\x80\0\0\0\0\0\0\0\x07"),
        BYTES("\x98"
              "0123456789abcdef"),
        BYTES("\xa1\x02id"),
        BYTES("\xa3\x02id"),
        BYTES("\xa0\x02id"),
        BYTES("\x41"),
    };
    struct buf b = buf_max(256);

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct amqp_value v = amqp_value_in(values[i]);

        CHECK(amqp_value_is_scalar(&v));
        amqp_value_put(fresh(&b), &v);
        CHECK_BYTES(buf_bytes(&b), values[i]);
    }
    const struct bytes others[] = {BYTES(""), BYTES("\x40"), BYTES("\x45"), BYTES("\xc0\x02\x01\x40"),
                                   BYTES("\xe0\x02\x00\x40")};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct amqp_value v = amqp_value_in(others[i]);

        CHECK(!amqp_value_is_scalar(&v));
        amqp_value_put(fresh(&b), &v);
        CHECK_BYTES(buf_bytes(&b), BYTES("\x40"));
    }
    buf_free(&b);
}

TEST(an_answer_names_its_question_in_the_same_type)
{
    struct buf b = buf_max(256);
    struct amqp_value id = amqp_value_in(BYTES("\x53\x07")), none = {.code = 0};
    struct amqp_message m;

    put_answer_properties(fresh(&b), BYTES("cbs"), &id);
    CHECK_OK(amqp_message_read(buf_bytes(&b), &m));
    CHECK_BYTES(m.fields[AMQP_TO].raw, BYTES("cbs"));
    CHECK(m.fields[AMQP_CORRELATION_ID].code == 0x53);
    CHECK_BYTES(m.fields[AMQP_CORRELATION_ID].raw, BYTES("\x07"));
    CHECK(m.fields[AMQP_MESSAGE_ID].code == AMQP_NULL);
    put_answer_properties(fresh(&b), BYTES("cbs"), &none);
    CHECK_BYTES(buf_bytes(&b), BYTES("\0\x53\x73\xc0\x08\x03\x40\x40\xa1\x03"
                                     "cbs"));
    put_answer_properties(fresh(&b), NO_BYTES, &none);
    CHECK_BYTES(buf_bytes(&b), BYTES("\0\x53\x73\x45"));
    buf_free(&b);
}

TEST(the_descriptor_of_a_value_is_told)
{
    struct amqp_value map = amqp_value_in(BYTES("\xc1\x0e\x04\xa3\x01"
                                                "a"
                                                "\0\x53\x05\xa1\x01"
                                                "x"
                                                "\xa3\x01"
                                                "b"
                                                "\x41"));
    struct amqp_pairs pairs = amqp_pairs_of(&map);
    struct amqp_value key, descriptor, value;

    CHECK(amqp_pairs_next_described(&pairs, &key, &descriptor, &value));
    CHECK(descriptor.code == 0x53 && amqp_value_is_text(&value));
    CHECK_BYTES(value.raw, BYTES("x"));
    CHECK(amqp_pairs_next_described(&pairs, &key, &descriptor, &value));
    CHECK(descriptor.code == 0 && value.code == AMQP_TRUE);
    CHECK(!amqp_pairs_next_described(&pairs, &key, &descriptor, &value));
}

TESTS(RUN(what_is_written_is_found), RUN(a_message_cut_anywhere_is_whole_sections_or_malformed),
      RUN(integers_of_every_width), RUN(items_of_lists_and_arrays), RUN(small_numbers_and_lists_take_the_fewest_bytes),
      RUN(a_map_is_as_wide_as_it_must_be), RUN(what_does_not_fit_is_left_bad), RUN(an_array_of_strings_is_read_again),
      RUN(scalars_are_written_as_they_came), RUN(an_answer_names_its_question_in_the_same_type),
      RUN(the_descriptor_of_a_value_is_told))
