/* A checkpoint that is only read, all of it as of one moment: of a copy, or of a hub that runs. */
#include "state_copy.h"

#include "state_lmdb.h"

#include <errno.h>
#include <stdlib.h>

enum { READERS = 256 };

struct snapshot {
    struct state state;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi values, meta;
    uint64_t place;
    int form; /* of the values */
};

static struct snapshot *snapshot_of(struct state *s)
{
    return (struct snapshot *)(void *)s;
}

/* No folder, no checkpoint. */
static enum err err_of(int rc)
{
    return rc == ENOENT ? ERR_NOT_FOUND : lmdb_err_of(rc);
}

/* Values of before have no checksum. */
static enum err value_of(const struct snapshot *m, const MDB_val *k, const MDB_val *v, struct bytes *value)
{
    uint64_t seal;

    if (m->form == STATE_SEALED)
        return state_unseal(bytes_of_val(k), bytes_of_val(v), value, &seal) ? OK : ERR_DAMAGED;
    *value = bytes_of_val(v);
    return OK;
}

static uint64_t snapshot_place(struct state *s)
{
    return snapshot_of(s)->place;
}

static enum err snapshot_get(struct state *s, struct bytes key, struct buf *out)
{
    struct snapshot *m = snapshot_of(s);
    MDB_val k = val_of(key), v;
    struct bytes value;
    enum err e;

    if (key.len == 0 || key.len > STATE_KEY_MAX)
        return ERR_NOT_FOUND;
    if ((e = err_of(mdb_get(m->txn, m->values, &k, &v))) || (e = value_of(m, &k, &v, &value)))
        return e;
    buf_put(out, value);
    return buf_check(out);
}

static enum err snapshot_each(struct state *s, struct bytes prefix, struct bytes after, state_visit *visit, void *ctx)
{
    struct snapshot *m = snapshot_of(s);
    struct bytes from = after.len && bytes_cmp(after, prefix) > 0 ? after : prefix, value;
    MDB_val k = val_of(from), v;
    MDB_cursor *c;
    enum err e = OK;
    int rc = mdb_cursor_open(m->txn, m->values, &c);

    if (rc)
        return err_of(rc);
    rc = mdb_cursor_get(c, &k, &v, from.len ? MDB_SET_RANGE : MDB_FIRST);
    if (!rc && after.len && bytes_eq(bytes_of_val(&k), after))
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    while (!rc && !e && bytes_starts(bytes_of_val(&k), prefix) && !(e = value_of(m, &k, &v, &value)) &&
           visit(ctx, bytes_of_val(&k), value))
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    mdb_cursor_close(c);
    return e ? e : rc == MDB_NOTFOUND ? OK : err_of(rc);
}

static enum err refuse_begin(struct state *s)
{
    (void)s;
    return ERR_DENIED;
}

static enum err refuse_put(struct state *s, struct bytes key, struct bytes value)
{
    (void)s;
    (void)key;
    (void)value;
    return ERR_DENIED;
}

static enum err refuse_del(struct state *s, struct bytes key)
{
    return refuse_put(s, key, NO_BYTES);
}

static enum err refuse_commit(struct state *s, uint64_t place)
{
    (void)place;
    return refuse_begin(s);
}

static void nothing_to_abort(struct state *s)
{
    (void)s;
}

static void snapshot_close(struct state *s)
{
    struct snapshot *m = snapshot_of(s);

    if (m->txn)
        mdb_txn_abort(m->txn);
    mdb_env_close(m->env);
    free(m);
}

static const struct state_ops snapshot_ops = {.place = snapshot_place,
                                              .get = snapshot_get,
                                              .each = snapshot_each,
                                              .begin = refuse_begin,
                                              .put = refuse_put,
                                              .del = refuse_del,
                                              .commit = refuse_commit,
                                              .abort = nothing_to_abort,
                                              .close = snapshot_close};

/* The record says which form the values have, so which table they are in. */
static int open_tables(struct snapshot *m)
{
    MDB_val k = val_of(STATE_SUM_KEY), v;
    struct state_sum sum = {0};
    int rc = mdb_dbi_open(m->txn, STATE_TABLE_SUM, 0, &m->meta);

    m->form = STATE_BARE;
    if (!rc && (rc = mdb_get(m->txn, m->meta, &k, &v)) == MDB_NOTFOUND)
        rc = 0;
    else if (!rc && !state_sum_read(bytes_of_val(&v), &sum, &m->form))
        rc = MDB_CORRUPTED;
    m->place = sum.place;
    return rc ? rc : mdb_dbi_open(m->txn, m->form == STATE_SEALED ? STATE_TABLE : STATE_TABLE_BARE, 0, &m->values);
}

static int open_all(struct snapshot *m, const char *folder, bool shared)
{
    int rc;

    if ((rc = mdb_env_set_maxdbs(m->env, 3)) || (rc = mdb_env_set_maxreaders(m->env, READERS)) ||
        (rc = mdb_env_open(m->env, folder, MDB_RDONLY | MDB_NOTLS | (shared ? 0 : MDB_NOLOCK), 0600)) ||
        (rc = mdb_txn_begin(m->env, NULL, MDB_RDONLY, &m->txn)))
        return rc;
    return open_tables(m);
}

enum err lmdb_state_snapshot(const char *folder, bool shared, struct state **out)
{
    struct snapshot *m = calloc(1, sizeof *m);
    int rc;

    if (!m)
        return ERR_MEMORY;
    m->state.ops = &snapshot_ops;
    if ((rc = mdb_env_create(&m->env))) {
        free(m);
        return err_of(rc);
    }
    if ((rc = open_all(m, folder, shared))) {
        snapshot_close(&m->state);
        return err_of(rc);
    }
    *out = &m->state;
    return OK;
}
