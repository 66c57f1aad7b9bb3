#include "served.h"

enum { SERVED_US = 50000 }; /* they are so long after one was read from */

bool served_now(struct served *s, int64_t now_us)
{
    uint64_t reads = s->reads(s->ctx);

    if (reads != s->last)
        s->last_us = now_us;
    s->last = reads;
    return now_us - s->last_us < SERVED_US;
}
