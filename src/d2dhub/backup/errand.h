/* Work that backup, restore and repair share: files that are copied with a checksum, and messages about what failed. */
#pragma once

#include "disk_hold.h"
#include "manifest.h"
#include "owner.h"

#include <xxhash.h>

struct errand {
    const char *command; /* for messages */
    const char *after;   /* what holds when it fails: a sentence, or "" */
    struct owner owner;  /* of the data folder: it is read as this user */
    struct hold hold;
    XXH3_state_t *sum;
    uint8_t *block;
    bool failed; /* a message was printed */
};

/* SIGINT and SIGTERM end it between two blocks from now on. False: no memory. */
bool errand_begin(struct errand *, const char *command) MUST_CHECK;
void errand_end(struct errand *);
/* "d2dhub backup: PATH: WHAT", once; gives false. */
bool errand_fail(struct errand *, const char *path, const char *what);
bool errand_fail_errno(struct errand *, const char *path);
bool errand_is_interrupted(const struct errand *);
/* The exit status: 0, 1, or 130 after SIGINT. */
int errand_status(const struct errand *, bool done);

/* apart.c: the folder, which need not be there, is not in the data folder, nor that in it; links are followed. */
bool errand_is_apart(struct errand *, const char *folder, const char *data);

/* FOLDER/NAME. */
bool errand_path(struct errand *, const char *folder, const char *name, char out[PATH_CAP]);
bool errand_folder(struct errand *, const char *path);
/* A file of the source, as its owner and no link; -1 and errno. */
int errand_open_source(struct errand *, const char *path);

void sum_begin(struct errand *);
void sum_add(struct errand *, struct bytes);
void sum_text(struct errand *, char out[SUM_HEX + 1]);

/* The bytes from `from` to `to` of `in` into the sum and, where `out` is a file, to the same place in it. What the disk
 * does not give, or the file has not, is zeros: `in` is checked by whoever knows what it is. */
bool errand_copy(struct errand *, int in, int out, const char *out_path, uint64_t from, uint64_t to) MUST_CHECK;
/* Synced, closed. */
bool errand_finish(struct errand *, int fd, const char *path) MUST_CHECK;
/* The size and checksum of a file of a backup; false: it is not as it was written, and `why` says how. */
bool errand_verify(struct errand *, const char *folder, const struct kept *, char why[256]) MUST_CHECK;
/* Prints what the hub has lost, in one line, for people or as JSON. */
void damage_print(const struct config *, const struct kept_damage *);
/* The folder and everything in it: only what we make ourselves. */
void remove_all(const char *path);
