/* Property: whatever has been created, changed and deleted, and however far the indexes are, a query finds what it
 * finds without them: the same rows on the same pages. */
#include "query_run.h"

#include "hub_world.h"
#include "twin_term.h"

enum { SEEDS = 12, STEPS = 400, NAMES = 60, TURNS_MAX = 4 };

static struct world w;

/* Conditions that have an index, with what is chosen each time: a tag is 0 to 3, a text or a boolean. */
static const char *const conditions[] = {
    "tags.floor = %u",
    "tags.floor IN [%u, 'x', true]",
    "tags.floor = %u.0 AND status = 'enabled'",
    "status = 'disabled'",
    "status IN ['disabled', 'enabled']",
    "tags.room.number = %u AND tags.floor = 1",
    "deviceId != 'd1' AND %u = tags.floor",
    "properties.desired.level = %u",
    "tags.floor = 'x' AND tags.floor = %u",
    "tags.floor = null",
    "tags.[[floor]] = 'x' AND STARTSWITH(deviceId, 'd')",
    "status = 'disabled' AND tags.floor = %u",
    "properties.desired.$version = 2",
    "tags.floor = %u OR tags.floor = 'x'",
    "tags.floor = %u OR tags.room.number = 2 OR status = 'disabled'",
    "tags.floor = %u OR deviceId = 'd7'",
    "deviceId = 'd7' OR deviceId IN ['d%u', 'd3', 'd7']",
    "(tags.floor = 'x' AND tags.room.number = %u) OR (properties.desired.level = 1 AND status = 'disabled')",
    "status = 'enabled' AND (tags.floor = %u OR properties.desired.level = 2)",
    "tags.floor = %u AND properties.desired.level > 1",
    "tags.floor = %u OR tags.floor = null",
};
enum { CONDITIONS = sizeof conditions / sizeof *conditions };

/* ---- what happens to them --------------------------------------------------------------------------------------- */

static const char *some_name(char out[64])
{
    unsigned n = world_below(&w, NAMES);

    if (world_below(&w, 4))
        snprintf(out, 64, "d%u", n);
    else
        snprintf(out, 64, "d%u/m%u", n, world_below(&w, 2));
    return out;
}

static void put(const char *name, bool disabled)
{
    struct device wanted = device_named(name), made;
    struct match match = {.how = MATCH_NONE};
    uint64_t at;
    enum err e;

    wanted.disabled = disabled;
    if (!hub_device_get(w.hub, bytes_str(name), &made))
        match.how = MATCH_ANY;
    e = hub_device_put(w.hub, &wanted, match, w.now_ms, &made, &at);
    if (e != ERR_NOT_FOUND) /* a module without its device */
        CHECK_OK(e);
}

static void drop(const char *name)
{
    uint64_t at;
    enum err e = hub_device_delete(w.hub, bytes_str(name), (struct match){.how = MATCH_ANY}, w.now_ms, &at);

    if (e != ERR_NOT_FOUND)
        CHECK_OK(e);
}

static void change(const char *name)
{
    static const char *const tags[] = {
        "{\"floor\":%u}",
        "{\"floor\":%u.0,\"room\":{\"number\":2}}",
        "{\"floor\":\"x\"}",
        "{\"floor\":null}",
        "{\"room\":{\"number\":%u}}",
        "{\"floor\":{\"number\":%u}}",
        "{\"floor\":true}",
        "{\"room\":1}",
    };
    char text[64], level[32];
    struct twin_change c = {.replace = !world_below(&w, 8)};
    struct twin_fault fault;
    uint64_t at;
    enum err e;

    snprintf(text, sizeof text, tags[world_below(&w, sizeof tags / sizeof *tags)], world_below(&w, 4));
    snprintf(level, sizeof level, "{\"level\":%u}", world_below(&w, 4));
    c.part[TWIN_TAGS] = bytes_str(text);
    if (!world_below(&w, 3))
        c.part[TWIN_DESIRED] = bytes_str(level);
    e = hub_twin_change(w.hub, bytes_str(name), &c, w.now_ms, &fault, &at);
    /* A replacement holds no nulls. */
    if (e != ERR_NOT_FOUND && !(e == ERR_ARGUMENT && c.replace))
        CHECK_OK(e);
}

