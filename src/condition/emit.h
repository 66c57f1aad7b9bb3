/* Steps into the program, and what is known of the values that they leave, for the files of the compiler. */
#pragma once

#include "compile.h"

/* How many elements of this size an array has. */
size_t count_of(const struct buf *array, size_t size);
/* Takes `takes` values off the stack and puts one there, of which this is known. */
void emit(struct compiler *, struct step, size_t takes, unsigned type);
void emit_constant(struct compiler *, const struct value *, size_t at);
/* A step that leaves the stack as it is, and whose jump land() sets: it leads to what comes next. */
size_t emit_jump(struct compiler *, enum op, size_t at);
void land(struct compiler *, size_t jump);
unsigned type_of_top(const struct compiler *);
/* True if nothing is known of such a value before it runs. */
bool is_open(unsigned type);
/* Complains where a route has a value that can never be what `who` takes (service 6.4). In other languages nothing is
 * known of values. */
void want_type(struct compiler *, size_t at, unsigned type, unsigned wanted, const char *who);
void want_alike(struct compiler *, size_t at, unsigned a, unsigned b, const char *who);

/* $body.a.b[2].c behind its $body. (service 6.3), as parts of a path; false: it is not such a path. */
bool cut_path(struct compiler *, struct path *, struct bytes rest);
/* Gives the path's place in the program. */
size_t put_path(struct compiler *, const struct path *);
/* A name of a route, which stands here. */
void compile_property(struct compiler *, bool braces);
