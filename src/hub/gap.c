#include "gap.h"

#include "event.h"
#include "part.h"

enum { LOOK_BYTES = 1024 * 1024 }; /* how far behind a gap its next event is looked for */

static bool is_text(const char *id)
{
    for (; *id; id++)
        if (*id <= ' ' || *id > '~')
            return false;
    return true;
}

/* Plausible or nothing: these bytes may be the damaged ones. */
static void read_device(const struct gap *g, bool has_number, struct gap_facts *out)
{
    struct rd r = rd_over(bytes_of(g->body, g->len));

    rd_u8(&r);
    rd_text(&r, out->device, sizeof out->device);
    if (r.bad || !is_text(out->device)) {
        out->device[0] = 0;
        return;
    }
    if (has_number)
        out->sequence = (int64_t)rd_u64(&r);
    if (r.bad)
        out->sequence = -1;
}

static void read_event(const struct gap *g, struct gap_facts *out)
{
    struct event_facts facts;

    if (g->lane < PARTITIONS_MAX)
        out->partition = g->lane;
    if (event_decode(bytes_of(g->body, g->len), &facts) || facts.device.len > ID_LEN_MAX)
        return;
    out->sequence = facts.sequence;
    if (!bytes_to_str(facts.device, out->device, sizeof out->device) || !is_text(out->device))
        out->device[0] = 0;
}

static void read_next(struct store *s, const struct gap *g, struct gap_facts *out)
{
    struct cursor c = {.at = g->end, .kind = REC_EVENT, .lane = -1, .budget = LOOK_BYTES};
    struct event_facts facts;
    struct record r;

    if (!store_read(s, &c, &r) && !event_decode(r.body, &facts)) {
        out->next_partition = r.lane;
        out->next_sequence = facts.sequence;
    }
    store_cursor_close(s, &c);
}

void gap_says(const struct gap *g, struct gap_facts *out)
{
    const struct record_kind *k = record_kind_of(g->kind);

    *out = (struct gap_facts){.what = k && k->what ? k->what : "a record",
                              .partition = -1,
                              .sequence = -1,
                              .next_partition = -1,
                              .next_sequence = -1};
    if (g->kind == REC_EVENT)
        read_event(g, out);
    else if (k && k->says != SAYS_NOTHING)
        read_device(g, k->says == SAYS_MESSAGE, out);
}

void gap_facts_of(struct store *s, const struct gap *g, struct gap_facts *out)
{
    gap_says(g, out);
    read_next(s, g, out);
}

void gap_sum(struct store *s, struct gap_sums *out)
{
    struct gap g;

    *out = (struct gap_sums){0};
    for (size_t i = 0; store_gap(s, i, &g); i++) {
        out->ranges += !g.is_jump;
        out->bytes += g.is_jump ? 0 : g.end - g.at;
    }
}
