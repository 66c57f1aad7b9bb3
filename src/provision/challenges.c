#include "challenges.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct challenge {
    uint64_t number;
    int64_t made_ms;
    bool ended;
    char registration[ID_LEN_MAX + 1];
    char operation[OPERATION_CAP];
    struct tpm_proof proof;
};

struct challenges {
    pthread_mutex_t lock;
    uint64_t last; /* number */
    struct challenge *all[CHALLENGES_MAX];
};

enum err challenges_new(struct challenges **out)
{
    struct challenges *c = calloc(1, sizeof *c);

    if (!c)
        return ERR_MEMORY;
    if (pthread_mutex_init(&c->lock, NULL)) {
        free(c);
        return ERR_MEMORY;
    }
    *out = c;
    return OK;
}

static void drop(struct challenge **one)
{
    if (!*one)
        return;
    explicit_bzero(*one, sizeof **one);
    free(*one);
    *one = NULL;
}

void challenges_free(struct challenges *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < CHALLENGES_MAX; i++)
        drop(&c->all[i]);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void expire(struct challenges *c, int64_t now_ms)
{
    for (size_t i = 0; i < CHALLENGES_MAX; i++)
        if (c->all[i] && now_ms - c->all[i]->made_ms > CHALLENGE_MS)
            drop(&c->all[i]);
}

static bool is_older(const struct challenge *a, const struct challenge *b)
{
    return !b || a->number < b->number;
}

/* An empty place, that of the oldest of this registration when it has enough, or that of the oldest of all. NULL: it
 * has enough, and they are fresh. */
static struct challenge **place_for(struct challenges *c, struct bytes registration, int64_t now_ms)
{
    struct challenge **empty = NULL, **own = NULL, **oldest = NULL;
    unsigned n = 0;

    for (size_t i = 0; i < CHALLENGES_MAX; i++) {
        struct challenge *one = c->all[i];

        if (!one) {
            empty = &c->all[i];
            continue;
        }
        if (is_older(one, oldest ? *oldest : NULL))
            oldest = &c->all[i];
        if (!bytes_eq_nocase(bytes_str(one->registration), registration))
            continue;
        n++;
        if (is_older(one, own ? *own : NULL))
            own = &c->all[i];
    }
    if (n >= CHALLENGES_OF_ONE)
        return now_ms - (*own)->made_ms < CHALLENGE_FRESH_MS ? NULL : own;
    return empty ? empty : oldest;
}

enum err challenges_put(struct challenges *c, struct bytes registration, const struct tpm_proof *proof, int64_t now_ms)
{
    struct challenge *made = calloc(1, sizeof *made), **place;

    if (!made)
        return ERR_MEMORY;
    made->made_ms = now_ms;
    made->proof = *proof;
    snprintf(made->registration, sizeof made->registration, "%.*s", BYTES_ARG(registration));
    pthread_mutex_lock(&c->lock);
    expire(c, now_ms);
    if ((place = place_for(c, registration, now_ms))) {
        made->number = ++c->last;
        drop(place);
        *place = made;
    }
    pthread_mutex_unlock(&c->lock);
    if (!place)
        drop(&made);
    return place ? OK : ERR_BUSY;
}

uint64_t challenges_find(struct challenges *c, struct bytes registration,
                         bool (*fits)(const void *ctx, const struct key_bytes *), const void *ctx, int64_t now_ms,
                         struct tpm_proof *out)
{
    uint64_t number = 0;

    pthread_mutex_lock(&c->lock);
    expire(c, now_ms);
    for (size_t i = 0; i < CHALLENGES_MAX && !number; i++) {
        const struct challenge *one = c->all[i];

        if (one && bytes_eq_nocase(bytes_str(one->registration), registration) && fits(ctx, &one->proof.key)) {
            number = one->number;
            *out = one->proof;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return number;
}

/* With the lock held. */
static struct challenge *with_number(struct challenges *c, uint64_t number)
{
    for (size_t i = 0; i < CHALLENGES_MAX; i++)
        if (c->all[i] && c->all[i]->number == number)
            return c->all[i];
    return NULL;
}

enum err challenges_bind(struct challenges *c, uint64_t number, char operation[OPERATION_CAP])
{
    struct challenge *one;
    enum err e = OK;

    pthread_mutex_lock(&c->lock);
    one = with_number(c, number);
    if (!one || one->ended) {
        e = ERR_EXPIRED;
    } else if (one->operation[0]) {
        memcpy(operation, one->operation, OPERATION_CAP);
        e = ERR_EXISTS;
    } else {
        memcpy(one->operation, operation, OPERATION_CAP);
    }
    pthread_mutex_unlock(&c->lock);
    return e;
}

void challenges_unbind(struct challenges *c, uint64_t number)
{
    struct challenge *one;

    pthread_mutex_lock(&c->lock);
    if ((one = with_number(c, number)))
        one->operation[0] = 0;
    pthread_mutex_unlock(&c->lock);
}

void challenges_end(struct challenges *c, uint64_t number)
{
    struct challenge *one;

    pthread_mutex_lock(&c->lock);
    if ((one = with_number(c, number)))
        one->ended = true;
    pthread_mutex_unlock(&c->lock);
}
