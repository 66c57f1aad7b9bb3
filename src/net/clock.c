#include "net.h"

#include "clock.h"

#include <stdatomic.h>

int64_t net_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t net_steady_ms(void)
{
    static _Atomic int64_t began_ms; /* what the wall clock had been when CLOCK_BOOTTIME was 0 */
    int64_t lived_ms = clock_ms(CLOCK_BOOTTIME), first_ms = atomic_load(&began_ms), none = 0;

    if (!first_ms) {
        first_ms = net_wall_ms() - lived_ms;
        first_ms = first_ms ? first_ms : 1;
        if (!atomic_compare_exchange_strong(&began_ms, &none, first_ms))
            first_ms = none; /* another thread was faster */
    }
    return lived_ms + first_ms;
}
