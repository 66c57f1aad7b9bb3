#include "repair.h"

#include "ceilings.h"
#include "gap.h"
#include "log_jump.h"
#include "room.h"

#include <errno.h>
#include <stdio.h>

static bool count_record(void *ctx, const struct log_file *file, const struct frame *f)
{
    struct repair *r = ctx;

    (void)file;
    r->records++;
    salvage_see(&r->seen, &(struct record){.kind = f->kind, .body = bytes_of(f->body, f->len)});
    return true;
}

/* The head of a damaged record, as far as it may be true. */
static void read_claims(const struct log_damage *d, struct gap *g)
{
    struct segment s = {.base = d->from, .there = d->raw.len, .map = d->raw.at};
    struct frame f;

    *g = (struct gap){.at = d->from, .end = d->to};
    if (!d->raw.len || !frame_claims(&s, d->from, &f))
        return;
    g->kind = f.kind;
    g->lane = f.lane;
    g->len = f.len < GAP_BODY ? f.len : GAP_BODY;
    memcpy(g->body, f.body, g->len);
}

static void tell_damage(void *ctx, const struct log_damage *d)
{
    bool is_head = d->from == d->file->base && d->to == d->from + SEGMENT_HEAD;
    char name[64], what[256];
    struct gap_facts facts;
    struct gap g;

    read_claims(d, &g);
    gap_says(&g, &facts);
    snprintf(name, sizeof name, "log/%.48s", d->file->name);
    snprintf(what, sizeof what, "%s%s%s", d->what, g.kind ? ": " : "", g.kind ? facts.what : "");
    repair_tell(ctx, &(struct loss){.file = name,
                                    .offset = d->from > d->file->base ? d->from - d->file->base : 0,
                                    .length = d->to - d->from,
                                    .what = what,
                                    .device = facts.device,
                                    .partition = facts.partition,
                                    .sequence = facts.sequence,
                                    .is_lost = !is_head});
}

static bool goes_on(void *ctx)
{
    const struct repair *r = ctx;

    return !errand_is_interrupted(&r->errand);
}

static void tell_places(struct repair *r, uint64_t length, const char *what)
{
    repair_tell(r, &(struct loss){.file = "log",
                                  .length = length,
                                  .what = what,
                                  .device = "",
                                  .partition = -1,
                                  .sequence = -1,
                                  .is_lost = true});
}

/* Nothing shows in any file that something is missing at the log's ends. */
static void look_at_ends(struct repair *r)
{
    if (r->first != UINT64_MAX && r->log.first > r->first)
        tell_places(r, r->log.first - r->first, "its oldest files are missing");
    if (r->state.has_sum && r->log.end < r->state.sum.place)
        tell_places(r, r->state.sum.place - r->log.end, "its end is missing: the checkpoint has seen more of it");
}

static bool is_of_this_hub(struct repair *r)
{
    const uint8_t *id = log_files_id(&r->files);

    if (!id || !r->has_id || memcmp(id, r->id, STORE_ID) == 0)
        return true;
    tell_places(r, 0, "all of it: the log that is there belongs to another hub than the checkpoint");
    return false;
}

static bool copy(struct repair *r, const char *to)
{
    char why[256];
    enum err e;

    r->log = (struct log_salvage){
        .to = to, .filler = salvage_filler(), .look = {r, count_record, tell_damage}, .go_on = goes_on};
    if ((e = log_salvage(&r->files, &r->log, why)))
        return errand_fail(&r->errand, e == ERR_CLOSED ? "" : why, e == ERR_CLOSED ? "interrupted" : err_text(e));
    r->has_log = r->log.end != 0;
    if (r->has_log)
        look_at_ends(r);
    return true;
}

bool repair_log(struct repair *r)
{
    char from[PATH_CAP], to[PATH_CAP], why[256];
    enum err e;

    config_path(r->config, "log", from);
    config_path(&r->fresh, "log", to);
    e = log_files_list(from, r->state.has_sum ? r->state.sum.place : 0, &r->files, why);
    if (e && e != ERR_NOT_FOUND)
        return errand_fail(&r->errand, why[0] ? "" : from, why[0] ? why : err_text(e));
    if (!e && is_of_this_hub(r) && !copy(r, to))
        return false;
    if (!r->has_log && !r->files.used)
        tell_places(r, 0, "all of it: there are no files of it");
    return true;
}

/* Of the numbers that were given below the place nothing is known. */
static bool begin_anew(struct repair *r, const char *folder)
{
    uint64_t size = room_segment_size(&r->fresh), base = r->state.has_sum ? r->state.sum.place : 0;
    char why[256];

    if (!r->has_id)
        random_bytes(NULL, r->id, STORE_ID);
    base = ((base + (uint64_t)LOST_S_MIN * LOST_BYTES_PER_S) / size + 1) * size;
    r->place = base + SEGMENT_HEAD;
    return log_begin(folder, base, size, r->id, why) ? errand_fail(&r->errand, "", why) : true;
}

bool repair_log_jump(struct repair *r)
{
    uint64_t skip = (uint64_t)LOST_S_MIN * LOST_BYTES_PER_S;
    char folder[PATH_CAP], why[256];

    config_path(&r->fresh, "log", folder);
    if (!r->has_log)
        return begin_anew(r, folder);
    if (!r->jumps)
        return true;
    if (r->state.has_sum && r->state.sum.place > r->log.end)
        skip += r->state.sum.place - r->log.end;
    return log_jump(folder, skip, why) ? errand_fail(&r->errand, "", why) : true;
}
