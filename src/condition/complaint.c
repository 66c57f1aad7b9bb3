#include "complaint.h"

#include <stdio.h>

void complain_v(struct complaint *c, enum err e, struct bytes whole, size_t at, const char *format, va_list args)
{
    enum { POSITION_MAX = 48 };
    size_t n;

    if (c->e)
        return;
    c->e = e;
    vsnprintf(c->text, sizeof c->text - POSITION_MAX, format, args);
    if (at == SIZE_MAX)
        return;
    c->line = c->column = 1;
    for (size_t i = 0; i < at && i < whole.len; i++) {
        c->column++;
        if (whole.at[i] == '\n') {
            c->line++;
            c->column = 1;
        }
    }
    n = strlen(c->text);
    snprintf(c->text + n, sizeof c->text - n, " (line %zu, column %zu)", c->line, c->column);
}

void complain(struct complaint *c, enum err e, struct bytes whole, size_t at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain_v(c, e, whole, at, format, args);
    va_end(args);
}
