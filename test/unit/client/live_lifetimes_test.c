/* Each handle is freed in each of its callbacks, and each function that waits is called in each callback: the address
 * sanitizer and valgrind look on. What waits has to be refused, and to have done nothing. */
#include "live_hub.h"

enum callback {
    DEVICE_LOG,
    DEVICE_CONNECTED,
    DEVICE_LISTENING,
    DEVICE_C2D,
    DEVICE_SENT,
    DEVICE_DISCONNECTED,
    OPERATOR_LOG,
    OPERATOR_CONNECTED,
    OPERATOR_POSTED,
    OPERATOR_FEEDBACK,
    OPERATOR_DISCONNECTED,
    RECEIVER_LOG,
    RECEIVER_LISTENING,
    RECEIVER_EVENT,
    RECEIVER_DISCONNECTED,
    REGISTRY_LOG,
    CALLBACKS
};

static const char *const names[] = {
    [DEVICE_LOG] = "the device's log",
    [DEVICE_CONNECTED] = "the device's connected",
    [DEVICE_LISTENING] = "the device's listening",
    [DEVICE_C2D] = "the device's c2d",
    [DEVICE_SENT] = "the device's sent",
    [DEVICE_DISCONNECTED] = "the device's disconnected",
    [OPERATOR_LOG] = "the operator's log",
    [OPERATOR_CONNECTED] = "the operator's connected",
    [OPERATOR_POSTED] = "the operator's posted",
    [OPERATOR_FEEDBACK] = "the operator's feedback",
    [OPERATOR_DISCONNECTED] = "the operator's disconnected",
    [RECEIVER_LOG] = "the receiver's log",
    [RECEIVER_LISTENING] = "the receiver's listening",
    [RECEIVER_EVENT] = "the receiver's event",
    [RECEIVER_DISCONNECTED] = "the receiver's disconnected",
    [REGISTRY_LOG] = "the registry's log",
};

/* The call that drives the loop while the callback comes. */
enum outer { RUN_LOOP, SEND_WAIT, FLUSH_WAIT, POST_WAIT, ASK_REGISTRY, OUTERS };

static struct rig {
    struct d2d_loop *loop;
    struct d2d_device *device;
    struct d2d_operator *op;
    struct d2d_receiver *receiver;
    struct d2d_registry *registry;
    enum callback wanted;
    void (*action)(void);
    bool done;
    unsigned sent_inside;
    bool marked; /* the last event that there is was given */
} rig;

static void hit(enum callback which)
{
    if (which != rig.wanted || rig.done || !rig.action)
        return;
    rig.done = true;
    rig.action();
    d2d_loop_stop(rig.loop);
}

/* ---- callbacks ------------------------------------------------------------------------------------------------- */

static void on_device_log(void *ctx, enum d2d_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
    if (rig.device)
        hit(DEVICE_LOG);
}

static void on_device_connected(void *ctx, struct d2d_device *device)
{
    (void)ctx;
    CHECK(device == rig.device);
    hit(DEVICE_CONNECTED);
}

static void on_device_listening(void *ctx, struct d2d_device *device)
{
    (void)ctx;
    CHECK(device == rig.device);
    hit(DEVICE_LISTENING);
}

static void on_device_c2d(void *ctx, struct d2d_device *device, const struct d2d_c2d *message)
{
    (void)ctx;
    CHECK(message->body_len == 5);
    hit(DEVICE_C2D);
    if (rig.device)
        CHECK(d2d_device_complete(device, message->lock) == D2D_OK);
}

static void on_device_sent(void *ctx, struct d2d_device *device, enum d2d_err e)
{
    (void)ctx;
    (void)device;
    (void)e;
    hit(DEVICE_SENT);
}

static void on_device_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    (void)ctx;
    (void)device;
    (void)why;
    (void) final;
    hit(DEVICE_DISCONNECTED);
}

static void on_operator_log(void *ctx, enum d2d_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
    if (rig.op)
        hit(OPERATOR_LOG);
}

static void on_operator_connected(void *ctx, struct d2d_operator *op)
{
    (void)ctx;
    CHECK(op == rig.op);
    hit(OPERATOR_CONNECTED);
}

static void on_posted(void *ctx, struct d2d_operator *op, enum d2d_err e, const char *message_id)
{
    (void)ctx;
    (void)op;
    (void)e;
    CHECK(strlen(message_id) < 64);
    hit(OPERATOR_POSTED);
}

static bool on_feedback(void *ctx, struct d2d_operator *op, const struct d2d_feedback *batch, size_t n)
{
    (void)ctx;
    (void)op;
    hit(OPERATOR_FEEDBACK);
    return n == 0 || strcmp(batch[0].device, "phone") == 0;
}

