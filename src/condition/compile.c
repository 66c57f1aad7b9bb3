#include "compile.h"

#include "condition.h"
#include "emit.h"
#include "function.h"

#include <assert.h>

/* ---- operators ------------------------------------------------------------------------------------------------- */

enum { LEVEL_COALESCE = 1, LEVEL_OR, LEVEL_AND, LEVEL_EQUAL, LEVEL_ORDER, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_PREFIX };

static const struct infix {
    const char *mark;
    bool word;
    uint8_t level, op;
} operators[] = {
    {"??", false, LEVEL_COALESCE, OP_COALESCE},
    {"OR", true, LEVEL_OR, OP_OR},
    {"AND", true, LEVEL_AND, OP_AND},
    {"=", false, LEVEL_EQUAL, OP_EQUAL},
    {"!=", false, LEVEL_EQUAL, OP_UNEQUAL},
    {"<>", false, LEVEL_EQUAL, OP_UNEQUAL},
    {"<", false, LEVEL_ORDER, OP_LESS},
    {"<=", false, LEVEL_ORDER, OP_LESS_EQUAL},
    {">", false, LEVEL_ORDER, OP_MORE},
    {">=", false, LEVEL_ORDER, OP_MORE_EQUAL},
    {"IN", true, LEVEL_ORDER, OP_IN},
    {"NIN", true, LEVEL_ORDER, OP_NOT},
    {"NOT", true, LEVEL_ORDER, OP_NOT}, /* NOT IN */
    {"+", false, LEVEL_SUM, OP_ADD},
    {"-", false, LEVEL_SUM, OP_SUBTRACT},
    {"||", false, LEVEL_SUM, OP_CONCAT},
    {"*", false, LEVEL_PRODUCT, OP_MULTIPLY},
    {"/", false, LEVEL_PRODUCT, OP_DIVIDE},
    {"%", false, LEVEL_PRODUCT, OP_REST},
};

static const struct infix *operator_here(const struct compiler *c)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].word ? lexer_is_word(&c->lexer, operators[i].mark)
                              : lexer_is_mark(&c->lexer, operators[i].mark))
            return &operators[i];
    return NULL;
}

static void compile_level(struct compiler *c, unsigned level);

static void emit_operator(struct compiler *c, const struct infix *o, size_t at, unsigned left)
{
    unsigned right = type_of_top(c), loose = (left | right) & TYPE_LOOSE, gives = TYPE_BOOL;

    if (o->level == LEVEL_AND || o->level == LEVEL_OR) {
        want_type(c, at, left, TYPE_BOOL, o->mark);
        want_type(c, at, right, TYPE_BOOL, o->mark);
    } else if (o->level == LEVEL_SUM || o->level == LEVEL_PRODUCT) {
        gives = (o->op == OP_CONCAT ? TYPE_TEXT : TYPE_NUMBER);
        want_type(c, at, left, gives, o->mark);
        want_type(c, at, right, gives, o->mark);
        gives |= loose;
    } else {
        want_alike(c, at, left, right, o->mark);
        if (o->level == LEVEL_COALESCE)
            gives = is_open(left) ? (left & ~TYPE_UNDEFINED) | right : left;
    }
    emit(c, (struct step){.op = o->op, .at = (uint16_t)at}, 2, gives);
}

/* [c, c] or, as some write it, (c, c); the value that is looked for is on the stack. */
static void compile_list(struct compiler *c, size_t at, bool negated)
{
    const char *end = lexer_is_mark(&c->lexer, "[") ? "]" : lexer_is_mark(&c->lexer, "(") ? ")" : NULL;
    size_t first = count_of(&c->program->steps, sizeof(struct step)), behind;
    unsigned left = type_of_top(c);

    if (!end) {
        lexer_wrong(&c->lexer, ERR_MALFORMED, "after IN must come ( or [ and a list, not");
        return;
    }
    do {
        lexer_next(&c->lexer);
        compile_level(c, LEVEL_SUM);
        want_alike(c, at, left, type_of_top(c), "IN");
        emit_jump(c, OP_IN, at);
        if (c->height)
            c->height--;
    } while (lexer_is_mark(&c->lexer, ","));
    if (!lexer_take_mark(&c->lexer, end))
        lexer_wrong(&c->lexer, ERR_MALFORMED, "a list does not end: it is not closed before");
    emit(c, (struct step){.op = OP_IN_END, .at = (uint16_t)at}, 1, TYPE_BOOL);
    behind = count_of(&c->program->steps, sizeof(struct step));
    for (size_t i = first; i < behind; i++) {
        struct step *step = (struct step *)(void *)c->program->steps.at + i;

        if (step->op == OP_IN && !step->to)
            step->to = (uint32_t)behind;
    }
    if (negated)
        emit(c, (struct step){.op = OP_NOT, .at = (uint16_t)at}, 1, TYPE_BOOL);
}

