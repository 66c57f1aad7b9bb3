/* Direct methods: who waits for whom, and how it ends. */
#include "call.h"

#include "hub_world.h"

static struct world w;
static struct bell caller, device;

static int start(void **state)
{
    (void)state;
    world_start(&w, 11);
    world_add(&w, "door");
    caller = bell_new();
    device = bell_new();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    CHECK(w.hub->calls->bytes == 0);
    world_end(&w);
    return 0;
}

static struct call_question question(const char *method, const char *payload)
{
    return (struct call_question){.device = BYTES("door"),
                                  .method = bytes_str(method),
                                  .payload = payload ? bytes_str(payload) : NO_BYTES,
                                  .response_ms = 30000,
                                  .waker = &caller.waker};
}

static struct call *call(const struct call_question *q)
{
    struct call *out = NULL;

    CHECK_OK(hub_call_open(w.hub, q, w.now_ms, &out));
    return out;
}

static struct call *call_open(void)
{
    const struct call_question q = question("open", "1");

    return call(&q);
}

static enum err look(struct call *c)
{
    struct call_answer answer;
    int64_t until_ms;

    return hub_call_look(c, w.now_ms, &answer, &until_ms);
}

static struct seat *listening(void)
{
    struct seat *seat = world_sit(&w, "door", &device);

    hub_calls_take(seat, true, w.now_ms);
    return seat;
}

/* The call that the device gets next; 0: none. */
static uint64_t get(struct seat *seat, const char *method, const char *payload)
{
    struct buf room = buf_max(CALL_NAME_MAX + CALL_PAYLOAD_MAX);
    struct call_request r = {.id = 0};

    if (!hub_call_next(seat, w.now_ms, &room, &r)) {
        CHECK_BYTES(r.method, bytes_str(method));
        CHECK((payload != NULL) == (r.payload.at != NULL));
        CHECK_BYTES(r.payload, payload ? bytes_str(payload) : NO_BYTES);
    }
    buf_free(&room);
    return r.id;
}

TEST(a_call_and_its_answer)
{
    struct seat *seat = listening();
    struct call_answer answer;
    int64_t until_ms;
    struct call *c = call_open();

    CHECK(device.rung == 1 && look(c) == ERR_BUSY);
    uint64_t id = get(seat, "open", "1");
    CHECK(id && !get(seat, "", ""));
    CHECK_OK(hub_call_answer(seat, id, 200, BYTES("{}")));
    CHECK(caller.rung > 0);
    CHECK_OK(hub_call_look(c, w.now_ms + 10 * 60000, &answer, &until_ms)); /* it stays answered */
    CHECK(answer.status == 200);
    CHECK_BYTES(answer.payload, BYTES("{}"));
    CHECK(hub_call_answer(seat, id, 201, BYTES("1")) == ERR_NOT_FOUND); /* twice */
    hub_call_close(c);
    hub_detach(seat, w.now_ms);
}

TEST(three_kinds_of_payload_are_told_apart)
{
    static const char *const payloads[] = {NULL, "null", "\"x\""};
    struct seat *seat = listening();

    for (size_t i = 0; i < 3; i++) {
        const struct call_question q = question("m", payloads[i]);
        struct call *c = call(&q);

        CHECK(get(seat, "m", payloads[i]));
        hub_call_close(c);
    }
    hub_detach(seat, w.now_ms);
}

