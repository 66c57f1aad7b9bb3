#include "inbox.h"

#include <stdlib.h>

enum err inbox_open(struct inbox *x, size_t max)
{
    *x = (struct inbox){.max = max < INBOX_MAX ? max : INBOX_MAX};
    x->at = calloc(x->max, sizeof *x->at);
    return x->at ? OK : ERR_MEMORY;
}

void inbox_close(struct inbox *x)
{
    free(x->at);
    *x = (struct inbox){.last = x->last};
}

struct held *inbox_add(struct inbox *x)
{
    if (x->n == x->max)
        return NULL;
    x->at[x->n] = (struct held){.lock = ++x->last};
    return &x->at[x->n++];
}

struct held *inbox_find(struct inbox *x, uint64_t lock)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->at[i].lock == lock && !x->at[i].abandoned)
            return &x->at[i];
    return NULL;
}

struct held *inbox_with_id(struct inbox *x, uint16_t id)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->at[i].id == id)
            return &x->at[i];
    return NULL;
}

void inbox_abandon(struct inbox *x, struct held *h)
{
    h->abandoned = true;
    x->abandoned++;
}

/* The order of locks says nothing, so the last one fills the gap. */
void inbox_del(struct inbox *x, struct held *h)
{
    x->abandoned -= h->abandoned;
    *h = x->at[--x->n];
}

void inbox_clear(struct inbox *x)
{
    x->n = x->abandoned = 0;
}
