/* service 4.5: modules of devices. */
#include "core.h"
#include "hub_world.h"

#include <proton/message.h>

static struct world w;
static const struct match NONE = {.how = MATCH_NONE}, ANY = {.how = MATCH_ANY};

static enum err put(const char *name, struct match match, struct device *made)
{
    struct device wanted = device_named(name);
    uint64_t at;

    return hub_device_put(w.hub, &wanted, match, w.now_ms, made, &at);
}

static enum err drop(const char *name, struct match match)
{
    uint64_t at;

    return hub_device_delete(w.hub, bytes_str(name), match, w.now_ms, &at);
}

static size_t modules_of(const char *device)
{
    struct device out[MODULES_ROOM];
    size_t n;

    CHECK_OK(hub_module_list(w.hub, bytes_str(device), out, &n));
    for (size_t i = 1; i < n; i++)
        CHECK(strcmp(out[i - 1].id, out[i].id) < 0);
    return n;
}

static struct device edge_named(const char *id)
{
    struct device d = device_named(id), made;
    uint64_t at;

    d.edge = true;
    CHECK_OK(hub_device_put(w.hub, &d, NONE, w.now_ms, &made, &at));
    return made;
}

TEST(a_name_is_one_id_or_two)
{
    char name[IDENTITY_LEN_MAX + 1], longest[ID_LEN_MAX + 2];

    memset(longest, 'x', sizeof longest);
    longest[ID_LEN_MAX] = 0;
    CHECK(identity_name(BYTES("d"), BYTES("$m"), name) && strcmp(name, "d/$m") == 0);
    CHECK(identity_name(BYTES("d"), NO_BYTES, name) && strcmp(name, "d") == 0);
    CHECK(identity_name(bytes_str(longest), bytes_str(longest), name) && strlen(name) == IDENTITY_LEN_MAX);
    CHECK(identity_valid(bytes_str(name)));
    CHECK(!identity_name(BYTES("d/m"), NO_BYTES, name) && !name[0]);
    CHECK(!identity_name(BYTES("d"), BYTES("m/n"), name) && !identity_name(BYTES("d"), BYTES(""), name));
    CHECK(!identity_valid(BYTES("d/")) && !identity_valid(BYTES("/m")) && !identity_valid(BYTES("d/m/n")));
}

TEST(a_module_needs_its_device_and_goes_with_it)
{
    struct device m, got;
    struct hub_counts n;

    world_start(&w, 1);
    CHECK_ERR(put("phone/camera", NONE, &m), ERR_NOT_FOUND);
    world_add(&w, "phone");
    world_add(&w, "phone2");
    CHECK_OK(put("phone/camera", NONE, &m));
    CHECK_OK(put("phone2/camera", NONE, &got));
    CHECK(m.primary.len == 32 && m.etag[0] && m.generation[0]);
    CHECK_ERR(put("phone/camera", NONE, &m), ERR_EXISTS);
    CHECK_OK(put("phone/camera", ANY, &got));
    CHECK(strcmp(m.etag, got.etag) != 0 && strcmp(m.generation, got.generation) == 0);
    CHECK(modules_of("phone") == 1 && modules_of("phone2") == 1);
    hub_count(w.hub, &n);
    CHECK(n.devices == 2);
    CHECK_OK(drop("phone", ANY));
    CHECK_ERR(hub_device_get(w.hub, BYTES("phone/camera"), &got), ERR_NOT_FOUND);
    world_add(&w, "phone");
    CHECK(modules_of("phone") == 0);
    CHECK_OK(hub_device_get(w.hub, BYTES("phone2/camera"), &got));
    hub_count(w.hub, &n);
    CHECK(n.devices == 2);
    world_end(&w);
}

