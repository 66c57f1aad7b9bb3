#include "memory_engines.h"

#include "mutex.h"

#include <stdlib.h>

struct pair {
    uint8_t *key, *value; /* value NULL: deleted, in a change */
    size_t key_len, value_len;
};

/* Sorted by key. */
struct pairs {
    struct pair *at;
    size_t n, cap;
};

struct memory {
    struct state state;
    struct mutex lock;
    struct pairs kept, changes;
    uint64_t place, reserve_max;
    bool fails; /* when no more commits are left */
    uint64_t commits_left;
};

static struct memory *memory_of(struct state *s)
{
    return (struct memory *)(void *)s;
}

static struct bytes key_of(const struct pair *p)
{
    return bytes_of(p->key, p->key_len);
}

/* Index of the first key that is not below this one. */
static size_t lower_bound(const struct pairs *p, struct bytes key)
{
    size_t low = 0, high = p->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (bytes_cmp(key_of(&p->at[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct pairs *p, size_t i, struct bytes key)
{
    return i < p->n && bytes_eq(key_of(&p->at[i]), key);
}

static void remove_at(struct pairs *p, size_t i)
{
    assert(i < p->n);
    free(p->at[i].key);
    free(p->at[i].value);
    memmove(&p->at[i], &p->at[i + 1], (p->n - i - 1) * sizeof *p->at);
    p->n--;
}

static void clear(struct pairs *p)
{
    while (p->n)
        remove_at(p, p->n - 1);
    free(p->at);
    *p = (struct pairs){0};
}

static uint8_t *copy_of(struct bytes b)
{
    uint8_t *copy = malloc(b.len ? b.len : 1);

    if (copy && b.len)
        memcpy(copy, b.at, b.len);
    return copy;
}

/* value.at == NULL with no length marks a deletion. */
static enum err set(struct pairs *p, struct bytes key, struct bytes value, bool deleted)
{
    size_t i = lower_bound(p, key);
    uint8_t *copy = NULL;

    assert(deleted || value.at || !value.len);
    if (!deleted && !(copy = copy_of(value)))
        return ERR_MEMORY;
    if (stands_at(p, i, key)) {
        free(p->at[i].value);
    } else {
        size_t cap = p->cap ? p->cap * 2 : 16;
        struct pair *at = p->n < p->cap ? p->at : realloc(p->at, cap * sizeof *at);
        uint8_t *name = at ? copy_of(key) : NULL;

        if (at && at != p->at)
            p->at = at;
        if (at && p->n == p->cap)
            p->cap = cap;
        if (!name) {
            free(copy);
            return ERR_MEMORY;
        }
        memmove(&p->at[i + 1], &p->at[i], (p->n - i) * sizeof *p->at);
        p->at[i] = (struct pair){.key = name, .key_len = key.len};
        p->n++;
    }
    p->at[i].value = copy;
    p->at[i].value_len = deleted ? 0 : value.len;
    return OK;
}

static uint64_t memory_place(struct state *s)
{
    struct memory *m = memory_of(s);
    uint64_t place;

    mutex_lock(&m->lock);
    place = m->place;
    mutex_unlock(&m->lock);
    return place;
}

static enum err memory_get(struct state *s, struct bytes key, struct buf *out)
{
    struct memory *m = memory_of(s);
    enum err e = ERR_NOT_FOUND;
    size_t i;

    mutex_lock(&m->lock);
    i = lower_bound(&m->kept, key);
    if (stands_at(&m->kept, i, key)) {
        buf_put(out, bytes_of(m->kept.at[i].value, m->kept.at[i].value_len));
        e = buf_check(out);
    }
    mutex_unlock(&m->lock);
    return e;
}

static enum err memory_each(struct state *s, struct bytes prefix, struct bytes after, state_visit *visit, void *ctx)
{
    struct memory *m = memory_of(s);
    size_t i;

    mutex_lock(&m->lock);
    i = lower_bound(&m->kept, after.len && bytes_cmp(after, prefix) > 0 ? after : prefix);
    if (after.len && stands_at(&m->kept, i, after))
        i++;
    for (; i < m->kept.n && bytes_starts(key_of(&m->kept.at[i]), prefix); i++)
        if (!visit(ctx, key_of(&m->kept.at[i]), bytes_of(m->kept.at[i].value, m->kept.at[i].value_len)))
            break;
    mutex_unlock(&m->lock);
    return OK;
}

static struct bytes value_of(const struct pairs *p, struct bytes prefix, struct bytes name)
{
    uint8_t key[STATE_KEY_MAX];
    size_t i;

    assert(prefix.len + name.len <= sizeof key);
    memcpy(key, prefix.at, prefix.len);
    if (name.len)
        memcpy(key + prefix.len, name.at, name.len);
    i = lower_bound(p, bytes_of(key, prefix.len + name.len));
    return stands_at(p, i, bytes_of(key, prefix.len + name.len)) ? bytes_of(p->at[i].value, p->at[i].value_len)
                                                                 : NO_BYTES;
}

/* A visit in the middle of memory_each(). */
struct pairing {
    struct memory *memory;
    struct bytes prefix, beside;
    state_visit_pair *visit;
    void *ctx;
};

static bool visit_pair(void *ctx, struct bytes key, struct bytes value)
{
    const struct pairing *p = ctx;

    return p->visit(p->ctx, key, value, value_of(&p->memory->kept, p->beside, bytes_skip(key, p->prefix.len)));
}

static enum err memory_pairs(struct state *s, struct bytes prefix, struct bytes beside, struct bytes after,
                             state_visit_pair *visit, void *ctx)
{
    struct pairing p = {.memory = memory_of(s), .prefix = prefix, .beside = beside, .visit = visit, .ctx = ctx};

    return memory_each(s, prefix, after, visit_pair, &p);
}

static enum err memory_begin(struct state *s)
{
    clear(&memory_of(s)->changes);
    return OK;
}

static enum err memory_put(struct state *s, struct bytes key, struct bytes value)
{
    if (key.len == 0 || key.len > STATE_KEY_MAX)
        return ERR_ARGUMENT;
    return set(&memory_of(s)->changes, key, value, false);
}

static enum err memory_del(struct state *s, struct bytes key)
{
    return set(&memory_of(s)->changes, key, NO_BYTES, true);
}

static enum err memory_commit(struct state *s, uint64_t place)
{
    struct memory *m = memory_of(s);
    enum err e = OK;

    mutex_lock(&m->lock);
    if (m->fails && m->commits_left-- == 0) {
        m->commits_left = 0;
        e = ERR_DISK_FULL;
    }
    for (size_t i = 0; !e && i < m->changes.n; i++) {
        const struct pair *p = &m->changes.at[i];
        size_t stands = lower_bound(&m->kept, key_of(p));

        if (p->value)
            e = set(&m->kept, key_of(p), bytes_of(p->value, p->value_len), false);
        else if (stands_at(&m->kept, stands, key_of(p)))
            remove_at(&m->kept, stands);
    }
    assert(place >= m->place);
    if (!e)
        m->place = place;
    mutex_unlock(&m->lock);
    clear(&m->changes);
    return e;
}

static void memory_abort(struct state *s)
{
    clear(&memory_of(s)->changes);
}

static enum err memory_reserve(struct state *s, uint64_t bytes)
{
    return bytes > memory_of(s)->reserve_max ? ERR_DISK_FULL : OK;
}

void memory_state_room(struct state *s, uint64_t bytes)
{
    memory_of(s)->reserve_max = bytes;
}

static void memory_close(struct state *s)
{
    struct memory *m = memory_of(s);

    clear(&m->kept);
    clear(&m->changes);
    mutex_destroy(&m->lock);
    free(m);
}

static const struct state_ops memory_ops = {.place = memory_place,
                                            .get = memory_get,
                                            .each = memory_each,
                                            .pairs = memory_pairs,
                                            .begin = memory_begin,
                                            .put = memory_put,
                                            .del = memory_del,
                                            .commit = memory_commit,
                                            .abort = memory_abort,
                                            .reserve = memory_reserve,
                                            .close = memory_close};

void memory_state_fails(struct state *s, bool fails, uint64_t after)
{
    struct memory *m = memory_of(s);

    mutex_lock(&m->lock);
    m->fails = fails;
    m->commits_left = after;
    mutex_unlock(&m->lock);
}

enum err memory_state_open(struct state **out)
{
    struct memory *m = calloc(1, sizeof *m);

    if (!m)
        return ERR_MEMORY;
    m->state.ops = &memory_ops;
    m->reserve_max = UINT64_MAX;
    mutex_init(&m->lock, RANK_OWN);
    *out = &m->state;
    return OK;
}