static void on_operator_disconnected(void *ctx, struct d2d_operator *op, enum d2d_err why, bool final)
{
    (void)ctx;
    (void)op;
    (void)why;
    (void) final;
    hit(OPERATOR_DISCONNECTED);
}

static void on_receiver_log(void *ctx, enum d2d_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
    if (rig.receiver)
        hit(RECEIVER_LOG);
}

static void on_receiver_listening(void *ctx, struct d2d_receiver *receiver)
{
    (void)ctx;
    CHECK(receiver == rig.receiver);
    hit(RECEIVER_LISTENING);
}

static void on_event(void *ctx, struct d2d_receiver *receiver, const struct d2d_event *event)
{
    (void)ctx;
    (void)receiver;
    rig.sent_inside += event->body_len == 6 && memcmp(event->body, "inside", 6) == 0;
    if (event->body_len == 4 && memcmp(event->body, "last", 4) == 0) {
        rig.marked = true;
        d2d_loop_stop(rig.loop);
    }
    hit(RECEIVER_EVENT);
}

static void on_receiver_disconnected(void *ctx, struct d2d_receiver *receiver, enum d2d_err why, bool final)
{
    (void)ctx;
    (void)receiver;
    (void)why;
    (void) final;
    hit(RECEIVER_DISCONNECTED);
}

static void on_registry_log(void *ctx, enum d2d_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
    if (rig.registry)
        hit(REGISTRY_LOG);
}

/* ---- the rig --------------------------------------------------------------------------------------------------- */

static bool is_of(enum callback c, enum callback first, enum callback last)
{
    return c >= first && c <= last;
}

static void make_device(enum d2d_transport transport)
{
    struct d2d_device_options o = {.size = sizeof o,
                                   .common = live_options(live_device_string("phone")),
                                   .c2d = on_device_c2d,
                                   .listening = on_device_listening,
                                   .connected = on_device_connected,
                                   .disconnected = on_device_disconnected};

    o.common.transport = transport;
    o.common.log = on_device_log;
    CHECK(d2d_device_new(rig.loop, &o, &rig.device) == D2D_OK);
}

static void make_operator(void)
{
    struct d2d_operator_options o = {.size = sizeof o,
                                     .common = live_options(live_owner_string()),
                                     .feedback = on_feedback,
                                     .connected = on_operator_connected,
                                     .disconnected = on_operator_disconnected};

    o.common.log = on_operator_log;
    if (rig.wanted == OPERATOR_DISCONNECTED)
        o.common.amqps_port = 1;
    CHECK(d2d_operator_new(rig.loop, &o, &rig.op) == D2D_OK);
}

static void make_receiver(void)
{
    struct d2d_receiver_options o = {.size = sizeof o,
                                     .common = live_options(live_owner_string()),
                                     .position.from = D2D_FROM_EARLIEST,
                                     .event = on_event,
                                     .listening = on_receiver_listening,
                                     .disconnected = on_receiver_disconnected};

    o.common.log = on_receiver_log;
    if (rig.wanted == RECEIVER_DISCONNECTED)
        o.common.amqps_port = 1;
    CHECK(d2d_receiver_new(rig.loop, &o, &rig.receiver) == D2D_OK);
}

static void make_registry(void)
{
    struct d2d_options o = live_options(live_owner_string());

    o.log = on_registry_log;
    CHECK(d2d_registry_new(rig.loop, &o, &rig.registry) == D2D_OK);
}

/* All that makes the callback come is on its way. */
static void prepare(enum callback wanted, void (*action)(void))
{
    rig = (struct rig){.wanted = wanted, .action = action};
    live_device("phone", wanted == DEVICE_DISCONNECTED);
    if (wanted == DEVICE_C2D)
        live_post("phone", "hello");
    CHECK(d2d_loop_new(&rig.loop) == D2D_OK);
}

static void say_things(void)
{
    const struct d2d_message hello = {.body = "hello", .body_len = 5, .ack = D2D_ACK_FULL};

    if (rig.device)
        CHECK(d2d_device_send(rig.device, &hello, D2D_AT_LEAST_ONCE, on_device_sent, NULL) == D2D_OK);
    if (rig.op)
        CHECK(d2d_operator_send(rig.op, "phone", &hello, on_posted, NULL) == D2D_OK);
}

static void drive(enum outer outer)
{
    const struct d2d_message m = {.body = "outer", .body_len = 5};
    struct d2d_identity identity;

    switch (outer) {
    case RUN_LOOP:
        d2d_loop_run(rig.loop, NEVER_MS);
        break;
    case SEND_WAIT:
        d2d_device_send_wait(rig.device, &m, NEVER_MS);
        break;
    case FLUSH_WAIT:
        d2d_device_flush_wait(rig.device, NEVER_MS);
        break;
    case POST_WAIT:
        d2d_operator_send_wait(rig.op, "phone", &m, NEVER_MS);
        break;
    case ASK_REGISTRY:
        d2d_registry_get(rig.registry, rig.wanted == REGISTRY_LOG ? "nobody" : "phone", &identity);
        break;
    case OUTERS:
        break;
    }
}

