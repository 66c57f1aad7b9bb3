#include "bag.h"

#include "check.h"

static uint8_t memory[4096];

/* Walks a bag and prints it as name=value; with null values as name alone. */
static const char *walk(struct bytes bag, struct buf *out)
{
    struct bag_room room = {memory, bag.len};
    struct bag_pair p;

    buf_clear(out);
    while (bag_next(&bag, &room, &p)) {
        buf_printf(out, "[%.*s", BYTES_ARG(p.name));
        if (p.value.at)
            buf_printf(out, "=%.*s", BYTES_ARG(p.value));
        buf_puts(out, "]");
    }
    return buf_str(out);
}

TEST(escapes_are_decoded_and_plus_is_a_plus)
{
    struct buf b = buf_max(4096);
    assert_string_equal(walk(BYTES("%24.mid=m-1&spaces%20and%2fslash=a%20b%26c%3Dd%2525&e=&n&u=gr%C3%BC+"), &b),
                        "[$.mid=m-1][spaces and/slash=a b&c=d%25][e=][n][u=gr\xc3\xbc+]");
    buf_free(&b);
}

TEST(raw_text_stays_as_it_is)
{
    struct buf b = buf_max(4096);
    assert_string_equal(walk(BYTES("$.ct=application/json;a=b&&p=100%&q=%zz&r=%ff&"), &b),
                        "[$.ct=application/json;a=b][p=100%][q=%zz][r=%ff]");
    assert_string_equal(walk(BYTES(""), &b), "");
    assert_string_equal(walk(BYTES("=v"), &b), "[=v]");
    buf_free(&b);
}

TEST(a_bag_cut_anywhere_stays_inside)
{
    struct buf b = buf_max(4096);
    struct bytes bag = BYTES("%24.mid=%41%42&x=%e2%9c%93&y");
    for (size_t n = 0; n <= bag.len; n++)
        walk(bytes_first(bag, n), &b);
    buf_free(&b);
}

TEST(what_is_put_is_what_the_sdks_parse)
{
    struct buf b = buf_max(4096);
    bag_put(&b, true, BYTES("$.to"), BYTES("/devices/d"));
    bag_put(&b, false, BYTES("a b"), BYTES("1+1=2"));
    bag_put(&b, false, BYTES("n"), NO_BYTES);
    bag_put(&b, false, BYTES("e"), BYTES(""));
    assert_string_equal(buf_str(&b), "%24.to=%2Fdevices%2Fd&a%20b=1%2B1%3D2&n&e=");
    buf_free(&b);
}

static bool topic(const char *text, const char *device, const char *module, const char *bag)
{
    struct d2c_topic t;
    return d2c_topic_parse(bytes_str(text), &t) && bytes_eq(t.device, bytes_str(device)) &&
           bytes_eq(t.module, bytes_str(module)) && bytes_eq(t.bag, bytes_str(bag));
}

TEST(all_forms_of_the_topic_are_known)
{
    CHECK(topic("devices/d/messages/events", "d", NULL, ""));
    CHECK(topic("devices/d/messages/events/", "d", NULL, ""));
    CHECK(topic("devices/d/messages/events/a=b", "d", NULL, "a=b"));
    CHECK(topic("devices/d/messages/events/a=b/", "d", NULL, "a=b"));
    CHECK(topic("devices/d/messages/events/?a=b", "d", NULL, "a=b"));
    CHECK(topic("devices/d/messages/events/a=text/plain&c=/x//", "d", NULL, "a=text/plain&c=/x/"));
    CHECK(topic("devices/d/modules/m/messages/events/a=b/", "d", "m", "a=b"));
    CHECK(topic("devices/d;=?$/messages/events", "d;=?$", NULL, ""));
}

TEST(other_topics_are_not_taken_for_it)
{
    static const char *const others[] = {
        "",
        "devices",
        "devices/",
        "devices//messages/events",
        "devices/d/messages/event",
        "x/d/messages/events",
        "devices/d/messages/eventsx",
        "devices/d/messages/devicebound/",
        "devices/d/modules//messages/events",
        "devices/d/modules/m",
        "/devices/d/messages/events",
        "$iothub/twin/GET/",
    };
    struct d2c_topic t;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(!d2c_topic_parse(bytes_str(others[i]), &t));
}

TESTS(RUN(escapes_are_decoded_and_plus_is_a_plus), RUN(raw_text_stays_as_it_is), RUN(a_bag_cut_anywhere_stays_inside),
      RUN(what_is_put_is_what_the_sdks_parse), RUN(all_forms_of_the_topic_are_known),
      RUN(other_topics_are_not_taken_for_it))
