/* Twins over AMQP: each row is what some client does or asserts (device 3.5, 3.8). */
#include "amqp_channel.h"

#define TWIN "amqps://hub.test/devices/garage/twin"
#define FRESH "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}"
static const char REPORTED[] = "/properties/reported", DESIRED[] = "/notifications/twin/properties/desired";

/* ---- what tests say often -------------------------------------------------------------------------------------- */

static void put_annotation(pn_data_t *a, const char *name, const char *value, bool as_text)
{
    if (!value)
        return;
    if (as_text)
        pn_data_put_string(a, pn_bytes(strlen(name), name));
    else
        pn_data_put_symbol(a, pn_bytes(strlen(name), name));
    pn_data_put_string(a, pn_bytes(strlen(value), value));
}

/* `body` NULL: no section of it at all, as .NET. */
static pn_message_t *new_request(const char *operation, const char *resource, const char *body, pn_msgid_t id)
{
    pn_message_t *m = body ? new_message(body) : pn_message();
    pn_data_t *a = pn_message_annotations(m);

    pn_data_put_map(a);
    pn_data_enter(a);
    put_annotation(a, "operation", operation, false);
    put_annotation(a, "resource", resource, false);
    pn_data_put_symbol(a, pn_bytes(strlen("version"), "version"));
    pn_data_put_null(a);
    pn_data_exit(a);
    if (id.type != PN_NULL)
        pn_message_set_correlation_id(m, id);
    return m;
}

static void ask(pn_link_t *out, const char *operation, const char *resource, const char *body)
{
    check_accepted(send_message(&c, out, new_request(operation, resource, body, AN_ID)));
}

static void check_id(pn_msgid_t id)
{
    pn_msgid_t got = pn_message_get_correlation_id(c.message);

    CHECK(got.type == id.type);
    if (id.type == PN_STRING)
        CHECK_BYTES(bytes_of(got.u.as_bytes.start, got.u.as_bytes.size),
                    bytes_of(id.u.as_bytes.start, id.u.as_bytes.size));
    else
        CHECK(!memcmp(&got.u, &id.u, 16));
}

/* All keys of the annotations are symbols (C), `status` an int, `version` a long, and there is no `resource` (Java). */
static void check_answer_to(pn_link_t *l, pn_msgid_t id, int status, int64_t version, const char *body)
{
    CHECK(take(&c, l));
    pn_data_t *a = pn_message_annotations(c.message), *b = pn_message_body(c.message);
    pn_atom_t is = value_of(a, "status");

    check_id(id);
    if (is.type != PN_INT || is.u.as_int != status)
        fail_msg("status %d, not %d: %s", is.u.as_int, status, heard_body(&c));
    is = value_of(a, "version");
    CHECK(version < 0 ? is.type == PN_NULL : is.type == PN_LONG && is.u.as_long == version);
    CHECK(value_of(a, "resource").type == PN_NULL);
    pn_data_rewind(a);
    CHECK(pn_data_next(a) && pn_data_type(a) == PN_MAP && pn_data_enter(a));
    for (; pn_data_next(a); pn_data_next(a))
        CHECK(pn_data_type(a) == PN_SYMBOL);
    pn_data_rewind(b);
    if (!body)
        CHECK(!pn_data_next(b));
    else
        assert_string_equal(heard_body(&c), body);
}

static void check_answer(pn_link_t *l, int status, int64_t version, const char *body)
{
    check_answer_to(l, AN_ID, status, version, body);
}

static void check_failure(pn_link_t *l, int status, const char *code)
{
    char begins[64];

    CHECK(take(&c, l));
    pn_atom_t is = value_of(pn_message_annotations(c.message), "status");

    check_id(AN_ID);
    snprintf(begins, sizeof begins, "{\"errorCode\":%s,\"trackingId\":\"", code);
    CHECK(is.type == PN_INT && is.u.as_int == status && strstr(heard_body(&c), begins) == heard_body(&c));
    CHECK(strstr(heard_body(&c), "\"message\":") && strstr(heard_body(&c), "\"timestampUtc\":"));
}

/* A notification: no correlation id, no annotations, one section of data. */
static void check_hears_desired(pn_link_t *l, const char *body)
{
    CHECK(take(&c, l));
    CHECK(pn_message_get_correlation_id(c.message).type == PN_NULL);
    CHECK(!pn_data_size(pn_message_annotations(c.message)));
    assert_string_equal(heard_body(&c), body);
}

static void desired(const char *json)
{
    const struct twin_change change = {.part = {[TWIN_DESIRED] = bytes_str(json)}};
    struct twin_fault fault;
    uint64_t at;

    CHECK_OK(hub_twin_change(w.hub, BYTES("garage"), &change, T0, &fault, &at));
    client_run(&c);
}

