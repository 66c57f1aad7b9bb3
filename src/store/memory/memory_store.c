#include "memory_engines.h"

#include "ceilings.h"
#include "mutex.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Places are dense: the record at places[i] is i + FIRST. */
enum { FIRST = 1 };

struct kept {
    uint8_t kind;
    uint16_t lane;
    uint8_t *body;
    size_t len;
    bool damaged;
};

struct memory {
    struct store store;
    struct mutex lock;
    struct kept *at;
    size_t n, cap, trimmed;
    _Atomic uint64_t durable;
    uint64_t appends;
    struct memory_faults faults;
};

static struct memory *memory_of(struct store *s)
{
    return (struct memory *)(void *)s;
}

static enum err grow(struct memory *m)
{
    size_t cap = m->cap ? m->cap * 2 : 256;
    struct kept *at;

    if (m->n < m->cap)
        return OK;
    at = realloc(m->at, cap * sizeof *at);
    if (!at)
        return ERR_MEMORY;
    m->at = at;
    m->cap = cap;
    return OK;
}

static enum err keep(struct memory *m, const struct draft *d, uint64_t *at)
{
    size_t len = 0, done = 0;
    struct kept *k;
    uint8_t *body;

    assert_locked(&m->lock);
    for (size_t i = 0; i < d->n_parts; i++)
        len += d->parts[i].len;
    if (len > RECORD_LEN_MAX)
        return ERR_TOO_LARGE;
    if (m->faults.append && m->appends >= m->faults.fail_after)
        return m->faults.append;
    if (d->room < m->faults.full)
        return ERR_DISK_FULL;
    if (grow(m) || !(body = malloc(len ? len : 1)))
        return ERR_MEMORY;
    for (size_t i = 0; i < d->n_parts; i++) {
        if (d->parts[i].len)
            memcpy(body + done, d->parts[i].at, d->parts[i].len);
        done += d->parts[i].len;
    }
    *at = FIRST + m->n;
    if (d->stamp)
        d->stamp(d->ctx, body, len, *at);
    assert(m->n < m->cap);
    k = &m->at[m->n++];
    *k = (struct kept){.kind = d->kind, .lane = d->lane, .body = body, .len = len};
    m->appends++;
    return OK;
}

static void tell(struct memory *m)
{
    assert(!mutex_is_mine(&m->lock));
    if (m->store.grew)
        m->store.grew(m->store.grew_ctx);
}

static enum err memory_append(struct store *s, const struct draft *d, uint64_t *at)
{
    struct memory *m = memory_of(s);
    bool settled;
    enum err e;

    mutex_lock(&m->lock);
    e = keep(m, d, at);
    settled = !e && !m->faults.manual;
    if (settled)
        atomic_store_explicit(&m->durable, FIRST + m->n, memory_order_release);
    mutex_unlock(&m->lock);
    if (settled)
        tell(m);
    return e;
}

static uint64_t memory_durable(struct store *s)
{
    return atomic_load_explicit(&memory_of(s)->durable, memory_order_acquire);
}

static uint64_t memory_first(struct store *s)
{
    struct memory *m = memory_of(s);
    uint64_t first;

    mutex_lock(&m->lock);
    first = FIRST + m->trimmed;
    mutex_unlock(&m->lock);
    return first;
}

static uint64_t memory_end(struct store *s)
{
    struct memory *m = memory_of(s);
    uint64_t end;

    mutex_lock(&m->lock);
    end = FIRST + m->n;
    mutex_unlock(&m->lock);
    return end;
}

/* With manual durability whoever waits settles what it waits for: there is no other thread that would. */
static enum err memory_sync(struct store *s, uint64_t at)
{
    memory_store_settle(s, at + 1);
    return OK;
}

/* Bodies that were lent outlive their trimming: they are freed when the store is closed. */
static enum err memory_read(struct store *s, struct cursor *c, struct record *out)
{
    struct memory *m = memory_of(s);
    size_t skipped = 0;
    enum err e = ERR_NOT_FOUND;

    mutex_lock(&m->lock);
    if (c->at < FIRST + m->trimmed)
        c->at = FIRST + m->trimmed;
    for (; c->at < m->durable; c->at++) {
        const struct kept *k = &m->at[c->at - FIRST];

        if (k->damaged)
            continue;
        if ((c->kind >= 0 && c->kind != k->kind) || (c->lane >= 0 && c->lane != k->lane)) {
            skipped += k->len + 1;
            if (c->budget && skipped > c->budget) {
                c->at++;
                e = ERR_BUSY;
                break;
            }
            continue;
        }
        *out = (struct record){.at = c->at++, .kind = k->kind, .lane = k->lane, .body = bytes_of(k->body, k->len)};
        e = OK;
        break;
    }
    mutex_unlock(&m->lock);
    return e;
}

static void memory_cursor_close(struct store *s, struct cursor *c)
{
    (void)s;
    c->engine = NULL;
}

static uint64_t memory_first_after(struct store *s, uint64_t below)
{
    struct memory *m = memory_of(s);
    uint64_t first;

    mutex_lock(&m->lock);
    first = FIRST + m->trimmed;
    if (below > m->durable)
        below = m->durable;
    if (below > first)
        first = below;
    mutex_unlock(&m->lock);
    return first;
}

