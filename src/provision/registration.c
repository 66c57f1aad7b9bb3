#include "registration.h"

#include "document.h"
#include "json_names.h"
#include "json_text.h"
#include "text.h"

#include <stdlib.h>

static const char *const attestations[] = {
    [ATTESTED_BY_KEY] = "symmetricKey", [ATTESTED_BY_CERTIFICATE] = "x509", [ATTESTED_BY_TPM] = "tpm"};
static const char *const statuses[] = {[ASSIGNING] = "assigning", [ASSIGNED] = "assigned", [FAILED] = "failed"};

/* ---- read ------------------------------------------------------------------------------------------------------ */

/* The index of a word in a list, or n. */
static size_t find(struct bytes word, const char *const *words, size_t n)
{
    size_t i = 0;

    while (i < n && !bytes_eq(word, bytes_str(words[i])))
        i++;
    return i;
}

/* Texts of a document into arrays of a struct; `bad` when one does not fit. */
struct texts {
    const json_t *root;
    bool bad;
};

static void take(struct texts *t, const char *a, const char *b, char *out, size_t cap)
{
    struct bytes text = document_text(t->root, a, b, NULL);

    t->bad |= text.len && !bytes_to_str(text, out, cap);
}

static void take_ours(struct texts *t, struct registration *r)
{
    take(t, "operationId", NULL, r->operation, sizeof r->operation);
    take(t, "entry", NULL, r->entry, sizeof r->entry);
    take(t, "run", NULL, r->run, sizeof r->run);
    take(t, "initialHub", NULL, r->first_hub, sizeof r->first_hub);
    take(t, "was", "hub", r->was.hub, sizeof r->was.hub);
    take(t, "was", "device", r->was.device, sizeof r->was.device);
    take(t, "was", "substatus", r->was.substatus, sizeof r->was.substatus);
    key_decode(document_text(t->root, "hubKey", NULL, NULL), &r->hub_key);
    r->migrates = !json_is_false(json_object_get(t->root, "migrate"));
}

static void take_shown(struct texts *t, struct registration *r)
{
    size_t status = find(document_text(t->root, "status", NULL, NULL), statuses, sizeof statuses / sizeof *statuses);

    take(t, "registrationId", NULL, r->id, sizeof r->id);
    take(t, "createdDateTimeUtc", NULL, r->created, sizeof r->created);
    take(t, "lastUpdatedDateTimeUtc", NULL, r->updated, sizeof r->updated);
    take(t, "substatus", NULL, r->substatus, sizeof r->substatus);
    take(t, "assignedHub", NULL, r->hub, sizeof r->hub);
    take(t, "deviceId", NULL, r->device, sizeof r->device);
    take(t, "errorMessage", NULL, r->message, sizeof r->message);
    r->error = (unsigned)json_integer_value(json_object_get(t->root, "errorCode"));
    t->bad |= status > FAILED;
    r->status = status > FAILED ? FAILED : (enum registration_status)status;
    while (r->how < ATTESTED_BY_TPM && !json_object_get(t->root, attestations[r->how]))
        r->how++;
    take(t, attestations[r->how], "enrollmentGroupId", r->group, sizeof r->group);
}

/* A value as JSON; nothing where there is none. */
static enum err take_json(const json_t *value, struct buf *out)
{
    char *text = value ? json_text(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (value && !text)
        return ERR_MEMORY;
    buf_puts(out, text ? text : "");
    free(text);
    return buf_check(out);
}

enum err registration_decode(struct registration *r, struct bytes text)
{
    json_error_t why;
    json_t *root = json_loadb(text.len ? (const char *)text.at : "", text.len, 0, &why);
    struct texts t = {.root = root};
    enum err e;

    *r = (struct registration){.payload = buf_max(DOC_LEN_MAX)};
    if (!root)
        return ERR_DAMAGED;
    take_shown(&t, r);
    take_ours(&t, r);
    e = t.bad ? ERR_DAMAGED : take_json(json_object_get(root, "payload"), &r->payload);
    json_decref(root);
    return e;
}

enum err registration_get(const struct front_env *env, struct bytes id, struct doc *doc, struct registration *out)
{
    struct buf text = buf_max(DOC_LEN_MAX);
    enum err e = hub_doc_get(env->hub, DOC_REGISTRATION, id, &text, doc);

