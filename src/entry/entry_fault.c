#include "entry_fault.h"

#include <stdio.h>

enum err entry_says(struct entry_fault *f, enum err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(f->why, sizeof f->why, format, args);
    va_end(args);
    return e;
}

int entry_number(const struct entry_fault *f, enum err e)
{
    static const struct {
        enum err e;
        int number;
    } numbers[] = {{ERR_NOT_FOUND, 404001}, {ERR_EXISTS, 409001},     {ERR_PRECONDITION, 412001},
                   {ERR_ARGUMENT, 400004},  {ERR_RANGE, 400004},      {ERR_MALFORMED, 400012},
                   {ERR_TOO_LARGE, 413000}, {ERR_UNSUPPORTED, 400004}};

    for (size_t i = 0; !f->number && i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].e == e)
            return numbers[i].number;
    return f->number ? f->number : 500001;
}
