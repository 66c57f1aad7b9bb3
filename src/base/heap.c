#include "heap.h"

#include <stdlib.h>

void heap_free(struct heap *h)
{
    free(h->at);
    *h = (struct heap){0};
}

static void place(struct heap *h, size_t i, struct timer *t)
{
    h->at[i] = t;
    t->place = i + 1;
}

static void sift(struct heap *h, size_t i)
{
    struct timer *t = h->at[i];

    while (i > 0 && t->due_ms < h->at[(i - 1) / 2]->due_ms) {
        place(h, i, h->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && h->at[child + 1]->due_ms < h->at[child]->due_ms)
            child++;
        if (t->due_ms <= h->at[child]->due_ms)
            break;
        place(h, i, h->at[child]);
    }
    place(h, i, t);
}

enum err heap_set(struct heap *h, struct timer *t, int64_t due_ms)
{
    t->due_ms = due_ms;
    if (t->place == 0) {
        if (h->n == h->cap) {
            size_t cap = h->cap ? h->cap * 2 : 16;
            struct timer **at = realloc(h->at, cap * sizeof *at);

            if (!at)
                return ERR_MEMORY;
            h->at = at;
            h->cap = cap;
        }
        place(h, h->n++, t);
    }
    sift(h, t->place - 1);
    return OK;
}

void heap_del(struct heap *h, struct timer *t)
{
    size_t i = t->place - 1;

    if (t->place == 0)
        return;
    t->place = 0;
    h->n--;
    if (i == h->n)
        return;
    place(h, i, h->at[h->n]);
    sift(h, i);
}
