/* The conversations of libd2d joined to the real fronts on a real hub, by two buffers: MQTT, MQTT in a WebSocket, AMQP
 * and HTTP. Whatever the bytes are cut into, the same happens. */
#include "check.h"
#include "device_amqp.h"
#include "front_world.h"
#include "http_talk.h"
#include "join.h"
#include "mqtt_talk.h"
#include "outgoing.h"
#include "ws_talk.h"

enum { WINDOW = 4, ROOM = 8 };

/* A device, its conversations, and what it is told. */
struct phone {
    struct device_side side;
    struct mqtt_talk mqtt;
    struct device_amqp amqp;
    struct ws_talk ws;
    struct http_talk http;
    struct buf token, request;
    char told[64], given[64];
    uint64_t lock;
    unsigned opened, listening;
    bool answered;
    int status;
    enum d2d_err why;
};

static struct world w;
static struct phone phone;
static struct join join;

static void on_opened(void *ctx)
{
    ((struct phone *)ctx)->opened++;
}

static void on_listening(void *ctx)
{
    ((struct phone *)ctx)->listening++;
}

static void on_done(void *ctx, struct queued *q, enum d2d_err e)
{
    struct phone *p = ctx;
    size_t used = strlen(p->told);

    snprintf(p->told + used, sizeof p->told - used, "%d ", (int)e);
    free(q);
}

static void on_c2d(void *ctx, const struct d2d_c2d *c)
{
    struct phone *p = ctx;
    size_t used = strlen(p->given);

    snprintf(p->given + used, sizeof p->given - used, "%.*s ", (int)c->body_len, (const char *)c->body);
    p->lock = c->lock;
}

static void on_ended(void *ctx, enum d2d_err why, const char *detail)
{
    (void)detail;
    ((struct phone *)ctx)->why = why;
}

static void on_answered(void *ctx, enum err why)
{
    struct phone *p = ctx;

    CHECK_OK(why);
    p->answered = true;
    p->status = p->http.in.head.status;
}

static void on_failed(void *ctx, enum err e, const char *detail)
{
    (void)ctx;
    fail_msg("%s: %s", err_name(e), detail);
}

static enum err put_token(void *ctx, struct buf *out)
{
    (void)ctx;
    world_token(&w, "phone", false, WORLD_T0 + 3600000, out);
    return OK;
}

static void open_hub(size_t slice)
{
    w = (struct world){0};
    world_serve(&w, 1);
    MUST(limiter_new(3, &w.env.limiter));
    world_device(&w, "phone");
    phone = (struct phone){.token = buf_max(SAS_LEN_MAX), .request = buf_max(4096)};
    phone.side = (struct device_side){.id = "phone",
                                      .path = "devices/phone",
                                      .window = WINDOW,
                                      .timeout_ms = 30000,
                                      .opened = on_opened,
                                      .listening = on_listening,
                                      .done = on_done,
                                      .c2d = on_c2d,
                                      .ended = on_ended,
                                      .ctx = &phone};
    twin_init(&phone.side.twin, 30000);
    queue_init(&phone.side.queue, 10, 1 << 20);
    CHECK_OK(inbox_open(&phone.side.inbox, ROOM));
    room_init(&phone.side.room);
    CHECK_OK(put_token(NULL, &phone.token));
    join = (struct join){.store = w.store, .slice = slice, .now_ms = WORLD_T0};
}

static void close_hub(void)
{
    struct queued *q;

    join_close(&join);
    while ((q = queue_take(&phone.side.queue)))
        free(q);
    inbox_close(&phone.side.inbox);
    room_close(&phone.side.room);
    buf_free(&phone.token);
    buf_free(&phone.request);
    limiter_free(w.env.limiter);
    world_end(&w);
}

static struct talk *front(enum err (*make)(const struct front_env *, const struct peer *, int64_t, struct talk **))
{
    const struct peer peer = {.address = "192.0.2.7:1"};
    struct talk *t;

    CHECK_OK(make(&w.env, &peer, join.now_ms, &t));
    return t;
}

static struct talk *over_mqtt(void)
{
    phone.mqtt = (struct mqtt_talk){.side = &phone.side,
                                    .user = BYTES("hub.test/phone/?api-version=2021-04-12"),
                                    .password = buf_bytes(&phone.token),
                                    .renew_ms = WORLD_T0 + 3600000};
    mqtt_talk_init(&phone.mqtt);
    return &phone.mqtt.talk;
}

static void queue_text(bool amqp, const char *text)
{
    struct d2d_message m = {.body = text, .body_len = strlen(text)};
    struct buf head = buf_max(4096);
    struct queued *q;

    if (amqp) {
        CHECK_OK(outgoing_amqp(NULL, &m, WORLD_T0, &head));
        CHECK_OK(queue_put(&phone.side.queue, NO_BYTES, buf_bytes(&head), 1, &q));
    } else {
        CHECK_OK(outgoing_topic("devices/phone", &m, &head));
        CHECK_OK(queue_put(&phone.side.queue, buf_bytes(&head), bytes_str(text), 1, &q));
    }
    buf_free(&head);
}

