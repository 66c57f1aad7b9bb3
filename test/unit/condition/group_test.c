/* Aggregates, and what a condition tells an index. */
#include "check.h"
#include "json_row.h"
#include "query_group.h"

static enum err put(void *ctx, struct bytes name, const struct value *v)
{
    struct buf *out = ctx;

    buf_printf(out, "%.*s=", BYTES_ARG(name));
    enum err e = json_put_value(v, out);
    buf_puts(out, " ");
    return e;
}

/* The groups of these rows, one a line. */
static void check_groups(const char *text, const char *const *rows, const char *wanted)
{
    struct buf out = buf_max(4096);
    struct query_groups *groups;
    struct complaint why;
    struct query q;

    if (query_open(&q, bytes_str(text), &why))
        fail_msg("%s: %s", text, why.text);
    CHECK(q.groups);
    CHECK_OK(query_groups_new(&q, &groups));
    for (; *rows; rows++) {
        json_t *document = json_loads(*rows, JSON_DECODE_ANY, NULL);
        struct row row = json_row(document);

        CHECK(document);
        if (query_selects(&q, &row))
            CHECK_OK(query_groups_add(groups, &row));
        json_decref(document);
    }
    for (size_t i = 0, n = query_groups_end(groups); i < n; i++) {
        CHECK_OK(query_groups_put(groups, i, put, &out));
        buf_puts(&out, "\n");
    }
    assert_string_equal(buf_str(&out), wanted);
    query_groups_free(groups);
    query_close(&q);
    buf_free(&out);
}

TEST(rows_are_counted_and_summed_by_group)
{
    static const char *const rows[] = {"{\"tags\":{\"f\":\"b\",\"n\":3}}",
                                       "{\"tags\":{\"f\":\"a\",\"n\":1}}",
                                       "{\"tags\":{\"f\":\"b\",\"n\":4.5}}",
                                       "{\"tags\":{\"f\":\"b\",\"n\":\"x\"}}",
                                       "{\"tags\":{\"n\":9}}",
                                       NULL};

    check_groups("SELECT tags.f AS f, COUNT() AS n, SUM(tags.n) AS sum, MIN(tags.n) AS least, MAX(tags.n) AS most, "
                 "AVG(tags.n) AS mean FROM devices GROUP BY tags.f",
                 rows,
                 "n=1 sum=9 least=9 most=9 mean=9 \n"
                 "f=\"a\" n=1 sum=1 least=1 most=1 mean=1 \n"
                 "f=\"b\" n=3 sum=7.5 least=3 most=4.5 mean=3.75 \n");
    check_groups("select count() from devices where tags.n > 2", rows, "count=3 \n");
    check_groups("SELECT COUNT() AS n, AVG(none) AS mean FROM devices WHERE false", rows, "n=0 \n");
    /* Java's own: a name with hyphens, blanks where there need not be any. */
    check_groups("SELECT tags.f AS f-1,  COUNT() AS numberOfDevices FROM  devices GROUP BY devices.tags.[[f]] ", rows,
                 "numberOfDevices=1 \nf-1=\"a\" numberOfDevices=1 \nf-1=\"b\" numberOfDevices=3 \n");
}

TEST(the_same_values_are_one_group)
{
    static const char *const rows[] = {"{\"v\":1}",    "{\"v\":1.0}", "{\"v\":true}", "{\"v\":\"1\"}",
                                       "{\"v\":null}", "{\"v\":[1]}", "{}",           NULL};

    check_groups("SELECT v, COUNT() AS n FROM devices GROUP BY v", rows,
                 "n=2 \nv=null n=1 \nv=true n=1 \nv=1 n=2 \nv=\"1\" n=1 \n");
}

TEST(groups_are_bounded)
{
    struct query_groups *groups;
    struct complaint why;
    struct query q;
    enum err e = OK;
    int n = 0;

    CHECK_OK(query_open(&q, BYTES("SELECT v FROM devices GROUP BY v"), &why));
    CHECK_OK(query_groups_new(&q, &groups));
    for (; !e && n <= QUERY_GROUPS_MAX; n++) {
        json_t *document = json_pack("{si}", "v", n);
        struct row row = json_row(document);

        e = query_groups_add(groups, &row);
        json_decref(document);
    }
    CHECK(e == ERR_LIMIT && n == QUERY_GROUPS_MAX + 1);
    query_groups_free(groups);
    query_close(&q);
}

