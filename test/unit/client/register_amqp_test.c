#include "amqp_hub.h"
#include "register_amqp.h"
#undef T0
#include "register_world.h"

static struct register_amqp m;
static unsigned ends;

static void on_ended(void *ctx)
{
    (void)ctx;
    ends++;
}

static void start(bool bare)
{
    registering_open(NULL, bare ? "" : "token");
    ends = 0;
    m = (struct register_amqp){.registering = &r,
                               .ended = on_ended,
                               .amqp = {.host = "dps.test", .bare = bare, .timeout_ms = 30000, .seed = 1}};
    register_amqp_init(&m);
    hub_open(&m.amqp.talk);
}

static void end(void)
{
    hub_cut();
    CHECK(ends == 1);
    hub_free();
    register_amqp_close(&m);
    registering_close();
}

static void answer(const char *body, int retry_s)
{
    pn_message_t *a = pn_message();
    pn_data_t *p = pn_message_properties(a);

    if (retry_s) {
        pn_data_put_map(p);
        pn_data_enter(p);
        pn_data_put_string(p, text_of("retry-after"));
        pn_data_put_int(p, retry_s);
        pn_data_exit(p);
    }
    pn_message_set_inferred(a, true);
    pn_data_put_binary(pn_message_body(a), text_of(body));
    hub_send_on(hub.gives, a, "0123456789abcdef");
    pn_message_free(a);
    hub_run();
}

TEST(a_registration)
{
    start(false);
    hub_connect();
    CHECK(hub.sasl && m.amqp.ready && m.asked);
    assert_string_equal(hub.heard, "{\"registrationId\":\"pump\"} ");
    answer(ASSIGNING, 3);
    CHECK(!m.asked && r.next_ms == T0 + 3000);
    assert_string_equal(hub.settled, "a");
    hub.now_ms = T0 + 2999;
    hub_run();
    CHECK(!m.asked);
    CHECK(hub.talk->ops->tick(hub.talk, T0 + 2999) == T0 + 3000);
    hub.now_ms = T0 + 3000;
    hub_run();
    CHECK(m.asked);
    assert_string_equal(hub.heard, "{\"registrationId\":\"pump\"} {\"registrationId\":\"pump\"} ");
    answer(ASSIGNED, 0);
    CHECK(r.done && r.result == D2D_OK && hub.talk->over);
    assert_string_equal(got.hub, "hub.test");
    end();
    CHECK(r.result == D2D_OK);
}

TEST(a_certificate_needs_no_sasl)
{
    start(true);
    hub_connect();
    CHECK(!hub.sasl && m.asked);
    answer(ASSIGNING, 0);
    CHECK(r.next_ms == T0 + 2000);
    end();
    CHECK(!r.done); /* the connection was lost in between: it is made anew */
}

static void check_rejected(const char *condition, const char *reason, enum d2d_err wanted, const char *error)
{
    start(false);
    hub.outcome = PN_REJECTED;
    hub.condition = condition;
    hub.reason = reason;
    hub_connect();
    CHECK(r.done && hub.talk->over && r.result == wanted);
    assert_string_equal(got.error, error);
    end();
}

TEST(a_refused_question_is_told)
{
    check_rejected("amqp:unauthorized-access", "{\"errorCode\":401002,\"message\":\"Unauthorized.\"} TrackingId:1",
                   D2D_NOT_AUTHORISED, "401002: Unauthorized.");
    check_rejected("amqp:not-found", NULL, D2D_NOT_FOUND, "amqp:not-found: the hub's reason");
    check_rejected("x:y", "{\"errorCode\":7}", D2D_FAILED, "x:y: {\"errorCode\":7}");
}

static void check_later(uint64_t outcome, const char *condition, const char *reason)
{
    start(false);
    hub.outcome = outcome;
    hub.condition = condition;
    hub.reason = reason;
    hub_connect();
    CHECK(!r.done && !hub.talk->over && !m.asked && r.next_ms == T0 + 2000);
    hub.outcome = PN_ACCEPTED;
    hub.now_ms = T0 + 2000;
    hub_run();
    CHECK(m.asked);
    end();
    CHECK(r.done && r.result == D2D_CLOSED);
}

TEST(what_passes_is_asked_again)
{
    check_later(PN_REJECTED, "com.microsoft:device-container-throttled", NULL);
    check_later(PN_REJECTED, "amqp:internal-error", NULL);
    check_later(PN_REJECTED, "x:y", "{\"errorCode\":503000}");
    check_later(PN_RELEASED, NULL, NULL);
}

TEST(a_refused_link_is_told)
{
    start(true);
    hub.refused = "0ne1/registrations/pump";
    hub_connect();
    CHECK(hub.talk->over && r.done && r.result == D2D_NOT_AUTHORISED);
    end();
}

TEST(silence_ends_it)
{
    start(false);
    hub_connect();
    hub.now_ms = T0 + 30000;
    hub_run();
    CHECK(hub.talk->over);
    end();
    CHECK(r.done && r.result == D2D_TIMED_OUT);
}

TESTS(RUN(a_registration), RUN(a_certificate_needs_no_sasl), RUN(a_refused_question_is_told),
      RUN(what_passes_is_asked_again), RUN(a_refused_link_is_told), RUN(silence_ends_it))
