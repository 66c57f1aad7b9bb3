/* Looks at a log from outside, while its hub runs or not: no file is mapped, locked or changed. What cannot be read or
 * does not fit is named, and the walk continues behind it. For backups, checks and repairs; the hub itself reads by
 * disk_read.c. */
#pragma once

#include "segment.h"

/* A file of a log. */
struct log_file {
    uint64_t base;
    uint64_t size;   /* as its head says; of the file, where the head is damaged */
    uint64_t length; /* of the file */
    char name[48];
    uint64_t after; /* where the log ended before this file; its base but for a log that was restored */
    bool has_head, has_id;
    uint8_t head[SEGMENT_HEAD], id[STORE_ID];
    enum segment_form form;
    uint32_t seed; /* what the checksums of its frames begin with */
    /* Once it was walked: */
    uint64_t end; /* behind its last whole frame */
    uint64_t frames;
    bool closed; /* the log continues in the next file */
};

struct log_files {
    char folder[SEGMENT_PATH_CAP - 64];
    struct log_file *at; /* by base */
    size_t n;
    size_t used;    /* as many of them, from the first on, as hold frames or have one behind them that does */
    uint64_t known; /* everything below this place had been on disk; 0: nobody knows */
};

/* Places that cannot be read. `raw` is what stands there now, as far as it is known: the head of the frame and the
 * beginning of its body, which may be damaged; it is lent. */
struct log_damage {
    const struct log_file *file;
    uint64_t from, to;
    const char *what;
    struct bytes raw;
};

struct log_visit {
    void *ctx;
    /* NULL: none is wanted. The frame is lent. False: enough. */
    bool (*frame)(void *ctx, const struct log_file *, const struct frame *);
    void (*damage)(void *ctx, const struct log_damage *);
};

/* The files of a folder. ERR_IO: `why` names what could not be read. `known` is a place below which everything had been
 * on disk, from the checkpoint. Given: log_files_free(). */
enum err log_files_list(const char *folder, uint64_t known, struct log_files *out, char why[256]) MUST_CHECK;
void log_files_free(struct log_files *);
/* The id of the log; NULL: no file has one. */
const uint8_t *log_files_id(const struct log_files *);

/* Tells what is wrong with the files as such: damaged heads, missing files, files of other logs. */
void log_files_look(const struct log_files *, const struct log_visit *);
/* The place of the next record, once the last file was walked. */
uint64_t log_files_end(const struct log_files *);
/* All frames of one file. What is behind the last whole frame of the last file that is used is no damage: it is a write
 * that was cut off, or that is being made now. ERR_IO, ERR_MEMORY. */
enum err log_file_walk(const struct log_files *, size_t i, const struct log_visit *) MUST_CHECK;
