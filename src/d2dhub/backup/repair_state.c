#include "repair.h"

#include "bond.h"
#include "ceilings.h"
#include "state_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAMAGES_STEP = 64 };

/* ---- reading --------------------------------------------------------------------------------------------------- */

static bool look_at_value(void *ctx, struct bytes key, struct bytes value)
{
    struct repair *r = ctx;

    if (!bytes_eq(key, BYTES("bond")))
        return !errand_is_interrupted(&r->errand);
    r->has_id = bond_decode(value, r->id, &r->first) == OK;
    if (!r->has_id)
        r->first = UINT64_MAX;
    return true;
}

static void note_damage(void *ctx, uint64_t offset, const char *what, struct bytes key)
{
    struct repair *r = ctx;
    struct state_damage *d;

    if (r->n_damage % DAMAGES_STEP == 0) {
        if (!(d = realloc(r->damage, (r->n_damage + DAMAGES_STEP) * sizeof *d))) {
            errand_fail(&r->errand, r->state_file, err_text(ERR_MEMORY));
            return;
        }
        r->damage = d;
    }
    d = &r->damage[r->n_damage++];
    *d = (struct state_damage){.offset = offset};
    snprintf(d->what, sizeof d->what, "%s", what);
    if (key.len)
        key_facts_of(key, &d->key);
}

bool repair_state_look(struct repair *r)
{
    enum err e;

    config_path(r->config, "state/data.mdb", r->state_file);
    r->first = UINT64_MAX;
    r->state = (struct salvage){.value = look_at_value, .damage = note_damage, .ctx = r};
    e = state_salvage(r->state_file, &r->state);
    r->has_state = !e;
    if (e && e != ERR_NOT_FOUND)
        return errand_fail(&r->errand, r->state_file, e == ERR_IO ? strerror(errno) : err_text(e));
    if (errand_is_interrupted(&r->errand))
        return errand_fail(&r->errand, "", "interrupted");
    return !r->errand.failed;
}

bool repair_state_is_whole(const struct repair *r)
{
    return r->has_state && state_salvage_is_whole(&r->state);
}

/* ---- telling --------------------------------------------------------------------------------------------------- */

static void tell(struct repair *r, uint64_t offset, const char *what, const struct key_facts *key, bool is_lost)
{
    repair_tell(r, &(struct loss){.file = "state/data.mdb",
                                  .offset = offset,
                                  .what = what,
                                  .device = key ? key->device : "",
                                  .partition = key ? key->partition : -1,
                                  .sequence = key ? key->sequence : -1,
                                  .is_lost = is_lost});
}

/* The number of entries says that there was more than damaged pages still name. */
static void tell_unnamed(struct repair *r)
{
    uint64_t named = 0;
    char what[160];

    for (size_t i = 0; i < r->n_damage; i++)
        named += r->damage[i].key.what != NULL;
    if (!r->has_state)
        snprintf(what, sizeof what, "all of it: there is no such file, and the beginning of the log is no longer kept");
    else if (!r->state.has_sum)
        snprintf(what, sizeof what, "what says how much there was: %llu values are saved, and more may be missing",
                 (unsigned long long)r->state.entries);
    else if (r->state.sum.entries > r->state.entries + named)
        snprintf(what, sizeof what, "%llu more values that nothing names",
                 (unsigned long long)(r->state.sum.entries - r->state.entries - named));
    else
        return;
    tell(r, 0, what, NULL, true);
}

/* The log has brought it back. */
static bool is_back(struct hub *hub, const struct key_facts *key)
{
    struct device d;

    return hub && key->what && key->is_device && !hub_device_get(hub, bytes_str(key->device), &d);
}

void repair_state_tell(struct repair *r, struct hub *hub)
{
    bool is_lost = !repair_state_is_whole(r) && !r->anew;
    char what[400];

    for (size_t i = 0; i < r->n_damage; i++) {
        const struct state_damage *d = &r->damage[i];
        bool back = is_back(hub, &d->key);

        snprintf(what, sizeof what, "%s%s%s%s", d->key.what ? d->key.what : "", d->key.what ? ": " : "", d->what,
                 back ? "; the log has it" : "");
        tell(r, d->offset, what, d->key.what ? &d->key : NULL, is_lost && d->key.what && !back);
    }
    if (is_lost)
        tell_unnamed(r);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

struct writing {
    struct repair *repair;
    struct state *state;
    size_t bytes;
    enum err e;
};

/* Until the last one the place is 0: it is none. */
static enum err step(struct writing *w, size_t most)
{
    enum err e;

    if (w->bytes < most)
        return OK;
    w->bytes = 0;
    if ((e = state_commit(w->state, 0)))
        return e;
    return state_begin(w->state);
}

static bool write_value(void *ctx, struct bytes key, struct bytes value)
{
    struct writing *w = ctx;

    if (!key_is_copied(key))
        return true;
    w->bytes += key.len + value.len;
    if (!(w->e = state_put(w->state, key, value)))
        w->e = step(w, STATE_BATCH);
    return !w->e && !errand_is_interrupted(&w->repair->errand);
}

static void on_told(void *ctx, const char *what)
{
    struct writing *w = ctx;

    tell(w->repair, 0, what, NULL, true);
}

static enum err complete(struct writing *w)
{
    struct repair *r = w->repair;
    struct salvage_known known = {.log = &r->seen, .replayed = r->place == r->log.first};
    struct policy said[SAID_MAX];
    struct hub_birth birth;

    repair_facts(r, &birth, said, &known.n_said);
    known.facts = birth.name[0] ? &birth : NULL;
    known.said = said;
    return hub_salvage(w->state, &known, on_told, w);
}

static enum err write_all(struct writing *w)
{
    struct repair *r = w->repair;
    /* Before its first checkpoint a hub is in the log alone. */
    bool completes = !r->anew && (!repair_state_is_whole(r) || !r->has_log);
    struct salvage again = {.value = write_value, .ctx = w};
    enum err e = state_begin(w->state);

    if (!e && r->has_state && !r->anew && !(e = state_salvage(r->state_file, &again)))
        e = w->e ? w->e : again.stopped ? ERR_CLOSED : OK;
    /* The new state is read again. */
    if (!e && !(e = state_commit(w->state, 0)))
        e = state_begin(w->state);
    if (!e && completes && !(e = hub_salvage_next(w->state, &r->most)))
        e = complete(w);
    if (!e)
        return state_commit(w->state, r->place);
    state_abort(w->state);
    return e;
}

bool repair_state_write(struct repair *r)
{
    struct writing w = {.repair = r};
    char folder[PATH_CAP], why[STATE_WHY_CAP];
    enum err e;

    config_path(&r->fresh, "state", folder);
    if ((e = lmdb_state_open(folder, 0, &w.state, why)))
        return errand_fail(&r->errand, folder, why[0] ? why : err_text(e));
    e = write_all(&w);
    state_close(w.state);
    if (e == ERR_NOT_FOUND)
        return errand_fail(&r->errand, r->config->data,
                           "the hub cannot be made again without what is named last; nothing was written");
    return e ? errand_fail(&r->errand, e == ERR_CLOSED ? "" : folder, e == ERR_CLOSED ? "interrupted" : err_text(e))
             : true;
}
