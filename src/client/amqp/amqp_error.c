#include "amqp_error.h"

#include <string.h>

/* device 3.10, service 2.11, 3.1 */
enum d2d_err amqp_error(const char *condition)
{
    static const struct {
        const char *name;
        enum d2d_err e;
    } known[] = {
        {"amqp:unauthorized-access", D2D_NOT_AUTHORISED},
        {"com.microsoft:auth-failed", D2D_NOT_AUTHORISED},
        {"amqp:not-found", D2D_NOT_FOUND},
        {"com.microsoft:entity-disabled", D2D_NOT_FOUND},
        {"com.microsoft:iot-hub-not-found-error", D2D_NOT_FOUND},
        {"amqp:link:stolen", D2D_TAKEN_OVER},
        {"amqp:not-allowed", D2D_REFUSED},
        {"amqp:not-implemented", D2D_REFUSED},
        {"amqp:invalid-field", D2D_ARGUMENT},
        {"com.microsoft:argument-error", D2D_ARGUMENT},
        {"com.microsoft:argument-out-of-range", D2D_ARGUMENT},
        {"amqp:link:message-size-exceeded", D2D_ARGUMENT},
        {"amqp:resource-limit-exceeded", D2D_OVER_QUOTA},
        {"com.microsoft:quota-exceeded", D2D_OVER_QUOTA},
        {"com.microsoft:device-container-throttled", D2D_OVER_QUOTA},
        {"com.microsoft:server-busy", D2D_OVER_QUOTA},
        {"com.microsoft:timeout", D2D_TIMED_OUT},
        {"com.microsoft:message-lock-lost", D2D_EXPIRED},
        {"com.microsoft:precondition-failed", D2D_CHANGED},
        {"com.microsoft:link-creation-conflict", D2D_CLOSED},
        {"amqp:resource-locked", D2D_CLOSED},
        {"amqp:link:detach-forced", D2D_CLOSED},
        {"amqp:connection:forced", D2D_CLOSED},
    };

    for (size_t i = 0; condition && i < sizeof known / sizeof *known; i++)
        if (strcmp(condition, known[i].name) == 0)
            return known[i].e;
    return D2D_FAILED;
}
