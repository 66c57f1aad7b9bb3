#include "buf.h"
#include "check.h"
#include "selector.h"

#include <stdio.h>

static struct selector sel;
static struct complaint why;

static void check_position(const char *text, int from, bool inclusive, int64_t value)
{
    CHECK_OK(selector_parse(bytes_str(text), &sel, &why));
    CHECK(sel.has_position && sel.position.from == (unsigned)from);
    CHECK(sel.position.inclusive == inclusive && sel.position.value == value);
}

static void check_refused(const char *text, const char *reason)
{
    CHECK_ERR(selector_parse(bytes_str(text), &sel, &why), ERR_MALFORMED);
    if (!strstr(why.text, reason))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, why.text, reason);
}

TEST(every_position_that_clients_write_is_understood)
{
    check_position("amqp.annotation.x-opt-enqueuedtimeutc > 1465000000000", FROM_TIME, false, 1465000000000);
    check_position("amqp.annotation.x-opt-enqueuedtimeutc > '1465000000000'", FROM_TIME, false, 1465000000000);
    check_position("amqp.annotation.x-opt-enqueued-time > '1795411500746'", FROM_TIME, false, 1795411500746);
    check_position("amqp.annotation.x-opt-offset > '100'", FROM_OFFSET, false, 100);
    check_position("amqp.annotation.x-opt-offset >= '100'", FROM_OFFSET, true, 100);
    check_position("amqp.annotation.x-opt-offset >= 100", FROM_OFFSET, true, 100);
    check_position("amqp.annotation.x-opt-offset > \"100\"", FROM_OFFSET, false, 100);
    check_position("amqp.annotation.x-opt-offset>100", FROM_OFFSET, false, 100);
    check_position("amqp.annotation.x-opt-offset > '-1'", FROM_EARLIEST, false, 0);
    check_position("amqp.annotation.x-opt-offset >= '-1'", FROM_EARLIEST, false, 0);
    check_position("  amqp.annotation.x-opt-offset > -1  ", FROM_EARLIEST, false, 0);
    check_position("amqp.annotation.x-opt-offset > '@latest'", FROM_LATEST, false, 0);
    check_position("amqp.annotation.x-opt-offset > @latest", FROM_LATEST, false, 0);
    check_position("amqp.annotation.x-opt-sequence-number > '1'", FROM_SEQUENCE, false, 1);
    check_position("amqp.annotation.x-opt-sequence-number >= '1'", FROM_SEQUENCE, true, 1);
    check_position("amqp.annotation.x-opt-sequence-number > 2995", FROM_SEQUENCE, false, 2995);
}

TEST(senders_are_named_alone_in_a_list_or_with_or)
{
    CHECK_OK(selector_parse(BYTES("amqp.annotation.iothub-connection-device-id = 'phone'"), &sel, &why));
    CHECK(!sel.has_position && sel.position.from == FROM_EARLIEST && sel.n_devices == 1);
    CHECK_BYTES(sel.devices[0], BYTES("phone"));

    CHECK_OK(selector_parse(BYTES("amqp.annotation.iothub-connection-device-id in ( 'a' ,'b','a')"), &sel, &why));
    CHECK(sel.n_devices == 2);
    CHECK_BYTES(sel.devices[1], BYTES("b"));

    CHECK_OK(selector_parse(BYTES("amqp.annotation.iothub-connection-device-id='a' Or "
                                  "amqp.annotation.iothub-connection-device-id='it''s'"),
                            &sel, &why));
    CHECK(sel.n_devices == 2);
    CHECK_BYTES(sel.devices[1], BYTES("it's"));
}