TEST(the_longest_names_survive_checkpoints_and_the_log)
{
    char longest[ID_LEN_MAX + 1] = "", name[IDENTITY_LEN_MAX + 1];
    struct device made, got;

    world_start(&w, 2);
    memset(longest, 'x', ID_LEN_MAX);
    world_add(&w, longest);
    CHECK(identity_name(bytes_str(longest), bytes_str(longest), name));
    CHECK_OK(put(name, NONE, &made));
    for (int i = 0; i < 2; i++) {
        memory_store_settle(w.store, UINT64_MAX);
        if (i)
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        world_restart(&w);
        CHECK_OK(hub_device_get(w.hub, bytes_str(name), &got));
        CHECK(strcmp(got.etag, made.etag) == 0 && modules_of(longest) == 1);
    }
    CHECK_OK(drop(longest, ANY));
    memory_store_settle(w.store, UINT64_MAX);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    CHECK_ERR(hub_device_get(w.hub, bytes_str(name), &got), ERR_NOT_FOUND);
    world_end(&w);
}

/* So many commits of a checkpoint, then the power is cut. */
static void checkpoint_cut(unsigned commits)
{
    enum err e;

    memory_state_fails(w.state, true, commits);
    e = hub_checkpoint(w.hub, w.now_ms);
    CHECK(!e || e == ERR_DISK_FULL);
    memory_state_fails(w.state, false, 0);
    world_crash(&w);
}

/* There may be the device as it was made again, and its module as it was before. */
TEST(a_module_stays_gone_whatever_there_is_of_a_checkpoint)
{
    for (unsigned cut = 0; cut < 16; cut++) {
        struct device made;

        world_make(&w, cut + 1);
        w.options.checkpoint_batch = 1;
        CHECK_OK(hub_init(&w.options, &w.birth, w.now_ms));
        CHECK_OK(hub_open(&w.options, &w.hub));
        CHECK_OK(put("d", NONE, &made));
        CHECK_OK(put("d/m", NONE, &made));
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        CHECK_OK(drop("d", ANY));
        checkpoint_cut(cut % 4);
        CHECK_OK(put("d", NONE, &made));
        checkpoint_cut(cut / 4);
        CHECK_ERR(hub_device_get(w.hub, BYTES("d/m"), &made), ERR_NOT_FOUND);
        CHECK(modules_of("d") == 0);
        CHECK_OK(put("d/m", NONE, &made));
        world_end(&w);
    }
}

TEST(modules_of_one_device_are_counted_and_those_of_the_edge_are_not)
{
    struct device made, got;
    char name[32];

    world_start(&w, 3);
    edge_named("gate");
    CHECK(modules_of("gate") == 2);
    CHECK_OK(hub_device_get(w.hub, BYTES("gate/$edgeAgent"), &got));
    CHECK(strcmp(got.managed_by, "iotEdge") == 0 && got.primary.len == 32);
    CHECK_OK(hub_device_get(w.hub, BYTES("gate/$edgeHub"), &got));
    for (int i = 0; i < MODULES_MAX - 2; i++) {
        snprintf(name, sizeof name, "gate/m%02d", i);
        CHECK_OK(put(name, NONE, &made));
    }
    CHECK_ERR(put("gate/more", NONE, &made), ERR_LIMIT);
    CHECK_OK(put("gate/m07", ANY, &made));
    CHECK_OK(drop("gate/m07", ANY));
    CHECK_OK(put("gate/more", NONE, &made));
    CHECK(modules_of("gate") == MODULES_MAX);
    world_end(&w);
}

TEST(the_modules_of_the_edge_come_and_go_with_its_capability)
{
    struct device d, made, agent, got;
    uint64_t at;

    world_start(&w, 4);
    d = edge_named("gate");
    CHECK_OK(hub_device_get(w.hub, BYTES("gate/$edgeAgent"), &agent));
    CHECK_OK(hub_device_put(w.hub, &d, ANY, w.now_ms, &made, &at));
    CHECK_OK(hub_device_get(w.hub, BYTES("gate/$edgeAgent"), &got));
    CHECK(strcmp(got.etag, agent.etag) == 0);
    CHECK_OK(put("gate/own", NONE, &made));
    d.edge = false;
    CHECK_OK(hub_device_put(w.hub, &d, ANY, w.now_ms, &made, &at));
    CHECK(modules_of("gate") == 1);
    d.edge = true;
    CHECK_OK(hub_device_put(w.hub, &d, ANY, w.now_ms, &made, &at));
    CHECK(modules_of("gate") == 3);
    world_end(&w);
}