TEST(what_cannot_be_called)
{
    static const char *const names[] = {"", "a b", "a/b", "a#", "+", "a?b", "a%20", "\x7f", "n\xc3\xa4me"};
    struct call_question q = question("open", NULL);
    struct call *c;

    CHECK(hub_call_open(w.hub, &q, w.now_ms, &c) == ERR_UNREACHABLE);
    struct seat *seat = world_sit(&w, "door", &device); /* there, and not listening */
    CHECK(hub_call_open(w.hub, &q, w.now_ms, &c) == ERR_UNREACHABLE);
    q.device = BYTES("nobody");
    CHECK(hub_call_open(w.hub, &q, w.now_ms, &c) == ERR_NOT_FOUND);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        q = question(names[i], NULL);
        CHECK(hub_call_open(w.hub, &q, w.now_ms, &c) == ERR_ARGUMENT);
    }
    q = question("open", NULL);
    q.response_ms = CALL_WAIT_MAX_MS + 1;
    CHECK(hub_call_open(w.hub, &q, w.now_ms, &c) == ERR_RANGE);
    hub_detach(seat, w.now_ms);
}

TEST(a_call_waits_for_a_device_that_comes)
{
    struct call_question q = question("open", "1");

    q.connect_ms = 20000;
    struct call *first = call(&q), *second = call(&q), *third = call(&q);
    w.now_ms += 19000;
    struct seat *seat = world_sit(&w, "door", &device);
    CHECK(!get(seat, "", "") && look(first) == ERR_BUSY);
    hub_calls_take(seat, true, w.now_ms);
    w.now_ms += 25000; /* the time for the answer has begun anew */
    CHECK(look(first) == ERR_BUSY);
    uint64_t a = get(seat, "open", "1"), b = get(seat, "open", "1");
    CHECK(a && b && a < b); /* in the order in which they came */
    hub_calls_take(seat, false, w.now_ms);
    CHECK(!get(seat, "", "") && look(third) == ERR_UNREACHABLE); /* its time to wait is over */
    CHECK_OK(hub_call_answer(seat, b, 1, NO_BYTES));             /* what it got it may still answer */
    CHECK(!look(second));
    hub_call_close(first);
    hub_call_close(second);
    hub_call_close(third);
    hub_detach(seat, w.now_ms);
}

TEST(time_is_up)
{
    struct call_question q = question("open", "1");

    q.connect_ms = 5000;
    struct call *waits = call(&q);
    w.now_ms += 5000;
    CHECK(look(waits) == ERR_UNREACHABLE);
    struct seat *seat = listening();
    struct call *ready = call_open(), *sent = call_open();
    uint64_t id = get(seat, "open", "1");
    w.now_ms += 29999;
    CHECK(look(ready) == ERR_BUSY);
    w.now_ms += 1;
    CHECK(look(ready) == ERR_TIMEOUT && look(sent) == ERR_TIMEOUT);
    CHECK(hub_call_answer(seat, id, 200, NO_BYTES) == ERR_NOT_FOUND);
    CHECK(!get(seat, "", ""));
    hub_call_close(waits);
    hub_call_close(ready);
    hub_call_close(sent);
    hub_detach(seat, w.now_ms);
}

TEST(a_device_that_goes)
{
    struct seat *seat = listening(), *other;
    struct bell second = bell_new();
    struct call_question q = question("open", "1");

    q.connect_ms = 20000;
    struct call *sent = call(&q);
    uint64_t id = get(seat, "open", "1");
    struct call *ready = call(&q);
    other = world_sit(&w, "door", &second); /* takes the seat */
    CHECK(look(sent) == ERR_CLOSED && look(ready) == ERR_BUSY);
    CHECK(hub_call_answer(seat, id, 200, NO_BYTES) == ERR_NOT_FOUND);
    CHECK(hub_call_answer(other, id, 200, NO_BYTES) == ERR_NOT_FOUND); /* nor is it the other's */
    hub_detach(seat, w.now_ms);
    hub_calls_take(other, true, w.now_ms);
    CHECK(get(other, "open", "1"));
    hub_detach(other, w.now_ms);
    CHECK(look(ready) == ERR_CLOSED);
    hub_call_close(sent);
    hub_call_close(ready);
}

