/* The checkpoint in LMDB: transactions, and reading in them. Every value that is read is held against its checksum. */
#include "state_lmdb.h"

#include "ceilings.h"
#include "fault.h"
#include "log.h"
#include "map.h"
#include "state_room.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { PUT = 1, DEL };
enum {
    STEPS = 8, /* of a cursor, from key to key, before it searches */
    PAGE = 4096,
    CACHE_LINE = 64,
};

static struct lmdb *lmdb_of(struct state *s)
{
    return (struct lmdb *)(void *)s;
}

enum err lmdb_err_of(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return OK;
    case MDB_NOTFOUND:
        return ERR_NOT_FOUND;
    case ENOMEM:
        return ERR_MEMORY;
    case ENOSPC:
    case EDQUOT:
    case MDB_MAP_FULL:
        return ERR_DISK_FULL;
    case MDB_READERS_FULL:
        return ERR_BUSY;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return ERR_DAMAGED;
    default:
        return ERR_IO;
    }
}

static uint64_t lmdb_place(struct state *s)
{
    return atomic_load_explicit(&lmdb_of(s)->place, memory_order_acquire);
}

static enum err read_begin(struct lmdb *m, MDB_txn **txn)
{
    int rc;

    pthread_rwlock_rdlock(&m->map);
    rc = mdb_txn_begin(m->env, NULL, MDB_RDONLY, txn);
    if (rc)
        pthread_rwlock_unlock(&m->map);
    return lmdb_err_of(rc);
}

static void read_end(struct lmdb *m, MDB_txn *txn)
{
    mdb_txn_abort(txn);
    pthread_rwlock_unlock(&m->map);
}

/* A value that rots while the hub runs is told once, however often it is asked for. */
static enum err unseal(struct lmdb *m, struct bytes key, const MDB_val *stored, struct bytes *value)
{
    char text[STATE_KEY_TEXT_CAP];
    uint64_t seal, hash;

    if (state_unseal(key, bytes_of_val(stored), value, &seal))
        return OK;
    hash = bytes_hash(key, 0);
    if (atomic_exchange(&m->damaged, hash) != hash)
        log_event(
            LOG_ERROR, "checkpoint-damaged", KVS("file", m->path), KVS("key", state_key_text(key, text)),
            KVS("remedy", "start the hub again: it makes the checkpoint again from the log, or says why it cannot"));
    return ERR_DAMAGED;
}

static enum err lmdb_get(struct state *s, struct bytes key, struct buf *out)
{
    struct lmdb *m = lmdb_of(s);
    MDB_val k = val_of(key), v;
    struct bytes value;
    MDB_txn *txn;
    enum err e;

    if (key.len == 0 || key.len > STATE_KEY_MAX)
        return ERR_NOT_FOUND;
    if ((e = read_begin(m, &txn)))
        return e;
    if (!(e = lmdb_err_of(mdb_get(txn, m->values, &k, &v))) && !(e = unseal(m, key, &v, &value))) {
        buf_put(out, value);
        e = buf_check(out);
    }
    read_end(m, txn);
    return e;
}

/* To the first key from the prefix on that comes after `after`. */
static int go_behind(MDB_cursor *c, struct bytes prefix, struct bytes after, MDB_val *k, MDB_val *v)
{
    struct bytes from = after.len && bytes_cmp(after, prefix) > 0 ? after : prefix;
    int rc;

    *k = val_of(from);
    rc = mdb_cursor_get(c, k, v, from.len ? MDB_SET_RANGE : MDB_FIRST);
    if (!rc && after.len && bytes_eq(bytes_of_val(k), after))
        rc = mdb_cursor_get(c, k, v, MDB_NEXT);
    return rc;
}

