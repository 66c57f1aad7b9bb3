/* The LMDB engine's inside: what its transactions, its opening and the conversion of checkpoints of before share. */
#pragma once

#include "state_open.h"
#include "state_seal.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

enum { STATE_PATH_CAP = 4096 };

struct lmdb {
    struct state state;
    MDB_env *env;
    MDB_dbi values, meta;
    pthread_rwlock_t map; /* held for reading by every transaction: the map may only grow when there is none */
    struct buf changes;   /* a transaction in the making, so that it can be tried again in a larger map */
    uint64_t map_size;
    struct state_sum sum;     /* of what is committed; the writer's */
    _Atomic uint64_t place;   /* as in sum */
    _Atomic uint64_t damaged; /* hash of the key that was told as damaged last */
    const uint8_t *watched;   /* where the file is mapped; NULL: that is not known */
    int folder_fd;            /* locked: one process at a time */
    char path[STATE_PATH_CAP];
};

/* LMDB does not write through what it is given. */
static inline MDB_val val_of(struct bytes b)
{
    return (MDB_val){.mv_size = b.len, .mv_data = (void *)(uintptr_t)b.at};
}

static inline struct bytes bytes_of_val(const MDB_val *v)
{
    return bytes_of(v->mv_data, v->mv_size);
}

extern const struct state_ops lmdb_ops;

enum err lmdb_err_of(int rc) MUST_CHECK;
/* The place where the file is mapped: touching a page that the disk cannot read ends the process with a line. */
void lmdb_watch_map(struct lmdb *m);
/* No transaction is open. ERR_DISK_FULL: the address space ends here. */
enum err lmdb_grow_map(struct lmdb *m) MUST_CHECK;
/* In a transaction: puts a value with its checksum, or takes it away (value NULL); `sum` follows. MDB_CORRUPTED: what
 * is there already is damaged. */
int lmdb_change(struct lmdb *m, MDB_txn *txn, struct bytes key, const struct bytes *value, struct state_sum *sum);
int lmdb_put_sum(struct lmdb *m, MDB_txn *txn, const struct state_sum *sum);

/* state_convert.c: the values of a checkpoint of before get their checksums. Killed on its way it begins again. */
int lmdb_convert(struct lmdb *m);
