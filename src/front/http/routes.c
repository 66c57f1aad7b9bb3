#include "http_front.h"

#include "sas.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

struct http_route {
    const char *method, *path; /* words in any case; {} stands for a name */
    unsigned rights;           /* one of them is enough; 0: everybody may */
    bool versioned;            /* Azure's: api-version must be there (service 4.1) */
    http_run *run;
};

enum {
    READ = RIGHT_REGISTRY_READ,
    WRITE = RIGHT_REGISTRY_WRITE,
    SERVICE = RIGHT_SERVICE,
    LOOK = RIGHT_REGISTRY_READ | RIGHT_SERVICE,
    DEVICE = RIGHT_DEVICE, /* the device of the path itself */
    MODULE = 1 << 16,      /* the module of the path itself */
    CALLER = 1 << 17,      /* the module that x-ms-edge-moduleId names (device 4.6) */
    SELF = DEVICE | MODULE | CALLER,
    ENROLL_READ = RIGHT_ENROLLMENT_READ,
    ENROLL_WRITE = RIGHT_ENROLLMENT_WRITE, /* also for what shows keys */
};

/* Azure's own, but for these:
 *
 * /healthz and /readyz: whether the process runs, and whether it is worth sending somebody to (200 or 503).
 *
 * /eventHubEndpoints/events/ConsumerGroups has the names of the management plane (service 5), which cannot be served
 * under its own host. GET gives [{"name":…},…], GET and PUT of one give {"name":…}; PUT of one that is there changes
 * nothing.
 *
 * /certificates likewise: {"name", "etag", "properties": {"subject", "expiry", "thumbprint", "isVerified", "created",
 * "updated", "verificationCode" once there is one, "certificate" (base64 of DER)}}, of all {"value": […]}. PUT takes
 * {"properties": {"certificate" (PEM, or the base64 of PEM or DER), "isVerified"}}. POST …/generateVerificationCode
 * gives one; POST …/verify takes {"certificate"}, signed by that CA with the code as its common name. What changes one
 * needs If-Match.
 *
 * /hub/status, for operators: {"host_name", "entity", "scope_id" (of provisioning), "devices", "disabled_devices",
 * "connected_devices", "events_received", "bytes_received" (both since the start), "damaged_ranges" and
 * "damaged_bytes" (of the log, that cannot be read), "consumer_groups", "partition_count", "partitions": [what
 * $management says of each (service 2.5)], "connections", "unauthenticated_connections", "refused_connections" (since
 * the start), "memory_used", "memory_limit" (bytes), "memory_short"}. */