/* The step that lets the left side decide alone, or -1. */
static int shortcut_of(enum op op)
{
    return op == OP_AND ? OP_AND_THEN : op == OP_OR ? OP_OR_ELSE : op == OP_COALESCE ? OP_DEFINED_ELSE : -1;
}

static bool is_comparison(const struct infix *o)
{
    return o->level == LEVEL_EQUAL || o->level == LEVEL_ORDER;
}

/* The operator that stands here, and what comes on its right. */
static void compile_operator(struct compiler *c, const struct infix *o)
{
    size_t at = c->lexer.token.at, jump = SIZE_MAX;
    unsigned left = type_of_top(c);
    bool in = o->op == OP_IN || o->op == OP_NOT;

    lexer_next(&c->lexer);
    if (in) {
        if (strcmp(o->mark, "NOT") == 0 && !lexer_take_word(&c->lexer, "IN"))
            lexer_wrong(&c->lexer, ERR_MALFORMED, "after NOT must come IN, not");
        compile_list(c, at, o->op == OP_NOT);
        return;
    }
    if (shortcut_of(o->op) >= 0)
        jump = emit_jump(c, (enum op)shortcut_of(o->op), at);
    /* A query has its comparisons on one level. */
    compile_level(c, is_comparison(o) && c->program->rules == RULES_QUERY ? LEVEL_SUM : o->level + 1u);
    emit_operator(c, o, at, left);
    if (jump != SIZE_MAX)
        land(c, jump);
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

/* twin_change_includes(tags.x): a bare path, and a question to the row (service 6.6). The section is in any case; what
 * is below it is as it is written. */
static void compile_change(struct compiler *c, size_t at)
{
    static const char *const roots[] = {"tags", "properties.desired", "properties.reported"};
    struct lexer *l = &c->lexer;
    struct bytes name = l->token.raw;
    struct path path = {.root = PATH_CHANGE, .whole = name};
    bool known = false;

    for (size_t i = 0; l->token.kind == TOKEN_WORD && i < sizeof roots / sizeof *roots && !known; i++) {
        struct bytes below = bytes_skip(name, strlen(roots[i]));

        known = bytes_starts_nocase(name, bytes_str(roots[i])) && below.len && below.at[0] == '.' &&
                cut_path(c, &path, bytes_str(roots[i])) && cut_path(c, &path, bytes_skip(below, 1));
    }
    if (!known)
        lexer_wrong(l, ERR_ARGUMENT,
                    "twin_change_includes takes a path below tags, properties.desired or properties.reported, not");
    lexer_next(l);
    if (!lexer_take_mark(l, ")"))
        lexer_wrong(l, ERR_MALFORMED, "a parenthesis is not closed before");
    emit(c, (struct step){.op = OP_PATH, .at = (uint16_t)at, .to = (uint32_t)put_path(c, &path)}, 0, TYPE_BOOL);
}

static void emit_model(struct compiler *c, size_t at)
{
    struct path path = {.root = PATH_PLAIN, .n = 1, .whole = BYTES("modelId")};

    buf_put(&c->program->parts, bytes_of(&(struct path_part){.name = path.whole}, sizeof(struct path_part)));
    emit(c, (struct step){.op = OP_PATH, .at = (uint16_t)at, .to = (uint32_t)put_path(c, &path)}, 0, TYPE_ANY);
}

static void compile_arguments(struct compiler *c, const struct function *f, size_t *n)
{
    do {
        size_t at = c->lexer.token.at;

        compile_level(c, LEVEL_COALESCE);
        if (*n < f->most)
            want_type(c, at, type_of_top(c), f->takes[*n < 3 ? *n : 2], f->name);
        ++*n;
    } while (*n <= CONDITION_ARGUMENTS_MAX && lexer_take_mark(&c->lexer, ","));
}

/* Its name has been read; the parenthesis stands here. */
static void compile_call(struct compiler *c, struct bytes name, size_t at)
{
    size_t index, n;
    const struct function *f = function_find(name, c->lexer.dialect->functions, &index);
    bool of_models = f && (f->where & FUNCTION_OF_MODELS);

    lexer_next(&c->lexer);
    if (c->program->rules == RULES_ROUTE && bytes_eq_nocase(name, BYTES("twin_change_includes"))) {
        compile_change(c, at);
        return;
    }
    if (!f) {
        lexer_wrong_at(&c->lexer, ERR_UNSUPPORTED, at, "there is no function '%.*s'", BYTES_ARG(bytes_first(name, 40)));
        return;
    }
    if (of_models)
        emit_model(c, at);
    n = of_models;
    compile_arguments(c, f, &n);
    if (n < f->least || n > f->most || !lexer_is_mark(&c->lexer, ")"))
        lexer_wrong_at(&c->lexer, ERR_MALFORMED, at, "these are not the arguments of '%s': it takes %u%s", f->name,
                       f->least - of_models,
                       f->most == CONDITION_ARGUMENTS_MAX ? " or more"
                       : f->most > f->least               ? of_models ? " or 2" : " or 3"
                                                          : "");
    lexer_next(&c->lexer);
    emit(c, (struct step){.op = OP_CALL, .n = (uint8_t)n, .at = (uint16_t)at, .to = (uint32_t)index}, n, f->gives);
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

/* true, false, null, undefined; a route wants them in lower case. */
static bool is_constant(const struct lexer *l, struct value *out)
{
    static const struct {
        const char *word;
        enum value_kind kind;
        bool yes;
    } words[] = {{"true", VALUE_BOOL, true},
                 {"false", VALUE_BOOL, false},
                 {"null", VALUE_NULL, false},
                 {"undefined", VALUE_UNDEFINED, false}};

    for (size_t i = 0; l->dialect->calls && i < sizeof words / sizeof *words; i++) {
        if (!lexer_is_word(l, words[i].word))
            continue;
        if (l->dialect->lower_words && !bytes_eq(l->token.raw, bytes_str(words[i].word)))
            return false;
        *out = (struct value){.kind = words[i].kind, .yes = words[i].yes};
        return true;
    }
    return false;
}

/* service 6.2: words that the lexer of the service has for its queries. */
static bool is_reserved(const struct lexer *l)
{
    static const char *const words[] = {"select", "from", "where", "into", "and", "or", "not"};

    for (size_t i = 0; l->dialect->dollars && i < sizeof words / sizeof *words; i++)
        if (lexer_is_word(l, words[i]))
            return true;
    return false;
}

/* A path, a constant or a call; their word stands here. */
static void compile_word(struct compiler *c)
{
    struct lexer *l = &c->lexer;
    struct bytes word = l->token.raw;
    size_t at = l->token.at;
    struct value v;

    if (is_reserved(l)) {
        lexer_wrong(l, ERR_MALFORMED, "a name is missing at the word");
    } else if (l->dialect->calls && !l->token.bracketed && lexer_before(l, '(')) {
        lexer_next(l);
        compile_call(c, word, at);
    } else if (is_constant(l, &v) && !(l->dialect->dots && lexer_before(l, '.'))) {
        lexer_next(l);
        emit_constant(c, &v, at);
    } else if (l->dialect->dollars) {
        compile_property(c, false);
    } else {
        struct step step = {.op = OP_PATH, .at = (uint16_t)at};

        step.to = (uint32_t)compile_path(c, NULL);
        emit(c, step, 0, TYPE_ANY);
    }
}

/* {$name} */
static void compile_braces(struct compiler *c)
{
    lexer_next(&c->lexer);
    if (c->lexer.token.kind != TOKEN_WORD || c->lexer.token.raw.at[0] != '$')
        lexer_wrong(&c->lexer, ERR_MALFORMED, "a name that begins with $ is missing at");
    else
        compile_property(c, true);
    if (!lexer_take_mark(&c->lexer, "}"))
        lexer_wrong(&c->lexer, ERR_MALFORMED, "a brace is not closed before");
}

/* NOT and minus take one value, on their right. */
static void compile_prefix(struct compiler *c, enum op op, unsigned type, const char *name)
{
    size_t at = c->lexer.token.at;
    bool query = c->program->rules == RULES_QUERY;

    lexer_next(&c->lexer);
    compile_level(c, op == OP_NOT && query ? LEVEL_EQUAL : LEVEL_PREFIX);
    want_type(c, at, type_of_top(c), type, name);
    emit(c, (struct step){.op = (uint8_t)op, .at = (uint16_t)at}, 1, type | (type_of_top(c) & TYPE_LOOSE));
}

/* Everything that nests comes through here. */
static void compile_value(struct compiler *c)
{
    struct lexer *l = &c->lexer;
    struct token token = l->token;

    if (++c->depth > l->dialect->depth_max) {
        lexer_wrong_at(l, ERR_UNSUPPORTED, token.at, "this is nested too deep: too many parentheses");
    } else if (lexer_take_mark(l, "(")) {
        compile_level(c, LEVEL_COALESCE);
        if (!lexer_take_mark(l, ")"))
            lexer_wrong(l, ERR_MALFORMED, "a parenthesis is not closed before");
    } else if (lexer_is_word(l, "NOT") && l->dialect->calls) {
        compile_prefix(c, OP_NOT, TYPE_BOOL, "NOT");
    } else if (lexer_is_mark(l, "-")) {
        compile_prefix(c, OP_MINUS, TYPE_NUMBER, "-");
    } else if (lexer_is_mark(l, "{")) {
        compile_braces(c);
    } else if (token.kind == TOKEN_TEXT || token.kind == TOKEN_NUMBER) {
        lexer_next(l);
        emit_constant(c, &token.value, token.at);
    } else if (token.kind == TOKEN_WORD || lexer_bracket(l)) {
        compile_word(c);
    } else {
        lexer_wrong(l, ERR_MALFORMED, "a value is missing (a name, a number, or a text in quotes) at");
    }
    c->depth--;
}

/* In a selector a name or a text is no condition. */
static void want_comparison(struct compiler *c, size_t at)
{
    size_t n;
    const struct step *steps = program_steps(c->program, &n);
    const struct infix *o = operator_here(c);

    if (!n || (steps[n - 1].op != OP_PATH && steps[n - 1].op != OP_CONSTANT) || (o && is_comparison(o)))
        return;
    if (!c->lexer.why->e)
        lexer_wrong_at(&c->lexer, ERR_MALFORMED, at,
                       "after '%.*s' must come = or IN for devices, > or >= for a position",
                       BYTES_ARG(bytes_first(bytes_skip(c->lexer.original, at), c->lexer.token.at - at)));
}

static void compile_level(struct compiler *c, unsigned level)
{
    size_t at = c->lexer.token.at;
    bool compared = false, query = c->program->rules == RULES_QUERY;
    const struct infix *o;

    compile_value(c);
    if (c->lexer.dialect->comparing && level <= LEVEL_EQUAL)
        want_comparison(c, at);
    while (!c->lexer.why->e && (o = operator_here(c)) && o->level >= level) {
        if (query && compared && is_comparison(o)) {
            lexer_wrong(&c->lexer, ERR_MALFORMED, "what was compared cannot be compared again at");
            return;
        }
        compared |= is_comparison(o);
        compile_operator(c, o);
    }
}

void compile_condition(struct compiler *c)
{
    size_t at = c->lexer.token.at;

    compile_level(c, LEVEL_COALESCE);
    if (c->lexer.token.kind == TOKEN_END)
        want_type(c, at, type_of_top(c), TYPE_BOOL, "a condition");
    assert(c->lexer.why->e || c->height == 1);
}

enum err condition_compile(struct bytes text, enum language language, struct condition **out, struct complaint *why)
{
    struct compiler c;
    bool route = language == LANGUAGE_ROUTE;
    struct condition *made;
    enum err e = compiler_open(&c, route ? &dialect_route : &dialect_query, text, &made, why);

    if (!e && route && c.lexer.token.kind == TOKEN_END)
        emit_constant(&c, &(struct value){.kind = VALUE_BOOL, .yes = true}, 0);
    else if (!e)
        compile_condition(&c);
    if (!e)
        e = compiler_close(&c);
    if (e)
        condition_free(made);
    else
        *out = made;
    return e;
}
