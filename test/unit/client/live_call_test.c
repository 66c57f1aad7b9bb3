/* Direct methods: a device of libd2d answers, another handle of the same program calls. */
#include "check.h"
#include "live_hub.h"

static struct d2d_loop *loop;
static struct d2d_device *device;
static uint64_t kept;
static unsigned listening, calls;

static void on_listening(void *ctx, struct d2d_device *d)
{
    (void)ctx, (void)d;
    listening++;
}

static void on_call(void *ctx, struct d2d_device *d, const struct d2d_call *call)
{
    (void)ctx;
    calls++;
    if (!strcmp(call->method, "echo"))
        CHECK(d2d_device_answer(d, call->id, 222, call->payload, call->payload_len) == D2D_OK);
    else if (!strcmp(call->method, "broken"))
        CHECK(d2d_device_answer(d, call->id, 200, "{", 1) == D2D_OK);
    else if (!strcmp(call->method, "nothing"))
        CHECK(d2d_device_answer(d, call->id, -1, NULL, 0) == D2D_OK);
    else
        kept = call->id;
    CHECK(d2d_device_answer(d, call->id + 1, 200, NULL, 0) == D2D_EXPIRED);
}

static bool listens(void *ctx)
{
    (void)ctx;
    return listening > 0;
}

static void run_until(bool (*done)(void *))
{
    while (!done(NULL))
        CHECK(d2d_loop_run(loop, 20) == D2D_TIMED_OUT);
}

static void check_calls(enum d2d_transport transport)
{
    struct d2d_options common = live_options(live_owner_string());
    struct d2d_registry *registry;
    struct d2d_question q = {D2D_QUESTION, .method = "echo", .payload = "{\"a\":[1,2.5,\"x\"]}"};
    int status = 0;
    char *payload;

    listening = calls = 0;
    kept = 0;
    CHECK(d2d_loop_new(&loop) == D2D_OK);
    live_device("door", false);
    struct d2d_device_options o = {D2D_DEVICE_OPTIONS, .call = on_call, .listening = on_listening};

    o.common = live_options(live_device_string("door"));
    o.common.transport = transport;
    CHECK(d2d_registry_new(loop, &common, &registry) == D2D_OK);

    CHECK(d2d_registry_call(registry, "door", &q, &status, &payload) == D2D_NO_CONNECTION);
    CHECK(d2d_registry_call(registry, "nobody", &q, &status, &payload) == D2D_NOT_FOUND);
    CHECK(d2d_registry_call(registry, "404103", &q, &status, &payload) == D2D_NOT_FOUND); /* a name, and no code */
    CHECK(d2d_device_new(loop, &o, &device) == D2D_OK);
    run_until(listens);
    for (unsigned i = 1; i <= 3; i++) {
        CHECK(d2d_registry_call(registry, "door", &q, &status, &payload) == D2D_OK);
        CHECK(status == 222 && calls == i && !strcmp(payload, q.payload));
        free(payload);
    }
    q.method = "broken";
    CHECK(d2d_registry_call(registry, "door", &q, &status, &payload) == D2D_REFUSED);
    q.method = "nothing";
    q.payload = NULL;
    CHECK(d2d_registry_call(registry, "door", &q, &status, &payload) == D2D_OK);
    CHECK(status == -1 && !strcmp(payload, "null"));
    free(payload);
    q.method = "keep";
    q.response_s = 5;
    CHECK(d2d_registry_call(registry, "door", &q, &status, &payload) == D2D_TIMED_OUT);
    CHECK(kept && d2d_device_answer(device, kept, 200, NULL, 0) == D2D_OK); /* late: the hub drops it */
    CHECK(d2d_device_answer(device, kept, 200, NULL, 0) == D2D_EXPIRED);
    q.method = "echo";
    CHECK(d2d_registry_call(registry, "door", &q, &status, &payload) == D2D_OK);
    free(payload);
    d2d_device_free(device);
    CHECK(d2d_registry_call(registry, "door", &q, &status, &payload) == D2D_NO_CONNECTION);
    d2d_registry_free(registry);
    d2d_loop_free(loop);
}

TEST(over_mqtt)
{
    check_calls(D2D_MQTT);
}

TEST(over_amqp)
{
    check_calls(D2D_AMQP);
}

TEST(over_amqp_in_a_websocket)
{
    check_calls(D2D_AMQP_WS);
}

static void on_c2d(void *ctx, struct d2d_device *d, const struct d2d_c2d *m)
{
    (void)ctx, (void)d, (void)m;
}

/* Two subscriptions at once, each with a packet id of its own. */
TEST(messages_and_calls_together)
{
    static const enum d2d_transport transports[] = {D2D_MQTT, D2D_AMQP};

    live_device("door", false);
    for (size_t i = 0; i < 2; i++) {
        struct d2d_device_options o = {D2D_DEVICE_OPTIONS, .once = true, .c2d = on_c2d, .call = on_call,
                                       .listening = on_listening};

        listening = 0;
        CHECK(d2d_loop_new(&loop) == D2D_OK);
        o.common = live_options(live_device_string("door"));
        o.common.transport = transports[i];
        CHECK(d2d_device_new(loop, &o, &device) == D2D_OK);
        run_until(listens);
        d2d_device_free(device);
        d2d_loop_free(loop);
    }
}

static int open_hub(void **state)
{
    (void)state;
    live_open();
    return 0;
}

static int close_hub(void **state)
{
    live_close();
    return certs_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {RUN(over_mqtt), RUN(over_amqp), RUN(over_amqp_in_a_websocket),
                                       RUN(messages_and_calls_together)};

    return cmocka_run_group_tests(tests, open_hub, close_hub);
}
