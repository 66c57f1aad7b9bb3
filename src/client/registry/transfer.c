/* Import and export of the registry (service 4.10). */
#include "registry.h"

#define TRANSFERS "/jobs"

enum d2d_err d2d_transfer_start(struct d2d_registry *r, const char *json, char **answer)
{
    if (!r || !json || !answer)
        return D2D_ARGUMENT;
    registry_target(r, TRANSFERS, "create", NULL);
    buf_puts(&r->body, json);
    return registry_request(r, "POST", NULL, NULL, answer);
}

enum d2d_err d2d_transfer_get(struct d2d_registry *r, const char *id, char **json)
{
    if (!r || !id || !*id || !json)
        return D2D_ARGUMENT;
    registry_target(r, TRANSFERS, id, NULL);
    return registry_request(r, "GET", NULL, NULL, json);
}

enum d2d_err d2d_transfer_cancel(struct d2d_registry *r, const char *id)
{
    if (!r || !id || !*id)
        return D2D_ARGUMENT;
    registry_target(r, TRANSFERS, id, NULL);
    return registry_request(r, "DELETE", "*", NULL, NULL);
}

enum d2d_err d2d_transfers(struct d2d_registry *r, char **json)
{
    if (!r || !json)
        return D2D_ARGUMENT;
    registry_target(r, TRANSFERS, NULL, NULL);
    return registry_request(r, "GET", NULL, NULL, json);
}
