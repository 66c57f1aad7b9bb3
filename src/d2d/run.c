#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAME_CAP = 160, ENVIRONMENT_MAX = 1024 * 1024 };

/* "NAME" and "VALUE", each with a NUL behind it. */
static void put(struct buf *environment, const char *name, const char *value)
{
    buf_put(environment, bytes_of(name, strlen(name) + 1));
    buf_put(environment, bytes_of(value ? value : "", value ? strlen(value) + 1 : 1));
}

static void put_property(struct buf *environment, const struct d2d_property *p)
{
    char name[NAME_CAP] = "D2D_PROP_";
    size_t n = strlen(name);

    for (const char *at = p->name; *at && n + 1 < sizeof name; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        bool digit = *at >= '0' && *at <= '9';

        name[n++] = *at >= 'a' && *at <= 'z' ? (char)(*at - ('a' - 'A')) : letter || digit ? *at : '_';
    }
    name[n] = 0;
    put(environment, name, p->value);
}

struct job *job_new(const struct occasion *o)
{
    struct job *j = calloc(1, sizeof *j);

    if (!j)
        return NULL;
    j->environment = buf_max(ENVIRONMENT_MAX);
    j->body = buf_max(o->body_len);
    /* Properties first: the names of the variables belong to us. */
    for (size_t i = 0; i < o->n_properties; i++)
        put_property(&j->environment, &o->properties[i]);
    for (const struct variable *v = o->variables; v->name; v++)
        put(&j->environment, v->name, v->value);
    buf_put(&j->body, bytes_of(o->body, o->body_len));
    if (!j->environment.bad && !j->body.bad)
        return j;
    job_free(j);
    return NULL;
}

void job_free(struct job *j)
{
    if (!j)
        return;
    buf_free(&j->environment);
    buf_free(&j->body);
    free(j);
}

static void set_environment(const struct job *j)
{
    struct bytes rest = buf_bytes(&j->environment);

    while (rest.len) {
        const char *name = (const char *)rest.at;
        const char *value = name + strlen(name) + 1;

        setenv(name, value, 1);
        rest = bytes_skip(rest, strlen(name) + strlen(value) + 2);
    }
    /* Our identity is not the business of a program that strangers' messages start. */
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

bool job_start(struct job *j, const char *command)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC))
        return false;
    child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        dup2(ends[0], STDIN_FILENO);
        set_environment(j);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    if (child > 0)
        feed(ends[1], j->body.at, j->body.len);
    close(ends[1]);
    j->child = child > 0 ? child : 0;
    return child > 0;
}

bool job_ended(struct job *j, bool wait, int *status)
{
    int how;
    pid_t got;

    do
        got = waitpid(j->child, &how, wait ? 0 : WNOHANG);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return false;
    j->child = 0;
    *status = got < 0 ? -1 : WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    return true;
}

int run_program(const char *command, const struct occasion *o)
{
    struct job *j = job_new(o);
    int status = -1;

    if (j && job_start(j, command))
        job_ended(j, true, &status);
    job_free(j);
    return status;
}
