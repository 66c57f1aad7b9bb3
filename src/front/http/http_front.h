/* Shared by the files of the HTTPS front: a request on its way through the routes, and the answer to it (service 4).
 */
#pragma once

#include "auth.h"
#include "front.h"
#include "http.h"
#include "identity_change.h"
#include "journal.h"
#include "json_names.h"
#include "ws.h"

#include <jansson.h>

/* service 8.2: status, number, name. What has no code there has the general one, with the status that HTTP has for it.
 */
#define HTTP_CODES(X)                                                               \
    X(CODE_NONE, 200, 0, "")                                                        \
    X(CODE_BAD_REQUEST, 400, 400000, "GenericBadRequest")                           \
    X(CODE_NO_VERSION, 400, 400001, "InvalidProtocolVersion")                       \
    X(CODE_ARGUMENT, 400, 400004, "ArgumentInvalid")                                \
    X(CODE_MISSING, 400, 400005, "ArgumentNull")                                    \
    X(CODE_CONTAINER, 400, 400008, "BlobContainerValidationError")                  \
    X(CODE_TWICE, 400, 400011, "DeviceDefinedMultipleTimes")                        \
    X(CODE_SCOPE, 400, 400028, "InvalidDeviceScope")                                \
    X(CODE_NO_JSON, 400, 400012, "DeserializationError")                            \
    X(CODE_TARGET, 400, 400401, "InvalidConfigurationTargetCondition")              \
    X(CODE_CONTENT, 400, 400402, "InvalidConfigurationContent")                     \
    X(CODE_CONTENT_FIXED, 400, 400403, "CannotModifyImmutableConfigurationContent") \
    X(CODE_METRICS, 400, 400404, "InvalidConfigurationCustomMetricsQuery")          \
    X(CODE_JSON_PATCH, 400, 400505, "InvalidDigitalTwinJsonPatch")                  \
    X(CODE_PATCH, 400, 400507, "InvalidDigitalTwinPatch")                           \
    X(CODE_PATCH_PATH, 400, 400508, "InvalidDigitalTwinPatchPath")                  \
    X(CODE_NO_CONFIGURATION, 404, 404301, "ConfigurationNotFound")                  \
    X(CODE_CONFIGURATION_EXISTS, 409, 409401, "ConfigurationAlreadyExists")         \
    X(CODE_CONFIGURATIONS, 413, 413101, "ConfigurationCountLimitExceeded")          \
    X(CODE_UNAUTHORIZED, 401, 401002, "IotHubUnauthorizedAccess")                   \
    X(CODE_QUOTA, 403, 403002, "IotHubQuotaExceeded")                               \
    X(CODE_JOB_QUOTA, 403, 403003, "JobQuotaExceeded")                              \
    X(CODE_QUEUE_DEPTH, 403, 403004, "DeviceMaximumQueueDepthExceeded")             \
    X(CODE_EXPIRY, 403, 403009, "InvalidMessageExpiryTime")                         \
    X(CODE_DISABLED, 403, 403012, "DeviceDisabled")                                 \
    X(CODE_TWIN_SIZE, 403, 403100, "DeviceModelMaxPropertiesExceeded")              \
    X(CODE_CALLS_IN_FLIGHT, 403, 403800, "DeviceMaximumInflightMethodExceeded")     \
    X(CODE_NOT_FOUND, 404, 404000, "GenericNotFound")                               \
    X(CODE_NO_DEVICE, 404, 404001, "DeviceNotFound")                                \
    X(CODE_NO_CERTIFICATE, 404, 404008, "CertificateNotFound")                      \
    X(CODE_NO_MODULE, 404, 404010, "ModuleNotFound")                                \
    X(CODE_OFFLINE, 404, 404103, "DeviceNotOnline")                                 \
    X(CODE_CALL_BROKEN, 404, 404104, "DeviceConnectionClosedRemotely")              \
    X(CODE_NO_JOB, 404, 404002, "JobNotFound")                                      \
    X(CODE_JOB_STATE, 405, 405102, "OperationNotAllowedInCurrentState")             \
    X(CODE_JOB_EXISTS, 409, 409104, "JobAlreadyExists")                             \
    X(CODE_JOBS_ACTIVE, 429, 429004, "ThrottlingMaxActiveJobCountExceeded")         \
    X(CODE_METHOD, 405, 405000, "GenericMethodNotAllowed")                          \
    X(CODE_TOO_SLOW, 408, 400000, "GenericBadRequest")                              \
    X(CODE_CONFLICT, 409, 409000, "GenericConflict")                                \
    X(CODE_DEVICE_EXISTS, 409, 409001, "DeviceAlreadyExists")                       \
    X(CODE_MODULE_EXISTS, 409, 409301, "ModuleAlreadyExistsOnDevice")               \
    X(CODE_PRECONDITION, 412, 412001, "PreconditionFailed")                         \
    X(CODE_LOCK_LOST, 412, 412002, "DeviceMessageLockLost")                         \
    X(CODE_BODY_SIZE, 413, 413000, "GenericRequestEntityTooLarge")                  \
    X(CODE_MESSAGE_SIZE, 413, 413001, "MessageTooLarge")                            \
    X(CODE_TOO_MANY, 413, 413002, "TooManyDevices")                                 \
    X(CODE_TOO_MANY_MODULES, 413, 413003, "TooManyModulesOnDevice")                 \
    X(CODE_TARGET_SIZE, 414, 400000, "GenericBadRequest")                           \
    X(CODE_THROTTLED, 429, 429001, "ThrottlingException")                           \
    X(CODE_UPGRADE, 426, 400000, "GenericBadRequest")                               \
    X(CODE_HEAD_SIZE, 431, 400000, "GenericBadRequest")                             \
    X(CODE_SERVER, 500, 500001, "ServerError")                                      \
    X(CODE_CODING, 501, 400000, "GenericBadRequest")                                \
    X(CODE_NOT_HERE, 501, 501000, "NotImplemented")                                 \
    X(CODE_BAD_ANSWER, 502, 502000, "GenericBadGateway")                            \
    X(CODE_UNAVAILABLE, 503, 503001, "ServiceUnavailable")                          \
    X(CODE_CALL_TIMEOUT, 504, 504101, "GatewayTimeout")                             \
    X(CODE_HTTP_VERSION, 505, 400001, "InvalidProtocolVersion")

