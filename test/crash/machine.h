/* A whole hub on a machine whose power is cut, or whose hub is killed, at any write, name or commit that is on its
 * way to the disk. What was not synced is kept, dropped or torn in the copy from which the hub goes on. The log's
 * own thread writes only when it is told to, so a seed is nearly always the same story again. */
#pragma once

#include "disk_io.h"
#include "hub_world.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    OP_MAX = 12 << 10, /* bytes that one step appends at most: the end of a segment must not come twice in it */
    NAME_CAP = 64,
    BASE_CAP = 64,
    CHANGES_OF_NAMES = 64,
    WRITES = 16,
};

/* A name that was made, changed or taken away since its folder was synced. */
struct name_change {
    enum { MADE, RENAMED, UNLINKED } how;
    char from[NAME_CAP], to[NAME_CAP]; /* UNLINKED: `to` is what it is called in the stash */
};

/* Bytes in a file that are not on disk yet, and what is there instead. */
struct write {
    char name[NAME_CAP];
    uint64_t at;
    size_t len;
    uint8_t *bytes, *before;
};

struct machine {
    char base[BASE_CAP];
    unsigned life, stashed;
    uint64_t seed, chance, fates, segment_size;
    struct disk_io io;
    struct state state; /* what the hub sees of `kept` */
    struct state *kept;
    struct store *store;
    struct store_ops store_ops; /* the log's own, but for waiting */
    _Atomic(struct hub *) hub;
    struct hub_options options;
    pthread_t main;

    /* Under `files`, so that nothing changes while the folders are copied. */
    pthread_mutex_t files;
    pthread_cond_t gate;
    bool open;             /* the log's thread may write */
    unsigned permits;      /* or so often */
    bool waits;            /* it wants to */
    struct write *waiting; /* this, while it waits */
    struct name_change names[CHANGES_OF_NAMES];
    size_t n_names;
    struct write unsynced[WRITES]; /* that a hub which was killed has left */
    size_t n_unsynced;
    unsigned countdown; /* so many events until the cut; 0: none comes */
    bool is_cut;
    uint64_t promised; /* what was durable at the last cut */
    unsigned cuts, kills, in_recovery;
};

/* The folders and a new hub in them; options.c2d and so on may be set before. */
void machine_on(struct machine *m, uint64_t seed);
void machine_off(struct machine *m);
uint64_t machine_random(struct machine *m, uint64_t below);
/* A cut comes at the so-manyth event from now; 0: none does. */
void machine_cut_soon(struct machine *m, unsigned events);
/* Now, if none has come. */
void machine_cut(struct machine *m);
bool machine_is_cut(struct machine *m);
/* From what the cut has left, again while that is cut off, too; without a cut, from what is there. */
void machine_start_again(struct machine *m);
/* Before a step: the log will not have to wait in it. */
void machine_make_room(struct machine *m);
/* After a step: the log's thread waits to write, or has nothing to do. */
void machine_settle(struct machine *m);
/* Lets a write through. */
void machine_write(struct machine *m);
/* All of them do. */
void machine_rest(struct machine *m);
