/* A section: what it may hold, and what is said of what it may not. */
#include "twin_parse.h"

#include "check.h"
#include "twin_json.h"

#include <stdio.h>
#include <stdlib.h>

/* As it is read, written again. */
static enum err reread(struct bytes json, bool whole, struct buf *out, struct twin_fault *fault)
{
    struct buf nodes = buf_max(RECORD_LEN_MAX);
    enum err e = twin_parse(json, TWIN_REPORTED, whole, &nodes, fault);
    struct twin_node root;

    if (!e) {
        CHECK_OK(twin_check_nodes(buf_bytes(&nodes)));
        twin_nodes_root(buf_bytes(&nodes), &root);
        twin_put_value(out, &root);
    }
    buf_free(&nodes);
    return e;
}

static void check_reads(const char *json, const char *as)
{
    struct buf out = buf_max(RECORD_LEN_MAX);
    struct twin_fault fault;

    CHECK_OK(reread(bytes_str(json), false, &out, &fault));
    CHECK_BYTES(buf_bytes(&out), bytes_str(as));
    buf_free(&out);
}

static void check_refused(struct bytes json, bool whole, enum err wanted, const char *why)
{
    struct buf out = buf_max(RECORD_LEN_MAX);
    struct twin_fault fault;

    CHECK_ERR(reread(json, whole, &out, &fault), wanted);
    if (!strstr(fault.why, why))
        fail_msg("%.*s: \"%s\", not \"%s\"", BYTES_ARG(json), fault.why, why);
    buf_free(&out);
}

TEST(values_stay_as_they_were_sent)
{
    check_reads("{}", "{}");
    check_reads(" { \"a\" : 1.50 , \"b\":[ true,false , {} ,[]],\r\n\t\"c\":{\"d\":null}}",
                "{\"a\":1.50,\"b\":[true,false,{},[]],\"c\":{\"d\":null}}");
    check_reads("{\"n\":[0,-0,1e5,-1.5E-3,4503599627370495,-4503599627370496,1e308]}",
                "{\"n\":[0,-0,1e5,-1.5E-3,4503599627370495,-4503599627370496,1e308]}");
    check_reads("{\"azureiot*com^dtracing^1\":{\"sampling_rate\":50,\"__t\":\"c\"}}",
                "{\"azureiot*com^dtracing^1\":{\"__t\":\"c\",\"sampling_rate\":50}}");
}

TEST(texts_lose_their_escapes_and_get_those_they_need)
{
    check_reads("{\"t\":\"\\u0041\\/\\u00e4\"}", "{\"t\":\"A/\xC3\xA4\"}");
    check_reads("{\"t\":\"a\\\"b\\\\c\\n\"}", "{\"t\":\"a\\\"b\\\\c\\n\"}");
    check_reads("{\"\\u0022q\":\"\\ud83d\\ude00\"}", "{\"\\\"q\":\"\xF0\x9F\x98\x80\"}");
}

static bool text_is_plain(struct bytes json)
{
    struct buf nodes = buf_max(RECORD_LEN_MAX);
    struct twin_node root, text;
    struct twin_fault fault;
    bool is_plain;

    CHECK_OK(twin_parse(json, TWIN_REPORTED, false, &nodes, &fault));
    twin_nodes_root(buf_bytes(&nodes), &root);
    CHECK(twin_first(&root, &text) && text.kind == TWIN_TEXT);
    is_plain = text.is_plain;
    buf_free(&nodes);
    return is_plain;
}

TEST(each_byte_of_a_text_is_looked_at)
{
    enum { BEGINS = 6 };
    struct twin_fault fault;

    for (size_t len = 1; len <= 20; len++) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 1; c < 256; c++) {
                char json[40];
                bool is_plain = c >= 0x20 && c <= 0x7E && c != '"' && c != '\\', is_good = is_plain || c == 0x7F;
                struct buf out = buf_max(RECORD_LEN_MAX);

                snprintf(json, sizeof json, "{\"t\":\"%.*s\"}", (int)len, "xxxxxxxxxxxxxxxxxxxx");
                json[BEGINS + at] = (char)c;
                CHECK_ERR(reread(bytes_str(json), false, &out, &fault), is_good ? OK : ERR_MALFORMED);
                CHECK(!is_good || text_is_plain(bytes_str(json)) == is_plain);
                if (is_plain)
                    CHECK_BYTES(buf_bytes(&out), bytes_str(json));
                buf_free(&out);
            }
        }
    }
}

TEST(members_stand_by_their_names)
{
    check_reads("{\"b\":1,\"a\":{\"z\":1,\"y\":[3,1,2]},\"aa\":2,\"B\":3}",
                "{\"B\":3,\"a\":{\"y\":[3,1,2],\"z\":1},\"aa\":2,\"b\":1}");
    check_reads("{\"l\":[{\"b\":1,\"a\":2}]}", "{\"l\":[{\"a\":2,\"b\":1}]}");
}

