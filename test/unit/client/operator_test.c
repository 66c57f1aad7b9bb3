#include "amqp_hub.h"
#include "operator_talk.h"
#include "outgoing.h"

#include <stdlib.h>

/* An operator's conversation with a hub that is this test. */
struct operating {
    struct operator_talk talk;
    struct device_queue queue;
    char told[1024]; /* what became of messages, "body:error[why] " */
    char reports[512];
    unsigned opened;
    bool takes; /* feedback */
    enum d2d_err why;
    char detail[400];
};

static struct operating o;

static void on_opened(void *ctx)
{
    ((struct operating *)ctx)->opened++;
}

static void on_done(void *ctx, struct queued *q, enum d2d_err e, const char *why)
{
    struct operating *op = ctx;
    size_t used = strlen(op->told);

    snprintf(op->told + used, sizeof op->told - used, "%s:%d%s%s ", (const char *)q->bytes, (int)e, *why ? "=" : "",
             why);
    free(q);
}

static bool on_feedback(void *ctx, const struct d2d_feedback *batch, size_t n)
{
    struct operating *op = ctx;

    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(op->reports);

        snprintf(op->reports + used, sizeof op->reports - used, "%s of %s: %s %d; ", batch[i].message_id,
                 batch[i].device, batch[i].status, (int)batch[i].result);
    }
    return op->takes;
}

static void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    struct operating *op = ctx;

    op->why = why;
    snprintf(op->detail, sizeof op->detail, "%s", detail);
}

static enum err put_token(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_puts(out, "SharedAccessSignature");
    return buf_check(out);
}

static void operating_open(size_t window)
{
    memset(&o, 0, sizeof o);
    o.takes = true;
    queue_init(&o.queue, 100, 1 << 20);
    o.talk =
        (struct operator_talk){.amqp = {.host = "hub.test", .timeout_ms = 30000, .seed = 1},
                               .cbs = {.audience = "hub.test", .token = put_token, .ttl_ms = 3600000, .renews = true},
                               .sender = {.queue = &o.queue, .window = window, .done = on_done, .ctx = &o},
                               .opened = on_opened,
                               .feedback = on_feedback,
                               .ended = on_ended,
                               .ctx = &o};
    operator_talk_init(&o.talk);
    hub_open(&o.talk.amqp.talk);
}

static void operating_close(void)
{
    struct queued *q;

    hub_free();
    while ((q = queue_take(&o.queue)))
        free(q);
    operator_talk_close(&o.talk);
}

static void send(const char *name, const struct d2d_message *m)
{
    struct buf body = buf_max(AMQP_MESSAGE_MAX);
    struct bytes head = bytes_str(name);
    struct queued *q;

    head.len++;
    CHECK_OK(outgoing_amqp("/devices/door/messages/devicebound", m, T0, &body));
    CHECK_OK(queue_put(&o.queue, head, buf_bytes(&body), 1, &q));
    buf_free(&body);
    if (hub.has_driver && !hub.talk->over) {
        hub.talk->ops->wake(hub.talk, hub.now_ms);
        hub_run();
    }
}

static void send_text(const char *text)
{
    send(text, &(struct d2d_message){.body = text, .body_len = strlen(text)});
}

TEST(a_message_waits_for_the_token_and_the_links_and_then_goes)
{
    operating_open(10);
    send_text("open");
    hub_connect();
    CHECK(hub.sasl && hub.tokens == 1 && o.opened == 1);
    assert_string_equal(hub.heard, "/devices/door/messages/devicebound::open ");
    assert_string_equal(o.told, "open:0 ");
    CHECK(o.queue.n == 0 && o.queue.on_way == 0);
    operating_close();
}

TEST(what_is_asked_for_is_said)
{
    const struct d2d_property properties[] = {{"colour", "red"}};
    struct d2d_message m = {.body = "x",
                            .body_len = 1,
                            .message_id = "m1",
                            .properties = properties,
                            .n_properties = 1,
                            .ack = D2D_ACK_FULL};

    operating_open(10);
    hub_connect();
    send("m1", &m);
    m.ack = D2D_ACK_NEGATIVE;
    send("m2", &m);
    assert_string_equal(hub.heard, "/devices/door/messages/devicebound:f:x /devices/door/messages/devicebound:n:x ");
    operating_close();
}

TEST(each_refusal_has_its_error)
{
    static const struct {
        const char *condition;
        enum d2d_err e;
    } all[] = {{"amqp:not-found", D2D_NOT_FOUND},
               {"amqp:resource-limit-exceeded", D2D_OVER_QUOTA},
               {"amqp:link:message-size-exceeded", D2D_ARGUMENT},
               {"com.microsoft:argument-out-of-range", D2D_ARGUMENT},
               {"amqp:unauthorized-access", D2D_NOT_AUTHORISED},
               {"example:other", D2D_FAILED}};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char wanted[80];

        operating_open(10);
        hub.outcome = PN_REJECTED;
        hub.condition = all[i].condition;
        hub_connect();
        send_text("open");
        snprintf(wanted, sizeof wanted, "open:%d=the hub's reason ", (int)all[i].e);
        assert_string_equal(o.told, wanted);
        CHECK(!hub.talk->over); /* the others go on */
        operating_close();
    }
}