static enum err visit_all(struct lmdb *m, MDB_cursor *c, struct bytes prefix, struct bytes after, state_visit *visit,
                          void *ctx)
{
    MDB_val k, v;
    int rc = go_behind(c, prefix, after, &k, &v);
    struct bytes value;
    enum err e = OK;

    while (!rc && bytes_starts(bytes_of_val(&k), prefix)) {
        if ((e = unseal(m, bytes_of_val(&k), &v, &value)) || !visit(ctx, bytes_of_val(&k), value))
            return e;
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? OK : lmdb_err_of(rc);
}

static enum err lmdb_each(struct state *s, struct bytes prefix, struct bytes after, state_visit *visit, void *ctx)
{
    struct lmdb *m = lmdb_of(s);
    MDB_cursor *c;
    MDB_txn *txn;
    enum err e;

    if (prefix.len > STATE_KEY_MAX || after.len > STATE_KEY_MAX)
        return ERR_ARGUMENT;
    if ((e = read_begin(m, &txn)))
        return e;
    if (!(e = lmdb_err_of(mdb_cursor_open(txn, m->values, &c)))) {
        e = visit_all(m, c, prefix, after, visit, ctx);
        mdb_cursor_close(c);
    }
    read_end(m, txn);
    return e;
}

/* A cursor that is moved along with another one, over keys with another prefix. */
struct beside {
    MDB_cursor *c;
    struct bytes prefix;
    MDB_val k, v; /* where it is */
    int rc;
};

static void beside_search(struct beside *b, struct bytes name)
{
    uint8_t key[STATE_KEY_MAX];

    assert(b->prefix.len + name.len <= sizeof key);
    memcpy(key, b->prefix.at, b->prefix.len);
    if (name.len)
        memcpy(key + b->prefix.len, name.at, name.len);
    b->k = val_of(bytes_of(key, b->prefix.len + name.len));
    b->rc = mdb_cursor_get(b->c, &b->k, &b->v, MDB_SET_RANGE);
}

/* Below 0: the cursor is before the name; above: behind it, or behind all. */
static int beside_order(const struct beside *b, struct bytes name)
{
    struct bytes key = bytes_of_val(&b->k);

    return b->rc || !bytes_starts(key, b->prefix) ? 1 : bytes_cmp(bytes_skip(key, b->prefix.len), name);
}

/* Names come in order, so the cursor only goes forward. False: it has no such name. */
static bool beside_go(struct beside *b, struct bytes name)
{
    int order = beside_order(b, name);

    for (int n = 0; order < 0; n++) {
        if (n < STEPS)
            b->rc = mdb_cursor_get(b->c, &b->k, &b->v, MDB_NEXT);
        else
            beside_search(b, name);
        order = beside_order(b, name);
    }
    return order == 0;
}

/* A page that a cursor came to is read from end to end, but not in the order of its bytes: all of it is asked for at
 * once, instead of waiting for the memory of each key and each value. */
static void expect_page(const MDB_val *k, uintptr_t *page)
{
    uintptr_t at = (uintptr_t)k->mv_data & ~(uintptr_t)(PAGE - 1);

    if (at == *page)
        return;
    *page = at;
    for (size_t i = 0; i < PAGE; i += CACHE_LINE)
        __builtin_prefetch((const char *)at + i);
}

static enum err visit_pairs(struct lmdb *m, MDB_cursor *c, struct beside *b, struct bytes prefix, struct bytes after,
                            state_visit_pair *visit, void *ctx)
{
    uintptr_t page = 0, beside_page = 0;
    struct bytes name, value, beside;
    MDB_val k, v;
    int rc = go_behind(c, prefix, after, &k, &v);
    enum err e;

    if (!rc && bytes_starts(bytes_of_val(&k), prefix))
        beside_search(b, bytes_skip(bytes_of_val(&k), prefix.len));
    while (!rc && bytes_starts(bytes_of_val(&k), prefix)) {
        expect_page(&k, &page);
        name = bytes_skip(bytes_of_val(&k), prefix.len);
        beside = NO_BYTES;
        if (beside_go(b, name)) {
            expect_page(&b->k, &beside_page);
            if ((e = unseal(m, bytes_of_val(&b->k), &b->v, &beside)))
                return e;
        }
        if ((e = unseal(m, bytes_of_val(&k), &v, &value)) || !visit(ctx, bytes_of_val(&k), value, beside))
            return e;
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    if (b->rc && b->rc != MDB_NOTFOUND)
        return lmdb_err_of(b->rc);
    return rc == MDB_NOTFOUND ? OK : lmdb_err_of(rc);
}

static enum err lmdb_pairs(struct state *s, struct bytes prefix, struct bytes beside, struct bytes after,
                           state_visit_pair *visit, void *ctx)
{
    struct lmdb *m = lmdb_of(s);
    struct beside b = {.prefix = beside};
    MDB_cursor *c = NULL;
    MDB_txn *txn;
    enum err e;

    if (!prefix.len || prefix.len > STATE_KEY_MAX || !beside.len || beside.len > prefix.len ||
        after.len > STATE_KEY_MAX)
        return ERR_ARGUMENT;
    if ((e = read_begin(m, &txn)))
        return e;
    if (!(e = lmdb_err_of(mdb_cursor_open(txn, m->values, &c))) &&
        !(e = lmdb_err_of(mdb_cursor_open(txn, m->values, &b.c))))
        e = visit_pairs(m, c, &b, prefix, after, visit, ctx);
    if (b.c)
        mdb_cursor_close(b.c);
    if (c)
        mdb_cursor_close(c);
    read_end(m, txn);
    return e;
}

static enum err lmdb_begin(struct state *s)
{
    buf_clear(&lmdb_of(s)->changes);
    return OK;
}

static enum err change(struct lmdb *m, uint8_t what, struct bytes key, struct bytes value)
{
    if (key.len == 0 || key.len > STATE_KEY_MAX)
        return ERR_ARGUMENT;
    if (value.len > STATE_BATCH_MAX)
        return ERR_TOO_LARGE;
    buf_put_u8(&m->changes, what);
    buf_put_u32(&m->changes, (uint32_t)key.len);
    buf_put(&m->changes, key);
    buf_put_u32(&m->changes, (uint32_t)value.len);
    buf_put(&m->changes, value);
    return buf_check(&m->changes);
}

static enum err lmdb_put(struct state *s, struct bytes key, struct bytes value)
{
    return change(lmdb_of(s), PUT, key, value);
}

static enum err lmdb_del(struct state *s, struct bytes key)
{
    return change(lmdb_of(s), DEL, key, NO_BYTES);
}

int lmdb_change(struct lmdb *m, MDB_txn *txn, struct bytes key, const struct bytes *value, struct state_sum *sum)
{
    MDB_val k = val_of(key), v;
    struct bytes old;
    uint64_t seal;
    int rc = mdb_get(txn, m->values, &k, &v);

    if (!rc) {
        if (!state_unseal(key, bytes_of_val(&v), &old, &seal))
            return MDB_CORRUPTED;
        sum->entries--;
        sum->seals -= seal;
        if (!value)
            return mdb_del(txn, m->values, &k, NULL);
    } else if (rc != MDB_NOTFOUND) {
        return rc;
    }
    if (!value)
        return 0;
    v = (MDB_val){.mv_size = value->len + SEAL_LEN};
    if ((rc = mdb_put(txn, m->values, &k, &v, MDB_RESERVE)))
        return rc;
    seal = state_seal(key, *value);
    state_seal_put(v.mv_data, *value, seal);
    sum->entries++;
    sum->seals += seal;
    return 0;
}

int lmdb_put_sum(struct lmdb *m, MDB_txn *txn, const struct state_sum *sum)
{
    uint8_t record[SUM_LEN];
    MDB_val k = val_of(STATE_SUM_KEY), v = {.mv_size = sizeof record, .mv_data = record};

    state_sum_write(sum, record);
    return mdb_put(txn, m->meta, &k, &v, 0);
}

static int apply(struct lmdb *m, MDB_txn *txn, struct state_sum *sum)
{
    struct rd r = rd_over(buf_bytes(&m->changes));
    int rc = 0;

    while (!rc && rd_left(&r)) {
        uint8_t what = rd_u8(&r);
        struct bytes key = rd_str32(&r), value = rd_str32(&r);

        assert(!r.bad && (what == PUT || what == DEL));
        rc = lmdb_change(m, txn, key, what == PUT ? &value : NULL, sum);
    }
    return rc ? rc : lmdb_put_sum(m, txn, sum);
}

static int try_commit(struct lmdb *m, struct state_sum *sum)
{
    MDB_txn *txn;
    int rc;

    pthread_rwlock_rdlock(&m->map);
    if (!(rc = mdb_txn_begin(m->env, NULL, 0, &txn))) {
        if ((rc = apply(m, txn, sum)))
            mdb_txn_abort(txn);
        else
            rc = mdb_txn_commit(txn);
    }
    pthread_rwlock_unlock(&m->map);
    return rc;
}

enum err lmdb_grow_map(struct lmdb *m)
{
    int rc;

    if (m->map_size > LMDB_MAP_MAX / 2)
        return ERR_DISK_FULL;
    pthread_rwlock_wrlock(&m->map);
    fault_region_drop(m->watched);
    rc = mdb_env_set_mapsize(m->env, (size_t)m->map_size * 2);
    if (!rc)
        m->map_size *= 2;
    lmdb_watch_map(m);
    pthread_rwlock_unlock(&m->map);
    return rc == ENOMEM ? ERR_DISK_FULL : lmdb_err_of(rc);
}

static enum err lmdb_commit(struct state *s, uint64_t place)
{
    struct lmdb *m = lmdb_of(s);
    struct state_sum sum;
    enum err e = buf_check(&m->changes);
    int dead, rc;

    if (e)
        return e;
    /* A reader that died keeps pages from being used again. */
    (void)mdb_reader_check(m->env, &dead);
    do {
        sum = m->sum;
        sum.place = place;
        rc = try_commit(m, &sum);
    } while (rc == MDB_MAP_FULL && !(e = lmdb_grow_map(m)));
    if (e || rc)
        return e ? e : lmdb_err_of(rc);
    assert(sum.place == place);
    m->sum = sum;
    atomic_store_explicit(&m->place, place, memory_order_release);
    buf_clear(&m->changes);
    buf_shrink(&m->changes, 1 << 20);
    return OK;
}

static void lmdb_abort(struct state *s)
{
    buf_clear(&lmdb_of(s)->changes);
}

static enum err lmdb_reserve(struct state *s, uint64_t bytes)
{
    struct lmdb *m = lmdb_of(s);
    MDB_dbi tables[] = {m->values, m->meta};
    enum err e;

    pthread_rwlock_rdlock(&m->map);
    e = lmdb_room(m->env, tables, 2, bytes);
    pthread_rwlock_unlock(&m->map);
    return e;
}

static void lmdb_close(struct state *s)
{
    struct lmdb *m = lmdb_of(s);

    fault_region_drop(m->watched);
    if (m->env)
        mdb_env_close(m->env);
    pthread_rwlock_destroy(&m->map);
    buf_free(&m->changes);
    if (m->folder_fd >= 0)
        close(m->folder_fd);
    free(m);
}

const struct state_ops lmdb_ops = {.place = lmdb_place,
                                   .get = lmdb_get,
                                   .each = lmdb_each,
                                   .pairs = lmdb_pairs,
                                   .begin = lmdb_begin,
                                   .put = lmdb_put,
                                   .del = lmdb_del,
                                   .commit = lmdb_commit,
                                   .abort = lmdb_abort,
                                   .reserve = lmdb_reserve,
                                   .close = lmdb_close};