TEST(new_keys_of_a_device_end_the_seats_of_the_modules_that_came_by_the_old_ones)
{
    struct bell of_own = bell_new(), of_device = bell_new();
    struct seat *own, *by_device;
    struct device d, made;
    uint64_t at;

    world_start(&w, 5);
    d = world_add(&w, "phone");
    CHECK_OK(put("phone/camera", NONE, &made));
    CHECK_OK(put("phone/lamp", NONE, &made));
    own = world_sit(&w, "phone/camera", &of_own);
    CHECK_OK(hub_attach(w.hub, BYTES("phone/lamp"), NO_BYTES, PROOF_ABOVE_SAS, &of_device.waker, w.now_ms, &by_device));
    CHECK_OK(hub_device_put(w.hub, &d, ANY, w.now_ms, &made, &at));
    CHECK_OK(seat_state(by_device)); /* they are the same */
    memset(d.primary.at, 1, d.primary.len);
    CHECK_OK(hub_device_put(w.hub, &d, ANY, w.now_ms, &made, &at));
    CHECK_ERR(seat_state(by_device), ERR_UNAUTHORIZED);
    CHECK_OK(seat_state(own));
    CHECK(of_device.rung == 1 && !of_own.rung);
    hub_detach(own, w.now_ms);
    hub_detach(by_device, w.now_ms);
    world_end(&w);
}

TEST(a_module_has_a_seat_of_its_own_and_is_as_disabled_as_its_device)
{
    struct bell of_device = bell_new(), of_module = bell_new();
    struct device d, made;
    struct seat *phone, *camera, *none;
    struct hub_counts n;
    uint64_t at;

    world_start(&w, 5);
    d = world_add(&w, "phone");
    CHECK_OK(put("phone/camera", NONE, &made));
    phone = world_sit(&w, "phone", &of_device);
    camera = world_sit(&w, "phone/camera", &of_module);
    CHECK_OK(seat_state(phone));
    hub_count(w.hub, &n);
    CHECK(n.connected == 1);
    CHECK_BYTES(seat_device(camera), BYTES("phone/camera"));
    memset(d.primary.at, 1, d.primary.len);
    CHECK_OK(hub_device_put(w.hub, &d, ANY, w.now_ms, &made, &at));
    CHECK_ERR(seat_state(phone), ERR_UNAUTHORIZED);
    CHECK_OK(seat_state(camera));
    d.disabled = true;
    CHECK_OK(hub_device_put(w.hub, &d, ANY, w.now_ms, &made, &at));
    CHECK_ERR(seat_state(camera), ERR_DISABLED);
    CHECK(of_module.rung == 1);
    CHECK_ERR(hub_attach(w.hub, BYTES("phone/camera"), NO_BYTES, PROOF_DEVICE_SAS, &of_module.waker, w.now_ms, &none),
              ERR_DISABLED);
    CHECK_ERR(hub_send_seatless(w.hub, BYTES("phone/camera"), NO_BYTES, PROOF_DEVICE_SAS,
                                &(struct msg){.body = BYTES("x")}, w.now_ms, &at),
              ERR_DISABLED);
    hub_detach(phone, w.now_ms);
    hub_detach(camera, w.now_ms);
    d.disabled = false;
    CHECK_OK(hub_device_put(w.hub, &d, ANY, w.now_ms, &made, &at));
    camera = world_sit(&w, "phone/camera", &of_module);
    CHECK_OK(drop("phone", ANY));
    CHECK_ERR(seat_state(camera), ERR_NOT_FOUND);
    hub_detach(camera, w.now_ms);
    hub_count(w.hub, &n);
    CHECK(n.connected == 0);
    world_end(&w);
}

