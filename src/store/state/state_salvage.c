#include "state_salvage.h"

#include "state_check.h"

enum table { TABLE_SUM, TABLE_SEALED, TABLE_BARE, TABLE_UNKNOWN };

struct looking {
    struct salvage *salvage;
    enum table table;
    bool knows_form;
    bool is_bad; /* the entry that was shown last is */
    struct bytes bad_key;
};

/* The table of before is of use only where its values have not all got their checksums yet. */
static const char *on_table(void *ctx, struct bytes name)
{
    struct looking *l = ctx;

    if (!name.len)
        l->table = TABLE_UNKNOWN;
    else if (bytes_eq(name, bytes_str(STATE_TABLE_SUM)))
        l->table = TABLE_SUM;
    else if (bytes_eq(name, bytes_str(STATE_TABLE)))
        l->table = TABLE_SEALED;
    else if (bytes_eq(name, bytes_str(STATE_TABLE_BARE)) && !(l->knows_form && l->salvage->sealed))
        l->table = TABLE_BARE;
    else
        return "is not a table of a checkpoint";
    return NULL;
}

static bool take_sum(struct looking *l, struct bytes key, struct bytes stored)
{
    struct state_sum sum;
    int form;

    if (!bytes_eq(key, STATE_SUM_KEY) || !state_sum_read(stored, &sum, &form))
        return false;
    l->salvage->has_sum = l->knows_form = true;
    l->salvage->sum = sum;
    l->salvage->sealed = form == STATE_SEALED;
    return true;
}

static void take(struct looking *l, struct bytes key, struct bytes value, uint64_t seal)
{
    l->salvage->entries++;
    l->salvage->seals += seal;
    if (l->salvage->value && !l->salvage->stopped && !l->salvage->value(l->salvage->ctx, key, value))
        l->salvage->stopped = true;
}

static const char *on_entry(void *ctx, struct bytes key, struct bytes stored)
{
    struct looking *l = ctx;
    bool may_be_bare = l->knows_form && !l->salvage->sealed;
    struct bytes value;
    uint64_t seal;

    l->is_bad = false;
    if (l->table == TABLE_SUM || (l->table == TABLE_UNKNOWN && bytes_eq(key, STATE_SUM_KEY))) {
        if (take_sum(l, key, stored))
            return NULL;
        return "is damaged: its checksum is wrong";
    }
    if (l->table == TABLE_BARE || (l->table == TABLE_UNKNOWN && may_be_bare)) {
        take(l, key, stored, 0);
        return NULL;
    }
    /* Values that were converted before it was cut off are in the table of before, too. */
    if (may_be_bare)
        return NULL;
    if (state_unseal(key, stored, &value, &seal)) {
        take(l, key, value, seal);
        return NULL;
    }
    l->is_bad = l->table == TABLE_SEALED;
    l->bad_key = key;
    return "is damaged: its checksum is wrong";
}

static bool on_damage(void *ctx, uint64_t offset, const char *what)
{
    struct looking *l = ctx;

    l->salvage->damages++;
    if (l->salvage->damage)
        l->salvage->damage(l->salvage->ctx, offset, what, l->is_bad ? l->bad_key : NO_BYTES);
    l->is_bad = false;
    return !l->salvage->stopped;
}

enum err state_salvage(const char *path, struct salvage *s)
{
    struct looking l = {.salvage = s};
    struct pages_look look = {.table = on_table, .entry = on_entry, .damage = on_damage, .ctx = &l, .salvage = true};
    struct pages_file file;
    enum err e = pages_file_open(path, &file);

    s->has_sum = s->stopped = false;
    s->entries = s->seals = s->damages = 0;
    s->sealed = true;
    if (e)
        return e;
    e = pages_walk(&file.source, &look);
    pages_file_close(&file);
    return e == ERR_DAMAGED ? OK : e;
}

bool state_salvage_is_whole(const struct salvage *s)
{
    if (!s->has_sum)
        return false;
    return s->sealed ? s->entries == s->sum.entries && s->seals == s->sum.seals : !s->damages;
}