/* A wait may be over before the callback has come: again then, and at last without one. */
static void finish(enum outer outer)
{
    for (int i = 0; !rig.done && i < 5; i++)
        drive(outer);
    if (!rig.done)
        drive(RUN_LOOP);
    if (!rig.done)
        fail_msg("%s did not come", names[rig.wanted]);
    d2d_loop_run(rig.loop, 5);
    d2d_device_free(rig.device);
    d2d_operator_free(rig.op);
    d2d_receiver_free(rig.receiver);
    d2d_registry_free(rig.registry);
    d2d_loop_free(rig.loop);
}

/* ---- freed in its own callbacks -------------------------------------------------------------------------------- */

static void free_device(void)
{
    struct d2d_device *d = rig.device;

    rig.device = NULL;
    d2d_device_free(d);
}

static void free_operator(void)
{
    struct d2d_operator *op = rig.op;

    rig.op = NULL;
    d2d_operator_free(op);
}

static void free_receiver(void)
{
    struct d2d_receiver *r = rig.receiver;

    rig.receiver = NULL;
    d2d_receiver_free(r);
}

static void free_registry(void)
{
    struct d2d_registry *r = rig.registry;

    rig.registry = NULL;
    d2d_registry_free(r);
}

TEST(a_device_is_freed_in_each_of_its_callbacks)
{
    static const enum outer outers[] = {RUN_LOOP, SEND_WAIT, FLUSH_WAIT};

    for (int amqp = 0; amqp < 2; amqp++) {
        for (enum callback c = DEVICE_LOG; c <= DEVICE_DISCONNECTED; c++) {
            for (size_t i = 0; i < sizeof outers / sizeof *outers; i++) {
                prepare(c, free_device);
                make_device(amqp ? D2D_AMQP : D2D_MQTT);
                say_things();
                /* The waits are called with the handle, which is gone when the callback has come. */
                drive(outers[i]);
                while (!rig.done && rig.device)
                    drive(RUN_LOOP);
                finish(RUN_LOOP);
            }
        }
    }
}

TEST(an_operator_is_freed_in_each_of_its_callbacks)
{
    static const enum outer outers[] = {RUN_LOOP, POST_WAIT};

    for (enum callback c = OPERATOR_LOG; c <= OPERATOR_DISCONNECTED; c++) {
        for (size_t i = 0; i < sizeof outers / sizeof *outers; i++) {
            prepare(c, free_operator);
            make_operator();
            if (c == OPERATOR_FEEDBACK)
                make_device(D2D_MQTT);
            say_things();
            drive(outers[i]);
            while (!rig.done && rig.op)
                drive(RUN_LOOP);
            finish(RUN_LOOP);
        }
    }
}

TEST(a_receiver_is_freed_in_each_of_its_callbacks)
{
    for (enum callback c = RECEIVER_LOG; c <= RECEIVER_DISCONNECTED; c++) {
        prepare(c, free_receiver);
        make_receiver();
        if (c == RECEIVER_EVENT)
            make_device(D2D_MQTT);
        say_things();
        finish(RUN_LOOP);
    }
}

TEST(a_registry_is_freed_while_it_is_asked)
{
    prepare(REGISTRY_LOG, free_registry);
    make_registry();
    drive(ASK_REGISTRY);
    finish(RUN_LOOP);
    prepare(DEVICE_CONNECTED, free_registry);
    make_device(D2D_MQTT);
    make_registry();
    drive(ASK_REGISTRY);
    finish(RUN_LOOP);
}

TEST(a_handle_is_freed_in_the_callback_of_another_while_it_waits)
{
    prepare(OPERATOR_CONNECTED, free_device);
    make_device(D2D_MQTT);
    make_operator();
    say_things();
    drive(FLUSH_WAIT);
    finish(RUN_LOOP);
    prepare(DEVICE_CONNECTED, free_operator);
    make_device(D2D_AMQP);
    make_operator();
    say_things();
    drive(POST_WAIT);
    finish(RUN_LOOP);
}

/* ---- what waits, in all callbacks ------------------------------------------------------------------------------ */

