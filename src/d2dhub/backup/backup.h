/* A backup that is being made. */
#pragma once

#include "errand.h"
#include "log_walk.h"

struct backup {
    struct errand errand;
    const struct config *config;
    char to[PATH_CAP];           /* the folder of the backup, whole */
    char set[32];                /* in it, what is copied each time: "set-7" */
    struct manifest before, now; /* that of the backup before may be empty */
    int lock;
    uint64_t first; /* the oldest place at which the log may begin; UINT64_MAX: nobody knows */
    uint64_t copied, copied_bytes, kept;
};

/* Tells what could not be read, and notes it in the manifest. */
bool backup_damage(struct backup *, const char *file, uint64_t offset, uint64_t length, const char *what);
/* The checkpoint as of one moment, with its place in now.place. */
bool backup_state(struct backup *);
/* All files of the log that hold something, up to the end of the last whole record. */
bool backup_log(struct backup *);
/* Configuration, certificates and keys. */
bool backup_rest(struct backup *);
