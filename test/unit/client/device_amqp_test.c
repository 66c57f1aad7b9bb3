#include "amqp_hub.h"
#include "device_amqp.h"
#include "outgoing.h"

#include <stdlib.h>

/* A device's conversation over AMQP with a hub that is this test. */
struct device_world {
    struct device_side side;
    struct device_amqp talk;
    char told[512]; /* what became of messages */
    char given[512];
    uint64_t locks[16];
    size_t n_locks;
    unsigned opened, listening;
    enum d2d_err why;
};

static struct device_world w;

static void on_opened(void *ctx)
{
    ((struct device_world *)ctx)->opened++;
}

static void on_listening(void *ctx)
{
    ((struct device_world *)ctx)->listening++;
}

static void on_done(void *ctx, struct queued *q, enum d2d_err e)
{
    struct device_world *world = ctx;
    size_t used = strlen(world->told);

    snprintf(world->told + used, sizeof world->told - used, "%d ", (int)e);
    free(q);
}

static void on_c2d(void *ctx, const struct d2d_c2d *c)
{
    struct device_world *world = ctx;
    size_t used = strlen(world->given);

    snprintf(world->given + used, sizeof world->given - used, "%s:%.*s:%u:%d ", c->message_id, (int)c->body_len,
             (const char *)c->body, c->deliveries, c->enqueued_ms == T0);
    world->locks[world->n_locks++] = c->lock;
}

static void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    (void)detail;
    ((struct device_world *)ctx)->why = why;
}

static enum err put_token(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_puts(out, "SharedAccessSignature");
    return OK;
}

static void world_open(size_t receive)
{
    memset(&w, 0, sizeof w);
    w.side = (struct device_side){.id = "phone 1",
                                  .path = "devices/phone 1",
                                  .window = 4,
                                  .timeout_ms = 30000,
                                  .opened = on_opened,
                                  .listening = on_listening,
                                  .done = on_done,
                                  .c2d = on_c2d,
                                  .ended = on_ended,
                                  .ctx = &w};
    queue_init(&w.side.queue, 100, 1 << 20);
    twin_init(&w.side.twin, 30000);
    if (receive)
        CHECK_OK(inbox_open(&w.side.inbox, receive));
    w.talk = (struct device_amqp){.amqp = {.host = "hub.test", .seed = 1},
                                  .cbs = {.audience = "hub.test/devices/phone", .token = put_token, .ttl_ms = 3600000}};
    device_amqp_init(&w.talk, &w.side);
    hub_open(&w.talk.amqp.talk);
}

static void world_close(void)
{
    struct queued *q;

    hub_free();
    while ((q = queue_take(&w.side.queue)))
        free(q);
    inbox_close(&w.side.inbox);
    device_amqp_close(&w.talk);
}

static void send(const char *text, uint8_t qos)
{
    struct d2d_message m = {.body = text, .body_len = strlen(text), .ack = D2D_ACK_FULL};
    struct buf body = buf_max(AMQP_MESSAGE_MAX);
    struct queued *q;

    CHECK_OK(outgoing_amqp(NULL, &m, 0, &body));
    CHECK_OK(queue_put(&w.side.queue, NO_BYTES, buf_bytes(&body), qos, &q));
    buf_free(&body);
    hub.talk->ops->wake(hub.talk, T0);
    hub_run();
}

/* Settles and lets the hub hear of it. */
static void settle(size_t nth, enum settlement how)
{
    CHECK_OK(device_amqp_settle(&w.talk, w.locks[nth], how));
    hub.talk->ops->wake(hub.talk, T0);
    hub_run();
}

TEST(messages_of_both_qualities_go_out)
{
    world_open(0);
    hub_connect();
    CHECK(hub.sasl && hub.tokens == 1 && w.opened == 1 && !w.listening);
    send("a", 1);
    send("b", 0);
    assert_string_equal(hub.heard, "a b ");
    assert_string_equal(w.told, "0 0 ");
    CHECK(w.side.queue.n == 0);
    world_close();
}

