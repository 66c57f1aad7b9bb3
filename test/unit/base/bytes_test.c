#include "check.h"

#include "buf.h"

TEST(comparing_goes_by_bytes_then_by_length)
{
    CHECK(bytes_cmp(BYTES("a"), BYTES("b")) < 0);
    CHECK(bytes_cmp(BYTES("ab"), BYTES("a")) > 0);
    CHECK(bytes_cmp(NO_BYTES, BYTES("a")) < 0);
    CHECK(bytes_cmp(BYTES("\xff"), BYTES("a")) > 0);
    CHECK(bytes_eq(NO_BYTES, BYTES("")));
    CHECK(bytes_eq_nocase(BYTES("DeviceBound"), BYTES("devicebound")));
    CHECK(!bytes_eq_nocase(BYTES("[{"), BYTES("{[")));
}

TEST(beginnings_and_ends)
{
    CHECK(bytes_starts(BYTES("messages/events"), BYTES("messages/")));
    CHECK(!bytes_starts(BYTES("mess"), BYTES("messages")));
    CHECK(bytes_ends(BYTES("a/b"), BYTES("/b")));
    CHECK(bytes_starts_nocase(BYTES("AMQPS://h"), BYTES("amqps://")));
    CHECK(bytes_ends_nocase(BYTES("x/$Management"), BYTES("/$management")));
    CHECK(!bytes_ends(NO_BYTES, BYTES("x")));
}

TEST(cutting_visits_every_piece_empty_ones_too)
{
    struct bytes rest = BYTES("a;;b;");

    CHECK_BYTES(bytes_cut(&rest, ';'), BYTES("a"));
    CHECK_BYTES(bytes_cut(&rest, ';'), BYTES(""));
    CHECK_BYTES(bytes_cut(&rest, ';'), BYTES("b"));
    CHECK(rest.at != NULL);
    CHECK_BYTES(bytes_cut(&rest, ';'), BYTES(""));
    CHECK(rest.at == NULL);
}

TEST(finding_text_in_text)
{
    CHECK(bytes_find_bytes(BYTES("aXbXYc"), BYTES("XY")) == 3);
    CHECK(bytes_find_bytes(BYTES("abc"), BYTES("d")) == 3);
    CHECK(bytes_find_bytes(BYTES("a"), BYTES("aa")) == 1);
    CHECK(bytes_find(NO_BYTES, 'x') == 0);
}

TEST(numbers_are_read_whole_or_not_at_all)
{
    uint64_t u = 7;
    int64_t i = 7;

    CHECK(bytes_to_u64(BYTES("18446744073709551615"), &u) && u == UINT64_MAX);
    u = 7;
    CHECK(!bytes_to_u64(BYTES("18446744073709551616"), &u));
    CHECK(!bytes_to_u64(BYTES(""), &u));
    CHECK(!bytes_to_u64(BYTES("1x"), &u));
    CHECK(!bytes_to_u64(BYTES("-1"), &u) && u == 7);
    CHECK(bytes_to_i64(BYTES("-9223372036854775807"), &i) && i == -INT64_MAX);
    i = 7;
    CHECK(!bytes_to_i64(BYTES("9223372036854775808"), &i));
    CHECK(!bytes_to_i64(BYTES("-"), &i) && i == 7);
}

TEST(a_string_fits_with_its_end_or_is_refused)
{
    char out[4];

    CHECK(bytes_to_str(BYTES("abc"), out, sizeof out) && strcmp(out, "abc") == 0);
    CHECK(!bytes_to_str(BYTES("abcd"), out, sizeof out) && out[0] == 0);
    CHECK(!bytes_to_str(BYTES("a\0b"), out, sizeof out));
    CHECK(bytes_to_str(NO_BYTES, out, sizeof out) && out[0] == 0);
}

TEST(secrets_are_equal_or_not)
{
    CHECK(bytes_eq_secret(BYTES("same"), BYTES("same")));
    CHECK(!bytes_eq_secret(BYTES("same"), BYTES("sama")));
    CHECK(!bytes_eq_secret(BYTES("same"), BYTES("sam")));
}

TEST(a_buffer_stops_at_its_ceiling_and_stays_bad)
{
    struct buf b = buf_max(8);

    buf_puts(&b, "12345678");
    CHECK_OK(buf_check(&b));
    buf_put_u8(&b, 9);
    CHECK_ERR(buf_check(&b), ERR_TOO_LARGE);
    buf_clear(&b);
    buf_puts(&b, "1234");
    buf_puts(&b, "56789");
    buf_puts(&b, "5");
    CHECK_ERR(buf_check(&b), ERR_TOO_LARGE);
    CHECK_BYTES(buf_bytes(&b), BYTES("1234"));
    buf_free(&b);
    CHECK(b.max == 8 && !b.bad && b.at == NULL);
}

