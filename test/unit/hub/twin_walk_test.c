/* Property: whatever happens between the names of a walk and the look at one of them, it gives what hub_twin_copy()
 * gives; and who is there all the time is named exactly once. */
#include "identities.h"
#include "twins.h"

#include "hub_world.h"

enum { SEEDS = 20, ROUNDS = 60, NAMES = 80, CHANGES = 40 };

static struct world w;

/* ---- what happens ---------------------------------------------------------------------------------------------- */

static void some_name(char out[32])
{
    unsigned n = world_below(&w, NAMES);

    if (world_below(&w, 3))
        snprintf(out, 32, "d%u", n);
    else
        snprintf(out, 32, "d%u/m%u", n, world_below(&w, 3));
}

static void put(const char *name)
{
    struct device wanted = device_named(name), made;
    struct match match = {.how = MATCH_NONE};
    uint64_t at;
    enum err e;

    wanted.disabled = world_below(&w, 2);
    if (!hub_device_get(w.hub, bytes_str(name), &made))
        match.how = MATCH_ANY;
    e = hub_device_put(w.hub, &wanted, match, w.now_ms, &made, &at);
    if (e != ERR_NOT_FOUND) /* a module without its device */
        CHECK_OK(e);
}

static void change(const char *name)
{
    struct twin_change c = {0};
    struct twin_fault fault;
    char tags[32];
    uint64_t at;
    enum err e;

    snprintf(tags, sizeof tags, "{\"n\":%u}", world_below(&w, 1000));
    c.part[TWIN_TAGS] = bytes_str(tags);
    e = hub_twin_change(w.hub, bytes_str(name), &c, w.now_ms, &fault, &at);
    if (e != ERR_NOT_FOUND)
        CHECK_OK(e);
}

/* Everything leaves memory that may, as if many others had come. */
static void forget(void)
{
    struct identity *i;

    for (size_t n = 0; n < SHARDS; n++) {
        struct shard *s = &w.hub->shards[n];

        mutex_lock(&s->lock);
        for (size_t at = 0; (i = map_next(&s->identities, &at));) {
            if (i->twin && !twin_is_dirty(i->twin))
                twin_leave_memory(i);
            if (!world_below(&w, 2) || !identity_leaves(w.hub, i))
                continue;
            map_del(&s->identities, bytes_str(i->device.id));
            identity_free(s, i);
        }
        mutex_unlock(&s->lock);
    }
}

static void happen(void)
{
    char name[32];
    uint64_t at;
    enum err e;

    some_name(name);
    w.now_ms += 1000;
    switch (world_below(&w, 12)) {
    case 0:
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        return;
    case 1:
        forget();
        return;
    case 2:
        e = hub_device_delete(w.hub, bytes_str(name), (struct match){.how = MATCH_ANY}, w.now_ms, &at);
        if (e != ERR_NOT_FOUND)
            CHECK_OK(e);
        return;
    case 3:
    case 4:
    case 5:
    case 6:
        put(name);
        return;
    default:
        change(name);
    }
}

/* ---- what is seen ---------------------------------------------------------------------------------------------- */

static void check_same(struct twin_walk *walk, struct bytes name)
{
    struct buf copied = buf_max(TWIN_RUN_MAX);
    const struct device *device;
    struct device wanted;
    struct bytes run;
    enum err e = hub_twin_copy(w.hub, name, &copied, &wanted, NULL);

    CHECK(hub_twin_walk_read(walk, name, &device, &run) == e);
    if (!e) {
        CHECK_BYTES(run, buf_bytes(&copied));
        assert_string_equal(device->id, wanted.id);
        assert_string_equal(device->generation, wanted.generation);
        assert_string_equal(device->etag, wanted.etag);
        CHECK(device->disabled == wanted.disabled && device->status_ms == wanted.status_ms);
        CHECK(bytes_eq(name, bytes_str(device->id)));
    }
    buf_free(&copied);
}

static size_t count_of(struct bytes names, const char *name)
{
    size_t n = 0;

    while (names.len)
        n += bytes_eq(bytes_cut(&names, 0), bytes_str(name));
    return n;
}

/* Of the names before it began: who is there all the time. */
static void check_all_named(bool modules, struct bytes before, struct bytes names, uint64_t generations)
{
    struct bytes rest = before;

    while (rest.len) {
        struct bytes name = bytes_cut(&rest, 0);
        struct device d;

        if (hub_device_get(w.hub, name, &d) || strtoull(d.generation, NULL, 10) > generations)
            continue;
        CHECK(count_of(names, d.id) == 1);
        CHECK(identity_is_module(name) == modules);
    }
}

