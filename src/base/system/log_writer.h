/* Lines on their way to a file descriptor that may not take them for long: whoever has one leaves it here and never
 * waits. They are written by a thread of their own. What there is no room for is dropped and counted, and the count is
 * told once there is room again. */
#pragma once

#include "buf.h"
#include "ceilings.h"

#include <pthread.h>

/* A line, with its end, that tells how many are missing. Called on the writer's thread. */
typedef void log_gap(uint64_t dropped, struct buf *out);

struct log_writer {
    int fd;
    log_gap *tell;
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t come, gone;
    struct buf waiting; /* whole lines; those that are being written are in the other half of `room` */
    int half;           /* in which they wait */
    uint64_t dropped;
    uint64_t put, written; /* lines, those that could not be written too */
    bool end, ended;
    uint8_t room[2][LOG_ROOM];
};

/* False: no thread. Signals should be blocked, so that they are taken elsewhere. */
bool log_writer_open(struct log_writer *w, int fd, log_gap *tell);
/* `important` ones may have the room that is kept back from others. */
void log_writer_put(struct log_writer *w, struct bytes line, bool important);
/* Until all that was put is written, but not longer than this. */
void log_writer_flush(struct log_writer *w, int64_t wait_ms);
/* The same; nothing more may be put. When that time is not enough, the thread goes on alone, and *w has to stay. */
void log_writer_close(struct log_writer *w, int64_t wait_ms);