TEST(what_is_put_is_read_back)
{
    struct buf b = buf_max(1000);
    struct rd r;

    buf_put_u8(&b, 1);
    buf_put_u16(&b, 0x0203);
    buf_put_u32(&b, 0x04050607);
    buf_put_u64(&b, 0x08090A0B0C0D0E0F);
    buf_put_u16(&b, 2);
    buf_puts(&b, "hi");
    buf_printf(&b, "%d-%s", 42, "x");
    r = rd_over(buf_bytes(&b));
    CHECK(rd_u8(&r) == 1 && rd_u16(&r) == 0x0203 && rd_u32(&r) == 0x04050607);
    CHECK(rd_u64(&r) == 0x08090A0B0C0D0E0F);
    CHECK_BYTES(rd_str16(&r), BYTES("hi"));
    CHECK_BYTES(rd_rest(&r), BYTES("42-x"));
    CHECK(!r.bad && rd_left(&r) == 0);
    buf_free(&b);
}

TEST(numbers_are_put_in_decimal)
{
    struct buf b = buf_max(64);

    buf_put_decimal(&b, 0);
    buf_put_u8(&b, ' ');
    buf_put_decimal(&b, 10);
    buf_put_u8(&b, ' ');
    buf_put_decimal(&b, UINT64_MAX);
    CHECK_BYTES(buf_bytes(&b), BYTES("0 10 18446744073709551615"));
    buf_free(&b);
}

/* A NUL has to fit behind it. */
TEST(a_format_fits_whole_or_not_at_all)
{
    char memory[16];

    for (size_t before = 0; before < 4; before++) {
        for (size_t cap = before; cap <= sizeof memory; cap++) {
            struct buf over = buf_over(memory, cap), grows = buf_max(cap);

            buf_put(&over, bytes_first(BYTES("abc"), before));
            buf_put(&grows, bytes_first(BYTES("abc"), before));
            buf_printf(&over, "%d-%s", 4711, "x");
            buf_printf(&grows, "%d-%s", 4711, "x");
            CHECK(over.bad == (cap < before + 7) && grows.bad == over.bad);
            CHECK(over.len == before + (over.bad ? 0 : 6) && bytes_eq(buf_bytes(&over), buf_bytes(&grows)));
            CHECK(over.bad || bytes_ends(buf_bytes(&over), BYTES("4711-x")));
            buf_free(&grows);
        }
    }
}

TEST(a_reader_that_went_bad_gives_nothing)
{
    struct rd r = rd_over(BYTES("\x00\x05hi"));

    CHECK(rd_str16(&r).len == 0 && r.bad);
    CHECK(rd_u8(&r) == 0 && rd_rest(&r).len == 0);
    r = rd_over(NO_BYTES);
    CHECK(rd_left(&r) == 0 && rd_u32(&r) == 0 && r.bad);
}

TEST(dropping_takes_from_the_front)
{
    struct buf b = buf_max(100);

    buf_puts(&b, "abcdef");
    buf_drop(&b, 2);
    CHECK_BYTES(buf_bytes(&b), BYTES("cdef"));
    CHECK(strcmp(buf_str(&b), "cdef") == 0 && b.len == 4);
    buf_drop(&b, 100);
    CHECK(b.len == 0);
    buf_shrink(&b, 16);
    CHECK(b.cap == 0);
    CHECK(strcmp(buf_str(&b), "") == 0);
    buf_free(&b);
}

TEST(errors_have_names_and_texts)
{
    CHECK(strcmp(err_name(ERR_NOT_FOUND), "not-found") == 0);
    CHECK(strcmp(err_name(OK), "ok") == 0);
    for (int e = OK; e < ERRS_END; e++)
        CHECK(err_text(e)[0] && err_name(e)[0]);
}

TESTS(RUN(comparing_goes_by_bytes_then_by_length), RUN(beginnings_and_ends),
      RUN(cutting_visits_every_piece_empty_ones_too), RUN(finding_text_in_text),
      RUN(numbers_are_read_whole_or_not_at_all), RUN(a_string_fits_with_its_end_or_is_refused),
      RUN(secrets_are_equal_or_not), RUN(a_buffer_stops_at_its_ceiling_and_stays_bad), RUN(what_is_put_is_read_back),
      RUN(numbers_are_put_in_decimal), RUN(a_format_fits_whole_or_not_at_all),
      RUN(a_reader_that_went_bad_gives_nothing), RUN(dropping_takes_from_the_front), RUN(errors_have_names_and_texts))