static void check_events(int64_t n)
{
    struct partition p;

    CHECK_OK(hub_partition(w.hub, 0, &p));
    CHECK(p.last_sequence == n - 1);
}

/* Two events, one message from the cloud. `settle` lets go of it. */
static void talk_through(bool amqp)
{
    const struct msg m = {.body = BYTES("open")};
    uint64_t at;

    join_run(&join);
    CHECK(phone.opened == 1 && phone.listening == 1);
    assert_string_equal(phone.told, "0 0 ");
    check_events(2);
    CHECK_OK(hub_post(w.hub, BYTES("phone"), &m, join.now_ms, &at));
    join_run(&join);
    assert_string_equal(phone.given, "open ");
    if (amqp)
        CHECK_OK(device_amqp_settle(&phone.amqp, phone.lock, SETTLE_COMPLETE));
    else
        CHECK_OK(mqtt_talk_settle(&phone.mqtt, phone.lock, SETTLE_COMPLETE, join.now_ms));
    join.client.woken = true;
    join_run(&join);
    /* It was settled: it does not come again when the lock would have ended. */
    hub_tick(w.hub, join.now_ms + C2D_LOCK_MS + 1);
    join_tick(&join, C2D_LOCK_MS + 1);
    assert_string_equal(phone.given, "open ");
    CHECK(join.client.talk && join.hub.talk);
}

static const size_t slices[] = {0, 1, 7, 1000};

#define EACH_SLICE(i) for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)

TEST(over_mqtt_a_device_sends_and_is_sent)
{
    EACH_SLICE(i)
    {
        open_hub(slices[i]);
        queue_text(false, "a");
        queue_text(false, "b");
        join_open(&join, over_mqtt(), front(front_mqtt_new));
        talk_through(false);
        close_hub();
    }
}

TEST(in_a_websocket_it_is_the_same)
{
    EACH_SLICE(i)
    {
        open_hub(slices[i]);
        queue_text(false, "a");
        queue_text(false, "b");
        phone.ws = (struct ws_talk){.inner = over_mqtt(),
                                    .host = "hub.test",
                                    .port = 443,
                                    .path = "/$iothub/websocket",
                                    .protocol = "mqtt",
                                    .timeout_ms = 30000,
                                    .seed = 7,
                                    .failed = on_failed};
        ws_talk_init(&phone.ws);
        join_open(&join, &phone.ws.talk, front(front_http_new));
        talk_through(false);
        close_hub();
        ws_talk_close(&phone.ws);
    }
}

TEST(over_amqp_a_device_sends_and_is_sent)
{
    EACH_SLICE(i)
    {
        open_hub(slices[i]);
        queue_text(true, "a");
        queue_text(true, "b");
        phone.amqp =
            (struct device_amqp){.amqp = {.host = "hub.test", .seed = 1},
                                 .cbs = {.audience = "hub.test/devices/phone", .token = put_token, .ttl_ms = 3600000}};
        device_amqp_init(&phone.amqp, &phone.side);
        join_open(&join, &phone.amqp.amqp.talk, front(front_amqp_new));
        talk_through(true);
        close_hub();
        device_amqp_close(&phone.amqp);
    }
}

/* device 4.2: a request of its own for each event. */
TEST(over_http_an_event_is_posted)
{
    EACH_SLICE(i)
    {
        open_hub(slices[i]);
        http_put_request(&phone.request, "POST", BYTES("/devices/phone/messages/events?api-version=2021-04-12"));
        http_put_header(&phone.request, "Host", BYTES("hub.test"));
        http_put_header(&phone.request, "Authorization", buf_bytes(&phone.token));
        http_put_body(&phone.request, BYTES("a"), false);
        phone.http = (struct http_talk){
            .request = buf_bytes(&phone.request), .timeout_ms = 30000, .ended = on_answered, .ctx = &phone};
        http_talk_init(&phone.http);
        join_open(&join, &phone.http.talk, front(front_http_new));
        join_run(&join);
        CHECK(phone.answered && phone.status == 204);
        check_events(1);
        http_talk_close(&phone.http);
        close_hub();
    }
}

/* Rule 4 of the architecture: what acknowledges waits for the disk. */
TEST(an_acknowledgement_waits_until_the_event_is_durable)
{
    open_hub(0);
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    queue_text(false, "a");
    join_open(&join, over_mqtt(), front(front_mqtt_new));
    join_run(&join);
    assert_string_equal(phone.told, "");
    memory_store_settle(w.store, UINT64_MAX); /* the session */
    join_run(&join);
    check_events(1);
    assert_string_equal(phone.told, "");
    memory_store_settle(w.store, UINT64_MAX); /* the event */
    join_run(&join);
    assert_string_equal(phone.told, "0 ");
    close_hub();
}

TESTS(RUN(over_mqtt_a_device_sends_and_is_sent), RUN(in_a_websocket_it_is_the_same),
      RUN(over_amqp_a_device_sends_and_is_sent), RUN(over_http_an_event_is_posted),
      RUN(an_acknowledgement_waits_until_the_event_is_durable))
