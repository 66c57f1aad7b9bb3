#include "emit.h"

#include "condition.h"
#include "function.h"

#include <assert.h>
#include <stdlib.h>

size_t count_of(const struct buf *array, size_t size)
{
    return array->len / size;
}

void emit(struct compiler *c, struct step step, size_t takes, unsigned type)
{
    if (c->lexer.why->e)
        return;
    assert(c->height >= takes);
    c->height -= takes;
    if (c->height == CONDITION_STACK_MAX) {
        lexer_wrong_at(&c->lexer, ERR_UNSUPPORTED, step.at, "this is nested too deep");
        return;
    }
    c->types[c->height++] = (uint8_t)type;
    buf_put(&c->program->steps, bytes_of(&step, sizeof step));
}

size_t emit_jump(struct compiler *c, enum op op, size_t at)
{
    size_t place = count_of(&c->program->steps, sizeof(struct step));
    struct step step = {.op = (uint8_t)op, .at = (uint16_t)at};

    if (!c->lexer.why->e)
        buf_put(&c->program->steps, bytes_of(&step, sizeof step));
    return place;
}

void land(struct compiler *c, size_t jump)
{
    size_t n = count_of(&c->program->steps, sizeof(struct step));

    if (jump < n)
        ((struct step *)(void *)c->program->steps.at)[jump].to = (uint32_t)n;
}

unsigned type_of_top(const struct compiler *c)
{
    return c->height ? c->types[c->height - 1] : TYPE_ANY;
}

static unsigned type_of_value(const struct value *v)
{
    switch (v->kind) {
    case VALUE_TEXT:
        return TYPE_TEXT;
    case VALUE_INT:
    case VALUE_DOUBLE:
        return TYPE_NUMBER;
    case VALUE_BOOL:
        return TYPE_BOOL;
    case VALUE_NULL:
        return TYPE_NULL;
    case VALUE_UNDEFINED:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return TYPE_UNDEFINED;
}

void emit_constant(struct compiler *c, const struct value *v, size_t at)
{
    struct step step = {
        .op = OP_CONSTANT, .at = (uint16_t)at, .to = (uint32_t)count_of(&c->program->constants, sizeof(struct value))};

    buf_put(&c->program->constants, bytes_of(v, sizeof *v));
    emit(c, step, 0, type_of_value(v));
}

/* ---- types (service 6.4) --------------------------------------------------------------------------------------- */

static const char *type_name(unsigned type)
{
    return type & TYPE_TEXT ? "a text" : type & TYPE_NUMBER ? "a number" : type & TYPE_BOOL ? "true or false" : "null";
}

bool is_open(unsigned type)
{
    return (type & (TYPE_LOOSE | TYPE_UNDEFINED | TYPE_NULL)) != 0;
}

void want_type(struct compiler *c, size_t at, unsigned type, unsigned wanted, const char *who)
{
    if (c->program->rules == RULES_ROUTE && !is_open(type) && !(type & wanted))
        lexer_wrong_at(&c->lexer, ERR_ARGUMENT, at, "%s takes %s, and this is %s%s", who, type_name(wanted),
                       type_name(type), wanted & TYPE_NUMBER && type & TYPE_TEXT ? ": as_number() makes it one" : "");
}

void want_alike(struct compiler *c, size_t at, unsigned a, unsigned b, const char *who)
{
    if (c->program->rules == RULES_ROUTE && !is_open(a) && !is_open(b) && !(a & b))
        lexer_wrong_at(
            &c->lexer, ERR_ARGUMENT, at, "%s has %s on one side and %s on the other%s", who, type_name(a), type_name(b),
            ((a | b) & (TYPE_TEXT | TYPE_NUMBER)) == (TYPE_TEXT | TYPE_NUMBER) ? ": as_number() makes a text a number"
                                                                               : "");
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

enum err compiler_open(struct compiler *c, const struct dialect *dialect, struct bytes text, struct condition **out,
                       struct complaint *why)
{
    struct condition *made = calloc(1, sizeof *made);

    *out = made;
    *why = (struct complaint){.e = OK};
    c->program = made;
    c->depth = 0;
    c->height = 0;
    if (!made || !(made->text = malloc(text.len + 1)))
        return ERR_MEMORY;
    made->rules = dialect->rules;
    made->text_len = text.len;
    /* No token of one byte makes more than two steps. */
    made->steps = buf_max((2 * text.len + 8) * sizeof(struct step));
    made->constants = buf_max((text.len + 1) * sizeof(struct value));
    made->paths = buf_max((text.len + 1) * sizeof(struct path));
    made->parts = buf_max((text.len + 1) * sizeof(struct path_part));
    if (text.len > dialect->len_max)
        complain(why, ERR_TOO_LARGE, text, SIZE_MAX, "%s must be at most %zu bytes", dialect->name, dialect->len_max);
    if (why->e)
        return why->e;
    lexer_open(&c->lexer, dialect, text, made->text, why);
    return why->e;
}

enum err compiler_close(struct compiler *c)
{
    struct condition *made = c->program;
    struct path *paths = (struct path *)(void *)made->paths.at;
    const struct path_part *part = (const struct path_part *)(const void *)made->parts.at;

    if (!c->lexer.why->e && c->lexer.token.kind != TOKEN_END)
        lexer_wrong(&c->lexer, ERR_MALFORMED, "it ends before");
    if (c->lexer.why->e)
        return c->lexer.why->e;
    if (made->steps.bad || made->constants.bad || made->paths.bad || made->parts.bad)
        return ERR_MEMORY;
    for (size_t i = 0; i < count_of(&made->paths, sizeof *paths); i++) {
        paths[i].at = part;
        part += paths[i].n;
    }
    return OK;
}

void condition_free(struct condition *c)
{
    if (!c)
        return;
    buf_free(&c->steps);
    buf_free(&c->constants);
    buf_free(&c->paths);
    buf_free(&c->parts);
    free(c->text);
    free(c);
}

struct path *condition_paths(struct condition *c, size_t *n)
{
    *n = count_of(&c->paths, sizeof(struct path));
    return (struct path *)(void *)c->paths.at;
}
