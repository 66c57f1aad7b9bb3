/* Mailboxes from a seed, in one thread: messages are posted, taken by seats and without, settled, abandoned, let go,
 * purged; they expire; devices come and go; the log becomes durable in jumps, checkpoints and power cuts come in
 * between. A model knows from the hub's trace what happened and where it stands in the log, so after a power cut it
 * knows what the hub must know. */
#include "hub_world.h"

#include <stdlib.h>

enum { DEVICES = 5, MANY = 3000, STEPS = 900, COUNTS = C2D_DELIVERIES_DEFAULT + 1, DONES = 64 };

struct message {
    unsigned device;
    uint64_t sequence, in_at, out_at; /* out_at 0: it is in the mailbox */
    int64_t expiry_ms;
    enum fate fate;
    enum ack ack;
    uint64_t count_at[COUNTS]; /* of each abandon */
    unsigned n_counts;
    struct seat *holder;
    bool locked;
    struct c2d_lock lock;
    int64_t until_ms;
    uint64_t done_at; /* its feedback was settled */
};

static struct world w;
static struct message messages[MANY];
static size_t n_messages;
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

static bool is_durable(uint64_t at)
{
    return at < store_durable(w.store);
}

static struct message *message_of(unsigned device, uint64_t sequence)
{
    for (size_t i = n_messages; i-- > 0;)
        if (messages[i].device == device && messages[i].sequence == sequence && messages[i].in_at)
            return &messages[i];
    return NULL;
}

/* "message 3 for d1: Expired": its record is the last one in the log. */
static void on_trace(void *ctx, const char *sentence)
{
    unsigned long long sequence;
    struct message *m;
    unsigned device;
    char what[32];

    (void)ctx;
    if (sscanf(sentence, "message %llu for d%u: %31s", &sequence, &device, what) != 3 || !strcmp(what, "enqueued"))
        return;
    m = message_of(device, sequence);
    CHECK(m && m->out_at == 0);
    for (int f = FATE_SUCCESS; f <= FATE_PURGED; f++) {
        if (strcmp(what, fate_name((enum fate)f)) != 0)
            continue;
        m->out_at = store_end(w.store) - 1;
        m->fate = (enum fate)f;
        CHECK(f != FATE_EXPIRED || m->expiry_ms <= w.now_ms);
        CHECK(f != FATE_DELIVERY_COUNT || m->n_counts == C2D_DELIVERIES_DEFAULT - 1);
    }
    if (!strcmp(what, "abandoned"))
        m->count_at[m->n_counts++] = store_end(w.store) - 1;
    if (strcmp(what, "locked") != 0)
        m->locked = false;
}

static void post(unsigned device)
{
    static const char *const acks[] = {"none", "positive", "negative", "full"};
    struct message *m = &messages[n_messages];
    char body[32], id[32];
    struct device d;
    enum err e;

    if (n_messages == MANY)
        return;
    *m = (struct message){.device = device, .ack = (enum ack)below(4)};
    snprintf(body, sizeof body, "body %zu", n_messages);
    snprintf(id, sizeof id, "%zu", n_messages);
    const struct msg msg = {.body = bytes_str(body),
                            .message_id = bytes_str(id),
                            .ack = bytes_str(acks[m->ack]),
                            .expiry_ms = below(3) ? 0 : w.now_ms + 1 + below(200000)};
    m->expiry_ms = msg.expiry_ms ? msg.expiry_ms : w.now_ms + C2D_TTL_DEFAULT_MS;
    e = hub_post(w.hub, bytes_str(name_of(device)), &msg, w.now_ms, &m->in_at);
    CHECK_OK(hub_device_get(w.hub, bytes_str(name_of(device)), &d));
    CHECK_ERR(e, e && d.c2d_count == MAILBOX_DEPTH_DEFAULT ? ERR_FULL : OK);
    if (e)
        return;
    m->sequence = 1;
    for (size_t i = 0; i < n_messages; i++)
        if (messages[i].in_at && messages[i].device == device && messages[i].sequence >= m->sequence)
            m->sequence = messages[i].sequence + 1;
    n_messages++;
}

/* The first that may be given to somebody now; locks without a seat have ended by their time. */
static struct message *first_of(unsigned device)
{
    for (size_t i = 0; i < n_messages; i++) {
        struct message *m = &messages[i];

        if (m->device != device || !m->in_at || m->out_at)
            continue;
        if (m->locked && !m->holder && m->until_ms <= w.now_ms)
            m->locked = false;
        if (m->locked)
            continue;
        return is_durable(m->in_at) ? m : NULL;
    }
    return NULL;
}

static void check_taken(const struct message *m, const struct c2d *c)
{
    static struct msg_room room;
    struct msg msg;
    char body[32];

    CHECK(m && c->sequence == m->sequence && c->delivery_count == m->n_counts && m->expiry_ms == c->expiry_ms);
    snprintf(body, sizeof body, "body %zu", (size_t)(m - messages));
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

    m = first_of(device); /* behind the call, which makes what has expired expire */
    if (m && seat && e == ERR_NOT_FOUND) {
        /* A lock without a seat ends when the hub is told the time. */
        hub_tick(w.hub, w.now_ms);
        m = first_of(device);
        e = hub_next(seat, w.now_ms, &c);
    }
    CHECK_ERR(e, m ? OK : ERR_NOT_FOUND);
    if (!e) {
        check_taken(m, &c);
        m->locked = true;
        m->holder = seat;
        m->until_ms = w.now_ms + C2D_LOCK_MS;
        m->lock = c.lock;
    }
    buf_free(&room);
}

