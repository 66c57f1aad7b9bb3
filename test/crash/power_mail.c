/* Messages to devices, and feedback. */
#include "hub_power.h"
#include "mail_model.h"

#include <stdlib.h>

static struct mail_model model;
static struct feedback_reader *reader;
static struct bell service;

static void on_trace(void *ctx, const char *sentence)
{
    (void)ctx;
    model_hears(&model, sentence, store_end(machine.store) - 1, now_ms);
}

/* The number behind the last one that this life of the device ever got. */
static uint64_t next_number(unsigned device)
{
    uint64_t born = device_born_at(device), next = 1;

    for (size_t i = 0; i < model.n; i++) {
        const struct message *m = &model.messages[i];

        if (m->in_at > born && m->device == device && m->sequence >= next)
            next = m->sequence + 1;
    }
    return next;
}

static struct bytes body_of(size_t number, char out[512])
{
    memset(out, 'A' + (int)(number % 26), 512);
    return bytes_of(out, (size_t)snprintf(out, 32, "body %zu", number) + number * 7919u % 400);
}

static void post(unsigned device)
{
    struct message *m = &model.messages[model.n];
    char body[512], id[32];
    struct device d;
    enum err e;

    if (model.n == MODEL_MESSAGES || !device_is_there(device))
        return;
    *m = (struct message){.device = device, .ack = (enum ack)below(4)};
    snprintf(id, sizeof id, "%zu", model.n);
    const struct msg msg = {.body = body_of(model.n, body),
                            .message_id = bytes_str(id),
                            .ack = bytes_str(model_ack(m)),
                            .expiry_ms = below(3) ? 0 : now_ms + 1 + below(200000)};
    m->expiry_ms = msg.expiry_ms ? msg.expiry_ms : now_ms + C2D_TTL_DEFAULT_MS;
    e = hub_post(hub(), bytes_str(device_name(device)), &msg, now_ms, &m->in_at);
    CHECK_OK(hub_device_get(hub(), bytes_str(device_name(device)), &d));
    CHECK_ERR(e, e && d.c2d_count == machine.options.c2d.depth ? ERR_FULL : OK);
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
    char body[512];

    CHECK_OK(msg_read(c->sections, &room, &msg));
    CHECK_BYTES(msg.body, body_of((size_t)(m - model.messages), body));
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
    m = model_first(&model, device, store_durable(machine.store), now_ms);
    CHECK_ERR(e, m ? OK : ERR_NOT_FOUND);
    if (!e) {
        model_took(m, &c, seat, now_ms);
        check_body(m, &c);
    }
    buf_free(&room);
    return !e;
}

static void settle(struct message *m, enum outcome how)
{
    unsigned before = m->n_counts;
    bool held = model_holds(m, now_ms);
    uint64_t at;
    enum err e;

    e = m->holder ? hub_settle(m->holder, &m->lock, how, now_ms, &at)
                  : hub_take_settle(hub(), bytes_str(device_name(m->device)), &m->lock, how, now_ms, &at);
    model_settled(m, how, held, before, e, at);
}

static void settle_one(void)
{
    struct message *m = NULL;
    unsigned n = 0;

    for (size_t i = 0; i < model.n; i++)
        if (model.messages[i].locked && below(++n) == 0)
            m = &model.messages[i];
    if (m)
        settle(m, (enum outcome)below(3));
}

void mail_seat_gone(const struct seat *seat)
{
    model_let_go(&model, seat);
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
        model_heard(&model, got, n, store_durable(machine.store), at);
        if (!complete)
            break;
    }
}

/* ---- the part --------------------------------------------------------------------------------------------------- */

void mail_begin(void)
{
    model.n = 0;
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
    model_forgets(&model, end);
}

void mail_check(void)
{
    for (unsigned k = 0; k < DEVICES; k++) {
        unsigned n = model_waiting(&model, k);
        struct device d;

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
    uint64_t n, at;

    for (unsigned k = 0; k < DEVICES; k++) {
        while (take(k))
            settle_one();
        machine_make_room(&machine);
        if (device_is_there(k))
            CHECK_OK(hub_purge(hub(), bytes_str(device_name(k)), now_ms, &n, &at));
    }
    for (int turn = 0; turn == 0 || (model_untold(&model) && turn < 200); turn++) {
        machine_make_room(&machine);
        hear_feedback();
        now_ms += FEEDBACK_LOCK_MS;
        hub_tick(hub(), now_ms);
        machine_rest(&machine);
    }
    CHECK(model_untold(&model) == 0);
    mail_check();
    check_nothing_is_left();
}