/* service 4.6: SDKs send the whole twin that they have read */
TEST(what_begins_with_a_dollar_is_passed_over)
{
    check_reads("{\"$version\":7,\"a\":1,\"$metadata\":{\"$lastUpdated\":null,\"x\":[null,{\"$a\":1,\"$a\":2}]}}",
                "{\"a\":1}");
}

TEST(what_is_no_json_is_malformed)
{
    static const char *const texts[] = {
        "",
        " ",
        "null",
        "[]",
        "1",
        "\"a\"",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":/**/1}",
        "{\"a\":\"\xFF\"}",
        "{\"a\":\"\xC0\x80\"}",
        "{\"a\":\"\xED\xA0\x80\"}",
        "{\"\xFF\":1}",
        "\xEF\xBB\xBF{}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_refused(bytes_str(texts[i]), false, ERR_MALFORMED, "Provided json is not a valid 'tags' or 'properties'");
    check_refused(BYTES("{}\0"), false, ERR_MALFORMED, "more than one object");
}

TEST(a_name_that_is_there_twice_is_refused)
{
    check_refused(BYTES("{\"a\":1,\"a\":1}"), false, ERR_MALFORMED, "a name that is given twice");
    check_refused(BYTES("{\"a\":1,\"b\":2,\"\\u0061\":3}"), false, ERR_MALFORMED, "a name that is given twice");
    check_refused(BYTES("{\"x\":{\"b\":1,\"a\":2,\"b\":3}}"), false, ERR_MALFORMED, "a name that is given twice");
}

/* device 7.1 */
TEST(rules_are_named_with_the_place)
{
    check_refused(BYTES("{\"a\":{\"b\":4503599627370496}}"), false, ERR_ARGUMENT,
                  "properties.reported.a.b: an integer is from -4503599627370496 to 4503599627370495.");
    check_refused(BYTES("{\"a\":-4503599627370497}"), false, ERR_ARGUMENT, "an integer is from");
    check_refused(BYTES("{\"a\":99999999999999999999}"), false, ERR_ARGUMENT, "an integer is from");
    check_refused(BYTES("{\"a\":1e309}"), false, ERR_ARGUMENT, "the number is too large");
    check_refused(BYTES("{\"a.b\":1}"), false, ERR_ARGUMENT, "a name has no control character");
    check_refused(BYTES("{\"a b\":1}"), false, ERR_ARGUMENT, "a name has no control character");
    check_refused(BYTES("{\"x\":{\"$a\":1}}"), false, ERR_ARGUMENT, "a name has no control character");
    check_refused(BYTES("{\"a\\u0085\":1}"), false, ERR_ARGUMENT, "a name has no control character");
    check_refused(BYTES("{\"a\\t\":1}"), false, ERR_ARGUMENT, "a name has no control character");
    check_refused(BYTES("{\"good\":1,\"$bad\":1}"), false, ERR_ARGUMENT, "a name has no control character");
    check_refused(BYTES("{\"\":1}"), false, ERR_ARGUMENT, "a name has 1 to 1024 bytes");
    check_refused(BYTES("{\"a\":[1,null]}"), false, ERR_ARGUMENT, "null cannot be in an array");
    check_refused(BYTES("{\"a\":[{\"b\":null}]}"), false, ERR_ARGUMENT, "null cannot be in an array");
    check_refused(BYTES("{\"a\":{\"b\":null}}"), true, ERR_ARGUMENT,
                  "properties.reported.a.b: the value cannot be null");
}

static struct buf nested(const char *name, unsigned levels, const char *open, const char *end)
{
    struct buf b = buf_max(1 << 24);

    buf_printf(&b, "{\"%s\":", name);
    for (unsigned i = 0; i < levels; i++)
        buf_puts(&b, open);
    buf_puts(&b, "1");
    for (unsigned i = 0; i < levels; i++)
        buf_puts(&b, end);
    buf_puts(&b, "}");
    return b;
}

TEST(ten_levels_are_enough)
{
    static const struct {
        unsigned levels;
        const char *open, *end;
        enum err wanted;
    } cases[] = {
        {10, "{\"b\":", "}", OK},
        {11, "{\"b\":", "}", ERR_ARGUMENT},
        {10, "[", "]", OK},
        {11, "[", "]", ERR_ARGUMENT},
        {5, "[{\"b\":", "}]", OK},
        {6, "[{\"b\":", "}]", ERR_ARGUMENT},
        {1000000, "[", "]", ERR_ARGUMENT},
        {1000000, "{\"b\":", "}", ERR_ARGUMENT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = nested("a", cases[i].levels, cases[i].open, cases[i].end), out = buf_max(RECORD_LEN_MAX);
        struct twin_fault fault;

        CHECK_ERR(reread(buf_bytes(&b), false, &out, &fault), cases[i].wanted);
        buf_free(&b);
        buf_free(&out);
    }
}

TEST(what_is_passed_over_is_bounded_too)
{
    struct buf b = nested("$metadata", 1000000, "[", "]"), out = buf_max(RECORD_LEN_MAX);
    struct twin_fault fault;

    CHECK_ERR(reread(buf_bytes(&b), false, &out, &fault), ERR_MALFORMED);
    CHECK(strstr(fault.why, "too many levels"));
    buf_free(&b);
    buf_free(&out);
}

static struct buf filled(const char *before, size_t n, const char *behind)
{
    struct buf b = buf_max(1 << 24);

    buf_puts(&b, before);
    for (size_t i = 0; i < n; i++)
        buf_put_u8(&b, 'x');
    buf_puts(&b, behind);
    return b;
}

TEST(texts_names_and_numbers_have_a_length)
{
    static const struct {
        const char *before;
        size_t n;
        const char *behind, *why;
    } cases[] = {
        {"{\"a\":\"", 4096, "\"}", NULL},
        {"{\"a\":\"", 4097, "\"}",
         "properties.reported.a: Property or Tag value is too long, the maximum is 4096 bytes"},
        {"{\"", 1024, "\":1}", NULL},
        {"{\"", 1025, "\":1}", "a name has 1 to 1024 bytes"},
        {"{\"", 100000, "\":1}", "a name has 1 to 1024 bytes"},
        {"{\"$version\":\"", 100000, "\"}", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = filled(cases[i].before, cases[i].n, cases[i].behind), out = buf_max(RECORD_LEN_MAX);
        struct twin_fault fault;

        CHECK_ERR(reread(buf_bytes(&b), false, &out, &fault), cases[i].why ? ERR_ARGUMENT : OK);
        CHECK(!cases[i].why || strstr(fault.why, cases[i].why));
        buf_free(&b);
        buf_free(&out);
    }
    check_refused(BYTES("{\"a\":0.12345678901234567890123456789012345678901234567890123456789012345678901}"), false,
                  ERR_ARGUMENT, "at most 64 characters");
}

/* Each beginning is malformed, and nothing behind its end is read. */
TEST(a_text_cut_anywhere_is_malformed)
{
    static const char text[] = "{\"b\":[1,-2.5e+3,\"\\u00e4\\n\xC3\xA4\",{\"q\":{}}],\"a\":{\"x\":true,\"w\":false,"
                               "\"y\":null},\"$metadata\":{\"z\":1}}";

    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct buf out = buf_max(RECORD_LEN_MAX);
        struct twin_fault fault;
        char *copy = malloc(n ? n : 1);

        memcpy(copy, text, n);
        CHECK_ERR(reread(bytes_of(copy, n), false, &out, &fault), ERR_MALFORMED);
        CHECK(fault.why[0]);
        free(copy);
        buf_free(&out);
    }
}

TEST(a_buffer_that_is_full_is_too_large)
{
    static const char text[] = "{\"b\":[1,\"\\u00e4\",{\"q\":{}}],\"a\":{\"x\":true,\"y\":null}}";
    struct twin_fault fault;

    for (size_t cap = 0; cap < 150; cap++) {
        struct buf nodes = buf_max(cap);
        enum err e = twin_parse(bytes_str(text), TWIN_TAGS, false, &nodes, &fault);

        CHECK(e == ERR_TOO_LARGE || (!e && nodes.len > 70));
        buf_free(&nodes);
    }
}

/* Sorting stays quick whatever the order is: half a million names in the worst of them would take minutes else. */
TEST(many_names_are_sorted_quickly)
{
    struct buf b = buf_max(1 << 24), nodes = buf_max(1 << 24);
    struct twin_fault fault;
    struct twin_node root, n, before = {0};
    unsigned count = 0;

    buf_puts(&b, "{");
    for (unsigned i = 200000; i > 0; i--)
        buf_printf(&b, "%s\"%06u\":1", i == 200000 ? "" : ",", i * 7919 % 1000000);
    buf_puts(&b, "}");
    CHECK_OK(twin_parse(buf_bytes(&b), TWIN_TAGS, true, &nodes, &fault));
    twin_nodes_root(buf_bytes(&nodes), &root);
    for (bool more = twin_first(&root, &n); more; more = twin_next(&root, &n)) {
        CHECK(bytes_cmp(before.key, n.key) < 0);
        before = n;
        count++;
    }
    CHECK(count == 200000);
    buf_free(&b);
    buf_free(&nodes);
}

TESTS(RUN(values_stay_as_they_were_sent), RUN(texts_lose_their_escapes_and_get_those_they_need),
      RUN(each_byte_of_a_text_is_looked_at), RUN(members_stand_by_their_names),
      RUN(what_begins_with_a_dollar_is_passed_over), RUN(what_is_no_json_is_malformed),
      RUN(a_name_that_is_there_twice_is_refused), RUN(rules_are_named_with_the_place), RUN(ten_levels_are_enough),
      RUN(what_is_passed_over_is_bounded_too), RUN(texts_names_and_numbers_have_a_length),
      RUN(a_text_cut_anywhere_is_malformed), RUN(a_buffer_that_is_full_is_too_large),
      RUN(many_names_are_sorted_quickly))
