#include "scan.h"

#include "by_index.h"
#include "hub_twin.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MAX = QUERY_SCAN_MAX * (IDENTITY_LEN_MAX + 2) };
static_assert(QUERY_WORK_MAX > 2 * QUERY_LEN_MAX, "a device is looked at whatever the condition is");

static int by_id(const void *a, const void *b)
{
    return bytes_cmp(*(const struct bytes *)a, *(const struct bytes *)b);
}

static bool names_devices(const struct path *path)
{
    return path->n == 1 &&
           (bytes_eq_nocase(path->at[0].name, BYTES("deviceId")) || bytes_eq_nocase(path->at[0].name, BYTES("id")));
}

/* False: they are about something else, too. */
static bool count_ids(const struct equalities *e, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < e->n; i++) {
        if (!names_devices(e->any[i].path))
            return false;
        *n += e->any[i].n;
    }
    return true;
}

/* deviceId = 'a', deviceId IN ['a', 'b']: nothing else has to be looked at. */
static enum err take_ids(struct scan *s)
{
    struct equalities equalities[EQUALITIES_MAX];
    size_t n = condition_equalities(s->condition, equalities), n_ids;

    for (size_t i = 0; i < n && !s->ids; i++) {
        const struct equalities *e = &equalities[i];

        if (!count_ids(e, &n_ids))
            continue;
        if (!(s->ids = calloc(n_ids + 1, sizeof *s->ids)))
            return ERR_MEMORY;
        for (size_t k = 0; k < e->n; k++)
            for (size_t v = 0; v < e->any[k].n; v++)
                if (e->any[k].values[v].kind == VALUE_TEXT)
                    s->ids[s->n_ids++] = e->any[k].values[v].text;
        qsort(s->ids, s->n_ids, sizeof *s->ids, by_id);
    }
    return OK;
}

enum err scan_open(struct scan *s, struct hub *hub, bool modules, struct condition *condition)
{
    size_t n_paths;
    struct path *paths;
    enum err e;

    *s = (struct scan){.hub = hub,
                       .modules = modules,
                       .condition = condition,
                       .slice = QUERY_SCAN_MAX,
                       .turn = QUERY_TURN,
                       .names = buf_max(NAMES_MAX)};
    if ((e = hub_twin_walk_new(hub, modules, &s->walk)) || !condition)
        return e;
    paths = condition_paths(condition, &n_paths);
    twin_document_know_paths(paths, n_paths);
    for (size_t i = 0; i < n_paths; i++)
        if (bytes_eq_nocase(paths[i].at[0].name, BYTES("cloudToDeviceMessageCount")))
            s->exact = true;
    if (QUERY_WORK_MAX / (condition_steps(condition) + 1) < s->turn)
        s->turn = QUERY_WORK_MAX / (condition_steps(condition) + 1);
    if ((e = take_ids(s)) || s->ids)
        return e;
    s->indexes = by_index_new(condition, modules, &e);
    return e;
}

void scan_close(struct scan *s)
{
    by_index_free(s->indexes);
    s->indexes = NULL;
    free(s->ids);
    s->ids = NULL;
    hub_twin_walk_free(s->walk);
    s->walk = NULL;
    buf_free(&s->names);
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* Gives those of s->ids that are behind the last: as hub_twin_walk_names() gives those of all. */
static enum err list_ids(struct scan *s)
{
    struct bytes last = bytes_str(s->after);
    size_t n = 0;

    for (size_t i = 0; i < s->n_ids && n < s->slice; i++) {
        if (bytes_cmp(s->ids[i], last) <= 0)
            continue;
        last = s->ids[i];
        if (!device_id_valid(last))
            continue;
        buf_put(&s->names, last);
        buf_put_u8(&s->names, 0);
        n++;
    }
    s->last = n < s->slice;
    return buf_check(&s->names);
}

/* The modules of one device stand together: it is gone to the first of them, and not beyond the last. */
static enum err list_modules(struct scan *s)
{
    char from[IDENTITY_LEN_MAX + 1];

    if (s->n_ids == 1 && s->ids[0].len <= ID_LEN_MAX) {
        snprintf(from, sizeof from, "%.*s/", BYTES_ARG(s->ids[0]));
        if (bytes_cmp(bytes_str(s->after), bytes_str(from)) < 0)
            memcpy(s->after, from, sizeof s->after);
    }
    return hub_twin_walk_names(s->walk, bytes_str(s->after), s->slice, &s->names, &s->last);
}

static enum err list_all(struct scan *s)
{
    return s->modules ? list_modules(s)
           : s->ids   ? list_ids(s)
                      : hub_twin_walk_names(s->walk, bytes_str(s->after), s->slice, &s->names, &s->last);
}

/* The names that come next. */
static enum err list(struct scan *s)
{
    size_t n = 0, max = s->slice < INDEX_SLICE ? s->slice : INDEX_SLICE;
    enum err e = ERR_NOT_FOUND;

    buf_clear(&s->names);
    if (s->indexes)
        e = by_index_names(s->indexes, s->hub, bytes_str(s->after), &s->names, max, &n);
    s->last = n < max;
    if (e == ERR_NOT_FOUND)
        e = list_all(s);
    s->rest = e ? NO_BYTES : buf_bytes(&s->names);
    return e;
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

/* Messages that wait are counted where the mailbox is in memory. */
static enum err read(struct scan *s, struct bytes name, struct device *exact, struct twin_document *out)
{
    enum err e = hub_twin_walk_read(s->walk, name, &out->device, &out->run);

    if (e || !s->exact)
        return e;
    out->device = exact;
    return hub_device_get(s->hub, name, exact);
}

static enum err look_at(struct scan *s, struct bytes name, scan_found *found, void *ctx)
{
    struct device exact;
    struct twin_document document = {.configurations = s->configurations};
    struct row row = twin_document_row(&document);
    enum err e = read(s, name, &exact, &document);

    if (e == ERR_NOT_FOUND)
        e = OK; /* it is gone */
    else if (!e && (!s->condition || condition_holds(s->condition, &row)))
        e = found(ctx, &document, &row, &s->end);
    if (!e && !s->end && !bytes_to_str(name, s->after, sizeof s->after))
        e = ERR_INTERNAL;
    return e;
}

static bool is_beyond(const struct scan *s, struct bytes name)
{
    return s->modules && s->n_ids == 1 && !bytes_eq(identity_device(name), s->ids[0]);
}

enum err scan_turn(struct scan *s, scan_found *found, void *ctx)
{
    enum err e = s->rest.len ? OK : list(s);

    for (size_t n = 0; !e && n < s->turn && s->rest.len && !s->end; n++) {
        struct bytes name = bytes_cut(&s->rest, 0);

        if (is_beyond(s, name))
            s->end = true;
        else
            e = look_at(s, name, found, ctx);
    }
    s->end = s->end || (!e && !s->rest.len && s->last);
    if (e || s->end)
        s->rest = NO_BYTES; /* whoever goes on does so behind the last one that was seen */
    return e;
}
