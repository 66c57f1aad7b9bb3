/* CA certificates whose holders may make devices, and the proof that whoever brought one has its key (device 1.6; the
 * names are those of the management plane, service 5). */
#include "http_front.h"
#include "hub_ca.h"

#include "cert.h"
#include "chain.h"
#include "text.h"

#include <jansson.h>
#include <stdio.h>

enum { CERTIFICATE_MAX = 8 * 1024 /* of one as JSON: the certificate in base64, its names escaped */ };
static_assert(CERTIFICATE_MAX > CA_LEN_MAX * 4 / 3 + 2048, "the longest one fits");
static_assert(CAS_MAX * CERTIFICATE_MAX < HTTP_ANSWER_MAX, "the longest list is one answer");

/* ---- out ------------------------------------------------------------------------------------------------------- */

static void put_time(struct buf *b, const char *name, int64_t ms)
{
    char iso[ISO_TIME_CAP];

    iso_time(ms, iso);
    buf_printf(b, ",\"%s\":\"%s\"", name, iso);
}

static void put_thumbprint(struct buf *b, const uint8_t sha1[20])
{
    buf_puts(b, ",\"thumbprint\":\"");
    for (size_t i = 0; i < 20; i++)
        buf_printf(b, "%02X", sha1[i]);
    buf_puts(b, "\"");
}

static enum err put_ca(struct buf *b, const struct ca *c)
{
    struct bytes der = bytes_of(c->der, c->der_len);
    struct cert_facts facts;
    enum err e = cert_read(der, &facts);

    if (e)
        return ERR_DAMAGED;
    buf_puts(b, "{\"name\":");
    buf_put_json(b, bytes_str(c->name));
    buf_printf(b, ",\"etag\":\"%s\",\"properties\":{\"subject\":", c->etag);
    buf_put_json(b, bytes_str(facts.subject));
    put_time(b, "expiry", facts.to_s * 1000);
    put_thumbprint(b, facts.sha1);
    buf_printf(b, ",\"isVerified\":%s", c->verified ? "true" : "false");
    put_time(b, "created", c->created_ms);
    put_time(b, "updated", c->updated_ms);
    if (c->code[0])
        buf_printf(b, ",\"verificationCode\":\"%s\"", c->code);
    buf_puts(b, ",\"certificate\":\"");
    buf_put_base64(b, der);
    buf_puts(b, "\"}}");
    return OK;
}

/* Answers with the certificate as it is now. */
static enum err answer(struct http_request *r, struct http_answer *a, const struct ca *c, uint64_t at)
{
    front_wait_for(r->front, at);
    snprintf(a->etag, sizeof a->etag, "%s", c->etag);
    return put_ca(&a->body, c);
}

/* The same for one that was changed. */
static enum err changed(struct http_request *r, struct http_answer *a, const char *what, const struct ca *c,
                        uint64_t at)
{
    http_audit(r, what, "ca", bytes_str(c->name), c->verified ? "verified" : "not verified");
    return answer(r, a, c, at);
}

static enum err no_certificate(const struct http_request *r, struct http_answer *a)
{
    a->code = CODE_NO_CERTIFICATE;
    return http_says(a, ERR_NOT_FOUND, "Certificate '%.100s' does not exist", r->names[0]);
}

/* The hub did not do it. */
static enum err refused(const struct http_request *r, struct http_answer *a, enum err e, struct match match)
{
    if (e == ERR_NOT_FOUND)
        return no_certificate(r, a);
    if (e == ERR_EXISTS)
        return http_says(a, ERR_PRECONDITION, "Certificate '%s' already exists: replacing it needs If-Match",
                         r->names[0]);
    if (e == ERR_PRECONDITION && match.how == MATCH_NONE)
        return http_says(a, e, "The ETag is missing: this needs If-Match");
    if (e == ERR_LIMIT) {
        a->code = CODE_ARGUMENT;
        return http_says(a, e, "There are already %d certificates", CAS_MAX);
    }
    return e;
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

/* A certificate in PEM or DER, as it is or in base64. */
static enum err take_certificate(const json_t *from, struct buf *der, struct http_answer *a)
{
    const json_t *text = json_object_get(from, "certificate");

    if (!json_is_string(text))
        return http_says(a, ERR_ARGUMENT, "certificate is missing, or not a text");
    if (cert_to_der(bytes_of(json_string_value(text), json_string_length(text)), der))
        return http_says(a, ERR_ARGUMENT, "certificate must be PEM or DER, as it is or in base64, of at most %d bytes",
                         CA_LEN_MAX);
    return OK;
}

/* service 5: "properties" around it, or, as older versions had it, not. isVerified is false unless it says otherwise.
 */
static enum err take_body(struct bytes json, struct buf *der, bool *verified, struct http_answer *a)
{
    const json_t *properties, *flag;
    json_t *root;
    enum err e = http_json(json, &root, a);

    if (e)
        return e;
    e = http_spell(root, NAMES_CERTIFICATE, a);
    properties = json_object_get(root, "properties");
    if (!properties)
        properties = root;
    if (!e)
        e = take_certificate(properties, der, a);
    flag = json_object_get(properties, "isVerified");
    if (!e && flag && !json_is_null(flag) && !json_is_boolean(flag))
        e = http_says(a, ERR_ARGUMENT, "isVerified must be true or false");
    *verified = json_is_true(flag);
    json_decref(root);
    return e;
}

/* True if it can be of use: an authority that has not expired. */
static enum err check_authority(struct bytes der, int64_t wall_ms, struct http_answer *a)
{
    struct cert_facts facts;
    enum err e = cert_read(der, &facts);

