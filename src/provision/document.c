#include "document.h"
#include "hub_ca.h"

#include "cert.h"
#include "json_body.h"
#include "text.h"

#include <stdio.h>

/* ---- texts ----------------------------------------------------------------------------------------------------- */

struct bytes document_text(const json_t *from, const char *a, const char *b, const char *c)
{
    const json_t *at = json_object_get(from, a);

    if (b)
        at = json_object_get(at, b);
    if (c)
        at = json_object_get(at, c);
    return json_is_string(at) ? bytes_of(json_string_value(at), json_string_length(at)) : NO_BYTES;
}

bool key_decode(struct bytes text, struct key_bytes *out)
{
    size_t len;

    out->len = 0;
    if (!text.len || base64_decode(text, out->at, sizeof out->at, &len) || len < KEY_LEN_MIN)
        return false;
    out->len = (uint8_t)len;
    return true;
}

void registration_time(int64_t ms, char out[REGISTRATION_TIME_CAP])
{
    char iso[ISO_TIME_CAP];

    iso_time(ms, iso);
    snprintf(out, REGISTRATION_TIME_CAP, "%.19s.%03d0000Z", iso, (int)(ms % 1000));
}

/* provisioning 1.1 */
bool registration_id_valid(struct bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.at[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

        if (!plain && c != '-' && (i + 1 == id.len || (c != '.' && c != '_' && c != ':')))
            return false;
    }
    return id.len > 0 && id.len <= ID_LEN_MAX;
}

void thumbprint_of(char *out, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02X", at[i]);
}

/* ---- what is taken --------------------------------------------------------------------------------------------- */

struct taking {
    const struct front_env *env;
    char *why;
    json_t *out;
};

static enum err wrong(struct taking *t, const char *text)
{
    snprintf(t->why, 160, "%s", text);
    return ERR_ARGUMENT;
}

static json_t *make_key(const struct front_env *env)
{
    struct buf text = buf_max(KEY_TEXT_MAX + 1);
    uint8_t key[32];

    env->random(env->random_ctx, key, sizeof key);
    buf_put_base64(&text, bytes_of(key, sizeof key));
    json_t *made = json_string(buf_str(&text));
    buf_free(&text);
    return made;
}

/* provisioning 2.1: both, or both are made. */
static enum err take_keys(struct taking *t, const json_t *attestation, json_t *to)
{
    static const char *const names[] = {"primaryKey", "secondaryKey"};
    json_t *keys = json_object();
    enum err e = keys ? OK : ERR_MEMORY;

    for (int i = 0; !e && i < 2; i++) {
        struct bytes text = document_text(attestation, "symmetricKey", names[i], NULL);
        struct key_bytes key;

        if (text.len && !key_decode(text, &key))
            e = wrong(t, "a symmetric key must be 16 to 64 bytes in base64");
        else if (json_object_set_new(keys, names[i],
                                     text.len ? json_stringn((const char *)text.at, text.len) : make_key(t->env)))
            e = ERR_MEMORY;
    }
    if (json_object_set_new(to, "symmetricKey", keys) && !e)
        e = ERR_MEMORY;
    return e;
}

static json_t *info_of(const struct cert_facts *facts)
{
    char sha1[41], sha256[65], from[REGISTRATION_TIME_CAP], to[REGISTRATION_TIME_CAP];

    thumbprint_of(sha1, facts->sha1, sizeof facts->sha1);
    thumbprint_of(sha256, facts->sha256, sizeof facts->sha256);
    registration_time(facts->from_s * 1000, from);
    registration_time(facts->to_s * 1000, to);
    return json_pack("{ss ss ss ss ss ss ss si}", "subjectName", facts->subject, "sha1Thumbprint", sha1,
                     "sha256Thumbprint", sha256, "issuerName", facts->issuer, "notBeforeUtc", from, "notAfterUtc", to,
                     "serialNumber", facts->serial, "version", facts->version);
}

/* {"certificate", "info"}, or NULL where there is none. */
static enum err take_certificate(struct taking *t, const json_t *from, bool is_authority, json_t **out)
{
    struct buf der = buf_max(CA_LEN_MAX), text = buf_max(2 * CA_LEN_MAX);
    struct bytes given = document_text(from, "certificate", NULL, NULL);
    struct cert_facts facts;
    enum err e = OK;

