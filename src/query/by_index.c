#include "by_index.h"

#include "twin_term.h"
#include "twin_value.h"

#include <stdlib.h>

static_assert((int)EQUALITIES_ANY <= (int)INDEX_WAYS_MAX, "the indexes can be asked for all of them");

/* The bytes of a way. */
struct room {
    struct room *next;
    uint8_t names[INDEX_PATH_MAX];
    uint64_t terms[];
};

/* All that they lead to, together, holds the rows. */
struct ways {
    struct index_way at[EQUALITIES_ANY];
    size_t n;
};

struct by_index {
    struct ways choices[EQUALITIES_MAX];
    size_t n;
    const struct ways *chosen; /* NULL: none was there yet */
    struct room *rooms;
};

/* The names behind the section. An element of an array has no index, and neither has what is not kept as a value. */
static bool take_names(struct index_path *out, struct room *room, const struct path *path, size_t from)
{
    struct buf names = buf_over(room->names, sizeof room->names);
    struct bytes first = path->at[from].name;

    if (out->section != TWIN_TAGS && first.len && first.at[0] == '$')
        return false;
    for (size_t i = from; i < path->n; i++) {
        struct bytes name = path->at[i].name;

        if (!name.at || bytes_find(name, 0) < name.len)
            return false;
        buf_put(&names, name);
        buf_put_u8(&names, 0);
    }
    out->names = buf_bytes(&names);
    return !names.bad;
}

static bool take_path(struct index_path *out, struct room *room, const struct path *path)
{
    enum twin_part section = TWIN_PARTS;
    size_t from = twin_path_section(path, &section);

    if (path->n == 1 && bytes_eq_nocase(path->at[0].name, BYTES("status"))) {
        out->section = INDEX_OF_STATUS;
        return true;
    }
    out->section = (uint8_t)section;
    return from && from < path->n && take_names(out, room, path, from);
}

static bool term_of(const struct value *v, uint64_t *out)
{
    if (v->kind == VALUE_BOOL)
        *out = twin_term_bool(v->yes);
    else if (value_is_number(v))
        *out = twin_term_number(value_number(v));
    else if (v->kind == VALUE_TEXT)
        *out = twin_term_text(v->text);
    else
        return false;
    return true;
}

/* Of the statuses one has an index, those that are disabled: of the others there are as many as devices. */
static bool has_index(const struct index_way *w, const struct value *v)
{
    return w->path.section != INDEX_OF_STATUS || (v->kind == VALUE_TEXT && bytes_eq(v->text, BYTES("disabled")));
}

/* ERR_NOT_FOUND: it has no index. */
static enum err take_way(struct by_index *b, const struct equality *q, bool modules, struct index_way *out)
{
    struct room *room = calloc(1, sizeof *room + q->n * sizeof *room->terms);

    if (!room)
        return ERR_MEMORY;
    room->next = b->rooms;
    b->rooms = room;
    *out = (struct index_way){.path = {.modules = modules}, .terms = room->terms};
    if (!take_path(&out->path, room, q->path))
        return ERR_NOT_FOUND;
    for (; out->n_terms < q->n; out->n_terms++) {
        const struct value *v = &q->values[out->n_terms];

        if (!has_index(out, v) || !term_of(v, &room->terms[out->n_terms]))
            return ERR_NOT_FOUND;
    }
    return OK;
}

static enum err take(struct by_index *b, const struct equalities *q, bool modules)
{
    struct ways *ways = &b->choices[b->n];
    enum err e = OK;

    for (ways->n = 0; ways->n < q->n && !e;)
        if (!(e = take_way(b, &q->any[ways->n], modules, &ways->at[ways->n])))
            ways->n++;
    b->n += e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

struct by_index *by_index_new(const struct condition *c, bool modules, enum err *e)
{
    struct equalities equalities[EQUALITIES_MAX];
    size_t n = condition_equalities(c, equalities);
    struct by_index *b = n ? calloc(1, sizeof *b) : NULL;

    *e = n && !b ? ERR_MEMORY : OK;
    for (size_t i = 0; i < n && !*e; i++)
        *e = take(b, &equalities[i], modules);
    if (b && (*e || !b->n)) {
        by_index_free(b);
        b = NULL;
    }
    return b;
}

void by_index_free(struct by_index *b)
{
    while (b && b->rooms) {
        struct room *room = b->rooms;

        b->rooms = room->next;
        free(room);
    }
    free(b);
}

/* The one that gives the fewest. */
static const struct ways *choose(const struct by_index *b, struct hub *hub)
{
    const struct ways *best = NULL;
    size_t fewest = SIZE_MAX, many;

    for (size_t i = 0; i < b->n; i++) {
        if (hub_index_count(hub, b->choices[i].at, b->choices[i].n, &many) || many >= fewest)
            continue;
        fewest = many;
        best = &b->choices[i];
    }
    return best;
}

enum err by_index_names(struct by_index *b, struct hub *hub, struct bytes after, struct buf *names, size_t max,
                        size_t *n)
{
    enum err e;

    if (!b->chosen && !(b->chosen = choose(b, hub)))
        return ERR_NOT_FOUND;
    if ((e = hub_index_names(hub, b->chosen->at, b->chosen->n, after, names, max, n)) == ERR_NOT_FOUND)
        b->chosen = NULL;
    return e;
}
