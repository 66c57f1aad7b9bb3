#include "queries.h"

#include "hub.h"
#include "list.h"
#include "mutex.h"

#include <stdlib.h>

struct queries {
    struct mutex lock;
    pthread_cond_t rests; /* the one that had its turn can be taken back */
    struct list waiting;
    struct ticket *running; /* in a turn, without the lock */
    struct waker *waker;
};

struct ticket {
    struct list waiting; /* in no list: it has ended, or is running */
    struct queries *queries;
    struct query_run *run;
    struct waker *waker;
    bool ended;
    enum err e;
};

enum err queries_new(struct waker *waker, struct queries **out)
{
    struct queries *q = calloc(1, sizeof *q);

    if (!q)
        return ERR_MEMORY;
    mutex_init(&q->lock, RANK_OWN);
    pthread_cond_init(&q->rests, NULL);
    list_init(&q->waiting);
    q->waker = waker;
    *out = q;
    return OK;
}

void queries_free(struct queries *q)
{
    if (!q)
        return;
    assert(list_empty(&q->waiting));
    pthread_cond_destroy(&q->rests);
    mutex_destroy(&q->lock);
    free(q);
}

enum err queries_put(struct queries *q, struct query_run *run, struct waker *waker, struct ticket **out)
{
    struct ticket *t = calloc(1, sizeof *t);

    if (!t)
        return ERR_MEMORY;
    *t = (struct ticket){.queries = q, .run = run, .waker = waker};
    mutex_lock(&q->lock);
    list_add(&q->waiting, &t->waiting);
    mutex_unlock(&q->lock);
    q->waker->wake(q->waker);
    *out = t;
    return OK;
}

enum err queries_look(struct ticket *t)
{
    enum err e;

    mutex_lock(&t->queries->lock);
    e = t->ended ? t->e : ERR_BUSY;
    mutex_unlock(&t->queries->lock);
    return e;
}

void queries_take_back(struct ticket *t)
{
    if (!t)
        return;
    mutex_lock(&t->queries->lock);
    while (t->queries->running == t)
        mutex_wait(&t->queries->lock, &t->queries->rests);
    list_del(&t->waiting);
    mutex_unlock(&t->queries->lock);
    free(t);
}

/* The one that had its turn goes behind the others; whoever asked for one that has ended is told. */
static void put_back(struct queries *q, struct ticket *t, bool ended, enum err e)
{
    mutex_lock(&q->lock);
    q->running = NULL;
    if ((t->ended = ended)) {
        t->e = e;
        t->waker->wake(t->waker);
    } else {
        list_add(&q->waiting, &t->waiting);
    }
    pthread_cond_broadcast(&q->rests);
    mutex_unlock(&q->lock);
}

bool queries_turn(struct queries *q)
{
    struct ticket *t = NULL;
    bool ended;
    enum err e;

    mutex_lock(&q->lock);
    if (!list_empty(&q->waiting))
        t = q->running = LIST_OF(list_take(&q->waiting), struct ticket, waiting);
    mutex_unlock(&q->lock);
    if (!t)
        return false;
    e = query_run_turn(t->run, &ended);
    put_back(q, t, ended || e, e);
    return true;
}
