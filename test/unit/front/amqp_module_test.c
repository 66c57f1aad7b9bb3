/* Modules over AMQP: who they are, and the links that SDKs open. */
#include "amqp_case.h"

static int start(void **state)
{
    client_start(state);
    (void)device_keys("gate");
    (void)device_keys("gate/lock");
    return 0;
}

static const char *token_of_module(const char *resource)
{
    struct policy keys = device_keys("gate/lock");

    return token_for(&keys, resource, T0 + 3600000, false);
}

static pn_link_t *attach_link_of(const char *module, bool sender, const char *what)
{
    char address[128];

    snprintf(address, sizeof address, "/devices/gate/modules/%s/%s", module, what);
    pn_link_t *l = attach_to(&c, c.session, address, sender, address);
    if (!sender)
        pn_link_flow(l, 10);
    client_run(&c);
    return l;
}

static pn_link_t *attach_link(bool sender, const char *what)
{
    return attach_link_of("lock", sender, what);
}

static void check_all_links(void)
{
    static const struct {
        bool sender;
        const char *what;
    } links[] = {
        {true, "messages/events"},
        {false, "messages/events"},
        {false, "messages/deviceBound"},
        {true, "methods/devicebound"},
        {false, "methods/devicebound"},
        {true, "twin"},
        {false, "twin"},
    };

    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        pn_link_t *l = attach_link(links[i].sender, links[i].what);

        CHECK(link_is_open(l));
        if (!i)
            check_accepted(send_message(&c, l, new_message("ajar")));
        pn_link_close(l);
    }
    client_run(&c);
}

static void open_cbs(void)
{
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
}

/* device 3.3: whatever the name of the audience says, the token's own resource counts. */
TEST(each_audience_of_a_module_opens_all_its_links)
{
    static const char *const names[][2] = {
        {"hub.test%2Fdevices%2Fgate%2Fmodules%2Flock", "hub.test/devices/gate/modules/lock"}, /* Node */
        {"hub.test/devices/gate/modules/lock", "hub.test/devices/gate/modules/lock"},         /* C, .NET */
        {"hub.test/devices/gate", "hub.test/devices/gate/modules/lock"},                      /* Java */
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        open_cbs();
        CHECK(client_put_token(&c, names[i][0], token_of_module(names[i][1])) == 200);
        check_all_links();
        check_refused(attach_to(&c, c.session, "d", true, "/devices/gate/messages/events"), "amqp:unauthorized-access",
                      NULL);
        check_refused(attach_to(&c, c.session, "m", true, "/devices/gate/modules/other/messages/events"),
                      "amqp:unauthorized-access", NULL);
        client_close(&c);
        memset(&c, 0, sizeof c);
    }
    open_cbs();
}

/* device 1.3: the C SDK and .NET open a module by the key of its device. */
TEST(a_device_opens_all_links_of_its_module)
{
    open_cbs();
    CHECK(client_prove(&c, "gate") == 200);
    check_all_links();
}

TEST(no_device_is_another_by_the_token_of_a_module)
{
    open_cbs();
    CHECK(client_prove(&c, "other") == 200);
    check_refused(attach_link(true, "messages/events"), "amqp:unauthorized-access", NULL);
    CHECK(client_put_token(&c, "hub.test/devices/gate/modules/none",
                           token_of_module("hub.test/devices/gate/modules/none")) == 404);
}

static void change(const char *id, enum auth_type auth)
{
    struct device d = {.auth = auth}, made;
    uint64_t at;

    snprintf(d.id, sizeof d.id, "%s", id);
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, T0, &made, &at));
    client_run(&c);
}

static void make_bare(void)
{
    struct device bare = {.id = "gate/bare", .auth = AUTH_NONE}, made;
    uint64_t at;

    CHECK_OK(hub_device_put(w.hub, &bare, (struct match){.how = MATCH_NONE}, T0, &made, &at));
}

