/* Mailboxes from a seed, in one thread: messages are posted, taken by seats and without, settled, abandoned, let go,
 * purged; they expire; devices come and go; the log becomes durable in jumps, checkpoints and power cuts come in
 * between. A model knows from the hub's trace what happened and where it stands in the log, so after a power cut it
 * knows what the hub must know. */
#include "hub_world.h"
#include "mail_model.h"

#include <stdlib.h>

enum { DEVICES = 5, STEPS = 900 };

static struct world w;
static struct mail_model model;
static struct {
    struct seat *seat;
    struct bell bell;
} devices[DEVICES];
static struct feedback_reader *reader;
static struct bell service;
static uint64_t seed_now;
static bool done;

static unsigned below(unsigned n)
{
    return world_below(&w, n);
}

static const char *name_of(unsigned device)
{
    static char name[16];

    snprintf(name, sizeof name, "d%u", device);
    return name;
}

static void on_trace(void *ctx, const char *sentence)
{
    (void)ctx;
    model_hears(&model, sentence, store_end(w.store) - 1, w.now_ms);
}

/* The number behind the device's last. */
static uint64_t next_number(unsigned device)
{
    uint64_t next = 1;

    for (size_t i = 0; i < model.n; i++) {
        const struct message *m = &model.messages[i];

        if (m->in_at && m->device == device && m->sequence >= next)
            next = m->sequence + 1;
    }
    return next;
}

static void post(unsigned device)
{
    struct message *m = &model.messages[model.n];
    char body[32], id[32];
    struct device d;
    enum err e;

    if (model.n == MODEL_MESSAGES)
        return;
    *m = (struct message){.device = device, .ack = (enum ack)below(4)};
    snprintf(body, sizeof body, "body %zu", model.n);
    snprintf(id, sizeof id, "%zu", model.n);
    const struct msg msg = {.body = bytes_str(body),
                            .message_id = bytes_str(id),
                            .ack = bytes_str(model_ack(m)),
                            .expiry_ms = below(3) ? 0 : w.now_ms + 1 + below(200000)};
    m->expiry_ms = msg.expiry_ms ? msg.expiry_ms : w.now_ms + C2D_TTL_DEFAULT_MS;
    e = hub_post(w.hub, bytes_str(name_of(device)), &msg, w.now_ms, &m->in_at);
    CHECK_OK(hub_device_get(w.hub, bytes_str(name_of(device)), &d));
    CHECK_ERR(e, e && d.c2d_count == MAILBOX_DEPTH_DEFAULT ? ERR_FULL : OK);
    if (e)
        return;
    m->sequence = next_number(device);
    CHECK(m->sequence == model.enqueued);
    model.n++;
}

static void check_body(const struct message *m, const struct c2d *c)
{
    static struct msg_room room;
    struct msg msg;
    char body[32];

    snprintf(body, sizeof body, "body %zu", (size_t)(m - model.messages));
    CHECK_OK(msg_read(c->sections, &room, &msg));
    CHECK_BYTES(msg.body, bytes_str(body));
}

static void take(unsigned device)
{
    struct buf room = buf_max(RECORD_LEN_MAX);
    struct seat *seat = devices[device].seat;
    struct message *m;
    struct c2d c;
    enum err e = seat ? hub_next(seat, w.now_ms, &c) : hub_take(w.hub, bytes_str(name_of(device)), w.now_ms, &room, &c);

    m = model_first(&model, device, store_durable(w.store),
                    w.now_ms); /* behind the call, which makes what has expired expire */
    if (m && seat && e == ERR_NOT_FOUND) {
        /* A lock without a seat ends when the hub is told the time. */
        hub_tick(w.hub, w.now_ms);
        m = model_first(&model, device, store_durable(w.store), w.now_ms);
        e = hub_next(seat, w.now_ms, &c);
    }
    CHECK_ERR(e, m ? OK : ERR_NOT_FOUND);
    if (!e) {
        model_took(m, &c, seat, w.now_ms);
        check_body(m, &c);
    }
    buf_free(&room);
}

static void settle_one(void)
{
    enum outcome how = (enum outcome)below(3);
    struct message *m = model.n ? &model.messages[below((unsigned)model.n)] : NULL;
    unsigned before;
    uint64_t at;
    bool held;
    enum err e;

    if (!m || !m->locked)
        return;
    before = m->n_counts;
    held = model_holds(m, w.now_ms);
    e = m->holder ? hub_settle(m->holder, &m->lock, how, w.now_ms, &at)
                  : hub_take_settle(w.hub, bytes_str(name_of(m->device)), &m->lock, how, w.now_ms, &at);
    model_settled(m, how, held, before, e, at);
}

static void sit_or_leave(unsigned device)
{
    struct seat *old = devices[device].seat;

    if (old && below(2)) {
        model_let_go(&model, old);
        hub_release(old, w.now_ms);
        return;
    }
    devices[device].seat = NULL;
    if (!old || below(2))
        devices[device].seat = world_sit(&w, name_of(device), &devices[device].bell);
    if (old) {
        model_let_go(&model, old);
        hub_detach(old, w.now_ms);
    }
}

