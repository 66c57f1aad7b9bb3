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

TESTS(RUN(what_is_no_json_is_said), RUN(the_number_of_values_is_bounded), RUN(what_stands_in_a_text_does_not_count))
