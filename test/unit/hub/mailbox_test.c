#include "hub_world.h"

static struct world w;
static struct bell bell;

static uint64_t post_as(const char *device, const char *body, const char *id, const char *ack, int64_t expiry_ms)
{
    struct msg m = {
        .body = bytes_str(body), .message_id = bytes_str(id), .ack = bytes_str(ack), .expiry_ms = expiry_ms};
    uint64_t at = 0;

    CHECK_OK(hub_post(w.hub, bytes_str(device), &m, w.now_ms, &at));
    return at;
}

static void post(const char *device, const char *body)
{
    post_as(device, body, NULL, NULL, 0);
}

static struct msg_room room;

/* The body of what came, which is lent like the sections are. */
static struct bytes body_of(const struct c2d *c)
{
    struct msg m;

    room.text = buf_max(1 << 20);
    CHECK_OK(msg_read(c->sections, &room, &m));
    buf_free(&room.text);
    return m.body;
}

static struct c2d next_is(struct seat *s, const char *body)
{
    struct c2d c;

    CHECK_OK(hub_next(s, w.now_ms, &c));
    CHECK_BYTES(body_of(&c), bytes_str(body));
    return c;
}

static void nothing_for(struct seat *s)
{
    struct c2d c;

    CHECK_ERR(hub_next(s, w.now_ms, &c), ERR_NOT_FOUND);
}

static void settle(struct seat *s, const struct c2d *c, enum outcome how)
{
    uint64_t at;

    CHECK_OK(hub_settle(s, &c->lock, how, w.now_ms, &at));
}

static unsigned waiting(const char *device)
{
    struct device d;

    CHECK_OK(hub_device_get(w.hub, bytes_str(device), &d));
    return d.c2d_count;
}

static struct seat *start(uint64_t seed)
{
    bell = bell_new();
    world_start(&w, seed);
    world_add(&w, "door");
    return world_sit(&w, "door", &bell);
}

static void end(struct seat *s)
{
    hub_detach(s, w.now_ms);
    world_end(&w);
}

TEST(messages_come_in_order_and_go_when_they_are_completed)
{
    struct seat *s = start(1);
    struct c2d a, b;
    uint64_t at;

    nothing_for(s);
    post("door", "one");
    post("door", "two");
    CHECK(bell.rung >= 1 && waiting("door") == 2);
    a = next_is(s, "one");
    b = next_is(s, "two");
    CHECK(a.sequence == 1 && b.sequence == 2 && !a.again && a.delivery_count == 0);
    CHECK(a.expiry_ms == w.now_ms + C2D_TTL_DEFAULT_MS && a.enqueued_ms == w.now_ms);
    nothing_for(s);
    settle(s, &b, OUTCOME_COMPLETE);
    settle(s, &a, OUTCOME_COMPLETE);
    CHECK(waiting("door") == 0);
    CHECK_ERR(hub_settle(s, &a.lock, OUTCOME_COMPLETE, w.now_ms, &at), ERR_LOCK_LOST);
    nothing_for(s);
    end(s);
}

