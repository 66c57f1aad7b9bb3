/* Events of life (service 7): what they say, where they stand, and what a power cut leaves of them. */
#include "life_peer.h"

static void check_common(const char *id, const char *source, const char *schema, const char *type)
{
    CHECK_BYTES(heard.device, bytes_str(id));
    check_annotation("iothub-connection-device-id", id);
    check_annotation("iothub-message-source", source);
    CHECK(!has(heard.sections, "iothub-connection-auth-method"));
    CHECK_BYTES(msg.content_type, BYTES("application/json"));
    CHECK_BYTES(msg.content_encoding, BYTES("utf-8"));
    CHECK_BYTES(msg.user_id, BYTES("garden"));
    CHECK(msg.correlation_id.len == 16);
    CHECK_BYTES(property("hubName"), BYTES("garden"));
    CHECK_BYTES(property("deviceId"), bytes_str(id));
    CHECK_BYTES(property("operationTimestamp"), BYTES("2026-01-01T00:00:00.0000000Z"));
    CHECK_BYTES(msg.schema, bytes_str(schema));
    CHECK_BYTES(property("opType"), bytes_str(type));
}

static void del(const char *id)
{
    uint64_t at;

    CHECK_OK(hub_device_delete(w.hub, bytes_str(id), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
}

TEST(a_device_that_is_created_is_told_with_its_twin)
{
    begin(LIFE_IDENTITIES);
    world_add(&w, "pump");
    listen();
    hear();
    check_common("pump", "deviceLifecycleEvents", "deviceLifecycleNotification", "createDeviceIdentity");
    CHECK(!property("moduleId").at);
    CHECK_BYTES(msg.body,
                BYTES("{\"deviceId\":\"pump\",\"etag\":\"AAAAAAAAAAE=\",\"version\":2,\"properties\":{\"desired\":{"
                      "\"$metadata\":{\"$lastUpdated\":\"2026-01-01T00:00:00.0000000Z\"},\"$version\":1},\"reported\":{"
                      "\"$metadata\":{\"$lastUpdated\":\"2026-01-01T00:00:00.0000000Z\"},\"$version\":1}}}"));
    CHECK(silent());
    end();
}

TEST(one_that_is_deleted_is_told_too)
{
    begin(LIFE_IDENTITIES);
    world_add(&w, "pump");
    del("pump");
    listen();
    hear();
    hear();
    check_common("pump", "deviceLifecycleEvents", "deviceLifecycleNotification", "deleteDeviceIdentity");
    end();
}

TEST(a_module_is_told_with_its_device)
{
    struct device wanted = device_named("pump/valve"), made;
    uint64_t at;

    begin(LIFE_IDENTITIES);
    world_add(&w, "pump");
    CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_NONE}, w.now_ms, &made, &at));
    listen();
    hear();
    hear();
    check_common("pump", "deviceLifecycleEvents", "deviceLifecycleNotification", "createDeviceIdentity");
    check_annotation("iothub-connection-module-id", "valve");
    CHECK_BYTES(property("moduleId"), BYTES("valve"));
    CHECK(bytes_starts(msg.body, BYTES("{\"deviceId\":\"pump\",\"moduleId\":\"valve\",\"etag\"")));
    CHECK_OK(hub_device_delete(w.hub, BYTES("pump/valve"), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
    hear();
    check_common("pump", "deviceLifecycleEvents", "deviceLifecycleNotification", "deleteDeviceIdentity");
    CHECK_BYTES(property("moduleId"), BYTES("valve"));
    end();
}

TEST(what_only_changes_is_not_created)
{
    struct device d, made;
    uint64_t at;

    begin(LIFE_IDENTITIES);
    d = world_add(&w, "pump");
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, w.now_ms, &made, &at));
    CHECK_ERR(hub_device_put(w.hub, &d, (struct match){.how = MATCH_NONE}, w.now_ms, &made, &at), ERR_EXISTS);
    listen();
    hear();
    CHECK(silent());
    end();
}

