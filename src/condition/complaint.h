/* A complaint says what is wrong with a text of the language, to the one who wrote it. */
#pragma once

#include "err.h"

#include <stdarg.h>

enum { COMPLAINT_CAP = 240 };

struct complaint {
    enum err e;               /* OK: nothing */
    size_t line, column;      /* from 1, in bytes; 0: it is about all of the text */
    char text[COMPLAINT_CAP]; /* a sentence that ends with the position; "" when there is nothing */
};

/* Remembers the first thing that is wrong in `whole`, at this byte of it (SIZE_MAX: about all of it). */
void complain(struct complaint *, enum err, struct bytes whole, size_t at, const char *format, ...) PRINTF_LIKE(5, 6);
void complain_v(struct complaint *, enum err, struct bytes whole, size_t at, const char *format, va_list);
