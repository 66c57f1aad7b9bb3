#include "enrollment.h"

#include "document.h"
#include "text.h"

#include <stdlib.h>

static const char *const names[] = {"primary", "secondary"};

/* False: it is longer than anything of its kind. */
static bool copy(struct bytes text, char *out, size_t cap)
{
    if (!text.len)
        out[0] = 0;
    return !text.len || bytes_to_str(text, out, cap);
}

static bool is_false(const json_t *from, const char *a, const char *b)
{
    return json_is_false(json_object_get(json_object_get(from, a), b));
}

/* ---- attestation ----------------------------------------------------------------------------------------------- */

static bool decode_certificate(const json_t *from, struct enrolled_certificate *c)
{
    struct bytes der = document_text(from, "certificate", NULL, NULL);
    size_t len;

    if (der.len && !base64_decode(der, c->der, sizeof c->der, &len))
        c->len = (uint16_t)len;
    return copy(document_text(from, "info", "sha256Thumbprint", NULL), c->sha256, sizeof c->sha256);
}

static bool decode_certificates(const json_t *x509, struct enrollment *e)
{
    static const char *const kinds[] = {[CERTIFICATES_OF_DEVICE] = "clientCertificates",
                                        [CERTIFICATES_OF_SIGNERS] = "signingCertificates",
                                        [CERTIFICATES_OF_HUB] = "caReferences"};
    const json_t *all = NULL;

    for (size_t kind = 0; !all && kind < sizeof kinds / sizeof *kinds; kind++) {
        all = json_object_get(x509, kinds[kind]);
        e->which = (enum enrolled_certificates)kind;
    }
    for (int i = 0; i < 2; i++) {
        struct enrolled_certificate *c = &e->certificates[i];

        if (e->which == CERTIFICATES_OF_HUB) {
            if (!copy(document_text(all, names[i], NULL, NULL), c->ca, sizeof c->ca))
                c->ca[0] = 0; /* the hub has none of such a name */
        } else if (!decode_certificate(json_object_get(all, names[i]), c)) {
            return false;
        }
    }
    return true;
}

static void decode_public(const json_t *attestation, const char *name, struct enrolled_key *out)
{
    struct bytes text = document_text(attestation, "tpm", name, NULL);

    out->given = text.len > 0;
    if (!out->given || !base64_decode_loosely(text, out->at, sizeof out->at, &out->len))
        out->len = 0;
}

static bool decode_attestation(const json_t *attestation, struct enrollment *e)
{
    struct bytes type = document_text(attestation, "type", NULL, NULL);

    if (bytes_eq(type, BYTES("symmetricKey"))) {
        e->how = ATTESTED_BY_KEY;
        key_decode(document_text(attestation, "symmetricKey", "primaryKey", NULL), &e->keys[0]);
        key_decode(document_text(attestation, "symmetricKey", "secondaryKey", NULL), &e->keys[1]);
        return true;
    }
    if (bytes_eq(type, BYTES("tpm"))) {
        e->how = ATTESTED_BY_TPM;
        decode_public(attestation, "endorsementKey", &e->endorsement);
        decode_public(attestation, "storageRootKey", &e->storage);
        return true;
    }
    e->how = bytes_eq(type, BYTES("x509")) ? ATTESTED_BY_CERTIFICATE : NOT_ATTESTED;
    return e->how == NOT_ATTESTED || decode_certificates(json_object_get(attestation, "x509"), e);
}

/* ---- allocation ------------------------------------------------------------------------------------------------ */

static enum allocation allocation_of(struct bytes policy)
{
    return bytes_eq_nocase(policy, BYTES("static"))       ? BY_LIST
           : bytes_eq_nocase(policy, BYTES("geoLatency")) ? BY_LATENCY
           : bytes_eq_nocase(policy, BYTES("custom"))     ? BY_WEBHOOK
                                                          : BY_HASH;
}

/* A name that is too long for a host is none that is linked. */
static void copy_host(struct bytes name, char out[HOST_LEN_MAX + 1])
{
    if (!copy(name, out, HOST_LEN_MAX + 1))
        out[0] = 0;
}

static bool decode_allocation(const json_t *root, struct enrollment *e)
{
    const json_t *hubs = json_object_get(root, "iotHubs");
    struct bytes host = document_text(root, "iotHubHostName", NULL, NULL);
    struct bytes url = document_text(root, "customAllocationDefinition", "webhookUrl", NULL);

    e->allocation = allocation_of(document_text(root, "allocationPolicy", NULL, NULL));
    e->pinned = host.len > 0;
    copy_host(host, e->host);
    if (json_array_size(hubs) > LINKED_HUBS_MAX)
        return false;
    for (; e->n_hubs < json_array_size(hubs); e->n_hubs++)
        copy_host(bytes_str(json_string_value(json_array_get(hubs, e->n_hubs))), e->hubs[e->n_hubs]);
    e->webhook = url.len ? strndup((const char *)url.at, url.len) : NULL;
    return true;
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

enum err enrollment_decode(struct enrollment *e, struct buf *text)
{
    json_error_t why;
    json_t *root;
    bool whole;

    *e = (struct enrollment){.text = *text};
    *text = buf_max(text->max);
    if (!(root = json_loadb(e->text.len ? (const char *)e->text.at : "", e->text.len, 0, &why)))
        return ERR_DAMAGED;
    e->disabled = bytes_eq(document_text(root, "provisioningStatus", NULL, NULL), BYTES("disabled"));
    e->edge = json_is_true(json_object_get(json_object_get(root, "capabilities"), "iotEdge"));
    e->keeps_hub = is_false(root, "reprovisionPolicy", "updateHubAssignment");
    e->migrates = !is_false(root, "reprovisionPolicy", "migrateDeviceData");
    whole = copy(document_text(root, "deviceId", NULL, NULL), e->device, sizeof e->device) &&
            decode_allocation(root, e) && decode_attestation(json_object_get(root, "attestation"), e);
    json_decref(root);
    return whole ? OK : ERR_DAMAGED;
}

void enrollment_free(struct enrollment *e)
{
    if (e->text.at)
        explicit_bzero(e->text.at, e->text.cap);
    buf_free(&e->text);
    free(e->webhook);
    explicit_bzero(e->keys, sizeof e->keys);
    e->webhook = NULL;
}

enum err enrollment_get(const struct front_env *env, enum doc_kind kind, struct bytes id, struct doc *doc,
                        struct enrollment *out)
{
    struct buf text = buf_max(DOC_LEN_MAX);
    enum err e = hub_doc_get(env->hub, kind, id, &text, doc);

    if (!e && (e = enrollment_decode(out, &text)))
        enrollment_free(out);
    buf_free(&text);
    return e;
}

bool enrollment_is_taken(const struct front_env *env, const struct enrollment *e, struct bytes id)
{
    struct buf body = buf_max(DOC_LEN_MAX), ek = buf_max(1024);
    struct doc doc = {.id = ""};
    bool taken = false;

    if (e->how == ATTESTED_BY_TPM && e->endorsement.len)
        buf_put_base64(&ek, bytes_of(e->endorsement.at, e->endorsement.len));
    /* It is kept in one form, which does not occur in anything else. */
    while (ek.len && !taken && !hub_doc_next(env->hub, DOC_ENROLLMENT, bytes_str(doc.id), &body, &doc)) {
        taken =
            !bytes_eq_nocase(bytes_str(doc.id), id) && bytes_find_bytes(buf_bytes(&body), buf_bytes(&ek)) < body.len;
        buf_clear(&body);
    }
    buf_free(&body);
    buf_free(&ek);
    return taken;
}
