/* The lists of devices and of modules: what is in memory and not in the checkpoint yet, merged with the checkpoint. */
#include "identities.h"
#include "ids.h"

#include <stdio.h>

struct page {
    struct ids ids;
    bool modules; /* they are names of modules */
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
    struct bytes prefix, from;
    char key[STATE_KEY_MAX];
    enum err e = identities_behind(p->modules, after, key, &prefix, &from);

    p->ids.n = 0;
    p->left = p->ids.max;
    if (e)
        return e;
    /* Memory first: what a checkpoint takes over meanwhile is then seen in the checkpoint. */
    identities_made(h, p->modules, after, &p->ids);
    return state_each(h->state, prefix, from, add_kept, p);
}

static enum err list(struct hub *h, bool modules, struct bytes after, struct device *out, size_t max, size_t *n)
{
    struct page page = {.modules = modules};
    char from[IDENTITY_LEN_MAX + 1];
    enum err e = OK;

    *n = 0;
    if (max == 0 || !bytes_to_str(after, from, sizeof from))
        return max ? ERR_ARGUMENT : OK;
    if ((e = ids_open(&page.ids, max)))
        return e;
    /* Deleted ones may fill a page of the checkpoint: go on behind it. */
    do {
        if ((e = page_take(h, bytes_str(from), &page)))
            break;
        for (size_t i = 0; i < page.ids.n && *n < max; i++) {
            e = hub_device_get(h, bytes_str(ids_at(&page.ids, i)), &out[*n]);
            if (e && e != ERR_NOT_FOUND)
                goto done;
            *n += e == OK;
            snprintf(from, sizeof from, "%s", ids_at(&page.ids, i));
        }
        e = OK;
    } while (*n < max && page.ids.n == max);
done:
    ids_close(&page.ids);
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
    struct page page = {.modules = modules};
    enum err e;

    *n = 0;
    if (!max)
        return OK;
    if ((e = ids_open(&page.ids, max)))
        return e;
    if (!(e = page_take(h, after, &page))) {
        ids_put(&page.ids, names);
        *n = page.ids.n;
    }
    ids_close(&page.ids);
    return e ? e : buf_check(names);
}