/* device 1.3: with either scope, and for as long as the key is the device's. */
TEST(a_module_without_a_certificate_comes_by_the_key_of_its_device)
{
    static const char *const names[][2] = {
        {"hub.test/devices/gate/modules/bare", "hub.test/devices/gate/modules/bare"},
        {"hub.test/devices/gate", "hub.test/devices/gate/modules/bare"},
        {"hub.test/devices/gate/modules/bare", "hub.test/devices/gate"},
        {"hub.test/devices/gate", "hub.test/devices/gate"},
    };

    make_bare();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct policy keys = device_keys("gate");

        open_cbs();
        CHECK(client_put_token(&c, names[i][0], token_for(&keys, names[i][1], T0 + 3600000, false)) == 200);
        pn_link_t *events = attach_link_of("bare", true, "messages/events");
        CHECK(link_is_open(events));
        check_accepted(send_message(&c, events, new_message("ajar")));
        change("gate", AUTH_SAS); /* with new keys */
        CHECK(pn_link_state(events) & PN_REMOTE_CLOSED);
        check_refused(attach_link_of("bare", true, "twin"), "amqp:unauthorized-access", NULL);
        client_close(&c);
        memset(&c, 0, sizeof c);
    }
    open_cbs();
}

TEST(a_module_that_gets_a_certificate_is_left_by_the_key_of_its_device)
{
    make_bare();
    client_open(&c, SASL, "gate/modules/bare@sas.hub", token_of("gate", T0 + 3600000));
    pn_link_t *events = attach_link_of("bare", true, "messages/events");
    CHECK(link_is_open(events));
    change("gate/bare", AUTH_CA);
    CHECK(pn_link_state(events) & PN_REMOTE_CLOSED);
    check_refused(attach_link_of("bare", true, "twin"), "amqp:unauthorized-access", NULL);
}

TEST(a_policy_may_be_any_module)
{
    struct policy p;

    open_cbs();
    CHECK_OK(hub_policy_get(w.hub, BYTES("device"), &p));
    CHECK(client_put_token(&c, "hub.test", token_for(&p, "hub.test", T0 + 3600000, false)) == 200);
    check_all_links();
}

/* device 3.2 */
TEST(a_module_comes_in_by_sasl_plain)
{
    client_open(&c, SASL, "gate/modules/lock@sas.hub", token_of_module("hub.test/devices/gate/modules/lock"));
    check_all_links();
}

TEST(another_path_before_the_at_is_no_module)
{
    client_open(&c, SASL, "gate/things/lock@sas.hub", token_of_module("hub.test/devices/gate/modules/lock"));
    CHECK(c.join.hub.talk->over);
}

TEST(a_device_that_is_disabled_ends_the_links_of_its_modules)
{
    struct device d = {.id = "gate", .disabled = true}, made;
    uint64_t at;

    open_cbs();
    CHECK(client_put_token(&c, "m", token_of_module("hub.test/devices/gate/modules/lock")) == 200);
    pn_link_t *l = attach_link(true, "messages/events");
    CHECK(link_is_open(l));
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, T0, &made, &at));
    client_run(&c);
    CHECK(pn_link_state(l) & PN_REMOTE_CLOSED);
    CHECK(client_put_token(&c, "m", token_of_module("hub.test/devices/gate/modules/lock")) == 401);
}

/* device 2.10 */
TEST(a_message_to_a_module_has_nowhere_to_go)
{
    client_open_as_service(&c);
    pn_link_t *l = attach_to(&c, c.session, "post", true, "/messages/devicebound");
    pn_message_t *m = new_message("x");

    pn_message_set_address(m, "/devices/gate/modules/lock/messages/devicebound");
    check_rejected(send_message(&c, l, m), "amqp:not-found", "404001");
    m = new_message("x");
    pn_message_set_address(m, "/devices/gate%2Flock/messages/devicebound");
    check_rejected(send_message(&c, l, m), "amqp:not-found", "404001");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, start, client_stop)

TESTS(WITH(each_audience_of_a_module_opens_all_its_links), WITH(a_device_opens_all_links_of_its_module),
      WITH(no_device_is_another_by_the_token_of_a_module),
      WITH(a_module_without_a_certificate_comes_by_the_key_of_its_device),
      WITH(a_module_that_gets_a_certificate_is_left_by_the_key_of_its_device), WITH(a_policy_may_be_any_module),
      WITH(a_module_comes_in_by_sasl_plain), WITH(another_path_before_the_at_is_no_module),
      WITH(a_device_that_is_disabled_ends_the_links_of_its_modules), WITH(a_message_to_a_module_has_nowhere_to_go))
