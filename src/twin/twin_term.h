/* The term of a value: a number that equal values have in common, so that an index finds them. Others may have it, too,
 * so whoever found something by it looks again. */
#pragma once

#include "twin_run.h"

uint64_t twin_term_bool(bool yes);
uint64_t twin_term_number(double number);
uint64_t twin_term_text(struct bytes text);
/* False: it is an object, an array or null, which nothing is equal to, or a number that is too long to be one. */
bool twin_term_of(const struct twin_node *, uint64_t *out);
