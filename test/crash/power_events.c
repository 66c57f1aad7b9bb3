#include "hub_power.h"

enum { PARTITIONS = 4, SENT_MAX = 4000, FILLING = 600 };

struct sent {
    uint64_t at;
    int64_t ms;
    unsigned device, number;
};

/* In the order of the log: an event's sequence number is its index. */
static struct ledger {
    struct sent sent[SENT_MAX];
    size_t n, seen; /* readers have seen those below */
} ledgers[PARTITIONS];
static unsigned n_sent;

void events_begin(void)
{
    memset(ledgers, 0, sizeof ledgers);
    n_sent = 0;
}

static struct bytes body_of(unsigned number, char out[FILLING + 16])
{
    int n = snprintf(out, 16, "%u ", number);
    size_t filling = number * 2654435761u % FILLING;

    memset(out + n, 'a' + (int)(number % 26), filling);
    return bytes_of(out, (size_t)n + filling);
}

static void send_one(unsigned device)
{
    struct seat *seat = seat_of(device);
    char body[FILLING + 16];
    struct ledger *l;
    uint64_t at;

    if (!seat)
        return;
    l = &ledgers[hub_partition_of(hub(), bytes_str(device_name(device)))];
    if (l->n == SENT_MAX)
        return;
    CHECK_OK(hub_send(seat, &(struct msg){.body = body_of(n_sent, body)}, now_ms, &at));
    CHECK(!l->n || at > l->sent[l->n - 1].at);
    l->sent[l->n++] = (struct sent){at, now_ms, device, n_sent++};
}

static void check_event(const struct ledger *l, size_t i, const struct event *e)
{
    char body[FILLING + 16];

    CHECK(i < l->n && e->sequence == (int64_t)i && e->offset == l->sent[i].at && e->enqueued_ms == l->sent[i].ms);
    CHECK(is_durable(e->offset));
    CHECK_BYTES(e->device, bytes_str(device_name(l->sent[i].device)));
    CHECK_BYTES(event_body(e), body_of(l->sent[i].number, body));
}

/* From the i-th on, or the oldest that is there, each once up to the last durable one. */
static void read_from(unsigned partition, size_t i)
{
    struct ledger *l = &ledgers[partition];
    uint64_t oldest = store_first(machine.store);
    struct read_options o = {
        .group = BYTES("$Default"),
        .partition = partition,
        .position = {.from = FROM_SEQUENCE, .inclusive = true, .value = (int64_t)i},
    };
    struct reader *r;
    struct event e;
    enum err why;

    while (i < l->n && l->sent[i].at < oldest)
        i++;
    if (i == l->n)
        return;
    CHECK_OK(hub_reader_open(hub(), &o, NULL, &r));
    while (!(why = hub_read(r, &e)) || why == ERR_BUSY)
        if (!why) {
            check_event(l, i++, &e);
            l->seen = i > l->seen ? i : l->seen;
        }
    CHECK_ERR(why, ERR_NOT_FOUND);
    CHECK(i == l->n || !is_durable(l->sent[i].at));
    hub_reader_close(r);
}

void events_step(void)
{
    unsigned partition = below(PARTITIONS);

    if (below(5))
        for (unsigned n = below(4) + 1; n > 0; n--)
            send_one(below(DEVICES));
    else
        read_from(partition, below((unsigned)ledgers[partition].n + 1));
}

void events_forget(uint64_t end)
{
    for (unsigned k = 0; k < PARTITIONS; k++) {
        struct ledger *l = &ledgers[k];

        while (l->n && l->sent[l->n - 1].at >= end)
            l->n--;
        CHECK(l->seen <= l->n);
    }
}

void events_check(void)
{
    for (unsigned k = 0; k < PARTITIONS; k++) {
        const struct ledger *l = &ledgers[k];
        struct partition p;

        CHECK_OK(hub_partition(hub(), k, &p));
        CHECK(p.last_sequence == (int64_t)l->n - 1);
        CHECK(!l->n || (p.last_offset == l->sent[l->n - 1].at && p.last_enqueued_ms == l->sent[l->n - 1].ms));
        read_from(k, 0);
    }
}
