#include "core.h"
#include "hub_world.h"

static struct world w;

static void put(struct device *d)
{
    struct device made;
    uint64_t at;

    CHECK_OK(hub_device_put(w.hub, d, (struct match){.how = MATCH_ANY}, w.now_ms, &made, &at));
    *d = made;
}

static enum err send_one(struct seat *s)
{
    uint64_t at;

    return hub_send(s, &(struct msg){.body = BYTES("x")}, w.now_ms, &at);
}

TEST(a_seat_is_for_devices_that_are_there_and_enabled)
{
    struct bell bell = bell_new();
    struct device d;
    struct seat *s;

    world_start(&w, 1);
    CHECK_ERR(hub_attach(w.hub, BYTES("phone"), NO_BYTES, PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &s), ERR_NOT_FOUND);
    CHECK_ERR(hub_attach(w.hub, BYTES("a/b"), NO_BYTES, PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &s), ERR_NOT_FOUND);
    d = world_add(&w, "phone");
    CHECK_ERR(hub_attach(w.hub, BYTES("phone"), BYTES("0"), PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &s),
              ERR_UNAUTHORIZED);
    CHECK_OK(hub_attach(w.hub, BYTES("phone"), bytes_str(d.generation), PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &s));
    CHECK_BYTES(seat_device(s), BYTES("phone"));
    CHECK_OK(seat_state(s));
    hub_detach(s, w.now_ms);
    d.disabled = true;
    put(&d);
    CHECK_ERR(hub_attach(w.hub, BYTES("phone"), NO_BYTES, PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &s), ERR_DISABLED);
    hub_detach(NULL, w.now_ms);
    world_end(&w);
}

/* device 2.4 */
TEST(the_later_connection_wins_and_the_earlier_one_is_told)
{
    struct bell first = bell_new(), second = bell_new();
    struct seat *a, *b;
    struct hub_counts n;
    struct device d;
    int64_t since;

    world_start(&w, 2);
    world_add(&w, "phone");
    a = world_sit(&w, "phone", &first);
    since = w.now_ms;
    w.now_ms += 1000;
    b = world_sit(&w, "phone", &second);
    CHECK(first.rung == 1 && second.rung == 0);
    CHECK_ERR(seat_state(a), ERR_STOLEN);
    CHECK_ERR(send_one(a), ERR_STOLEN);
    CHECK_OK(send_one(b));
    hub_detach(a, w.now_ms);
    hub_count(w.hub, &n);
    CHECK_OK(hub_device_get(w.hub, BYTES("phone"), &d));
    CHECK(n.connected == 1 && d.connected && d.connection_ms == since);
    hub_detach(b, w.now_ms);
    hub_count(w.hub, &n);
    CHECK_OK(hub_device_get(w.hub, BYTES("phone"), &d));
    CHECK(n.connected == 0 && !d.connected && d.connection_ms == w.now_ms);
    CHECK(d.activity_ms == w.now_ms);
    world_end(&w);
}

enum change { DISABLE, DELETE, NEW_PRIMARY, NEW_SECONDARY, CERTIFICATE, ONLY_A_REASON };

