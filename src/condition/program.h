/* A condition as it runs: steps over a stack of values. Jumps lead forward only, so that no step runs twice. */
#pragma once

#include "buf.h"
#include "dialect.h"

enum op {
    OP_CONSTANT, /* to: which */
    OP_PATH,     /* to: which */
    OP_NOT,
    OP_MINUS,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_REST,
    OP_CONCAT,
    OP_EQUAL,
    OP_UNEQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_MORE,
    OP_MORE_EQUAL,
    OP_AND_THEN, /* the left side decides: on at `to`, which is behind OP_AND */
    OP_OR_ELSE,
    OP_DEFINED_ELSE,
    OP_AND,
    OP_OR,
    OP_COALESCE,
    OP_IN,     /* the list's element on top is the value below it: that is true now, on at `to`, behind OP_IN_END */
    OP_IN_END, /* the value is in no place of the list */
    OP_CALL,   /* to: which function; n: arguments */
};

struct step {
    uint8_t op, n;
    uint16_t at; /* in the text, for complaints */
    uint32_t to;
};
static_assert(QUERY_LEN_MAX <= UINT16_MAX && SELECTOR_LEN_MAX <= UINT16_MAX, "a place in the text fits a step");

struct condition {
    enum rules rules;
    uint8_t *text; /* its own copy: what the paths and constants look into */
    size_t text_len;
    struct buf steps, constants, paths, parts; /* arrays of step, value, path, path_part */
};

static inline const struct step *program_steps(const struct condition *c, size_t *n)
{
    *n = c->steps.len / sizeof(struct step);
    return (const struct step *)(const void *)c->steps.at;
}

static inline const struct value *program_constants(const struct condition *c)
{
    return (const struct value *)(const void *)c->constants.at;
}

static inline const struct path *program_paths(const struct condition *c)
{
    return (const struct path *)(const void *)c->paths.at;
}
