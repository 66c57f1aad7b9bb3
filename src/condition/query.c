#include "query.h"

#include "compare.h"
#include "compile.h"

#include <stdio.h>

struct reader {
    struct compiler c;
    struct query *q;
    size_t column_paths[QUERY_COLUMNS_MAX], group_paths[QUERY_GROUP_PATHS_MAX];
};

/* ---- columns --------------------------------------------------------------------------------------------------- */

static void take_top(struct reader *r)
{
    struct lexer *l = &r->c.lexer;

    r->q->top = UINT64_MAX;
    if (!lexer_take_word(l, "TOP"))
        return;
    if (l->token.kind != TOKEN_NUMBER || l->token.value.kind != VALUE_INT || l->token.value.integer < 1) {
        lexer_wrong(l, ERR_MALFORMED, "TOP takes a number above 0, not");
        return;
    }
    r->q->top = (uint64_t)l->token.value.integer;
    lexer_next(l);
}

static const struct aggregate {
    const char *name;
    enum query_how how;
} aggregates[] = {
    {"COUNT", QUERY_COUNT}, {"AVG", QUERY_AVG}, {"SUM", QUERY_SUM}, {"MIN", QUERY_MIN}, {"MAX", QUERY_MAX}};

/* COUNT() or AVG(path); false: it is a path. */
static bool take_aggregate(struct reader *r, struct query_column *column, size_t *path)
{
    struct lexer *l = &r->c.lexer;

    if (l->token.kind != TOKEN_WORD || l->token.bracketed || !lexer_before(l, '('))
        return false;
    for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++)
        if (lexer_is_word(l, aggregates[i].name))
            column->how = aggregates[i].how;
    if (column->how == QUERY_PATH) {
        lexer_wrong(l, ERR_UNSUPPORTED, "a column is a path, COUNT(), AVG, SUM, MIN or MAX of one, not");
        return true;
    }
    column->name = l->token.raw;
    column->named = true;
    r->q->groups = true;
    lexer_next(l);
    lexer_next(l);
    if (column->how != QUERY_COUNT) {
        if (l->token.kind != TOKEN_WORD)
            lexer_wrong(l, ERR_MALFORMED, "a path is missing at");
        *path = compile_path(&r->c, NULL);
    }
    if (!lexer_take_mark(l, ")"))
        lexer_wrong(l, ERR_MALFORMED, "a parenthesis is not closed before");
    return true;
}

static void take_column(struct reader *r)
{
    struct lexer *l = &r->c.lexer;
    struct query_column column = {.how = QUERY_PATH};
    size_t path = SIZE_MAX;

    if (l->token.kind != TOKEN_WORD && !lexer_bracket(l)) {
        lexer_wrong(l, ERR_MALFORMED, "a column is missing at");
        return;
    }
    if (!take_aggregate(r, &column, &path))
        path = compile_path(&r->c, &column.name);
    if (lexer_is_word(l, "AS")) {
        lexer_next_name(l);
        if (l->token.kind != TOKEN_WORD)
            lexer_wrong(l, ERR_MALFORMED, "a name is missing after AS, at");
        column.name = l->token.raw;
        column.named = true;
        lexer_next(l);
    }
    if (r->q->n_columns == QUERY_COLUMNS_MAX)
        lexer_wrong(l, ERR_UNSUPPORTED, "there are too many columns before");
    if (l->why->e)
        return;
    r->column_paths[r->q->n_columns] = path;
    r->q->columns[r->q->n_columns++] = column;
}

/* ---- sources --------------------------------------------------------------------------------------------------- */

/* The names of a path with dots between them, as the sources are called. */
static bool take_source(struct lexer *l, const char *name)
{
    struct lexer before = *l;
    struct bytes rest = bytes_str(name);

    while (rest.at) {
        struct bytes part = bytes_cut(&rest, '.');

        if (l->token.kind != TOKEN_WORD || !bytes_eq_nocase(l->token.raw, part))
            break;
        if (!lexer_before(l, '.') != !rest.at)
            break;
        lexer_next(l);
        if (!rest.at)
            return true;
        lexer_next_name(l);
    }
    *l = before;
    return false;
}