static const uint8_t *memory_id(struct store *s)
{
    static const uint8_t id[STORE_ID] = "in memory";

    (void)s;
    return id;
}

static void describe(struct gap *g, const struct kept *k)
{
    g->kind = k->kind;
    g->lane = k->lane;
    g->len = k->len < GAP_BODY ? k->len : GAP_BODY;
    memcpy(g->body, k->body, g->len);
}

static bool memory_gap(struct store *s, size_t i, struct gap *out)
{
    struct memory *m = memory_of(s);
    bool found = false;

    mutex_lock(&m->lock);
    for (size_t k = m->trimmed; !found && k < m->n; k++) {
        if (!m->at[k].damaged || i-- > 0)
            continue;
        *out = (struct gap){.at = FIRST + k, .end = FIRST + k + 1};
        describe(out, &m->at[k]);
        found = true;
    }
    mutex_unlock(&m->lock);
    return found;
}

static enum err memory_trim(struct store *s, uint64_t below)
{
    struct memory *m = memory_of(s);

    mutex_lock(&m->lock);
    if (below > m->durable)
        below = m->durable;
    if (below > FIRST + m->trimmed)
        m->trimmed = (size_t)(below - FIRST);
    assert(m->trimmed <= m->n);
    mutex_unlock(&m->lock);
    return OK;
}

/* A record is a file of one byte here. */
static uint64_t memory_older_than(struct store *s, uint64_t keep)
{
    struct memory *m = memory_of(s);
    uint64_t kept = 0;
    size_t i;

    mutex_lock(&m->lock);
    for (i = m->n; i > m->trimmed && kept < keep; i--)
        kept++;
    mutex_unlock(&m->lock);
    return FIRST + i;
}

static void memory_space(struct store *s, struct store_space *out)
{
    struct memory *m = memory_of(s);

    *out = (struct store_space){.file = 1};
    mutex_lock(&m->lock);
    out->held = out->log = m->n - m->trimmed;
    out->full = m->faults.full != ROOM_MESSAGES;
    mutex_unlock(&m->lock);
}

static void memory_close(struct store *s)
{
    struct memory *m = memory_of(s);

    for (size_t i = 0; i < m->n; i++)
        free(m->at[i].body);
    free(m->at);
    mutex_destroy(&m->lock);
    free(m);
}

static const struct store_ops memory_ops = {.append = memory_append,
                                            .durable = memory_durable,
                                            .first = memory_first,
                                            .end = memory_end,
                                            .sync = memory_sync,
                                            .read = memory_read,
                                            .cursor_close = memory_cursor_close,
                                            .first_after = memory_first_after,
                                            .trim = memory_trim,
                                            .older_than = memory_older_than,
                                            .space = memory_space,
                                            .id = memory_id,
                                            .gap = memory_gap,
                                            .close = memory_close};

enum err memory_store_open(struct store **out)
{
    struct memory *m = calloc(1, sizeof *m);

    if (!m)
        return ERR_MEMORY;
    m->store.ops = &memory_ops;
    m->durable = FIRST;
    mutex_init(&m->lock, RANK_TAIL);
    *out = &m->store;
    return OK;
}

void memory_store_faults(struct store *s, const struct memory_faults *faults)
{
    struct memory *m = memory_of(s);

    mutex_lock(&m->lock);
    m->faults = *faults;
    m->appends = 0;
    mutex_unlock(&m->lock);
}

void memory_store_damage(struct store *s, uint64_t at)
{
    struct memory *m = memory_of(s);
    struct gap g = {.at = at, .end = at + 1};

    mutex_lock(&m->lock);
    assert(at >= FIRST && at - FIRST < m->n);
    m->at[at - FIRST].damaged = true;
    describe(&g, &m->at[at - FIRST]);
    mutex_unlock(&m->lock);
    if (s->damaged)
        s->damaged(s->damaged_ctx, &g);
}

void memory_store_settle(struct store *s, uint64_t below)
{
    struct memory *m = memory_of(s);
    bool grew = false;

    mutex_lock(&m->lock);
    if (below > FIRST + m->n)
        below = FIRST + m->n;
    if (below > m->durable) {
        atomic_store_explicit(&m->durable, below, memory_order_release);
        grew = true;
    }
    mutex_unlock(&m->lock);
    if (grew)
        tell(m);
}

enum err memory_store_crashed(struct store *s, struct store **out)
{
    struct memory *m = memory_of(s), *left;
    struct store *made;
    enum err e = memory_store_open(&made);

    if (e)
        return e;
    left = memory_of(made);
    for (size_t i = 0; !e && i + FIRST < m->durable; i++) {
        struct bytes body = bytes_of(m->at[i].body, m->at[i].len);
        uint64_t at;

        mutex_lock(&left->lock);
        e = keep(left, &(struct draft){.kind = m->at[i].kind, .lane = m->at[i].lane, .parts = &body, .n_parts = 1},
                 &at);
        mutex_unlock(&left->lock);
        if (!e)
            left->at[i].damaged = m->at[i].damaged;
    }
    left->durable = FIRST + left->n;
    left->trimmed = m->trimmed;
    left->faults.manual = m->faults.manual;
    if (e)
        memory_close(made);
    else
        *out = made;
    return e;
}
