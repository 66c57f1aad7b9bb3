#include "report.h"

#include "data.h"
#include "text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    LINES_PER_SECOND = 200, /* a flood of refusals must not fill the disk that keeps messages */
    LINE_CAP = 8192,
};

static struct {
    pthread_mutex_t lock;
    bool json;
    int64_t second;
    unsigned lines, left_out;
} out = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Under the lock: whether this second has room for one more; says what was left out in the one before. What operators
 * changed is never left out. */
static bool has_room(enum log_level level, struct bytes line, int64_t ms)
{
    if (ms / 1000 != out.second) {
        if (out.left_out)
            fprintf(stderr,
                    out.json ? "{\"level\":\"warn\",\"message\":\"log-lines-left-out count=%u\"}\n"
                             : "level=warn log-lines-left-out count=%u\n",
                    out.left_out);
        out.second = ms / 1000;
        out.lines = out.left_out = 0;
    }
    if (bytes_starts(line, BYTES("audit ")))
        return true;
    if (level == LOG_ERROR || out.lines < LINES_PER_SECOND) {
        out.lines++;
        return true;
    }
    out.left_out++;
    return false;
}

static void write_line(void *ctx, enum log_level level, struct bytes line)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    struct buf b = buf_max(LINE_CAP);
    int64_t ms = now_ms();
    char when[ISO_TIME_CAP];

    (void)ctx;
    iso_time(ms, when);
    if (out.json) {
        buf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", when, names[level]);
        buf_put_json(&b, line);
        buf_puts(&b, "}\n");
    } else {
        buf_printf(&b, "time=%.23sZ level=%s ", when, names[level]);
        buf_put(&b, line);
        buf_put_u8(&b, '\n');
    }
    pthread_mutex_lock(&out.lock);
    if (has_room(level, line, ms) && write(STDERR_FILENO, b.at, b.len) < 0) {
        /* There is nobody to tell. */
    }
    pthread_mutex_unlock(&out.lock);
    buf_free(&b);
}

void report_open(const struct config *c)
{
    out.json = c->log_json;
    log_to(write_line, NULL, c->log_level);
}

void report_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;

    if (!path || !*path || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (to.sun_path[0] == '@')
        to.sun_path[0] = 0; /* an abstract name */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}