    if (!e && (e = registration_decode(out, buf_bytes(&text))))
        registration_free(out);
    if (text.at)
        explicit_bzero(text.at, text.cap);
    buf_free(&text);
    return e;
}

void registration_free(struct registration *r)
{
    buf_free(&r->payload);
    explicit_bzero(&r->hub_key, sizeof r->hub_key);
}

/* ---- written --------------------------------------------------------------------------------------------------- */

/* Left out when it is empty. */
static void put(struct buf *out, const char *name, const char *text)
{
    if (!text || !text[0])
        return;
    buf_printf(out, ",\"%s\":", name);
    buf_put_json(out, bytes_str(text));
}

static void put_ours(const struct registration *r, struct buf *out)
{
    put(out, "operationId", r->operation);
    put(out, "entry", r->entry);
    buf_printf(out, ",\"migrate\":%s", r->migrates ? "true" : "false");
    if (r->hub_key.len) {
        buf_puts(out, ",\"hubKey\":\"");
        buf_put_base64(out, bytes_of(r->hub_key.at, r->hub_key.len));
        buf_puts(out, "\"");
    }
    if (r->was.hub[0]) {
        buf_puts(out, ",\"was\":{\"hub\":");
        buf_put_json(out, bytes_str(r->was.hub));
        put(out, "device", r->was.device);
        put(out, "substatus", r->was.substatus);
        buf_puts(out, "}");
    }
    put(out, "initialHub", r->first_hub);
    put(out, "run", r->run);
}

static void put_begin(const struct registration *r, const char *key, struct buf *out)
{
    buf_puts(out, "{\"registrationId\":");
    buf_put_json(out, bytes_str(r->id));
    put(out, "createdDateTimeUtc", r->created);
    put(out, "status", statuses[r->status]);
    buf_printf(out, ",\"%s\":{", attestations[r->how]);
    if (key) {
        buf_puts(out, "\"authenticationKey\":");
        buf_put_json(out, bytes_str(key));
    } else if (r->group[0]) {
        buf_puts(out, "\"enrollmentGroupId\":");
        buf_put_json(out, bytes_str(r->group));
    }
    buf_puts(out, "}");
}

static void put_end(const struct registration *r, struct buf *out)
{
    put(out, "lastUpdatedDateTimeUtc", r->updated);
    put(out, "substatus", r->substatus);
    put(out, "assignedHub", r->hub);
    put(out, "deviceId", r->device);
    if (r->payload.len) {
        buf_puts(out, ",\"payload\":");
        buf_put(out, buf_bytes(&r->payload));
    }
    if (r->error)
        buf_printf(out, ",\"errorCode\":%u", r->error);
    put(out, "errorMessage", r->message);
}

void registration_encode(const struct registration *r, struct buf *out)
{
    put_begin(r, NULL, out);
    put_ours(r, out);
    put_end(r, out);
    buf_puts(out, "}");
}

void registration_show(const struct registration *r, const char *etag, const char *key, struct buf *out)
{
    put_begin(r, key, out);
    put_end(r, out);
    put(out, "etag", etag);
    buf_puts(out, "}");
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

static void take_public(const json_t *root, const char *name, struct enrolled_key *out)
{
    struct bytes text = document_text(root, "tpm", name, NULL);

    out->given = text.len > 0;
    if (!base64_decode_loosely(text, out->at, sizeof out->at, &out->len))
        out->len = 0;
}

enum err registration_body_read(struct registration_body *b, struct bytes text)
{
    char why[JSON_WHY_CAP];
    json_t *root;
    enum err e = OK;

    *b = (struct registration_body){.payload = buf_max(HTTP_BODY_MAX)};
    if (!bytes_trim(text).len)
        return OK;
    if (!(root = json_body(text, 0, why)))
        return ERR_MALFORMED;
    if (!(e = json_spell(root, NAMES_REGISTER, why)) && !json_is_object(root))
        e = ERR_ARGUMENT;
    struct bytes id = document_text(root, "registrationId", NULL, NULL);
    if (!e && id.len && !bytes_to_str(id, b->id, sizeof b->id))
        e = ERR_ARGUMENT;
    b->tpm = json_is_object(json_object_get(root, "tpm"));
    take_public(root, "endorsementKey", &b->endorsement);
    take_public(root, "storageRootKey", &b->storage);
    if (!e)
        e = take_json(json_object_get(root, "payload"), &b->payload);
    json_decref(root);
    return e;
}

void registration_body_free(struct registration_body *b)
{
    buf_free(&b->payload);
}