static http_run not_here;
static const struct http_route routes[] = {
    {"GET", "/healthz", 0, false, http_healthz},
    {"GET", "/readyz", 0, false, http_readyz},
    {"GET", "/devices", READ, true, http_devices_list},
    {"POST", "/devices", WRITE, true, http_devices_bulk},
    {"POST", "/devices/query", LOOK, true, http_query_devices},
    {"GET", "/devices/{}", READ, true, http_device_get},
    {"PUT", "/devices/{}", WRITE, true, http_device_put},
    {"DELETE", "/devices/{}", WRITE, true, http_device_delete},
    {"GET", "/statistics/devices", READ, true, http_statistics_devices},
    {"GET", "/statistics/service", LOOK, true, http_statistics_service},
    {"GET", "/eventHubEndpoints/events/ConsumerGroups", LOOK, false, http_groups_list},
    {"GET", "/eventHubEndpoints/events/ConsumerGroups/{}", LOOK, false, http_group_get},
    {"PUT", "/eventHubEndpoints/events/ConsumerGroups/{}", WRITE, false, http_group_put},
    {"DELETE", "/eventHubEndpoints/events/ConsumerGroups/{}", WRITE, false, http_group_delete},
    {"GET", "/certificates", READ, false, http_certs_list},
    {"GET", "/certificates/{}", READ, false, http_cert_get},
    {"PUT", "/certificates/{}", WRITE, false, http_cert_put},
    {"DELETE", "/certificates/{}", WRITE, false, http_cert_delete},
    {"POST", "/certificates/{}/generateVerificationCode", WRITE, false, http_cert_challenge},
    {"POST", "/certificates/{}/verify", WRITE, false, http_cert_verify},
    {"POST", "/devices/{}/messages/events", DEVICE, true, http_events_post},
    {"GET", "/devices/{}/messages/devicebound", DEVICE, true, http_c2d_take},
    {"DELETE", "/devices/{}/messages/devicebound/{}", DEVICE, true, http_c2d_complete},
    {"POST", "/devices/{}/messages/devicebound/{}/abandon", DEVICE, true, http_c2d_abandon},
    {"POST", "/devices/{}/messages/devicebound", RIGHT_SERVICE, true, http_c2d_post},
    {"DELETE", "/devices/{}/commands", RIGHT_SERVICE, true, http_c2d_purge},
    {"GET", "/messages/servicebound/feedback", SERVICE, true, http_feedback_take},
    {"DELETE", "/messages/servicebound/feedback/{}", SERVICE, true, http_feedback_complete},
    {"POST", "/messages/servicebound/feedback/{}/abandon", SERVICE, true, http_feedback_abandon},
    {"GET", "/messages/servicebound/filenotifications", SERVICE, true, not_here},
    {"PUT", "/{}/registrations/{}/register", 0, true, http_dps_register},
    {"GET", "/{}/registrations/{}/operations/{}", 0, true, http_dps_operation},
    {"POST", "/{}/registrations/{}", 0, true, http_dps_lookup},
    {"GET", "/enrollments/{}", ENROLL_READ, true, http_enrollment_get},
    {"PUT", "/enrollments/{}", ENROLL_WRITE, true, http_enrollment_put},
    {"DELETE", "/enrollments/{}", ENROLL_WRITE, true, http_enrollment_delete},
    {"POST", "/enrollments/{}/attestationmechanism", ENROLL_WRITE, true, http_enrollment_mechanism},
    {"POST", "/enrollments/query", ENROLL_READ, true, http_enrollments_query},
    {"POST", "/enrollments", ENROLL_WRITE, true, http_enrollments_bulk},
    {"GET", "/enrollmentGroups/{}", ENROLL_READ, true, http_enrollment_get},
    {"PUT", "/enrollmentGroups/{}", ENROLL_WRITE, true, http_enrollment_put},
    {"DELETE", "/enrollmentGroups/{}", ENROLL_WRITE, true, http_enrollment_delete},
    {"POST", "/enrollmentGroups/{}/attestationmechanism", ENROLL_WRITE, true, http_enrollment_mechanism},
    {"POST", "/enrollmentGroups/query", ENROLL_READ, true, http_enrollments_query},
    {"POST", "/enrollmentGroups", ENROLL_WRITE, true, http_enrollments_bulk},
    {"GET", "/registrations/{}", RIGHT_REGISTRATION_READ, true, http_registration_get},
    {"DELETE", "/registrations/{}", RIGHT_REGISTRATION_WRITE, true, http_registration_delete},
    {"POST", "/registrations/{}/query", RIGHT_REGISTRATION_READ, true, http_registrations_query},
    {"GET", "/twins/{}", SERVICE, true, http_twin_get},
    {"PATCH", "/twins/{}", SERVICE, true, http_twin_merge},
    {"PUT", "/twins/{}", SERVICE, true, http_twin_replace},
    {"POST", "/twins/{}/methods", SERVICE | CALLER, true, http_call},
    {"GET", "/twins/{}/modules/{}", SERVICE, true, http_twin_get},
    {"PATCH", "/twins/{}/modules/{}", SERVICE, true, http_twin_merge},
    {"PUT", "/twins/{}/modules/{}", SERVICE, true, http_twin_replace},
    {"POST", "/twins/{}/modules/{}/methods", SERVICE | CALLER, true, http_call},
    {"GET", "/devices/{}/modules", READ | DEVICE, true, http_modules_list},
    {"GET", "/devices/{}/modules/{}", READ | DEVICE, true, http_module_get},
    {"PUT", "/devices/{}/modules/{}", WRITE | DEVICE, true, http_module_put},
    {"DELETE", "/devices/{}/modules/{}", WRITE | DEVICE, true, http_module_delete},
    {"POST", "/devices/{}/modules/{}/messages/events", MODULE, true, http_events_post},
    {"GET", "/devices/{}/modules/{}/messages/devicebound", MODULE, true, http_c2d_take},
    {"DELETE", "/devices/{}/modules/{}/messages/devicebound/{}", MODULE, true, http_c2d_complete},
    {"POST", "/devices/{}/modules/{}/messages/devicebound/{}/abandon", MODULE, true, http_c2d_abandon},
    {"GET", "/devices/{}/modules/{}/devicesAndModulesInDeviceScope", MODULE, true, http_scope_list},
    {"GET", "/devices/{}/modules/{}/deviceAndModuleInDeviceScope", MODULE, true, http_scope_get},
    {"POST", "/devices/{}/modules/{}/devicesAndModulesInTargetDeviceScope", MODULE, true, http_scope_list_of},
    {"POST", "/devices/{}/modules/{}/getDeviceAndModuleOnBehalfOf", MODULE, true, http_scope_on_behalf},
    {"POST", "/devices/{}/modules/{}/files", MODULE, true, not_here},
    {"POST", "/devices/{}/files", DEVICE, true, not_here},
    {"POST", "/devices/{}/files/notifications", DEVICE, true, not_here},
    {"POST", "/devices/{}/files/notifications/{}", DEVICE, true, not_here},
    {"POST", "/devices/{}/applyConfigurationContent", WRITE, true, http_manifest_apply},
    {"POST", "/devices/keys/regenerate", WRITE, true, http_keys_renew},
    {"GET", "/configurations", READ, true, http_configurations_list},
    {"POST", "/configurations/testQueries", READ, true, http_configurations_test},
    {"GET", "/configurations/{}", READ, true, http_configuration_get},
    {"PUT", "/configurations/{}", WRITE, true, http_configuration_put},
    {"DELETE", "/configurations/{}", WRITE, true, http_configuration_delete},
    {"GET", "/digitaltwins/{}", SERVICE, true, http_digital_twin_get},
    {"PATCH", "/digitaltwins/{}", SERVICE, true, http_digital_twin_patch},
    {"POST", "/digitaltwins/{}/commands/{}", SERVICE, true, http_command},
    {"POST", "/digitaltwins/{}/components/{}/commands/{}", SERVICE, true, http_command},
    {"POST", "/jobs/create", WRITE, true, http_transfer_create},
    {"POST", "/$admin/exportRegistry", WRITE, true, http_registry_export},
    {"POST", "/$admin/importRegistry", WRITE, true, http_registry_import},
    {"GET", "/jobs", READ, true, http_transfers_list},
    {"GET", "/jobs/{}", READ, true, http_transfer_get},
    {"DELETE", "/jobs/{}", WRITE, true, http_transfer_cancel},
    {"GET", "/jobs/v2/{}", SERVICE, true, http_job_get},
    {"GET", "/jobs/v2/query", SERVICE, true, http_jobs_list},
    {"PUT", "/jobs/v2/{}", SERVICE, true, http_job_put},
    {"POST", "/jobs/v2/{}/cancel", SERVICE, true, http_job_cancel},
    {"GET", "/hub/status", LOOK, false, http_hub_status},
    /* WebSockets. Who comes as what is not told by the path: Python's service client opens that of the event hub. */
    {"GET", "/$iothub/websocket", 0, false, http_websocket},
    {"GET", "/$servicebus/websocket", 0, false, http_websocket},
    {"GET", "/mqtt", 0, false, http_websocket}, /* provisioning from Java: the default of Paho */
    {"GET", "/", 0, false, http_websocket},     /* provisioning from .NET */
};