static void happen(void)
{
    char name[64];

    some_name(name);
    w.now_ms += world_below(&w, 1000);
    switch (world_below(&w, 10)) {
    case 0:
        drop(name);
        break;
    case 1:
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        break;
    case 2:
    case 3:
        put(name, true);
        break;
    case 4:
        put(name, false);
        break;
    default:
        change(name);
        break;
    }
}

/* ---- what is asked ---------------------------------------------------------------------------------------------- */

/* All pages, one line each. */
static void ask(const char *condition, bool modules, size_t most, struct buf *out)
{
    struct buf text = buf_max(QUERY_LEN_MAX), place = buf_max(1024);
    struct complaint why;
    bool more = true;

    buf_printf(&text, "SELECT deviceId, moduleId, tags FROM devices%s WHERE %s", modules ? ".modules" : "", condition);
    while (more) {
        struct query_run *run;
        bool end = false;

        CHECK_OK(query_run_new(w.hub, NULL, buf_bytes(&text), most, buf_bytes(&place), &why, &run));
        while (!end)
            CHECK_OK(query_run_turn(run, &end));
        buf_put(out, query_run_rows(run));
        buf_puts(out, "\n");
        buf_clear(&place);
        buf_put(&place, query_run_continuation(run));
        more = place.len > 0;
        query_run_free(run);
    }
    CHECK(!out->bad);
    buf_free(&text);
    buf_free(&place);
}

static void compare(void)
{
    struct buf by_index = buf_max(1 << 20), by_scan = buf_max(1 << 20);
    bool modules = !world_below(&w, 3);
    size_t most = 1 + world_below(&w, 20);
    char condition[128], hidden[160];

    snprintf(condition, sizeof condition, conditions[world_below(&w, CONDITIONS)], world_below(&w, 4));
    snprintf(hidden, sizeof hidden, "NOT (NOT (%s))", condition); /* in which nobody finds an equality */
    ask(condition, modules, most, &by_index);
    ask(hidden, modules, most, &by_scan);
    if (!bytes_eq(buf_bytes(&by_index), buf_bytes(&by_scan)))
        fail_msg("%s: %.*s instead of %.*s", condition, BYTES_ARG(buf_bytes(&by_index)),
                 BYTES_ARG(buf_bytes(&by_scan)));
    buf_free(&by_index);
    buf_free(&by_scan);
}

TEST(an_index_changes_no_answer)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world_start(&w, seed);
        for (unsigned step = 0; step < STEPS; step++) {
            happen();
            for (unsigned turns = world_below(&w, TURNS_MAX); turns; turns--)
                (void)hub_index_turn(w.hub);
            if (step % 4 == 0)
                compare();
        }
        world_end(&w);
    }
}

/* ---- that there is one ------------------------------------------------------------------------------------------ */

static enum err look(const char *name, uint64_t term, struct buf *names)
{
    const struct index_path path = {.section = TWIN_TAGS, .names = bytes_of((const uint8_t *)name, strlen(name) + 1)};
    size_t n;

    buf_clear(names);
    return hub_index_names(w.hub, &(struct index_way){path, &term, 1}, 1, NO_BYTES, names, 10, &n);
}

static void tag(const char *id, const char *tags)
{
    struct twin_change c = {.part = {[TWIN_TAGS] = bytes_str(tags)}};
    struct twin_fault fault;
    uint64_t at;

    CHECK_OK(hub_twin_change(w.hub, bytes_str(id), &c, w.now_ms, &fault, &at));
}

