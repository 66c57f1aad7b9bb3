/* A doubly linked list whose links live inside the things that it holds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

/* The thing that `link` is the field `member` of. */
#define LIST_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
/* `it` may be taken out of the list inside the loop. */
#define LIST_EACH(head, it) \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head); it = it##_next, it##_next = it->next)

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Also true of a zeroed link. */
static inline bool list_alone(const struct list *l)
{
    return !l->next || l->next == l;
}

static inline void list_add(struct list *head, struct list *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

/* Takes the first one out of a list that is not empty. */
static inline struct list *list_take(struct list *head)
{
    struct list *l = head->next;

    head->next = l->next;
    l->next->prev = head;
    list_init(l);
    return l;
}

/* A link that is in no list (initialised or zeroed) may be taken out too. */
static inline void list_del(struct list *l)
{
    if (l->next) {
        l->prev->next = l->next;
        l->next->prev = l->prev;
    }
    list_init(l);
}