/* Of Azure's, too, and not of this version: 501, so that nobody takes it for a device that does not exist. */
static enum err not_here(struct http_request *r, struct http_answer *a)
{
    static const struct {
        const char *words, *what;
    } things[] = {
        {"/files", "Uploads of files are"},
        {"/filenotifications", "Uploads of files are"},
    };
    size_t i = 0;

    while (i + 1 < sizeof things / sizeof *things && !strcasestr(r->route->path, things[i].words))
        i++;
    a->code = CODE_NOT_HERE;
    return http_says(a, ERR_UNSUPPORTED, "%s not available on this hub", things[i].what);
}

/* Puts the text that stands for each {} into `names`. */
static bool fits(const struct http_route *route, const struct http_path *path, struct bytes names[HTTP_NAMES_MAX])
{
    struct bytes pattern = bytes_skip(bytes_str(route->path), 1);
    size_t n = 0;

    for (size_t i = 0; i < path->n; i++) {
        struct bytes word = bytes_cut(&pattern, '/');

        if (bytes_eq(word, BYTES("{}")))
            names[n++] = path->segments[i];
        else if (!bytes_eq_nocase(word, path->segments[i]))
            return false;
    }
    return path->n > 0 ? !pattern.at : !pattern.len;
}

/* Of the names of the path. A slash that was escaped into one of them makes no module of it. */
static void take_identity(struct http_request *r)
{
    bool module = strstr(r->route->path, "/modules/{}");

    if (!identity_name(bytes_str(r->names[0]), module ? bytes_str(r->names[1]) : NO_BYTES, r->identity))
        r->identity[0] = 0;
}

