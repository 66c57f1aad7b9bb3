/* The language of routes and grants (service 6): what it reads as what, which values it has, and what it refuses. */
#include "check.h"
#include "condition.h"
#include "json_row.h"

#include <strings.h>

/* A message: application properties, system properties, and a body that is JSON, as three members of one document. */
static const char MESSAGE[] =
    "{\"p\":{\"a\":\"x\",\"Level\":\"30\",\"bad\":\"hot\",\"a-b\":\"hyphen\",\"$own\":\"mine\",\"price\":\"1,250.5\","
    "\"text\":\"Gar\\u00c4ge\\ud83d\\ude97\"},"
    "\"s\":{\"contentType\":\"application/json\",\"connectionDeviceId\":\"mx-1\",\"own\":\"theirs\"},"
    "\"b\":{\"t\":25.5,\"word\":\"hot\",\"yes\":true,\"nil\":null,\"w\":{\"list\":[1,{\"x\":2}]}},"
    "\"c\":{\"tags\":{\"x\":1},\"properties\":{\"desired\":{\"d\":1},\"reported\":{\"r\":{\"s\":2}}}}}";

static json_t *part_of(const json_t *message, const struct path *path)
{
    static const char *const parts[] = {[PATH_PLAIN] = "p", [PATH_DOLLAR] = "s", [PATH_SYSTEM] = "s",
                                        [PATH_BODY] = "b",  [PATH_TWIN] = "t",   [PATH_CHANGE] = "c"};

    return json_object_get(message, parts[path->root]);
}

static void get(const struct row *row, const struct path *path, struct scratch *scratch, struct value *out,
                struct bytes *spelled)
{
    struct row part = json_row(part_of(row->of, path));
    const json_t *own = json_object_getn(json_object_get(row->of, "p"), (const char *)path->whole.at, path->whole.len);

    (void)spelled;
    if (own && path->root == PATH_DOLLAR)
        json_value(own, out);
    else
        part.get(&part, path, scratch, out, NULL);
    if (path->root == PATH_CHANGE)
        *out = value_bool(out->kind != VALUE_UNDEFINED);
    else if (path->root == PATH_BODY && out->kind == VALUE_UNDEFINED)
        out->kind = VALUE_NULL;
    else if (out->kind >= VALUE_ARRAY)
        out->kind = VALUE_UNDEFINED;
}

static bool holds(const char *text)
{
    struct complaint why;
    struct condition *c;
    json_t *message = json_loads(MESSAGE, 0, NULL);
    struct row row = {.of = message, .get = get};

    if (condition_compile(bytes_str(text), LANGUAGE_ROUTE, &c, &why))
        fail_msg("%s: %s", text, why.text);
    bool is = condition_holds(c, &row);
    condition_free(c);
    json_decref(message);
    return is;
}

TEST(a_condition_holds_or_not)
{
    static const char *const yes[] = {
        "",
        "  /* all */ ",
        "true",
        "a = 'x'",
        "A = \"x\"",
        "a-b = 'hyphen'",
        "LEVEL = '30'",
        "as_number(level) > 29 AND AS_NUMBER(level) - 5 = 25",
        "as_number(price) = 1250.5",
        "NOT (a = 'y')",
        "a != 'y' and a <> 'z'",
        "a IN ['w', 'x']",
        "a NOT IN ['w']",
        "$connectionDeviceId = 'mx-1'",
        "$own = 'mine' AND {$own} = 'theirs'",
        "{$contentType} = 'application/json'",
        "$body.t > 25 AND $BODY.t < 26",
        "$body.t = 25.5",
        "$body.word > 30", /* kinds have an order */
        "$body.word != 30",
        "$body.missing = null",
        "$body.missing > 30",
        "$body.missing <> 'a'",
        "$body.yes",
        "$body.yes = true",
        "$body.w.list[0] = 1 AND $body.w.list[1].x = 2",
        "is_defined(a) AND NOT is_defined(nothing)",
        "is_null($body.nil)",
        "is_string(a) AND is_number($body.t) AND is_bool($body.yes)",
        "(nothing ?? 'y') = 'y'",
        "a || '!' = 'x!'",
        "concat(a, 'b', 'c') = 'xbc'",
        "length(text) = 8",
        "lower(text) = 'gar\xc3\xa4ge\xf0\x9f\x9a\x97' AND upper(a) = 'X'",
        "substring(text, 3, 1) = '\\u00C4'",
        "substring(text, 8) = ''",
        "index_of(text, 'ge') = 4 AND index_of(text, 'q') = -1",
        "starts_with(text, 'Gar') AND ends_with(text, '\\ud83d\\ude97') AND contains(text, '')",
        "abs(-3) = 3 AND power(2, 3) = 8 AND sqrt(9) = 3 AND floor(1.5) = 1 AND ceiling(1.5) = 2 AND sign(-2) = -1",
        "square(3) = 9 AND exp(0) = 1",
        "1 / 0 > 5 AND NOT is_number(1 / 0)",
        "null + 1 = 1",
        "null = null AND NOT null",
        "undefined OR true",
        "null OR true",
        "nothing = 'a' OR a = 'x'",
        "twin_change_includes(tags.x)",
        "twin_change_includes(TAGS.x)",
        "twin_change_includes(Properties.Desired.d)",
        "twin_change_includes(properties.REPORTED.r.s)",
        "false < true",
        "0x1F = 31 AND 1.5e1 = 15 AND - 3 = -3",
        "'\\uFF5E' > '\\uD800\\uDC00'", /* as UTF-16 has it */
        "2 + 3 * 4 = 14 AND 7 % 4 = 3",
        "  a   =\r\n\t'x'/* here */",
        "(android ?? 'n') = 'n'",
    };
    static const char *const no[] = {
        "false",
        "null",
        "undefined",
        "a = 'X'",
        "nothing = 'a'",
        "nothing != 'a'",
        "NOT (nothing = 'a')",
        "as_number(bad) > 1",
        "nothing IN ['a']",
        "nothing NOT IN ['a']",
        "undefined AND true",
        "null AND true",
        "null OR false",
        "null != null OR null < null",
        "a = null",
        "$body.word = 30",
        "$body.word + 1 > 0",
        "$body.word OR false",
        "$body.w = 1",
        "$body.word AND true",
        "twin_change_includes(tags.y)",
        "twin_change_includes(tags.X)",
        "twin_change_includes(properties.desired.D)",
        "substring(text, 9) = ''",
        "substring(a, 0, 2) = 'x'",
        "$twin.tags.x = 1",
    };

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!holds(yes[i]))
            fail_msg("does not hold: %s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (holds(no[i]))
            fail_msg("holds: %s", no[i]);
}