static void settle_one(void)
{
    static const enum fate fates[] = {[OUTCOME_COMPLETE] = FATE_SUCCESS, [OUTCOME_REJECT] = FATE_REJECTED};
    enum outcome how = (enum outcome)below(3);
    struct message *m = n_messages ? &messages[below((unsigned)n_messages)] : NULL;
    unsigned before;
    uint64_t at;
    bool held;
    enum err e;

    if (!m || !m->locked)
        return;
    before = m->n_counts;
    held = m->holder || m->until_ms > w.now_ms;
    e = m->holder ? hub_settle(m->holder, &m->lock, how, w.now_ms, &at)
                  : hub_take_settle(w.hub, bytes_str(name_of(m->device)), &m->lock, how, w.now_ms, &at);
    if (!held || (m->out_at && m->fate == FATE_EXPIRED)) {
        CHECK_ERR(e, ERR_LOCK_LOST);
        return;
    }
    CHECK_OK(e);
    if (how != OUTCOME_ABANDON)
        CHECK(m->out_at == at && m->fate == fates[how]);
    else
        CHECK(m->n_counts == before + 1 || m->fate == FATE_DELIVERY_COUNT);
}

static void let_go(struct seat *seat)
{
    for (size_t i = 0; i < n_messages; i++)
        if (messages[i].locked && messages[i].holder == seat)
            messages[i].locked = false;
}

static void sit_or_leave(unsigned device)
{
    struct seat *old = devices[device].seat;

    if (old && below(2)) {
        let_go(old);
        hub_release(old, w.now_ms);
        return;
    }
    devices[device].seat = NULL;
    if (!old || below(2))
        devices[device].seat = world_sit(&w, name_of(device), &devices[device].bell);
    if (old) {
        let_go(old);
        hub_detach(old, w.now_ms);
    }
}

static bool is_told(const struct message *m)
{
    bool success = m->fate == FATE_SUCCESS;

    return m->in_at && m->out_at &&
           (m->ack == ACK_FULL || (success && m->ack == ACK_POSITIVE) || (!success && m->ack == ACK_NEGATIVE));
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
        for (size_t i = 0; i < n; i++) {
            struct message *m = &messages[atoi(got[i].message_id)];

            CHECK(is_told(m) && is_durable(m->out_at) && !m->done_at && got[i].fate == m->fate);
            if (at)
                m->done_at = at;
        }
        if (!complete)
            break;
    }
}

/* Changes that did not reach the disk never happened. */
static void forget_what_was_lost(uint64_t durable)
{
    for (size_t i = 0; i < n_messages; i++) {
        struct message *m = &messages[i];

        m->locked = false;
        if (m->in_at >= durable)
            m->in_at = 0;
        if (m->out_at >= durable)
            m->out_at = 0;
        if (m->done_at >= durable)
            m->done_at = 0;
        while (m->n_counts && m->count_at[m->n_counts - 1] >= durable)
            m->n_counts--;
    }
}

static void check_counts(void)
{
    for (unsigned k = 0; k < DEVICES; k++) {
        unsigned n = 0;
        struct device d;

        for (size_t i = 0; i < n_messages; i++)
            n += messages[i].device == k && messages[i].in_at && !messages[i].out_at;
        CHECK_OK(hub_device_get(w.hub, bytes_str(name_of(k)), &d));
        CHECK(d.c2d_count == n);
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
    forget_what_was_lost(durable);
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
    size_t left = 1;

    memory_store_settle(w.store, UINT64_MAX);
    for (int turn = 0; left && turn < 200; turn++) {
        left = 0;
        hear_feedback();
        w.now_ms += FEEDBACK_LOCK_MS;
        hub_tick(w.hub, w.now_ms);
        memory_store_settle(w.store, UINT64_MAX);
        for (size_t i = 0; i < n_messages; i++) {
            left += is_told(&messages[i]) && !messages[i].done_at;
            if (turn == 199 && is_told(&messages[i]) && !messages[i].done_at)
                print_error("message %zu: in %llu out %llu durable %llu\n", i, (unsigned long long)messages[i].in_at,
                            (unsigned long long)messages[i].out_at, (unsigned long long)store_durable(w.store));
        }
    }
    CHECK(left == 0);
    check_counts();
}

TEST(whatever_happens_nothing_is_lost_nothing_comes_after_its_end_and_everything_is_told_once)
{
    const char *given = getenv("D2D_SEED"), *count = getenv("D2D_SEEDS");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1, n = given ? 1 : count ? strtoull(count, NULL, 0) : 1000;

    for (seed_now = first; seed_now < first + n; seed_now++) {
        memset(devices, 0, sizeof devices);
        n_messages = 0;
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