static enum err find_route(struct http_request *r, const struct http_path *path, struct http_answer *a)
{
    struct buf allow = buf_over(a->allow, sizeof a->allow);
    struct bytes names[HTTP_NAMES_MAX] = {NO_BYTES}, fit[HTTP_NAMES_MAX] = {NO_BYTES};

    r->route = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        bool get = routes[i].method[0] == 'G';

        if (!fits(&routes[i], path, fit))
            continue;
        if (bytes_eq(r->method, bytes_str(routes[i].method))) {
            r->route = &routes[i];
            memcpy(names, fit, sizeof names);
        }
        buf_printf(&allow, "%s%s%s", allow.len ? ", " : "", routes[i].method, get ? ", HEAD" : "");
    }
    if (!allow.len) {
        a->code = CODE_NOT_FOUND;
        return http_says(a, ERR_NOT_FOUND, "This path does not exist");
    }
    if (!r->route) {
        a->code = CODE_METHOD;
        return http_says(a, ERR_UNSUPPORTED, "This path does not allow %.*s", BYTES_ARG(bytes_first(r->method, 16)));
    }
    for (size_t i = 0; i < HTTP_NAMES_MAX; i++)
        snprintf(r->names[i], sizeof r->names[i], "%.*s", BYTES_ARG(names[i]));
    assert(r->route->run);
    take_identity(r);
    return OK;
}

/* ---- who asks -------------------------------------------------------------------------------------------------- */

/* `e` with its line in the log. */
static enum err login_failed(struct http_request *r, const char *kind, struct bytes id, enum err e, const char *why)
{
    journal_login_failed(r->env, r->peer, (struct journal_who){kind, id}, e, why, r->now_ms);
    r->told = true;
    return e;
}

static enum err check_token(struct http_request *r, const struct peer *peer, struct bytes token)
{
    struct sas sas;
    struct bytes policy = sas_parse(token, &sas) ? NO_BYTES : sas.skn;

