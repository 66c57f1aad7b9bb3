/* Twins, and the queries over them (service 4.6, 4.8). */
#include "registry.h"

#include "text.h"

#include <string.h>

enum d2d_err d2d_twin_get(struct d2d_registry *r, const char *id, char **json)
{
    if (!r || !id || !*id || !json)
        return D2D_ARGUMENT;
    registry_target_identity(r, "/twins", id, NULL);
    return registry_request(r, "GET", NULL, NULL, json);
}

static enum d2d_err change(struct d2d_registry *r, const char *method, const char *id, const char *json,
                           const char *etag, char **answer)
{
    char if_match[IF_MATCH_CAP];

    if (!r || !id || !*id || !json || !registry_if_match(etag ? etag : "*", if_match))
        return D2D_ARGUMENT;
    registry_target_identity(r, "/twins", id, NULL);
    buf_puts(&r->body, json);
    return registry_request(r, method, if_match, NULL, answer);
}

enum d2d_err d2d_twin_patch(struct d2d_registry *r, const char *id, const char *json, const char *etag, char **answer)
{
    return change(r, "PATCH", id, json, etag, answer);
}

enum d2d_err d2d_twin_replace(struct d2d_registry *r, const char *id, const char *json, const char *etag, char **answer)
{
    return change(r, "PUT", id, json, etag, answer);
}

enum d2d_err d2d_query(struct d2d_registry *r, const char *query, size_t most, char after[D2D_AFTER_CAP], char **json)
{
    enum d2d_err e;

    if (!r || !query || !*query || !after || !json)
        return D2D_ARGUMENT;
    registry_target(r, "/devices", "query", NULL);
    buf_puts(&r->body, "{\"query\":");
    buf_put_json(&r->body, bytes_str(query));
    buf_puts(&r->body, "}");
    r->most = most;
    e = registry_page(r, "POST", after, json);
    r->most = 0;
    return e;
}
