#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

struct exec *exec_new(const struct occasion *o)
{
    struct exec *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->output = -1;
    x->environment = buf_max(ENVIRONMENT_MAX);
    x->body = buf_max(o->body_len);
    /* Properties first: the names of the variables belong to us. */
    for (size_t i = 0; i < o->n_properties; i++)
        put_property(&x->environment, &o->properties[i]);
    for (const struct variable *v = o->variables; v->name; v++)
        put(&x->environment, v->name, v->value);
    buf_put(&x->body, bytes_of(o->body, o->body_len));
    if (!x->environment.bad && !x->body.bad)
        return x;
    exec_free(x);
    return NULL;
}

void exec_free(struct exec *x)
{
    if (!x)
        return;
    if (x->output >= 0)
        close(x->output);
    buf_free(&x->environment);
    buf_free(&x->body);
    free(x);
}

static void set_environment(const struct exec *x)
{
    struct bytes rest = buf_bytes(&x->environment);

    while (rest.len) {
        const char *name = (const char *)rest.at;
        const char *value = name + strlen(name) + 1;

        setenv(name, value, 1);
        rest = bytes_skip(rest, strlen(name) + strlen(value) + 2);
    }
    /* Our identity is not the business of a program that strangers' messages start. */
    unsetenv("D2D_CONNECTION_STRING");
}

/* A file in memory with these bytes, to be read from the beginning: however much of it a program reads, nobody waits
 * for that. */
static int file_of(struct bytes bytes)
{
    int fd = memfd_create("d2d", MFD_CLOEXEC);

    while (fd >= 0 && bytes.len) {
        ssize_t n = write(fd, bytes.at, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            close(fd);
            return -1;
        }
        bytes = bytes_skip(bytes, (size_t)n);
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

bool exec_start(struct exec *x, const char *command)
{
    int input = file_of(buf_bytes(&x->body));
    pid_t child;

    if (input < 0 || (x->keeps && (x->output = file_of(NO_BYTES)) < 0)) {
        if (input >= 0)
            close(input);
        return false;
    }
    child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        dup2(input, STDIN_FILENO);
        if (x->keeps)
            dup2(x->output, STDOUT_FILENO);
        set_environment(x);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(input);
    x->child = child > 0 ? child : 0;
    return child > 0;
}

bool exec_output(const struct exec *x, struct buf *out)
{
    uint8_t part[4096];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(x->output, part, sizeof part, at)) > 0) {
        buf_put(out, bytes_of(part, (size_t)n));
        at += n;
    }
    return n == 0 && !out->bad;
}

bool exec_ended(struct exec *x, bool wait, int *status)
{
    int how;
    pid_t got;

    do
        got = waitpid(x->child, &how, wait ? 0 : WNOHANG);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return false;
    x->child = 0;
    *status = got < 0 ? -1 : WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    return true;
}

int exec_and_wait(const char *command, const struct occasion *o)
{
    struct exec *x = exec_new(o);
    int status = -1;

    if (x && exec_start(x, command))
        exec_ended(x, true, &status);
    exec_free(x);
    return status;
}