TEST(position_and_senders_join_in_either_order)
{
    static const char *const texts[] = {
        "amqp.annotation.x-opt-offset > '5' AND amqp.annotation.iothub-connection-device-id = 'a'",
        "amqp.annotation.iothub-connection-device-id = 'a' and amqp.annotation.x-opt-offset > '5'",
        "((amqp.annotation.iothub-connection-device-id IN ('a'))) AND (amqp.annotation.x-opt-offset > 5)",
        "(amqp.annotation.x-opt-offset > 5)AND(amqp.annotation.iothub-connection-device-id = 'a')",
        ("(amqp.annotation.x-opt-offset > 5)AND(amqp.annotation.iothub-connection-device-id = 'a' OR "
         "amqp.annotation.iothub-connection-device-id = 'a')"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        check_position(texts[i], FROM_OFFSET, false, 5);
        CHECK(sel.n_devices == 1);
        CHECK_BYTES(sel.devices[0], BYTES("a"));
    }
}

TEST(what_is_not_understood_is_refused_with_a_reason)
{
    check_refused("", "a name is missing");
    check_refused("amqp.annotation.x-opt-ofset > 1", "cannot ask for 'amqp.annotation.x-opt-ofset'");
    check_refused("x-opt-offset > 1", "cannot ask for");
    check_refused("amqp.annotation.x-opt-offset < 1", "compared with > or >=");
    check_refused("amqp.annotation.x-opt-offset > 'abc'", "'abc' is not a value of");
    check_refused("amqp.annotation.x-opt-offset > ", "a value is missing");
    check_refused("amqp.annotation.x-opt-offset > '1", "not closed");
    check_refused("amqp.annotation.x-opt-offset > 1 2", "ends before '2'");
    check_refused("amqp.annotation.x-opt-offset > 99999999999999999999", "is not a value");
    check_refused("amqp.annotation.x-opt-enqueued-time > '@latest'", "is not a value");
    check_refused("amqp.annotation.x-opt-offset > 1 AND amqp.annotation.x-opt-offset > 2", "only one position");
    check_refused("amqp.annotation.x-opt-offset > 1 OR amqp.annotation.iothub-connection-device-id = 'a'", "OR");
    check_refused("amqp.annotation.iothub-connection-device-id = 'a' AND "
                  "amqp.annotation.iothub-connection-device-id = 'b'",
                  "AND");
    check_refused("amqp.annotation.iothub-connection-device-id LIKE 'a'", "must come = or IN");
    check_refused("amqp.annotation.iothub-connection-device-id IN 'a'", "must come (");
    check_refused("amqp.annotation.iothub-connection-device-id IN ('a'", "not closed");
    check_refused("amqp.annotation.iothub-connection-device-id IN ()", "in quotes");
    check_refused("amqp.annotation.iothub-connection-device-id = phone", "in quotes");
    check_refused("amqp.annotation.iothub-connection-device-id = ''", "not a device id");
    check_refused("(amqp.annotation.x-opt-offset > 1", "parenthesis");
    check_refused("(((((((((((((amqp.annotation.x-opt-offset > 1", "too many parentheses");
}

TEST(a_selector_is_bounded)
{
    static char text[SELECTOR_LEN_MAX + 2];
    struct buf b = buf_max(64 * 1024);

    memset(text, ' ', SELECTOR_LEN_MAX + 1);
    CHECK_ERR(selector_parse(bytes_str(text), &sel, &why), ERR_TOO_LARGE);

    buf_puts(&b, "amqp.annotation.iothub-connection-device-id IN (");
    for (int i = 0; i <= FILTER_DEVICES_MAX; i++)
        buf_printf(&b, "%s'd%d'", i ? "," : "", i);
    buf_puts(&b, ")");
    CHECK_ERR(selector_parse(buf_bytes(&b), &sel, &why), ERR_LIMIT);
    CHECK(strstr(why.text, "at most 64 devices"));
    buf_free(&b);
}

TESTS(RUN(every_position_that_clients_write_is_understood), RUN(senders_are_named_alone_in_a_list_or_with_or),
      RUN(position_and_senders_join_in_either_order), RUN(what_is_not_understood_is_refused_with_a_reason),
      RUN(a_selector_is_bounded))
