/* Devices send through seats that are stolen, disabled and deleted; the log becomes durable in jumps; receivers read
 * from everywhere; the power is cut. All in one thread, from a seed. */
#include "sim.h"

#include <stdlib.h>

enum { STEPS = 700 };

static struct sim s;
static uint64_t seed_now;
static bool done;

static unsigned below(unsigned n)
{
    return world_below(&s.w, n);
}

static void settle_disk(void)
{
    memory_store_faults(s.w.store, &(struct memory_faults){.manual = true, .append = s.full ? ERR_DISK_FULL : OK});
}

/* ---- devices --------------------------------------------------------------------------------------------------- */

static void loses_seat(struct sim_device *d, enum err why)
{
    if (d->sits)
        d->sits->state = why;
    d->sits = NULL;
}

static void put_device(struct sim_device *d)
{
    struct device wanted = device_named(d->id), out;
    bool enable = below(8) > 0, new_keys = !d->there || below(4) == 0;
    uint64_t at;
    enum err e;

    if (d->there)
        CHECK_OK(hub_device_get(s.w.hub, bytes_str(d->id), &wanted));
    wanted.disabled = !enable;
    if (new_keys)
        wanted.primary.len = 0;
    e = hub_device_put(s.w.hub, &wanted, (struct match){.how = d->there ? MATCH_ANY : MATCH_NONE}, s.w.now_ms, &out,
                       &at);
    CHECK_ERR(e, s.full ? ERR_DISK_FULL : OK);
    if (e)
        return;
    d->there = true;
    d->disabled = !enable;
    if (d->disabled)
        loses_seat(d, ERR_DISABLED);
    else if (new_keys)
        loses_seat(d, ERR_UNAUTHORIZED);
}

static void drop_device(struct sim_device *d)
{
    uint64_t at;
    enum err e = hub_device_delete(s.w.hub, bytes_str(d->id), (struct match){.how = MATCH_ANY}, s.w.now_ms, &at);

    CHECK_ERR(e, !d->there ? ERR_NOT_FOUND : s.full ? ERR_DISK_FULL : OK);
    if (e)
        return;
    d->there = false;
    loses_seat(d, ERR_NOT_FOUND);
}

static void hang_up(struct connection *c)
{
    if (c->seat && c->state == OK)
        s.devices[c->device].sits = NULL;
    hub_detach(c->seat, s.w.now_ms);
    c->seat = NULL;
}

static void connect_device(struct connection *c)
{
    struct sim_device *d;
    enum err e;

    hang_up(c);
    c->device = below(DEVICES);
    d = &s.devices[c->device];
    c->bell = bell_new();
    e = hub_attach(s.w.hub, bytes_str(d->id), NO_BYTES, PROOF_DEVICE_SAS, &c->bell.waker, s.w.now_ms, &c->seat);
    CHECK_ERR(e, !d->there ? ERR_NOT_FOUND : d->disabled ? ERR_DISABLED : OK);
    if (e) {
        c->seat = NULL;
        return;
    }
    loses_seat(d, ERR_STOLEN);
    c->state = OK;
    d->sits = c;
}

static void send_from(struct connection *c)
{
    struct sim_device *d = &s.devices[c->device];
    struct ledger *l = &s.ledgers[d->partition];
    struct msg m = {0};
    char text[32];
    uint64_t at;
    enum err e;

    if (!c->seat || l->n == SENT_MAX)
        return;
    snprintf(text, sizeof text, "%u", d->counter);
    m.body = bytes_str(text);
    e = hub_send(c->seat, &m, s.w.now_ms, &at);
    CHECK_ERR(e, c->state ? c->state : s.full ? ERR_DISK_FULL : OK);
    if (e)
        return;
    CHECK(l->n == 0 || at > l->sent[l->n - 1].at);
    l->last_ms = s.w.now_ms > l->last_ms ? s.w.now_ms : l->last_ms;
    l->sent[l->n++] = (struct sent){.at = at, .ms = l->last_ms, .device = c->device, .counter = d->counter++};
}

/* ---- receivers ------------------------------------------------------------------------------------------------- */

/* A random position, and what it means in the ledger. */
static struct position choose(struct receiver *r)
{
    const struct ledger *l = &s.ledgers[r->partition];
    const struct sent *some = l->n ? &l->sent[below((unsigned)l->n)] : NULL;
    struct position p = {.from = FROM_EARLIEST, .inclusive = below(2)};

