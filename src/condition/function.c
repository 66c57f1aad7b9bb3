#include "function.h"

#include "compare.h"
#include "text_function.h"

#include <math.h>

/* ---- what a value is ------------------------------------------------------------------------------------------- */

static struct value is_defined(const struct call *c)
{
    return value_bool(c->arguments->kind != VALUE_UNDEFINED);
}

/* Of a body's values, too, where the open router has it the wrong way round (service 6.6). */
static struct value is_null(const struct call *c)
{
    return value_bool(c->arguments->kind == VALUE_NULL);
}

static struct value is_bool(const struct call *c)
{
    return value_bool(c->arguments->kind == VALUE_BOOL);
}

static struct value is_number(const struct call *c)
{
    return value_bool(value_is_number(c->arguments) && isfinite(value_number(c->arguments)));
}

static struct value is_string(const struct call *c)
{
    return value_bool(c->arguments->kind == VALUE_TEXT);
}

static struct value is_array(const struct call *c)
{
    return value_bool(c->arguments->kind == VALUE_ARRAY);
}

static struct value is_object(const struct call *c)
{
    return value_bool(c->arguments->kind == VALUE_OBJECT);
}

static struct value is_primitive(const struct call *c)
{
    return value_bool(c->arguments->kind > VALUE_UNDEFINED && c->arguments->kind < VALUE_ARRAY);
}

/* ---- arrays ---------------------------------------------------------------------------------------------------- */

static struct value array_contains(const struct call *c)
{
    struct value one = value_undefined();

    if (c->arguments->kind != VALUE_ARRAY || !c->row->element)
        return value_undefined();
    for (size_t i = 0; c->scratch->work < CONDITION_WORK_MAX && c->row->element(c->row, c->arguments, i, &one); i++) {
        c->scratch->work++;
        if (value_same(RULES_QUERY, &one, &c->arguments[1]))
            return value_bool(true);
    }
    return value_bool(false);
}

static struct value array_length(const struct call *c)
{
    struct value one = value_undefined();
    size_t n = 0;

    if (c->arguments->kind != VALUE_ARRAY || !c->row->element)
        return value_undefined();
    while (c->scratch->work++ < CONDITION_WORK_MAX && c->row->element(c->row, c->arguments, n, &one))
        n++;
    return value_int((int64_t)n);
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

static struct value by(const struct call *c, double (*run)(double))
{
    struct value v = value_double(value_is_number(c->arguments) ? run(value_number(c->arguments)) : NAN);

    return isnan(v.number) ? value_undefined() : v;
}

static double square_of(double x)
{
    return x * x;
}

static double sign_of(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x;
}

static struct value absolute(const struct call *c)
{
    return by(c, fabs);
}

static struct value exponential(const struct call *c)
{
    return by(c, exp);
}

static struct value square(const struct call *c)
{
    return by(c, square_of);
}

static struct value ceiling(const struct call *c)
{
    return by(c, ceil);
}

static struct value floored(const struct call *c)
{
    return by(c, floor);
}

static struct value sign(const struct call *c)
{
    return by(c, sign_of);
}

static struct value root(const struct call *c)
{
    return by(c, sqrt);
}

static struct value power(const struct call *c)
{
    double result = value_is_number(&c->arguments[0]) && value_is_number(&c->arguments[1])
                        ? pow(value_number(&c->arguments[0]), value_number(&c->arguments[1]))
                        : NAN;

    return isnan(result) ? value_undefined() : value_double(result);
}

/* ---- models ---------------------------------------------------------------------------------------------------- */

/* The model that the row says it is, and one that it is asked for: with its version ("dtmi:a;1"), or with that as a
 * number, or any version of it. The hub has no models, so what a model is made of is not known (service 4.8). */
static struct value has_model(const struct call *c)
{
    struct bytes model = c->arguments[0].text, asked = c->arguments[1].text, rest;
    uint64_t version;