TEST(what_comes_is_what_was_sent)
{
    struct seat *s = start(2);
    struct prop props[] = {{BYTES("a b"), BYTES("c=d")}, {BYTES("none"), NO_BYTES}, {BYTES("empty"), BYTES("")}};
    struct msg m = {.message_id = BYTES("m-1"),
                    .correlation_id = BYTES("c-1"),
                    .user_id = BYTES("someone"),
                    .to = BYTES("/devices/other/messages/devicebound"),
                    .content_type = BYTES("application/json"),
                    .content_encoding = BYTES("utf-8"),
                    .label = BYTES("l"),
                    .reply_to = BYTES("r"),
                    .ack = BYTES("full"),
                    .expiry_ms = w.now_ms + 60000,
                    .props = props,
                    .n_props = 3,
                    .body = BYTES("\x00\xff")};
    struct msg got;
    struct c2d c;
    uint64_t at;

    CHECK_OK(hub_post(w.hub, BYTES("door"), &m, w.now_ms, &at));
    CHECK_OK(hub_next(s, w.now_ms, &c));
    room.text = buf_max(1 << 20);
    CHECK_OK(msg_read(c.sections, &room, &got));
    CHECK_BYTES(got.message_id, m.message_id);
    CHECK_BYTES(got.correlation_id, m.correlation_id);
    CHECK_BYTES(got.user_id, m.user_id);
    CHECK_BYTES(got.to, BYTES("/devices/other/messages/devicebound"));
    CHECK_BYTES(got.content_type, m.content_type);
    CHECK_BYTES(got.content_encoding, m.content_encoding);
    CHECK_BYTES(got.label, m.label);
    CHECK_BYTES(got.reply_to, m.reply_to);
    CHECK_BYTES(got.ack, m.ack);
    CHECK(got.expiry_ms == m.expiry_ms && got.n_props == 3);
    for (size_t i = 0; i < 3; i++) {
        CHECK_BYTES(got.props[i].name, props[i].name);
        CHECK_BYTES(got.props[i].value, props[i].value);
        CHECK(got.props[i].value.at); /* one SDK cannot read null */
    }
    CHECK_BYTES(got.body, m.body);
    buf_free(&room.text);
    end(s);
}

TEST(what_cannot_be_posted_is_refused)
{
    struct seat *s = start(3);
    static uint8_t large[C2D_LEN_MAX + 1];
    struct msg m = {.body = bytes_of(large, sizeof large)};
    uint64_t at;

    CHECK_ERR(hub_post(w.hub, BYTES("door"), &m, w.now_ms, &at), ERR_TOO_LARGE);
    m.body.len--;
    CHECK_OK(hub_post(w.hub, BYTES("door"), &m, w.now_ms, &at));
    CHECK_ERR(hub_post(w.hub, BYTES("window"), &m, w.now_ms, &at), ERR_NOT_FOUND);
    m.ack = BYTES("perhaps");
    m.body.len = 1;
    CHECK_ERR(hub_post(w.hub, BYTES("door"), &m, w.now_ms, &at), ERR_ARGUMENT);
    m.ack = NO_BYTES;
    m.expiry_ms = w.now_ms;
    CHECK_ERR(hub_post(w.hub, BYTES("door"), &m, w.now_ms, &at), ERR_RANGE);
    m.expiry_ms = 0;
    for (int i = 1; i < MAILBOX_DEPTH_DEFAULT; i++)
        CHECK_OK(hub_post(w.hub, BYTES("door"), &m, w.now_ms, &at));
    CHECK_ERR(hub_post(w.hub, BYTES("door"), &m, w.now_ms, &at), ERR_FULL);
    /* Expired messages make room at once. */
    w.now_ms += C2D_TTL_DEFAULT_MS;
    CHECK_OK(hub_post(w.hub, BYTES("door"), &m, w.now_ms, &at));
    CHECK(waiting("door") == 1);
    end(s);
}

/* device 5 */
TEST(an_abandoned_message_comes_again_until_it_is_a_dead_letter)
{
    struct seat *s = start(4);
    struct c2d c;

    post("door", "one");
    post("door", "two");
    for (unsigned i = 0; i < C2D_DELIVERIES_DEFAULT; i++) {
        c = next_is(s, "one");
        CHECK(c.delivery_count == i);
        settle(s, &c, OUTCOME_ABANDON);
    }
    c = next_is(s, "two");
    settle(s, &c, OUTCOME_REJECT);
    CHECK(waiting("door") == 0);
    end(s);
}

