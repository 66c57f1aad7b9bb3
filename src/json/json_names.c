#include "json_names.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Kinds of values that may stand there, besides null: a text, true or false, an object, a list, anything. */
enum form { TEXT, FLAG, OBJECT, LIST, ANY };

struct rule {
    const char *path; /* what is inside comes behind what it is in */
    enum form form;
};

static const struct rule device[] = {
    {"id", TEXT},
    {"deviceId", TEXT},
    {"moduleId", TEXT},
    {"managedBy", TEXT},
    {"importMode", TEXT},
    {"etag", TEXT},
    {"twinETag", TEXT},
    {"status", TEXT},
    {"statusReason", TEXT},
    {"authentication", OBJECT},
    {"authentication.type", TEXT},
    {"authentication.symmetricKey", OBJECT},
    {"authentication.symmetricKey.primaryKey", TEXT},
    {"authentication.symmetricKey.secondaryKey", TEXT},
    {"authentication.x509Thumbprint", OBJECT},
    {"authentication.x509Thumbprint.primaryThumbprint", TEXT},
    {"authentication.x509Thumbprint.secondaryThumbprint", TEXT},
    {"capabilities", OBJECT},
    {"capabilities.iotEdge", FLAG},
    {"deviceScope", TEXT},
    {"parentScopes", LIST},
    {"tags", ANY},
    {"properties", ANY},
    {NULL, ANY},
};

static const struct rule enrollment[] = {
    {"registrationId", TEXT},
    {"enrollmentGroupId", TEXT},
    {"deviceId", TEXT},
    {"etag", TEXT},
    {"provisioningStatus", TEXT},
    {"iotHubHostName", TEXT},
    {"iotHubs", LIST},
    {"allocationPolicy", TEXT},
    {"customAllocationDefinition", OBJECT},
    {"customAllocationDefinition.webhookUrl", TEXT},
    {"customAllocationDefinition.apiVersion", TEXT},
    {"reprovisionPolicy", OBJECT},
    {"reprovisionPolicy.updateHubAssignment", FLAG},
    {"reprovisionPolicy.migrateDeviceData", FLAG},
    {"capabilities", OBJECT},
    {"capabilities.iotEdge", FLAG},
    {"initialTwin", OBJECT},
    {"initialTwin.tags", ANY},
    {"initialTwin.properties", OBJECT},
    {"initialTwin.properties.desired", ANY},
    {"optionalDeviceInformation", ANY},
    {"attestation", OBJECT},
    {"attestation.type", TEXT},
    {"attestation.symmetricKey", OBJECT},
    {"attestation.symmetricKey.primaryKey", TEXT},
    {"attestation.symmetricKey.secondaryKey", TEXT},
    {"attestation.x509", OBJECT},
    {"attestation.x509.clientCertificates", OBJECT},
    {"attestation.x509.clientCertificates.primary", OBJECT},
    {"attestation.x509.clientCertificates.primary.certificate", TEXT},
    {"attestation.x509.clientCertificates.secondary", OBJECT},
    {"attestation.x509.clientCertificates.secondary.certificate", TEXT},
    {"attestation.x509.signingCertificates", OBJECT},
    {"attestation.x509.signingCertificates.primary", OBJECT},
    {"attestation.x509.signingCertificates.primary.certificate", TEXT},
    {"attestation.x509.signingCertificates.secondary", OBJECT},
    {"attestation.x509.signingCertificates.secondary.certificate", TEXT},
    {"attestation.x509.caReferences", OBJECT},
    {"attestation.x509.caReferences.primary", TEXT},
    {"attestation.x509.caReferences.secondary", TEXT},
    {"attestation.tpm", OBJECT},
    {"attestation.tpm.endorsementKey", TEXT},
    {"attestation.tpm.storageRootKey", TEXT},
    {NULL, ANY},
};

static const struct rule enrollments[] = {
    {"mode", TEXT}, {"enrollments", LIST}, {"enrollmentGroups", LIST}, {NULL, ANY}};

static const struct rule registration[] = {{"registrationId", TEXT},     {"tpm", OBJECT},  {"tpm.endorsementKey", TEXT},
                                           {"tpm.storageRootKey", TEXT}, {"payload", ANY}, {NULL, ANY}};

static const struct rule query[] = {{"query", TEXT}, {NULL, ANY}};

static const struct rule certificate[] = {{"certificate", TEXT},
                                          {"properties", OBJECT},
                                          {"properties.certificate", TEXT},
                                          {"properties.isVerified", FLAG},
                                          {NULL, ANY}};

static const struct rule batch[] = {{"body", TEXT}, {"base64Encoded", FLAG}, {"properties", OBJECT}, {NULL, ANY}};

/* Names inside of these are the client's own. */
static const struct rule twin[] = {{"tags", OBJECT},
                                   {"properties", OBJECT},
                                   {"properties.desired", OBJECT},
                                   {"properties.reported", OBJECT},
                                   {NULL, ANY}};

