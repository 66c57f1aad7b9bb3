/* Senders, an operator, receivers and the checkpoint at once. What is wrong between them is found by ThreadSanitizer;
 * what they say must be right without it, too. */
#include "hub_world.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { SENDS = 10000, IDS = 300, SENDERS = 4, ROUNDS = 30 };

static struct world w;
static atomic_bool over;
static atomic_uint operated, kept; /* rounds */
static pthread_mutex_t dice = PTHREAD_MUTEX_INITIALIZER;

static void locked_random(void *ctx, uint8_t *out, size_t len)
{
    pthread_mutex_lock(&dice);
    world_random_bytes(ctx, out, len);
    pthread_mutex_unlock(&dice);
}

/* The same number again and again would be a broken clock; this one only must not go back. */
static _Atomic int64_t clock_ms = 1767225600000;

static int64_t now(void)
{
    return atomic_fetch_add(&clock_ms, 1);
}

struct flag {
    struct waker waker;
    atomic_bool up;
};

static void flag_up(struct waker *waker)
{
    atomic_store(&((struct flag *)(void *)waker)->up, true);
}

static void *send_all(void *ctx)
{
    struct flag flag = {.waker = {.wake = flag_up}};
    const char *id = ctx;
    struct seat *seat = NULL;

    for (int i = 0; i < SENDS; i++) {
        char text[16];
        struct msg m = {0};
        uint64_t at;

        /* A new connection now and then; it takes the seat from the old one before that leaves. */
        if (i % 100 == 0) {
            struct seat *old = seat;

            if (hub_attach(w.hub, bytes_str(id), NO_BYTES, PROOF_DEVICE_SAS, &flag.waker, now(), &seat))
                return "attach";
            if (old && seat_state(old) != ERR_STOLEN)
                return "the old seat";
            hub_detach(old, now());
        }
        snprintf(text, sizeof text, "%d", i);
        m.body = bytes_str(text);
        if (hub_send(seat, &m, now(), &at))
            return "send";
    }
    hub_detach(seat, now());
    return NULL;
}

static void *operate(void *ctx)
{
    unsigned n = 0;

    (void)ctx;
    while (!atomic_load(&over)) {
        struct device d = {0}, out[8];
        struct hub_counts counts;
        struct partition p;
        uint64_t at;
        size_t listed;
        enum err e;

        snprintf(d.id, sizeof d.id, "x%u", n++ % IDS);
        e = hub_device_put(w.hub, &d, (struct match){.how = MATCH_NONE}, now(), &d, &at);
        if (e == ERR_EXISTS)
            e = hub_device_delete(w.hub, bytes_str(d.id), (struct match){.how = MATCH_ANY}, now(), &at);
        if (e || hub_device_list(w.hub, BYTES("s"), out, 8, &listed) || hub_partition(w.hub, n % 4, &p))
            return "registry";
        hub_count(w.hub, &counts);
        e = n % 2 ? hub_group_add(w.hub, BYTES("mine"), &at) : hub_group_del(w.hub, BYTES("mine"), &at);
        if (e)
            return "groups";
        atomic_fetch_add(&operated, 1);
    }
    return NULL;
}

static void *keep(void *ctx)
{
    (void)ctx;
    while (!atomic_load(&over)) {
        if (hub_checkpoint(w.hub, now()))
            return "checkpoint";
        atomic_fetch_add(&kept, 1);
    }
    return NULL;
}

/* Reads a partition as a connection does: to its end, then only when woken. */
static void *receive(void *ctx)
{
    struct flag flag = {.waker = {.wake = flag_up}};
    unsigned partition = *(unsigned *)ctx;
    struct read_options o = {.group = BYTES("$Default"), .partition = partition, .waker = &flag.waker};
    int64_t sequence = 0, wanted = 0;
    struct reader *r;
    struct event e;

    for (int i = 0; i < SENDERS; i++) {
        char id[16];

        snprintf(id, sizeof id, "s%d", i);
        wanted += hub_partition_of(w.hub, bytes_str(id)) == partition ? SENDS : 0;
    }
    if (hub_reader_open(w.hub, &o, NULL, &r))
        return "open";
    while (sequence < wanted) {
        enum err why = hub_read(r, &e);

        if (why == ERR_NOT_FOUND)
            while (!atomic_exchange(&flag.up, false))
                sched_yield(); /* a wake that is lost hangs here, until the test is stopped */
        else if (why && why != ERR_BUSY)
            return "read";
        else if (!why && e.sequence != sequence++)
            return "sequence";
    }
    hub_reader_close(r);
    return NULL;
}

/* Makes what was appended durable a little later, as the disk engine's thread does. */
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

static void start(pthread_t *t, void *(*run)(void *), void *ctx)
{
    CHECK(pthread_create(t, NULL, run, ctx) == 0);
}

static void join(pthread_t t)
{
    void *what = NULL;

    CHECK(pthread_join(t, &what) == 0);
    if (what)
        fail_msg("%s", (const char *)what);
}

TEST(senders_receivers_an_operator_and_the_checkpoint_do_not_disturb_each_other)
{
    static char ids[SENDERS][16];
    static unsigned numbers[4] = {0, 1, 2, 3};
    pthread_t senders[SENDERS], receivers[4], operator_, keeper, settler;

    world_make(&w, 1);
    w.options.random = locked_random;
    CHECK_OK(hub_init(&w.options, &w.birth, w.now_ms));
    CHECK_OK(hub_open(&w.options, &w.hub));
    for (int i = 0; i < SENDERS; i++) {
        snprintf(ids[i], sizeof ids[i], "s%d", i);
        world_add(&w, ids[i]);
    }
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    start(&settler, settle, NULL);
    start(&operator_, operate, NULL);
    start(&keeper, keep, NULL);
    for (int i = 0; i < 4; i++)
        start(&receivers[i], receive, &numbers[i]);
    for (int i = 0; i < SENDERS; i++)
        start(&senders[i], send_all, ids[i]);
    for (int i = 0; i < SENDERS; i++)
        join(senders[i]);
    for (int i = 0; i < 4; i++)
        join(receivers[i]);
    while (atomic_load(&operated) < ROUNDS || atomic_load(&kept) < ROUNDS)
        sched_yield();
    atomic_store(&over, true);
    join(operator_);
    join(keeper);
    join(settler);
    world_end(&w);
}

TESTS(RUN(senders_receivers_an_operator_and_the_checkpoint_do_not_disturb_each_other))
