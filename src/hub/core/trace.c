/* The hub's random numbers and its trace, both from whoever opened it. */
#include "core.h"

#include <stdarg.h>
#include <stdio.h>

void hub_random(struct hub *h, uint8_t *out, size_t len)
{
    h->options.random(h->options.random_ctx, out, len);
}

void hub_trace(struct hub *h, const char *format, ...)
{
    char sentence[256];
    va_list args;

    if (!h->options.trace)
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    h->options.trace(h->options.trace_ctx, sentence);
}
