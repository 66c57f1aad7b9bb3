/* Work that several threads share is done once, and all of it, also where there are no threads. */
#include "check.h"
#include "crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { PIECES = 10000 };

struct job {
    atomic_uint next, done[PIECES], calls[CREW_MAX];
};

static void work(void *ctx, unsigned i)
{
    struct job *j = ctx;
    unsigned piece;

    atomic_fetch_add(&j->calls[i], 1);
    while ((piece = atomic_fetch_add(&j->next, 1)) < PIECES)
        atomic_fetch_add(&j->done[piece], 1);
}

static void check_crew(unsigned n)
{
    static struct job j;

    atomic_store(&j.next, 0);
    for (unsigned i = 0; i < PIECES; i++)
        atomic_store(&j.done[i], 0);
    for (unsigned i = 0; i < CREW_MAX; i++)
        atomic_store(&j.calls[i], 0);
    crew_run(n, work, &j);
    for (unsigned i = 0; i < PIECES; i++)
        CHECK(atomic_load(&j.done[i]) == 1);
    for (unsigned i = 0; i < CREW_MAX; i++)
        CHECK(atomic_load(&j.calls[i]) == (i < n));
}

TEST(each_piece_is_done_once)
{
    for (unsigned n = 1; n <= CREW_MAX; n++)
        check_crew(n);
}

TEST(without_threads_the_caller_does_it_all)
{
    pthread_attr_t usual, huge;

    /* No address space has room for such stacks. */
    CHECK(pthread_getattr_default_np(&usual) == 0 && pthread_attr_init(&huge) == 0);
    CHECK(pthread_attr_setstacksize(&huge, SIZE_MAX / 4 & ~(size_t)0xFFFF) == 0);
    CHECK(pthread_setattr_default_np(&huge) == 0);
    for (unsigned n = 1; n <= CREW_MAX; n++)
        check_crew(n);
    CHECK(pthread_setattr_default_np(&usual) == 0);
    pthread_attr_destroy(&usual);
    pthread_attr_destroy(&huge);
}

TEST(a_crew_is_no_larger_than_its_work)
{
    CHECK(crew_size(0) == 1 && crew_size(1) == 1);
    CHECK(crew_size(UINT64_MAX) >= 1 && crew_size(UINT64_MAX) <= CREW_MAX);
    CHECK(crew_size(2) <= 2);
}

TESTS(RUN(each_piece_is_done_once), RUN(without_threads_the_caller_does_it_all), RUN(a_crew_is_no_larger_than_its_work))