    switch (some ? below(5) : below(2)) {
    case 0:
        break;
    case 1:
        p.from = FROM_LATEST;
        r->min_at = store_end(s.w.store);
        break;
    case 2:
        p.from = FROM_OFFSET;
        p.value = (int64_t)some->at;
        r->min_at = some->at + !p.inclusive;
        break;
    case 3:
        p.from = FROM_SEQUENCE;
        p.value = some - l->sent;
        r->min_at = some->at + !p.inclusive;
        break;
    default:
        p.from = FROM_TIME;
        p.value = some->ms;
        r->min_ms = some->ms + !p.inclusive;
    }
    return p;
}

/* The one that resumes goes on behind what it has seen: by its number, or by its offset. */
static struct position resume(const struct receiver *r)
{
    const struct ledger *l = &s.ledgers[r->partition];

    if (r->next == 0)
        return (struct position){.from = FROM_EARLIEST};
    if (below(2))
        return (struct position){.from = FROM_SEQUENCE, .value = (int64_t)r->next - 1};
    return (struct position){.from = FROM_OFFSET, .value = (int64_t)l->sent[r->next - 1].at};
}

static void open_receiver(struct receiver *r)
{
    struct read_options o = {.group = BYTES("$Default"), .waker = &r->bell.waker};
    struct bytes sender;

    hub_reader_close(r->reader);
    r->reader = NULL;
    if (r->resumes) {
        r->only = -1;
        o.position = resume(r);
    } else {
        *r = (struct receiver){.partition = below(PARTITIONS), .only = below(3) ? -1 : (int)below(DEVICES)};
        o.position = choose(r);
    }
    r->bell = bell_new();
    r->waits = false;
    o.partition = r->partition;
    if (r->only >= 0) {
        sender = bytes_str(s.devices[r->only].id);
        o.devices = &sender;
        o.n_devices = 1;
    }
    CHECK_OK(hub_reader_open(s.w.hub, &o, NULL, &r->reader));
}

/* As a connection does: it reads while there is something, then not before it was woken. */
static void pull(struct receiver *r, unsigned most)
{
    struct event e;
    enum err why = OK;

    if (!r->reader || (r->waits && r->bell.rung == r->rung))
        return;
    r->waits = false;
    for (; most > 0 && (!why || why == ERR_BUSY); most--) {
        r->rung = r->bell.rung;
        why = hub_read(r->reader, &e);
        if (!why)
            sim_check_event(&s, r, &e);
    }
    if (!why || why == ERR_BUSY)
        return;
    CHECK_ERR(why, ERR_NOT_FOUND);
    CHECK(sim_wanted(&s, r, store_durable(s.w.store)) == s.ledgers[r->partition].n);
    r->waits = true;
}

/* ---- the world ------------------------------------------------------------------------------------------------- */

