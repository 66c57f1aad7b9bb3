#include "hub_power.h"

#include <stdlib.h>

enum { MANY = 3000, COUNTS = C2D_DELIVERIES_DEFAULT + 1 };

struct message {
    unsigned device;
    uint64_t sequence, in_at, out_at; /* in_at 0: it never came; out_at 0: it is in the mailbox */
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

static struct message messages[MANY];
static size_t n_messages;
static uint64_t enqueued; /* the number of the last one */
static struct feedback_reader *reader;
static struct bell service;

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
    if (sscanf(sentence, "message %llu for d%u: %31s", &sequence, &device, what) != 3)
        return;
    if (!strcmp(what, "enqueued")) {
        enqueued = sequence;
        return;
    }
    m = message_of(device, sequence);
    CHECK(m && m->out_at == 0);
    for (int f = FATE_SUCCESS; f <= FATE_PURGED; f++) {
        if (strcmp(what, fate_name((enum fate)f)) != 0)
            continue;
        m->out_at = store_end(machine.store) - 1;
        m->fate = (enum fate)f;
        CHECK(f != FATE_EXPIRED || m->expiry_ms <= now_ms);
        CHECK(f != FATE_DELIVERY_COUNT || m->n_counts == C2D_DELIVERIES_DEFAULT - 1);
    }
    if (!strcmp(what, "abandoned"))
        m->count_at[m->n_counts++] = store_end(machine.store) - 1;
    if (strcmp(what, "locked") != 0)
        m->locked = false;
}

/* One more than the last one that this life of the device ever got. */
static uint64_t next_number(unsigned device)
{
    uint64_t born = device_born_at(device), next = 1;

    for (size_t i = 0; i < n_messages; i++)
        if (messages[i].in_at > born && messages[i].device == device && messages[i].sequence >= next)
            next = messages[i].sequence + 1;
    return next;
}

static struct bytes body_of(size_t number, char out[512])
{
    memset(out, 'A' + (int)(number % 26), 512);
    return bytes_of(out, (size_t)snprintf(out, 32, "body %zu", number) + number * 7919u % 400);
}

static void post(unsigned device)
{
    static const char *const acks[] = {"none", "positive", "negative", "full"};
    struct message *m = &messages[n_messages];
    char body[512], id[32];
    struct device d;
    enum err e;

    if (n_messages == MANY || !device_is_there(device))
        return;
    *m = (struct message){.device = device, .ack = (enum ack)below(4)};
    snprintf(id, sizeof id, "%zu", n_messages);
    const struct msg msg = {.body = body_of(n_messages, body),
                            .message_id = bytes_str(id),
                            .ack = bytes_str(acks[m->ack]),
                            .expiry_ms = below(3) ? 0 : now_ms + 1 + below(200000)};
    m->expiry_ms = msg.expiry_ms ? msg.expiry_ms : now_ms + C2D_TTL_DEFAULT_MS;
    e = hub_post(hub(), bytes_str(device_name(device)), &msg, now_ms, &m->in_at);
    CHECK_OK(hub_device_get(hub(), bytes_str(device_name(device)), &d));
    CHECK_ERR(e, e && d.c2d_count == machine.options.c2d.depth ? ERR_FULL : OK);
    if (e)
        return;
    m->sequence = next_number(device);
    CHECK(m->sequence == enqueued);
    n_messages++;
}

/* The first that may be given to somebody now. */
static struct message *first_of(unsigned device)
{
    for (size_t i = 0; i < n_messages; i++) {
        struct message *m = &messages[i];

        if (m->device != device || !m->in_at || m->out_at)
            continue;
        if (m->locked && !m->holder && m->until_ms <= now_ms)
            m->locked = false;
        if (!m->locked)
            return is_durable(m->in_at) ? m : NULL;
    }
    return NULL;
}

static void check_taken(const struct message *m, const struct c2d *c)
{
    static struct msg_room room;
    struct msg msg;
    char body[512];

    CHECK(m && c->sequence == m->sequence && c->delivery_count == m->n_counts && m->expiry_ms == c->expiry_ms);
    CHECK_OK(msg_read(c->sections, &room, &msg));
    CHECK_BYTES(msg.body, body_of((size_t)(m - messages), body));
}

static bool take(unsigned device)
{
    struct buf room = buf_max(RECORD_LEN_MAX);
    struct seat *seat = below(2) ? seat_of(device) : NULL;
    struct message *m;
    struct c2d c;
    enum err e;

    if (!device_is_enabled(device))
        return false;
    /* Its thread may not have come to tell the hub that the log grew. */
    hub_grew(hub());
    hub_tick(hub(), now_ms);
    e = seat ? hub_next(seat, now_ms, &c) : hub_take(hub(), bytes_str(device_name(device)), now_ms, &room, &c);
    m = first_of(device);
    CHECK_ERR(e, m ? OK : ERR_NOT_FOUND);
    if (!e) {
        check_taken(m, &c);
        m->locked = true;
        m->holder = seat;
        m->until_ms = now_ms + C2D_LOCK_MS;
        m->lock = c.lock;
    }
    buf_free(&room);
    return !e;
}

