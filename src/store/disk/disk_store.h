/* The log in a folder of the disk. */
#pragma once

#include "store.h"

struct disk_options {
    const char *folder;    /* exists, 0700 */
    uint64_t segment_size; /* 0: 64 MiB; tests take small ones */
    size_t tail_max;       /* bytes appended and not yet written before append blocks; 0: 8 MiB */
    uint64_t size_max;     /* bytes of segments before append says ERR_DISK_FULL; 0: as much as the disk has */
    /* The checkpoint's place: what is below it was on disk, so that a log that ends before it is damaged and not torn.
     */
    uint64_t known;
    const uint8_t *id; /* STORE_ID bytes, for a log of which no file says it any more; NULL: unknown */
};

/* Opens or makes the log in a folder; one process at a time (ERR_BUSY: another holds its lock). Recovery cuts a torn
 * end and says so with a log line; what is damaged elsewhere becomes a gap. ERR_DAMAGED: what is there contradicts
 * itself or `known`; `why` names the file and the byte; nothing was changed. A failed write or sync later ends the
 * process (abort-free: a log line, then _exit) unless disk_on_failure() says otherwise. */
enum err disk_store_open(const struct disk_options *, struct store **out, char why[256]) MUST_CHECK;

/* Nothing of it was ever trimmed: it holds the whole life of the hub. */
bool disk_store_is_whole(struct store *);

/* The file system below the disk engine, to be replaced by tests that tear, drop and keep writes. */
struct disk_io;
enum err disk_store_open_on(const struct disk_options *, const struct disk_io *, struct store **out,
                            char why[256]) MUST_CHECK;
