/* From tokens to a program; for the files of this room that have more around a condition. */
#pragma once

#include "program.h"

struct compiler {
    struct lexer lexer;
    struct condition *program;
    unsigned depth;                     /* of parentheses and what else nests */
    uint8_t types[CONDITION_STACK_MAX]; /* what is known of each value on the stack (function.h) */
    size_t height;
};

/* A program without steps, and its compiler before the first token. ERR_MEMORY; a text that is too long is a complaint
 * already. *out is to be freed in any case. */
enum err compiler_open(struct compiler *, const struct dialect *, struct bytes text, struct condition **out,
                       struct complaint *) MUST_CHECK;
/* A condition from here on. */
void compile_condition(struct compiler *);
/* A path of names; gives its place among the program's paths. `last` (may be NULL) becomes its last name. */
size_t compile_path(struct compiler *, struct bytes *last);
/* The text must be at its end; the paths get their names. What was complained of, or ERR_MEMORY. */
enum err compiler_close(struct compiler *) MUST_CHECK;