TEST(what_a_seat_did_not_settle_comes_again_to_the_next_one)
{
    struct seat *s = start(5), *t;
    struct bell other = bell_new();
    struct c2d a, b;
    uint64_t at;

    post("door", "one");
    post("door", "two");
    a = next_is(s, "one");
    t = world_sit(&w, "door", &other);
    CHECK(other.rung == 1);
    CHECK_ERR(hub_settle(s, &a.lock, OUTCOME_COMPLETE, w.now_ms, &at), ERR_STOLEN);
    b = next_is(t, "one");
    CHECK(b.again && b.delivery_count == 0);
    CHECK_ERR(hub_settle(t, &a.lock, OUTCOME_COMPLETE, w.now_ms, &at), ERR_LOCK_LOST);
    hub_release(t, w.now_ms);
    CHECK_ERR(hub_settle(t, &b.lock, OUTCOME_COMPLETE, w.now_ms, &at), ERR_LOCK_LOST);
    b = next_is(t, "one");
    settle(t, &b, OUTCOME_COMPLETE);
    hub_detach(s, w.now_ms);
    next_is(t, "two");
    end(t);
}

TEST(without_a_seat_a_lock_lasts_a_minute)
{
    struct seat *s = start(6);
    struct buf text = buf_max(RECORD_LEN_MAX);
    struct c2d c;
    uint64_t at;

    post("door", "one");
    CHECK_OK(hub_take(w.hub, BYTES("door"), w.now_ms, &text, &c));
    CHECK_BYTES(body_of(&c), BYTES("one"));
    nothing_for(s);
    CHECK_ERR(hub_settle(s, &c.lock, OUTCOME_COMPLETE, w.now_ms, &at), ERR_LOCK_LOST);
    w.now_ms += C2D_LOCK_MS - 1;
    hub_tick(w.hub, w.now_ms);
    nothing_for(s);
    w.now_ms++;
    bell.rung = 0;
    hub_tick(w.hub, w.now_ms);
    CHECK(bell.rung == 1);
    CHECK_ERR(hub_take_settle(w.hub, BYTES("door"), &c.lock, OUTCOME_COMPLETE, w.now_ms, &at), ERR_LOCK_LOST);
    CHECK(next_is(s, "one").again);
    CHECK_ERR(hub_take(w.hub, BYTES("door"), w.now_ms, &text, &c), ERR_NOT_FOUND);
    hub_release(s, w.now_ms);
    CHECK_OK(hub_take(w.hub, BYTES("door"), w.now_ms, &text, &c));
    CHECK_OK(hub_take_settle(w.hub, BYTES("door"), &c.lock, OUTCOME_COMPLETE, w.now_ms, &at));
    CHECK(waiting("door") == 0);
    buf_free(&text);
    end(s);
}

TEST(only_what_is_durable_is_delivered)
{
    struct seat *s = start(7);
    uint64_t at;

    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    bell.rung = 0;
    at = post_as("door", "one", NULL, NULL, 0);
    CHECK(bell.rung == 0);
    nothing_for(s);
    memory_store_settle(w.store, at + 1);
    CHECK(bell.rung == 1);
    next_is(s, "one");
    end(s);
}

TEST(a_message_expires_also_in_a_mailbox_that_nobody_has_asked_for)
{
    struct seat *s = start(8);
    int64_t expiry_ms = w.now_ms + 90000;

    hub_detach(s, w.now_ms);
    post_as("door", "one", "m", "full", expiry_ms);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_restart(&w);
    w.now_ms = expiry_ms - 1;
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting("door") == 1);
    world_restart(&w);
    w.now_ms++;
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting("door") == 0);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_end(&w);
}

/* A seat keeps its locks, but whoever sent the message is told some day. */
TEST(a_message_that_nobody_settles_expires_in_the_end)
{
    struct seat *s = start(9);
    struct c2d c;
    uint64_t at;

    post_as("door", "one", "m", "negative", w.now_ms + 90000);
    w.now_ms += 89000;
    c = next_is(s, "one");
    w.now_ms += 2000;
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting("door") == 1);
    w.now_ms += C2D_LOCK_MS;
    hub_tick(w.hub, w.now_ms);
    CHECK(waiting("door") == 0);
    CHECK_ERR(hub_settle(s, &c.lock, OUTCOME_COMPLETE, w.now_ms, &at), ERR_LOCK_LOST);
    end(s);
}

