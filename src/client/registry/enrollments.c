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
    char if_match[80] = "*";

    if (!is_name(r, kind, name) || !json || !answer)
        return D2D_ARGUMENT;
    /* provisioning 3.4: as it stands in the JSON it has its quotes. */
    if (etag && strcmp(etag, "*") != 0 &&
        (size_t)snprintf(if_match, sizeof if_match, etag[0] == '"' ? "%s" : "\"%s\"", etag) >= sizeof if_match)
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
    struct http_talk h;
    struct bytes body;
    enum d2d_err e;

    if (!is_name(r, kind, "query") || !after || !json)
        return D2D_ARGUMENT;
    target(r, kind, "query", NULL);
    buf_printf(&r->body, "{\"query\":\"SELECT * FROM %s\"}", collections[kind] + 1);
    e = registry_ask(r, "POST", NULL, after[0] ? after : NULL, &h);
    body = buf_bytes(&h.in.body);
    if (!e && !bytes_to_str(http_header(&h.in.head, BYTES("x-ms-continuation")), after, D2D_AFTER_CAP))
        e = account_fail(&r->account, D2D_FAILED, "the continuation token of the service is too long");
    if (!e && !(*json = strndup(body.len ? (const char *)body.at : "", body.len)))
        e = D2D_NO_MEMORY;
    http_talk_close(&h);
    return e;
}

enum d2d_err d2d_enrollment_remove(struct d2d_registry *r, enum d2d_enrollment kind, const char *name)
{
    if (!is_name(r, kind, name))
        return D2D_ARGUMENT;
    target(r, kind, name, NULL);
    return registry_request(r, "DELETE", "*", NULL, NULL);
}