TEST(sums_are_exact_as_long_as_they_fit)
{
    static const char *const fit[] = {"{\"v\":9007199254740993}", "{\"v\":1}", NULL};
    static const char *const more[] = {"{\"v\":9223372036854775807}", "{\"v\":1}", NULL};

    check_groups("SELECT SUM(v) AS s FROM devices", fit, "s=9007199254740994 \n");
    check_groups("SELECT SUM(v) AS s FROM devices", more, "s=9.223372036854776e+18 \n");
}

TEST(an_index_is_told_what_must_be_the_same)
{
    static const struct {
        const char *condition, *equalities;
    } cases[] = {
        {"deviceId = 'x'", "deviceId:x "},
        {"'x' = deviceId AND tags.y = 'z'", "deviceId:x tags.y:z "},
        {"(tags.y = 'z' AND status != 'a') AND version > 1", "tags.y:z "},
        {"deviceId IN ['a', 'b', 'c'] AND (status = 'x' OR status = 'y')", "deviceId:a,b,c status:x,y "},
        {"deviceId = 'a' OR tags.y = 'b'", "deviceId:a|tags.y:b "},
        {"deviceId = 'a' OR tags.y > 'b'", ""},
        {"tags.y = 'a' OR 'b' = tags.y OR tags.y IN ['c', 'd'] OR tags.y = 'e'", "tags.y:a,b,c,d,e "},
        {"tags.y = 'a' OR tags.z = 'b' OR tags.y = 'c'", "tags.y:a|tags.z:b|tags.y:c "},
        {"(tags.y = 'a' AND tags.z = 'b') OR tags.w = 'c'", "tags.y:a|tags.w:c tags.z:b|tags.w:c "},
        {"tags.w = 'c' OR (tags.y > 1 AND tags.z = 'b')", "tags.w:c|tags.z:b "},
        {"status = 'q' AND (tags.y = 'a' OR (tags.z = 'b' AND NOT (status = 'x')))", "status:q tags.y:a|tags.z:b "},
        {"NOT (deviceId = 'a' OR tags.y = 'b') AND status = 'c'", "status:c "},
        {"(deviceId = 'a' OR tags.y = 'b') = true", ""},
        {"a='1' OR b='1' OR c='1' OR d='1' OR e='1' OR f='1' OR g='1' OR h='1'", "a:1|b:1|c:1|d:1|e:1|f:1|g:1|h:1 "},
        {"a='1' OR b='1' OR c='1' OR d='1' OR e='1' OR f='1' OR g='1' OR h='1' OR i='1'", ""},
        {"(a='1' AND b='2' AND c='3') OR (d='4' AND e='5' AND f='6')",
         "a:1|d:4 a:1|e:5 a:1|f:6 b:2|d:4 b:2|e:5 b:2|f:6 c:3|d:4 c:3|e:5 "},
        {"NOT deviceId = 'a'", ""},
        {"deviceId NIN ['a']", ""},
        {"deviceId IN ['a', b]", ""},
        {"deviceId = status", ""},
        {"LOWER(deviceId) = 'a' AND CONTAINS(status, 'b') AND (status = 'c') = true", ""},
        {"deviceId IN [(status = 'a'), 'b'] AND tags.y IN ('q')", "tags.y:q "},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct equalities all[EQUALITIES_MAX];
        struct buf out = buf_max(256);
        struct complaint why;
        struct condition *c;

        CHECK_OK(condition_compile(bytes_str(cases[i].condition), LANGUAGE_QUERY, &c, &why));
        for (size_t k = 0, n = condition_equalities(c, all); k < n; k++) {
            for (size_t p = 0; p < all[k].n; p++) {
                const struct equality *one = &all[k].any[p];

                buf_printf(&out, "%s%.*s:", p ? "|" : "", BYTES_ARG(one->path->whole));
                for (size_t v = 0; v < one->n; v++)
                    buf_printf(&out, "%s%.*s", v ? "," : "", BYTES_ARG(one->values[v].text));
            }
            buf_puts(&out, " ");
        }
        if (strcmp(buf_str(&out), cases[i].equalities))
            fail_msg("%s: \"%s\"", cases[i].condition, buf_str(&out));
        buf_free(&out);
        condition_free(c);
    }
}

TESTS(RUN(rows_are_counted_and_summed_by_group), RUN(the_same_values_are_one_group), RUN(groups_are_bounded),
      RUN(sums_are_exact_as_long_as_they_fit), RUN(an_index_is_told_what_must_be_the_same))
