/* The entries stand with their shard, under its lock; the slots belong to the one thread that asks and takes the turns,
 * but what a slot is about, which does not change while a shard has its entries. */
#include "twin_index.h"

#include "hub_index.h"
#include "ids.h"
#include "twin_term.h"
#include "twins.h"

#include <stdlib.h>

enum { COST = 40 }; /* of an entry besides its name: where it stands, its term, and what the allocator adds */

struct entry {
    uint32_t term;
    char name[];
};

/* The entries of an index in one shard, by term and name. */
struct entries {
    bool on; /* changes are told to it */
    struct entry **at;
    size_t n, cap;
};

enum slot_state {
    FREE,    /* → WISHED */
    WISHED,  /* → MAKING by a turn */
    MAKING,  /* → READY when all have been looked at, REFUSED when an entry found no room */
    READY,   /* → REFUSED likewise */
    REFUSED, /* all of them → WISHED, for another path, when nobody has asked for this one for long */
};

struct slot {
    enum slot_state state;
    struct index_path path; /* its names are in: */
    uint8_t names[INDEX_PATH_MAX];
    uint64_t asked;                   /* the number of the question that asked for it last */
    char after[IDENTITY_LEN_MAX + 1]; /* who was looked at last, while it is made */
    _Atomic bool broken;              /* an entry found no room */
};

struct twin_index {
    struct slot slots[INDEXES_MAX];
    uint64_t questions;
    _Atomic size_t bytes;
    struct entries entries[SHARDS][INDEXES_MAX];
};

static struct entries *entries_of(struct hub *h, const struct shard *s)
{
    return h->twins->index->entries[s - h->shards];
}

/* ---- entries ---------------------------------------------------------------------------------------------------- */

static int compare(const struct entry *e, uint32_t term, struct bytes name)
{
    return e->term != term ? (e->term < term ? -1 : 1) : bytes_cmp(bytes_str(e->name), name);
}

