#include "state_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, READERS = 256 };

struct copy {
    MDB_env *env;
    int out;
    int rc;
};

/* LMDB holds its writers up while it writes the first two pages: these fit into the pipe, whoever reads it. */
static void *write_pipe(void *ctx)
{
    struct copy *c = ctx;

    c->rc = mdb_env_copyfd(c->env, c->out);
    close(c->out);
    return NULL;
}

static bool read_pipe(int in, state_sink *sink, void *ctx, int *error)
{
    uint8_t *block = malloc(BLOCK);
    bool goes_on = block != NULL;
    ssize_t n = 1;

    while (goes_on && n > 0) {
        n = read(in, block, BLOCK);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            *error = errno;
        else if (n > 0)
            goes_on = sink(ctx, bytes_of(block, (size_t)n));
    }
    free(block);
    return goes_on;
}

static enum err copy(MDB_env *env, state_sink *sink, void *ctx, int *error)
{
    struct copy c = {.env = env};
    pthread_t writer;
    bool wanted;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC)) {
        *error = errno;
        return ERR_IO;
    }
    c.out = ends[1];
    if ((*error = pthread_create(&writer, NULL, write_pipe, &c))) {
        close(ends[0]);
        close(ends[1]);
        return ERR_IO;
    }
    wanted = read_pipe(ends[0], sink, ctx, error);
    close(ends[0]); /* a writer that has more fails */
    pthread_join(writer, NULL);
    if (!wanted)
        return ERR_REJECTED;
    if (!*error)
        *error = c.rc;
    return *error ? ERR_IO : OK;
}

enum err lmdb_state_copy(const char *folder, state_sink *sink, void *ctx, char why[256])
{
    MDB_env *env = NULL;
    enum err e = OK;
    int rc;

    why[0] = 0;
    if ((rc = mdb_env_create(&env))) {
        snprintf(why, 256, "%.180s: %.60s", folder, mdb_strerror(rc));
        return ERR_MEMORY;
    }
    if (!(rc = mdb_env_set_maxreaders(env, READERS)) && !(rc = mdb_env_open(env, folder, MDB_RDONLY | MDB_NOTLS, 0600)))
        e = copy(env, sink, ctx, &rc);
    else
        e = ERR_IO;
    if (e && e != ERR_REJECTED)
        snprintf(why, 256, "%.170s/data.mdb: %.60s", folder, mdb_strerror(rc));
    mdb_env_close(env);
    return e;
}