static void take_from(struct reader *r)
{
    static const struct {
        const char *name;
        enum query_from from;
    } sources[] = {{"devices", QUERY_DEVICES}, {"devices.modules", QUERY_MODULES}, {"devices.jobs", QUERY_JOBS}};
    struct lexer *l = &r->c.lexer;

    if (lexer_take_word(l, "FROM"))
        for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
            r->q->from = sources[i].from;
            if (take_source(l, sources[i].name))
                return;
        }
    lexer_wrong(l, ERR_MALFORMED, "FROM names devices, devices.modules or devices.jobs, not");
}

/* FROM names the one source that there is, or is not there behind a star. */
static void take_only(struct reader *r, const char *source)
{
    static const char *const all[] = {"enrollments", "enrollmentGroups", "registrations", "deviceRegistrations"};
    struct lexer *l = &r->c.lexer;
    char text[80];

    if (lexer_take_word(l, "FROM")) {
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            if (take_source(l, all[i]))
                return;
    } else if (r->q->all && l->token.kind == TOKEN_END) {
        return;
    }
    snprintf(text, sizeof text, "FROM names %s, not", source);
    lexer_wrong(l, ERR_MALFORMED, text);
}

/* ---- groups ---------------------------------------------------------------------------------------------------- */

static void take_groups(struct reader *r)
{
    struct lexer *l = &r->c.lexer;

    if (!lexer_take_word(l, "GROUP"))
        return;
    r->q->groups = true;
    if (!lexer_is_word(l, "BY"))
        lexer_wrong(l, ERR_MALFORMED, "after GROUP must come BY, not");
    do {
        lexer_next(l);
        if (l->token.kind != TOKEN_WORD && !lexer_bracket(l))
            lexer_wrong(l, ERR_MALFORMED, "a path is missing at");
        else if (r->q->n_group_by == QUERY_GROUP_PATHS_MAX)
            lexer_wrong(l, ERR_UNSUPPORTED, "there are too many paths in GROUP BY before");
        else
            r->group_paths[r->q->n_group_by++] = compile_path(&r->c, NULL);
    } while (lexer_is_mark(l, ","));
}

static bool is_grouped_by(const struct query *q, const struct path *path)
{
    for (size_t i = 0; i < q->n_group_by; i++)
        if (path_same(q->group_by[i], path))
            return true;
    return false;
}