    *out = NULL;
    if (!given.len)
        return OK;
    if (cert_to_der(given, &der) || cert_read(buf_bytes(&der), &facts))
        e = wrong(t, "a certificate cannot be read");
    else if (is_authority && !facts.is_authority)
        e = wrong(t, "a signing certificate is not one of a certificate authority (CA)");
    buf_put_base64(&text, buf_bytes(&der));
    if (!e && !(*out = json_pack("{ss so}", "certificate", buf_str(&text), "info", info_of(&facts))))
        e = ERR_MEMORY;
    buf_free(&der);
    buf_free(&text);
    return e;
}

static const char *const certificates[] = {"primary", "secondary"};

/* Of the device itself, or those that may sign for devices. */
static enum err take_own_certificates(struct taking *t, const json_t *from, bool signs, json_t *to)
{
    enum err e = OK;

    for (int i = 0; !e && i < 2; i++) {
        json_t *one;

        e = take_certificate(t, json_object_get(from, certificates[i]), signs, &one);
        if (!e && one && json_object_set_new(to, certificates[i], one))
            e = ERR_MEMORY;
    }
    return e;
}

/* Names of certificates that the hub has; whether they are verified is asked when a device comes. */
static enum err take_references(struct taking *t, const json_t *from, json_t *to)
{
    enum err e = OK;

    for (int i = 0; !e && i < 2; i++) {
        struct bytes name = document_text(from, certificates[i], NULL, NULL);
        struct ca ca;

        if (!name.len)
            continue;
        if (hub_ca_get(t->env->hub, name, &ca))
            e = wrong(t, "attestation.x509.caReferences names a CA certificate that this hub does not have");
        else if (json_object_set_new(to, certificates[i], json_string(ca.name)))
            e = ERR_MEMORY;
    }
    return e;
}

/* provisioning 3.3: exactly one of the kinds. */
static const char *kind_of_certificates(const json_t *x509, enum doc_kind kind)
{
    static const char *const kinds[] = {"clientCertificates", "signingCertificates", "caReferences"};
    const char *which = NULL;

    for (int i = 0; i < 3; i++) {
        if (!json_is_object(json_object_get(x509, kinds[i])))
            continue;
        if (which || (i == 0 && kind == DOC_ENROLLMENT_GROUP) || (i == 1 && kind == DOC_ENROLLMENT))
            return NULL;
        which = kinds[i];
    }
    return which;
}

static enum err take_certificates(struct taking *t, const json_t *attestation, enum doc_kind kind, json_t *to)
{
    const json_t *from = json_object_get(attestation, "x509");
    const char *which = kind_of_certificates(from, kind);
    json_t *both = json_object(), *x509;
    enum err e = both ? OK : ERR_MEMORY;

    if (!e && !which)
        e = wrong(t, kind == DOC_ENROLLMENT ? "attestation.x509 must have either clientCertificates or caReferences"
                                            : "attestation.x509 must have either signingCertificates or caReferences");
    if (!e && which[1] == 'a')
        e = take_references(t, json_object_get(from, which), both);
    else if (!e)
        e = take_own_certificates(t, json_object_get(from, which), kind == DOC_ENROLLMENT_GROUP, both);
    if (!e && !json_object_get(both, "primary"))
        e = wrong(t, "attestation.x509: the primary certificate is missing");
    x509 = json_pack("{so}", which ? which : "none", both);
    if ((!x509 || json_object_set_new(to, "x509", x509)) && !e)
        e = ERR_MEMORY;
    return e;
}

/* Takes a key of a TPM, as plain base64 of what was checked. */
static enum err take_public(struct taking *t, const json_t *attestation, const char *name, bool (*is)(struct bytes),
                            json_t *to)
{
    struct bytes given = document_text(attestation, "tpm", name, NULL);
    struct buf text = buf_max(1024);
    uint8_t key[512];
    size_t len = 0;
    enum err e = OK;

    if (!given.len)
        return OK;
    if (!base64_decode_loosely(given, key, sizeof key, &len) || !is(bytes_of(key, len)))
        e = wrong(t,
                  "a key of attestation.tpm is not the base64 text of a TPM2B_PUBLIC of the usual template (RSA 2048)");
    buf_put_base64(&text, bytes_of(key, len));
    if (!e && json_object_set_new(to, name, json_string(buf_str(&text))))
        e = ERR_MEMORY;
    buf_free(&text);
    return e;
}

/* provisioning 2.3 */
static enum err take_tpm(struct taking *t, const json_t *attestation, enum doc_kind kind, json_t *to)
{
    json_t *tpm = json_object();
    enum err e = tpm ? OK : ERR_MEMORY;

