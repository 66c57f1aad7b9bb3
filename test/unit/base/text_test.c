#include "check.h"

#include "text.h"

static struct bytes decoded(enum err (*decode)(struct bytes, uint8_t *, size_t, size_t *), struct bytes text)
{
    static uint8_t out[64];
    size_t len = 0;

    CHECK_OK(decode(text, out, sizeof out, &len));
    return bytes_of(out, len);
}

TEST(base64_goes_there_and_back)
{
    static const char *const pairs[][2] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                           {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xfb\xff\xfe", "+//+"}};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buf b = buf_max(100);

        buf_put_base64(&b, bytes_str(pairs[i][0]));
        CHECK_BYTES(buf_bytes(&b), bytes_str(pairs[i][1]));
        CHECK_BYTES(decoded(base64_decode, bytes_str(pairs[i][1])), bytes_str(pairs[i][0]));
        buf_free(&b);
    }
}

TEST(base64_forgives_lost_padding_and_nothing_else)
{
    uint8_t out[2];
    size_t n;

    CHECK_BYTES(decoded(base64_decode, BYTES("Zg")), BYTES("f"));
    CHECK_ERR(base64_decode(BYTES("Z"), out, sizeof out, &n), ERR_MALFORMED);
    CHECK_ERR(base64_decode(BYTES("Zg="), out, sizeof out, &n), ERR_MALFORMED);
    CHECK_ERR(base64_decode(BYTES("Zm-v"), out, sizeof out, &n), ERR_MALFORMED);
    CHECK_ERR(base64_decode(BYTES("Zm 9v"), out, sizeof out, &n), ERR_MALFORMED);
    CHECK_ERR(base64_decode(BYTES("Zg==Zg=="), out, sizeof out, &n), ERR_MALFORMED);
    CHECK_ERR(base64_decode(BYTES("Zm9v"), out, sizeof out, &n), ERR_TOO_LARGE);
}

TEST(percent_escapes)
{
    struct buf b = buf_max(100);
    uint8_t out[8];
    size_t n;

    buf_put_percent(&b, BYTES("a/b c+~\xc3\xbc"));
    CHECK_BYTES(buf_bytes(&b), BYTES("a%2Fb%20c%2B~%C3%BC"));
    CHECK_BYTES(decoded(percent_decode, BYTES("a%2fb+%25")), BYTES("a/b+%"));
    CHECK_ERR(percent_decode(BYTES("%2"), out, sizeof out, &n), ERR_MALFORMED);
    CHECK_ERR(percent_decode(BYTES("%zz"), out, sizeof out, &n), ERR_MALFORMED);
    CHECK_ERR(percent_decode(BYTES("123456789"), out, sizeof out, &n), ERR_TOO_LARGE);
    buf_free(&b);
}

TEST(hex)
{
    struct buf b = buf_max(100);
    uint8_t out[2];
    size_t n;

    buf_put_hex(&b, BYTES("\x00\xaf"));
    CHECK_BYTES(buf_bytes(&b), BYTES("00af"));
    CHECK_BYTES(decoded(hex_decode, BYTES("00aF")), BYTES("\x00\xaf"));
    CHECK_ERR(hex_decode(BYTES("0"), out, sizeof out, &n), ERR_MALFORMED);
    CHECK_ERR(hex_decode(BYTES("0g"), out, sizeof out, &n), ERR_MALFORMED);
    CHECK_ERR(hex_decode(BYTES("000000"), out, sizeof out, &n), ERR_TOO_LARGE);
    buf_free(&b);
}

TEST(utf8_in_its_shortest_form_only)
{
    CHECK(utf8_valid(BYTES("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x9a\xaa")));
    CHECK(utf8_valid(NO_BYTES));
    CHECK(!utf8_valid(BYTES("\xc0\x80")));
    CHECK(!utf8_valid(BYTES("\xc1\xbf")));
    CHECK(!utf8_valid(BYTES("\xe0\x80\x80")));
    CHECK(!utf8_valid(BYTES("\xed\xa0\x80")));
    CHECK(!utf8_valid(BYTES("\xf4\x90\x80\x80")));
    CHECK(!utf8_valid(BYTES("\xf5\x80\x80\x80")));
    CHECK(!utf8_valid(BYTES("\xe2\x82")));
    CHECK(!utf8_valid(BYTES("\x80")));
}

TEST(utf8_is_looked_at_wherever_it_stands)
{
    char text[32];

    for (size_t len = 1; len <= 24; len++) {
        for (size_t at = 0; at < len; at++) {
            memset(text, 'x', sizeof text);
            CHECK(utf8_valid(bytes_of((uint8_t *)text, len)));
            text[at] = '\x80';
            CHECK(!utf8_valid(bytes_of((uint8_t *)text, len)));
            memcpy(text + at, "\xc3\xbc", 2);
            CHECK(utf8_valid(bytes_of((uint8_t *)text, len)) == (at + 1 < len));
            text[at + 1] = 0x7F;
            CHECK(!utf8_valid(bytes_of((uint8_t *)text, len)));
        }
    }
}

