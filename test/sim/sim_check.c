#include "core.h"
#include "identity.h"
#include "sim.h"

static bool wants(const struct receiver *r, const struct sent *m)
{
    return m->at >= r->min_at && m->ms >= r->min_ms && (r->only < 0 || m->device == (unsigned)r->only);
}

size_t sim_wanted(const struct sim *s, const struct receiver *r, uint64_t below)
{
    const struct ledger *l = &s->ledgers[r->partition];
    uint64_t oldest = store_first(s->w.store);
    size_t i = r->next;

    while (i < l->n && (l->sent[i].at < oldest || !wants(r, &l->sent[i])))
        i++;
    return i < l->n && l->sent[i].at < below ? i : l->n;
}

void sim_check_event(struct sim *s, struct receiver *r, const struct event *e)
{
    uint64_t durable = store_durable(s->w.store);
    const struct ledger *l = &s->ledgers[r->partition];
    size_t i = sim_wanted(s, r, durable);
    char text[32];

    CHECK(e->offset < durable);
    CHECK(i < l->n);
    CHECK(e->offset == l->sent[i].at && e->sequence == (int64_t)i && e->enqueued_ms == l->sent[i].ms);
    CHECK_BYTES(e->device, bytes_str(s->devices[l->sent[i].device].id));
    snprintf(text, sizeof text, "%u", l->sent[i].counter);
    CHECK_BYTES(event_body(e), bytes_str(text));
    r->next = i + 1;
}

void sim_check_wakes(struct sim *s)
{
    for (size_t i = 0; i < RECEIVERS; i++) {
        const struct receiver *r = &s->receivers[i];

        if (r->reader && r->waits && r->bell.rung == r->rung)
            CHECK(sim_wanted(s, r, store_durable(s->w.store)) == s->ledgers[r->partition].n);
    }
}

static void check_devices(struct sim *s)
{
    uint64_t there = 0, disabled = 0, connected = 0;
    struct hub_counts n;

    for (unsigned i = 0; i < DEVICES; i++) {
        const struct sim_device *d = &s->devices[i];
        struct device got;
        enum err e = hub_device_get(s->w.hub, bytes_str(d->id), &got);

        CHECK_ERR(e, d->there ? OK : ERR_NOT_FOUND);
        CHECK(e || (got.disabled == d->disabled && got.connected == (d->sits != NULL)));
        there += d->there;
        disabled += d->there && d->disabled;
        connected += d->sits != NULL;
    }
    hub_count(s->w.hub, &n);
    CHECK(n.devices == there && n.disabled == disabled && n.connected == connected);
}

void sim_check_state(struct sim *s)
{
    check_devices(s);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        const struct connection *c = &s->connections[i];

        if (!c->seat)
            continue;
        CHECK_ERR(seat_state(c->seat), c->state);
        CHECK(c->bell.rung == (c->state != OK));
    }
    for (unsigned i = 0; i < PARTITIONS; i++) {
        const struct ledger *l = &s->ledgers[i];
        struct partition p;

        CHECK_OK(hub_partition(s->w.hub, i, &p));
        CHECK(p.last_sequence == (int64_t)l->n - 1);
        CHECK(l->n == 0 || (p.last_offset == l->sent[l->n - 1].at && p.last_enqueued_ms == l->sent[l->n - 1].ms));
    }
}

void sim_check_oldest(struct sim *s)
{
    uint64_t oldest = store_first(s->w.store);

    for (unsigned i = 0; i < PARTITIONS; i++) {
        const struct ledger *l = &s->ledgers[i];
        struct partition p;
        size_t first = 0;

        while (first < l->n && l->sent[first].at < oldest)
            first++;
        CHECK_OK(hub_partition(s->w.hub, i, &p));
        CHECK(p.first_sequence == (int64_t)first && p.empty == (first == l->n));
    }
}

/* Everything durable that a hub knows, as bytes. */
static void describe(struct hub *h, struct buf *out)
{
    static struct device page[DEVICES];
    struct policy policies[8];
    size_t n;

    CHECK_OK(hub_device_list(h, NO_BYTES, page, DEVICES, &n));
    for (size_t i = 0; i < n; i++)
        device_encode(out, &page[i]);
    CHECK_OK(hub_group_list(h, out));
    n = hub_policy_list(h, policies, 8);
    for (size_t i = 0; i < n; i++)
        put_key(out, &policies[i].primary);
    for (unsigned i = 0; i < PARTITIONS; i++) {
        struct partition p;

        CHECK_OK(hub_partition(h, i, &p));
        buf_put_u64(out, (uint64_t)p.first_sequence);
        buf_put_u64(out, (uint64_t)p.last_sequence);
        buf_put_u64(out, p.last_offset);
        buf_put_u64(out, (uint64_t)p.last_enqueued_ms);
    }
    CHECK(!out->bad);
}

void sim_check_replay(struct sim *s)
{
    struct buf live = buf_max(1 << 20), again = buf_max(1 << 20), from_log = buf_max(1 << 20);
    struct hub_options o = s->w.options;
    struct hub *h;

    describe(s->w.hub, &live);
    world_crash(&s->w);
    describe(s->w.hub, &again);
    CHECK_BYTES(buf_bytes(&again), buf_bytes(&live));
    if (store_first(s->w.store) == 1) { /* nothing was trimmed */
        o.store = s->w.store;
        CHECK_OK(memory_state_open(&o.state));
        CHECK_OK(hub_open(&o, &h));
        describe(h, &from_log);
        CHECK_BYTES(buf_bytes(&from_log), buf_bytes(&live));
        hub_close(h);
        state_close(o.state);
    }
    buf_free(&live);
    buf_free(&again);
    buf_free(&from_log);
}
