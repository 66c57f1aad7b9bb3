#include "crew.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

struct member {
    void (*work)(void *, unsigned);
    void *ctx;
    unsigned i;
    pthread_t thread;
    bool runs;
};

unsigned crew_size(uint64_t pieces)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned most = cores < 1 ? 1 : cores > CREW_MAX ? CREW_MAX : (unsigned)cores;

    return pieces >= most ? most : pieces ? (unsigned)pieces : 1;
}

static void *run(void *ctx)
{
    const struct member *m = ctx;

    m->work(m->ctx, m->i);
    return NULL;
}

void crew_run(unsigned n, void (*work)(void *ctx, unsigned i), void *ctx)
{
    struct member all[CREW_MAX];

    assert(n <= CREW_MAX);
    for (unsigned i = 0; i < n; i++) {
        struct member *m = &all[i];

        *m = (struct member){.work = work, .ctx = ctx, .i = i};
        m->runs = i + 1 < n && pthread_create(&m->thread, NULL, run, m) == 0;
    }
    for (unsigned i = 0; i < n; i++)
        if (!all[i].runs)
            work(ctx, i);
    for (unsigned i = 0; i < n; i++)
        if (all[i].runs)
            pthread_join(all[i].thread, NULL);
}
