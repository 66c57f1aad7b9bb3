/* A device as queries see it: the twin document (service 4.6) of one whose twin nobody has written yet. */
#include "http_front.h"

#include "text.h"

#include <jansson.h>

static const char NEVER[] = "0001-01-01T00:00:00Z";

static json_t *time_of(int64_t ms)
{
    char iso[ISO_TIME_CAP];

    if (!ms)
        return json_string(NEVER);
    iso_time(ms, iso);
    return json_string(iso);
}

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

/* service 4.3, as the identity has them. Not OK: the twin is gone. */
static enum err with_scopes(json_t *twin, const struct device *d)
{
    char own[EDGE_SCOPE_LEN_MAX + 1];
    json_t *parents = json_array();

    if (!d->edge && !d->parent[0]) {
        json_decref(parents);
        return OK;
    }
    device_scope(d, own);
    if ((d->parent[0] && json_array_append_new(parents, json_string(d->parent))) ||
        json_object_set(twin, "parentScopes", parents) ||
        json_object_set_new(twin, "deviceScope", json_string(d->edge ? own : d->parent))) {
        json_decref(parents);
        json_decref(twin);
        return ERR_MEMORY;
    }
    json_decref(parents);
    return OK;
}

json_t *http_twin(const struct device *d)
{
    static const char *const auth[] = {
        [AUTH_SAS] = "sas", [AUTH_SELF_SIGNED] = "selfSigned", [AUTH_CA] = "certificateAuthority"};

    json_t *twin =
        json_pack("{ss ss ss ss ss so so ss so si ss s{so so} ss si s{sb} s{} s{s{s{ss} si} s{s{ss} si}}}", "deviceId",
                  d->id, "etag", "AAAAAAAAAAE=", "deviceEtag", d->etag, "status", d->disabled ? "disabled" : "enabled",
                  "connectionState", d->connected ? "Connected" : "Disconnected", "statusReason",
                  text_or_null(d->reason), "statusUpdateTime", time_of(d->status_ms), "authenticationType",
                  auth[d->auth], "lastActivityTime", time_of(d->activity_ms), "cloudToDeviceMessageCount",
                  (int)d->c2d_count, "generationId", d->generation, "x509Thumbprint", "primaryThumbprint",
                  text_or_null(d->thumbprint[0]), "secondaryThumbprint", text_or_null(d->thumbprint[1]), "modelId", "",
                  "version", 2, "capabilities", "iotEdge", d->edge, "tags", "properties", "desired", "$metadata",
                  "$lastUpdated", NEVER, "$version", 1, "reported", "$metadata", "$lastUpdated", NEVER, "$version", 1);
    return twin && with_scopes(twin, d) ? NULL : twin;
}