static const struct rule call[] = {{"methodName", TEXT},
                                   {"payload", ANY},
                                   {"responseTimeoutInSeconds", ANY},
                                   {"connectTimeoutInSeconds", ANY},
                                   {"timeoutInSeconds", ANY},
                                   {"timeout", ANY},
                                   {NULL, ANY}};

static const struct rule job[] = {{"jobId", TEXT},
                                  {"type", TEXT},
                                  {"queryCondition", TEXT},
                                  {"startTime", TEXT},
                                  {"maxExecutionTimeInSeconds", ANY},
                                  {"updateTwin", OBJECT},
                                  {"updateTwin.etag", TEXT},
                                  {"updateTwin.tags", OBJECT},
                                  {"updateTwin.properties", OBJECT},
                                  {"updateTwin.properties.desired", OBJECT},
                                  {"updateTwin.desired", ANY},
                                  {"cloudToDeviceMethod", OBJECT},
                                  {"cloudToDeviceMethod.methodName", TEXT},
                                  {NULL, ANY}};

static const struct rule transfer[] = {{"type", TEXT},
                                       {"inputBlobContainerUri", TEXT},
                                       {"inputBlobName", TEXT},
                                       {"outputBlobContainerUri", TEXT},
                                       {"outputBlobName", TEXT},
                                       {"storageAuthenticationType", TEXT},
                                       {"excludeKeysInExport", FLAG},
                                       {"includeConfigurations", FLAG},
                                       {"configurationsBlobName", TEXT},
                                       {NULL, ANY}};

static const struct rule configuration[] = {{"id", TEXT},
                                            {"importMode", TEXT},
                                            {"etag", TEXT},
                                            {"schemaVersion", TEXT},
                                            {"labels", OBJECT},
                                            {"content", OBJECT},
                                            {"targetCondition", TEXT},
                                            {"priority", ANY},
                                            {"metrics", OBJECT},
                                            {"metrics.queries", OBJECT},
                                            {NULL, ANY}};

static const struct rule storage[] = {{"containerName", TEXT}, {"storageConnectionString", TEXT}, {NULL, ANY}};

static const struct rule *const tables[JSON_NAMES_END] = {
    [NAMES_DEVICE] = device,
    [NAMES_ENROLLMENT] = enrollment,
    [NAMES_ENROLLMENTS] = enrollments,
    [NAMES_REGISTER] = registration,
    [NAMES_QUERY] = query,
    [NAMES_CERTIFICATE] = certificate,
    [NAMES_BATCH] = batch,
    [NAMES_CALL] = call,
    [NAMES_TWIN] = twin,
    [NAMES_JOB] = job,
    [NAMES_TRANSFER] = transfer,
    [NAMES_CONFIGURATION] = configuration,
    [NAMES_STORAGE] = storage,
};

/* The object that the last name of a path stands in, or NULL; `name` is that name. */
static json_t *object_of(json_t *root, const char *path, const char **name)
{
    json_t *at = root;
    const char *dot;

    while ((dot = strchr(path, '.'))) {
        at = json_object_getn(at, path, (size_t)(dot - path));
        path = dot + 1;
    }
    *name = path;
    return json_is_object(at) ? at : NULL;
}

/* Brings one name into its spelling. False: it stands there twice. ERR_MEMORY is told by `failed`. */
static bool spell(json_t *in, const char *name, bool *failed)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(in, next, key, value)
    {
        if (strcasecmp(key, name) || !strcmp(key, name))
            continue;
        if (json_object_get(in, name))
            return false;
        *failed |= json_object_set(in, name, value) || json_object_del(in, key);
        return spell(in, name, failed);
    }
    return true;
}

static bool has_form(const json_t *value, enum form form)
{
    switch (form) {
    case TEXT:
        return json_is_string(value);
    case FLAG:
        return json_is_boolean(value);
    case OBJECT:
        return json_is_object(value);
    case LIST:
        return json_is_array(value);
    case ANY:
        break;
    }
    return true;
}

enum err json_spell(json_t *root, enum json_names which, char why[JSON_WHY_CAP])
{
    static const char *const forms[] = {
        [TEXT] = "a text", [FLAG] = "true or false", [OBJECT] = "an object", [LIST] = "a list", [ANY] = "anything"};
    bool failed = false;

    why[0] = 0;
    for (const struct rule *rule = tables[which]; rule->path && !failed; rule++) {
        const char *name;
        json_t *in = object_of(root, rule->path, &name);

        if (!in)
            continue;
        if (!spell(in, name, &failed)) {
            snprintf(why, JSON_WHY_CAP, "%s is given twice, in different case", rule->path);
            return ERR_ARGUMENT;
        }
        const json_t *value = json_object_get(in, name);
        if (value && !json_is_null(value) && !has_form(value, rule->form)) {
            snprintf(why, JSON_WHY_CAP, "%s is not %s", rule->path, forms[rule->form]);
            return ERR_ARGUMENT;
        }
    }
    return failed ? ERR_MEMORY : OK;
}