TEST(what_can_never_fit_is_refused_when_it_is_written)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"level > 30", "as_number"},
        {"a = true", "true or false"},
        {"a AND true", "AND takes true or false"},
        {"a", "a condition takes"},
        {"NOT a", "NOT takes"},
        {"NOT a = 'x'", "NOT takes"},              /* it binds tighter than = */
        {"nothing ?? 'y' = 'y'", "?? has a text"}, /* which binds loosest */
        {"a + 1 = 2", "as_number"},
        {"a IN [1]", "as_number"},
        {"length(3) = 1", "LENGTH takes a text"},
        {"abs(a) = 1", "ABS takes a number"},
        {"a -3 = 1", "before '-3"},
        {"a='x'AND b", "before 'b'"}, /* a longer word: service 6.2 */
        {"a-b-c*2 = 'x' 1", "before '1'"},
        {"True", "takes true or false"}, /* a property */
        {"select = 'x'", "'select"},
        {"a[0] = 'x'", "before '[0]"},
        {"a = 'x", "not closed"},
        {"a = 'x' /* ", "comment"},
        {"a/*", "comment"},
        {"a = /*(", "comment"},
        {"(a = 'x'", "parenthesis"},
        {"a = 'x')", "before ')'"},
        {"{$a = 'x'", "brace"},
        {"{a} = 'x'", "$"},
        {"startswith(a, 'x')", "no function"},
        {"substring(a) = 'x'", "SUBSTRING"},
        {"twin_change_includes('tags.x')", "path below"},
        {"twin_change_includes(other.x)", "path below"},
        {"$body. = 1", "path"},
        {"$body.a[x] = 1", "path"},
        {"a = ", "at the end"},
        {"a\n = 'x' AND ; ", "line 2, column 12"},
        {"'\\uDC00' = a", "escape"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct complaint why;
        struct condition *c;

        if (!condition_compile(bytes_str(cases[i].text), LANGUAGE_ROUTE, &c, &why))
            fail_msg("taken: %s", cases[i].text);
        if (!strstr(why.text, cases[i].why))
            fail_msg("%s: \"%s\" says nothing of \"%s\"", cases[i].text, why.text, cases[i].why);
    }
}

/* Every text ends with a condition or a complaint: all that four of these pieces make. */
TEST(any_row_of_words_is_a_condition_or_a_complaint)
{
    static const char *const pieces[] = {"a",    "'x'", "=", "AND ", "NOT ", "(", ")",
                                         " IN ", "[",   "]", ",",    "-",    "1", "$body.t"};
    enum { PIECES = sizeof pieces / sizeof *pieces, LONGEST = 4 };
    json_t *message = json_loads(MESSAGE, 0, NULL);
    struct row row = {.of = message, .get = get};

    for (size_t i = 0; i < PIECES * PIECES * PIECES * PIECES; i++)
        for (int language = LANGUAGE_QUERY; language <= LANGUAGE_ROUTE; language++) {
            struct complaint why;
            struct condition *c;
            char text[64] = "";

            for (size_t k = 0, rest = i; k < LONGEST; k++, rest /= PIECES)
                strcat(text, pieces[rest % PIECES]);
            enum err e = condition_compile(bytes_str(text), (enum language)language, &c, &why);
            CHECK((e == OK) == (why.text[0] == 0));
            if (e)
                continue;
            condition_holds(c, &row);
            condition_free(c);
        }
    json_decref(message);
}

TESTS(RUN(a_condition_holds_or_not), RUN(what_can_never_fit_is_refused_when_it_is_written),
      RUN(any_row_of_words_is_a_condition_or_a_complaint))