struct pair {
    pn_link_t *out, *in;
};

static struct pair attach_pair(const char *id)
{
    struct pair p = {attach_channel("t-out", true, TWIN, id), attach_channel("t-in", false, TWIN, id)};

    return p;
}

static void close_link(pn_link_t *l)
{
    pn_link_close(l);
    client_run(&c);
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

TEST(a_fresh_twin_is_read)
{
    struct pair p = attach_pair("twin:1");

    ask(p.out, "GET", NULL, " ");
    check_answer(p.in, 200, -1, FRESH);
    ask(p.out, "GET", NULL, NULL);
    check_answer(p.in, 200, -1, FRESH);
    ask(p.out, "get", NULL, "");
    check_answer(p.in, 200, -1, FRESH);
}

TEST(the_correlation_id_keeps_its_type)
{
    pn_msgid_t uuid = {.type = PN_UUID, .u.as_uuid = {"0123456789abcde"}}; /* Java */
    struct pair p = attach_pair("twin:1");

    check_accepted(send_message(&c, p.out, new_request("GET", NULL, NULL, uuid)));
    check_answer_to(p.in, uuid, 200, -1, FRESH);
}

TEST(annotations_may_be_under_texts)
{
    struct pair p = attach_pair("twin:1");
    pn_message_t *m = new_message(" ");
    pn_data_t *a = pn_message_annotations(m);

    pn_data_put_map(a);
    pn_data_enter(a);
    put_annotation(a, "operation", "GET", true);
    pn_data_exit(a);
    pn_message_set_correlation_id(m, AN_ID);
    check_accepted(send_message(&c, p.out, m));
    check_answer(p.in, 200, -1, FRESH);
}

TEST(a_report_is_answered_with_its_version)
{
    struct pair p = attach_pair("twin:1");

    ask(p.out, "PATCH", REPORTED, "{\"a\":{\"b\":[1,\"x\",{\"c\":null}]}}");
    check_failure(p.in, 400, "400004");
    ask(p.out, "PATCH", REPORTED, "{\"a\":{\"b\":[1,\"x\",{\"c\":2}]}}");
    check_answer(p.in, 204, 2, NULL);
    ask(p.out, "PATCH", REPORTED, "{\"a\":null}");
    check_answer(p.in, 204, 3, NULL);
    ask(p.out, "GET", NULL, NULL);
    check_answer(p.in, 200, -1, "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":3}}");
}

TEST(a_version_that_a_report_names_is_passed_over)
{
    struct pair p = attach_pair("twin:1");

    for (int i = 2; i < 4; i++) {
        pn_message_t *m = new_message("{\"a\":1}");
        pn_data_t *a = pn_message_annotations(m);

        pn_data_put_map(a);
        pn_data_enter(a);
        put_annotation(a, "operation", "PATCH", false);
        put_annotation(a, "resource", REPORTED, false);
        pn_data_put_symbol(a, pn_bytes(strlen("version"), "version"));
        pn_data_put_int(a, 77);
        pn_data_exit(a);
        pn_message_set_correlation_id(m, AN_ID);
        check_accepted(send_message(&c, p.out, m));
        check_answer(p.in, 204, i, NULL);
    }
}

TEST(bad_requests_are_accepted_and_answered_and_the_links_stay)
{
    struct pair p = attach_pair("twin:1");
    static const char *const bodies[] = {
        "", "[]", "{\"a\":", "{\"$a\":1}", "{\"n\":5283920058631410000}", "{\"a\":\"\xff\"}"};

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        ask(p.out, "PATCH", REPORTED, bodies[i]);
        check_failure(p.in, 400, "400004");
    }
    ask(p.out, "POST", REPORTED, "{}");
    check_failure(p.in, 400, "400003");
    ask(p.out, "PATCH", DESIRED, "{}");
    check_failure(p.in, 400, "400003");
    ask(p.out, "PATCH", NULL, "{}");
    check_failure(p.in, 400, "400003");
    ask(p.out, "PUT", REPORTED, " ");
    check_failure(p.in, 400, "400003");
    ask(p.out, NULL, NULL, NULL);
    check_failure(p.in, 400, "400003");
    CHECK(link_is_open(p.out) && link_is_open(p.in) && pn_link_credit(p.out) > 50);
    ask(p.out, "GET", NULL, NULL);
    check_answer(p.in, 200, -1, FRESH);
}

TEST(what_is_no_request_is_accepted_and_not_answered)
{
    struct pair p = {attach_channel("t-out", true, TWIN, NULL), attach_channel("t-in", false, TWIN, NULL)};

    check_accepted(send_message(&c, p.out, new_request("GET", NULL, NULL, (pn_msgid_t){.type = PN_NULL})));
    check_accepted(send_bytes(&c, p.out, BYTES("\x00\x53")));
    CHECK(!take(&c, p.in) && link_is_open(p.out) && link_is_open(p.in));
}

