/* Why something about an identity was refused: for the answer to a request, and for the log of an import. */
#pragma once

#include "err.h"
#include "text.h"

#include <stdarg.h>

struct entry_fault {
    int number;    /* service 8.2; 0: that of the enum err */
    char why[256]; /* a sentence, or "": that of the enum err */
};

/* For people, at the failure `e`, which it gives back. */
enum err entry_says(struct entry_fault *, enum err e, const char *format, ...) PRINTF_LIKE(3, 4);
/* The number to tell (service 8.2). */
int entry_number(const struct entry_fault *, enum err e);