static struct bytes sequence(void)
{
    CHECK(bytes_starts(msg.body, BYTES("{\"sequenceNumber\":\"")) && msg.body.len == 19 + 64 + 2);
    struct bytes digits = bytes_of(msg.body.at + 19, 64);
    for (size_t i = 0; i < digits.len; i++)
        CHECK((digits.at[i] >= '0' && digits.at[i] <= '9') || (digits.at[i] >= 'A' && digits.at[i] <= 'F'));
    return digits;
}

/* Later ones are greater, and so they are after a restart. */
static void check_connections(unsigned n)
{
    uint8_t last[64] = {0};

    for (unsigned i = 0; i < n; i++) {
        hear();
        check_common("pump", "deviceConnectionStateEvents", "deviceConnectionStateNotification",
                     i % 2 ? "deviceDisconnected" : "deviceConnected");
        CHECK(memcmp(sequence().at, last, sizeof last) > 0);
        memcpy(last, sequence().at, sizeof last);
    }
    CHECK(silent());
}

static void visit(void)
{
    struct bell bell = bell_new();
    struct seat *s;

    CHECK_OK(hub_attach(w.hub, BYTES("pump"), NO_BYTES, PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &s));
    hub_detach(s, w.now_ms);
}

TEST(who_comes_and_goes_is_told_with_rising_numbers)
{
    begin(LIFE_CONNECTIONS);
    world_add(&w, "pump");
    visit();
    visit();
    world_restart(&w);
    visit();
    listen();
    check_connections(6);
    end();
}

TEST(a_seat_that_is_taken_over_was_connected_all_the_time)
{
    struct bell first = bell_new(), second = bell_new();
    struct seat *a, *b;

    begin(LIFE_CONNECTIONS);
    world_add(&w, "pump");
    CHECK_OK(hub_attach(w.hub, BYTES("pump"), NO_BYTES, PROOF_DEVICE_SAS, &first.waker, w.now_ms, &a));
    CHECK_OK(hub_attach(w.hub, BYTES("pump"), NO_BYTES, PROOF_DEVICE_SAS, &second.waker, w.now_ms, &b));
    hub_detach(a, w.now_ms);
    listen();
    check_connections(1);
    hub_detach(b, w.now_ms);
    hear();
    CHECK_BYTES(property("opType"), BYTES("deviceDisconnected"));
    end();
}

TEST(a_device_that_is_deleted_while_it_is_connected_leaves_first)
{
    struct bell bell = bell_new();
    struct seat *s;

    begin(LIFE_IDENTITIES | LIFE_CONNECTIONS);
    world_add(&w, "pump");
    CHECK_OK(hub_attach(w.hub, BYTES("pump"), NO_BYTES, PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &s));
    del("pump");
    hub_detach(s, w.now_ms);
    listen();
    static const char *const types[] = {"createDeviceIdentity", "deviceConnected", "deviceDisconnected",
                                        "deleteDeviceIdentity"};
    for (int i = 0; i < 4; i++) {
        hear();
        CHECK_BYTES(property("opType"), bytes_str(types[i]));
    }
    CHECK(silent());
    end();
}

TEST(events_of_life_stand_in_order_with_what_the_device_sends)
{
    struct bell bell = bell_new();
    struct seat *s;
    uint64_t at;

    begin(LIFE_CONNECTIONS);
    world_add(&w, "pump");
    CHECK_OK(hub_attach(w.hub, BYTES("pump"), NO_BYTES, PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &s));
    CHECK_OK(hub_send(s, &(struct msg){.body = BYTES("on")}, w.now_ms, &at));
    hub_detach(s, w.now_ms);
    listen();
    hear();
    CHECK_BYTES(property("opType"), BYTES("deviceConnected"));
    hear();
    CHECK_BYTES(msg.body, BYTES("on"));
    check_annotation("iothub-message-source", "Telemetry");
    hear();
    CHECK_BYTES(property("opType"), BYTES("deviceDisconnected"));
    end();
}

TEST(unless_it_is_asked_for_nothing_is_told)
{
    begin(0);
    world_add(&w, "pump");
    visit();
    del("pump");
    listen();
    CHECK(silent());
    end();
}