TEST(times_are_written_with_seven_digits)
{
    char text[ISO_TIME_CAP];

    iso_time(0, text);
    CHECK(strcmp(text, "1970-01-01T00:00:00.0000000Z") == 0);
    iso_time(1893456000123, text);
    CHECK(strcmp(text, "2030-01-01T00:00:00.1230000Z") == 0);
    iso_time(951782400000, text);
    CHECK(strcmp(text, "2000-02-29T00:00:00.0000000Z") == 0);
    iso_time(-1, text);
    CHECK(strcmp(text, "1969-12-31T23:59:59.9990000Z") == 0);
    iso_time(INT64_MIN, text);
    CHECK(strcmp(text, "0001-01-01T00:00:00.0000000Z") == 0);
    iso_time(INT64_MAX, text);
    CHECK(strcmp(text, "9999-12-31T23:59:59.9990000Z") == 0);
}

static int64_t parsed(const char *text)
{
    int64_t ms = -12345;

    CHECK_OK(iso_time_parse(bytes_str(text), &ms));
    return ms;
}

TEST(times_are_read_in_every_form_that_clients_write)
{
    static const char *const bad[] = {"",
                                      "2030",
                                      "2030-01-01",
                                      "2030-13-01T00:00:00Z",
                                      "2030-01-01T24:00:00Z",
                                      "2030-01-01T00:00:00+1",
                                      "2030-01-01T00:00:00Zx",
                                      "0000-01-01T00:00:00Z",
                                      "2030-01-01T00:00:00.1234567890Z"};
    int64_t ms;

    CHECK(parsed("2030-01-01T00:00:00Z") == 1893456000000);
    CHECK(parsed("2030-01-01 00:00:00") == 1893456000000);
    CHECK(parsed("2030-01-01T00:00:00.1234567Z") == 1893456000123);
    CHECK(parsed("2030-01-01T01:00:00.5+01:00") == 1893456000500);
    CHECK(parsed("2029-12-31T17:00:00-0700") == 1893456000000);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_ERR(iso_time_parse(bytes_str(bad[i]), &ms), ERR_MALFORMED);
}

TEST(times_come_back_as_they_went)
{
    for (int64_t ms = -62135596800000; ms < 253402300799999; ms += 86400000LL * 97 + 12345678) {
        char text[ISO_TIME_CAP];

        iso_time(ms, text);
        CHECK(parsed(text) == ms);
    }
}

TEST(durations_and_sizes)
{
    int64_t ms;
    uint64_t n;

    CHECK(duration_parse(BYTES("90"), &ms) == OK && ms == 90000);
    CHECK(duration_parse(BYTES("250ms"), &ms) == OK && ms == 250);
    CHECK(duration_parse(BYTES("15M"), &ms) == OK && ms == 900000);
    CHECK(duration_parse(BYTES("7d"), &ms) == OK && ms == 604800000);
    CHECK_ERR(duration_parse(BYTES("h"), &ms), ERR_MALFORMED);
    CHECK_ERR(duration_parse(BYTES("1 h"), &ms), ERR_MALFORMED);
    CHECK_ERR(duration_parse(BYTES("9223372036854775807d"), &ms), ERR_RANGE);
    CHECK(size_parse(BYTES("64m"), &n) == OK && n == 64 << 20);
    CHECK(size_parse(BYTES("10"), &n) == OK && n == 10);
    CHECK_ERR(size_parse(BYTES("10x"), &n), ERR_MALFORMED);
}

TEST(json_strings_are_always_json)
{
    struct buf b = buf_max(200);

    buf_put_json(&b, BYTES("a\"\\\n\x01\x7f\xc3\xbc\xff"));
    CHECK_BYTES(buf_bytes(&b), BYTES("\"a\\\"\\\\\\u000a\\u0001\\u007f\xc3\xbc\\ufffd\""));
    buf_free(&b);
}

TESTS(RUN(base64_goes_there_and_back), RUN(base64_forgives_lost_padding_and_nothing_else), RUN(percent_escapes),
      RUN(utf8_is_looked_at_wherever_it_stands), RUN(hex), RUN(utf8_in_its_shortest_form_only),
      RUN(times_are_written_with_seven_digits), RUN(times_are_read_in_every_form_that_clients_write),
      RUN(times_come_back_as_they_went), RUN(durations_and_sizes), RUN(json_strings_are_always_json))
