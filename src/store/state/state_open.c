/* Opening the checkpoint in LMDB: nothing is mapped that was not found whole. */
#include "state_lmdb.h"

#include "ceilings.h"
#include "fault.h"
#include "log.h"
#include "state_check.h"
#include "state_room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_LEAST (16ULL << 20) /* no smaller one is tried */

enum { READERS = 256, TABLES = 3 }; /* threads that read at the same moment */

/* LMDB found a page that is not as it was when the checkpoint was opened: it cannot go on, and it must not be
 * silent. */
static void on_assert(MDB_env *env, const char *what)
{
    const struct lmdb *m = mdb_env_get_userctx(env);

    log_event(LOG_ERROR, "checkpoint-damaged", KVS("file", m->path), KVS("reason", what),
              KVS("remedy", "start the hub again: it says what is damaged"));
    log_flush();
    _exit(1);
}

/* LMDB does not say where it maps the file: the record is in a page whose number stands at its beginning. */
void lmdb_watch_map(struct lmdb *m)
{
    MDB_val k = val_of(STATE_SUM_KEY), v;
    MDB_stat facts;
    MDB_txn *txn;
    size_t number;

    m->watched = NULL;
    if (!m->meta || mdb_env_stat(m->env, &facts) || mdb_txn_begin(m->env, NULL, MDB_RDONLY, &txn))
        return;
    if (!mdb_get(txn, m->meta, &k, &v)) {
        const uint8_t *page = (const uint8_t *)((uintptr_t)v.mv_data & ~(uintptr_t)(facts.ms_psize - 1));

        memcpy(&number, page, sizeof number);
        m->watched = page - number * facts.ms_psize;
        if (!fault_region_add(m->watched, (size_t)m->map_size, m->path))
            m->watched = NULL;
    }
    mdb_txn_abort(txn);
}

/* A new one gets its tables and its record at once; one of before keeps its own until it is converted. */
static int open_tables(struct lmdb *m, int form)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(m->env, NULL, 0, &txn);

    if (rc)
        return rc;
    if (!(rc = mdb_dbi_open(txn, STATE_TABLE, MDB_CREATE, &m->values)) &&
        !(rc = mdb_dbi_open(txn, STATE_TABLE_SUM, MDB_CREATE, &m->meta)) && form == STATE_SEALED && !m->sum.place &&
        !m->sum.entries)
        rc = lmdb_put_sum(m, txn, &m->sum);
    if (!rc)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

/* The names of new files are durable only when their folder is. */
static int open_env(struct lmdb *m, const char *folder, int form)
{
    int dead, rc;

    if ((rc = mdb_env_create(&m->env)))
        return rc;
    if ((rc = mdb_env_set_userctx(m->env, m)) || (rc = mdb_env_set_assert(m->env, on_assert)) ||
        (rc = mdb_env_set_maxdbs(m->env, TABLES)) || (rc = mdb_env_set_maxreaders(m->env, READERS)) ||
        (rc = mdb_env_set_mapsize(m->env, (size_t)m->map_size)))
        return rc;
    /* NOTLS: a read transaction belongs to its call, not to its thread. */
    if ((rc = mdb_env_open(m->env, folder, MDB_NOTLS, 0600)) || (rc = mdb_reader_check(m->env, &dead)))
        return rc;
    while ((rc = open_tables(m, form)) == MDB_MAP_FULL)
        if (lmdb_grow_map(m))
            return ENOSPC;
    if (!rc && form == STATE_BARE)
        rc = lmdb_convert(m);
    return rc ? rc : fsync(m->folder_fd) ? errno : 0;
}

/* Less address space than usual, by a limit or under emulation: a smaller map, which may grow later. */
static int open_mapped(struct lmdb *m, const char *folder, int form)
{
    int rc;

    while ((rc = open_env(m, folder, form)) == ENOMEM && m->map_size > MAP_LEAST) {
        mdb_env_close(m->env);
        m->env = NULL;
        m->map_size /= 2;
    }
    return rc;
}

static enum err lock_folder(struct lmdb *m, const char *folder, char why[STATE_WHY_CAP])
{
    if (mkdir(folder, 0700) && errno != EEXIST) {
        snprintf(why, STATE_WHY_CAP, "the folder cannot be made: %s", strerror(errno));
        return lmdb_err_of(errno);
    }
    if ((m->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        snprintf(why, STATE_WHY_CAP, "the folder cannot be opened: %s", strerror(errno));
        return lmdb_err_of(errno);
    }
    if (flock(m->folder_fd, LOCK_EX | LOCK_NB)) {
        snprintf(why, STATE_WHY_CAP, "another hub runs in this folder; stop it first");
        return ERR_BUSY;
    }
    return OK;
}

static enum err open_checked(struct lmdb *m, const char *folder, char why[STATE_WHY_CAP])
{
    int form = STATE_SEALED, rc;
    enum err e = lock_folder(m, folder, why);

    if (e)
        return e;
    e = state_check(m->path, &m->sum, &form, why);
    if (e == ERR_NOT_FOUND) {
        form = STATE_SEALED;
        m->sum = (struct state_sum){0};
    } else if (e) {
        return e;
    }
    if ((rc = lmdb_lock_room(folder)) || (rc = open_mapped(m, folder, form))) {
        snprintf(why, STATE_WHY_CAP, "%s", mdb_strerror(rc));
        return lmdb_err_of(rc);
    }
    lmdb_watch_map(m);
    atomic_store_explicit(&m->place, m->sum.place, memory_order_relaxed);
    return OK;
}

enum err lmdb_state_open(const char *folder, uint64_t map_size, struct state **out, char why[STATE_WHY_CAP])
{
    struct lmdb *m = calloc(1, sizeof *m);
    enum err e;

    why[0] = 0;
    if (!m)
        return ERR_MEMORY;
    m->state.ops = &lmdb_ops;
    m->changes = buf_max(STATE_BATCH_MAX);
    m->map_size = map_size ? map_size : LMDB_MAP_DEFAULT;
    m->folder_fd = -1;
    pthread_rwlock_init(&m->map, NULL);
    if (snprintf(m->path, sizeof m->path, "%s/data.mdb", folder) >= (int)sizeof m->path)
        e = ERR_ARGUMENT;
    else
        e = open_checked(m, folder, why);
    if (e)
        state_close(&m->state);
    else
        *out = &m->state;
    return e;
}