TEST(an_identity_in_use_is_not_pushed_out_while_its_device_is_looked_up)
{
    struct bell bell = bell_new();
    struct device made;
    struct seat *seat;
    char name[32];

    world_start(&w, 6);
    world_add(&w, "phone");
    CHECK_OK(put("phone/camera", NONE, &made));
    memory_store_settle(w.store, UINT64_MAX);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    /* So many in each shard that whatever comes pushes something out. */
    for (int i = 0; i < SHARDS * (SHARD_IDLE_MAX + 64); i++) {
        snprintf(name, sizeof name, "d%d", i);
        world_add(&w, name);
    }
    memory_store_settle(w.store, UINT64_MAX);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    for (int i = 0; i < SHARDS * (SHARD_IDLE_MAX + 64); i++) {
        snprintf(name, sizeof name, "d%d", i);
        CHECK_OK(hub_device_get(w.hub, bytes_str(name), &made));
    }
    for (int i = 0; i < 4; i++) {
        seat = world_sit(&w, "phone/camera", &bell);
        CHECK_OK(put("phone/camera", ANY, &made));
        CHECK_OK(put("phone/lamp", i ? ANY : NONE, &made));
        hub_detach(seat, w.now_ms);
    }
    CHECK(modules_of("phone") == 2);
    CHECK_OK(drop("phone", ANY));
    world_end(&w);
}

/* The next one that leaves the memory of its shard is this one. */
static void make_next_to_go(const char *id)
{
    struct shard *s = shard_of(w.hub, bytes_str(id));
    const struct identity *i;
    size_t at = 0;

    do {
        s->hand = at;
        CHECK((i = map_next(&s->identities, &at)));
    } while (strcmp(i->device.id, id) != 0);
    CHECK(s->identities.n >= SHARD_IDLE_MAX);
}

TEST(a_device_that_its_modules_push_out_of_memory_is_told_of_when_it_goes)
{
    struct bell bell = bell_new();
    struct device made;
    struct reader *r;
    struct event e;
    char name[32];

    world_make(&w, 9);
    w.options.life = LIFE_IDENTITIES;
    CHECK_OK(hub_init(&w.options, &w.birth, w.now_ms));
    CHECK_OK(hub_open(&w.options, &w.hub));
    world_add(&w, "phone");
    CHECK_OK(put("phone/camera", NONE, &made));
    for (int i = 0; i < SHARDS * (SHARD_IDLE_MAX + 64); i++) {
        snprintf(name, sizeof name, "d%d", i);
        world_add(&w, name);
    }
    memory_store_settle(w.store, UINT64_MAX);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    for (int i = 0; i < SHARDS * (SHARD_IDLE_MAX + 64); i++) {
        snprintf(name, sizeof name, "d%d", i);
        CHECK_OK(hub_device_get(w.hub, bytes_str(name), &made));
    }
    struct read_options o = {.group = BYTES("$Default"),
                             .partition = hub_partition_of(w.hub, BYTES("phone")),
                             .position = {.from = FROM_LATEST},
                             .waker = &bell.waker};
    CHECK_OK(hub_reader_open(w.hub, &o, NULL, &r));
    CHECK_OK(hub_device_get(w.hub, BYTES("phone"), &made));
    make_next_to_go("phone");
    CHECK_OK(drop("phone", ANY));
    memory_store_settle(w.store, UINT64_MAX);
    CHECK_OK(hub_read(r, &e));
    CHECK_BYTES(e.device, BYTES("phone"));
    CHECK(bytes_find_bytes(event_body(&e), BYTES("\"deviceId\":\"phone\"")) < event_body(&e).len);
    hub_reader_close(r);
    world_end(&w);
}

