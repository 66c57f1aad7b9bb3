/* The engines behind store.h and state.h, and how they are opened. */
#pragma once

#include "state.h"
#include "state_check.h"
#include "store.h"

enum { STATE_ASIDE_CAP = 64 };

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

/* Faults of a memory log, on purpose. All zero: it is durable at once. */
struct memory_faults {
    bool manual;         /* durable only grows by memory_store_settle() */
    enum err append;     /* what every append answers, when not OK */
    uint64_t fail_after; /* appends that still work before `append` counts */
    enum room full;      /* a full disk: there is room only for this kind and those after it; 0: it is not full */
};

enum err memory_store_open(struct store **out) MUST_CHECK;
void memory_store_faults(struct store *, const struct memory_faults *);
/* The record at this place cannot be read any more. */
void memory_store_damage(struct store *, uint64_t at);
void memory_store_settle(struct store *, uint64_t below); /* durable grows to this place; UINT64_MAX: all */
/* The rest of the log after a power cut: a new store that holds only what was durable. */
enum err memory_store_crashed(struct store *, struct store **out) MUST_CHECK;

/* The map is address space, not disk: large where there is plenty of it. It grows when it is full, to at most
 * LMDB_MAP_MAX. */
#define LMDB_MAP_DEFAULT (sizeof(void *) > 4 ? 64ULL << 30 : 512ULL << 20)
#define LMDB_MAP_MAX (sizeof(void *) > 4 ? 1ULL << 42 : 1ULL << 30)

/* LMDB in a folder (made when missing). map_size 0: a default that fits the address space. Nothing is mapped before
 * every page and value was found whole. ERR_DAMAGED: `why` names the first that is not. ERR_BUSY: another process has
 * it. */
enum err lmdb_state_open(const char *folder, uint64_t map_size, struct state **out, char why[STATE_WHY_CAP]) MUST_CHECK;
/* The word size of the machine that wrote it, which is the only one that can read it: 32 or 64. 0: nothing was written
 * yet, or no checkpoint. */
int lmdb_state_bits(const char *folder);
/* Gives the checkpoint's file the name data.mdb.WHAT-N in its folder, so that a new one can be made: only where the log
 * is whole. `name` is what it is called now; nothing is there: "". ERR_IO. */
enum err lmdb_state_set_aside(const char *folder, const char *what, char name[STATE_ASIDE_CAP]) MUST_CHECK;
enum err memory_state_open(struct state **out) MUST_CHECK;
void memory_state_room(struct state *, uint64_t bytes); /* state_reserve() finds so much */
/* From now on commits answer ERR_DISK_FULL, after so many that still work; or all work again. */
void memory_state_fails(struct state *, bool fails, uint64_t after);