TEST(a_section_that_would_be_too_large_is_403)
{
    struct pair p = attach_pair("twin:1");
    struct buf b = buf_max(1 << 16);

    buf_puts(&b, "{");
    for (int i = 0; i < 9; i++) {
        buf_printf(&b, "%s\"k%d\":\"", i ? "," : "", i);
        memset(buf_grow(&b, 3700), 'x', 3700);
        buf_puts(&b, "\"");
    }
    buf_puts(&b, "}");
    ask(p.out, "PATCH", REPORTED, buf_str(&b));
    check_failure(p.in, 403, "403100");
    buf_free(&b);
}

/* ---- pairs ----------------------------------------------------------------------------------------------------- */

TEST(the_sender_is_there_before_the_receiver)
{
    pn_link_t *out = attach_channel("t-out", true, TWIN, "twin:1"), *in;

    CHECK(pn_link_credit(out) == 100);
    ask(out, "GET", NULL, NULL); /* nowhere to answer yet */
    in = attach_channel("t-in", false, TWIN, "twin:1");
    CHECK(!take(&c, in));
    ask(out, "GET", NULL, NULL);
    check_answer(in, 200, -1, FRESH);
}

TEST(an_answer_goes_to_the_link_of_the_same_channel)
{
    CHECK(client_prove(&c, "phone") == 200);
    pn_link_t *in = attach_channel("t-in", false, "/devices/garage/twin", "twin:1");
    pn_link_t *other = attach_channel("t-in-2", false, "/devices/garage/twin", "twin:2");
    pn_link_t *foreign = attach_channel("t-in-3", false, "/devices/phone/twin", "twin:1");
    pn_link_t *out = attach_channel("t-out", true, "/devices/garage/twin", "twin:1");

    ask(out, "GET", NULL, NULL);
    check_answer(in, 200, -1, FRESH);
    CHECK(!take(&c, other) && !take(&c, foreign));
    /* Half of the pair is attached again, under another id. */
    close_link(in);
    ask(out, "GET", NULL, NULL);
    check_answer(other, 200, -1, FRESH);
    CHECK(!take(&c, foreign));
}

TEST(an_answer_waits_for_credit)
{
    pn_link_t *out = attach_channel("t-out", true, TWIN, "twin:1"), *in = pn_receiver(c.session, "t-in");

    pn_terminus_set_address(pn_link_source(in), TWIN);
    pn_link_open(in);
    client_run(&c);
    ask(out, "GET", NULL, NULL);
    CHECK(!take(&c, in));
    pn_link_flow(in, 1);
    client_run(&c);
    check_answer(in, 200, -1, FRESH);
}

/* ---- desired properties ---------------------------------------------------------------------------------------- */

TEST(desired_properties_come_after_put)
{
    struct pair p = attach_pair("twin:1");

    desired("{\"a\":1}");
    CHECK(!take(&c, p.in));
    ask(p.out, "PUT", DESIRED, NULL);
    check_answer(p.in, 200, -1, NULL);
    CHECK(!take(&c, p.in)); /* what was before is in the twin */
    desired("{\"a\":2}");
    check_hears_desired(p.in, "{\"a\":2,\"$version\":3}");
    desired("{\"a\":2}");
    check_hears_desired(p.in, "{\"a\":2,\"$version\":4}");
}

TEST(put_many_times_is_one_notification)
{
    struct pair p = attach_pair("twin:1");

    for (int i = 0; i < 3; i++) {
        ask(p.out, "PUT", DESIRED, i ? " " : NULL);
        check_answer(p.in, 200, -1, NULL);
    }
    desired("{\"a\":1}");
    check_hears_desired(p.in, "{\"a\":1,\"$version\":2}");
    CHECK(!take(&c, p.in));
}

TEST(delete_ends_it)
{
    struct pair p = attach_pair("twin:1");

    ask(p.out, "PUT", DESIRED, NULL);
    check_answer(p.in, 200, -1, NULL);
    ask(p.out, "DELETE", DESIRED, NULL);
    check_answer(p.in, 200, -1, NULL);
    desired("{\"a\":1}");
    CHECK(!take(&c, p.in));
}

