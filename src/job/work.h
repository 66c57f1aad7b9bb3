/* A job that runs, and what the files that run it share. */
#pragma once

#include "hub.h"
#include "json_body.h"
#include "runner.h"
#include "scan.h"
#include "transfer.h"

enum {
    SLICE = 64,      /* devices of a turn: they reach the disk together, and then it is left to others for a while */
    RETRY_MS = 1000, /* between two rounds to devices that are not there */
    CALLS_AT_ONCE = 256, /* of one job */
};

struct work;

/* The work with each device. */
struct work_ops {
    /* Reads the document; `why`, with ERR_ARGUMENT: a sentence. */
    enum err (*open)(struct work *, struct bytes document, char why[JOB_FAILURE_CAP]);
    /* Some of it; *until_ms: when to go on. True: there is nothing left to do. */
    bool (*turn)(struct work *, int64_t now_ms, int64_t *until_ms);
    void (*close)(struct work *);
    bool scans;     /* all devices, or those that meet its condition */
    bool cancelled; /* it may be, while it runs */
};

struct work {
    struct hub *hub;
    struct waker *waker;
    const struct job_files *files;
    const struct work_ops *ops;
    struct job job;
    struct buf body, room;
    struct condition *condition; /* NULL: all devices */
    struct scan scan;
    struct buf ids; /* those that are found and not in the hub yet: u8 length and id each */
    size_t n_ids;
    uint32_t next;                 /* the device to look at next */
    void *own;                     /* of the ops */
    char failure[JOB_FAILURE_CAP]; /* why it ends without being done, or "" */
};

extern const struct work_ops work_twins, work_calls, work_export, work_import;

/* The row's time is up, whatever the job would do with it. */
bool work_is_late(const struct work *, int64_t now_ms);
/* The outcome of a device: a result, or the number of an error and a sentence. A device that cannot be written down is
 * tried again: false. */
bool work_done(struct work *, uint32_t row, int64_t start_ms, int64_t now_ms, struct bytes result);
bool work_failed(struct work *, uint32_t row, int64_t start_ms, int64_t now_ms, int number, const char *why);

/* So much of `all` is done: written down where it makes a percent, and with work_note() in any case, with w->job.note.
 * ERR_PROTOCOL: the job was cancelled. */
void work_progress(struct work *, uint64_t done, uint64_t all, int64_t now_ms);
enum err work_note(struct work *, uint64_t done, uint64_t all, int64_t now_ms) MUST_CHECK;
/* A file cannot be read or written, a sentence for why. ERR_MEMORY where it is that, else ERR_ARGUMENT. */
enum err work_cannot(enum err e, const char *what, const char *container, const char *blob, char why[JOB_FAILURE_CAP]);