TEST(a_device_that_refuses_or_loses_what_it_got)
{
    struct seat *seat = listening(), *other;
    struct bell second = bell_new();
    struct call *refused = call_open(), *lost = call_open(), *ready = call_open();
    uint64_t id = get(seat, "open", "1");

    hub_call_fail(seat, id + 1, ERR_REJECTED); /* it has not got that one */
    hub_call_fail(seat, 0, ERR_REJECTED);
    CHECK(look(refused) == ERR_BUSY && look(lost) == ERR_BUSY);
    caller.rung = 0;
    hub_call_fail(seat, id, ERR_REJECTED);
    CHECK(caller.rung == 1 && look(refused) == ERR_REJECTED && look(lost) == ERR_BUSY);
    hub_call_fail(seat, id, ERR_REJECTED); /* twice */
    CHECK(hub_call_answer(seat, id, 200, NO_BYTES) == ERR_NOT_FOUND);
    id = get(seat, "open", "1");
    hub_calls_lost(seat);
    CHECK(caller.rung > 1 && look(lost) == ERR_CLOSED && look(ready) == ERR_BUSY);
    CHECK(hub_call_answer(seat, id, 200, NO_BYTES) == ERR_NOT_FOUND);
    CHECK(get(seat, "open", "1"));
    other = world_sit(&w, "door", &second); /* takes the seat */
    hub_calls_lost(seat);
    hub_call_fail(seat, id, ERR_REJECTED);
    hub_call_close(refused);
    hub_call_close(lost);
    hub_call_close(ready);
    hub_detach(seat, w.now_ms);
    hub_detach(other, w.now_ms);
}

TEST(a_device_that_is_deleted)
{
    struct seat *seat = listening();
    struct call *c = call_open();
    uint64_t at;

    CHECK_OK(hub_device_delete(w.hub, BYTES("door"), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
    CHECK(look(c) == ERR_NOT_FOUND && !get(seat, "", ""));
    hub_call_close(c);
    hub_detach(seat, w.now_ms);
}

TEST(a_caller_that_goes)
{
    struct seat *seat = listening();
    struct call *c = call_open(), *kept = call_open();
    uint64_t id = get(seat, "open", "1");

    hub_call_close(c);
    CHECK(hub_call_answer(seat, id, 200, BYTES("x")) == ERR_NOT_FOUND);
    CHECK(get(seat, "open", "1") && !get(seat, "", ""));
    hub_call_close(kept);
    hub_call_close(NULL);
    hub_detach(seat, w.now_ms);
}

TEST(there_are_limits)
{
    static char large[CALL_PAYLOAD_MAX + 1];
    struct call *all[CALLS_OF_DEVICE_MAX], *more;
    struct seat *seat = listening();
    struct call_question q = question("open", NULL);

    memset(large, '1', sizeof large);
    q.payload = bytes_of(large, sizeof large);
    CHECK(hub_call_open(w.hub, &q, w.now_ms, &more) == ERR_TOO_LARGE);
    for (size_t i = 0; i < CALLS_OF_DEVICE_MAX; i++)
        all[i] = call_open();
    q.payload.len = 1;
    CHECK(hub_call_open(w.hub, &q, w.now_ms, &more) == ERR_FULL);
    uint64_t id = get(seat, "open", "1");
    CHECK(hub_call_answer(seat, id, 200, bytes_of(large, sizeof large)) == ERR_TOO_LARGE);
    CHECK(look(all[0]) == ERR_MALFORMED);
    for (size_t i = 0; i < CALLS_OF_DEVICE_MAX; i++)
        hub_call_close(all[i]);
    hub_detach(seat, w.now_ms);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(a_call_and_its_answer), CASE(three_kinds_of_payload_are_told_apart), CASE(what_cannot_be_called),
      CASE(a_call_waits_for_a_device_that_comes), CASE(time_is_up), CASE(a_device_that_goes),
      CASE(a_device_that_refuses_or_loses_what_it_got), CASE(a_device_that_is_deleted), CASE(a_caller_that_goes),
      CASE(there_are_limits))
