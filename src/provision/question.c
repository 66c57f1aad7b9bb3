/* The question to a webhook (provisioning 3.7). */
#include "document.h"

#include "json_text.h"
#include "outside.h"

static const char *const attestations[] = {
    [ATTESTED_BY_KEY] = "symmetricKey", [ATTESTED_BY_CERTIFICATE] = "x509", [ATTESTED_BY_TPM] = "tpm"};

/* The hubs that the webhook may choose from: of the entry, or all. */
static json_t *linked_list(const struct front_env *env, const json_t *entry)
{
    const json_t *own = json_object_get(entry, "iotHubs");
    json_t *list;

    if (json_array_size(own))
        return json_deep_copy(own);
    list = json_pack("[s]", env->host);
    for (size_t i = 0; list && env->outside->hubs[i]; i++)
        json_array_append_new(list, json_string(env->outside->hubs[i]));
    return list;
}

char *document_question(const struct front_env *env, const struct registrant *c, const struct enrollment *enrollment,
                        struct bytes payload, const char *hub, const char *device)
{
    json_t *entry = json_loadb((const char *)enrollment->text.at, enrollment->text.len, 0, NULL), *context, *question;
    json_t *said = payload.len ? json_loadb((const char *)payload.at, payload.len, JSON_DECODE_ANY, NULL) : NULL;
    char *text;

    json_object_del(json_object_get(entry, "attestation"), "symmetricKey"); /* its keys are not for others */
    context = json_pack("{ss so so*}", "registrationId", c->registration, attestations[c->how], json_object(),
                        "payload", said);
    if (hub[0]) {
        json_object_set_new(context, "currentIotHubHostName", json_string(hub));
        json_object_set_new(context, "currentDeviceId", json_string(device));
    }
    question = json_pack("{sO so so}", c->from_group ? "enrollmentGroup" : "individualEnrollment", entry,
                         "deviceRuntimeContext", context, "linkedHubs", linked_list(env, entry));
    json_decref(entry);
    text = question ? json_text(question, JSON_COMPACT) : NULL;
    json_decref(question);
    return text;
}
