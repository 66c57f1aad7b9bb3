/* Must reach: every token, operator, function and refusal of src/condition in both languages, with a row that has a
 * value of each kind; groups, columns, and what an index is told. */
#include "json_row.h"
#include "query_group.h"

#include "text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err put(void *ctx, struct bytes name, const struct value *v)
{
    struct buf *out = ctx;

    if (v->kind == VALUE_UNDEFINED)
        abort();
    buf_put_json(out, name);
    return json_put_value(v, out);
}

static bool may_be(const struct equality *one, const struct row *row)
{
    struct scratch scratch;
    struct value v = {.kind = VALUE_UNDEFINED};

    scratch_clear(&scratch);
    row->get(row, one->path, &scratch, &v, NULL);
    for (size_t k = 0; k < one->n; k++)
        if (v.kind == one->values[k].kind || (value_is_number(&v) && value_is_number(&one->values[k])))
            return true;
    return false;
}

/* Equalities are true of each row that is selected. */
static void check_equalities(const struct condition *c, const struct row *row)
{
    struct equalities all[EQUALITIES_MAX];
    size_t n = condition_equalities(c, all);

    for (size_t i = 0; i < n; i++) {
        bool found = false;

        for (size_t k = 0; k < all[i].n; k++)
            found |= may_be(&all[i].any[k], row);
        if (!found)
            abort();
    }
}

static void run_query(struct bytes text, const struct row *row)
{
    struct complaint why;
    struct query q;
    enum err e = query_open(&q, text, &why);

    if ((e == OK) != (why.text[0] == '\0'))
        abort();
    if (!e) {
        struct buf out = buf_max(1 << 20);
        struct query_groups *groups;

        if (query_selects(&q, row) && q.has_condition)
            check_equalities(q.program, row);
        if (!q.groups && query_columns(&q, row, put, &out))
            abort();
        if (q.groups && !query_groups_new(&q, &groups)) {
            if (query_groups_add(groups, row) || query_groups_end(groups) != 1 ||
                query_groups_put(groups, 0, put, &out))
                abort();
            query_groups_free(groups);
        }
        buf_free(&out);
    }
    query_close(&q);
}

static void run_condition(struct bytes text, enum language language, const struct row *row)
{
    struct complaint why;
    struct condition *c;
    enum err e = condition_compile(text, language, &c, &why);

    if ((e == OK) != (why.text[0] == '\0'))
        abort();
    if (e)
        return;
    if (condition_holds(c, row) && language == LANGUAGE_QUERY)
        check_equalities(c, row);
    condition_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *document;
    struct row row;

    if (!document)
        document = json_loads("{\"a\":1,\"b\":\"text\",\"c\":{\"d\":[1,\"x\",null],\"e\":null},\"f\":true,\"g\":0.5}",
                              0, NULL);
    row = json_row(document);
    run_query(bytes_of(data, size), &row);
    run_condition(bytes_of(data, size), LANGUAGE_QUERY, &row);
    run_condition(bytes_of(data, size), LANGUAGE_ROUTE, &row);
    return 0;
}
