#include "engines.h"
#include "state_room.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANGES_MAX (256U << 20) /* bytes of one transaction, kept in memory until its commit */
#define MAP_LEAST (16ULL << 20)  /* no smaller one is tried */
#define READERS 256              /* threads that read at the same moment */

enum { PUT = 1, DEL };

struct lmdb {
    struct state state;
    MDB_env *env;
    MDB_dbi kept, meta;
    pthread_rwlock_t map; /* held for reading by every transaction: the map may only grow when there is none */
    struct buf changes;   /* a transaction in the making, so that it can be tried again in a larger map */
    uint64_t map_size;
    _Atomic uint64_t place;
};

static const char PLACE_KEY[] = "place";

static struct lmdb *lmdb_of(struct state *s)
{
    return (struct lmdb *)(void *)s;
}

static enum err err_of(int rc)
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

/* LMDB does not write through what it is given. */
static MDB_val val_of(struct bytes b)
{
    return (MDB_val){.mv_size = b.len, .mv_data = (void *)(uintptr_t)b.at};
}

static struct bytes bytes_of_val(const MDB_val *v)
{
    return bytes_of(v->mv_data, v->mv_size);
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
    return err_of(rc);
}

static void read_end(struct lmdb *m, MDB_txn *txn)
{
    mdb_txn_abort(txn);
    pthread_rwlock_unlock(&m->map);
}

static enum err lmdb_get(struct state *s, struct bytes key, struct buf *out)
{
    struct lmdb *m = lmdb_of(s);
    MDB_val k = val_of(key), v;
    MDB_txn *txn;
    enum err e;

    if (key.len == 0 || key.len > STATE_KEY_MAX)
        return ERR_NOT_FOUND;
    if ((e = read_begin(m, &txn)))
        return e;
    e = err_of(mdb_get(txn, m->kept, &k, &v));
    if (!e) {
        buf_put(out, bytes_of_val(&v));
        e = buf_check(out);
    }
    read_end(m, txn);
    return e;
}

static int visit_all(MDB_cursor *c, struct bytes prefix, struct bytes after, state_visit *visit, void *ctx)
{
    struct bytes from = after.len && bytes_cmp(after, prefix) > 0 ? after : prefix;
    MDB_val k = val_of(from), v;
    int rc = mdb_cursor_get(c, &k, &v, from.len ? MDB_SET_RANGE : MDB_FIRST);

    if (!rc && after.len && bytes_eq(bytes_of_val(&k), after))
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    while (!rc && bytes_starts(bytes_of_val(&k), prefix) && visit(ctx, bytes_of_val(&k), bytes_of_val(&v)))
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum err lmdb_each(struct state *s, struct bytes prefix, struct bytes after, state_visit *visit, void *ctx)
{
    struct lmdb *m = lmdb_of(s);
    MDB_cursor *c;
    MDB_txn *txn;
    enum err e;
    int rc;

    if (prefix.len > STATE_KEY_MAX || after.len > STATE_KEY_MAX)
        return ERR_ARGUMENT;
    if ((e = read_begin(m, &txn)))
        return e;
    if (!(rc = mdb_cursor_open(txn, m->kept, &c))) {
        rc = visit_all(c, prefix, after, visit, ctx);
        mdb_cursor_close(c);
    }
    read_end(m, txn);
    return err_of(rc);
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
    if (value.len > CHANGES_MAX)
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

static int apply(struct lmdb *m, MDB_txn *txn, uint64_t place)
{
    struct rd r = rd_over(buf_bytes(&m->changes));
    MDB_val k, v;
    int rc = 0;

    while (!rc && rd_left(&r)) {
        uint8_t what = rd_u8(&r);

        k = val_of(rd_str32(&r));
        v = val_of(rd_str32(&r));
        rc = what == PUT ? mdb_put(txn, m->kept, &k, &v, 0) : mdb_del(txn, m->kept, &k, NULL);
        if (what == DEL && rc == MDB_NOTFOUND)
            rc = 0;
    }
    if (rc)
        return rc;
    k = val_of(bytes_str(PLACE_KEY));
    v = (MDB_val){.mv_size = sizeof place, .mv_data = &place};
    return mdb_put(txn, m->meta, &k, &v, 0);
}

static int try_commit(struct lmdb *m, uint64_t place)
{
    MDB_txn *txn;
    int rc;

    pthread_rwlock_rdlock(&m->map);
    if (!(rc = mdb_txn_begin(m->env, NULL, 0, &txn))) {
        if ((rc = apply(m, txn, place)))
            mdb_txn_abort(txn);
        else
            rc = mdb_txn_commit(txn);
    }
    pthread_rwlock_unlock(&m->map);
    return rc;
}

static enum err grow_map(struct lmdb *m)
{
    int rc;

    if (m->map_size > LMDB_MAP_MAX / 2)
        return ERR_DISK_FULL;
    pthread_rwlock_wrlock(&m->map);
    rc = mdb_env_set_mapsize(m->env, (size_t)m->map_size * 2);
    if (!rc)
        m->map_size *= 2;
    pthread_rwlock_unlock(&m->map);
    return rc == ENOMEM ? ERR_DISK_FULL : err_of(rc);
}

static enum err lmdb_commit(struct state *s, uint64_t place)
{
    struct lmdb *m = lmdb_of(s);
    enum err e = buf_check(&m->changes);
    int dead, rc;

    if (e)
        return e;
    /* A reader that died keeps pages from being used again. */
    (void)mdb_reader_check(m->env, &dead);
    while ((rc = try_commit(m, place)) == MDB_MAP_FULL)
        if ((e = grow_map(m)))
            return e;
    if (rc)
        return err_of(rc);
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
    MDB_dbi tables[] = {m->kept, m->meta};
    enum err e;

    pthread_rwlock_rdlock(&m->map);
    e = lmdb_room(m->env, tables, 2, bytes);
    pthread_rwlock_unlock(&m->map);
    return e;
}

static void lmdb_close(struct state *s)
{
    struct lmdb *m = lmdb_of(s);

    if (m->env)
        mdb_env_close(m->env);
    pthread_rwlock_destroy(&m->map);
    buf_free(&m->changes);
    free(m);
}

static const struct state_ops lmdb_ops = {.place = lmdb_place,
                                          .get = lmdb_get,
                                          .each = lmdb_each,
                                          .begin = lmdb_begin,
                                          .put = lmdb_put,
                                          .del = lmdb_del,
                                          .commit = lmdb_commit,
                                          .abort = lmdb_abort,
                                          .reserve = lmdb_reserve,
                                          .close = lmdb_close};

static int open_tables(struct lmdb *m)
{
    MDB_val k = val_of(bytes_str(PLACE_KEY)), v;
    uint64_t place = 0;
    MDB_txn *txn;
    int rc = mdb_txn_begin(m->env, NULL, 0, &txn);

    if (rc)
        return rc;
    if ((rc = mdb_dbi_open(txn, "kept", MDB_CREATE, &m->kept)) ||
        (rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &m->meta)))
        goto failed;
    rc = mdb_get(txn, m->meta, &k, &v);
    if (!rc && v.mv_size != sizeof place)
        rc = MDB_CORRUPTED;
    if (rc && rc != MDB_NOTFOUND)
        goto failed;
    if (!rc)
        memcpy(&place, v.mv_data, sizeof place);
    atomic_store_explicit(&m->place, place, memory_order_relaxed);
    return mdb_txn_commit(txn);
failed:
    mdb_txn_abort(txn);
    return rc;
}

/* The names of new files are durable only when their folder is. */
static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

    if (fd < 0)
        return errno;
    if (fsync(fd))
        rc = errno;
    close(fd);
    return rc;
}