TEST(the_first_question_is_a_wish)
{
    struct buf names = buf_max(4096);

    world_start(&w, 7);
    world_add(&w, "b");
    world_add(&w, "a");
    tag("b", "{\"floor\":2}");
    CHECK(look("floor", twin_term_number(2), &names) == ERR_NOT_FOUND);
    while (hub_index_turn(w.hub))
        tag("a", "{\"floor\":2}");
    CHECK_OK(look("floor", twin_term_number(2), &names));
    CHECK_BYTES(buf_bytes(&names), BYTES("a\0b\0"));
    tag("b", "{\"floor\":3}");
    CHECK_OK(look("floor", twin_term_number(2), &names));
    CHECK_BYTES(buf_bytes(&names), BYTES("a\0"));
    buf_free(&names);
    world_end(&w);
}

/* How many turns all its rows take. */
static unsigned turns_of(const char *condition)
{
    struct buf text = buf_max(QUERY_LEN_MAX);
    struct complaint why;
    struct query_run *run;
    unsigned turns = 0;
    bool end = false;

    buf_printf(&text, "SELECT deviceId FROM devices WHERE %s", condition);
    CHECK_OK(query_run_new(w.hub, NULL, buf_bytes(&text), 100, NO_BYTES, &why, &run));
    for (; !end; turns++)
        CHECK_OK(query_run_turn(run, &end));
    query_run_free(run);
    buf_free(&text);
    return turns;
}

TEST(only_what_an_index_leads_to_is_looked_at)
{
    static const char *const few[] = {
        "tags.floor = 2",
        "tags.floor IN [2, 3]",
        "tags.floor = 2 OR tags.floor = 3",
        "tags.floor = 2 OR status = 'disabled'",
        "version > 0 AND (tags.floor = 2 OR tags.room = 1)",
        "(tags.floor = 2 AND version > 0) OR (version > 0 AND tags.room = 1)",
        "tags.kind = 'lamp' AND tags.floor = 2",
        "deviceId = 'a1' OR deviceId = 'a2'",
    };
    enum { DEVICES = 8 * QUERY_TURN };
    char name[16];

    world_start(&w, 7);
    for (unsigned i = 0; i < DEVICES; i++) {
        snprintf(name, sizeof name, "a%u", i);
        world_add(&w, name);
        tag(name, i % 100 ? "{\"kind\":\"lamp\"}" : "{\"kind\":\"lamp\",\"floor\":2,\"room\":1}");
    }
    for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
        (void)turns_of(few[i]);
        while (hub_index_turn(w.hub))
            ;
        if (turns_of(few[i]) != 1)
            fail_msg("%s", few[i]);
    }
    CHECK(turns_of("status = 'enabled' AND NOT (tags.floor != 2)") >= DEVICES / QUERY_TURN);
    world_end(&w);
}

/* A ninth path waits until one of the eight has not been asked for in a while. */
TEST(the_index_that_nobody_asks_for_makes_room)
{
    struct buf names = buf_max(4096);
    char name[8];

    world_start(&w, 7);
    world_add(&w, "a");
    for (unsigned i = 0; i < INDEXES_MAX; i++) {
        snprintf(name, sizeof name, "t%u", i);
        CHECK(look(name, 1, &names) == ERR_NOT_FOUND);
    }
    while (hub_index_turn(w.hub))
        ;
    CHECK(look("ninth", 1, &names) == ERR_NOT_FOUND);
    CHECK(!hub_index_turn(w.hub));
    for (unsigned i = 0; i < INDEX_RESTS; i++)
        CHECK_OK(look("t1", 1, &names));
    CHECK(look("ninth", 1, &names) == ERR_NOT_FOUND);
    while (hub_index_turn(w.hub))
        ;
    CHECK_OK(look("ninth", 1, &names));
    CHECK_OK(look("t1", 1, &names));
    buf_free(&names);
    world_end(&w);
}

TESTS(cmocka_unit_test(an_index_changes_no_answer), cmocka_unit_test(only_what_an_index_leads_to_is_looked_at),
      cmocka_unit_test(the_first_question_is_a_wish), cmocka_unit_test(the_index_that_nobody_asks_for_makes_room))