/* Everything that is told now, each once; then it is settled, or comes again. */
static void hear_feedback(void)
{
    struct feedback_record got[FEEDBACK_BATCH];
    struct c2d_lock lock;
    uint64_t at;
    size_t n;

    w.now_ms += FEEDBACK_REST_MS;
    while (!hub_feedback_next(reader, w.now_ms, got, &n, &lock)) {
        bool complete = below(4) > 0;

        CHECK_OK(hub_feedback_settle(reader, &lock, complete ? OUTCOME_COMPLETE : OUTCOME_ABANDON, w.now_ms, &at));
        model_heard(&model, got, n, store_durable(w.store), at);
        if (!complete)
            break;
    }
}

static void check_counts(void)
{
    for (unsigned k = 0; k < DEVICES; k++) {
        struct device d;

        CHECK_OK(hub_device_get(w.hub, bytes_str(name_of(k)), &d));
        CHECK(d.c2d_count == model_waiting(&model, k));
    }
}

static void start_again(bool crash)
{
    uint64_t durable;

    for (unsigned k = 0; k < DEVICES; k++) {
        hub_detach(devices[k].seat, w.now_ms);
        devices[k].seat = NULL;
    }
    hub_feedback_close(reader);
    if (!crash)
        memory_store_settle(w.store, UINT64_MAX);
    durable = store_durable(w.store);
    if (crash)
        world_crash(&w);
    else
        world_restart(&w);
    model_forgets(&model, durable);
    CHECK_OK(hub_feedback_open(w.hub, &service.waker, &reader));
    check_counts();
}

/* Of several transactions, some may happen and the rest not; then the hub goes on, or the power is cut. */
static void checkpoint(void)
{
    bool cut = below(3) == 0;
    enum err e;

    if (cut)
        memory_state_fails(w.state, true, below(12));
    e = hub_checkpoint(w.hub, w.now_ms);
    CHECK(!e || (cut && e == ERR_DISK_FULL));
    memory_state_fails(w.state, false, 0);
    if (cut && below(2))
        start_again(below(2));
}

static void step(void)
{
    unsigned device = below(DEVICES);
    uint64_t n, at;

    switch (below(24)) {
    case 0:
        if (below(3) == 0)
            start_again(below(2));
        break;
    case 1:
        checkpoint();
        if (below(2))
            CHECK_OK(store_trim(w.store, state_place(w.state)));
        break;
    case 2:
        sit_or_leave(device);
        break;
    case 3:
        w.now_ms += below(90000);
        hub_tick(w.hub, w.now_ms);
        check_counts();
        break;
    case 4:
        if (below(4) == 0)
            CHECK_OK(hub_purge(w.hub, bytes_str(name_of(device)), w.now_ms, &n, &at));
        break;
    case 5:
        hear_feedback();
        break;
    case 6:
    case 7:
    case 8:
        memory_store_settle(w.store, store_durable(w.store) + below(8));
        break;
    case 9:
    case 10:
    case 11:
    case 12:
    case 13:
        post(device);
        break;
    case 14:
    case 15:
    case 16:
    case 17:
    case 18:
        take(device);
        break;
    default:
        settle_one();
    }
}

/* In the end all is said of what was asked for. */
static void finish(void)
{
    memory_store_settle(w.store, UINT64_MAX);
    for (int turn = 0; model_untold(&model) && turn < 200; turn++) {
        hear_feedback();
        w.now_ms += FEEDBACK_LOCK_MS;
        hub_tick(w.hub, w.now_ms);
        memory_store_settle(w.store, UINT64_MAX);
    }
    CHECK(model_untold(&model) == 0);
    check_counts();
}

TEST(whatever_happens_nothing_is_lost_nothing_comes_after_its_end_and_everything_is_told_once)
{
    const char *given = getenv("D2D_SEED"), *count = getenv("D2D_SEEDS");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1, n = given ? 1 : count ? strtoull(count, NULL, 0) : 1000;

    for (seed_now = first; seed_now < first + n; seed_now++) {
        memset(devices, 0, sizeof devices);
        model.n = 0;
        world_make(&w, seed_now);
        w.options.trace = on_trace;
        w.options.c2d.feedback_ttl_ms = INT64_C(1) << 40;
        w.options.c2d.feedback_deliveries = 1000;
        w.options.checkpoint_batch = below(4) ? 1 + below(400) : 0;
        CHECK_OK(hub_init(&w.options, &w.birth, w.now_ms));
        CHECK_OK(hub_open(&w.options, &w.hub));
        service = bell_new();
        CHECK_OK(hub_feedback_open(w.hub, &service.waker, &reader));
        for (unsigned k = 0; k < DEVICES; k++) {
            devices[k].bell = bell_new();
            world_add(&w, name_of(k));
        }
        memory_store_faults(w.store, &(struct memory_faults){.manual = true});
        for (int i = 0; i < STEPS; i++)
            step();
        finish();
        for (unsigned k = 0; k < DEVICES; k++)
            hub_detach(devices[k].seat, w.now_ms);
        hub_feedback_close(reader);
        world_end(&w);
    }
    done = true;
}

static int say_seed(void **state)
{
    (void)state;
    if (!done)
        print_error("again with D2D_SEED=%llu\n", (unsigned long long)seed_now);
    return 0;
}

TESTS(cmocka_unit_test_teardown(
    whatever_happens_nothing_is_lost_nothing_comes_after_its_end_and_everything_is_told_once, say_seed))
