#pragma once

#include "program.h"

/* The value that the steps come to for this row. Its text is lent by the row, the program or the scratch. */
struct value evaluate(const struct condition *, const struct row *, struct scratch *);