    if (!e && kind != DOC_ENROLLMENT)
        e = wrong(t, "a group cannot be attested by a TPM");
    if (!e)
        e = take_public(t, attestation, "endorsementKey", attest_is_endorsement, tpm);
    if (!e && !json_object_get(tpm, "endorsementKey"))
        e = wrong(t, "attestation.tpm.endorsementKey is missing");
    if (!e)
        e = take_public(t, attestation, "storageRootKey", attest_is_storage, tpm);
    if (json_object_set_new(to, "tpm", tpm) && !e)
        e = ERR_MEMORY;
    return e;
}

static enum err take_attestation(struct taking *t, const json_t *from, enum doc_kind kind)
{
    const json_t *attestation = json_object_get(from, "attestation");
    struct bytes type = document_text(attestation, "type", NULL, NULL);
    json_t *made = json_object();
    enum err e;

    if (!made)
        return ERR_MEMORY;
    if (bytes_eq(type, BYTES("symmetricKey")))
        e = take_keys(t, attestation, made);
    else if (bytes_eq(type, BYTES("x509")))
        e = take_certificates(t, attestation, kind, made);
    else if (bytes_eq(type, BYTES("tpm")))
        e = take_tpm(t, attestation, kind, made);
    else
        e = wrong(t, "attestation.type must be symmetricKey, x509 or tpm");
    if (!e && json_object_set_new(made, "type", json_stringn((const char *)type.at, type.len)))
        e = ERR_MEMORY;
    if (json_object_set_new(t->out, "attestation", made) && !e)
        e = ERR_MEMORY;
    return e;
}

/* Members that are kept as they came. */
static const char *const plain[] = {"deviceId",
                                    "optionalDeviceInformation",
                                    "capabilities",
                                    "iotHubHostName",
                                    "initialTwin",
                                    "reprovisionPolicy",
                                    "allocationPolicy",
                                    "iotHubs",
                                    "customAllocationDefinition"};

/* provisioning 3.7 */
static enum err check_allocation(struct taking *t, const json_t *from)
{
    static const char *const policies[] = {"hashed", "geoLatency", "static", "custom"};
    struct bytes policy = document_text(from, "allocationPolicy", NULL, NULL);
    struct bytes url = document_text(from, "customAllocationDefinition", "webhookUrl", NULL);
    const json_t *hubs = json_object_get(from, "iotHubs");
    const json_t *given = json_object_get(from, "allocationPolicy");
    bool known = !given || json_is_null(given);

    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        known |= bytes_eq_nocase(policy, bytes_str(policies[i]));
    if (!known)
        return wrong(t, "allocationPolicy must be hashed, geoLatency, static or custom");
    for (size_t i = 0; i < json_array_size(hubs); i++)
        if (!json_is_string(json_array_get(hubs, i)))
            return wrong(t, "iotHubs must be a list of host names");
    if (hubs && !json_is_null(hubs) && (!json_is_array(hubs) || json_array_size(hubs) > LINKED_HUBS_MAX))
        return wrong(t, "iotHubs must be a list of up to 32 host names");
    if (bytes_eq_nocase(policy, BYTES("custom")) && !bytes_starts_nocase(url, BYTES("https://")) &&
        !bytes_starts_nocase(url, BYTES("http://")))
        return wrong(t, "customAllocationDefinition.webhookUrl is missing, or is not a URL");
    return OK;
}

static const char NO_TWIN[] = "initialTwin must be {tags, properties {desired}}, all of them objects";

static enum err check_section(struct taking *t, const json_t *section, enum twin_part part)
{
    struct buf text = buf_max(DOC_LEN_MAX);
    struct twin_fault fault;
    enum err e;

    if (!section || json_is_null(section))
        return OK;
    if (!json_is_object(section))
        return wrong(t, NO_TWIN);
    if (!(e = json_put(section, &text))) {
        if (text.bad)
            e = wrong(t, "initialTwin is too large");
        else if (hub_twin_check(t->env->hub, part, buf_bytes(&text), &fault))
            e = wrong(t, fault.why);
    }
    buf_free(&text);
    return e;
}

/* provisioning 3.1: what the hub would refuse when the device comes is refused when it is written. */
static enum err check_twin(struct taking *t, const json_t *twin)
{
    const json_t *properties = json_object_get(twin, "properties");
    enum err e;

