/* A job that runs, and what the files that run it share. */
#pragma once

#include "hub.h"
#include "json_body.h"
#include "runner.h"
#include "scan.h"

enum {
    SLICE = 64,          /* devices of a turn */
    RETRY_MS = 1000,     /* between two rounds to devices that are not there */
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
};

struct work {
    struct hub *hub;
    struct waker *waker;
    const struct work_ops *ops;
    struct job job;
    struct buf body, room;
    struct condition *condition; /* NULL: all devices */
    struct scan scan;
    struct buf ids; /* those that are found and not in the hub yet: u8 length and id each */
    size_t n_ids;
    uint32_t next; /* the device to look at next */
    void *own;     /* of the ops */
};

extern const struct work_ops work_twins, work_calls;

/* The row's time is up, whatever the job would do with it. */
bool work_is_late(const struct work *, int64_t now_ms);
/* The outcome of a device: a result, or the number of an error and a sentence. A device that cannot be written down is
 * tried again: false. */
bool work_done(struct work *, uint32_t row, int64_t start_ms, int64_t now_ms, struct bytes result);
bool work_failed(struct work *, uint32_t row, int64_t start_ms, int64_t now_ms, int number, const char *why);
