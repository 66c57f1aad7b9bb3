/* Feedback over REST: all that Python's service SDK has. */
#include "http_peer.h"

#define FEEDBACK "/messages/serviceBound/feedback"

static int start(void **state)
{
    client_start(state);
    world_device(&w, "garage");
    return 0;
}

/* A message that is taken and completed, of which somebody wants to know. */
static void deliver(const char *id)
{
    const struct msg m = {.message_id = bytes_str(id), .body = BYTES("x"), .ack = BYTES("full")};
    struct buf room = buf_max(RECORD_LEN_MAX);
    struct c2d c2d;
    uint64_t at;

    CHECK_OK(hub_post(w.hub, BYTES("garage"), &m, c.join.now_ms, &at));
    CHECK_OK(hub_take(w.hub, BYTES("garage"), c.join.now_ms, &room, &c2d));
    CHECK_OK(hub_take_settle(w.hub, BYTES("garage"), &c2d.lock, OUTCOME_COMPLETE, c.join.now_ms, &at));
    buf_free(&room);
}

static int does(const char *method, const char *path)
{
    return ask_as(&c, "service", method, path, NULL, NULL);
}

/* The lock of what was heard, and what stands behind it. */
static const char *lock_path(const char *rest)
{
    static char path[256];
    struct bytes etag = heard(&c, "etag");

    CHECK(etag.len == 38);
    snprintf(path, sizeof path, FEEDBACK "/%.*s%s" V, 36, (const char *)etag.at + 1, rest);
    return path;
}

static void pass(int64_t ms)
{
    c.join.now_ms += ms;
    hub_tick(w.hub, c.join.now_ms);
}

TEST(a_batch_is_taken_and_completed)
{
    char path[256];

    CHECK(does("GET", FEEDBACK V) == 204);
    deliver("m-1");
    CHECK(does("GET", "/messages/servicebound/feedback" V) == 200);
    CHECK_BYTES(heard(&c, "content-type"), BYTES("application/vnd.microsoft.iothub.feedback.json; charset=utf-8"));
    CHECK(body_has(&c, "[{\"originalMessageId\":\"m-1\",\"description\":\"Success\"") &&
          body_has(&c, "\"deviceId\":\"garage\"") && body_has(&c, "\"statusCode\":\"Success\"}]"));
    snprintf(path, sizeof path, "%s", lock_path(""));
    pass(2000);
    CHECK(does("GET", FEEDBACK V) == 204); /* it is locked */
    uint64_t before = c.join.hub.talk->after;
    CHECK(does("DELETE", path) == 204 && c.join.hub.talk->after > before);
    CHECK(does("DELETE", path) == 412);
    CHECK_BYTES(heard(&c, "iothub-errorcode"), BYTES("DeviceMessageLockLost"));
    pass(FEEDBACK_LOCK_MS);
    CHECK(does("GET", FEEDBACK V) == 204);
}

TEST(what_is_abandoned_or_forgotten_comes_again)
{
    char path[256];

    deliver("m-1");
    CHECK(does("GET", FEEDBACK V) == 200);
    CHECK(does("POST", lock_path("/abandon")) == 204);
    pass(2000);
    CHECK(does("GET", FEEDBACK V) == 200 && body_has(&c, "m-1"));
    snprintf(path, sizeof path, "%s", lock_path(""));
    pass(FEEDBACK_LOCK_MS + 1000);
    CHECK(does("DELETE", path) == 412);
    CHECK(does("GET", FEEDBACK V) == 200 && body_has(&c, "m-1"));
    /* The client may be another one by then: the lock is what counts. */
    snprintf(path, sizeof path, "%s", lock_path(""));
    client_close(&c);
    int64_t now_ms = c.join.now_ms;
    c = (struct client){.join.now_ms = now_ms};
    client_open(&c);
    CHECK(does("DELETE", path) == 204);
}

TEST(who_may_not_and_what_is_none_is_refused)
{
    CHECK(ask_as(&c, "registryReadWrite", "GET", FEEDBACK V, NULL, NULL) == 401);
    CHECK(ask_as(&c, NULL, "GET", FEEDBACK V, NULL, NULL) == 401);
    deliver("m-1");
    CHECK(does("HEAD", FEEDBACK V) == 405);
    CHECK(does("DELETE", FEEDBACK "/nonsense" V) == 400);
    CHECK(does("POST", FEEDBACK "/00000000-0000-0000-0000-000000000000/abandon" V) == 412);
    CHECK(does("GET", "/messages/serviceBound/fileNotifications" V) == 501);
    check_error(&c, 501, "NotImplemented");
    CHECK(does("GET", FEEDBACK V) == 200);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(a_batch_is_taken_and_completed), CASE(what_is_abandoned_or_forgotten_comes_again),
      CASE(who_may_not_and_what_is_none_is_refused))