static void settle(struct message *m, enum outcome how)
{
    static const enum fate fates[] = {[OUTCOME_COMPLETE] = FATE_SUCCESS, [OUTCOME_REJECT] = FATE_REJECTED};
    unsigned before = m->n_counts;
    bool held = m->holder || m->until_ms > now_ms;
    uint64_t at;
    enum err e;

    e = m->holder ? hub_settle(m->holder, &m->lock, how, now_ms, &at)
                  : hub_take_settle(hub(), bytes_str(device_name(m->device)), &m->lock, how, now_ms, &at);
    if (!held || (m->out_at && m->fate == FATE_EXPIRED)) {
        CHECK_ERR(e, ERR_LOCK_LOST);
        return;
    }
    CHECK_OK(e);
    if (how != OUTCOME_ABANDON)
        CHECK(m->out_at >= at && m->fate == fates[how]);
    else
        CHECK(m->n_counts == before + 1 || m->fate == FATE_DELIVERY_COUNT);
}

static void settle_one(void)
{
    struct message *m = NULL;
    unsigned n = 0;

    for (size_t i = 0; i < n_messages; i++)
        if (messages[i].locked && below(++n) == 0)
            m = &messages[i];
    if (m)
        settle(m, (enum outcome)below(3));
}

void mail_seat_gone(const struct seat *seat)
{
    for (size_t i = 0; seat && i < n_messages; i++)
        if (messages[i].locked && messages[i].holder == seat)
            messages[i].locked = false;
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

    now_ms += FEEDBACK_REST_MS;
    while (!hub_feedback_next(reader, now_ms, got, &n, &lock)) {
        bool complete = below(4) > 0;

        CHECK_OK(hub_feedback_settle(reader, &lock, complete ? OUTCOME_COMPLETE : OUTCOME_ABANDON, now_ms, &at));
        for (size_t i = 0; i < n; i++) {
            struct message *m = &messages[atoi(got[i].message_id)];

            CHECK(is_told(m) && is_durable(m->out_at) && !m->done_at && got[i].fate == m->fate);
            CHECK(!strcmp(got[i].device, device_name(m->device)));
            if (at)
                m->done_at = at;
        }
        if (!complete)
            break;
    }
}

/* ---- the part --------------------------------------------------------------------------------------------------- */

void mail_begin(void)
{
    n_messages = 0;
    machine.options.trace = on_trace;
    machine.options.c2d.depth = 10;
    machine.options.c2d.feedback_ttl_ms = INT64_C(1) << 40;
    machine.options.c2d.feedback_deliveries = 1000;
}

void mail_open(void)
{
    service = bell_new();
    CHECK_OK(hub_feedback_open(hub(), &service.waker, &reader));
}

void mail_close(void)
{
    hub_feedback_close(reader);
    reader = NULL;
}

void mail_step(void)
{
    unsigned device = below(DEVICES), dice = below(24);
    uint64_t n, at;

    if (dice < 9)
        post(device);
    else if (dice < 15)
        take(device);
    else if (dice < 20)
        settle_one();
    else if (dice < 22)
        hear_feedback();
    else if (dice < 23)
        hub_tick(hub(), now_ms += below(90000));
    else if (device_is_there(device) && below(4) == 0)
        CHECK_OK(hub_purge(hub(), bytes_str(device_name(device)), now_ms, &n, &at));
}

void mail_forget(uint64_t end)
{
    for (size_t i = 0; i < n_messages; i++) {
        struct message *m = &messages[i];

        m->locked = false;
        if (m->in_at >= end)
            m->in_at = 0;
        if (m->out_at >= end)
            m->out_at = 0;
        if (m->done_at >= end)
            m->done_at = 0;
        while (m->n_counts && m->count_at[m->n_counts - 1] >= end)
            m->n_counts--;
    }
}

void mail_check(void)
{
    for (unsigned k = 0; k < DEVICES; k++) {
        unsigned n = 0;
        struct device d;

        for (size_t i = 0; i < n_messages; i++)
            n += messages[i].device == k && messages[i].in_at && !messages[i].out_at;
        CHECK(!n || device_is_there(k));
        if (!device_is_there(k))
            continue;
        CHECK_OK(hub_device_get(hub(), bytes_str(device_name(k)), &d));
        CHECK(d.c2d_count == n);
    }
}

static bool is_left(void *ctx, struct bytes key, struct bytes value)
{
    (void)value;
    print_error("%.*s\n", BYTES_ARG(key));
    ++*(unsigned *)ctx;
    return true;
}

/* Nothing of what has left stays in the checkpoint for ever. */
static void check_nothing_is_left(void)
{
    static const char *const prefixes[] = {"m/", "b/", "x/", "f/"};
    unsigned left = 0;

    CHECK_OK(hub_checkpoint(hub(), now_ms));
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        CHECK_OK(state_each(machine.kept, bytes_str(prefixes[i]), NO_BYTES, is_left, &left));
    CHECK(left == 0);
}

void mail_finish(void)
{
    size_t left = 1;
    uint64_t n, at;

    for (unsigned k = 0; k < DEVICES; k++) {
        while (take(k))
            settle_one();
        machine_make_room(&machine);
        if (device_is_there(k))
            CHECK_OK(hub_purge(hub(), bytes_str(device_name(k)), now_ms, &n, &at));
    }
    for (int turn = 0; left && turn < 200; turn++) {
        left = 0;
        machine_make_room(&machine);
        hear_feedback();
        now_ms += FEEDBACK_LOCK_MS;
        hub_tick(hub(), now_ms);
        machine_rest(&machine);
        for (size_t i = 0; i < n_messages; i++)
            left += is_told(&messages[i]) && !messages[i].done_at;
    }
    CHECK(left == 0);
    mail_check();
    check_nothing_is_left();
}
