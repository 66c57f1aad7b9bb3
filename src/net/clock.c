#include "net.h"

#include <stdatomic.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t net_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t net_steady_ms(void)
{
    static _Atomic int64_t began_ms; /* what the wall clock had been when CLOCK_BOOTTIME was 0 */
    int64_t lived_ms = read_clock(CLOCK_BOOTTIME), first_ms = atomic_load(&began_ms), none = 0;

    if (!first_ms) {
        first_ms = net_wall_ms() - lived_ms;
        first_ms = first_ms ? first_ms : 1;
        if (!atomic_compare_exchange_strong(&began_ms, &none, first_ms))
            first_ms = none; /* another thread was faster */
    }
    return lived_ms + first_ms;
}
