/* The list of what a backup holds: a file is part of the backup only if it stands here, with its size and its checksum.
 * It is written last, aside, and renamed: whoever reads it finds a backup that is whole. */
#pragma once

#include "buf.h"
#include "store.h"

enum { KEPT_NAME_CAP = 280, KEPT_WHAT_CAP = 160, SUM_HEX = 32, MANIFEST_FORMAT = 1 };

struct kept {
    char name[KEPT_NAME_CAP]; /* in the data folder: "log/….log", "state/data.mdb", "tls/ca.pem", "hub.json" */
    char from[KEPT_NAME_CAP]; /* in the folder of the backup */
    uint64_t bytes;           /* of the copy; of a segment, what it had of frames */
    uint64_t size;            /* of the file when it is restored */
    char sum[SUM_HEX + 1];    /* XXH3, 128 bits, of the copy */
    bool whole;               /* a segment that will not change any more */
};

/* A part of the source that could not be read. */
struct kept_damage {
    char file[KEPT_NAME_CAP];
    uint64_t offset, length;
    char what[KEPT_WHAT_CAP];
};

struct manifest {
    char version[32]; /* of the program that made it */
    char hub[256];    /* its name, for people */
    int64_t made_ms;
    uint8_t id[STORE_ID];
    uint64_t place, end; /* of the checkpoint, and where the log ends */
    uint64_t set;        /* the number of this backup: the folder set-N holds what is copied each time */
    struct kept *files;
    size_t n_files;
    struct kept_damage *damage;
    size_t n_damage;
};

void manifest_free(struct manifest *);
/* A new one, of zeros, valid until the next; NULL: no memory. */
struct kept *manifest_add(struct manifest *);
struct kept_damage *manifest_add_damage(struct manifest *, const char *file, uint64_t offset, uint64_t length,
                                        const char *what);
const struct kept *manifest_find(const struct manifest *, const char *name);

void manifest_encode(const struct manifest *, struct buf *out);
/* ERR_DAMAGED; ERR_UNSUPPORTED: a newer program wrote it. Names that lead out of a folder are refused, too. */
enum err manifest_decode(struct bytes text, struct manifest *out) MUST_CHECK;
/* FOLDER/manifest. ERR_NOT_FOUND, ERR_IO. */
enum err manifest_load(const char *folder, struct manifest *out) MUST_CHECK;
enum err manifest_save(const char *folder, const struct manifest *) MUST_CHECK;
