#include "scan.h"

#include <stdlib.h>

enum { EQUALITIES_MAX = 8 };
static_assert(QUERY_WORK_MAX >= 16 * 2 * QUERY_LEN_MAX, "some devices are looked at whatever the condition is");

static int by_id(const void *a, const void *b)
{
    return bytes_cmp(*(const struct bytes *)a, *(const struct bytes *)b);
}

static bool names_devices(const struct path *path)
{
    return path->n == 1 &&
           (bytes_eq_nocase(path->at[0].name, BYTES("deviceId")) || bytes_eq_nocase(path->at[0].name, BYTES("id")));
}

/* deviceId = 'a', deviceId IN ['a', 'b']: nothing else has to be looked at. */
static enum err take_ids(struct scan *s)
{
    struct equality equalities[EQUALITIES_MAX];
    size_t n = condition_equalities(s->condition, equalities, EQUALITIES_MAX);

    for (size_t i = 0; i < n && !s->ids; i++) {
        const struct equality *e = &equalities[i];

        if (!names_devices(e->path))
            continue;
        if (!(s->ids = calloc(e->n + 1, sizeof *s->ids)))
            return ERR_MEMORY;
        for (size_t k = 0; k < e->n; k++)
            if (e->values[k].kind == VALUE_TEXT)
                s->ids[s->n_ids++] = e->values[k].text;
        qsort(s->ids, s->n_ids, sizeof *s->ids, by_id);
    }
    return OK;
}

enum err scan_open(struct scan *s, struct hub *hub, struct condition *condition)
{
    size_t n_paths, by_work;
    struct path *paths;

    *s = (struct scan){.hub = hub, .condition = condition, .slice = QUERY_SCAN_MAX};
    if (!condition)
        return OK;
    paths = condition_paths(condition, &n_paths);
    twin_document_know_paths(paths, n_paths);
    by_work = QUERY_WORK_MAX / (condition_steps(condition) + 1);
    if (by_work < s->slice)
        s->slice = by_work;
    return take_ids(s);
}

void scan_close(struct scan *s)
{
    free(s->ids);
    s->ids = NULL;
}

/* Those of s->ids that are behind the last: as hub_device_list() gives those of all. */
static enum err list_ids(const struct scan *s, struct device *page, size_t *n)
{
    struct bytes last = bytes_str(s->after);
    enum err e = OK;

    for (size_t i = 0; i < s->n_ids && *n < s->slice && !e; i++) {
        if (bytes_cmp(s->ids[i], last) <= 0)
            continue;
        last = s->ids[i];
        e = hub_device_get(s->hub, last, &page[*n]);
        *n += !e;
        if (e == ERR_NOT_FOUND || e == ERR_ARGUMENT)
            e = OK;
    }
    return e;
}

static enum err look_at(struct scan *s, const struct device *d, scan_found *found, void *ctx)
{
    struct twin_document document = {.device = d};
    struct row row = twin_document_row(&document);
    enum err e = OK;

    if (!s->condition || condition_holds(s->condition, &row))
        e = found(ctx, &document, &row, &s->end);
    if (!e && !s->end)
        memcpy(s->after, d->id, sizeof s->after);
    return e;
}

enum err scan_turn(struct scan *s, scan_found *found, void *ctx)
{
    struct device *page = malloc(s->slice * sizeof *page);
    size_t n = 0;
    enum err e = !page    ? ERR_MEMORY
                 : s->ids ? list_ids(s, page, &n)
                          : hub_device_list(s->hub, bytes_str(s->after), page, s->slice, &n);

    for (size_t i = 0; !e && i < n && !s->end; i++)
        e = look_at(s, &page[i], found, ctx);
    s->end = s->end || n < s->slice;
    free(page);
    return e;
}
