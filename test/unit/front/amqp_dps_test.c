/* Devices that register over AMQP: login, links, questions and answers, refusals. */
#include "amqp_case.h"

#define ADDRESS_FORMAT "%s%s/registrations/%s"

static int start(void **state)
{
    struct doc d;
    uint64_t at;
    const char *enrollment =
        "{\"registrationId\":\"reg-1\",\"provisioningStatus\":\"enabled\",\"attestation\":{\"type\":\"symmetricKey\","
        "\"symmetricKey\":{\"primaryKey\":\"cHJpbWFyeXByaW1hcnlwcmltYXJ5cHJpbWFyeQ==\"}}}";

    client_start(state);
    CHECK_OK(hub_doc_put(w.hub, DOC_ENROLLMENT, BYTES("reg-1"), bytes_str(enrollment),
                         (struct match){.how = MATCH_NONE}, T0, &d, &at));
    return 0;
}

static const char *address(const char *before, const char *id)
{
    static char text[256];

    snprintf(text, sizeof text, ADDRESS_FORMAT, before, hub_birth(w.hub)->scope, id);
    return text;
}

static void login(const char *id, const char *key)
{
    struct buf token = buf_max(SAS_LEN_MAX);
    char user[256], resource[256];

    snprintf(user, sizeof user, "%s", address("", id));
    snprintf(resource, sizeof resource, "%s", address("", "reg-1"));
    CHECK_OK(sas_make(bytes_str(resource), BYTES("registration"), T0 / 1000 + 60, bytes_str(key), &token));
    client_open(&c, SASL, user, buf_str(&token));
    buf_free(&token);
}

static bool connected(void)
{
    return pn_connection_state(c.conn) & PN_REMOTE_ACTIVE;
}

static pn_delivery_t *ask(pn_link_t *to, const char *type, const char *operation)
{
    pn_message_t *m = new_message("");
    pn_data_t *p = pn_message_properties(m);

    pn_message_set_correlation_id(m, (pn_msgid_t){.type = PN_STRING, .u.as_bytes = {3, "c-1"}});
    pn_data_put_map(p);
    pn_data_enter(p);
    put_property(p, "iotdps-operation-type", type);
    if (operation)
        put_property(p, "iotdps-operation-id", operation);
    return send_message(&c, to, m);
}

TEST(a_device_registers_and_asks_for_the_result)
{
    char operation[64];
    struct device d;

    login("reg-1", "primaryprimaryprimaryprimary");
    CHECK(connected());
    pn_link_t *in = receive_from(&c, address("amqps://hub.test/", "reg-1"), NULL, 10);
    pn_link_t *out = attach_to(&c, c.session, "out", true, address("/", "Reg-1"));
    CHECK(link_is_open(in) && link_is_open(out) && pn_link_credit(out) > 0);
    uint64_t before = c.join.hub.talk->after;
    check_accepted(ask(out, "iotdps-register", NULL));
    CHECK(c.join.hub.talk->after > before && hear(&c, in));
    struct bytes rest = bytes_skip(bytes_str(heard_body(&c)), strlen("{\"operationId\":\""));
    CHECK(bytes_to_str(bytes_cut(&rest, '"'), operation, sizeof operation));
    pn_atom_t retry = value_of(pn_message_properties(c.message), "retry-after");
    CHECK(retry.type == PN_INT && retry.u.as_int == 2);
    CHECK(value_of(pn_message_properties(c.message), "Retry-After").type == PN_INT);
    pn_msgid_t id = pn_message_get_correlation_id(c.message);
    CHECK(id.type == PN_STRING && id.u.as_bytes.size == 3);
    check_accepted(ask(out, "iotdps-get-operationstatus", operation));
    CHECK(hear(&c, in) && strstr(heard_body(&c), "\"assignedHub\":\"hub.test\""));
    CHECK_OK(hub_device_get(w.hub, BYTES("reg-1"), &d));
    check_rejected(ask(out, "iotdps-get-operationstatus", "5.other"), "amqp:not-found", "404201");
    check_rejected(ask(out, "iotdps-dance", NULL), "com.microsoft:argument-error", "400000");
}

TEST(who_does_not_belong_here_is_refused)
{
    login("reg-1", "wrong key wrong key wrong key");
    CHECK(!connected() && pn_sasl_outcome(pn_sasl(c.proton.driver.transport)) == PN_SASL_AUTH);
    client_close(&c);
    memset(&c, 0, sizeof c);
    login("reg-2", "primaryprimaryprimaryprimary");
    CHECK(!connected());
    client_close(&c);
    memset(&c, 0, sizeof c);
    login("reg-1", "primaryprimaryprimaryprimary");
    check_refused(receive_from(&c, address("", "reg-2"), NULL, 10), "amqp:unauthorized-access", "401002");
    /* It is no device of the hub yet, and no service. */
    check_refused(open_sender(&c, "reg-1"), "amqp:unauthorized-access", NULL);
    check_refused(receive_from(&c, PARTITION_0, NULL, 1), "amqp:unauthorized-access", NULL);
}

TEST(without_a_login_nobody_registers)
{
    client_open(&c, NO_SASL, NULL, NULL);
    check_refused(receive_from(&c, address("", "reg-1"), NULL, 10), "amqp:unauthorized-access", "401002");
    check_refused(attach_to(&c, c.session, "out", true, address("", "reg-1")), "amqp:unauthorized-access", "401002");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(a_device_registers_and_asks_for_the_result), CASE(who_does_not_belong_here_is_refused),
      CASE(without_a_login_nobody_registers))
