/* A lock that knows where it stands in the order of locks, and whether this thread has it. Whoever takes two of a rank,
 * or one of a lower rank than what he has, would some day wait for ever: that ends the process at once, in tests as in
 * the field. What has to be done under a lock says so with assert_locked(). */
#pragma once

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* In the order in which they are taken (doc/architecture.md). */
enum mutex_rank {
    RANK_COLD,  /* of the hub, for what changes seldom */
    RANK_SHARD, /* of the hub: identities */
    RANK_PART,  /* of a part of the hub that appends under it: feedback, jobs */
    RANK_TAIL,  /* of the store: an append */
    RANK_OWN,   /* of a part of the hub or of the store: nothing else is taken under it */
    RANKS
};

struct mutex {
    pthread_mutex_t mutex;
    enum mutex_rank rank;
};

/* The locks that this thread has: at most one of a rank. */
extern _Thread_local const struct mutex *mutexes_held[RANKS];

static inline void mutex_init(struct mutex *m, enum mutex_rank rank)
{
    m->rank = rank;
    pthread_mutex_init(&m->mutex, NULL);
}

static inline void mutex_destroy(struct mutex *m)
{
    pthread_mutex_destroy(&m->mutex);
}

static inline bool mutex_is_mine(const struct mutex *m)
{
    return mutexes_held[m->rank] == m;
}

static inline bool mutex_may_be_taken(const struct mutex *m)
{
    for (unsigned rank = m->rank; rank < RANKS; rank++)
        if (mutexes_held[rank])
            return false;
    return true;
}

#define assert_locked(m) assert(mutex_is_mine(m))

static inline void mutex_lock(struct mutex *m)
{
    assert(mutex_may_be_taken(m));
    pthread_mutex_lock(&m->mutex);
    mutexes_held[m->rank] = m;
}

static inline void mutex_unlock(struct mutex *m)
{
    assert_locked(m);
    mutexes_held[m->rank] = NULL;
    pthread_mutex_unlock(&m->mutex);
}

/* Waits on a condition of this lock, which is not held meanwhile. */
static inline void mutex_wait(struct mutex *m, pthread_cond_t *until)
{
    assert_locked(m);
    mutexes_held[m->rank] = NULL;
    pthread_cond_wait(until, &m->mutex);
    mutexes_held[m->rank] = m;
}

/* The same until that time of the condition's clock at the latest. */
static inline void mutex_wait_until(struct mutex *m, pthread_cond_t *until, const struct timespec *at)
{
    assert_locked(m);
    mutexes_held[m->rank] = NULL;
    pthread_cond_timedwait(until, &m->mutex, at);
    mutexes_held[m->rank] = m;
}
