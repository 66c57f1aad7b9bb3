#include "run.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAME_CAP = 160 };

static void set(const char *name, const char *value)
{
    setenv(name, value ? value : "", 1);
}

static void set_property(const struct d2d_property *p)
{
    char name[NAME_CAP] = "D2D_PROP_";
    size_t n = strlen(name);

    for (const char *at = p->name; *at && n + 1 < sizeof name; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        bool digit = *at >= '0' && *at <= '9';

        name[n++] = *at >= 'a' && *at <= 'z' ? (char)(*at - ('a' - 'A')) : letter || digit ? *at : '_';
    }
    name[n] = 0;
    set(name, p->value);
}

static void set_environment(const struct d2d_event *event)
{
    char number[24], enqueued[ISO_TIME_CAP];

    iso_time(event->enqueued_ms, enqueued);
    snprintf(number, sizeof number, "%lld", (long long)event->sequence);
    /* Properties first: the names below belong to us. */
    for (size_t i = 0; i < event->n_properties; i++)
        set_property(&event->properties[i]);
    set("D2D_DEVICE", event->device);
    set("D2D_PARTITION", event->partition);
    set("D2D_SEQUENCE", number);
    set("D2D_OFFSET", event->offset);
    set("D2D_ENQUEUED", enqueued);
    set("D2D_MESSAGE_ID", event->message_id);
    set("D2D_CORRELATION_ID", event->correlation_id);
    set("D2D_CONTENT_TYPE", event->content_type);
    /* Who we are is our business, not that of a program that strangers' messages start. */
    unsetenv("D2D_CONNECTION_STRING");
}

/* A program that does not read its input, or only part of it, is no error. */
static void feed(int fd, const uint8_t *at, size_t len)
{
    while (len) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        at += n;
        len -= (size_t)n;
    }
}

int run_for_event(const char *command, const struct d2d_event *event)
{
    int ends[2], how;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC))
        return -1;
    child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        dup2(ends[0], STDIN_FILENO);
        set_environment(event);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    if (child > 0)
        feed(ends[1], event->body, event->body_len);
    close(ends[1]);
    if (child < 0)
        return -1;
    while (waitpid(child, &how, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}
