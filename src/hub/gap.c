#include "gap.h"

#include "core.h"
#include "event.h"

enum { LOOK_BYTES = 1024 * 1024 }; /* how far behind a gap its next event is looked for */

/* Of the kinds of records.h; those whose body begins with the id of a device. */
static const struct {
    const char *what;
    bool of_device;
} kinds[256] = {
    [REC_BIRTH] = {"the birth of the hub", false},
    [REC_POLICY] = {"a policy", false},
    [REC_DEVICE] = {"a device", true},
    [REC_DEVICE_GONE] = {"the deletion of a device", true},
    [REC_SESSION] = {"the subscriptions of a device", true},
    [REC_GROUPS] = {"the consumer groups", false},
    [REC_CA] = {"a CA certificate", false},
    [REC_DOC] = {"an enrollment or a registration", false},
    [REC_EVENT] = {"an event", false},
    [REC_C2D] = {"a message to a device", true},
    [REC_C2D_OUT] = {"the outcome of a message to a device", true},
    [REC_C2D_COUNT] = {"the abandonment of a message to a device", true},
    [REC_LOST] = {"what was lost before", false},
    [REC_FEEDBACK_DONE] = {"the settling of feedback", false},
};

static bool is_text(const char *id)
{
    for (; *id; id++)
        if (*id <= ' ' || *id > '~')
            return false;
    return true;
}

/* Plausible or nothing: these bytes may be the damaged ones. */
static void read_device(const struct gap *g, struct gap_facts *out)
{
    struct rd r = rd_over(bytes_of(g->body, g->len));

    rd_u8(&r);
    rd_text(&r, out->device, sizeof out->device);
    if (r.bad || !is_text(out->device)) {
        out->device[0] = 0;
        return;
    }
    if (g->kind >= REC_C2D && g->kind <= REC_C2D_COUNT)
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
    *out = (struct gap_facts){
        .what = kinds[g->kind].what, .partition = -1, .sequence = -1, .next_partition = -1, .next_sequence = -1};
    if (!out->what)
        out->what = "a record";
    if (kinds[g->kind].of_device)
        read_device(g, out);
    else if (g->kind == REC_EVENT)
        read_event(g, out);
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
