/* Services that post, devices that come, go and settle, feedback, the clock and the checkpoint at once. What is wrong
 * between them is found by ThreadSanitizer; what is delivered must be right without it, too. */
#include "hub_world.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { DEVICES = 3, POSTS = 1500 };

static struct world w;
static atomic_bool over;
static atomic_uint told; /* messages whose end was told as feedback */
static pthread_mutex_t dice = PTHREAD_MUTEX_INITIALIZER;
static const char *const ids[DEVICES] = {"d0", "d1", "d2"};

static void locked_random(void *ctx, uint8_t *out, size_t len)
{
    pthread_mutex_lock(&dice);
    world_random_bytes(ctx, out, len);
    pthread_mutex_unlock(&dice);
}

static int64_t now(void)
{
    static _Atomic int64_t clock_ms = 1767225600000;

    return atomic_fetch_add(&clock_ms, 1) / 64; /* slow enough that nothing expires */
}

struct flag {
    struct waker waker;
    atomic_bool up;
};

static void flag_up(struct waker *waker)
{
    atomic_store(&((struct flag *)(void *)waker)->up, true);
}

/* Each number once; a full mailbox is waited for. */
static void *post_all(void *ctx)
{
    const char *id = ctx;

    for (int i = 1; i <= POSTS;) {
        char text[16];
        uint64_t at;

        snprintf(text, sizeof text, "%d", i);
        const struct msg m = {.message_id = bytes_str(text), .body = bytes_str(text), .ack = BYTES("full")};
        enum err e = hub_post(w.hub, bytes_str(id), &m, now(), &at);
        if (e && e != ERR_FULL)
            return "post";
        if (e)
            sched_yield();
        else
            i++;
    }
    return NULL;
}

static int number_of(const struct c2d *m)
{
    static const uint8_t head[] = {0x00, 0x53, 0x75, 0xB0};
    size_t at = bytes_find_bytes(m->sections, bytes_of(head, sizeof head));
    uint64_t n = 0;

    return bytes_to_u64(bytes_skip(m->sections, at + sizeof head + 4), &n) ? (int)n : -1;
}

/* Takes, gives some back, completes in order; leaves and comes back now and then. */
static void *take_all(void *ctx)
{
    struct flag flag = {.waker = {.wake = flag_up}};
    const char *id = ctx;
    struct seat *seat = NULL;
    int done = 0, turns = 0;

    while (done < POSTS) {
        struct c2d m;
        uint64_t at;
        enum err e;

        if (turns++ % 50 == 0) {
            hub_detach(seat, now());
            if (hub_attach(w.hub, bytes_str(id), NO_BYTES, PROOF_DEVICE_SAS, &flag.waker, now(), &seat))
                return "attach";
        }
        e = hub_next(seat, now(), &m);
        if (e == ERR_NOT_FOUND) {
            for (int i = 0; i < 1000 && !atomic_exchange(&flag.up, false); i++)
                sched_yield();
            continue;
        }
        if (e || number_of(&m) != done + 1)
            return e ? "next" : "the order";
        if (turns % 7 == 0) {
            hub_release(seat, now());
            continue;
        }
        if (hub_settle(seat, &m.lock, turns % 5 ? OUTCOME_COMPLETE : OUTCOME_ABANDON, now(), &at))
            return "settle";
        done += turns % 5 != 0;
    }
    hub_detach(seat, now());
    return NULL;
}

/* The same without a seat. */
static void *take_by_request(void *ctx)
{
    struct buf room = buf_max(RECORD_LEN_MAX);
    const char *id = ctx;

    for (int done = 0; done < POSTS;) {
        struct c2d m;
        uint64_t at;
        enum err e = hub_take(w.hub, bytes_str(id), now(), &room, &m);

        if (e == ERR_NOT_FOUND) {
            sched_yield();
            continue;
        }
        if (e || number_of(&m) != done + 1 ||
            hub_take_settle(w.hub, bytes_str(id), &m.lock, OUTCOME_COMPLETE, now(), &at))
            return "take";
        done++;
    }
    buf_free(&room);
    return NULL;
}

static void *hear_feedback(void *ctx)
{
    struct flag flag = {.waker = {.wake = flag_up}};
    struct feedback_record records[FEEDBACK_BATCH];
    struct feedback_reader *reader;
    int64_t later = 0;

    (void)ctx;
    if (hub_feedback_open(w.hub, &flag.waker, &reader))
        return "feedback";
    while (atomic_load(&told) < DEVICES * POSTS) {
        struct c2d_lock lock;
        uint64_t at;
        size_t n;
        /* A receiver that asks late enough needs not wait for a full batch. */
        enum err e = hub_feedback_next(reader, now() + (later += FEEDBACK_REST_MS), records, &n, &lock);

        if (e == ERR_NOT_FOUND) {
            sched_yield();
            continue;
        }
        if (e)
            return "feedback";
        for (size_t i = 0; i < n; i++)
            if (records[i].fate != FATE_SUCCESS)
                return "a fate";
        if (hub_feedback_settle(reader, &lock, OUTCOME_COMPLETE, now(), &at))
            return "the end of feedback";
        atomic_fetch_add(&told, (unsigned)n);
    }
    hub_feedback_close(reader);
    return NULL;
}

static void *keep(void *ctx)
{
    (void)ctx;
    while (!atomic_load(&over)) {
        hub_tick(w.hub, now());
        if (hub_checkpoint(w.hub, now()))
            return "checkpoint";
    }
    return NULL;
}

static void *settle(void *ctx)
{
    (void)ctx;
    while (!atomic_load(&over)) {
        memory_store_settle(w.store, UINT64_MAX);
        sched_yield();
    }
    memory_store_settle(w.store, UINT64_MAX);
    return NULL;
}

static void start(pthread_t *t, void *(*run)(void *), const char *id)
{
    CHECK(pthread_create(t, NULL, run, (void *)(uintptr_t)id) == 0);
}

static void join(pthread_t t)
{
    void *what = NULL;

    CHECK(pthread_join(t, &what) == 0);
    if (what)
        fail_msg("%s", (const char *)what);
}

TEST(services_devices_feedback_and_the_checkpoint_do_not_disturb_each_other)
{
    pthread_t posters[DEVICES], devices[DEVICES], feedback, keeper, settler;

    world_make(&w, 1);
    w.options.random = locked_random;
    w.options.c2d.deliveries = C2D_DELIVERIES_MAX;
    CHECK_OK(hub_init(&w.options, &w.birth, w.now_ms));
    CHECK_OK(hub_open(&w.options, &w.hub));
    for (int i = 0; i < DEVICES; i++)
        world_add(&w, ids[i]);
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    start(&settler, settle, NULL);
    start(&keeper, keep, NULL);
    start(&feedback, hear_feedback, NULL);
    for (int i = 0; i < DEVICES; i++) {
        start(&devices[i], i ? take_all : take_by_request, ids[i]);
        start(&posters[i], post_all, ids[i]);
    }
    for (int i = 0; i < DEVICES; i++) {
        join(posters[i]);
        join(devices[i]);
    }
    join(feedback);
    atomic_store(&over, true);
    join(keeper);
    join(settler);
    CHECK(atomic_load(&told) == DEVICES * POSTS);
    for (int i = 0; i < DEVICES; i++) {
        struct device d;

        CHECK_OK(hub_device_get(w.hub, bytes_str(ids[i]), &d));
        CHECK(d.c2d_count == 0);
    }
    world_end(&w);
}

TESTS(RUN(services_devices_feedback_and_the_checkpoint_do_not_disturb_each_other))