static void begin(uint64_t seed)
{
    s = (struct sim){0};
    world_start(&s.w, seed);
    if (seed % 3 == 0) /* places of this log are records */
        s.w.options.retention_bytes = 60;
    if (seed % 4) /* many small transactions */
        s.w.options.checkpoint_batch = 1 + below(3000);
    world_restart(&s.w);
    settle_disk();
    for (unsigned i = 0; i < DEVICES; i++) {
        struct sim_device *d = &s.devices[i];

        snprintf(d->id, sizeof d->id, "d%u", i);
        d->partition = hub_partition_of(s.w.hub, bytes_str(d->id));
        put_device(d);
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        connect_device(&s.connections[i]);
    for (unsigned i = 0; i < PARTITIONS; i++) {
        s.receivers[i].resumes = true;
        s.receivers[i].partition = i;
    }
}

static void sync_some(void)
{
    uint64_t durable = store_durable(s.w.store), end = store_end(s.w.store);

    memory_store_settle(s.w.store, durable + below((unsigned)(end - durable + 1)));
}

static void hang_up_all(void)
{
    for (size_t i = 0; i < CONNECTIONS; i++)
        hang_up(&s.connections[i]);
    for (size_t i = 0; i < RECEIVERS; i++) {
        hub_reader_close(s.receivers[i].reader);
        s.receivers[i].reader = NULL;
    }
}

/* The ledger forgets what was lost; what a receiver has seen may not be among it. Devices are read back: an operator
 * whose change got no answer has to look, too. */
static void cut_power(void)
{
    uint64_t durable;

    sync_some();
    durable = store_durable(s.w.store);
    hang_up_all();
    world_crash(&s.w);
    settle_disk();
    for (unsigned i = 0; i < PARTITIONS; i++) {
        struct ledger *l = &s.ledgers[i];

        while (l->n && l->sent[l->n - 1].at >= durable)
            l->n--;
        l->last_ms = l->n ? l->sent[l->n - 1].ms : 0;
        CHECK(s.receivers[i].next <= l->n);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        struct device got;
        enum err e = hub_device_get(s.w.hub, bytes_str(s.devices[i].id), &got);

        CHECK(!e || e == ERR_NOT_FOUND);
        s.devices[i].there = !e;
        s.devices[i].disabled = !e && got.disabled;
    }
}

/* Of several transactions, some may happen and the rest not. */
static void checkpoint(void)
{
    bool cut = below(3) == 0;
    enum err e;

    if (cut)
        memory_state_fails(s.w.state, true, below(8));
    e = hub_checkpoint(s.w.hub, s.w.now_ms);
    CHECK(!e || (cut && e == ERR_DISK_FULL));
    memory_state_fails(s.w.state, false, 0);
    if (cut && below(2))
        cut_power();
}

static void step(void)
{
    unsigned dice = below(100);

    s.w.now_ms += (int64_t)below(50) - 5; /* clocks are set back, too */
    if (dice < 2)
        put_device(&s.devices[below(DEVICES)]);
    else if (dice < 3)
        drop_device(&s.devices[below(DEVICES)]);
    else if (dice < 12)
        connect_device(&s.connections[below(CONNECTIONS)]);
    else if (dice < 14)
        hang_up(&s.connections[below(CONNECTIONS)]);
    else if (dice < 55)
        send_from(&s.connections[below(CONNECTIONS)]);
    else if (dice < 68)
        sync_some();
    else if (dice < 72)
        open_receiver(&s.receivers[below(RECEIVERS)]);
    else if (dice < 96)
        pull(&s.receivers[below(RECEIVERS)], 1 + below(20));
    else if (dice < 98)
        checkpoint();
    else if (below(4) == 0)
        cut_power();
    if (below(s.full ? 10 : 300) == 0) {
        s.full = !s.full;
        settle_disk();
    }
    sim_check_wakes(&s);
    if (below(20) == 0)
        sim_check_state(&s);
}

/* Everything becomes durable, and those who resume read to the end: each event once, in order, nothing else. */
static void finish(void)
{
    memory_store_settle(s.w.store, UINT64_MAX);
    CHECK_OK(hub_checkpoint(s.w.hub, s.w.now_ms));
    sim_check_oldest(&s);
    for (size_t i = 0; i < PARTITIONS; i++) {
        struct receiver *r = &s.receivers[i];

        if (!r->reader)
            open_receiver(r);
        pull(r, SENT_MAX + 1);
        CHECK(sim_wanted(&s, r, UINT64_MAX) == s.ledgers[i].n);
        for (size_t k = 1; k < s.ledgers[i].n; k++)
            for (size_t before = k; before-- > 0;)
                if (s.ledgers[i].sent[before].device == s.ledgers[i].sent[k].device) {
                    CHECK(s.ledgers[i].sent[before].counter < s.ledgers[i].sent[k].counter);
                    break;
                }
    }
    sim_check_state(&s);
    hang_up_all();
    sim_check_replay(&s);
    world_end(&s.w);
}

TEST(whatever_happens_nothing_is_lost_doubled_invented_or_too_early)
{
    const char *only = getenv("D2D_SEED"), *many = getenv("D2D_SEEDS");
    uint64_t first = only ? strtoull(only, NULL, 10) : 1, n = only ? 1 : many ? strtoull(many, NULL, 10) : 400;

    for (seed_now = first; seed_now < first + n; seed_now++) {
        begin(seed_now);
        for (int i = 0; i < STEPS; i++)
            step();
        finish();
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

TESTS(cmocka_unit_test_teardown(whatever_happens_nothing_is_lost_doubled_invented_or_too_early, say_seed))