    if (e)
        return http_says(a, ERR_ARGUMENT, "the names or times of the certificate cannot be read");
    if (!facts.is_authority)
        return http_says(a, ERR_ARGUMENT,
                         "this is not a CA certificate: it must have CA:TRUE and be allowed to sign certificates");
    if (facts.to_s <= wall_ms / 1000)
        return http_says(a, ERR_ARGUMENT, "the certificate has expired");
    return OK;
}

/* ---- routes ---------------------------------------------------------------------------------------------------- */

enum err http_certs_list(struct http_request *r, struct http_answer *a)
{
    struct ca c = {.name = ""};
    enum err e = OK;

    buf_puts(&a->body, "{\"value\":[");
    for (bool first = true; !e && !hub_ca_next(r->env->hub, bytes_str(c.name), &c); first = false) {
        buf_puts(&a->body, first ? "" : ",");
        e = put_ca(&a->body, &c);
    }
    buf_puts(&a->body, "]}");
    return e;
}

enum err http_cert_get(struct http_request *r, struct http_answer *a)
{
    struct ca c;

    if (hub_ca_get(r->env->hub, bytes_str(r->names[0]), &c))
        return no_certificate(r, a);
    return answer(r, a, &c, 0);
}

enum err http_cert_put(struct http_request *r, struct http_answer *a)
{
    struct match match = http_match(r->head);
    struct buf der = buf_max(CA_LEN_MAX);
    struct ca wanted = {.name = ""}, made;
    uint64_t at;
    enum err e = take_body(r->body, &der, &wanted.verified, a);

    if (!e)
        e = check_authority(buf_bytes(&der), hub_wall_ms(r->env->hub, r->now_ms), a);
    if (!e) {
        memcpy(wanted.der, der.at, der.len);
        wanted.der_len = (uint16_t)der.len;
    }
    buf_free(&der);
    if (e)
        return e;
    e = bytes_to_str(bytes_str(r->names[0]), wanted.name, sizeof wanted.name) ? OK : ERR_ARGUMENT;
    if (!e)
        e = hub_ca_put(r->env->hub, &wanted, match, r->now_ms, &made, &at);
    if (e == ERR_ARGUMENT)
        return http_says(a, e, "The name of a certificate must be 1 to %d of A-Z a-z 0-9 - _ .", CA_NAME_MAX);
    return e ? refused(r, a, e, match)
             : changed(r, a, match.how == MATCH_NONE ? "ca-created" : "ca-updated", &made, at);
}

enum err http_cert_delete(struct http_request *r, struct http_answer *a)
{
    struct match match = http_match(r->head);
    uint64_t at;
    enum err e = hub_ca_delete(r->env->hub, bytes_str(r->names[0]), match, r->now_ms, &at);

    if (e)
        return refused(r, a, e, match);
    http_audit(r, "ca-deleted", "ca", bytes_str(r->names[0]), NULL);
    front_wait_for(r->front, at);
    a->status = 204;
    return OK;
}

enum err http_cert_challenge(struct http_request *r, struct http_answer *a)
{
    struct match match = http_match(r->head);
    struct ca made;
    uint64_t at;
    enum err e = hub_ca_challenge(r->env->hub, bytes_str(r->names[0]), match, r->now_ms, &made, &at);

    return e ? refused(r, a, e, match) : changed(r, a, "ca-code-made", &made, at);
}

/* The proof is a certificate that the authority itself has made out to the code. */
static enum err check_proof(struct bytes proof, const struct ca *c, int64_t now_ms, struct http_answer *a)
{
    struct buf chain = buf_max(CA_LEN_MAX + 4), authority = buf_max(CA_LEN_MAX + 4);
    char why[CHAIN_WHY_CAP];
    int64_t until_ms;
    enum err e;

    buf_put_u32(&chain, (uint32_t)proof.len);
    buf_put(&chain, proof);
    buf_put_u32(&authority, c->der_len);
    buf_put(&authority, bytes_of(c->der, c->der_len));
    if (!(e = buf_check(&chain)) && !(e = buf_check(&authority)) &&
        (e = chain_check(buf_bytes(&chain), buf_bytes(&authority), bytes_str(c->code), now_ms, &until_ms, why)) &&
        e != ERR_MEMORY)
        e = http_says(a, ERR_ARGUMENT, "This is not a proof: %.150s", why);
    buf_free(&chain);
    buf_free(&authority);
    return e;
}

enum err http_cert_verify(struct http_request *r, struct http_answer *a)
{
    struct match match = http_match(r->head);
    struct buf proof = buf_max(CA_LEN_MAX);
    struct ca c, made;
    uint64_t at;
    bool unused;
    enum err e = hub_ca_get(r->env->hub, bytes_str(r->names[0]), &c);

    if (!e && (match.how == MATCH_NONE || !match_fits(&match, bytes_str(c.etag))))
        e = ERR_PRECONDITION;
    if (e)
        return refused(r, a, e, match);
    if (!c.code[0])
        return http_says(a, ERR_ARGUMENT, "Ask for a verification code first");
    if (!(e = take_body(r->body, &proof, &unused, a)))
        e = check_proof(buf_bytes(&proof), &c, r->now_ms, a);
    buf_free(&proof);
    if (e)
        return e;
    /* The proof is of exactly the certificate that was looked at. */
    match = (struct match){.how = MATCH_ETAG, .etag = bytes_str(c.etag)};
    e = hub_ca_verify(r->env->hub, bytes_str(r->names[0]), match, r->now_ms, &made, &at);
    return e ? refused(r, a, e, match) : changed(r, a, "ca-verified", &made, at);
}