/* Recovery makes of the records what they were, and tells nothing again. */
TEST(after_a_restart_nothing_is_told_twice)
{
    begin(LIFE_IDENTITIES | LIFE_CONNECTIONS);
    world_add(&w, "pump");
    visit();
    world_restart(&w);
    listen();
    for (int i = 0; i < 3; i++)
        hear();
    CHECK(silent());
    end();
}

/* An answer to whoever created the device leaves when its event is durable, too. */
TEST(the_answer_to_a_change_waits_for_its_event)
{
    struct device wanted = device_named("pump"), made;
    uint64_t at, next;

    begin(LIFE_IDENTITIES);
    CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_NONE}, w.now_ms, &made, &at));
    next = hub_seen(w.hub);
    CHECK(at <= next);
    listen();
    hear();
    CHECK(heard.offset == at);
    end();
}

/* Each of them, before the device that they go with, also those that are only in the checkpoint. */
TEST(modules_that_go_with_their_device_are_told_one_by_one)
{
    static const char *const modules[] = {"pump/a", "pump/b"};
    bool told[2] = {false};
    uint64_t at;

    begin(LIFE_IDENTITIES);
    world_add(&w, "pump");
    for (int i = 0; i < 2; i++) {
        struct device wanted = device_named(modules[i]), made;

        CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_NONE}, w.now_ms, &made, &at));
    }
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    CHECK_OK(hub_device_delete(w.hub, BYTES("pump"), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
    listen();
    for (int i = 0; i < 3; i++)
        hear();
    for (int i = 0; i < 2; i++) {
        hear();
        CHECK_BYTES(property("opType"), BYTES("deleteDeviceIdentity"));
        CHECK(property("moduleId").len == 1);
        told[property("moduleId").at[0] - 'a'] = true;
    }
    CHECK(told[0] && told[1]);
    hear();
    CHECK_BYTES(property("opType"), BYTES("deleteDeviceIdentity"));
    CHECK(!property("moduleId").at);
    CHECK(heard.offset == at && silent());
    end();
}

/* ---- twins */

static void change(const struct twin_change *c)
{
    struct twin_fault fault;
    uint64_t at;

    CHECK_OK(hub_twin_change(w.hub, BYTES("pump"), c, w.now_ms, &fault, &at));
    CHECK(at && at <= hub_seen(w.hub));
}

static void check_twin(const char *type, const char *body)
{
    hear();
    check_common("pump", "twinChangeEvents", "twinChangeNotification", type);
    CHECK_BYTES(msg.body, bytes_str(body));
}

#define T "2026-01-01T00:00:00.0000000Z"

TEST(a_patch_is_told_as_it_was_made_with_its_metadata)
{
    begin(LIFE_TWINS);
    world_add(&w, "pump");
    change(&(struct twin_change){.part[TWIN_TAGS] = BYTES("{\"room\":\"cellar\"}")});
    change(&(struct twin_change){.part[TWIN_DESIRED] = BYTES("{\"a\":{\"b\":1},\"c\":\"x\"}")});
    change(&(struct twin_change){.part[TWIN_DESIRED] = BYTES("{\"a\":{\"b\":null}}")});
    listen();
    check_twin("updateTwin", "{\"version\":3,\"tags\":{\"room\":\"cellar\"}}");
    check_twin("updateTwin",
               "{\"version\":4,\"properties\":{\"desired\":{\"a\":{\"b\":1},\"c\":\"x\",\"$version\":2,\"$metadata\":{"
               "\"$lastUpdated\":\"" T "\",\"$lastUpdatedVersion\":2,\"a\":{\"$lastUpdated\":\"" T
               "\",\"$lastUpdatedVersion\":2,\"b\":{\"$lastUpdated\":\"" T
               "\",\"$lastUpdatedVersion\":2}},\"c\":{\"$lastUpdated\":\"" T "\",\"$lastUpdatedVersion\":2}}}}}");
    check_twin("updateTwin",
               "{\"version\":5,\"properties\":{\"desired\":{\"a\":{\"b\":null},\"$version\":3,\"$metadata\":{"
               "\"$lastUpdated\":\"" T "\",\"$lastUpdatedVersion\":3,\"a\":{\"$lastUpdated\":\"" T
               "\",\"$lastUpdatedVersion\":3}}}}}");
    CHECK(silent());
    end();
}

TEST(what_a_device_reports_is_told_even_when_nothing_changed)
{
    struct bell bell = bell_new();
    struct twin_fault fault;
    int64_t version;
    struct seat *s;
    uint64_t at;

    begin(LIFE_TWINS);
    world_add(&w, "pump");
    CHECK_OK(hub_attach(w.hub, BYTES("pump"), NO_BYTES, PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &s));
    for (int i = 0; i < 2; i++)
        CHECK_OK(hub_twin_report(s, BYTES("{\"t\":5}"), -1, w.now_ms, &fault, &version, &at));
    hub_detach(s, w.now_ms);
    listen();
    check_twin("updateTwin", "{\"version\":3,\"properties\":{\"reported\":{\"t\":5,\"$version\":2,\"$metadata\":{"
                             "\"$lastUpdated\":\"" T "\",\"t\":{\"$lastUpdated\":\"" T "\"}}}}}");
    check_twin("updateTwin", "{\"version\":4,\"properties\":{\"reported\":{\"t\":5,\"$version\":3,\"$metadata\":{"
                             "\"$lastUpdated\":\"" T "\",\"t\":{\"$lastUpdated\":\"" T "\"}}}}}");
    end();
}

TEST(a_section_that_is_replaced_is_told_with_the_whole_twin)
{
    begin(LIFE_TWINS);
    world_add(&w, "pump");
    change(&(struct twin_change){.part[TWIN_DESIRED] = BYTES("{\"a\":1}"), .replace = true});
    listen();
    hear();
    check_common("pump", "twinChangeEvents", "twinChangeNotification", "replaceTwin");
    CHECK(bytes_starts(msg.body, BYTES("{\"deviceId\":\"pump\",\"etag\":\"")));
    CHECK(has(msg.body, "\"version\":3,\"properties\":{\"desired\":{\"a\":1,\"$metadata\":"));
    CHECK(has(msg.body, "\"reported\":{"));
    end();
}

/* 32 KB of short names: with metadata it would be larger than a message may be. */
TEST(a_change_that_is_too_large_with_its_metadata_is_told_without_it)
{
    struct buf patch = buf_max(1 << 16);
    const char *before = "{";

    begin(LIFE_TWINS);
    world_add(&w, "pump");
    for (int i = 0; i < 4000; i++, before = ",")
        buf_printf(&patch, "%s\"%x\":true", before, i);
    buf_puts(&patch, "}");
    change(&(struct twin_change){.part[TWIN_DESIRED] = buf_bytes(&patch)});
    listen();
    hear();
    CHECK(has(msg.body, "\"f9f\":true") && !has(msg.body, "$metadata") && has(msg.body, "\"$version\":2}}}"));
    buf_free(&patch);
    end();
}

TEST(a_change_by_a_configuration_names_it)
{
    begin(LIFE_TWINS);
    world_add(&w, "pump");
    change(&(struct twin_change){.part[TWIN_DESIRED] = BYTES("{\"a\":1}"), .by = BYTES("winter")});
    listen();
    hear();
    CHECK(has(msg.body, "\"$lastUpdatedBy\":\"winter\""));
    end();
}

TEST(a_change_by_a_configuration_is_told_with_all_that_is_desired)
{
    begin(LIFE_TWINS);
    world_add(&w, "pump");
    change(&(struct twin_change){.part[TWIN_DESIRED] = BYTES("{\"a\":{\"b\":1,\"c\":2},\"old\":[3]}")});
    change(&(struct twin_change){
        .part[TWIN_DESIRED] = BYTES("{\"a\":{\"b\":null,\"d\":4}}"), .by = BYTES("winter"), .digest = BYTES("5")});
    listen();
    hear();
    hear();
    CHECK(has(msg.body, "{\"version\":4,\"properties\":{\"desired\":{\"a\":{\"b\":null,\"c\":2,\"d\":4},\"old\":[3],"
                        "\"$version\":3,\"$metadata\":{"));
    CHECK(has(msg.body, "\"d\":{\"$lastUpdated\"") && !has(msg.body, "\"c\":{\"$lastUpdated\"") &&
          !has(msg.body, "\"old\":{\"$lastUpdated\""));
    end();
}

/* ---- power cuts */

static void do_create_and_change(void)
{
    world_add(&w, "pump");
    change(&(struct twin_change){.part[TWIN_DESIRED] = BYTES("{\"a\":1}")});
}

static void do_delete(void)
{
    del("pump");
}

/* The device and its events, as they are after a power cut. */
struct left {
    bool created, changed, deleted; /* events */
    bool device;
    int64_t version;
};

static void look(struct left *out)
{
    struct buf json = buf_max(4096);
    struct twin_head head;

    *out = (struct left){0};
    listen();
    while (hub_read(reader, &heard) == OK) {
        CHECK_OK(msg_read(heard.sections, &room, &msg));
        out->created |= bytes_eq(property("opType"), BYTES("createDeviceIdentity"));
        out->changed |= bytes_eq(property("opType"), BYTES("updateTwin"));
        out->deleted |= bytes_eq(property("opType"), BYTES("deleteDeviceIdentity"));
    }
    out->device = !hub_twin_read(w.hub, BYTES("pump"), TWIN_FOR_SERVICE, &json, &head, NULL);
    out->version = out->device ? head.version : 0;
    buf_free(&json);
}

/* Does it, then cuts the power so that the log keeps so much of what came of it; gives how much that was. */
static uint64_t cut(bool exists, void (*act)(void), uint64_t kept, struct left *out)
{
    const struct memory_faults manual = {.manual = true};
    uint64_t from;
    uint64_t all;

    begin(LIFE_IDENTITIES | LIFE_TWINS);
    if (exists)
        world_add(&w, "pump");
    memory_store_settle(w.store, UINT64_MAX);
    memory_store_faults(w.store, &manual);
    from = hub_seen(w.hub) + 1;
    act();
    all = hub_seen(w.hub) + 1 - from;
    memory_store_settle(w.store, from + kept);
    world_crash(&w);
    look(out);
    end();
    return all;
}

TEST(after_a_power_cut_there_is_no_event_of_a_change_that_is_lost)
{
    bool seen[4] = {false};
    uint64_t all = 1;
    struct left left;

    for (uint64_t kept = 0; kept <= all; kept++) {
        all = cut(false, do_create_and_change, kept, &left);
        CHECK(!left.created || left.device);
        CHECK(!left.changed || left.version == 3);
        CHECK(!left.changed || left.created);
        seen[left.device + left.created + left.changed] = true;
    }
    for (int i = 0; i < 4; i++)
        CHECK(seen[i]); /* nothing, the device alone, with its event, and all of it */
    for (uint64_t kept = 0; kept <= all; kept++) {
        all = cut(true, do_delete, kept, &left);
        CHECK(!left.deleted || !left.device);
    }
    CHECK(left.deleted);
}

TESTS(RUN(modules_that_go_with_their_device_are_told_one_by_one),
      RUN(after_a_power_cut_there_is_no_event_of_a_change_that_is_lost),
      RUN(a_patch_is_told_as_it_was_made_with_its_metadata),
      RUN(what_a_device_reports_is_told_even_when_nothing_changed),
      RUN(a_section_that_is_replaced_is_told_with_the_whole_twin),
      RUN(a_change_that_is_too_large_with_its_metadata_is_told_without_it), RUN(a_change_by_a_configuration_names_it),
      RUN(a_change_by_a_configuration_is_told_with_all_that_is_desired),
      RUN(a_device_that_is_created_is_told_with_its_twin), RUN(one_that_is_deleted_is_told_too),
      RUN(a_module_is_told_with_its_device), RUN(what_only_changes_is_not_created),
      RUN(who_comes_and_goes_is_told_with_rising_numbers), RUN(a_seat_that_is_taken_over_was_connected_all_the_time),
      RUN(a_device_that_is_deleted_while_it_is_connected_leaves_first),
      RUN(events_of_life_stand_in_order_with_what_the_device_sends), RUN(unless_it_is_asked_for_nothing_is_told),
      RUN(after_a_restart_nothing_is_told_twice), RUN(the_answer_to_a_change_waits_for_its_event))
