/* Values where they stand. */
#include "json_span.h"

#include "check.h"

#include <stdlib.h>

TEST(the_value_is_as_it_was_written)
{
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"{\"p\":1.50}", "1.50"},
        {" {\"a\":{\"p\":2},\"p\" : [1, {\"p\":\"]\"}] , \"z\":0}", "[1, {\"p\":\"]\"}]"},
        {"{\"a\":\"p\\\"\",\"p\":\"x\\\\\"}", "\"x\\\\\""},
        {"{\"p\":null,\"p\":true}", "true"},
        {"{\"P\":\n\t-1e400\r\n}", "-1e400"},
        {"{}", ""},
        {"{\"pp\":1}", ""},
        {"[\"p\",1]", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_BYTES(json_span(bytes_str(cases[i].text), BYTES("p")), bytes_str(cases[i].value));
}

TEST(elements_come_as_they_were_written)
{
    static const char *const wanted[] = {"1.50", "[2,[3]]", "{\"a\":[\"]\",4]}", "\",\"", "null"};
    struct bytes rest = BYTES(" [1.50 ,[2,[3]],\n{\"a\":[\"]\",4]},\",\", null ] "), element;

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        CHECK(json_span_next(&rest, &element));
        CHECK_BYTES(element, bytes_str(wanted[i]));
    }
    CHECK(!json_span_next(&rest, &element) && !json_span_next(&rest, &element));
    rest = BYTES("[ ]");
    CHECK(!json_span_next(&rest, &element));
    rest = BYTES("{\"a\":1}");
    CHECK(!json_span_next(&rest, &element));
}

/* A text that is cut off is not well-formed, and must not be read beyond its end either. */
TEST(cut_text_is_not_read_beyond_its_end)
{
    static const char text[] = "{\"a\":[\"\\\"\",{}],\"p\":{\"x\":\"\\u0041\"}}";
    struct bytes rest, element;

    for (size_t n = 0; n < sizeof text; n++) {
        char *copy = malloc(n ? n : 1);

        memcpy(copy, text, n);
        json_span(bytes_of(copy, n), BYTES("p"));
        copy[0] = n ? '[' : copy[0];
        for (rest = bytes_of(copy, n); json_span_next(&rest, &element);)
            CHECK(element.len <= n);
        free(copy);
    }
}

TESTS(RUN(the_value_is_as_it_was_written), RUN(elements_come_as_they_were_written),
      RUN(cut_text_is_not_read_beyond_its_end))
