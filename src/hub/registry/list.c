/* The lists of devices and of modules: what is in memory and not in the checkpoint yet, merged with the checkpoint. */
#include "core.h"

#include <stdlib.h>

/* The smallest ids behind `after`, sorted, without doubles; at most `max` of them. */
struct ids {
    char (*at)[IDENTITY_LEN_MAX + 1];
    size_t n, max;
    bool modules; /* they are names of modules */
};

static void ids_add(struct ids *ids, struct bytes id)
{
    size_t low = 0, high = ids->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = bytes_cmp(bytes_str(ids->at[middle]), id);

        if (c == 0)
            return;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == ids->max)
        return;
    if (ids->n == ids->max)
        ids->n--;
    memmove(ids->at[low + 1], ids->at[low], (ids->n - low) * sizeof *ids->at);
    if (bytes_to_str(id, ids->at[low], sizeof *ids->at))
        ids->n++;
}

static void add_dirty(struct hub *h, struct bytes after, struct ids *ids)
{
    for (size_t k = 0; k < SHARDS; k++) {
        struct shard *s = &h->shards[k];
        const struct identity *i;

        mutex_lock(&s->lock);
        for (size_t at = 0; (i = map_next(&s->identities, &at));)
            if (i->dirty && !i->gone && identity_is_module(bytes_str(i->device.id)) == ids->modules &&
                bytes_cmp(bytes_str(i->device.id), after) > 0)
                ids_add(ids, bytes_str(i->device.id));
        mutex_unlock(&s->lock);
    }
}

struct page {
    struct ids ids;
    size_t left;
};

static bool add_kept(void *ctx, struct bytes key, struct bytes value)
{
    struct page *p = ctx;

    (void)value;
    ids_add(&p->ids, bytes_skip(key, bytes_find(key, '/') + 1));
    return --p->left > 0;
}

/* A page of candidates behind `after`. */
static enum err page_take(struct hub *h, struct bytes after, struct page *p)
{
    struct bytes prefix = p->ids.modules ? BYTES("mod/") : BYTES("d/");
    uint8_t key[IDENTITY_LEN_MAX + 8];

    p->ids.n = 0;
    p->left = p->ids.max;
    if (after.len > IDENTITY_LEN_MAX)
        return ERR_ARGUMENT;
    memcpy(key, prefix.at, prefix.len);
    if (after.len)
        memcpy(key + prefix.len, after.at, after.len);
    /* Memory first: what a checkpoint takes over meanwhile is then seen in the checkpoint. */
    add_dirty(h, after, &p->ids);
    return state_each(h->state, prefix, after.len ? bytes_of(key, prefix.len + after.len) : NO_BYTES, add_kept, p);
}

static enum err list(struct hub *h, bool modules, struct bytes after, struct device *out, size_t max, size_t *n)
{
    struct page page = {.ids = {.max = max, .modules = modules}};
    char from[IDENTITY_LEN_MAX + 1];
    enum err e = OK;

    *n = 0;
    if (max == 0 || !bytes_to_str(after, from, sizeof from))
        return max ? ERR_ARGUMENT : OK;
    page.ids.at = calloc(max + 1, sizeof *page.ids.at);
    if (!page.ids.at)
        return ERR_MEMORY;
    /* Deleted ones may fill a page of the checkpoint: go on behind it. */
    do {
        if ((e = page_take(h, bytes_str(from), &page)))
            break;
        for (size_t i = 0; i < page.ids.n && *n < max; i++) {
            e = hub_device_get(h, bytes_str(page.ids.at[i]), &out[*n]);
            if (e && e != ERR_NOT_FOUND)
                goto done;
            *n += e == OK;
            memcpy(from, page.ids.at[i], sizeof from);
        }
        e = OK;
    } while (*n < max && page.ids.n == max);
done:
    free(page.ids.at);
    return e;
}

enum err hub_device_list(struct hub *h, struct bytes after, struct device *out, size_t max, size_t *n)
{
    return list(h, false, after, out, max, n);
}

enum err hub_modules_list(struct hub *h, struct bytes after, struct device *out, size_t max, size_t *n)
{
    return list(h, true, after, out, max, n);
}

enum err hub_identity_names(struct hub *h, bool modules, struct bytes after, struct buf *names, size_t max, size_t *n)
{
    struct page page = {.ids = {.max = max, .modules = modules}};
    enum err e;

    *n = 0;
    if (!max)
        return OK;
    if (!(page.ids.at = calloc(max + 1, sizeof *page.ids.at)))
        return ERR_MEMORY;
    if (!(e = page_take(h, after, &page)))
        for (; *n < page.ids.n; (*n)++)
            buf_put(names, bytes_of(page.ids.at[*n], strlen(page.ids.at[*n]) + 1));
    free(page.ids.at);
    return e ? e : buf_check(names);
}
