#include "asked.h"

#include <stdlib.h>

enum err asked_open(struct asked_list *l)
{
    l->at = calloc(ASKED_MAX, sizeof *l->at);
    return l->at ? OK : ERR_MEMORY;
}

void asked_close(struct asked_list *l)
{
    free(l->at);
    *l = (struct asked_list){.at = NULL};
}

const struct asked *asked_add(struct asked_list *l, struct bytes name, bool uuid)
{
    struct asked *a;

    if (!l->at || l->n == ASKED_MAX || name.len > ASKED_NAME_CAP)
        return NULL;
    a = l->at + l->n;
    *a = (struct asked){.id = ++l->last, .uuid = uuid, .len = name.len};
    memcpy(a->name, name.at, name.len);
    l->n++;
    return a;
}

bool asked_take(struct asked_list *l, uint64_t id, struct asked *out)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->at[i].id != id)
            continue;
        *out = l->at[i];
        memmove(l->at + i, l->at + i + 1, (l->n - i - 1) * sizeof *l->at);
        l->n--;
        return true;
    }
    return false;
}

void asked_clear(struct asked_list *l)
{
    l->n = 0;
}