/* Rows of jobs are whole (service 4.8); a row of groups has what the groups have in common. */
static enum err check_columns(const struct query *q, struct bytes text, struct complaint *why)
{
    if (q->from == QUERY_JOBS && q->groups)
        complain(why, ERR_UNSUPPORTED, text, SIZE_MAX, "jobs cannot be grouped");
    else if (q->from == QUERY_JOBS && !q->all)
        complain(why, ERR_UNSUPPORTED, text, SIZE_MAX, "of devices.jobs there is only SELECT *");
    if (!q->groups)
        return why->e;
    if (q->all)
        complain(why, ERR_MALFORMED, text, SIZE_MAX, "with GROUP BY, columns must be named, not *");
    for (size_t i = 0; i < q->n_columns; i++)
        if (q->columns[i].how == QUERY_PATH && !is_grouped_by(q, q->columns[i].path))
            complain(why, ERR_MALFORMED, text, SIZE_MAX, "the column '%.*s' must be in GROUP BY, too",
                     BYTES_ARG(bytes_first(q->columns[i].path->whole, 80)));
    return why->e;
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static bool drop_first(struct path *path, const char *name)
{
    if (path->n < 2 || !bytes_eq_nocase(path->at[0].name, bytes_str(name)))
        return false;
    path->at++;
    path->n--;
    return true;
}

/* service 4.8: the source may stand before the names of its members, and tools have names of their own for some. */
void query_names(struct condition *program, enum query_from from)
{
    static const struct {
        const char *name, *is;
        bool of_jobs;
    } aliases[] = {{"statusUpdatedTime", "statusUpdateTime", false},
                   {"id", "deviceId", false},
                   {"createdTimeUtc", "createdDateTimeUtc", true}};
    size_t n;
    struct path *paths = condition_paths(program, &n);

    for (size_t i = 0; i < n; i++) {
        struct path_part *first;

        if (drop_first(&paths[i], "devices") && from != QUERY_DEVICES)
            drop_first(&paths[i], from == QUERY_JOBS ? "jobs" : "modules");
        first = (struct path_part *)paths[i].at; /* the program's own */
        for (size_t k = 0; k < sizeof aliases / sizeof *aliases; k++)
            if (paths[i].n == 1 && aliases[k].of_jobs == (from == QUERY_JOBS) &&
                bytes_eq_nocase(first->name, bytes_str(aliases[k].name)))
                first->name = bytes_str(aliases[k].is);
    }
}

/* A column that is an alias keeps the name that it was asked by. */
static void keep_names(struct query *q)
{
    for (size_t i = 0; i < q->n_columns; i++) {
        struct query_column *column = &q->columns[i];

        if (column->path && !bytes_eq(column->path->at[column->path->n - 1].name, column->name))
            column->named = true;
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

/* `source`: the only one; NULL: those of devices. */
static void take_query(struct reader *r, const char *source, bool bare)
{
    struct lexer *l = &r->c.lexer;
    struct query *q = r->q;

    if (!bare && !lexer_take_word(l, "SELECT"))
        lexer_wrong(l, ERR_MALFORMED, "a query must begin with SELECT, not");
    take_top(r);
    q->all = lexer_take_mark(l, "*");
    while (!q->all && !l->why->e) {
        take_column(r);
        if (!lexer_take_mark(l, ","))
            break;
    }
    if (source)
        take_only(r, source);
    else
        take_from(r);
    q->has_condition = lexer_take_word(l, "WHERE");
    if (q->has_condition)
        compile_condition(&r->c);
    if (!source)
        take_groups(r);
    else if (q->groups)
        lexer_wrong_at(l, ERR_UNSUPPORTED, SIZE_MAX, "aggregates are not supported here");
}

static enum err open_from(struct query *q, struct bytes text, const char *source, struct complaint *why)
{
    struct reader r = {.q = q};
    bool bare = source && bytes_eq(bytes_trim(text), BYTES("*"));
    enum err e;

    *q = (struct query){.top = UINT64_MAX};
    if ((e = compiler_open(&r.c, &dialect_query, text, &q->program, why)))
        return e;
    take_query(&r, source, bare);
    if ((e = compiler_close(&r.c)))
        return e;
    for (size_t i = 0; i < q->n_columns; i++)
        if (r.column_paths[i] != SIZE_MAX)
            q->columns[i].path = &program_paths(q->program)[r.column_paths[i]];
    for (size_t i = 0; i < q->n_group_by; i++)
        q->group_by[i] = &program_paths(q->program)[r.group_paths[i]];
    if (!source)
        query_names(q->program, q->from);
    keep_names(q);
    return check_columns(q, text, why);
}

enum err query_open(struct query *q, struct bytes text, struct complaint *why)
{
    return open_from(q, text, NULL, why);
}

enum err query_open_from(struct query *q, struct bytes text, const char *source, struct complaint *why)
{
    return open_from(q, text, source, why);
}

void query_close(struct query *q)
{
    condition_free(q->program);
    q->program = NULL;
}

bool query_selects(const struct query *q, const struct row *row)
{
    return !q->has_condition || condition_holds(q->program, row);
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

struct cell {
    struct bytes name;
    struct value value;
};

enum err query_columns(const struct query *q, const struct row *row, query_put *put, void *ctx)
{
    struct cell cells[QUERY_COLUMNS_MAX];
    struct scratch scratch;
    enum err e = OK;

    scratch_clear(&scratch);
    for (size_t i = 0; i < q->n_columns; i++) {
        const struct query_column *column = &q->columns[i];
        struct cell *cell = &cells[i];

        *cell = (struct cell){.name = column->name, .value = {.kind = VALUE_UNDEFINED}};
        row->get(row, column->path, &scratch, &cell->value, column->named ? NULL : &cell->name);
        for (size_t k = 0; cell->value.kind && k < i; k++)
            if (bytes_eq(cells[k].name, cell->name))
                cells[k].value.kind = VALUE_UNDEFINED;
    }
    for (size_t i = 0; !e && i < q->n_columns; i++)
        if (cells[i].value.kind)
            e = put(ctx, cells[i].name, &cells[i].value);
    return e;
}
