/* Twins of a hub: who changes them, what is refused, what is there after a restart, and what the device is told. */
#include "twin_record.h"

#include "hub_world.h"

static struct world w;
static struct bell bell;
static struct seat *seat;

static int start(void **state)
{
    (void)state;
    world_start(&w, 12);
    w.options.twin_bytes = 0;
    world_add(&w, "door");
    bell = bell_new();
    seat = world_sit(&w, "door", &bell);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    hub_detach(seat, w.now_ms);
    seat = NULL;
    world_end(&w);
    return 0;
}

static enum err service(const char *tags, const char *desired, bool replace, struct match match)
{
    struct twin_change c = {.part = {bytes_str(tags), bytes_str(desired)}, .replace = replace, .match = match};
    struct twin_fault fault;
    uint64_t at;

    return hub_twin_change(w.hub, BYTES("door"), &c, w.now_ms, &fault, &at);
}

static enum err patch(const char *tags, const char *desired)
{
    return service(tags, desired, false, (struct match){.how = MATCH_NONE, .etag = NO_BYTES});
}

static int64_t report(const char *reported)
{
    struct twin_fault fault;
    int64_t version;
    uint64_t at;

    CHECK_OK(hub_twin_report(seat, bytes_str(reported), -1, w.now_ms, &fault, &version, &at));
    return version;
}

static void check_device_sees(const char *wanted)
{
    struct buf json = buf_max(1 << 20);

    CHECK_OK(hub_twin_read(w.hub, BYTES("door"), TWIN_FOR_DEVICE, &json, NULL, NULL));
    CHECK_BYTES(buf_bytes(&json), bytes_str(wanted));
    buf_free(&json);
}

static void check_service_sees(const char *wanted)
{
    struct buf json = buf_max(1 << 20);

    CHECK_OK(hub_twin_read(w.hub, BYTES("door"), TWIN_FOR_SERVICE, &json, NULL, NULL));
    CHECK_BYTES(buf_bytes(&json), bytes_str(wanted));
    buf_free(&json);
}

static struct twin_head head(void)
{
    struct buf json = buf_max(1 << 20);
    struct twin_head out;

    CHECK_OK(hub_twin_read(w.hub, BYTES("door"), TWIN_FOR_DEVICE, &json, &out, NULL));
    buf_free(&json);
    return out;
}

/* Seats are gone while the hub is. */
static void restart(void (*how)(struct world *))
{
    hub_detach(seat, w.now_ms);
    how(&w);
    seat = world_sit(&w, "door", &bell);
}

/* ---- versions -------------------------------------------------------------------------------------------------- */

TEST(a_new_device_has_a_fresh_twin)
{
    struct twin_head h = head();

    check_device_sees("{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    check_service_sees("\"properties\":{\"desired\":{\"$metadata\":{\"$lastUpdated\":\"0001-01-01T00:00:00Z\"},"
                       "\"$version\":1},\"reported\":{\"$metadata\":{\"$lastUpdated\":\"0001-01-01T00:00:00Z\"},"
                       "\"$version\":1}}");
    assert_string_equal(h.etag, "AAAAAAAAAAE=");
    CHECK(h.version == 2 && h.desired_version == 1 && h.reported_version == 1);
}

/* service 4.6: 1, then 2 by desired, 2 by tags, 3 by both, 4 by a null; reported has its own, and no ETag */
TEST(each_change_makes_its_versions)
{
    static const struct {
        const char *tags, *desired;
        int64_t desired_version;
    } steps[] = {{NULL, "{\"a\":1}", 2},    {"{\"x\":1}", NULL, 2}, {"{\"x\":2}", "{\"a\":1}", 3},
                 {NULL, "{\"a\":null}", 4}, {NULL, "{}", 4},        {NULL, "{\"$version\":9}", 4}};
    struct twin_head before, after;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bool changes = i < 4;

        before = head();
        CHECK_OK(patch(steps[i].tags, steps[i].desired));
        after = head();
        CHECK(after.desired_version == steps[i].desired_version && after.reported_version == 1);
        CHECK(after.version == before.version + changes);
        CHECK((strcmp(before.etag, after.etag) != 0) == changes);
    }
    CHECK(report("{\"r\":1}") == 2);
    CHECK(report("{}") == 3);
    CHECK(strcmp(head().etag, after.etag) == 0);
    CHECK(head().version == after.version + 2);
    check_device_sees("{\"desired\":{\"$version\":4},\"reported\":{\"r\":1,\"$version\":3}}");
}

