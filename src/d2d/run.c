#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void set_environment(const struct occasion *o)
{
    /* Properties first: the names of the variables belong to us. */
    for (size_t i = 0; i < o->n_properties; i++)
        set_property(&o->properties[i]);
    for (const struct variable *v = o->variables; v->name; v++)
        set(v->name, v->value);
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

int run_program(const char *command, const struct occasion *o)
{
    int ends[2], how;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC))
        return -1;
    child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        dup2(ends[0], STDIN_FILENO);
        set_environment(o);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    if (child > 0)
        feed(ends[1], o->body, o->body_len);
    close(ends[1]);
    if (child < 0)
        return -1;
    while (waitpid(child, &how, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}