TEST(detaching_ends_it_and_the_device_stays)
{
    struct pair p = attach_pair("twin:1");
    pn_link_t *events = open_sender(&c, "garage");

    ask(p.out, "PUT", DESIRED, NULL);
    check_answer(p.in, 200, -1, NULL);
    close_link(p.in);
    close_link(p.out);
    desired("{\"a\":1}");
    CHECK(link_is_open(events));
    p = (struct pair){attach_channel("t-out-2", true, TWIN, "twin:2"), attach_channel("t-in-2", false, TWIN, "twin:2")};
    desired("{\"a\":2}");
    CHECK(!take(&c, p.in));
    ask(p.out, "PUT", DESIRED, NULL);
    check_answer(p.in, 200, -1, NULL);
    desired("{\"a\":3}");
    check_hears_desired(p.in, "{\"a\":3,\"$version\":4}");
}

TEST(old_clients_hear_from_the_attach_on)
{
    static const char *const versions[] = {"2018-06-30", "2016-11-14", NULL};

    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        char name[16];

        snprintf(name, sizeof name, "t-in-%zu", i);
        pn_link_t *in = attach_channel_as(name, false, TWIN, "twin:1", versions[i], NULL);
        desired("{\"a\":1}");
        CHECK(take(&c, in));
        close_link(in);
    }
    pn_link_t *in = attach_channel_as("t-in", false, TWIN, "twin:1", "2019-10-01", NULL);
    desired("{\"a\":1}");
    CHECK(!take(&c, in));
}

TEST(changes_come_before_the_twin_that_has_them)
{
    struct pair p = attach_pair("twin:1");
    const struct twin_change change = {.part = {[TWIN_DESIRED] = BYTES("{\"a\":1}")}};
    struct twin_fault fault;
    uint64_t at;

    ask(p.out, "PUT", DESIRED, NULL);
    check_answer(p.in, 200, -1, NULL);
    CHECK_OK(hub_twin_change(w.hub, BYTES("garage"), &change, T0, &fault, &at));
    ask(p.out, "GET", NULL, NULL);
    check_hears_desired(p.in, "{\"a\":1,\"$version\":2}");
    check_answer(p.in, 200, -1, "{\"desired\":{\"a\":1,\"$version\":2},\"reported\":{\"$version\":1}}");
}

TEST(changes_wait_for_credit_and_keep_their_order)
{
    struct pair p = {attach_channel("t-out", true, TWIN, "twin:1"), pn_receiver(c.session, "t-in")};
    char body[48];

    pn_terminus_set_address(pn_link_source(p.in), TWIN);
    pn_link_open(p.in);
    client_run(&c);
    for (int i = 1; i < 6; i++) {
        snprintf(body, sizeof body, "{\"a\":%d}", i);
        desired(body);
    }
    CHECK(!take(&c, p.in));
    for (int i = 1; i < 6; i++) {
        pn_link_flow(p.in, 1);
        client_run(&c);
        snprintf(body, sizeof body, "{\"a\":%d,\"$version\":%d}", i, i + 1);
        check_hears_desired(p.in, body);
        CHECK(!take(&c, p.in));
    }
}

/* ---- the model ------------------------------------------------------------------------------------------------- */

TEST(the_model_of_any_sender_is_in_the_twin)
{
    static const char *const addresses[] = {TWIN, "/devices/garage/methods/devicebound",
                                            "/devices/garage/messages/events"};
    struct buf json = buf_max(TWIN_JSON_MAX);
    struct twin_head head;
    char name[16], model[40];

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        snprintf(name, sizeof name, "m-%zu", i);
        snprintf(model, sizeof model, "dtmi:com:door;%zu", i + 1);
        attach_channel_as(name, true, addresses[i], "x:1", "2020-09-30", model);
        buf_clear(&json);
        CHECK_OK(hub_twin_read(w.hub, BYTES("garage"), TWIN_FOR_DEVICE, &json, &head, NULL));
        assert_string_equal(head.model, model);
    }
    buf_free(&json);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(a_fresh_twin_is_read), CASE(the_correlation_id_keeps_its_type), CASE(annotations_may_be_under_texts),
      CASE(a_report_is_answered_with_its_version), CASE(a_version_that_a_report_names_is_passed_over),
      CASE(bad_requests_are_accepted_and_answered_and_the_links_stay),
      CASE(what_is_no_request_is_accepted_and_not_answered), CASE(a_section_that_would_be_too_large_is_403),
      CASE(the_sender_is_there_before_the_receiver), CASE(an_answer_goes_to_the_link_of_the_same_channel),
      CASE(an_answer_waits_for_credit), CASE(desired_properties_come_after_put),
      CASE(put_many_times_is_one_notification), CASE(delete_ends_it), CASE(detaching_ends_it_and_the_device_stays),
      CASE(old_clients_hear_from_the_attach_on), CASE(changes_come_before_the_twin_that_has_them),
      CASE(changes_wait_for_credit_and_keep_their_order), CASE(the_model_of_any_sender_is_in_the_twin))