    enum err e = auth_policy_token(r->env, token, r->now_ms, &r->who);
    e = auth_tried(r->env, peer, policy, e, r->now_ms);
    return e ? login_failed(r, "policy", policy, e, r->who.why) : OK;
}

/* The path as tokens name it: decoded, without slashes at its ends. Azure IoT Explorer until 0.10 signs whatever it
 * asks for {host}/devices/query, which stands for all that its policy may do. */
static bool covers(const struct http_request *r, const struct http_path *path)
{
    static const struct bytes everything = {(const uint8_t *)"devices/query", sizeof "devices/query" - 1};

    if (bytes_ends_nocase(bytes_str(r->who.scope), everything) && auth_covers(r->env, &r->who, everything))
        return true;
    struct buf resource = buf_max(HTTP_TARGET_MAX + HTTP_SEGMENTS_MAX);

    for (size_t i = 0; i < path->n; i++) {
        buf_puts(&resource, i ? "/" : "");
        buf_put(&resource, path->segments[i]);
    }
    bool yes = !resource.bad && auth_covers(r->env, &r->who, buf_bytes(&resource));
    buf_free(&resource);
    return yes;
}

static bool may_be_any(const struct http_request *r, struct bytes token)
{
    char path[sizeof "devices/" + sizeof r->names[0]];
    struct who policy;

    snprintf(path, sizeof path, "devices/%s", r->names[0]);
    return !auth_policy_token(r->env, token, r->now_ms, &policy) && (policy.rights & RIGHT_DEVICE) &&
           auth_covers(r->env, &policy, bytes_str(path));
}

/* Whose own credentials the route takes. */
static struct bytes self_of(const struct http_request *r)
{
    if (r->route->rights & CALLER)
        return http_header(r->head, BYTES("x-ms-edge-moduleid"));
    return r->route->rights & MODULE ? bytes_str(r->identity) : identity_device(bytes_str(r->identity));
}

/* device 4.6: a module calls its own device, modules beside it, and devices that belong to its device. */
static enum err check_caller(const struct http_request *r, struct http_answer *a)
{
    struct bytes own = identity_device(bytes_str(r->who.device)), other = identity_device(bytes_str(r->identity));
    char scope[EDGE_SCOPE_LEN_MAX + 1];
    struct device edge, d;

    if (bytes_eq(own, other))
        return OK;
    if (!hub_device_get(r->env->hub, own, &edge) && edge.edge && !hub_device_get(r->env->hub, other, &d)) {
        device_scope(&edge, scope);
        if (strcmp(d.parent, scope) == 0)
            return OK;
    }
    return http_says(a, ERR_DENIED, "A module may call its own device, modules beside it, and devices below that");
}

/* device 1.6: with its token, a policy's, or its certificate. */
static enum err check_self(struct http_request *r, const struct peer *peer, struct bytes token, struct http_answer *a)
{
    bool calls = r->route->rights & CALLER;
    struct bytes id = self_of(r);
    enum err e;

    if (calls && !identity_is_module(id))
        return http_says(a, ERR_UNAUTHORIZED,
                         "x-ms-edge-moduleId must be a device and its module, with a slash between");
    e = auth_peer(r->env, peer, id, token, r->now_ms, &r->who);
    e = auth_tried(r->env, peer, id, e, r->now_ms);
    if (e)
        login_failed(r, "device", id, e, r->who.why);
    if (!e && calls)
        return check_caller(r, a);
    if (e == ERR_NOT_FOUND) /* which is told to who may be any device, and to a stranger what a wrong key is */
        return may_be_any(r, token) ? http_says(a, e, "Device %.128s not registered", r->names[0]) : ERR_UNAUTHORIZED;
    if (e == ERR_DISABLED) { /* 403 is a quota to SDKs, and they try again */
        a->code = CODE_UNAUTHORIZED;
        return http_says(a, e, "The device is disabled");
    }
    return e;
}

/* A device or module may ask some routes as well as a policy: its own word, or the token, tells which of them does.
 */