static void wait_inside(void)
{
    const struct d2d_message inside = {.body = "inside", .body_len = 6};
    struct d2d_identity identity = {.id = "inside", .enabled = true}, *all = NULL;
    struct d2d_register_options o = {.size = sizeof o, .common = live_options(NULL), .service = "localhost"};
    struct d2d_registration registration;
    size_t pending = d2d_device_pending(rig.device), posted = d2d_operator_pending(rig.op), n;
    char *json = NULL;

    CHECK(d2d_device_send_wait(rig.device, &inside, 1000) == D2D_IN_CALLBACK);
    CHECK(d2d_device_flush_wait(rig.device, 1000) == D2D_IN_CALLBACK);
    assert_string_equal(d2d_device_detail(rig.device), d2d_err_text(D2D_IN_CALLBACK));
    CHECK(d2d_operator_send_wait(rig.op, "phone", &inside, 1000) == D2D_IN_CALLBACK);
    CHECK(d2d_registry_add(rig.registry, &identity) == D2D_IN_CALLBACK);
    CHECK(d2d_registry_remove(rig.registry, "phone") == D2D_IN_CALLBACK);
    CHECK(d2d_registry_list(rig.registry, 10, &all, &n) == D2D_IN_CALLBACK);
    CHECK(d2d_registry_status(rig.registry, &json) == D2D_IN_CALLBACK);
    CHECK(d2d_enrollment_remove(rig.registry, D2D_ENROLLMENT_DEVICE, "phone") == D2D_IN_CALLBACK);
    o.registration = "inside";
    o.scope = "0ne00000001";
    o.key = LIVE_KEY;
    CHECK(d2d_register(rig.loop, &o, &registration) == D2D_IN_CALLBACK);
    CHECK(d2d_loop_run(rig.loop, 1000) == D2D_IN_CALLBACK);
    d2d_loop_turn(rig.loop);
    CHECK(d2d_device_pending(rig.device) == pending && d2d_operator_pending(rig.op) == posted && !all && !json);
}

TEST(what_waits_does_nothing_inside_of_a_callback)
{
    const struct d2d_message last = {.body = "last", .body_len = 4};
    struct device d;

    for (enum callback c = 0; c < CALLBACKS; c++) {
        prepare(c, wait_inside);
        make_device(c % 2 ? D2D_AMQP : D2D_MQTT);
        make_operator();
        make_receiver();
        make_registry();
        say_things();
        finish(is_of(c, REGISTRY_LOG, REGISTRY_LOG) ? ASK_REGISTRY : RUN_LOOP);
        CHECK_ERR(hub_device_get(live.hub, BYTES("inside"), &d), ERR_NOT_FOUND);
        CHECK_OK(hub_device_get(live.hub, BYTES("phone"), &d));
    }
    /* All that was ever sent is read: nothing of it from inside. */
    prepare(CALLBACKS, NULL);
    make_device(D2D_MQTT);
    CHECK(d2d_device_send_wait(rig.device, &last, NEVER_MS) == D2D_OK);
    make_receiver();
    d2d_loop_run(rig.loop, NEVER_MS);
    CHECK(rig.marked && !rig.sent_inside);
    rig.done = true;
    finish(RUN_LOOP);
}

/* A handle that is freed outside of the loop tells what it did not send: those are callbacks, too. */
static void on_last_words(void *ctx, struct d2d_device *device, enum d2d_err e)
{
    const struct d2d_message m = {.body = "inside", .body_len = 6};

    CHECK(e == D2D_CLOSED);
    CHECK(d2d_device_flush_wait(device, 1000) == D2D_IN_CALLBACK);
    CHECK(d2d_operator_send_wait(rig.op, "phone", &m, 1000) == D2D_IN_CALLBACK);
    CHECK(d2d_device_send(device, &m, D2D_AT_LEAST_ONCE, on_last_words, ctx) == D2D_CLOSED);
    d2d_device_free(device);
    ++*(unsigned *)ctx;
}

TEST(last_words_are_callbacks_too)
{
    const struct d2d_message m = {.body = "hello", .body_len = 5};
    unsigned told = 0;

    prepare(CALLBACKS, NULL);
    make_device(D2D_MQTT);
    make_operator();
    for (int i = 0; i < 3; i++)
        CHECK(d2d_device_send(rig.device, &m, D2D_AT_LEAST_ONCE, on_last_words, &told) == D2D_OK);
    free_device();
    CHECK(told == 3);
    rig.done = true;
    finish(RUN_LOOP);
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
    const struct CMUnitTest tests[] = {RUN(a_device_is_freed_in_each_of_its_callbacks),
                                       RUN(an_operator_is_freed_in_each_of_its_callbacks),
                                       RUN(a_receiver_is_freed_in_each_of_its_callbacks),
                                       RUN(a_registry_is_freed_while_it_is_asked),
                                       RUN(a_handle_is_freed_in_the_callback_of_another_while_it_waits),
                                       RUN(what_waits_does_nothing_inside_of_a_callback),
                                       RUN(last_words_are_callbacks_too)};

    return cmocka_run_group_tests(tests, open_hub, close_hub);
}