static void change(struct device *d, enum change what)
{
    uint64_t at;

    switch (what) {
    case DISABLE:
        d->disabled = true;
        break;
    case DELETE:
        CHECK_OK(hub_device_delete(w.hub, bytes_str(d->id), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
        return;
    case NEW_PRIMARY:
        d->primary.at[0] ^= 1;
        break;
    case NEW_SECONDARY:
        d->secondary.len = 0;
        break;
    case CERTIFICATE:
        d->auth = AUTH_SELF_SIGNED;
        break;
    case ONLY_A_REASON:
        strcpy(d->reason, "because");
        break;
    }
    put(d);
}

TEST(who_is_disabled_deleted_or_gets_new_credentials_loses_the_seat)
{
    static const enum err wanted[] = {ERR_DISABLED,     ERR_NOT_FOUND,    ERR_UNAUTHORIZED,
                                      ERR_UNAUTHORIZED, ERR_UNAUTHORIZED, OK};

    for (enum change what = DISABLE; what <= ONLY_A_REASON; what++) {
        struct bell bell = bell_new();
        struct hub_counts n;
        struct device d, now = {0};
        struct seat *s;

        world_start(&w, what);
        d = world_add(&w, "phone");
        s = world_sit(&w, "phone", &bell);
        w.now_ms += 1000;
        change(&d, what);
        CHECK_ERR(seat_state(s), wanted[what]);
        CHECK_ERR(send_one(s), wanted[what]);
        hub_count(w.hub, &n);
        CHECK(bell.rung == (wanted[what] != OK) && n.connected == (wanted[what] == OK));
        if (wanted[what] && what != DELETE) {
            CHECK_OK(hub_device_get(w.hub, BYTES("phone"), &now));
            CHECK(!now.connected && now.connection_ms == w.now_ms);
        }
        hub_detach(s, w.now_ms);
        hub_count(w.hub, &n);
        CHECK(n.connected == 0);
        world_end(&w);
    }
}

TEST(a_device_that_is_deleted_and_made_again_is_another_one)
{
    struct bell bell = bell_new();
    struct device d;
    struct seat *s;

    world_start(&w, 3);
    d = world_add(&w, "phone");
    change(&d, DELETE);
    world_add(&w, "phone");
    CHECK_ERR(hub_attach(w.hub, BYTES("phone"), bytes_str(d.generation), PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &s),
              ERR_UNAUTHORIZED);
    world_end(&w);
}

/* ---- sessions (device 2.6) ------------------------------------------------------------------------------------- */

static const struct session WISHES = {.wants = {[WANT_C2D] = 2, [WANT_DESIRED] = 1}};

static void keep(struct seat *s, const struct session *session)
{
    uint64_t at;

    CHECK_OK(hub_session_set(s, session, &at));
}

TEST(a_session_survives_restarts_power_cuts_and_checkpoints)
{
    for (int with_checkpoint = 0; with_checkpoint < 2; with_checkpoint++) {
        struct bell bell = bell_new();
        struct session got;
        struct seat *s;

        world_start(&w, 4);
        world_add(&w, "phone");
        s = world_sit(&w, "phone", &bell);
        CHECK(!hub_session_get(s, &got));
        keep(s, &WISHES);
        hub_detach(s, w.now_ms);
        for (int i = 0; i < 2; i++) {
            if (with_checkpoint)
                CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
            world_crash(&w);
        }
        s = world_sit(&w, "phone", &bell);
        CHECK(hub_session_get(s, &got) && memcmp(&got, &WISHES, sizeof got) == 0);
        keep(s, NULL);
        CHECK(!hub_session_get(s, &got));
        hub_detach(s, w.now_ms);
        world_crash(&w);
        s = world_sit(&w, "phone", &bell);
        CHECK(!hub_session_get(s, &got));
        hub_detach(s, w.now_ms);
        world_end(&w);
    }
}

TEST(a_session_that_stays_as_it_is_costs_no_record)
{
    struct bell bell = bell_new();
    struct seat *s;
    uint64_t end;

    world_start(&w, 5);
    world_add(&w, "phone");
    s = world_sit(&w, "phone", &bell);
    keep(s, &WISHES);
    end = store_end(w.store);
    keep(s, &WISHES);
    CHECK(store_end(w.store) == end);
    keep(s, NULL);
    keep(s, NULL);
    CHECK(store_end(w.store) == end + 1);
    hub_detach(s, w.now_ms);
    world_end(&w);
}

TEST(a_session_stays_through_an_update_and_goes_with_the_device)
{
    struct bell bell = bell_new();
    struct session got;
    struct device d;
    struct seat *s;

    world_start(&w, 6);
    d = world_add(&w, "phone");
    s = world_sit(&w, "phone", &bell);
    keep(s, &WISHES);
    change(&d, ONLY_A_REASON);
    CHECK(hub_session_get(s, &got));
    change(&d, DELETE);
    CHECK(!hub_session_get(s, &got));
    CHECK_ERR(hub_session_set(s, &WISHES, &(uint64_t){0}), ERR_NOT_FOUND);
    hub_detach(s, w.now_ms);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_add(&w, "phone");
    world_crash(&w);
    s = world_sit(&w, "phone", &bell);
    CHECK(!hub_session_get(s, &got));
    hub_detach(s, w.now_ms);
    world_end(&w);
}

TEST(a_session_that_the_disk_has_no_room_for_stays_as_it_was)
{
    struct bell bell = bell_new();
    struct session got;
    struct seat *s;

    world_start(&w, 7);
    world_add(&w, "phone");
    s = world_sit(&w, "phone", &bell);
    memory_store_faults(w.store, &(struct memory_faults){.append = ERR_DISK_FULL});
    CHECK_ERR(hub_session_set(s, &WISHES, &(uint64_t){0}), ERR_DISK_FULL);
    CHECK(!hub_session_get(s, &got));
    hub_detach(s, w.now_ms);
    world_end(&w);
}

/* It sits, sends and leaves. */
static void be_seen(const char *id)
{
    struct bell bell = bell_new();
    struct seat *s = world_sit(&w, id, &bell);

    w.now_ms += 5000;
    CHECK_OK(send_one(s));
    w.now_ms += 4000;
    hub_detach(s, w.now_ms);
}

static void check_seen(const char *id, int64_t active_ms, int64_t left_ms)
{
    struct device d;

    CHECK_OK(hub_device_get(w.hub, bytes_str(id), &d));
    CHECK(!d.connected && d.activity_ms == active_ms && d.connection_ms == left_ms);
}

TEST(when_a_device_was_seen_last_is_known_after_a_stop_and_costs_no_record)
{
    int64_t first_ms;
    uint64_t end;

    world_start(&w, 1);
    world_add(&w, "d1");
    be_seen("d1");
    first_ms = w.now_ms;
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    end = store_end(w.store);
    w.now_ms += 100000;
    hub_detach(world_sit(&w, "d1", &(struct bell){.waker = {bell_ring}}), w.now_ms + 1000);
    hub_remember(w.hub);
    CHECK(store_end(w.store) == end);
    world_crash(&w);
    check_seen("d1", first_ms - 4000, first_ms); /* that was no stop */
    be_seen("d1");
    hub_remember(w.hub);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_crash(&w);
    check_seen("d1", w.now_ms - 4000, w.now_ms);
    hub_remember(w.hub);
    w.now_ms += 1;
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    check_seen("d1", w.now_ms - 4001, w.now_ms - 1);
    world_end(&w);
}

TEST(a_device_that_leaves_memory_is_not_forgotten_to_have_been_there)
{
    enum { ALL = SHARDS * SHARD_IDLE_MAX * 5 / 4, SEEN = 200 };
    struct bell bell = bell_new();
    int64_t left_ms[SEEN];
    char id[16];

    world_start(&w, 1);
    for (int turn = 0; turn < 4; turn++) {
        for (unsigned i = 0; i < ALL; i++) {
            struct device d;

            snprintf(id, sizeof id, "d%u", i);
            if (!turn)
                world_add(&w, id);
            else
                CHECK_OK(hub_device_get(w.hub, bytes_str(id), &d));
        }
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        for (unsigned i = 0; !turn && i < SEEN; i++) {
            snprintf(id, sizeof id, "d%u", i);
            left_ms[i] = w.now_ms + 4000;
            hub_detach(world_sit(&w, id, &bell), left_ms[i]);
        }
    }
    for (unsigned i = 0; i < SEEN; i++) {
        snprintf(id, sizeof id, "d%u", i);
        check_seen(id, left_ms[i] - 4000, left_ms[i]);
    }
    world_end(&w);
}

TESTS(RUN(a_seat_is_for_devices_that_are_there_and_enabled), RUN(the_later_connection_wins_and_the_earlier_one_is_told),
      RUN(who_is_disabled_deleted_or_gets_new_credentials_loses_the_seat),
      RUN(a_device_that_is_deleted_and_made_again_is_another_one),
      RUN(a_session_survives_restarts_power_cuts_and_checkpoints), RUN(a_session_that_stays_as_it_is_costs_no_record),
      RUN(a_session_stays_through_an_update_and_goes_with_the_device),
      RUN(a_session_that_the_disk_has_no_room_for_stays_as_it_was),
      RUN(when_a_device_was_seen_last_is_known_after_a_stop_and_costs_no_record),
      RUN(a_device_that_leaves_memory_is_not_forgotten_to_have_been_there))
