/* The functions of the language: what they take and give, and what they do. */
#pragma once

#include "dialect.h"

enum {
    FUNCTION_OF_QUERIES = 1, /* service 4.8: the documented one, those that tools use, and their relatives */
    FUNCTION_OF_ROUTES = 2,  /* service 6.6 */
    FUNCTION_OF_MODELS = 4,  /* and it takes the model of the row before the arguments that are written */
};

/* Types: what the compiler knows of a value of a route (service 6.4). */
enum {
    TYPE_TEXT = 1,
    TYPE_NUMBER = 2,
    TYPE_BOOL = 4,
    TYPE_NULL = 8,
    TYPE_UNDEFINED = 16,
    TYPE_LOOSE = 32, /* from a body or a twin: anything */
    TYPE_ANY = 63,
};

struct call {
    const struct row *row;
    struct scratch *scratch;
    const struct value *arguments;
    size_t n;
};

struct function {
    const char *name;
    uint8_t where; /* FUNCTION_OF_… */
    uint8_t least, most;
    uint8_t takes[3]; /* types; the last is that of all that follow */
    uint8_t gives;
    struct value (*run)(const struct call *);
};

/* In any case. NULL: there is none. */
const struct function *function_find(struct bytes name, unsigned where, size_t *index);
const struct function *function_at(size_t index);
