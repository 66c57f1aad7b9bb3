/* Equalities for an index: those that stand between the outermost ANDs of a condition. Of an OR whose both sides have
 * some, each of the one with each of the other. */
#include "condition.h"
#include "program.h"

#include <assert.h>

/* A value on the stack, as far as it matters here. */
struct term {
    enum { OTHER, PATH, CONSTANT } kind;
    uint32_t which;
    size_t equalities; /* how many of those that were found last must be true where this is */
    /* While the elements of a list come: are they constants that follow each other? */
    bool list;
    uint32_t first;
    size_t n;
};

struct finder {
    const struct condition *program;
    struct equalities *out;
    size_t n;
    struct term stack[CONDITION_STACK_MAX];
    size_t height;
};

static struct term *top(struct finder *f)
{
    assert(f->height);
    return &f->stack[f->height - 1];
}

static struct term *below_top(struct finder *f)
{
    assert(f->height > 1);
    return &f->stack[f->height - 2];
}

/* Takes that many terms away, and with them what they said. */
static struct term *replace(struct finder *f, size_t takes)
{
    for (; takes; takes--) {
        f->n -= top(f)->equalities;
        f->height--;
    }
    f->stack[f->height] = (struct term){.kind = OTHER};
    return &f->stack[f->height++];
}

static void found(struct finder *f, struct term *at, uint32_t path, uint32_t first, size_t n)
{
    if (f->n == EQUALITIES_MAX)
        return;
    f->out[f->n++] = (struct equalities){
        .any = {{&program_paths(f->program)[path], &program_constants(f->program)[first], n}}, .n = 1};
    at->equalities = 1;
}

static void equal(struct finder *f)
{
    struct term right = *top(f), left = *below_top(f);
    struct term *both = replace(f, 2);

    if (left.kind == PATH && right.kind == CONSTANT)
        found(f, both, left.which, right.which, 1);
    else if (right.kind == PATH && left.kind == CONSTANT)
        found(f, both, right.which, left.which, 1);
}

static void both(struct finder *f)
{
    struct term right = *top(f), left = *below_top(f);

    f->height -= 2;
    f->stack[f->height++] = (struct term){.kind = OTHER, .equalities = left.equalities + right.equalities};
}

/* x = 1 OR x = 2 is x IN [1, 2]: the constants stand behind each other as well. */
static bool continues(const struct equality *one, const struct equality *other)
{
    return one->values + one->n == other->values && bytes_eq(one->path->whole, other->path->whole);
}

/* False: there are too many of them. */
static bool unite(struct equalities *out, const struct equalities *one, const struct equalities *other)
{
    *out = *one;
    for (size_t i = 0; i < other->n; i++) {
        if (!i && continues(&out->any[out->n - 1], &other->any[0]))
            out->any[out->n - 1].n += other->any[0].n;
        else if (out->n == EQUALITIES_ANY)
            return false;
        else
            out->any[out->n++] = other->any[i];
    }
    return true;
}

static void either(struct finder *f)
{
    struct term right = *top(f), left = *below_top(f);
    size_t rights = f->n - right.equalities, lefts = rights - left.equalities, n = 0;
    struct equalities made[EQUALITIES_MAX];

    for (size_t i = lefts; i < rights; i++)
        for (size_t k = rights; k < f->n && lefts + n < EQUALITIES_MAX; k++)
            n += unite(&made[n], &f->out[i], &f->out[k]);
    f->n = lefts + n;
    for (size_t i = 0; i < n; i++)
        f->out[lefts + i] = made[i];
    f->height -= 2;
    f->stack[f->height++] = (struct term){.kind = OTHER, .equalities = n};
}

/* An element of a list; the value that is looked for stands below it. */
static void element(struct finder *f)
{
    struct term one = *top(f), *value = below_top(f);

    f->n -= one.equalities;
    f->height--;
    if (!value->n++) {
        value->list = one.kind == CONSTANT;
        value->first = one.which;
    }
    if (one.kind != CONSTANT || one.which != value->first + value->n - 1)
        value->list = false;
}

static void end_list(struct finder *f)
{
    struct term value = *top(f), *at = replace(f, 1);

    if (value.kind == PATH && value.list)
        found(f, at, value.which, value.first, value.n);
}

static void look(struct finder *f, const struct step *s)
{
    switch ((enum op)s->op) {
    case OP_PATH:
    case OP_CONSTANT: {
        struct term *t = replace(f, 0);

        t->kind = s->op == OP_PATH ? PATH : CONSTANT;
        t->which = s->to;
        break;
    }
    case OP_EQUAL:
        equal(f);
        break;
    case OP_AND:
        both(f);
        break;
    case OP_OR:
        either(f);
        break;
    case OP_IN:
        element(f);
        break;
    case OP_IN_END:
        end_list(f);
        break;
    case OP_AND_THEN:
    case OP_OR_ELSE:
    case OP_DEFINED_ELSE:
        break;
    case OP_NOT:
    case OP_MINUS:
        replace(f, 1);
        break;
    case OP_CALL:
        replace(f, s->n);
        break;
    default:
        replace(f, 2);
        break;
    }
}

size_t condition_equalities(const struct condition *c, struct equalities out[EQUALITIES_MAX])
{
    struct finder f;
    size_t n;
    const struct step *steps = program_steps(c, &n);

    f.program = c;
    f.out = out;
    f.n = f.height = 0;
    for (size_t i = 0; i < n; i++)
        look(&f, &steps[i]);
    return f.n;
}
