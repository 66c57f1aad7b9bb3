#include "near.h"
#include "opt.h"

#include "check.h"

struct values {
    int flag, port, format;
    const char *to;
    struct opt_list from;
    uint64_t top, size;
    int64_t ttl;
    char user[8];
};

#define AT(field) .offset = offsetof(struct values, field)

static const struct opt options[] = {
    {"quiet", NULL, "", OPT_FLAG, AT(flag), .letter = 'q'},
    {"to", "DEVICE", "", OPT_TEXT, AT(to)},
    {"from", "DEVICE", "", OPT_LIST, AT(from)},
    {"n", "COUNT", "", OPT_NUMBER, AT(top), .least = 1, .most = 1000},
    {"port", "N", "", OPT_INT, AT(port), .least = 1, .most = 65535},
    {"ttl", "T", "", OPT_DURATION, AT(ttl), .least = 60000, .most = 172800000},
    {"size", "SIZE", "", OPT_SIZE, AT(size)},
    {"output", "table|json|tsv", "", OPT_CHOICE, AT(format), .least = 1, .letter = 'o'},
    {"user", "USER", "", OPT_BUFFER, AT(user), .most = 8},
    {0}};

static char why[OPT_WHY_CAP];
static struct values got;
static struct opt_line line;

/* The words of a command line, after its first one. */
#define TAKE(...) take((char *[]){(char *)"x", __VA_ARGS__, NULL})

static char **words;
static bool once;

static bool take(char **argv)
{
    const struct opt_table table = {options, &got, once};
    int argc = 0;

    while (argv[argc])
        argc++;
    words = argv;
    got = (struct values){0};
    why[0] = 0;
    return opt_scan(&table, 1, argc, argv, &line, why) && opt_apply(&line, why);
}

#define REFUSED(sentence, ...)              \
    do {                                    \
        CHECK(!TAKE(__VA_ARGS__));          \
        assert_string_equal(why, sentence); \
    } while (0)

TEST(options_and_arguments_stand_in_any_order)
{
    CHECK(TAKE("a", "--to", "phone", "b", "-qn5", "--from=x", "--from", "y", "-o", "json", "--", "-c"));
    CHECK(line.n_args == 3 && !strcmp(words[1], "a") && !strcmp(words[2], "b") && !strcmp(words[3], "-c"));
    CHECK(!strcmp(got.to, "phone") && got.flag == 1 && got.top == 5 && got.format == 2);
    CHECK(got.from.n == 2 && !strcmp(got.from.at[0], "x") && !strcmp(got.from.at[1], "y"));
}

TEST(a_lone_dash_is_an_argument)
{
    CHECK(TAKE("-"));
    CHECK(line.n_args == 1 && !strcmp(words[1], "-"));
}

TEST(values_are_checked_by_their_types)
{
    CHECK(TAKE("--port", "65535", "--ttl", "90m", "--size", "2k", "--user", "seven77"));
    CHECK(got.port == 65535 && got.ttl == 5400000 && got.size == 2048 && !strcmp(got.user, "seven77"));
    REFUSED("--user has an empty value; leave the option out, or give it one", "--user", "");
    REFUSED("--port must be 1 to 65535, not \"0\"", "--port", "0");
    REFUSED("--port must be 1 to 65535, not \"65536\"", "--port", "65536");
    REFUSED("--port must be 1 to 65535, not \"1x\"", "--port", "1x");
    REFUSED("-n must be 1 to 1000, not \"\"", "-n", "");
    REFUSED("--ttl must be a duration from 1m to 2d (90s, 10m, 2h, 1d), not \"59s\"", "--ttl", "59s");
    REFUSED("--ttl must be a duration from 1m to 2d (90s, 10m, 2h, 1d), not \"soon\"", "--ttl", "soon");
    REFUSED("--size must be a size (4096, 64m, 2g), not \"2x\"", "--size", "2x");
    REFUSED("--output must be table, json or tsv, not \"jsno\"; did you mean \"json\"?", "--output", "jsno");
    REFUSED("--output must be table, json or tsv, not \"xml\"", "-o", "xml");
    REFUSED("--user is longer than 7 bytes", "--user", "eight888");
    REFUSED("--to has an empty value; leave the option out, or give it one", "--to=");
}