/* device 6.3 */
TEST(what_a_module_sends_is_its_devices_event_and_says_which_module)
{
    struct bell bell = bell_new();
    struct device made;
    struct seat *seat;
    struct event e;
    struct reader *r;
    pn_message_t *decoded = pn_message();

    world_start(&w, 7);
    world_add(&w, "phone");
    CHECK_OK(put("phone/camera", NONE, &made));
    seat = world_sit(&w, "phone/camera", &bell);
    world_send(&w, seat, "smile");
    struct read_options o = {
        .group = BYTES("$Default"), .partition = hub_partition_of(w.hub, BYTES("phone")), .waker = &bell.waker};
    CHECK_OK(hub_reader_open(w.hub, &o, NULL, &r));
    CHECK_OK(hub_read(r, &e));
    CHECK_BYTES(e.device, BYTES("phone"));
    CHECK_BYTES(event_body(&e), BYTES("smile"));
    CHECK(pn_message_decode(decoded, (const char *)e.sections.at, e.sections.len) == 0);
    CHECK(bytes_find_bytes(e.sections, BYTES("\xa3\x1biothub-connection-module-id\xa1\x06"
                                             "camera")) < e.sections.len);
    CHECK(bytes_find_bytes(e.sections, BYTES("\xa3\x1biothub-connection-device-id\xa1\x05phone")) < e.sections.len);
    CHECK(bytes_find_bytes(e.sections, BYTES("{\"scope\":\"module\",\"type\":\"sas\"")) < e.sections.len);
    pn_message_free(decoded);
    hub_reader_close(r);
    hub_detach(seat, w.now_ms);
    world_end(&w);
}

/* device 2.10 */
TEST(a_module_has_no_mailbox_and_is_called_by_its_name)
{
    struct bell of_module = bell_new(), of_caller = bell_new();
    struct call_question q = {
        .device = BYTES("phone/camera"), .method = BYTES("snap"), .response_ms = 5000, .waker = &of_caller.waker};
    struct buf room = buf_max(1024);
    struct call_request asked;
    struct call_answer answer;
    struct device made;
    struct call *call;
    struct seat *seat;
    int64_t until_ms;
    uint64_t at;

    world_start(&w, 8);
    world_add(&w, "phone");
    CHECK_ERR(hub_call_open(w.hub, &q, w.now_ms, &call), ERR_NOT_FOUND);
    CHECK_OK(put("phone/camera", NONE, &made));
    CHECK_ERR(hub_post(w.hub, BYTES("phone/camera"), &(struct msg){.body = BYTES("x")}, w.now_ms, &at), ERR_NOT_FOUND);
    seat = world_sit(&w, "phone/camera", &of_module);
    hub_calls_take(seat, true, w.now_ms);
    CHECK_OK(hub_call_open(w.hub, &q, w.now_ms, &call));
    CHECK_OK(hub_call_next(seat, w.now_ms, &room, &asked));
    CHECK_OK(hub_call_answer(seat, asked.id, 201, BYTES("1")));
    CHECK_OK(hub_call_look(call, w.now_ms, &answer, &until_ms));
    CHECK(answer.status == 201);
    hub_call_close(call);
    CHECK_OK(hub_call_open(w.hub, &q, w.now_ms, &call));
    CHECK_OK(drop("phone", ANY));
    CHECK_ERR(hub_call_look(call, w.now_ms, &answer, &until_ms), ERR_NOT_FOUND);
    hub_call_close(call);
    hub_detach(seat, w.now_ms);
    buf_free(&room);
    world_end(&w);
}

TESTS(RUN(a_name_is_one_id_or_two), RUN(a_module_needs_its_device_and_goes_with_it),
      RUN(a_module_stays_gone_whatever_there_is_of_a_checkpoint),
      RUN(the_longest_names_survive_checkpoints_and_the_log),
      RUN(modules_of_one_device_are_counted_and_those_of_the_edge_are_not),
      RUN(the_modules_of_the_edge_come_and_go_with_its_capability),
      RUN(new_keys_of_a_device_end_the_seats_of_the_modules_that_came_by_the_old_ones),
      RUN(a_module_has_a_seat_of_its_own_and_is_as_disabled_as_its_device),
      RUN(an_identity_in_use_is_not_pushed_out_while_its_device_is_looked_up),
      RUN(a_device_that_its_modules_push_out_of_memory_is_told_of_when_it_goes),
      RUN(what_a_module_sends_is_its_devices_event_and_says_which_module),
      RUN(a_module_has_no_mailbox_and_is_called_by_its_name))
