#include "compare.h"

/* Two numbers by size, exactly: an integer that no double can have is not the same as its neighbour. */
static int order_of_numbers(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_INT && b->kind == VALUE_INT)
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    if (a->kind == VALUE_DOUBLE && b->kind == VALUE_INT)
        return -order_of_numbers(b, a);
    if (a->kind == VALUE_DOUBLE)
        return a->number < b->number ? -1 : a->number > b->number;
    if (b->number >= 9223372036854775808.0)
        return -1;
    if (b->number < -9223372036854775808.0)
        return 1;
    int64_t whole = (int64_t)b->number;
    if (a->integer != whole)
        return a->integer < whole ? -1 : 1;
    double rest = b->number - (double)whole;
    return rest > 0 ? -1 : rest < 0;
}

/* As UTF-16 has them (service 6.5): what takes four bytes in UTF-8 comes before the last of what takes three. */
static unsigned rank_of_byte(uint8_t c)
{
    return c >= 0xF0 ? 0xED * 16u + 1 + (c & 7u) : c * 16u;
}

static int order_of_texts(enum rules rules, struct bytes a, struct bytes b)
{
    size_t i = 0, n = a.len < b.len ? a.len : b.len;

    if (rules == RULES_QUERY)
        return bytes_cmp(a, b);
    while (i < n && a.at[i] == b.at[i])
        i++;
    if (i == n)
        return a.len < b.len ? -1 : a.len > b.len;
    return rank_of_byte(a.at[i]) < rank_of_byte(b.at[i]) ? -1 : 1;
}

/* service 6.5: the kinds have an order, too. */
static int rank_of_kind(const struct value *v)
{
    switch (v->kind) {
    case VALUE_BOOL:
        return 0;
    case VALUE_INT:
    case VALUE_DOUBLE:
        return 1;
    case VALUE_TEXT:
        return 2;
    case VALUE_NULL:
        return 3;
    case VALUE_UNDEFINED:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return 4;
}

/* Of two of one kind. */
static int order(enum rules rules, const struct value *a, const struct value *b)
{
    switch (a->kind) {
    case VALUE_BOOL:
        return a->yes - b->yes;
    case VALUE_INT:
    case VALUE_DOUBLE:
        return order_of_numbers(a, b);
    case VALUE_TEXT:
        return order_of_texts(rules, a->text, b->text);
    case VALUE_NULL:
    case VALUE_UNDEFINED:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return 0;
}

static struct value answer(enum op how, int by)
{
    switch (how) {
    case OP_EQUAL:
        return value_bool(by == 0);
    case OP_UNEQUAL:
        return value_bool(by != 0);
    case OP_LESS:
        return value_bool(by < 0);
    case OP_LESS_EQUAL:
        return value_bool(by <= 0);
    case OP_MORE:
        return value_bool(by > 0);
    default:
        return value_bool(by >= 0);
    }
}

/* service 4.8: only primitives compare; what is of another kind is another value, and has no order. */
static struct value compare_strictly(enum op how, const struct value *a, const struct value *b, bool alike)
{
    bool by_order = how != OP_EQUAL && how != OP_UNEQUAL;

    if (!alike)
        return by_order ? value_undefined() : value_bool(how == OP_UNEQUAL);
    if (by_order && a->kind != VALUE_TEXT && !value_is_number(a))
        return value_undefined();
    return answer(how, order(RULES_QUERY, a, b));
}

struct value value_compare(enum rules rules, enum op how, const struct value *a, const struct value *b)
{
    int ranks = rank_of_kind(a) - rank_of_kind(b);

    if (rank_of_kind(a) == 4 || rank_of_kind(b) == 4)
        return value_undefined();
    if (rules == RULES_QUERY)
        return compare_strictly(how, a, b, ranks == 0);
    if (ranks == 0)
        return answer(how, order(rules, a, b));
    return a->loose || b->loose ? answer(how, ranks) : value_undefined();
}

bool value_same(enum rules rules, const struct value *a, const struct value *b)
{
    struct value same = value_compare(rules, OP_EQUAL, a, b);

    return same.kind == VALUE_BOOL && same.yes;
}

bool path_same(const struct path *a, const struct path *b)
{
    if (a->root != b->root || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct path_part *x = &a->at[i], *y = &b->at[i];

        if (x->index != y->index || !(i ? bytes_eq(x->name, y->name) : bytes_eq_nocase(x->name, y->name)))
            return false;
    }
    return true;
}