TEST(a_wrong_line_is_refused_with_what_to_do)
{
    REFUSED("there is no option --tto; did you mean --to?", "--tto", "x");
    REFUSED("there is no option --fro; did you mean --from?", "--fro", "x");
    REFUSED("there is no option --colour", "--colour", "x");
    REFUSED("there is no option -z", "-z");
    REFUSED("there is no option -5; put \"--\" before an argument that begins with \"-\"", "-5");
    REFUSED("--to needs a value: --to DEVICE", "--to");
    REFUSED("--to needs a value: --to DEVICE", "--to", "--ttl", "5m");
    REFUSED("-n needs a value: -n COUNT", "-qn");
    REFUSED("--quiet takes no value", "--quiet=yes");
    once = true;
    REFUSED("--to is given twice", "--to", "a", "--to", "b");
    once = false;
    CHECK(TAKE("--to", "a", "--to", "b"));
    assert_string_equal(got.to, "b");
}

TEST(no_key_is_taken_or_shown)
{
    char shown[100];

    CHECK(!TAKE("--to", "HostName=h;DeviceId=d;sharedaccesskey=c2VjcmV0"));
    CHECK(!strstr(why, "c2VjcmV0") && strstr(why, "--to: a key does not belong on the command line"));
    assert_string_equal(opt_shown("SharedAccessSignature sr=x&sig=y", shown), "(a connection string)");
    assert_string_equal(opt_shown("a\033b", shown), "a?b");
    CHECK(
        strlen(opt_shown("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
                         shown)) < 80);
}

TEST(a_list_has_an_end)
{
    char *many[2 * OPT_LIST_CAP + 4] = {(char *)"x"};

    for (size_t i = 0; i <= OPT_LIST_CAP; i++) {
        many[2 * i + 1] = (char *)"--from";
        many[2 * i + 2] = (char *)"d";
    }
    CHECK(!take(many));
    assert_string_equal(why, "--from may be given at most 256 times");
}

TEST(durations_are_told_in_their_largest_unit)
{
    char out[32];

    assert_string_equal(opt_duration(172800000, out), "2d");
    assert_string_equal(opt_duration(5400000, out), "90m");
    assert_string_equal(opt_duration(1, out), "1ms");
}

static const char *near(const char *said)
{
    static const char *const known[] = {"send", "listen", "events", "device", "delete", "use"};
    struct near n = {.said = said};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        near_look(&n, known[i]);
    return n.best ? n.best : "";
}

TEST(only_what_is_near_is_a_near_miss)
{
    CHECK(near_distance("sned", "send") == 1);
    CHECK(near_distance("kitten", "sitting") == 3);
    CHECK(near_distance("", "abc") == 3);
    assert_string_equal(near("sned"), "send");
    assert_string_equal(near("listne"), "listen");
    assert_string_equal(near("evnts"), "events");
    assert_string_equal(near("devcies"), "device");
    assert_string_equal(near("us"), "use");
    assert_string_equal(near("x"), "");
    assert_string_equal(near("zzz"), "");
    assert_string_equal(near("post"), "");
    assert_string_equal(near("remote"), "");
}

TESTS(RUN(options_and_arguments_stand_in_any_order), RUN(a_lone_dash_is_an_argument),
      RUN(values_are_checked_by_their_types), RUN(a_wrong_line_is_refused_with_what_to_do),
      RUN(no_key_is_taken_or_shown), RUN(a_list_has_an_end), RUN(durations_are_told_in_their_largest_unit),
      RUN(only_what_is_near_is_a_near_miss))
