/* Devices that were connected when the hub was killed are told as gone when it is back (service 7): once, whatever the
 * checkpoint knows of them. */
#include "life_peer.h"

enum { MANY = 250 };

static struct bell bell;

static struct seat *sit(const char *id)
{
    bell = bell_new();
    return world_sit(&w, id, &bell);
}

static struct seat *begin_with_pump(void)
{
    begin(LIFE_CONNECTIONS);
    world_add(&w, "pump");
    return sit("pump");
}

/* Power goes while they sit there: nothing that they still write comes to the disk. */
static void cut(struct seat *const *seats, size_t n)
{
    hub_reader_close(reader);
    reader = NULL;
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    for (size_t i = 0; i < n; i++)
        hub_detach(seats[i], w.now_ms);
    world_crash(&w);
    memory_store_faults(w.store, &(struct memory_faults){.manual = false});
    w.now_ms += 60000;
}

static void checkpoint(void)
{
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
}

/* As the server does: until there is nothing more that is due. */
static void tick(void)
{
    while (hub_tick(w.hub, w.now_ms) <= w.now_ms) {
        /* more of it */
    }
}

/* It is back, and tells what it has to. */
static void back(void)
{
    tick();
    listen();
}

static void check_heard(const char *device, const char *module, const char *type)
{
    hear();
    CHECK_BYTES(property("deviceId"), bytes_str(device));
    CHECK_BYTES(property("moduleId"), module ? bytes_str(module) : NO_BYTES);
    CHECK_BYTES(property("opType"), bytes_str(type));
    check_annotation("iothub-message-source", "deviceConnectionStateEvents");
}

TEST(it_is_told_as_gone_once)
{
    for (int kept = 0; kept < 3; kept++) {
        struct device d;

        struct seat *s = begin_with_pump();
        if (kept) /* by the checkpoint; else the log alone knows */
            checkpoint();
        if (kept == 2) /* and by both */
            world_send(&w, s, "x");
        cut(&s, 1);
        CHECK_OK(hub_device_get(w.hub, BYTES("pump"), &d));
        CHECK(!d.connected);
        tick();
        back();
        check_heard("pump", NULL, "deviceConnected");
        if (kept == 2)
            hear();
        check_heard("pump", NULL, "deviceDisconnected");
        CHECK_BYTES(property("operationTimestamp"), BYTES("2026-01-01T00:01:00.0000000Z"));
        CHECK(silent());
        if (kept)
            checkpoint();
        cut(NULL, 0);
        back();
        hear();
        if (kept == 2)
            hear();
        hear();
        CHECK(silent());
        end();
    }
}

TEST(who_comes_back_before_that_is_told_as_gone_first)
{
    struct seat *s = begin_with_pump();

    checkpoint();
    cut(&s, 1);
    s = sit("pump");
    back();
    check_heard("pump", NULL, "deviceConnected");
    check_heard("pump", NULL, "deviceDisconnected");
    check_heard("pump", NULL, "deviceConnected");
    CHECK(silent());
    hub_detach(s, w.now_ms);
    checkpoint();
    cut(NULL, 0);
    back();
    for (int i = 0; i < 4; i++)
        hear();
    CHECK(silent());
    end();
}

/* It went, or was deleted, before; what it is by the log counts, not what the checkpoint says. */
TEST(who_was_gone_is_not_told_again)
{
    uint64_t at;

    begin(LIFE_CONNECTIONS);
    world_add(&w, "pump");
    world_add(&w, "fan");
    struct seat *pump = sit("pump"), *fan = sit("fan");
    checkpoint();
    hub_detach(pump, w.now_ms);
    CHECK_OK(hub_device_delete(w.hub, BYTES("fan"), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
    hub_detach(fan, w.now_ms);
    cut(NULL, 0);
    back();
    for (int i = 0; i < 4; i++)
        hear();
    CHECK(silent());
    checkpoint();
    cut(NULL, 0);
    back();
    for (int i = 0; i < 4; i++)
        hear();
    CHECK(silent());
    end();
}

TEST(modules_are_told_too)
{
    struct device wanted = device_named("pump/valve"), made;
    struct seat *seats[2];
    uint64_t at;

    begin(LIFE_CONNECTIONS);
    world_add(&w, "pump");
    CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_NONE}, w.now_ms, &made, &at));
    seats[0] = sit("pump/valve");
    cut(seats, 1);
    back();
    check_heard("pump", "valve", "deviceConnected");
    check_heard("pump", "valve", "deviceDisconnected");
    CHECK(silent());
    end();
}

TEST(all_of_many_are_told_in_turns)
{
    static struct seat *seats[MANY];
    char id[16];
    bool gone[MANY] = {false};

    begin(LIFE_CONNECTIONS);
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "d%d", i);
        world_add(&w, id);
        seats[i] = sit(id);
        if (i == MANY / 2)
            checkpoint();
    }
    cut(seats, MANY);
    CHECK(hub_tick(w.hub, w.now_ms) == w.now_ms);
    back();
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "d%d", i);
        check_heard(id, NULL, "deviceConnected");
    }
    for (int i = 0; i < MANY; i++) {
        hear();
        CHECK_BYTES(property("opType"), BYTES("deviceDisconnected"));
        CHECK(bytes_to_str(property("deviceId"), id, sizeof id));
        CHECK(!gone[atoi(id + 1)]);
        gone[atoi(id + 1)] = true;
    }
    CHECK(silent());
    end();
}

/* A full disk, and a power cut before the event is durable: it is told later. */
TEST(it_is_told_when_there_is_room_and_until_that_is_durable)
{
    struct seat *s = begin_with_pump();

    checkpoint();
    cut(&s, 1);
    memory_store_faults(w.store, &(struct memory_faults){.append = ERR_DISK_FULL});
    CHECK(hub_tick(w.hub, w.now_ms) > w.now_ms);
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    w.now_ms += 2000;
    tick();
    cut(NULL, 0);
    back();
    hear();
    check_heard("pump", NULL, "deviceDisconnected");
    CHECK(silent());
    end();
}

/* A checkpoint that is not finished writes it next time. */
TEST(a_checkpoint_that_fails_forgets_nobody)
{
    struct seat *s = begin_with_pump();

    memory_state_fails(w.state, true, 0);
    CHECK(hub_checkpoint(w.hub, w.now_ms));
    memory_state_fails(w.state, false, 0);
    checkpoint();
    cut(&s, 1);
    back();
    hear();
    check_heard("pump", NULL, "deviceDisconnected");
    CHECK(silent());
    end();
}

TEST(a_hub_that_does_not_tell_forgets)
{
    struct seat *s = begin_with_pump();

    checkpoint();
    w.options.life = 0;
    cut(&s, 1);
    tick();
    checkpoint();
    w.options.life = LIFE_CONNECTIONS;
    cut(NULL, 0);
    back();
    hear();
    CHECK(silent());
    end();
}

TESTS(RUN(it_is_told_as_gone_once), RUN(who_comes_back_before_that_is_told_as_gone_first),
      RUN(who_was_gone_is_not_told_again), RUN(modules_are_told_too), RUN(all_of_many_are_told_in_turns),
      RUN(it_is_told_when_there_is_room_and_until_that_is_durable), RUN(a_checkpoint_that_fails_forgets_nobody),
      RUN(a_hub_that_does_not_tell_forgets))