static int open_env(struct lmdb *m, const char *folder)
{
    int dead, rc;

    if ((rc = mdb_env_set_maxdbs(m->env, 2)) || (rc = mdb_env_set_maxreaders(m->env, READERS)) ||
        (rc = mdb_env_set_mapsize(m->env, (size_t)m->map_size)))
        return rc;
    /* NOTLS: a read transaction belongs to its call, not to its thread. */
    if ((rc = mdb_env_open(m->env, folder, MDB_NOTLS, 0600)) || (rc = mdb_reader_check(m->env, &dead)))
        return rc;
    while ((rc = open_tables(m)) == MDB_MAP_FULL)
        if (grow_map(m))
            return ENOSPC;
    return rc ? rc : sync_folder(folder);
}

static bool path_in(const char *folder, const char *name, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

/* A file begins with a page: a page number as long as a word, 8 more bytes of head, then LMDB's magic number. */
int lmdb_state_bits(const char *folder)
{
    static const uint8_t magic[] = {0xDE, 0xC0, 0xEF, 0xBE};
    uint8_t head[20];
    char path[PATH_MAX];
    int fd, bits = 0;

    if (!path_in(folder, "data.mdb", path) || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return 0;
    if (pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head)
        bits = memcmp(head + 12, magic, sizeof magic) == 0 ? 32 : memcmp(head + 16, magic, sizeof magic) == 0 ? 64 : 0;
    close(fd);
    return bits;
}

enum err lmdb_state_drop(const char *folder)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char path[PATH_MAX];

    for (size_t i = 0; i < 2; i++)
        if (!path_in(folder, names[i], path) || (unlink(path) && errno != ENOENT))
            return ERR_IO;
    return sync_folder(folder) ? ERR_IO : OK;
}

enum err lmdb_state_open(const char *folder, uint64_t map_size, struct state **out)
{
    struct lmdb *m;
    int rc;

    if (mkdir(folder, 0700) && errno != EEXIST)
        return err_of(errno);
    if ((rc = lmdb_lock_room(folder)))
        return err_of(rc);
    if (!(m = calloc(1, sizeof *m)))
        return ERR_MEMORY;
    m->state.ops = &lmdb_ops;
    m->changes = buf_max(CHANGES_MAX);
    m->map_size = map_size ? map_size : LMDB_MAP_DEFAULT;
    if ((rc = mdb_env_create(&m->env))) {
        free(m);
        return err_of(rc);
    }
    pthread_rwlock_init(&m->map, NULL);
    /* Less address space than usual, by a limit or under emulation: a smaller map, which may grow later. */
    while ((rc = open_env(m, folder)) == ENOMEM && m->map_size > MAP_LEAST) {
        mdb_env_close(m->env);
        m->env = NULL;
        m->map_size /= 2;
        if (mdb_env_create(&m->env))
            break;
    }
    if (rc) {
        lmdb_close(&m->state);
        return err_of(rc);
    }
    *out = &m->state;
    return OK;
}