    if (c->arguments[0].kind != VALUE_TEXT || c->arguments[1].kind != VALUE_TEXT)
        return value_bool(false);
    c->scratch->work += model.len;
    if (c->n == 2 && bytes_eq(model, asked))
        return value_bool(true);
    rest = bytes_skip(model, asked.len);
    if (!bytes_starts(model, asked) || !rest.len || rest.at[0] != ';')
        return value_bool(false);
    if (c->n == 2)
        return value_bool(true);
    return value_bool(c->arguments[2].kind == VALUE_INT && bytes_to_u64(bytes_skip(rest, 1), &version) &&
                      c->arguments[2].integer >= 0 && version == (uint64_t)c->arguments[2].integer);
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

enum { Q = FUNCTION_OF_QUERIES, R = FUNCTION_OF_ROUTES, M = FUNCTION_OF_MODELS };
enum { OPEN = TYPE_LOOSE | TYPE_UNDEFINED, TEXT = TYPE_TEXT | OPEN, NUMBER = TYPE_NUMBER | OPEN };

/* Both kinds of clients have their spelling; the lookup is linear, and done once for each call that is compiled. */
static const struct function functions[] = {
    {"IS_DEFINED", Q | R, 1, 1, {TYPE_ANY}, TYPE_BOOL, is_defined},
    {"IS_NULL", Q | R, 1, 1, {TYPE_ANY}, TYPE_BOOL, is_null},
    {"IS_BOOL", Q | R, 1, 1, {TYPE_ANY}, TYPE_BOOL, is_bool},
    {"IS_NUMBER", Q | R, 1, 1, {TYPE_ANY}, TYPE_BOOL, is_number},
    {"IS_STRING", Q | R, 1, 1, {TYPE_ANY}, TYPE_BOOL, is_string},
    {"IS_ARRAY", Q | R, 1, 1, {TYPE_ANY}, TYPE_BOOL, is_array},
    {"IS_OBJECT", Q | R, 1, 1, {TYPE_ANY}, TYPE_BOOL, is_object},
    {"IS_PRIMITIVE", Q | R, 1, 1, {TYPE_ANY}, TYPE_BOOL, is_primitive},
    {"STARTSWITH", Q, 2, 2, {TEXT, TEXT, TEXT}, TYPE_BOOL, text_starts},
    {"STARTS_WITH", Q | R, 2, 2, {TEXT, TEXT, TEXT}, TYPE_BOOL, text_starts},
    {"ENDSWITH", Q, 2, 2, {TEXT, TEXT, TEXT}, TYPE_BOOL, text_ends},
    {"ENDS_WITH", Q | R, 2, 2, {TEXT, TEXT, TEXT}, TYPE_BOOL, text_ends},
    {"CONTAINS", Q | R, 2, 2, {TEXT, TEXT, TEXT}, TYPE_BOOL, text_contains},
    {"INDEX_OF", Q | R, 2, 2, {TEXT, TEXT, TEXT}, TYPE_NUMBER, text_index},
    {"LENGTH", Q | R, 1, 1, {TEXT}, TYPE_NUMBER, text_length},
    {"LOWER", Q | R, 1, 1, {TEXT}, TYPE_TEXT, text_lower},
    {"UPPER", Q | R, 1, 1, {TEXT}, TYPE_TEXT, text_upper},
    {"SUBSTRING", Q | R, 2, 3, {TEXT, NUMBER, NUMBER}, TYPE_TEXT, text_part},
    {"CONCAT", Q | R, 2, CONDITION_ARGUMENTS_MAX, {TEXT, TEXT, TEXT}, TYPE_TEXT, text_concat},
    {"AS_NUMBER", Q | R, 1, 1, {TEXT | TYPE_NUMBER}, TYPE_NUMBER, text_as_number},
    {"ARRAY_CONTAINS", Q, 2, 2, {TYPE_ANY, TYPE_ANY, TYPE_ANY}, TYPE_BOOL, array_contains},
    {"ARRAY_LENGTH", Q, 1, 1, {TYPE_ANY}, TYPE_NUMBER, array_length},
    {"HAS_INTERFACE", Q | M, 2, 3, {TYPE_ANY, TEXT, NUMBER}, TYPE_BOOL, has_model},
    {"HAS_CAPABILITYMODEL", Q | M, 2, 3, {TYPE_ANY, TEXT, NUMBER}, TYPE_BOOL, has_model},
    {"ABS", Q | R, 1, 1, {NUMBER}, TYPE_NUMBER, absolute},
    {"EXP", Q | R, 1, 1, {NUMBER}, TYPE_NUMBER, exponential},
    {"SQUARE", Q | R, 1, 1, {NUMBER}, TYPE_NUMBER, square},
    {"CEILING", Q | R, 1, 1, {NUMBER}, TYPE_NUMBER, ceiling},
    {"FLOOR", Q | R, 1, 1, {NUMBER}, TYPE_NUMBER, floored},
    {"SIGN", Q | R, 1, 1, {NUMBER}, TYPE_NUMBER, sign},
    {"SQRT", Q | R, 1, 1, {NUMBER}, TYPE_NUMBER, root},
    {"POWER", Q | R, 2, 2, {NUMBER, NUMBER, NUMBER}, TYPE_NUMBER, power},
};

const struct function *function_find(struct bytes name, unsigned where, size_t *index)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if ((functions[i].where & where) && bytes_eq_nocase(name, bytes_str(functions[i].name))) {
            *index = i;
            return &functions[i];
        }
    return NULL;
}

const struct function *function_at(size_t index)
{
    return &functions[index];
}