/* Its place in the log is damaged: it holds up neither the others nor the checkpoint, and its sender is told. */
TEST(a_message_that_cannot_be_read_is_a_dead_letter)
{
    for (int kept = 0; kept < 2; kept++) {
        struct feedback_record told[FEEDBACK_BATCH];
        struct seat *s = start(14);
        struct c2d_lock lock;
        uint64_t at;
        size_t n;

        hub_detach(s, w.now_ms);
        at = post_as("door", "one", "m", "negative", 0);
        post("door", "two");
        memory_store_damage(w.store, at);
        if (kept) {
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
            CHECK(state_place(w.state) > at && waiting("door") == 1);
        }
        s = world_sit(&w, "door", &bell);
        next_is(s, "two");
        nothing_for(s);
        CHECK_OK(hub_feedback_take(w.hub, w.now_ms, told, &n, &lock));
        CHECK(n == 1 && told[0].fate == FATE_DELIVERY_COUNT);
        assert_string_equal(told[0].message_id, "m");
        CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        end(s);
    }
}

TEST(a_mailbox_may_be_larger_than_a_transaction)
{
    enum { MANY = 400 };
    struct seat *s;
    char text[16];

    hub_detach(start(15), w.now_ms);
    w.options.c2d.depth = MANY;
    w.options.checkpoint_batch = 1000;
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    hub_close(w.hub);
    w.hub = NULL;
    CHECK_OK(hub_open(&w.options, &w.hub));
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "%d", i);
        post("door", text);
        if (i % 100 == 50)
            CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    }
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(store_trim(w.store, store_end(w.store)));
    world_restart(&w);
    CHECK(waiting("door") == MANY);
    s = world_sit(&w, "door", &bell);
    for (int i = 0; i < MANY; i++) {
        struct c2d c;

        snprintf(text, sizeof text, "%d", i);
        c = next_is(s, text);
        settle(s, &c, OUTCOME_COMPLETE);
    }
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    end(s);
}

TEST(mailboxes_survive_restarts_power_cuts_checkpoints_and_retention)
{
    struct seat *s = start(10);
    struct c2d c;

    post("door", "one");
    post("door", "two");
    post("door", "three");
    c = next_is(s, "one");
    settle(s, &c, OUTCOME_ABANDON);
    next_is(s, "one");
    hub_detach(s, w.now_ms);
    world_crash(&w);
    s = world_sit(&w, "door", &bell);
    c = next_is(s, "one");
    CHECK(c.delivery_count == 1);
    settle(s, &c, OUTCOME_COMPLETE);
    hub_detach(s, w.now_ms);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(store_trim(w.store, store_end(w.store)));
    world_restart(&w);
    s = world_sit(&w, "door", &bell);
    c = next_is(s, "two");
    CHECK(c.sequence == 2);
    settle(s, &c, OUTCOME_COMPLETE);
    post("door", "four");
    hub_detach(s, w.now_ms);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    world_crash(&w);
    s = world_sit(&w, "door", &bell);
    next_is(s, "three");
    CHECK(next_is(s, "four").sequence == 4);
    nothing_for(s);
    end(s);
}

TEST(a_purge_empties_a_mailbox_of_locked_messages_too)
{
    struct seat *s = start(11);
    struct c2d c;
    uint64_t n, at;

    CHECK_ERR(hub_purge(w.hub, BYTES("window"), w.now_ms, &n, &at), ERR_NOT_FOUND);
    post("door", "one");
    post("door", "two");
    c = next_is(s, "one");
    CHECK_OK(hub_purge(w.hub, BYTES("door"), w.now_ms, &n, &at));
    CHECK(n == 2 && waiting("door") == 0);
    CHECK_ERR(hub_settle(s, &c.lock, OUTCOME_COMPLETE, w.now_ms, &at), ERR_LOCK_LOST);
    CHECK_OK(hub_purge(w.hub, BYTES("door"), w.now_ms, &n, &at));
    CHECK(n == 0);
    end(s);
}