TEST(a_certificate_needs_neither_sasl_nor_token)
{
    world_open(4);
    w.talk.amqp.bare = true;
    hub_connect();
    CHECK(!hub.sasl && hub.tokens == 0 && w.opened == 1 && w.listening == 1);
    send("a", 1);
    assert_string_equal(w.told, "0 ");
    world_close();
}

TEST(what_comes_is_settled_as_the_application_says)
{
    world_open(4);
    hub_connect();
    hub_give("m1", "one");
    hub_give("m2", "two");
    hub_give("m3", "three");
    hub_run();
    assert_string_equal(w.given, "m1:one:2:1 m2:two:2:1 m3:three:2:1 ");
    assert_string_equal(hub.settled, "");
    settle(1, SETTLE_REJECT);
    settle(2, SETTLE_ABANDON);
    settle(0, SETTLE_COMPLETE);
    assert_string_equal(hub.settled, "rla");
    CHECK_ERR(device_amqp_settle(&w.talk, w.locks[0], SETTLE_COMPLETE), ERR_LOCK_LOST);
    world_close();
}

TEST(no_more_is_asked_for_than_there_is_room)
{
    world_open(2);
    hub_connect();
    CHECK(pn_link_credit(hub.gives) == 2);
    hub_give("m1", "one");
    hub_give("m2", "two");
    hub_run();
    CHECK(pn_link_credit(hub.gives) == 0);
    settle(0, SETTLE_COMPLETE);
    CHECK(pn_link_credit(hub.gives) == 1);
    settle(1, SETTLE_COMPLETE);
    CHECK(pn_link_credit(hub.gives) == 2);
    world_close();
}

TEST(a_message_can_be_complete_by_itself)
{
    world_open(2);
    w.side.auto_complete = true;
    hub_connect();
    for (int i = 0; i < 2; i++)
        hub_give("m", "x");
    hub_run();
    hub_give("m", "x");
    hub_run();
    assert_string_equal(hub.settled, "aaa");
    CHECK(w.side.inbox.n == 0);
    world_close();
}

TEST(a_lock_ends_with_its_connection)
{
    world_open(2);
    hub_connect();
    hub_give("m1", "one");
    hub_run();
    hub_cut();
    CHECK_ERR(device_amqp_settle(&w.talk, w.locks[0], SETTLE_COMPLETE), ERR_LOCK_LOST);
    hub_connect();
    CHECK(pn_link_credit(hub.gives) == 2);
    world_close();
}

TEST(a_hub_that_closes_the_mailbox_ends_the_connection)
{
    world_open(2);
    hub_connect();
    pn_condition_set_name(pn_link_condition(hub.gives), "amqp:link:stolen");
    pn_link_close(hub.gives);
    hub_run();
    CHECK(hub.talk->over);
    world_close();
    CHECK(w.why == D2D_TAKEN_OVER);
}

TEST(a_goodbye_says_what_was_settled)
{
    world_open(2);
    hub_connect();
    hub_give("m1", "one");
    hub_run();
    CHECK_OK(device_amqp_settle(&w.talk, w.locks[0], SETTLE_COMPLETE));
    hub.talk->ops->bye(hub.talk);
    w.talk.amqp.gone = true;
    hub_turn();
    assert_string_equal(hub.settled, "a");
    world_close();
}

TESTS(RUN(messages_of_both_qualities_go_out), RUN(a_certificate_needs_neither_sasl_nor_token),
      RUN(what_comes_is_settled_as_the_application_says), RUN(no_more_is_asked_for_than_there_is_room),
      RUN(a_message_can_be_complete_by_itself), RUN(a_lock_ends_with_its_connection),
      RUN(a_hub_that_closes_the_mailbox_ends_the_connection), RUN(a_goodbye_says_what_was_settled))
