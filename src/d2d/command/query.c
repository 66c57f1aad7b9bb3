#include "cli.h"

#include "output.h"

#include <stdlib.h>

enum { COLUMNS_MAX = 12, PAGE_MAX = 1000 };

struct query_values {
    uint64_t top, shown; /* top 0: all */
    const char *query;
    struct out out;
    enum out_format format;
    struct column columns[COLUMNS_MAX + 1];
    char *names[COLUMNS_MAX];
    bool begun;
};

/* The columns of a table are the members of its first row. */
static void begin(struct query_values *v, const json_t *first)
{
    const char *key;
    json_t *value;
    size_t n = 0;

    json_object_foreach((json_t *)first, key, value) if (n < COLUMNS_MAX && (v->names[n] = strdup(key)))
    {
        v->columns[n] = (struct column){v->names[n], v->names[n], 12};
        n++;
    }
    if (n)
        v->columns[n - 1].width = 0;
    out_begin(&v->out, v->format, v->columns, v->names[0] ? v->names[0] : "");
    v->begun = true;
}

static bool is_enough(const struct query_values *v)
{
    return cli_interrupted || (v->top && v->shown == v->top) || !output_flush();
}

static enum d2d_err print_page(struct query_values *v, char *text)
{
    json_t *rows = out_parsed(text), *row;
    size_t i;

    if (!rows)
        return D2D_FAILED;
    json_array_foreach(rows, i, row)
    {
        if (is_enough(v))
            break;
        if (!v->begun)
            begin(v, row);
        if (v->out.format == OUT_TABLE)
            out_never(row);
        out_row(&v->out, json_incref(row));
        v->shown++;
    }
    json_decref(rows);
    return D2D_OK;
}

static enum d2d_err ask(struct d2d_registry *registry, void *ctx)
{
    struct query_values *v = ctx;
    char after[D2D_AFTER_CAP] = "";

    do {
        uint64_t left = v->top ? v->top - v->shown : PAGE_MAX;
        char *text = NULL;
        enum d2d_err e =
            d2d_query(registry, v->query, v->top ? (size_t)(left < PAGE_MAX ? left : PAGE_MAX) : 0, after, &text);

        if (e || (e = print_page(v, text)))
            return e;
    } while (after[0] && !is_enough(v));
    return D2D_OK;
}

static enum status query_run(struct cli *c, void *values, int n, char **argv)
{
    struct query_values *v = values;
    enum status status;

    (void)n;
    v->query = argv[1];
    v->format = c->format;
    status = cli_with_registry(c, ask, v, A_THING, "the query");
    if (!status && !v->shown)
        say("nothing meets the query");
    for (size_t i = 0; i < COLUMNS_MAX; i++)
        free(v->names[i]);
    return cli_interrupted ? INTERRUPTED : status;
}

static const struct opt options[] = {{"top", "N", "at most this many rows (all)", OPT_NUMBER,
                                      .offset = offsetof(struct query_values, top), .least = 1, .most = INT64_MAX},
                                     {0}};

const struct command command_query = {
    {.name = "query",
     .usage = "QUERY",
     .summary = "ask the hub about devices, modules, twins and jobs",
     .examples = "d2d query \"SELECT deviceId, tags.floor AS floor FROM devices WHERE status = 'enabled'\" -o table\n"
                 "d2d query 'SELECT COUNT() AS n, connectionState FROM devices GROUP BY connectionState'\n",
     .options = options,
     .least = 1,
     .most = 1},
    query_run,
    sizeof(struct query_values)};
