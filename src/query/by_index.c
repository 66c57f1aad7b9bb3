#include "by_index.h"

#include "twin_term.h"
#include "twin_value.h"

#include <stdlib.h>

enum { EQUALITIES_MAX = 8 };

/* Values of one path, any of which selects. */
struct way {
    struct index_path path;
    uint8_t names[INDEX_PATH_MAX];
    uint64_t *terms;
    size_t n_terms;
};

struct by_index {
    struct way ways[EQUALITIES_MAX];
    size_t n;
};

/* The names behind the section. An element of an array has no index, and neither has what is not kept as a value. */
static bool take_names(struct way *w, const struct path *path, size_t from)
{
    struct buf names = buf_over(w->names, sizeof w->names);
    struct bytes first = path->at[from].name;

    if (w->path.section != TWIN_TAGS && first.len && first.at[0] == '$')
        return false;
    for (size_t i = from; i < path->n; i++) {
        struct bytes name = path->at[i].name;

        if (!name.at || bytes_find(name, 0) < name.len)
            return false;
        buf_put(&names, name);
        buf_put_u8(&names, 0);
    }
    w->path.names = buf_bytes(&names);
    return !names.bad;
}

static bool take_path(struct way *w, const struct path *path)
{
    enum twin_part section = TWIN_PARTS;
    size_t from = twin_path_section(path, &section);

    if (path->n == 1 && bytes_eq_nocase(path->at[0].name, BYTES("status"))) {
        w->path.section = INDEX_OF_STATUS;
        return true;
    }
    w->path.section = (uint8_t)section;
    return from && from < path->n && take_names(w, path, from);
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

/* Of the statuses one has an index: those that are disabled. */
static bool has_index(const struct way *w, const struct value *v)
{
    return w->path.section != INDEX_OF_STATUS || (v->kind == VALUE_TEXT && bytes_eq(v->text, BYTES("disabled")));
}

static enum err take(struct by_index *b, const struct equality *q, bool modules)
{
    struct way *w = &b->ways[b->n];

    *w = (struct way){.path = {.modules = modules}};
    if (!take_path(w, q->path))
        return OK;
    if (!(w->terms = calloc(q->n + 1, sizeof *w->terms)))
        return ERR_MEMORY;
    for (; w->n_terms < q->n; w->n_terms++)
        if (!has_index(w, &q->values[w->n_terms]) || !term_of(&q->values[w->n_terms], &w->terms[w->n_terms]))
            break;
    if (w->n_terms == q->n) {
        b->n++;
        return OK;
    }
    free(w->terms);
    w->terms = NULL;
    return OK;
}

struct by_index *by_index_new(const struct condition *c, bool modules, enum err *e)
{
    struct equality equalities[EQUALITIES_MAX];
    size_t n = condition_equalities(c, equalities, EQUALITIES_MAX);
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
    for (size_t i = 0; b && i < b->n; i++)
        free(b->ways[i].terms);
    free(b);
}

enum err by_index_names(const struct by_index *b, struct hub *hub, struct bytes after, struct buf *names, size_t max,
                        size_t *n)
{
    enum err e = ERR_NOT_FOUND;

    for (size_t i = 0; i < b->n && e == ERR_NOT_FOUND; i++)
        e = hub_index_names(hub, &b->ways[i].path, b->ways[i].terms, b->ways[i].n_terms, after, names, max, n);
    return e;
}
