/* Two values: are they the same, and which comes first? */
#pragma once

#include "program.h"

/* OP_EQUAL … OP_MORE_EQUAL: a boolean, or undefined. */
struct value value_compare(enum rules, enum op how, const struct value *a, const struct value *b);
/* True if OP_EQUAL is. */
bool value_same(enum rules, const struct value *a, const struct value *b);
/* The same names, of which the first counts in any case. */
bool path_same(const struct path *, const struct path *);
