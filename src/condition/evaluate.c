#include "evaluate.h"

#include "compare.h"
#include "condition.h"
#include "text_function.h"

#include <assert.h>
#include <math.h>

struct machine {
    const struct condition *program;
    const struct row *row;
    struct scratch *scratch;
    struct value stack[CONDITION_STACK_MAX];
    size_t n;
};

static void push(struct machine *m, struct value v)
{
    assert(m->n < CONDITION_STACK_MAX);
    m->stack[m->n++] = v;
}

static struct value *top(struct machine *m)
{
    assert(m->n);
    return &m->stack[m->n - 1];
}

static struct value pop(struct machine *m)
{
    struct value v = *top(m);

    m->n--;
    return v;
}

static void ask(struct machine *m, const struct path *path)
{
    struct value v = {.kind = VALUE_UNDEFINED};

    m->row->get(m->row, path, m->scratch, &v, NULL);
    v.loose = path->root == PATH_BODY || path->root == PATH_TWIN;
    push(m, v);
}

/* ---- logic ----------------------------------------------------------------------------------------------------- */

enum truth { FALSE, TRUE, NEITHER, NONE }; /* NONE: the null that somebody wrote (service 6.5) */

static enum truth truth_of(const struct machine *m, const struct value *v)
{
    if (v->kind == VALUE_BOOL)
        return v->yes ? TRUE : FALSE;
    return m->program->rules == RULES_ROUTE && v->kind == VALUE_NULL && !v->loose ? NONE : NEITHER;
}

static struct value value_of(enum truth t)
{
    return t == NONE ? value_null() : t == NEITHER ? value_undefined() : value_bool(t == TRUE);
}

static void negate(struct machine *m)
{
    struct value v = pop(m);
    enum truth t = truth_of(m, &v);

    push(m, t == NEITHER ? value_undefined() : value_bool(t != TRUE));
}

static void both(struct machine *m)
{
    struct value right = pop(m), left = pop(m);
    enum truth a = truth_of(m, &left), b = truth_of(m, &right);

    push(m, value_of(a == FALSE || b == FALSE ? FALSE : a == NONE ? NONE : a == NEITHER ? NEITHER : b));
}

