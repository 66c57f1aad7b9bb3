/* Calls from a seed, in one thread: callers ask devices that come, go, have their seats stolen, listen or do not, are
 * deleted; requests and answers are on their way for a while, get lost, come twice, late, or for a call that was never
 * asked. Each request reaches one connection once; each caller has one outcome, and by its deadline. */
#include "hub_world.h"

#include <stdlib.h>

enum { DEVICES = 4, CALLERS = 24, WIRES = 40, STEPS = 1200 };

static const char *const names[DEVICES] = {"d0", "d1", "d2", "d3"};

enum call_is { NO_CALL, WAITS, READY, SENT, ANSWERED, ENDED };

static struct caller {
    enum call_is is;
    struct call *call;
    struct bell bell;
    unsigned device, number;
    uint64_t order, id; /* in which they were opened; what the device knows it by */
    const struct seat *seat;
    int64_t wait_ms, until_ms, response_ms, status;
    enum err why;
} callers[CALLERS];

static struct {
    bool there, takes;
    struct seat *seat;
    struct bell bell;
} devices[DEVICES];

/* An answer on its way. */
static struct {
    struct seat *seat; /* NULL: this place is free */
    unsigned device, number;
    uint64_t id;
    int64_t due_ms;
} wires[WIRES];

static struct world w;
static unsigned numbers, outcomes[3]; /* answered, late, and any other */
static uint64_t orders, seed_now;
static bool done;

static unsigned below(unsigned n)
{
    return world_below(&w, n);
}

static void end(struct caller *c, enum err why)
{
    c->is = ENDED;
    c->why = why;
}

/* ---- devices ---------------------------------------------------------------------------------------------------- */

/* Its connection goes, and what was on it. */
static void lost(unsigned device, const struct seat *seat)
{
    for (struct caller *c = callers; c < callers + CALLERS; c++) {
        if (c->device != device || (c->is != READY && c->is != SENT))
            continue;
        if (c->is == READY) {
            c->is = WAITS;
            c->until_ms = c->wait_ms;
        } else if (c->seat == seat) {
            end(c, ERR_CLOSED);
        }
    }
    for (size_t i = 0; i < WIRES; i++)
        if (wires[i].seat == seat)
            wires[i].seat = NULL;
    devices[device].takes = false;
}

static void leave(unsigned device)
{
    if (devices[device].seat)
        lost(device, devices[device].seat);
    hub_detach(devices[device].seat, w.now_ms);
    devices[device].seat = NULL;
}

/* A new connection; an old one is still there, and hears that it was stolen. */
static void come(unsigned device)
{
    struct seat *old = devices[device].seat;

    if (!devices[device].there)
        return;
    if (old)
        lost(device, old);
    devices[device].bell = bell_new();
    devices[device].seat = world_sit(&w, names[device], &devices[device].bell);
    if (old) {
        CHECK_ERR(seat_state(old), ERR_STOLEN);
        hub_detach(old, w.now_ms);
    }
}

static void listen(unsigned device, bool takes)
{
    if (!devices[device].seat || devices[device].takes == takes)
        return;
    hub_calls_take(devices[device].seat, takes, w.now_ms);
    devices[device].takes = takes;
    for (struct caller *c = callers; c < callers + CALLERS; c++) {
        if (c->device != device || c->is != (takes ? WAITS : READY))
            continue;
        c->is = takes ? READY : WAITS;
        c->until_ms = takes ? w.now_ms + c->response_ms : c->wait_ms;
    }
}

