/* Changes of many devices at once: configurations and jobs (service 4.9, 4.11). */
#include "registry.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

#define CONFIGURATIONS "/configurations"
#define JOBS "/jobs/v2"

enum { CONFIGURATIONS_MAX = 100 };

static bool is_name(const struct d2d_registry *r, const char *id)
{
    return r && id && *id;
}

enum d2d_err d2d_configuration_put(struct d2d_registry *r, const char *id, const char *json, const char *etag,
                                   char **answer)
{
    char if_match[IF_MATCH_CAP];

    if (!is_name(r, id) || !json || !answer || (etag && !registry_if_match(etag, if_match)))
        return D2D_ARGUMENT;
    registry_target(r, CONFIGURATIONS, id, NULL);
    buf_puts(&r->body, json);
    return registry_request(r, "PUT", etag ? if_match : NULL, NULL, answer);
}

enum d2d_err d2d_configuration_get(struct d2d_registry *r, const char *id, char **json)
{
    if (!is_name(r, id) || !json)
        return D2D_ARGUMENT;
    registry_target(r, CONFIGURATIONS, id, NULL);
    return registry_request(r, "GET", NULL, NULL, json);
}

enum d2d_err d2d_configuration_remove(struct d2d_registry *r, const char *id)
{
    if (!is_name(r, id))
        return D2D_ARGUMENT;
    registry_target(r, CONFIGURATIONS, id, NULL);
    return registry_request(r, "DELETE", "*", NULL, NULL);
}

enum d2d_err d2d_configurations(struct d2d_registry *r, char **json)
{
    if (!r || !json)
        return D2D_ARGUMENT;
    registry_target(r, CONFIGURATIONS, NULL, NULL);
    buf_printf(&r->target, "&top=%d", CONFIGURATIONS_MAX);
    return registry_request(r, "GET", NULL, NULL, json);
}

enum d2d_err d2d_configuration_apply(struct d2d_registry *r, const char *device, const char *content)
{
    if (!is_name(r, device) || !content)
        return D2D_ARGUMENT;
    registry_target(r, "/devices", device, "applyConfigurationContent");
    buf_puts(&r->body, content);
    return registry_request(r, "POST", NULL, NULL, NULL);
}

/* ---- jobs ------------------------------------------------------------------------------------------------------ */

enum d2d_err d2d_job_start(struct d2d_registry *r, const char *id, const char *json, char **answer)
{
    if (!is_name(r, id) || !json || !answer)
        return D2D_ARGUMENT;
    registry_target(r, JOBS, id, NULL);
    buf_puts(&r->body, json);
    return registry_request(r, "PUT", NULL, NULL, answer);
}

/* service 4.9: a job that does not exist is one of the type "unknown". */
static enum d2d_err check_known(struct d2d_registry *r, const char *id, char *json)
{
    json_t *job = json_loads(json, 0, NULL);
    const char *type = json_string_value(json_object_get(job, "type"));
    bool unknown = type && strcmp(type, "unknown") == 0;

    json_decref(job);
    return unknown ? account_fail(&r->account, D2D_NOT_FOUND, "there is no job \"%s\"", id) : D2D_OK;
}

enum d2d_err d2d_job_get(struct d2d_registry *r, const char *id, char **json)
{
    enum d2d_err e;
    char *text = NULL;

    if (!is_name(r, id) || !json)
        return D2D_ARGUMENT;
    registry_target(r, JOBS, id, NULL);
    if ((e = registry_request(r, "GET", NULL, NULL, &text)) || (e = check_known(r, id, text))) {
        free(text);
        return e;
    }
    *json = text;
    return D2D_OK;
}

enum d2d_err d2d_job_cancel(struct d2d_registry *r, const char *id, char **answer)
{
    if (!is_name(r, id) || !answer)
        return D2D_ARGUMENT;
    registry_target(r, JOBS, id, "cancel");
    return registry_request(r, "POST", NULL, NULL, answer);
}

static void put_condition(struct d2d_registry *r, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(&r->target, "&%s=", name);
    buf_put_percent(&r->target, bytes_str(value));
}

enum d2d_err d2d_jobs(struct d2d_registry *r, const char *type, const char *status, char after[D2D_AFTER_CAP],
                      char **json)
{
    if (!r || !after || !json)
        return D2D_ARGUMENT;
    registry_target(r, JOBS, "query", NULL);
    put_condition(r, "jobType", type);
    put_condition(r, "jobStatus", status);
    return registry_page(r, "GET", after, json);
}
