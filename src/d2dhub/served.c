#include "served.h"

enum { SERVED_US = 50000 }; /* they are so long after one was read from */

bool served_now(struct served *c, int64_t now_us)
{
    uint64_t reads = c->reads(c->ctx);

    if (reads != c->last)
        c->last_us = now_us;
    c->last = reads;
    return now_us - c->last_us < SERVED_US;
}