static void either(struct machine *m)
{
    struct value right = pop(m), left = pop(m);
    enum truth a = truth_of(m, &left), b = truth_of(m, &right);

    push(m, value_of(a == TRUE || b == TRUE ? TRUE : a == NEITHER ? NEITHER : b));
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

/* Integers stay what they are as long as they fit; false: not these. */
static bool in_integers(enum op how, int64_t a, int64_t b, int64_t *out)
{
    switch (how) {
    case OP_ADD:
        return !__builtin_add_overflow(a, b, out);
    case OP_SUBTRACT:
        return !__builtin_sub_overflow(a, b, out);
    case OP_MULTIPLY:
        return !__builtin_mul_overflow(a, b, out);
    case OP_REST:
        *out = b && b != -1 ? a % b : 0;
        return b != 0;
    default:
        return false;
    }
}

static double in_doubles(enum op how, double a, double b)
{
    switch (how) {
    case OP_ADD:
        return a + b;
    case OP_SUBTRACT:
        return a - b;
    case OP_MULTIPLY:
        return a * b;
    case OP_DIVIDE:
        return a / b;
    default:
        return fmod(a, b);
    }
}

/* service 6.5: the null that somebody wrote counts as 0 in a route. */
static bool as_number(const struct machine *m, struct value *v)
{
    if (truth_of(m, v) == NONE)
        *v = value_double(0);
    return value_is_number(v);
}

static void calculate(struct machine *m, enum op how)
{
    struct value b = pop(m), a = pop(m), v;
    bool loose = a.loose || b.loose;
    int64_t whole;

    if (!as_number(m, &a) || !as_number(m, &b)) {
        push(m, value_undefined());
        return;
    }
    if (a.kind == VALUE_INT && b.kind == VALUE_INT && in_integers(how, a.integer, b.integer, &whole))
        v = value_int(whole);
    else
        v = value_double(in_doubles(how, value_number(&a), value_number(&b)));
    if (v.kind == VALUE_DOUBLE && (isnan(v.number) || (isinf(v.number) && m->program->rules == RULES_QUERY)))
        v = value_undefined();
    v.loose = loose;
    push(m, v);
}

static void change_sign(struct machine *m)
{
    struct value v = pop(m);

    if (!as_number(m, &v))
        v = value_undefined();
    else if (v.kind == VALUE_INT && v.integer != INT64_MIN)
        v.integer = -v.integer;
    else
        v = value_double(-value_number(&v));
    push(m, v);
}

/* ---- the rest -------------------------------------------------------------------------------------------------- */

static void compare(struct machine *m, enum op how)
{
    struct value b = pop(m), a = pop(m);

    push(m, value_compare(m->program->rules, how, &a, &b));
}

static void call(struct machine *m, size_t n, struct value (*run)(const struct call *))
{
    struct call c = {.row = m->row, .scratch = m->scratch, .n = n};

    assert(m->n >= n);
    m->n -= n;
    c.arguments = &m->stack[m->n];
    push(m, run(&c));
}

/* The element on top of the value that is looked for. True: it is found. */
static bool is_element(struct machine *m)
{
    struct value element = pop(m), *value = top(m);

    if (!value_same(m->program->rules, value, &element))
        return false;
    *value = value_bool(true);
    return true;
}

/* The left side decides; what it decides is left on the stack. */
static bool decides(struct machine *m, enum op how)
{
    const struct value *left = top(m);

    return how == OP_DEFINED_ELSE ? left->kind != VALUE_UNDEFINED
                                  : truth_of(m, left) == (how == OP_OR_ELSE ? TRUE : FALSE);
}

/* The step to go on with. */
static size_t run(struct machine *m, const struct step *s, size_t at)
{
    switch ((enum op)s->op) {
    case OP_CONSTANT:
        push(m, program_constants(m->program)[s->to]);
        break;
    case OP_PATH:
        ask(m, &program_paths(m->program)[s->to]);
        break;
    case OP_NOT:
        negate(m);
        break;
    case OP_MINUS:
        change_sign(m);
        break;
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_REST:
        calculate(m, s->op);
        break;
    case OP_CONCAT:
        call(m, 2, text_concat);
        break;
    case OP_EQUAL:
    case OP_UNEQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_MORE:
    case OP_MORE_EQUAL:
        compare(m, s->op);
        break;
    case OP_AND_THEN:
    case OP_OR_ELSE:
    case OP_DEFINED_ELSE:
        return decides(m, s->op) ? s->to : at + 1;
    case OP_AND:
        both(m);
        break;
    case OP_OR:
        either(m);
        break;
    case OP_COALESCE: { /* the left side was undefined */
        struct value right = pop(m);

        *top(m) = right;
        break;
    }
    case OP_IN:
        return is_element(m) ? s->to : at + 1;
    case OP_IN_END: {
        struct value v = pop(m);

        push(m, v.kind == VALUE_UNDEFINED ? value_undefined() : value_bool(false));
        break;
    }
    case OP_CALL:
        call(m, s->n, function_at(s->to)->run);
        break;
    }
    return at + 1;
}

struct value evaluate(const struct condition *c, const struct row *row, struct scratch *scratch)
{
    struct machine m;
    size_t n;
    const struct step *steps = program_steps(c, &n);

    m.program = c;
    m.row = row;
    m.scratch = scratch;
    m.n = 0;
    for (size_t at = 0; at < n;)
        at = run(&m, &steps[at], at);
    assert(m.n == 1);
    return pop(&m);
}

bool condition_holds(const struct condition *c, const struct row *row)
{
    struct scratch scratch;
    struct value v;

    scratch_clear(&scratch);
    v = evaluate(c, row, &scratch);
    return v.kind == VALUE_BOOL && v.yes;
}

size_t condition_steps(const struct condition *c)
{
    return c->steps.len / sizeof(struct step);
}
