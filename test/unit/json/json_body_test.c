/* JSON of somebody else: what it may cost is known before it is read. */
#include "check.h"

#include "json_body.h"

#include "buf.h"

static char why[JSON_WHY_CAP];

static bool reads(const char *text)
{
    json_t *root = json_body(bytes_str(text), JSON_REJECT_DUPLICATES, why);
    bool yes = root != NULL;

    json_decref(root);
    return yes;
}

/* `unit` n times in an array, and `last` behind it. */
static bool reads_many(const char *unit, size_t n, const char *last)
{
    struct buf b = buf_max(8 << 20);
    bool yes;

    buf_puts(&b, "[");
    for (size_t i = 0; i < n; i++)
        buf_puts(&b, unit);
    buf_printf(&b, "%s]", last);
    CHECK(!b.bad);
    yes = reads(buf_str(&b));
    buf_free(&b);
    return yes;
}

TEST(what_is_no_json_is_said)
{
    CHECK(reads("{}") && reads("[]") && reads("{\"a\":[1,{\"b\":null}]}"));
    CHECK(!reads(""));
    CHECK(!json_body(NO_BYTES, 0, why));
    CHECK(!reads("{\"a\":1,\n\"a\":2}"));
    CHECK(strstr(why, "line 2"));
    CHECK(!reads("\"open"));
    CHECK(!reads("[\"\\"));
}

TEST(the_number_of_values_is_bounded)
{
    /* An array and n commas. */
    CHECK(reads_many("1,", JSON_VALUES_MAX - 1, "1"));
    CHECK(!reads_many("1,", JSON_VALUES_MAX, "1"));
    CHECK(strstr(why, "more than 32768 values"));
    CHECK(!reads_many("{},", JSON_VALUES_MAX / 2, "{}"));
    CHECK(!reads_many("[],", JSON_VALUES_MAX / 2, "[]"));
}

TEST(what_stands_in_a_text_does_not_count)
{
    struct buf text = buf_max(1 << 20);

    buf_puts(&text, "\"\\\"");
    for (int i = 0; i < 2 * JSON_VALUES_MAX; i++)
        buf_puts(&text, ",[{");
    buf_puts(&text, "\\\\\"");
    CHECK(reads_many("", 0, buf_str(&text)));
    buf_puts(&text, ",1");
    CHECK(reads_many("", 0, buf_str(&text)));
    buf_free(&text);
}

/* Whether the text is written again as `expected`. */
static bool writes(const char *text, const char *expected)
{
    json_t *root = json_body(bytes_str(text), 0, why);
    struct buf b = buf_max(1 << 12);
    bool same;

    buf_puts(&b, "before 0.10000000000000001 ");
    CHECK(root && !json_put(root, &b));
    same = strcmp(buf_str(&b) + strlen("before 0.10000000000000001 "), expected) == 0;
    if (!same)
        fprintf(stderr, "%s\n", buf_str(&b));
    json_decref(root);
    buf_free(&b);
    return same;
}

TEST(numbers_are_written_with_the_digits_that_they_need)
{
    CHECK(writes("[0.1,3.14,1.50,-0.3,100.1]", "[0.1,3.14,1.5,-0.3,100.1]"));
    CHECK(writes("[1e-7,1.5e-300,2.5e22,1e22,6.02214076e23]", "[1e-7,1.5e-300,2.5e22,1e22,6.02214076e23]"));
    CHECK(writes("{\"a\":52.520008,\"b\":{\"c\":[13.404954]}}", "{\"a\":52.520008,\"b\":{\"c\":[13.404954]}}"));
    /* Neither whole numbers nor those that need all of their digits change. */
    CHECK(writes("[1,-7,4503599627370495,1.0]", "[1,-7,4503599627370495,1.0]"));
    CHECK(writes("[0.30000000000000004,4.94065645841247e-324,1.7976931348623157e308]",
                 "[0.30000000000000004,4.94065645841247e-324,1.7976931348623157e308]"));
}

TEST(what_looks_like_a_number_in_a_text_stays)
{
    CHECK(writes("[\"0.10000000000000001\",0.1]", "[\"0.10000000000000001\",0.1]"));
    CHECK(writes("{\"0.10000000000000001\":\"a\\\"0.10000000000000001\\\\\"}",
                 "{\"0.10000000000000001\":\"a\\\"0.10000000000000001\\\\\"}"));
}

TESTS(RUN(what_is_no_json_is_said), RUN(the_number_of_values_is_bounded), RUN(what_stands_in_a_text_does_not_count),
      RUN(numbers_are_written_with_the_digits_that_they_need), RUN(what_looks_like_a_number_in_a_text_stays))