enum http_code {
#define X(code, status, number, name) code,
    HTTP_CODES(X)
#undef X
        HTTP_CODES_END
};

/* The size of a body that always fits behind the soft limit of the output, with a head before it. */
#define HTTP_ANSWER_HEAD_MAX 2048
#define HTTP_ANSWER_MAX (CONN_OUT_MAX - CONN_OUT_SOFT - HTTP_ANSWER_HEAD_MAX)

/* Makes the conversation within a WebSocket: front_mqtt_new or front_amqp_new. */
typedef enum err ws_maker(const struct front_env *, const struct peer *, int64_t now_ms, struct talk **out);

struct http_request;
struct http_answer;

/* Goes on with what would hold a loop up if it were done at once. */
typedef enum err http_more(struct http_request *, struct http_answer *, void *job);

struct http_answer {
    int status;               /* when nothing failed: 200 unless said otherwise */
    const char *type;         /* of the body; NULL: JSON */
    char etag[GUID_TEXT_CAP]; /* without quotes; "" for none */
    struct buf headers;       /* more of them, as lines */
    struct buf body;
    ws_maker *upgrade;     /* with 101: what goes on in a WebSocket behind this answer */
    struct bytes protocol; /* of it, as the client spelled it */
    char accept[WS_ACCEPT_CAP];
    /* While there is more to do: called in a turn of its own, as often as it leaves itself here. `drop` frees the job,
     * whenever the request ends. */
    http_more *more;
    void *job;
    void (*drop)(void *job);
    int64_t wait_ms; /* not 0: not before somebody wakes it, or this time */
    /* When something failed: */
    bool nested;         /* as direct methods tell it (service 4.13) */
    enum http_code code; /* CODE_NONE: the one of the enum err */
    char text[256];      /* for people; "" for the text of the enum err */
    char allow[48];      /* with CODE_METHOD: what may be done here */
};

enum { HTTP_NAMES_MAX = 3 };

struct http_route;

/* A request that passed the routes and the check of its credentials. */
struct http_request {
    const struct front_env *env;
    struct talk *front;
    const struct http_head *head;   /* NULL: it could not be read */
    struct bytes method;            /* what counts: of the override, GET for HEAD */
    char address[64];               /* of the peer, for the log */
    const struct http_route *route; /* NULL when it is refused */
    /* The text that stands for each {} in the route; cut short it is no valid name any more. */
    char names[HTTP_NAMES_MAX][ID_LEN_MAX * 3];
    char identity[IDENTITY_LEN_MAX + 1]; /* the device or module of the path, as the hub names it; "": it is no name */
    const struct peer *peer;
    struct who who; /* what the token or certificate proved, if the route wants one */
    bool told;      /* the log knows why it is refused */
    struct bytes body;
    int64_t now_ms;
};

/* The work of a route; on failure the answer may say more than the enum err. */
typedef enum err http_run(struct http_request *, struct http_answer *);

/* ---- answer.c ---- */

/* For people, at the failure `e`, which it gives back. */
enum err http_says(struct http_answer *, enum err e, const char *format, ...) PRINTF_LIKE(3, 4);
/* The words of another room about a failure, which it gives back; with OK, about something that was done half. */
enum err http_fault(struct http_answer *, enum err e, const struct entry_fault *);
/* The status, number and name of an error. */
const char *http_code_name(const struct http_answer *, enum err e);
int http_code_number(const struct http_answer *, enum err e);
/* A body as JSON, for the caller to free. CODE_NO_JSON says why not. */
enum err http_json(struct bytes body, json_t **out, struct http_answer *) MUST_CHECK;
/* The same, where a part of it is passed on as it is written: its whole numbers are reals for whoever reads it. */
enum err http_json_passed_on(struct bytes body, json_t **out, struct http_answer *) MUST_CHECK;
/* Brings its names into their spelling; the answer names what has the wrong form (json_names.h). */
enum err http_spell(json_t *root, enum json_names, struct http_answer *) MUST_CHECK;
/* Logs a line for a refused request: who, what, why. */
void http_log_refusal(const struct http_request *, enum err e, const char *text);
/* The whole answer into the output: head, then body or error envelope. `e` is what the route said. `last` closes. */
void http_put_answer(struct talk *, const struct front_env *, const struct http_request *, struct http_answer *,
                     enum err e, bool last);

