/* The checkpoint in a folder of the disk. */
#pragma once

#include "state.h"
#include "state_check.h"

enum { STATE_ASIDE_CAP = 64 };

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