TEST(a_device_that_is_made_again_begins_anew)
{
    uint64_t at;

    CHECK_OK(patch("{\"x\":1}", "{\"a\":1}"));
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    for (int round = 0; round < 3; round++) {
        CHECK_OK(
            hub_device_delete(w.hub, BYTES("door"), (struct match){.how = MATCH_ANY, .etag = NO_BYTES}, w.now_ms, &at));
        world_add(&w, "door");
        check_device_sees("{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
        if (round == 1)
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        if (round == 2)
            restart(world_restart);
        check_device_sees("{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
        CHECK_OK(patch(NULL, "{\"b\":1}"));
    }
}

/* ---- what is refused ------------------------------------------------------------------------------------------- */

TEST(a_change_goes_by_the_etag)
{
    struct twin_head h = head();

    CHECK_ERR(service("{\"x\":1}", NULL, false, (struct match){.how = MATCH_ETAG, .etag = BYTES("abc")}),
              ERR_PRECONDITION);
    CHECK_ERR(service("{}", NULL, false, (struct match){.how = MATCH_ETAG, .etag = BYTES("abc")}), ERR_PRECONDITION);
    CHECK_OK(service("{\"x\":1}", NULL, false, (struct match){.how = MATCH_ETAG, .etag = bytes_str(h.etag)}));
    CHECK_ERR(service("{\"x\":2}", NULL, false, (struct match){.how = MATCH_ETAG, .etag = bytes_str(h.etag)}),
              ERR_PRECONDITION);
    CHECK_OK(service("{\"x\":3}", NULL, true, (struct match){.how = MATCH_ANY, .etag = NO_BYTES}));
    CHECK(head().version == h.version + 2);
}

TEST(a_report_goes_by_the_version)
{
    struct twin_fault fault;
    int64_t version;
    uint64_t at;

    CHECK_ERR(hub_twin_report(seat, BYTES("{\"r\":1}"), 2, w.now_ms, &fault, &version, &at), ERR_PRECONDITION);
    CHECK_OK(hub_twin_report(seat, BYTES("{\"r\":1}"), 1, w.now_ms, &fault, &version, &at));
    CHECK(version == 2);
    CHECK_ERR(hub_twin_report(seat, BYTES("{\"r\":2}"), 1, w.now_ms, &fault, &version, &at), ERR_PRECONDITION);
    check_device_sees("{\"desired\":{\"$version\":1},\"reported\":{\"r\":1,\"$version\":2}}");
}

TEST(what_is_refused_changes_nothing)
{
    struct twin_fault fault;
    int64_t version;
    uint64_t at, end;

    CHECK_OK(patch("{\"x\":1}", "{\"a\":1}"));
    end = hub_seen(w.hub);
    CHECK_ERR(patch("{\"x\":2}", "{\"a\":[null]}"), ERR_ARGUMENT);
    CHECK_ERR(patch("{\"x\":2", NULL), ERR_MALFORMED);
    CHECK_ERR(service("{\"x\":null}", NULL, true, (struct match){.how = MATCH_NONE, .etag = NO_BYTES}), ERR_ARGUMENT);
    CHECK_ERR(hub_twin_report(seat, BYTES("[1]"), -1, w.now_ms, &fault, &version, &at), ERR_MALFORMED);
    CHECK_ERR(hub_twin_change(w.hub, BYTES("window"), &(struct twin_change){.part = {BYTES("{\"x\":1}")}}, w.now_ms,
                              &fault, &at),
              ERR_NOT_FOUND);
    CHECK(hub_seen(w.hub) == end);
    CHECK(head().version == 3);
}

static enum err report_text(size_t n, char key, struct twin_fault *fault)
{
    struct buf json = buf_max(1 << 20);
    int64_t version;
    uint64_t at;
    enum err e;

    buf_printf(&json, "{\"%c\":\"", key);
    for (size_t i = 0; i < n; i++)
        buf_put_u8(&json, 'x');
    buf_puts(&json, "\"}");
    e = hub_twin_report(seat, buf_bytes(&json), -1, w.now_ms, fault, &version, &at);
    buf_free(&json);
    return e;
}

/* device 7.1: keys and values count, 8 for a number, 4 for a boolean; only what makes it longer is refused */
TEST(a_section_has_a_limit_for_what_makes_it_longer)
{
    struct twin_fault fault;

    for (char key = 'a'; key < 'h'; key++)
        CHECK_OK(report_text(4096, key, &fault));
    CHECK_OK(report_text(4095 - 7, 'h', &fault));
    CHECK_ERR(report_text(4096, 'h', &fault), ERR_TOO_LARGE);
    assert_string_equal(fault.why, "The maximum size of 'Properties.Reported' is 32768 bytes.");
    CHECK_ERR(report_text(1, 'i', &fault), ERR_TOO_LARGE);
    CHECK_OK(report_text(1, 'h', &fault));
    CHECK_OK(report_text(4000, 'i', &fault));
}

TEST(what_counts_nothing_has_a_limit_too)
{
    struct buf json = buf_max(1 << 20);
    struct twin_fault fault;
    enum err e = OK;
    int64_t version;
    uint64_t at;

    for (char key = 'a'; !e && key <= 'z'; key++) {
        buf_clear(&json);
        buf_printf(&json, "{\"%c\":[[]", key);
        for (int i = 0; i < 20000; i++)
            buf_puts(&json, ",[]");
        buf_puts(&json, "]}");
        e = hub_twin_report(seat, buf_bytes(&json), -1, w.now_ms, &fault, &version, &at);
    }
    CHECK_ERR(e, ERR_TOO_LARGE);
    buf_free(&json);
}

/* ---- what stays ------------------------------------------------------------------------------------------------ */

TEST(a_twin_is_there_after_a_restart)
{
    static const char *const all =
        "{\"desired\":{\"a\":{\"b\":1.50},\"$version\":2},\"reported\":{\"r\":[1,{\"x\":true}],"
        "\"$version\":2}}";
    uint64_t at;

    CHECK_OK(patch("{\"t\":\"\xC3\xA4\\n\"}", "{\"a\":{\"b\":1.50}}"));
    report("{\"r\":[1,{\"x\":true}]}");
    CHECK_OK(hub_model_set(seat, BYTES("dtmi:com:example:Door;1"), w.now_ms, &at));
    CHECK(at);
    CHECK_OK(hub_model_set(seat, BYTES("dtmi:com:example:Door;1"), w.now_ms, &at));
    CHECK(!at);
    for (int round = 0; round < 3; round++) {
        restart(round == 1 ? world_crash : world_restart);
        check_device_sees(all);
        assert_string_equal(head().model, "dtmi:com:example:Door;1");
        CHECK(head().version == 4);
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    }
}

/* The checkpoint knows more than the place it says: patches that it has are not applied again. */
TEST(a_patch_is_applied_once)
{
    struct cursor c = {.kind = REC_TWIN, .lane = -1};
    struct record r;

    for (int i = 0; i < 5; i++)
        CHECK(report("{\"r\":{\"x\":1}}") == i + 2);
    report("{\"r\":null}");
    while (!store_read(w.store, &c, &r))
        CHECK_OK(hub_apply(w.hub, &r));
    store_cursor_close(w.store, &c);
    check_device_sees("{\"desired\":{\"$version\":1},\"reported\":{\"$version\":7}}");
}

/* ---- what the device is told ----------------------------------------------------------------------------------- */

static void check_told(int64_t version, const char *json)
{
    struct buf room = buf_max(1 << 20);
    struct desired d;

    CHECK_OK(hub_desired_next(seat, &room, &d));
    CHECK(d.version == version);
    CHECK_BYTES(d.json, bytes_str(json));
    buf_free(&room);
}

static void check_told_nothing(void)
{
    struct buf room = buf_max(1 << 20);
    struct desired d;

    CHECK_ERR(hub_desired_next(seat, &room, &d), ERR_NOT_FOUND);
    buf_free(&room);
}

TEST(a_device_is_told_in_order_of_what_it_wants_to_hear)
{
    CHECK_OK(patch(NULL, "{\"before\":1}"));
    check_told_nothing();
    hub_desired_take(seat, true);
    check_told_nothing();
    CHECK_OK(patch(NULL, "{\"b\":1,\"a\":{\"x\":null}}"));
    CHECK_OK(patch("{\"t\":1}", NULL));
    report("{\"r\":1}");
    CHECK_OK(patch(NULL, "{\"b\":1}"));
    CHECK(bell.rung == 2);
    check_told(3, "{\"a\":{\"x\":null},\"b\":1,\"$version\":3}");
    check_told(4, "{\"b\":1,\"$version\":4}");
    check_told_nothing();
    CHECK_OK(patch(NULL, "{\"c\":1}"));
    hub_desired_take(seat, false);
    hub_desired_take(seat, true);
    check_told_nothing();
}

TEST(of_a_replaced_section_it_hears_what_has_gone)
{
    CHECK_OK(patch(NULL, "{\"a\":1,\"b\":2,\"c\":{\"x\":1,\"y\":{\"z\":1}},\"d\":{\"e\":1}}"));
    hub_desired_take(seat, true);
    CHECK_OK(service(NULL, "{\"a\":1,\"c\":{\"y\":{}},\"d\":2,\"n\":100}", true,
                     (struct match){.how = MATCH_NONE, .etag = NO_BYTES}));
    check_told(3, "{\"a\":1,\"b\":null,\"c\":{\"x\":null,\"y\":{\"z\":null}},\"d\":2,\"n\":100,\"$version\":3}");
    CHECK_OK(service(NULL, "{}", true, (struct match){.how = MATCH_NONE, .etag = NO_BYTES}));
    check_told(4, "{\"a\":null,\"c\":null,\"d\":null,\"n\":null,\"$version\":4}");
}

TEST(it_hears_only_what_is_durable)
{
    unsigned rung = bell.rung;

    hub_desired_take(seat, true);
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    CHECK_OK(patch(NULL, "{\"a\":1}"));
    check_told_nothing();
    CHECK(bell.rung == rung);
    memory_store_settle(w.store, UINT64_MAX);
    CHECK(bell.rung == rung + 1);
    check_told(2, "{\"a\":1,\"$version\":2}");
}

/* Patches that are not kept one by one are one patch, which makes of the section what it is. */
TEST(a_device_that_is_slow_sees_the_last_version)
{
    struct buf room = buf_max(1 << 20), text = buf_max(1 << 20);
    int64_t version = 2;
    struct desired d;

    CHECK_OK(patch(NULL, "{\"gone\":1,\"o\":{\"gone\":1,\"s\":1}}"));
    hub_desired_take(seat, true);
    for (int i = 0; i < 100; i++) {
        buf_clear(&text);
        buf_printf(&text, "{\"n%d\":\"%01000d\"}", i % 20, i);
        CHECK_OK(patch(NULL, buf_str(&text)));
    }
    CHECK_OK(patch(NULL, "{\"gone\":null,\"o\":3}"));
    CHECK_OK(patch(NULL, "{\"o\":{\"s\":2}}"));
    CHECK(seat->twin.desired.waiting.len <= DESIRED_WAITING && seat->twin.desired.behind);
    while (seat->twin.desired.waiting.len) {
        CHECK_OK(hub_desired_next(seat, &room, &d));
        CHECK(d.version == ++version);
    }
    CHECK(version > 50 && version < 100);
    CHECK_OK(hub_desired_next(seat, &room, &d));
    CHECK(d.version == 104);
    CHECK(bytes_starts(d.json, BYTES("{\"gone\":null,\"n0\":\"0000")));
    CHECK(bytes_ends(d.json, BYTES("80\",\"o\":{\"gone\":null,\"s\":2},\"$version\":104}")) ||
          bytes_find_bytes(d.json, BYTES("\"o\":{\"gone\":null,\"s\":2},\"$version\":104}")) < d.json.len);
    check_told_nothing();
    CHECK_OK(patch(NULL, "{\"a\":1}"));
    check_told(105, "{\"a\":1,\"$version\":105}");
    buf_free(&room);
    buf_free(&text);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

TEST(twins_that_nobody_uses_leave_memory)
{
    struct twin_change c = {.replace = true};
    struct buf text = buf_max(1 << 20);
    struct twin_fault fault;
    uint64_t at, most = (uint64_t)SHARDS * TWINS_IDLE;
    char id[16];

    buf_puts(&text, "{\"a\":[0");
    for (int i = 0; i < 2000; i++)
        buf_puts(&text, ",1000");
    buf_puts(&text, "]}");
    c.part[TWIN_TAGS] = buf_bytes(&text);
    for (int i = 0; i < 4000; i++) {
        snprintf(id, sizeof id, "d%d", i);
        world_add(&w, id);
        CHECK_OK(hub_twin_change(w.hub, bytes_str(id), &c, w.now_ms, &fault, &at));
    }
    CHECK(w.hub->twins->bytes > most);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK(w.hub->twins->bytes <= most);
    buf_clear(&text);
    CHECK_OK(hub_twin_copy(w.hub, BYTES("d17"), &text, NULL, NULL));
    CHECK(text.len > 10000);
    buf_free(&text);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, start, stop)
TESTS(WORLD(a_new_device_has_a_fresh_twin), WORLD(each_change_makes_its_versions),
      WORLD(a_device_that_is_made_again_begins_anew), WORLD(a_change_goes_by_the_etag),
      WORLD(a_report_goes_by_the_version), WORLD(what_is_refused_changes_nothing),
      WORLD(a_section_has_a_limit_for_what_makes_it_longer), WORLD(what_counts_nothing_has_a_limit_too),
      WORLD(a_twin_is_there_after_a_restart), WORLD(a_patch_is_applied_once),
      WORLD(a_device_is_told_in_order_of_what_it_wants_to_hear), WORLD(of_a_replaced_section_it_hears_what_has_gone),
      WORLD(it_hears_only_what_is_durable), WORLD(a_device_that_is_slow_sees_the_last_version),
      WORLD(twins_that_nobody_uses_leave_memory))