static bool asks_as_self(const struct http_request *r, struct bytes token)
{
    unsigned rights = r->route->rights;
    struct sas sas;

    if (!(rights & SELF) || !(rights & ~(unsigned)SELF))
        return rights & SELF;
    if (rights & CALLER)
        return self_of(r).len > 0;
    return sas_parse(token, &sas) || !sas.skn.len;
}

static enum err check_who(struct http_request *r, const struct peer *peer, const struct http_path *path,
                          struct http_answer *a)
{
    struct bytes token = http_header(r->head, BYTES("authorization"));
    bool self = asks_as_self(r, token);
    enum err e;

    assert(r->route);
    if (!r->route->rights)
        return OK;
    if (!token.len && (!self || !peer->has_certificate))
        return http_says(a, ERR_UNAUTHORIZED, "The Authorization header is missing");
    if (bytes_starts_nocase(token, BYTES("Bearer "))) /* service 1.4 */
        return http_says(a, ERR_UNAUTHORIZED, "Bearer tokens are not supported: use SharedAccessSignature");
    e = self ? check_self(r, peer, token, a) : check_token(r, peer, token);
    if (e == ERR_BUSY)
        return http_says(a, e, "There were too many failed log-ins; try again after 10 seconds");
    if (e || self)
        return e;
    if (!(r->who.rights & r->route->rights))
        return http_says(a, ERR_DENIED, "The policy of this token does not have the right to do that");
    if (!covers(r, path))
        return http_says(a, ERR_DENIED, "The token is for another resource");
    return OK;
}

/* ---- what is asked --------------------------------------------------------------------------------------------- */

/* service 4.1: there must be one; every one that looks like one is taken. */
static enum err check_version(const struct http_request *r, struct http_answer *a)
{
    char version[32];
    int64_t day_ms;

    if (!r->route->versioned)
        return OK;
    a->code = CODE_NO_VERSION;
    if (http_query(r->head->query, BYTES("api-version"), version, sizeof version))
        return http_says(a, ERR_ARGUMENT, "The query parameter api-version is missing");
    /* 2021-04-12, 2020-05-31-preview */
    struct bytes rest = bytes_str(version), day = bytes_first(rest, 10);
    char midnight[32];
    snprintf(midnight, sizeof midnight, "%.*sT00:00:00Z", BYTES_ARG(day));
    rest = bytes_skip(rest, 10);
    if (iso_time_parse(bytes_str(midnight), &day_ms) || (rest.len && rest.at[0] != '-'))
        return http_says(a, ERR_ARGUMENT, "api-version must be a date such as 2021-04-12");
    a->code = CODE_NONE;
    return OK;
}

/* service 4.1: Java sends PATCH as POST with an override. HEAD is GET without its body. */
static struct bytes method_of(const struct http_head *head)
{
    struct bytes other = http_header(head, BYTES("x-http-method-override"));

    if (bytes_eq(head->method, BYTES("POST")) && other.len)
        return other;
    return bytes_eq(head->method, BYTES("HEAD")) ? BYTES("GET") : head->method;
}

enum err http_judge(struct http_request *r, const struct peer *peer, struct http_answer *a)
{
    struct http_path path;
    enum err e;

    r->method = method_of(r->head);
    r->peer = peer;
    if (http_path_split(r->head->path, &path))
        return http_says(a, ERR_MALFORMED, "This path is not valid");
    if ((e = find_route(r, &path, a)) || (e = check_who(r, peer, &path, a)))
        return e;
    r->front->proved |= r->route->rights != 0;
    return check_version(r, a);
}

enum err http_route_run(struct http_request *r, struct http_answer *a)
{
    assert(r->route && r->route->run);
    enum err e = r->route->run(r, a);

    /* Whether the hub is there has to be told even when the disk stands still. */
    if (r->route->rights)
        front_wait_for(r->front, hub_seen(r->env->hub));
    return e;
}
