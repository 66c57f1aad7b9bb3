#include "log_writer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* As much as can be written, whatever time that takes; how much that was. A line is one write: those of other programs
 * that write to the same pipe do not come into the middle of it. */
static size_t write_lines(int fd, struct bytes lines)
{
    size_t done = 0;

    while (done < lines.len) {
        struct bytes rest = bytes_skip(lines, done);
        const uint8_t *end = memchr(rest.at, '\n', rest.len);
        ssize_t n = write(fd, rest.at, end ? (size_t)(end - rest.at) + 1 : rest.len);

        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};

            poll(&p, 1, -1);
        } else if (n == 0 || errno != EINTR) {
            break;
        }
    }
    return done;
}

static uint64_t count_lines(struct bytes text)
{
    uint64_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == '\n';
    return n;
}

/* `dropped` lines came after `lines`. Returns how many are missing now. */
static uint64_t write_all(const struct log_writer *w, struct bytes lines, uint64_t dropped)
{
    uint64_t missing = count_lines(bytes_skip(lines, write_lines(w->fd, lines)));
    struct buf gap = buf_max(LOG_LINE_MAX);

    if (dropped) {
        w->tell(dropped, &gap);
        if (!gap.len || write_lines(w->fd, buf_bytes(&gap)) < gap.len)
            missing += dropped;
        buf_free(&gap);
    }
    return missing;
}

static void *run(void *ctx)
{
    struct log_writer *w = ctx;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct bytes lines;
        uint64_t put, dropped, missing;

        while (!w->waiting.len && !w->end)
            pthread_cond_wait(&w->come, &w->lock);
        if (!w->waiting.len)
            break;
        lines = buf_bytes(&w->waiting);
        w->half = !w->half;
        w->waiting = buf_over(w->room[w->half], LOG_ROOM);
        put = w->put;
        dropped = w->dropped;
        w->dropped = 0;
        pthread_mutex_unlock(&w->lock);
        missing = write_all(w, lines, dropped);
        pthread_mutex_lock(&w->lock);
        w->dropped += missing;
        w->written = put;
        pthread_cond_broadcast(&w->gone);
    }
    w->ended = true;
    pthread_cond_broadcast(&w->gone);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

bool log_writer_open(struct log_writer *w, int fd, log_gap *tell)
{
    pthread_condattr_t monotonic;

    w->fd = fd;
    w->tell = tell;
    w->half = 0;
    w->waiting = buf_over(w->room[0], LOG_ROOM);
    w->dropped = w->put = w->written = 0;
    w->end = w->ended = false;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->come, NULL);
    pthread_cond_init(&w->gone, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return pthread_create(&w->thread, NULL, run, w) == 0;
}

void log_writer_put(struct log_writer *w, struct bytes line, bool important)
{
    size_t most = important ? LOG_ROOM : LOG_ROOM - LOG_ROOM_KEPT;

    pthread_mutex_lock(&w->lock);
    if (line.len <= most && w->waiting.len <= most - line.len) {
        buf_put(&w->waiting, line);
        w->put++;
        pthread_cond_signal(&w->come);
    } else {
        w->dropped++;
    }
    pthread_mutex_unlock(&w->lock);
}

static struct timespec in_ms(int64_t ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

void log_writer_flush(struct log_writer *w, int64_t wait_ms)
{
    struct timespec until = in_ms(wait_ms);
    uint64_t put;
    int over = 0;

    pthread_mutex_lock(&w->lock);
    put = w->put;
    while (!over && w->written < put)
        over = pthread_cond_timedwait(&w->gone, &w->lock, &until);
    pthread_mutex_unlock(&w->lock);
}

void log_writer_close(struct log_writer *w, int64_t wait_ms)
{
    struct timespec until = in_ms(wait_ms);
    bool ended;
    int over = 0;

    pthread_mutex_lock(&w->lock);
    w->end = true;
    pthread_cond_signal(&w->come);
    while (!over && !w->ended)
        over = pthread_cond_timedwait(&w->gone, &w->lock, &until);
    ended = w->ended;
    pthread_mutex_unlock(&w->lock);
    if (ended)
        pthread_join(w->thread, NULL);
    else
        pthread_detach(w->thread);
}