    if ((twin && !json_is_null(twin) && !json_is_object(twin)) ||
        (properties && !json_is_null(properties) && !json_is_object(properties)))
        return wrong(t, NO_TWIN);
    e = check_section(t, json_object_get(twin, "tags"), TWIN_TAGS);
    return e ? e : check_section(t, json_object_get(properties, "desired"), TWIN_DESIRED);
}

static enum err take_plain(struct taking *t, const json_t *from)
{
    struct bytes device = document_text(from, "deviceId", NULL, NULL);
    struct bytes status = document_text(from, "provisioningStatus", NULL, NULL);
    bool disabled = bytes_eq_nocase(status, BYTES("disabled"));
    enum err e;

    if (device.len && !device_id_valid(device))
        return wrong(t, "deviceId is not valid");
    if (status.len && !disabled && !bytes_eq_nocase(status, BYTES("enabled")))
        return wrong(t, "provisioningStatus must be enabled or disabled");
    if (check_allocation(t, from))
        return ERR_ARGUMENT;
    if ((e = check_twin(t, json_object_get(from, "initialTwin"))))
        return e;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        json_t *value = json_object_get(from, plain[i]);

        if (value && !json_is_null(value) && json_object_set(t->out, plain[i], value))
            return ERR_MEMORY;
    }
    if (json_object_set_new(t->out, "provisioningStatus", json_string(disabled ? "disabled" : "enabled")))
        return ERR_MEMORY;
    return OK;
}

enum err document_take(const struct front_env *env, enum doc_kind kind, json_t *from, struct bytes id, char why[160],
                       json_t **out)
{
    const char *name = kind == DOC_ENROLLMENT ? "registrationId" : "enrollmentGroupId";
    struct taking t = {env, why, json_object()};
    struct bytes given = document_text(from, name, NULL, NULL);
    enum err e = t.out ? OK : ERR_MEMORY;

    why[0] = 0;
    if (!e && !json_is_object(from))
        e = wrong(&t, "an enrollment must be an object");
    else if (!e && !registration_id_valid(id))
        e = wrong(&t, "the id must be 1 to 128 of A-Z a-z 0-9 - . _ : with a letter, digit or - at the end");
    else if (!e && given.len && !bytes_eq_nocase(given, id))
        e = wrong(&t, "the id in the body is not the one in the path");
    if (!e && json_object_set_new(t.out, name, json_stringn((const char *)id.at, id.len)))
        e = ERR_MEMORY;
    if (!e && !(e = take_attestation(&t, from, kind)))
        e = take_plain(&t, from);
    if (e)
        json_decref(t.out);
    else
        *out = t.out;
    return e;
}

/* ---- what is shown --------------------------------------------------------------------------------------------- */

json_t *document_show(json_t *kept, const struct doc *doc, bool with_keys)
{
    json_t *attestation = json_object_get(kept, "attestation");
    char created[REGISTRATION_TIME_CAP], updated[REGISTRATION_TIME_CAP], etag[32];

    if (!with_keys && json_object_get(attestation, "symmetricKey"))
        json_object_del(attestation, "symmetricKey");
    registration_time(doc->created_ms, created);
    registration_time(doc->updated_ms, updated);
    snprintf(etag, sizeof etag, "\"%s\"", doc->etag);
    if (json_object_set_new(kept, "etag", json_string(etag)) ||
        json_object_set_new(kept, "createdDateTimeUtc", json_string(created)) ||
        json_object_set_new(kept, "lastUpdatedDateTimeUtc", json_string(updated))) {
        json_decref(kept);
        return NULL;
    }
    return kept;
}

json_t *document_show_registration(json_t *kept)
{
    static const char *const ours[] = {"operationId", "entry", "hubKey", "was", "initialHub", "migrate", "run"};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        json_object_del(kept, ours[i]);
    return kept;
}

static enum err parse(enum err e, struct buf *body, json_t **out)
{
    json_error_t why;

    if (!e && !(*out = json_loadb((const char *)body->at, body->len, 0, &why)))
        e = ERR_DAMAGED;
    buf_free(body);
    return e;
}

enum err document_get(const struct front_env *env, enum doc_kind kind, struct bytes id, struct doc *doc, json_t **out)
{
    struct buf body = buf_max(DOC_LEN_MAX);

    return parse(hub_doc_get(env->hub, kind, id, &body, doc), &body, out);
}

enum err document_next(const struct front_env *env, enum doc_kind kind, struct bytes after, struct doc *doc,
                       json_t **out)
{
    struct buf body = buf_max(DOC_LEN_MAX);

    return parse(hub_doc_next(env->hub, kind, after, &body, doc), &body, out);
}
