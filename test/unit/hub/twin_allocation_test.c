/* Memory that runs out anywhere in a change of a twin: the change is refused and nothing of it is there, or it is made
 * whole, and the device hears of it. */
#include "core.h"
#include "hub_world.h"

#include <stdlib.h>

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);

static size_t allocations, fail_at;

static bool fails(void)
{
    return ++allocations == fail_at;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

static struct world w;
static struct bell bell;
static struct seat *seat;

/* The n-th allocation from now on fails; 0: none does. */
static void run_out(size_t n)
{
    allocations = 0;
    fail_at = n;
}

static bool is_want_of_memory(enum err e)
{
    return e == ERR_MEMORY || e == ERR_TOO_LARGE; /* a buffer does not say why it is full */
}

static void read_now(struct buf *json)
{
    buf_clear(json);
    CHECK_OK(hub_twin_read(w.hub, BYTES("door"), TWIN_FOR_SERVICE, json, NULL, NULL));
}

static enum err change(unsigned number)
{
    struct twin_change c = {.replace = number % 2};
    struct twin_fault fault;
    char text[2048];
    uint64_t at;

    snprintf(text, sizeof text, "{\"z\":%u,\"a\":{\"c\":\"%0*u\",\"b\":[1,2]}}", number, (int)(number * 37 % 1500),
             number);
    c.part[TWIN_DESIRED] = c.part[TWIN_TAGS] = bytes_str(text);
    return hub_twin_change(w.hub, BYTES("door"), &c, w.now_ms, &fault, &at);
}

static enum err report(unsigned number)
{
    struct twin_fault fault;
    char text[2048];
    int64_t version;
    uint64_t at;

    snprintf(text, sizeof text, "{\"z\":%u,\"a\":\"%0*u\"}", number, (int)(number * 53 % 1500), number);
    return hub_twin_report(seat, bytes_str(text), -1, w.now_ms, &fault, &version, &at);
}

/* Until it succeeds without any that fails. */
static void try_each(enum err (*what)(unsigned), unsigned number)
{
    struct buf before = buf_max(TWIN_JSON_MAX), after = buf_max(TWIN_JSON_MAX);
    enum err e;

    for (size_t n = 1;; n++) {
        bool reached;

        read_now(&before);
        run_out(n);
        e = what(number);
        reached = allocations >= n;
        run_out(0);
        read_now(&after);
        CHECK(!e || is_want_of_memory(e));
        CHECK(bytes_eq(buf_bytes(&before), buf_bytes(&after)) == (e != OK));
        if (!reached) {
            CHECK_OK(e);
            break;
        }
    }
    buf_free(&before);
    buf_free(&after);
}

static unsigned hear(void)
{
    struct buf room = buf_max(TWIN_JSON_MAX);
    struct desired d;
    unsigned n = 0;

    while (!hub_desired_next(seat, &room, &d))
        n++;
    buf_free(&room);
    return n;
}

TEST(memory_may_run_out_anywhere_in_a_change)
{
    world_start(&w, 21);
    world_add(&w, "door");
    bell = bell_new();
    seat = world_sit(&w, "door", &bell);
    hub_desired_take(seat, true);
    for (unsigned number = 1; number < 120; number++) {
        try_each(change, number);
        try_each(report, number);
        if (number % 40 == 0)
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    }
    CHECK(seat->twin.desired.behind);
    for (size_t n = 1; n < 6; n++) {
        struct buf room = buf_max(TWIN_JSON_MAX);
        struct desired d;
        enum err e;

        run_out(n);
        while (!(e = hub_desired_next(seat, &room, &d)))
            ;
        run_out(0);
        CHECK(e == ERR_NOT_FOUND || is_want_of_memory(e));
        buf_free(&room);
    }
    hear();
    CHECK_OK(change(500));
    CHECK(hear() == 1);
    hub_detach(seat, w.now_ms);
    world_end(&w);
}

TESTS(RUN(memory_may_run_out_anywhere_in_a_change))