static void make_or_drop(unsigned device)
{
    uint64_t at;

    if (!devices[device].there) {
        world_add(&w, names[device]);
        devices[device].there = true;
        return;
    }
    if (devices[device].seat)
        lost(device, devices[device].seat);
    CHECK_OK(hub_device_delete(w.hub, bytes_str(names[device]), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
    for (struct caller *c = callers; c < callers + CALLERS; c++)
        if (c->device == device && c->is >= WAITS && c->is <= SENT)
            end(c, ERR_NOT_FOUND);
    devices[device].there = false;
    hub_detach(devices[device].seat, w.now_ms);
    devices[device].seat = NULL;
}

static void send_answer(unsigned device, uint64_t id, unsigned number)
{
    for (size_t i = 0; i < WIRES; i++) {
        if (wires[i].seat)
            continue;
        wires[i].seat = devices[device].seat;
        wires[i].device = device;
        wires[i].id = id;
        wires[i].number = number;
        wires[i].due_ms = w.now_ms + below(3000);
        return;
    }
}

/* The device takes a request: the oldest that is ready. It answers, twice, or never. */
static void take(unsigned device)
{
    struct buf room = buf_max(CALL_NAME_MAX + CALL_PAYLOAD_MAX);
    struct caller *first = NULL;
    struct call_request got;
    uint64_t number;
    enum err e;

    if (!devices[device].seat)
        return;
    for (struct caller *c = callers; c < callers + CALLERS; c++)
        if (c->device == device && c->is == READY && (!first || c->order < first->order))
            first = c;
    e = hub_call_next(devices[device].seat, w.now_ms, &room, &got);
    CHECK_ERR(e, first ? OK : ERR_NOT_FOUND);
    if (!e) {
        CHECK(bytes_to_u64(got.payload, &number) && number == first->number);
        CHECK_BYTES(got.method, BYTES("open"));
        for (const struct caller *c = callers; c < callers + CALLERS; c++)
            CHECK(c->is == NO_CALL || c->id != got.id); /* it comes once */
        first->is = SENT;
        first->id = got.id;
        first->seat = devices[device].seat;
        first->until_ms = w.now_ms + first->response_ms;
        for (unsigned times = below(6) ? 1 + below(2) : 0; times > 0; times--)
            send_answer(device, got.id, first->number);
        if (below(8) == 0)
            send_answer(device, got.id + 1 + below(5), numbers + 1);
    }
    buf_free(&room);
}

/* An answer comes to the hub. */
static void deliver(void)
{
    for (size_t i = 0; i < WIRES; i++) {
        struct caller *of = NULL;
        char text[16];
        enum err e;

        if (!wires[i].seat || wires[i].due_ms > w.now_ms)
            continue;
        for (struct caller *c = callers; c < callers + CALLERS; c++)
            if (c->is == SENT && c->id == wires[i].id && c->seat == wires[i].seat)
                of = c;
        snprintf(text, sizeof text, "%u", wires[i].number);
        e = hub_call_answer(wires[i].seat, wires[i].id, (int64_t)wires[i].number % 700, bytes_str(text));
        CHECK_ERR(e, of ? OK : ERR_NOT_FOUND);
        if (of) {
            of->is = ANSWERED;
            of->status = wires[i].number % 700;
            of->number = wires[i].number;
        }
        wires[i].seat = NULL;
    }
}

/* ---- callers ---------------------------------------------------------------------------------------------------- */

static void call(unsigned device)
{
    static char text[16];
    struct caller *c = callers;
    struct call_question q = {.device = bytes_str(names[device]), .method = BYTES("open")};
    enum err e;

    while (c < callers + CALLERS && c->is != NO_CALL)
        c++;
    if (c == callers + CALLERS)
        return;
    *c = (struct caller){.device = device, .number = ++numbers, .order = ++orders, .bell = bell_new()};
    snprintf(text, sizeof text, "%u", c->number);
    q.payload = bytes_str(text);
    q.connect_ms = below(2) ? 0 : 500 + below(5000);
    q.response_ms = 500 + below(5000);
    q.waker = &c->bell.waker;
    e = hub_call_open(w.hub, &q, w.now_ms, &c->call);
    if (!devices[device].there || (!devices[device].takes && !q.connect_ms)) {
        CHECK_ERR(e, devices[device].there ? ERR_UNREACHABLE : ERR_NOT_FOUND);
        return;
    }
    CHECK_OK(e);
    c->response_ms = q.response_ms;
    c->wait_ms = w.now_ms + q.connect_ms;
    c->is = devices[device].takes ? READY : WAITS;
    c->until_ms = c->is == READY ? w.now_ms + c->response_ms : c->wait_ms;
}

static void look(struct caller *c)
{
    struct call_answer answer;
    int64_t until_ms;
    char text[16];
    enum err e;

    if (c->is == NO_CALL)
        return;
    e = hub_call_look(c->call, w.now_ms, &answer, &until_ms);
    if (c->is < ANSWERED && w.now_ms >= c->until_ms)
        end(c, c->is == WAITS ? ERR_UNREACHABLE : ERR_TIMEOUT);
    if (c->is == ANSWERED) {
        CHECK_OK(e);
        snprintf(text, sizeof text, "%u", c->number);
        CHECK(answer.status == c->status);
        CHECK_BYTES(answer.payload, bytes_str(text));
    } else if (c->is == ENDED) {
        CHECK_ERR(e, c->why);
    } else {
        CHECK_ERR(e, ERR_BUSY);
        CHECK(until_ms == c->until_ms);
        return;
    }
    CHECK(c->bell.rung > 0 || e == ERR_TIMEOUT || e == ERR_UNREACHABLE); /* its own timer told it of those */
    outcomes[e == OK ? 0 : e == ERR_TIMEOUT ? 1 : 2]++;
    hub_call_close(c->call);
    c->is = NO_CALL;
}

/* Its timer is never late. */
static void timers(void)
{
    for (struct caller *c = callers; c < callers + CALLERS; c++)
        if (c->is >= WAITS && c->is <= SENT && w.now_ms >= c->until_ms)
            look(c);
}

static void go_away(struct caller *c)
{
    if (c->is == NO_CALL)
        return;
    hub_call_close(c->call);
    c->is = NO_CALL;
}

/* ---- the world -------------------------------------------------------------------------------------------------- */

static void step(void)
{
    unsigned device = below(DEVICES), dice = below(100);

    w.now_ms += below(150);
    deliver();
    timers();
    if (dice < 30)
        call(device);
    else if (dice < 55)
        take(device);
    else if (dice < 70)
        look(&callers[below(CALLERS)]);
    else if (dice < 74)
        go_away(&callers[below(CALLERS)]);
    else if (dice < 76)
        come(device);
    else if (dice < 78)
        leave(device);
    else if (dice < 95)
        listen(device, below(4) > 0);
    else if (dice < 96)
        make_or_drop(device);
}

/* Nobody waits for ever. */
static void finish(void)
{
    w.now_ms += 20000;
    for (size_t i = 0; i < WIRES; i++)
        wires[i].seat = NULL;
    for (struct caller *c = callers; c < callers + CALLERS; c++) {
        look(c);
        CHECK(c->is == NO_CALL);
    }
    for (unsigned k = 0; k < DEVICES; k++)
        leave(k);
    world_end(&w);
}

TEST(a_call_is_asked_once_and_has_one_outcome_by_its_deadline)
{
    const char *given = getenv("D2D_SEED"), *count = getenv("D2D_SEEDS");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1, n = given ? 1 : count ? strtoull(count, NULL, 0) : 300;

    for (seed_now = first; seed_now < first + n; seed_now++) {
        memset(devices, 0, sizeof devices);
        memset(callers, 0, sizeof callers);
        memset(wires, 0, sizeof wires);
        world_start(&w, seed_now);
        for (unsigned k = 0; k < DEVICES; k++)
            make_or_drop(k);
        for (int i = 0; i < STEPS; i++)
            step();
        finish();
    }
    CHECK(n < 20 || (outcomes[0] > 10 * n && outcomes[1] > n && outcomes[2] > n));
    done = true;
}

static int say_seed(void **state)
{
    (void)state;
    if (!done)
        print_error("again with D2D_SEED=%llu\n", (unsigned long long)seed_now);
    return 0;
}

TESTS(cmocka_unit_test_teardown(a_call_is_asked_once_and_has_one_outcome_by_its_deadline, say_seed))