static void list(bool modules, struct buf *out)
{
    size_t n;

    buf_clear(out);
    CHECK_OK(hub_identity_names(w.hub, modules, NO_BYTES, out, 1000, &n));
}

static void walk_all(bool quiet)
{
    struct buf before = buf_max(1 << 20), all = buf_max(1 << 20), names = buf_max(1 << 20);
    bool modules = world_below(&w, 2), last = false;
    uint64_t generations = (uint64_t)w.hub->last_generation;
    char after[IDENTITY_LEN_MAX + 1] = "";
    struct twin_walk *walk;

    list(modules, &before);
    CHECK_OK(hub_twin_walk_new(w.hub, modules, &walk));
    while (!last) {
        struct bytes rest;

        buf_clear(&names);
        CHECK_OK(hub_twin_walk_names(walk, bytes_str(after), 1 + world_below(&w, 30), &names, &last));
        CHECK(last || names.len);
        buf_put(&all, buf_bytes(&names));
        for (rest = buf_bytes(&names); rest.len;) {
            struct bytes name = bytes_cut(&rest, 0);

            for (unsigned n = quiet ? 0 : world_below(&w, 3); n; n--)
                happen();
            CHECK(bytes_cmp(name, bytes_str(after)) > 0);
            CHECK(bytes_to_str(name, after, sizeof after));
            check_same(walk, name);
        }
    }
    check_all_named(modules, buf_bytes(&before), buf_bytes(&all), generations);
    check_same(walk, BYTES("d1"));
    check_same(walk, BYTES("never there"));
    hub_twin_walk_free(walk);
    buf_free(&before);
    buf_free(&all);
    buf_free(&names);
}

TEST(a_walk_sees_what_a_look_at_each_sees)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_start(&w, seed);
        for (unsigned round = 0; round < ROUNDS; round++) {
            for (unsigned n = world_below(&w, CHANGES); n; n--)
                happen();
            if (!world_below(&w, 10))
                world_restart(&w);
            walk_all(world_below(&w, 2));
        }
        world_end(&w);
    }
}

/* ---- large ones ------------------------------------------------------------------------------------------------ */

/* A slice ends where it is full of bytes, and the walk goes on behind it. */
TEST(a_slice_of_large_twins_is_short)
{
    enum { DEVICES = 12, TEXT = 4000, TEXTS = 6 };
    struct buf tags = buf_max(1 << 20), names = buf_max(4096);
    struct twin_change c = {0};
    struct twin_fault fault;
    char after[IDENTITY_LEN_MAX + 1] = "", name[16];
    unsigned n = 0, slices = 0;
    struct twin_walk *walk;
    bool last = false;
    uint64_t at;

    for (unsigned i = 0; i < TEXTS; i++)
        buf_printf(&tags, "%s\"t%u\":\"%0*d\"", i ? "," : "{", i, TEXT, 0);
    buf_puts(&tags, "}");
    world_start(&w, 3);
    c.part[TWIN_TAGS] = buf_bytes(&tags);
    for (unsigned i = 0; i < DEVICES; i++) {
        snprintf(name, sizeof name, "d%02u", i);
        world_add(&w, name);
        CHECK_OK(hub_twin_change(w.hub, bytes_str(name), &c, w.now_ms, &fault, &at));
    }
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    world_add(&w, "a");
    world_add(&w, "z");
    CHECK_OK(hub_twin_walk_new(w.hub, false, &walk));
    for (; !last; slices++) {
        struct bytes rest;

        buf_clear(&names);
        CHECK_OK(hub_twin_walk_names(walk, bytes_str(after), 100, &names, &last));
        for (rest = buf_bytes(&names); rest.len; n++) {
            struct bytes id = bytes_cut(&rest, 0);

            check_same(walk, id);
            CHECK(bytes_to_str(id, after, sizeof after));
        }
    }
    CHECK(n == DEVICES + 2);
    CHECK(slices == DEVICES / (QUERY_SCAN_BYTES / (TEXT * TEXTS) + 1));
    hub_twin_walk_free(walk);
    buf_free(&tags);
    buf_free(&names);
    world_end(&w);
}

TESTS(cmocka_unit_test(a_walk_sees_what_a_look_at_each_sees), cmocka_unit_test(a_slice_of_large_twins_is_short))
