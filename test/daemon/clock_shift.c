/* Preloaded into d2dhub: its wall clock is off by the seconds in the file $D2D_CLOCK_SHIFT, read each time. Every other
 * clock is left alone. What goes by CLOCK_REALTIME without saying so shows up by this: time(), gettimeofday(), and the
 * waiting for conditions, which the real clock would wake wrongly. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void)
{
    const char *name = getenv("D2D_CLOCK_SHIFT");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    char text[32] = "";

    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = 0;
    close(fd);
    return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    long r = syscall(SYS_clock_gettime, clock, out);

    if (r == 0 && clock == CLOCK_REALTIME)
        out->tv_sec += shift();
    return (int)r;
}

time_t time(time_t *out)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now = {0};

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}