TEST(the_window_bounds_what_is_on_its_way)
{
    operating_open(2);
    hub.outcome = 0;
    hub_connect();
    send_text("a");
    send_text("b");
    send_text("c");
    CHECK(o.queue.n == 3 && o.queue.on_way == 2);
    hub.outcome = PN_ACCEPTED;
    hub_decide(hub.last);
    hub_run();
    assert_string_equal(o.told, "b:0 c:0 ");
    operating_close();
}

TEST(what_was_not_answered_is_said_again_after_a_cut)
{
    operating_open(10);
    hub.outcome = 0;
    hub_connect();
    send_text("a");
    hub_cut();
    CHECK(o.why == D2D_CLOSED && o.queue.n == 1);
    queue_rewind(&o.queue);
    hub.outcome = PN_ACCEPTED;
    hub_connect();
    assert_string_equal(o.told, "a:0 ");
    CHECK(o.opened == 2);
    operating_close();
}

TEST(feedback_is_read_and_settled)
{
    operating_open(10);
    hub_connect();
    hub_give(NULL, "[{\"originalMessageId\":\"m1\",\"deviceId\":\"door\",\"statusCode\":\"Success\"},"
                   "{\"originalMessageId\":\"m2\",\"deviceId\":\"lamp\",\"statusCode\":\"Expired\"},"
                   "{\"originalMessageId\":\"m3\",\"deviceId\":\"lamp\",\"statusCode\":\"Rejected\"}]");
    hub_run();
    assert_string_equal(o.reports, "m1 of door: Success 0; m2 of lamp: Expired 8; m3 of lamp: Rejected 7; ");
    assert_string_equal(hub.settled, "a");
    operating_close();
}

TEST(feedback_that_is_left_to_others_is_not_settled)
{
    operating_open(10);
    o.takes = false;
    hub_connect();
    hub_give(NULL, "[{\"originalMessageId\":\"m1\"}]");
    hub_run();
    assert_string_equal(o.reports, "m1 of :  7; ");
    assert_string_equal(hub.settled, "");
    operating_close();
}

TEST(feedback_that_is_none_is_done_with)
{
    static const char *const bad[] = {"", "{}", "nonsense", "[1", "\"x\""};

    operating_open(10);
    hub_connect();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        hub_give(NULL, bad[i]);
    hub_run();
    assert_string_equal(o.reports, "");
    assert_string_equal(hub.settled, "aaaaa");
    operating_close();
}

TEST(a_token_that_is_not_accepted_ends_it)
{
    operating_open(10);
    hub.token_status = 401;
    hub_connect();
    CHECK(hub.talk->over);
    operating_close();
    CHECK(o.why == D2D_NOT_AUTHORISED && !o.opened);
}

TEST(a_link_that_is_refused_says_why)
{
    operating_open(10);
    hub.refused = "/messages/devicebound";
    hub_connect();
    CHECK(hub.talk->over);
    operating_close();
    CHECK(o.why == D2D_NOT_AUTHORISED && !o.opened);
}

TEST(a_token_is_put_again_in_time_on_the_same_connection)
{
    operating_open(10);
    o.talk.cbs.ttl_ms = 100000;
    hub_connect();
    hub.now_ms = T0 + 80000 - 1;
    hub_run();
    CHECK(hub.tokens == 1);
    hub.now_ms++;
    hub_run();
    CHECK(hub.tokens == 2 && !hub.talk->over && o.opened == 1);
    send_text("open");
    assert_string_equal(o.told, "open:0 ");
    operating_close();
}

TEST(a_hub_that_does_not_answer_to_a_token_is_given_up)
{
    operating_open(10);
    hub.token_status = 0;
    hub_connect();
    hub.now_ms = T0 + 30000;
    hub.talk->ops->tick(hub.talk, hub.now_ms);
    CHECK(hub.talk->over);
    operating_close();
    CHECK(o.why == D2D_TIMED_OUT);
}

TESTS(RUN(a_message_waits_for_the_token_and_the_links_and_then_goes), RUN(what_is_asked_for_is_said),
      RUN(each_refusal_has_its_error), RUN(the_window_bounds_what_is_on_its_way),
      RUN(what_was_not_answered_is_said_again_after_a_cut), RUN(feedback_is_read_and_settled),
      RUN(feedback_that_is_left_to_others_is_not_settled), RUN(feedback_that_is_none_is_done_with),
      RUN(a_token_that_is_not_accepted_ends_it), RUN(a_link_that_is_refused_says_why),
      RUN(a_token_is_put_again_in_time_on_the_same_connection), RUN(a_hub_that_does_not_answer_to_a_token_is_given_up))