/* ---- routes.c ---- */

/* A change that the operator of this request made: journal.h. `kind` and `id` say of what. */
void http_audit(const struct http_request *, const char *what, const char *kind, struct bytes id, const char *detail);

/* The same of a twin. */
void http_audit_twin(const struct http_request *, struct bytes name, const struct twin_change *);

/* Finds the route of a request and checks that whoever asks may take it: route, name and who are filled in. */
enum err http_judge(struct http_request *, const struct peer *, struct http_answer *) MUST_CHECK;
enum err http_route_run(struct http_request *, struct http_answer *) MUST_CHECK;

/* ---- if_match.c ---- */

/* The header If-Match: nothing, any, or one of these ETags. Valid as long as the head is. */
struct match http_match(const struct http_head *head);
/* An ETag without the quotes and backslashes around it. */
struct bytes http_unquoted(struct bytes tag);

/* ---- registry.c, hub.c ---- */

/* Changes for whoever asks, with a line for the audit. */
struct changer http_changer(struct http_request *);
enum err http_device_change(struct http_request *, struct http_answer *, const struct device *wanted, struct match,
                            struct device *made, uint64_t *at) MUST_CHECK;
enum err http_device_drop(struct http_request *, struct bytes id, struct match, uint64_t *at) MUST_CHECK;
http_run http_devices_list, http_device_get, http_device_put, http_device_delete, http_statistics_devices,
    http_statistics_service;
http_run http_healthz, http_readyz, http_hub_status, http_groups_list, http_group_get, http_group_put,
    http_group_delete;

/* ---- module.c ---- */

http_run http_modules_list, http_module_get, http_module_put, http_module_delete;
/* An identity of that name is not there: the device is not, or it has no such module. Gives ERR_NOT_FOUND. */
enum err http_no_identity(const struct http_request *, struct http_answer *, struct bytes name);
/* Of a module, what http_device_change() and http_device_drop() say. */
enum err http_module_fault(const struct http_request *, struct http_answer *, struct bytes name, enum err);

/* ---- scope.c, renew.c ---- */

http_run http_scope_list, http_scope_get, http_scope_list_of, http_scope_on_behalf, http_keys_renew;

/* ---- http_device.c ---- */

http_run http_events_post, http_c2d_take, http_c2d_complete, http_c2d_abandon, http_c2d_post, http_c2d_purge;

/* ---- feedback.c ---- */

http_run http_feedback_take, http_feedback_complete, http_feedback_abandon;

/* ---- dps.c, enroll.c: the provisioning service ---- */

http_run http_dps_register, http_dps_operation, http_dps_lookup;
http_run http_enrollment_get, http_enrollment_put, http_enrollment_delete, http_enrollment_mechanism,
    http_enrollments_bulk, http_enrollments_query, http_registration_get, http_registration_delete,
    http_registrations_query;

/* ---- certs.c ---- */

http_run http_certs_list, http_cert_get, http_cert_put, http_cert_delete, http_cert_challenge, http_cert_verify;

/* ---- manifest.c ---- */

http_run http_manifest_apply;

/* ---- configuration.c ---- */

http_run http_configurations_list, http_configuration_get, http_configuration_put, http_configuration_delete,
    http_configurations_test;

/* ---- bulk.c, query.c ---- */

http_run http_devices_bulk, http_query_devices;

/* ---- twins.c ---- */

http_run http_twin_get, http_twin_merge, http_twin_replace;

/* ---- digital_twin.c ---- */

http_run http_digital_twin_get, http_digital_twin_patch;

/* ---- job.c ---- */

http_run http_job_put, http_job_get, http_job_cancel, http_jobs_list;

/* ---- transfer.c ---- */

http_run http_transfer_create, http_transfer_get, http_transfer_cancel, http_transfers_list, http_registry_export,
    http_registry_import;

/* ---- call.c ---- */

http_run http_call, http_command;
/* A direct method that is called later; `text` is what it was parsed from. */
enum err http_call_check(json_t *method, struct bytes text, struct http_answer *) MUST_CHECK;

/* ---- identity.c ---- */

/* A device or module as a client describes it. Reads ids (which must fit what is in out->id), and what
 * identity_json_take() does. */
enum err http_identity_read(struct bytes json, struct device *out, struct http_answer *) MUST_CHECK;

/* ---- ws.c ---- */

http_run http_websocket; /* the handshake */
void http_put_upgrade(struct talk *, const struct http_request *, const struct http_answer *);
