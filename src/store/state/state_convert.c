/* A checkpoint of before, whose values have no checksums, is copied value by value into a table where they have. Only
 * the last transaction makes it the checkpoint, so that a hub that is killed meanwhile begins again. */
#include "state_lmdb.h"

#include "ceilings.h"
#include "log.h"

#include <errno.h>

/* Values until they come to a few megabytes; *last is the key of the last one. False: there are no more. */
static int copy_some(struct lmdb *m, MDB_txn *txn, MDB_dbi bare, struct buf *last, struct state_sum *sum, bool *more)
{
    MDB_val k = val_of(buf_bytes(last)), v;
    size_t copied = 0;
    MDB_cursor *c;
    int rc = mdb_cursor_open(txn, bare, &c);

    if (rc)
        return rc;
    rc = mdb_cursor_get(c, &k, &v, last->len ? MDB_SET : MDB_FIRST);
    if (!rc && last->len)
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    while (!rc && copied < STATE_BATCH) {
        struct bytes key = bytes_of_val(&k), value = bytes_of_val(&v);

        if ((rc = lmdb_change(m, txn, key, &value, sum)))
            break;
        copied += key.len + value.len;
        buf_clear(last);
        buf_put(last, key);
        rc = last->bad ? ENOMEM : mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(c);
    *more = !rc;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* A transaction of the conversion. After the last values the table of before goes, and the record says so. */
static int convert_some(struct lmdb *m, MDB_dbi bare, struct buf *last, struct state_sum *sum, bool *more)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(m->env, NULL, 0, &txn);

    if (rc)
        return rc;
    rc = copy_some(m, txn, bare, last, sum, more);
    if (!rc && !*more && !(rc = mdb_drop(txn, bare, 1)))
        rc = lmdb_put_sum(m, txn, sum);
    if (!rc)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

/* Drops what an earlier attempt has copied. */
static int begin(struct lmdb *m, MDB_dbi *bare)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(m->env, NULL, 0, &txn);

    if (rc)
        return rc;
    if (!(rc = mdb_dbi_open(txn, STATE_TABLE_BARE, MDB_CREATE, bare)) && !(rc = mdb_drop(txn, m->values, 0)))
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

int lmdb_convert(struct lmdb *m)
{
    struct buf last = buf_max(STATE_KEY_MAX);
    struct state_sum sum = {.place = m->sum.place};
    bool more = true;
    MDB_dbi bare;
    int rc = begin(m, &bare);

    while (!rc && more) {
        struct state_sum before = sum;
        struct buf from = buf_max(STATE_KEY_MAX);

        buf_put(&from, buf_bytes(&last));
        if ((rc = convert_some(m, bare, &last, &sum, &more)) == MDB_MAP_FULL && !lmdb_grow_map(m)) {
            sum = before;
            buf_clear(&last);
            buf_put(&last, buf_bytes(&from));
            rc = 0;
            more = true;
        }
        buf_free(&from);
    }
    buf_free(&last);
    if (rc)
        return rc;
    m->sum = sum;
    log_event(LOG_INFO, "checkpoint-converted", KVS("file", m->path), KVN("entries", sum.entries));
    return 0;
}
