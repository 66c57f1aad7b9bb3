/* The service API of provisioning (provisioning 3). */
#include "registry.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const collections[] = {
    [D2D_ENROLLMENT_DEVICE] = "/enrollments", [D2D_ENROLLMENT_GROUP] = "/enrollmentGroups"};

#define API_VERSION "2021-10-01"

static void target(struct d2d_registry *r, enum d2d_enrollment kind, const char *name, const char *verb)
{
    registry_target_of(r, API_VERSION, collections[kind], name, verb);
}

static bool is_name(const struct d2d_registry *r, enum d2d_enrollment kind, const char *name)
{
    return r && (unsigned)kind <= D2D_ENROLLMENT_GROUP && name && *name;
}

enum d2d_err d2d_enrollment_put(struct d2d_registry *r, enum d2d_enrollment kind, const char *name, const char *json,
                                const char *etag, char **answer)
{
    char if_match[IF_MATCH_CAP];

    /* provisioning 3.4: as it stands in the JSON it has its quotes. */
    if (!is_name(r, kind, name) || !json || !answer || (etag && !registry_if_match(etag, if_match)))
        return D2D_ARGUMENT;
    target(r, kind, name, NULL);
    buf_puts(&r->body, json);
    return registry_request(r, "PUT", etag ? if_match : NULL, NULL, answer);
}

enum d2d_err d2d_enrollment_get(struct d2d_registry *r, enum d2d_enrollment kind, const char *name, char **json)
{
    if (!is_name(r, kind, name) || !json)
        return D2D_ARGUMENT;
    target(r, kind, name, NULL);
    return registry_request(r, "GET", NULL, NULL, json);
}

enum d2d_err d2d_enrollment_keys(struct d2d_registry *r, enum d2d_enrollment kind, const char *name, char **json)
{
    if (!is_name(r, kind, name) || !json)
        return D2D_ARGUMENT;
    target(r, kind, name, "attestationmechanism");
    buf_puts(&r->body, "{}");
    return registry_request(r, "POST", NULL, NULL, json);
}

enum d2d_err d2d_enrollment_list(struct d2d_registry *r, enum d2d_enrollment kind, char after[D2D_AFTER_CAP],
                                 char **json)
{
    if (!is_name(r, kind, "query") || !after || !json)
        return D2D_ARGUMENT;
    target(r, kind, "query", NULL);
    buf_printf(&r->body, "{\"query\":\"SELECT * FROM %s\"}", collections[kind] + 1);
    return registry_page(r, "POST", after, json);
}

enum d2d_err d2d_enrollment_remove(struct d2d_registry *r, enum d2d_enrollment kind, const char *name)
{
    if (!is_name(r, kind, name))
        return D2D_ARGUMENT;
    target(r, kind, name, NULL);
    return registry_request(r, "DELETE", "*", NULL, NULL);
}
