#include "query_group.h"

#include "buf.h"
#include "compare.h"
#include "map.h"

#include <math.h>
#include <stdlib.h>

/* The numbers of one column so far. */
struct sum {
    uint64_t n;
    bool exact; /* `whole` is the sum: all are integers, and it fits */
    int64_t whole;
    double all;
    struct value least, most;
};

struct group {
    struct bytes key;     /* the values that it is grouped by, as bytes: kind, length, text or number */
    struct value *values; /* the same; texts look into the key */
    struct sum sums[];
};

struct query_groups {
    const struct query *query;
    struct map by_key;
    struct buf all; /* of struct group * */
    size_t bytes;
};

/* ---- keys ------------------------------------------------------------------------------------------------------ */

/* Appends a value in a form in which the same values have the same bytes. Arrays and objects count as missing. */
static void put_key(struct buf *key, const struct value *v)
{
    double number = value_is_number(v) ? value_number(v) : 0;
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    switch (v->kind) {
    case VALUE_BOOL:
        buf_put_u8(key, 'b');
        buf_put_u8(key, v->yes);
        break;
    case VALUE_INT:
        buf_put_u8(key, 'n');
        buf_put_u64(key, (uint64_t)v->integer);
        break;
    case VALUE_DOUBLE:
        buf_put_u8(key, 'd');
        buf_put_u64(key, bits);
        break;
    case VALUE_TEXT:
        buf_put_u8(key, 't');
        buf_put_u32(key, (uint32_t)v->text.len);
        buf_put(key, v->text);
        break;
    case VALUE_NULL:
        buf_put_u8(key, '0');
        break;
    case VALUE_UNDEFINED:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        buf_put_u8(key, '-');
        break;
    }
}

/* Integers are one kind with the doubles that are the same. */
static struct value plain(struct value v)
{
    if (v.kind == VALUE_DOUBLE && fabs(v.number) <= 9007199254740992.0 && v.number == (double)(int64_t)v.number)
        return value_int((int64_t)v.number);
    if (v.kind == VALUE_ARRAY || v.kind == VALUE_OBJECT)
        v.kind = VALUE_UNDEFINED;
    return v;
}

/* The values that the row is grouped by; their texts are lent as the row's are. */
static void read_key(const struct query *q, const struct row *row, struct scratch *scratch, struct value *values,
                     struct buf *key)
{
    for (size_t i = 0; i < q->n_group_by; i++) {
        struct value v = {.kind = VALUE_UNDEFINED};

        row->get(row, q->group_by[i], scratch, &v, NULL);
        values[i] = plain(v);
        put_key(key, &values[i]);
    }
}

/* ---- groups ---------------------------------------------------------------------------------------------------- */

/* In one block: the group, its values, its key, and the texts once more behind it. */
static enum err make_group(struct query_groups *g, struct bytes key, const struct value *values, struct group **out)
{
    const struct query *q = g->query;
    size_t head = sizeof(struct group) + q->n_columns * sizeof(struct sum), body = q->n_group_by * sizeof *values;
    size_t size = head + body + 2 * key.len;
    struct group *made;
    uint8_t *at;

    if (g->all.len / sizeof made == QUERY_GROUPS_MAX || g->bytes + size > QUERY_GROUP_BYTES_MAX)
        return ERR_LIMIT;
    if (!(made = calloc(1, size + 1)))
        return ERR_MEMORY;
    made->values = (struct value *)(void *)((uint8_t *)made + head);
    at = (uint8_t *)made + head + body;
    if (key.len)
        memcpy(at, key.at, key.len);
    made->key = bytes_of(at, key.len);
    at += key.len;
    for (size_t i = 0; i < q->n_group_by; i++) {
        made->values[i] = values[i];
        if (values[i].kind != VALUE_TEXT)
            continue;
        if (values[i].text.len)
            memcpy(at, values[i].text.at, values[i].text.len);
        made->values[i].text.at = at;
        at += values[i].text.len;
    }
    buf_put(&g->all, bytes_of(&made, sizeof made));
    if (g->all.bad || map_put(&g->by_key, made->key, made)) {
        if (!g->all.bad)
            g->all.len -= sizeof made;
        free(made);
        return ERR_MEMORY;
    }
    g->bytes += size;
    *out = made;
    return OK;
}

