#include "output.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    ROOM = 64 * 1024, /* of stdout: it holds all of a text, so that the write that fails is one whose reason is seen */
    PIECE = 4096,     /* POSIX: a pipe that poll() calls writable takes so much at once */
    INTERRUPT_MS = 200, /* a signal just before the wait is seen then */
    LOOK_FIRST_US = 20,
    LOOK_MOST_US = 50 * 1000,
};

static const volatile int *stop;
static int error; /* of the first write that failed */

static bool fail(int number)
{
    if (!error)
        error = number ? number : EIO;
    return false;
}

/* Descriptors 0, 1 and 2 that are closed get a file of no use to them: 0 one for writing only, 1 and 2 for reading. */
void output_open(const volatile int *interrupted)
{
    static char room[ROOM];

    stop = interrupted;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    setvbuf(stdout, room, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof room);
    signal(SIGPIPE, SIG_IGN);
}

bool output_flush(void)
{
    if (error)
        return false;
    if (fflush(stdout))
        return fail(errno);
    return !ferror(stdout) || fail(EIO);
}

bool output_fail(void)
{
    return fail(ENOMEM);
}

/* Writable, or broken, which the write will tell. False: not yet, or interrupted. */
static bool is_ready(int timeout_ms)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&p, 1, timeout_ms) > 0;
}

static bool put_piece(struct bytes *text)
{
    ssize_t n = write(STDOUT_FILENO, text->at, text->len < PIECE ? text->len : PIECE);

    if (n >= 0) {
        *text = bytes_skip(*text, (size_t)n);
        return n > 0 || fail(EIO);
    }
    return errno == EINTR || errno == EAGAIN || fail(errno);
}

bool output_put_some(struct bytes *text)
{
    if (!output_flush())
        return false;
    while (text->len && is_ready(0))
        if (!put_piece(text))
            return false;
    return true;
}

bool output_put(struct bytes text)
{
    if (!output_flush())
        return false;
    while (text.len) {
        if (stop && *stop)
            return fail(EINTR);
        if (is_ready(INTERRUPT_MS) && !put_piece(&text))
            return false;
    }
    return true;
}

static bool reader_is_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP));
}

/* A pipe tells what is in it, a socket what its peer has not taken. */
static enum output_state look_into(unsigned long request, bool gone)
{
    int waits;

    if (ioctl(STDOUT_FILENO, request, &waits))
        return fail(errno), OUTPUT_FAILED;
    if (waits == 0)
        return OUTPUT_ARRIVED;
    return gone ? (fail(EPIPE), OUTPUT_FAILED) : OUTPUT_WAITS;
}

bool output_is_file(void)
{
    struct stat st;

    return fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode);
}

bool output_sync(void)
{
    return fdatasync(STDOUT_FILENO) == 0 || fail(errno);
}

enum output_state output_look(void)
{
    struct stat st;

    if (!output_flush())
        return OUTPUT_FAILED;
    if (fstat(STDOUT_FILENO, &st))
        return fail(errno), OUTPUT_FAILED;
    switch (st.st_mode & S_IFMT) {
    case S_IFIFO:
        return look_into(FIONREAD, reader_is_gone());
    case S_IFSOCK: /* one that went away has dropped what waited: then nothing can be told */
        return reader_is_gone() ? (fail(EPIPE), OUTPUT_FAILED) : look_into(TIOCOUTQ, false);
    case S_IFREG:
        return output_sync() ? OUTPUT_ARRIVED : OUTPUT_FAILED;
    default:
        return OUTPUT_ARRIVED;
    }
}

/* Nothing tells that a pipe was emptied, so it is looked at: soon at first, then every now and then. */
enum output_state output_wait(int64_t timeout_ms)
{
    int64_t end_us = timeout_ms < 0 ? INT64_MAX : clock_us(CLOCK_MONOTONIC) + timeout_ms * 1000;
    long pause_us = LOOK_FIRST_US;
    enum output_state state;

    while ((state = output_look()) == OUTPUT_WAITS && !(stop && *stop) && clock_us(CLOCK_MONOTONIC) < end_us) {
        const struct timespec pause = {.tv_nsec = pause_us * 1000};
        struct pollfd p = {.fd = STDOUT_FILENO}; /* its end wakes */

        ppoll(&p, 1, &pause, NULL);
        pause_us = pause_us * 2 < LOOK_MOST_US ? pause_us * 2 : LOOK_MOST_US;
    }
    return state;
}

bool output_is_given(void)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);

    return (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) || fail(EBADF);
}

bool output_is_open(void)
{
    return !error && output_is_given() && (!reader_is_gone() || fail(EPIPE));
}

bool output_is_broken(void)
{
    return error && error != EPIPE && error != EINTR;
}

const char *output_why(void)
{
    return error == EPIPE ? "its reader has closed it" : error == EBADF ? "it is closed" : strerror(error);
}

int output_close(const char *program, int status, bool quiet, const char *deed)
{
    if (output_flush() && close(STDOUT_FILENO) == 0)
        return status;
    fail(errno);
    if (error == EINTR)
        return status;
    if (!quiet || *deed || output_is_broken())
        fprintf(stderr, "%s: %s%sstandard output cannot be written: %s\n", program, deed, *deed ? ", but " : "",
                output_why());
    return status ? status : 1;
}
