#include "damage.h"

#include "gap.h"
#include "log.h"

#include <stdio.h>

enum { LINES_MAX = 100, WORDS_CAP = 320 };

#define REMEDY "everything else is served; check the disk, and restore a backup if what is missing is needed"

/* More lines than that help nobody. */
static _Atomic unsigned told;

static void file_of(const struct config *c, const struct gap *g, char out[PATH_CAP])
{
    char name[64];

    snprintf(name, sizeof name, "log/%016llx.log", (unsigned long long)g->base);
    config_path(c, name, out);
}

/* "device a, partition 3, sequence 17": what is known of it. */
static void put_known(const struct gap_facts *f, char out[WORDS_CAP])
{
    struct buf b = buf_over((uint8_t *)out, WORDS_CAP - 1);

    if (f->device[0])
        buf_printf(&b, ", device %s", f->device);
    if (f->partition >= 0)
        buf_printf(&b, ", partition %d", f->partition);
    if (f->sequence >= 0)
        buf_printf(&b, ", sequence number %lld", (long long)f->sequence);
    if (f->next_partition >= 0)
        buf_printf(&b, "; the next event is %lld of partition %d", (long long)f->next_sequence, f->next_partition);
    out[b.len] = 0;
}

static void tell(const struct config *c, struct store *s, const struct gap *g)
{
    char file[PATH_CAP], what[WORDS_CAP + 64], known[WORDS_CAP];
    struct gap_facts facts;

    if (g->is_jump || told++ >= LINES_MAX)
        return;
    gap_facts_of(s, g, &facts);
    put_known(&facts, known);
    snprintf(what, sizeof what, "%s%s", g->is_rest ? "many records" : facts.what, known);
    file_of(c, g, file);
    log_event(LOG_ERROR, "log-damaged", KVS("file", file), KVN("offset", g->at - g->base),
              KVN("length", g->end - g->at), KVS("was", what), KVS("remedy", REMEDY));
}

struct told_to {
    const struct config *config;
    struct store *store;
};

static void tell_found(void *ctx, const struct gap *g)
{
    const struct told_to *t = ctx;

    tell(t->config, t->store, g);
}

void damage_tell(const struct config *c, struct store *s)
{
    static struct told_to to; /* there is one hub in a process */
    struct gap_sums sums;
    struct gap g;

    told = 0;
    to = (struct told_to){c, s};
    for (size_t i = 0; i < LINES_MAX && store_gap(s, i, &g); i++)
        tell(c, s, &g);
    gap_sum(s, &sums);
    if (sums.ranges)
        log_event(LOG_ERROR, "log-damaged-in-all", KVN("ranges", sums.ranges), KVN("bytes", sums.bytes));
    s->damaged = tell_found;
    s->damaged_ctx = &to;
}

bool damage_text(const struct config *c, struct store *s, size_t i, char out[DAMAGE_TEXT_CAP])
{
    char file[PATH_CAP], known[WORDS_CAP];
    struct gap_facts facts;
    struct gap g;

    for (size_t k = 0;; k++) {
        if (!store_gap(s, k, &g))
            return false;
        if (!g.is_jump && i-- == 0)
            break;
    }
    gap_facts_of(s, &g, &facts);
    put_known(&facts, known);
    file_of(c, &g, file);
    snprintf(out, DAMAGE_TEXT_CAP, "%s: %llu bytes at byte %llu are damaged: %s%s", file,
             (unsigned long long)(g.end - g.at), (unsigned long long)(g.at - g.base), facts.what, known);
    return true;
}