/* The place at which it stands, or would. */
static size_t find(const struct entries *of, uint32_t term, struct bytes name, bool *there)
{
    size_t low = 0, high = of->n;
    int c = 1;

    *there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if ((c = compare(of->at[middle], term, name)) == 0)
            *there = true;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t cost_of(const struct entry *e)
{
    return COST + strlen(e->name);
}

static void clear(struct twin_index *x, struct entries *of)
{
    for (size_t i = 0; i < of->n; i++) {
        x->bytes -= cost_of(of->at[i]);
        free(of->at[i]);
    }
    free(of->at);
    *of = (struct entries){.on = false};
}

static bool grow(struct entries *of)
{
    size_t cap = of->cap ? 2 * of->cap : 16;
    struct entry **at;

    if (of->n < of->cap)
        return true;
    if (!(at = realloc(of->at, cap * sizeof *at)))
        return false;
    of->at = at;
    of->cap = cap;
    return true;
}

static bool insert(struct twin_index *x, struct entries *of, uint32_t term, struct bytes name)
{
    struct entry *e;
    bool there;
    size_t i = find(of, term, name, &there);

    if (there)
        return true;
    if (x->bytes > INDEX_BYTES_MAX || !grow(of) || !(e = malloc(sizeof *e + name.len + 1)))
        return false;
    e->term = term;
    memcpy(e->name, name.at, name.len);
    e->name[name.len] = 0;
    memmove(&of->at[i + 1], &of->at[i], (of->n - i) * sizeof *of->at);
    of->at[i] = e;
    of->n++;
    x->bytes += cost_of(e);
    return true;
}

static void take_out(struct twin_index *x, struct entries *of, uint32_t term, struct bytes name)
{
    bool there;
    size_t i = find(of, term, name, &there);

    if (!there)
        return;
    x->bytes -= cost_of(of->at[i]);
    free(of->at[i]);
    of->n--;
    memmove(&of->at[i], &of->at[i + 1], (of->n - i) * sizeof *of->at);
}

/* An index without one of its entries is none. */
static void put_in(struct twin_index *x, struct entries *of, size_t slot, uint32_t term, struct bytes name)
{
    if (insert(x, of, term, name))
        return;
    x->slots[slot].broken = true;
    clear(x, of);
}

/* ---- changes ---------------------------------------------------------------------------------------------------- */

/* The term of what stands there. */
static bool term_at(const struct index_path *path, struct bytes run, uint32_t *out)
{
    struct bytes rest = path->names;
    struct twin_node n;
    uint64_t term;

    twin_root(run, (enum twin_part)path->section, &n);
    while (rest.len) {
        const struct twin_node of = n;

        if (!twin_find(&of, bytes_cut(&rest, 0), &n))
            return false;
    }
    if (!twin_term_of(&n, &term))
        return false;
    *out = (uint32_t)term;
    return true;
}

static void turned(struct twin_index *x, struct entries *of, size_t slot, struct bytes name, struct bytes before,
                   struct bytes after)
{
    uint32_t was = 0, is = 0;
    bool had = term_at(&x->slots[slot].path, before, &was), has = term_at(&x->slots[slot].path, after, &is);

    if (had && has && was == is)
        return;
    if (had)
        take_out(x, of, was, name);
    if (has)
        put_in(x, of, slot, is, name);
}

void twin_index_turned(struct hub *h, struct shard *s, const struct device *d, struct bytes before, struct bytes after)
{
    struct twin_index *x = h->twins->index;
    struct entries *of = entries_of(h, s);
    bool module = identity_is_module(bytes_str(d->id));

    assert_locked(&s->lock);
    for (size_t k = 0; k < INDEXES_MAX; k++)
        if (of[k].on && x->slots[k].path.modules == module && x->slots[k].path.section < TWIN_PARTS)
            turned(x, &of[k], k, bytes_str(d->id), before, after);
}

void twin_index_disabled(struct hub *h, struct shard *s, const struct device *d, bool disabled)
{
    struct twin_index *x = h->twins->index;
    struct entries *of = entries_of(h, s);
    bool module = identity_is_module(bytes_str(d->id));
    uint32_t term = (uint32_t)twin_term_text(BYTES("disabled"));

    assert_locked(&s->lock);
    for (size_t k = 0; k < INDEXES_MAX; k++) {
        if (!of[k].on || x->slots[k].path.modules != module || x->slots[k].path.section != INDEX_OF_STATUS)
            continue;
        if (disabled)
            put_in(x, &of[k], k, term, bytes_str(d->id));
        else
            take_out(x, &of[k], term, bytes_str(d->id));
    }
}

static bool is_on(struct hub *h, const struct shard *s)
{
    const struct entries *of = entries_of(h, s);

    for (size_t k = 0; k < INDEXES_MAX; k++)
        if (of[k].on)
            return true;
    return false;
}

/* An entry that stays because its twin could not be read leads to nobody, which is allowed. */
void twin_index_gone(struct hub *h, struct shard *s, const struct identity *i)
{
    struct buf value = buf_max(TWIN_RUN_MAX + 8);
    struct bytes run = i->twin ? twin_run(i->twin) : NO_BYTES;

    if (is_on(h, s) && (i->twin || !twin_read(h, &i->device, &value, &run))) {
        twin_index_turned(h, s, &i->device, run, NO_BYTES);
        twin_index_disabled(h, s, &i->device, false);
    }
    buf_free(&value);
}

/* ---- slots ------------------------------------------------------------------------------------------------------ */

static void drop(struct hub *h, struct slot *slot, enum slot_state then)
{
    struct twin_index *x = h->twins->index;

    for (size_t k = 0; k < SHARDS; k++) {
        mutex_lock(&h->shards[k].lock);
        clear(x, &x->entries[k][slot - x->slots]);
        mutex_unlock(&h->shards[k].lock);
    }
    slot->state = then;
    slot->broken = false;
}

static struct slot *slot_of(struct twin_index *x, const struct index_path *path)
{
    for (size_t k = 0; k < INDEXES_MAX; k++) {
        struct slot *slot = &x->slots[k];

        if (slot->state != FREE && slot->path.modules == path->modules && slot->path.section == path->section &&
            bytes_eq(slot->path.names, path->names))
            return slot;
    }
    return NULL;
}

/* The first free one, or the one that was asked for longest ago. */
static struct slot *oldest(struct twin_index *x)
{
    struct slot *found = &x->slots[0];

    for (size_t k = 1; k < INDEXES_MAX && found->state != FREE; k++)
        if (x->slots[k].state == FREE || x->slots[k].asked < found->asked)
            found = &x->slots[k];
    return found;
}

static void wish(struct hub *h, const struct index_path *path)
{
    struct twin_index *x = h->twins->index;
    struct slot *slot = oldest(x);

    if (path->names.len > INDEX_PATH_MAX || (slot->state != FREE && x->questions - slot->asked < INDEX_RESTS))
        return;
    drop(h, slot, WISHED);
    if (path->names.len)
        memcpy(slot->names, path->names.at, path->names.len);
    slot->path = *path;
    slot->path.names = bytes_of(slot->names, path->names.len);
    slot->asked = x->questions;
}

/* ---- a question ------------------------------------------------------------------------------------------------- */

static void collect(const struct entries *of, uint32_t term, struct bytes after, struct ids *ids)
{
    bool there;
    size_t i = find(of, term, after, &there);

    for (i += there; i < of->n && of->at[i]->term == term; i++)
        if (!ids_add(ids, bytes_str(of->at[i]->name)))
            break;
}

/* The slots of all ways; ERR_NOT_FOUND: one is not ready, and wished for. */
static enum err find_slots(struct hub *h, const struct index_way *ways, size_t n, struct slot *out[INDEX_WAYS_MAX])
{
    struct twin_index *x = h->twins->index;
    enum err e = OK;

    assert(n <= INDEX_WAYS_MAX);
    x->questions++;
    for (size_t i = 0; i < n; i++) {
        if ((out[i] = slot_of(x, &ways[i].path)))
            out[i]->asked = x->questions;
        else
            wish(h, &ways[i].path);
        if (!out[i] || out[i]->state != READY)
            e = ERR_NOT_FOUND;
    }
    return e;
}

static bool any_is_broken(struct slot *const slots[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slots[i]->broken)
            return true;
    return false;
}

enum err hub_index_names(struct hub *h, const struct index_way *ways, size_t n_ways, struct bytes after,
                         struct buf *names, size_t max, size_t *n)
{
    struct twin_index *x = h->twins->index;
    struct slot *slots[INDEX_WAYS_MAX];
    struct ids ids;
    enum err e = find_slots(h, ways, n_ways, slots);

    if (e || (e = ids_open(&ids, max)))
        return e;
    for (size_t k = 0; k < SHARDS; k++) {
        mutex_lock(&h->shards[k].lock);
        for (size_t i = 0; i < n_ways; i++)
            for (size_t t = 0; t < ways[i].n_terms; t++)
                collect(&x->entries[k][slots[i] - x->slots], (uint32_t)ways[i].terms[t], after, &ids);
        mutex_unlock(&h->shards[k].lock);
    }
    if (any_is_broken(slots, n_ways))
        e = ERR_NOT_FOUND;
    else
        ids_put(&ids, names);
    *n = ids.n;
    ids_close(&ids);
    return e ? e : buf_check(names);
}

static size_t count(const struct entries *of, uint32_t term)
{
    bool there;
    size_t from = find(of, term, NO_BYTES, &there);

    return (term == UINT32_MAX ? of->n : find(of, term + 1, NO_BYTES, &there)) - from;
}

enum err hub_index_count(struct hub *h, const struct index_way *ways, size_t n_ways, size_t *n)
{
    struct twin_index *x = h->twins->index;
    struct slot *slots[INDEX_WAYS_MAX];
    enum err e = find_slots(h, ways, n_ways, slots);

    *n = 0;
    for (size_t k = 0; k < SHARDS && !e; k++) {
        mutex_lock(&h->shards[k].lock);
        for (size_t i = 0; i < n_ways; i++)
            for (size_t t = 0; t < ways[i].n_terms; t++)
                *n += count(&x->entries[k][slots[i] - x->slots], (uint32_t)ways[i].terms[t]);
        mutex_unlock(&h->shards[k].lock);
    }
    return e;
}

/* ---- a turn ----------------------------------------------------------------------------------------------------- */

static struct slot *slot_in(struct twin_index *x, enum slot_state state)
{
    for (size_t k = 0; k < INDEXES_MAX; k++)
        if (x->slots[k].state == state)
            return &x->slots[k];
    return NULL;
}

/* From now on every change is told to it. */
static void begin(struct hub *h, struct slot *slot)
{
    struct twin_index *x = h->twins->index;

    for (size_t k = 0; k < SHARDS; k++) {
        mutex_lock(&h->shards[k].lock);
        x->entries[k][slot - x->slots].on = true;
        mutex_unlock(&h->shards[k].lock);
    }
    slot->after[0] = 0;
    slot->state = MAKING;
}

/* Its entry as it is now; one that is there stays one. */
static enum err look_at(struct hub *h, const struct slot *slot, struct bytes name, struct buf *run)
{
    struct twin_index *x = h->twins->index;
    struct shard *s = shard_of(h, name);
    size_t k = (size_t)(slot - x->slots);
    struct entries *of = &entries_of(h, s)[k];
    struct device d;
    enum err e;

    buf_clear(run);
    mutex_lock(&s->lock);
    if (!(e = twin_copy(h, s, name, run, &d, NULL)) && of->on && slot->path.section < TWIN_PARTS)
        turned(x, of, k, name, NO_BYTES, buf_bytes(run));
    else if (!e && of->on && d.disabled)
        put_in(x, of, k, (uint32_t)twin_term_text(BYTES("disabled")), name);
    mutex_unlock(&s->lock);
    return e == ERR_NOT_FOUND ? OK : e;
}

static void make(struct hub *h, struct slot *slot)
{
    struct buf names = buf_max(INDEX_TURN * (IDENTITY_LEN_MAX + 2)), run = buf_max(TWIN_RUN_MAX);
    size_t n = 0;
    enum err e = hub_identity_names(h, slot->path.modules, bytes_str(slot->after), &names, INDEX_TURN, &n);
    struct bytes rest = buf_bytes(&names);

    for (size_t i = 0; i < n && !e; i++) {
        struct bytes name = bytes_cut(&rest, 0);

        if (!(e = look_at(h, slot, name, &run)) && !bytes_to_str(name, slot->after, sizeof slot->after))
            e = ERR_INTERNAL;
    }
    if (e)
        slot->broken = true; /* a twin that nobody can read has no entry */
    else if (n < INDEX_TURN)
        slot->state = READY;
    buf_free(&names);
    buf_free(&run);
}

bool hub_index_turn(struct hub *h)
{
    struct twin_index *x = h->twins->index;
    struct slot *slot;

    for (size_t k = 0; k < INDEXES_MAX; k++)
        if (x->slots[k].broken)
            drop(h, &x->slots[k], REFUSED);
    if ((slot = slot_in(x, MAKING)))
        make(h, slot);
    else if ((slot = slot_in(x, WISHED)))
        begin(h, slot);
    return slot != NULL;
}

/* ---- its life --------------------------------------------------------------------------------------------------- */

enum err twin_index_new(struct twin_index **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? OK : ERR_MEMORY;
}

void twin_index_free(struct twin_index *x)
{
    for (size_t k = 0; x && k < SHARDS; k++)
        for (size_t i = 0; i < INDEXES_MAX; i++)
            clear(x, &x->entries[k][i]);
    free(x);
}
