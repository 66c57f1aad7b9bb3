#include "report.h"

#include "data.h"
#include "log_writer.h"
#include "net.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
    _Atomic bool json;
    pthread_mutex_t lock; /* of the counts */
    int64_t second;
    unsigned lines, left_out;
    struct log_writer writer;
} out = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void put_line(struct buf *b, enum log_level level, struct bytes line)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    char when[ISO_TIME_CAP];

    iso_time(net_wall_ms(), when);
    if (out.json) {
        buf_printf(b, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", when, names[level]);
        buf_put_json(b, line);
        buf_puts(b, "}\n");
    } else {
        buf_printf(b, "time=%.23sZ level=%s ", when, names[level]);
        buf_put(b, line);
        buf_put_u8(b, '\n');
    }
}

static void put_count(struct buf *b, const char *event, uint64_t count, const char *reason)
{
    char line[128];

    snprintf(line, sizeof line, "%s count=%llu reason=\"%s\"", event, (unsigned long long)count, reason);
    put_line(b, LOG_WARN, bytes_str(line));
}

static void tell_gap(uint64_t dropped, struct buf *b)
{
    put_count(b, "log-lines-dropped", dropped, "standard error was not read, or could not be written");
}

/* Changes of operators are never left out. */
static bool is_audit(struct bytes line)
{
    return bytes_starts(line, BYTES("audit "));
}

/* Whether this second has room for one more; *left_out: how many the one before had no room for. */
static bool has_room(enum log_level level, struct bytes line, unsigned *left_out)
{
    int64_t second = net_steady_ms() / 1000;
    bool room;

    pthread_mutex_lock(&out.lock);
    *left_out = 0;
    if (second != out.second) {
        *left_out = out.left_out;
        out.second = second;
        out.lines = out.left_out = 0;
    }
    room = level == LOG_ERROR || is_audit(line) || out.lines < LOG_LINES_PER_SECOND;
    if (!room)
        out.left_out++;
    else if (!is_audit(line))
        out.lines++;
    pthread_mutex_unlock(&out.lock);
    return room;
}

static void leave_line(void *ctx, enum log_level level, struct bytes line)
{
    struct buf b = buf_max(LOG_LINE_MAX);
    unsigned left_out;
    bool room = has_room(level, line, &left_out);

    (void)ctx;
    if (left_out) {
        put_count(&b, "log-lines-left-out", left_out, "too many in one second");
        log_writer_put(&out.writer, buf_bytes(&b), false);
        buf_clear(&b);
    }
    if (room) {
        put_line(&b, level, line);
        log_writer_put(&out.writer, buf_bytes(&b), level == LOG_ERROR || is_audit(line));
    }
    buf_free(&b);
}

static void flush(void)
{
    log_writer_flush(&out.writer, LOG_FLUSH_MS);
}

bool report_open(const struct config *c)
{
    out.json = c->log_json;
    if (!log_writer_open(&out.writer, STDERR_FILENO, tell_gap))
        return false;
    log_to(leave_line, NULL, c->log_level);
    log_flush_by(flush);
    return true;
}

void report_change(const struct config *c)
{
    out.json = c->log_json;
    log_most(c->log_level);
}

void report_close(void)
{
    log_to(NULL, NULL, LOG_ERROR);
    log_flush_by(NULL);
    log_writer_close(&out.writer, LOG_FLUSH_MS);
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
