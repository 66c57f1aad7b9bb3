/* Property: twins through restarts, checkpoints and power cuts, as a function of a seed. What was durable is there,
 * with its version; no version is skipped or given twice; a device hears of each change of what is desired once, in
 * order, and only when it is durable. */
#include "hub_world.h"

#include <stdlib.h>

enum { DEVICES = 3, VERSIONS_MAX = 4096, STEPS = 1500, SEEDS = 12 };

/* The outcome of a change. */
struct made {
    uint64_t at;
    int64_t desired;
    bool is_new; /* the device was made, or made again */
    char *seen;  /* the twin as a service gets it */
};

struct thing {
    char id[8];
    struct seat *seat;
    int64_t heard; /* the last version of desired that it was told of */
    struct made made[VERSIONS_MAX];
    size_t n;
};

static struct world w;
static struct bell bell;
static struct thing things[DEVICES];

static char *look(const struct thing *t, int64_t *desired)
{
    struct buf json = buf_max(TWIN_JSON_MAX);
    struct twin_head head;
    char *out;

    CHECK_OK(hub_twin_read(w.hub, bytes_str(t->id), TWIN_FOR_SERVICE, &json, &head, NULL));
    buf_printf(&json, " %s %lld", head.etag, (long long)head.version);
    *desired = head.desired_version;
    out = strdup(buf_str(&json));
    buf_free(&json);
    return out;
}

static void note(struct thing *t, uint64_t at, bool is_new)
{
    struct made *m = &t->made[t->n++];

    CHECK(t->n < VERSIONS_MAX);
    *m = (struct made){.at = at, .is_new = is_new};
    m->seen = look(t, &m->desired);
}

static void forget_from(struct thing *t, size_t n)
{
    while (t->n > n)
        free(t->made[--t->n].seen);
}

static void sit(struct thing *t)
{
    t->seat = world_sit(&w, t->id, &bell);
    hub_desired_take(t->seat, true);
    t->heard = t->made[t->n - 1].desired;
}

/* ---- what happens ---------------------------------------------------------------------------------------------- */

static void make_text(char out[64])
{
    static const char *const values[] = {"1", "null", "{\"x\":2}", "{\"x\":null}", "[true]", "\"\\n\""};

    snprintf(out, 64, "{\"%c\":%s,\"z\":%u}", 'a' + world_below(&w, 4), values[world_below(&w, 6)],
             world_below(&w, 1000));
}

static void change(struct thing *t)
{
    struct twin_change c = {0};
    struct twin_fault fault;
    char text[64];
    uint64_t at;

    make_text(text);
    c.replace = !strstr(text, "null") && world_below(&w, 3) == 0;
    c.part[world_below(&w, 3) ? TWIN_DESIRED : TWIN_TAGS] = bytes_str(text);
    CHECK_OK(hub_twin_change(w.hub, bytes_str(t->id), &c, w.now_ms, &fault, &at));
    note(t, at, false);
}

static void report(struct thing *t)
{
    struct twin_fault fault;
    int64_t version;
    char text[64];
    uint64_t at;

    make_text(text);
    CHECK_OK(hub_twin_report(t->seat, bytes_str(text), -1, w.now_ms, &fault, &version, &at));
    note(t, at, false);
}

static void make_again(struct thing *t)
{
    struct device wanted = device_named(t->id), d;
    uint64_t at;

    CHECK_OK(hub_device_delete(w.hub, bytes_str(t->id), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
    CHECK_ERR(seat_state(t->seat), ERR_NOT_FOUND);
    hub_detach(t->seat, w.now_ms);
    CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_NONE}, w.now_ms, &d, &at));
    note(t, at, true);
    /* A cut between the two would leave no device. */
    memory_store_settle(w.store, UINT64_MAX);
    sit(t);
}

static void hear(struct thing *t)
{
    struct buf room = buf_max(TWIN_JSON_MAX);
    uint64_t durable = store_durable(w.store);
    struct desired d;

    while (!hub_desired_next(t->seat, &room, &d)) {
        size_t i = t->n;

        CHECK(d.version == t->heard + 1);
        t->heard = d.version;
        while (i > 0 && t->made[i - 1].desired >= d.version)
            i--;
        CHECK(i < t->n && t->made[i].desired == d.version && t->made[i].at < durable);
    }
    buf_free(&room);
}

/* All that is durable was heard. */
static void check_heard(struct thing *t)
{
    size_t i = t->n;

    hear(t);
    while (i > 0 && t->made[i - 1].at >= store_durable(w.store))
        i--;
    CHECK(!i || t->heard >= t->made[i - 1].desired);
}

/* ---- ends ------------------------------------------------------------------------------------------------------ */

static void check_all(void)
{
    for (size_t i = 0; i < DEVICES; i++) {
        struct thing *t = &things[i];
        int64_t desired;
        char *seen = look(t, &desired);

        if (strcmp(seen, t->made[t->n - 1].seen) != 0)
            fail_msg("%s is %s, not %s", t->id, seen, t->made[t->n - 1].seen);
        free(seen);
    }
}

static void stand_up(void)
{
    for (size_t i = 0; i < DEVICES; i++)
        hub_detach(things[i].seat, w.now_ms);
}

static void sit_again(void)
{
    check_all();
    for (size_t i = 0; i < DEVICES; i++)
        sit(&things[i]);
}

static void restart(void)
{
    memory_store_settle(w.store, UINT64_MAX); /* as a store that is closed does */
    stand_up();
    world_restart(&w);
    sit_again();
}

static void cut_power(void)
{
    uint64_t durable = store_durable(w.store);

    stand_up();
    world_crash(&w);
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    for (size_t i = 0; i < DEVICES; i++) {
        size_t n = things[i].n;

        while (n > 1 && things[i].made[n - 1].at >= durable)
            n--;
        forget_from(&things[i], n);
    }
    sit_again();
}

static void step(void)
{
    struct thing *t = &things[world_below(&w, DEVICES)];

    w.now_ms += world_below(&w, 50);
    switch (world_below(&w, 24)) {
    case 0:
        restart();
        break;
    case 1:
        cut_power();
        break;
    case 2:
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        break;
    case 3:
        make_again(t);
        break;
    case 4:
    case 5:
    case 6:
        memory_store_settle(w.store, UINT64_MAX);
        break;
    case 7:
    case 8:
        hear(t);
        break;
    case 9:
        check_heard(t);
        break;
    default:
        if (world_below(&w, 3))
            change(t);
        else
            report(t);
    }
    check_all();
}

static void live(uint64_t seed)
{
    world_start(&w, seed);
    bell = bell_new();
    for (size_t i = 0; i < DEVICES; i++) {
        snprintf(things[i].id, sizeof things[i].id, "t%zu", i);
        world_add(&w, things[i].id);
        note(&things[i], 0, true);
        sit(&things[i]);
    }
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    for (int i = 0; i < STEPS; i++)
        step();
    stand_up();
    for (size_t i = 0; i < DEVICES; i++)
        forget_from(&things[i], 0);
    world_end(&w);
}

TEST(twins_live_through_restarts_and_power_cuts)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        live(seed);
}

TESTS(RUN(twins_live_through_restarts_and_power_cuts))