static void add(struct sum *s, const struct value *v)
{
    if (!value_is_number(v))
        return;
    if (!s->n) {
        s->least = s->most = *v;
        s->exact = true;
    }
    s->n++;
    s->all += value_number(v);
    if (s->exact && (v->kind != VALUE_INT || __builtin_add_overflow(s->whole, v->integer, &s->whole)))
        s->exact = false;
    if (value_compare(RULES_QUERY, OP_LESS, v, &s->least).yes)
        s->least = *v;
    if (value_compare(RULES_QUERY, OP_MORE, v, &s->most).yes)
        s->most = *v;
}

static enum err find_group(struct query_groups *g, const struct row *row, struct scratch *scratch, struct group **out)
{
    struct value values[QUERY_GROUP_PATHS_MAX];
    struct buf key = buf_max(QUERY_GROUP_BYTES_MAX);
    enum err e = OK;

    read_key(g->query, row, scratch, values, &key);
    if (key.bad)
        e = ERR_LIMIT;
    else if (!(*out = map_get(&g->by_key, buf_bytes(&key))))
        e = make_group(g, buf_bytes(&key), values, out);
    buf_free(&key);
    return e;
}

enum err query_groups_add(struct query_groups *g, const struct row *row)
{
    struct scratch scratch;
    struct group *group;
    enum err e;

    scratch_clear(&scratch);
    if ((e = find_group(g, row, &scratch, &group)))
        return e;
    for (size_t i = 0; i < g->query->n_columns; i++) {
        const struct query_column *column = &g->query->columns[i];
        struct value v = {.kind = VALUE_UNDEFINED};

        if (column->how == QUERY_COUNT)
            group->sums[i].n++;
        else if (column->how != QUERY_PATH) {
            row->get(row, column->path, &scratch, &v, NULL);
            add(&group->sums[i], &v);
        }
    }
    return OK;
}

/* ---- what comes out -------------------------------------------------------------------------------------------- */

static struct value result_of(const struct query *q, const struct group *group, size_t i)
{
    const struct query_column *column = &q->columns[i];
    const struct sum *s = &group->sums[i];

    if (column->how == QUERY_COUNT)
        return value_int((int64_t)s->n);
    if (column->how == QUERY_PATH)
        for (size_t k = 0; k < q->n_group_by; k++)
            if (path_same(q->group_by[k], column->path))
                return group->values[k];
    if (!s->n)
        return value_undefined();
    if (column->how == QUERY_MIN || column->how == QUERY_MAX)
        return column->how == QUERY_MIN ? s->least : s->most;
    if (column->how == QUERY_AVG)
        return plain(value_double(s->all / (double)s->n));
    return s->exact ? value_int(s->whole) : value_double(s->all);
}

enum err query_groups_put(const struct query_groups *g, size_t which, query_put *put, void *ctx)
{
    const struct query *q = g->query;
    const struct group *group = ((struct group *const *)(const void *)g->all.at)[which];
    enum err e = OK;

    for (size_t i = 0; !e && i < q->n_columns; i++) {
        struct value v = result_of(q, group, i);
        bool again = false;

        for (size_t k = i + 1; k < q->n_columns; k++)
            again |= bytes_eq(q->columns[k].name, q->columns[i].name);
        if (v.kind && !again)
            e = put(ctx, q->columns[i].name, &v);
    }
    return e;
}

static int by_key(const void *a, const void *b)
{
    return bytes_cmp((*(struct group *const *)a)->key, (*(struct group *const *)b)->key);
}

size_t query_groups_end(struct query_groups *g)
{
    size_t n = g->all.len / sizeof(struct group *);

    if (n > 1)
        qsort(g->all.at, n, sizeof(struct group *), by_key);
    return n;
}

enum err query_groups_new(const struct query *q, struct query_groups **out)
{
    struct query_groups *made = calloc(1, sizeof *made);
    struct group *only;
    enum err e = OK;

    if (!made)
        return ERR_MEMORY;
    made->query = q;
    made->all = buf_max(QUERY_GROUPS_MAX * sizeof only);
    map_init(&made->by_key, bytes_hash(bytes_of(&made, sizeof made), 0));
    if (!q->n_group_by)
        e = make_group(made, NO_BYTES, NULL, &only);
    if (e)
        query_groups_free(made);
    else
        *out = made;
    return e;
}

void query_groups_free(struct query_groups *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->all.len / sizeof(struct group *); i++)
        free(((struct group **)(void *)g->all.at)[i]);
    buf_free(&g->all);
    map_free(&g->by_key);
    free(g);
}