TEST(a_device_that_is_made_again_has_nothing_of_the_old_one)
{
    struct seat *s = start(12);
    struct c2d c;
    uint64_t at;

    post("door", "one");
    hub_detach(s, w.now_ms);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    CHECK_OK(hub_device_delete(w.hub, BYTES("door"), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
    world_add(&w, "door");
    world_crash(&w);
    s = world_sit(&w, "door", &bell);
    nothing_for(s);
    post("door", "new");
    c = next_is(s, "new");
    CHECK(c.sequence == 1);
    end(s);
}

TEST(a_lock_has_a_name_that_can_be_read_back)
{
    struct c2d_lock lock, back;
    char text[GUID_TEXT_CAP];

    for (unsigned i = 0; i < sizeof lock.at; i++)
        lock.at[i] = (uint8_t)(i * 17);
    lock_text(&lock, text);
    CHECK_BYTES(bytes_str(text), BYTES("00112233-4455-6677-8899-aabbccddeeff"));
    CHECK(lock_parse(bytes_str(text), &back));
    CHECK_BYTES(bytes_of(back.at, 16), bytes_of(lock.at, 16));
    CHECK(lock_parse(BYTES("00112233-4455-6677-8899-AABBCCDDEEFF"), &back));
    CHECK(!lock_parse(BYTES("00112233-4455-6677-8899-AABBCCDDEEF"), &back));
    CHECK(!lock_parse(BYTES("0011223344556677-8899-AABBCCDDEEFF--"), &back));
    CHECK(!lock_parse(BYTES("00112233-4455-6677-8899-AABBCCDDEEFx"), &back));
}

/* Thousands in one mailbox, taken in order while others come back: nothing is lost, nothing comes twice. */
TEST(a_deep_mailbox_keeps_its_order)
{
    enum { MANY = 3000 };
    static uint8_t seen[MANY];
    struct c2d c, held[8];
    size_t n_held = 0, done = 0;
    struct seat *s;

    bell = bell_new();
    world_make(&w, 13);
    w.options.c2d.depth = MANY;
    CHECK_OK(hub_init(&w.options, &w.birth, w.now_ms));
    CHECK_OK(hub_open(&w.options, &w.hub));
    world_add(&w, "door");
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < MANY; i++)
        post("door", "x");
    s = world_sit(&w, "door", &bell);
    while (done < MANY) {
        enum err e = n_held < 8 ? hub_next(s, w.now_ms, &c) : ERR_NOT_FOUND;

        if (!e) {
            held[n_held++] = c;
            continue;
        }
        size_t which = world_below(&w, (unsigned)n_held);
        bool back = world_below(&w, 4) == 0 && held[which].delivery_count < 5;
        settle(s, &held[which], back ? OUTCOME_ABANDON : OUTCOME_COMPLETE);
        if (!back) {
            CHECK(!seen[held[which].sequence - 1]++);
            done++;
        }
        held[which] = held[--n_held];
    }
    nothing_for(s);
    CHECK(waiting("door") == 0);
    end(s);
}

TESTS(RUN(messages_come_in_order_and_go_when_they_are_completed), RUN(what_comes_is_what_was_sent),
      RUN(what_cannot_be_posted_is_refused), RUN(an_abandoned_message_comes_again_until_it_is_a_dead_letter),
      RUN(what_a_seat_did_not_settle_comes_again_to_the_next_one), RUN(without_a_seat_a_lock_lasts_a_minute),
      RUN(only_what_is_durable_is_delivered), RUN(a_message_expires_also_in_a_mailbox_that_nobody_has_asked_for),
      RUN(a_message_that_nobody_settles_expires_in_the_end), RUN(a_message_that_cannot_be_read_is_a_dead_letter),
      RUN(a_mailbox_may_be_larger_than_a_transaction),
      RUN(mailboxes_survive_restarts_power_cuts_checkpoints_and_retention),
      RUN(a_purge_empties_a_mailbox_of_locked_messages_too),
      RUN(a_device_that_is_made_again_has_nothing_of_the_old_one), RUN(a_lock_has_a_name_that_can_be_read_back),
      RUN(a_deep_mailbox_keeps_its_order))
