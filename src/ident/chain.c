#include "chain.h"

#include "openssl_cert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { SECURITY_LEVEL = 2 /* 112 bits, as TLS asks for: RSA of 2048 bits, SHA-256 */ };

static enum err say(char why[CHAIN_WHY_CAP], enum err e, const char *text)
{
    snprintf(why, CHAIN_WHY_CAP, "%s", text);
    return e;
}

/* At least one, at most `max`. NULL when it is no such list. */
static STACK_OF(X509) * read_list(struct bytes list, size_t max)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    struct rd r = rd_over(list);
    size_t n = 0;

    while (all && !r.bad && rd_left(&r)) {
        X509 *cert = n++ < max ? cert_parse_der(rd_str32(&r)) : NULL;

        if (!cert || sk_X509_push(all, cert) <= 0) {
            X509_free(cert);
            r.bad = true;
        }
    }
    if (!r.bad && n)
        return all;
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

/* Two common names would leave it open which one counts. */
static bool is_made_out_to(const X509 *cert, struct bytes name)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    uint8_t *text = NULL;
    int len;
    bool is;

    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return false;
    len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    is = len >= 0 && bytes_eq(bytes_of(text, (size_t)len), name);
    OPENSSL_free(text);
    return is;
}

static X509_STORE *store_of(const STACK_OF(X509) * authorities)
{
    X509_STORE *store = X509_STORE_new();

    for (int i = 0; store && i < sk_X509_num(authorities); i++) {
        if (X509_STORE_add_cert(store, sk_X509_value(authorities, i)) != 1) {
            X509_STORE_free(store);
            store = NULL;
        }
    }
    return store;
}

static enum err say_verdict(char why[CHAIN_WHY_CAP], int verdict, int depth)
{
    snprintf(why, CHAIN_WHY_CAP, "certificate %d of the chain: %s", depth + 1, X509_verify_cert_error_string(verdict));
    switch (verdict) {
    case X509_V_ERR_OUT_OF_MEM:
        return ERR_MEMORY;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return ERR_EXPIRED;
    default:
        return ERR_UNAUTHORIZED;
    }
}

/* As X509_cmp_time: good until the end of the second before its last. */
static int verdict_at(const X509 *cert, int64_t now_ms, int64_t *end_s)
{
    int64_t from_s;

    if (!cert_time(X509_get0_notBefore(cert), &from_s))
        return X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD;
    if (!cert_time(X509_get0_notAfter(cert), end_s))
        return X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD;
    if (from_s > now_ms / 1000)
        return X509_V_ERR_CERT_NOT_YET_VALID;
    return *end_s > now_ms / 1000 ? X509_V_OK : X509_V_ERR_CERT_HAS_EXPIRED;
}

static bool is_valid_at(const X509 *cert, int64_t now_ms)
{
    int64_t end_s;

    return verdict_at(cert, now_ms, &end_s) == X509_V_OK;
}

/* All of what was relied on holds now; the earliest end of it. */
static enum err judge_times(const STACK_OF(X509) * path, int64_t now_ms, int64_t *until_ms, char why[CHAIN_WHY_CAP])
{
    int64_t end_s, first_s = INT64_MAX / 1000;

    for (int i = 0; i < sk_X509_num(path); i++) {
        int verdict = verdict_at(sk_X509_value(path, i), now_ms, &end_s);

        if (verdict != X509_V_OK)
            return say_verdict(why, verdict, i);
        if (end_s < first_s)
            first_s = end_s;
    }
    *until_ms = first_s * 1000;
    return OK;
}

/* Times are compared here: the function that tells OpenSSL the time takes a time_t, which need not be as long as ours.
 */
static enum err judge(STACK_OF(X509) * chain, const STACK_OF(X509) * known, int64_t now_ms, int64_t *until_ms,
                      char why[CHAIN_WHY_CAP])
{
    X509_STORE *store = store_of(known);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *rules;
    enum err e = say(why, ERR_MEMORY, err_text(ERR_MEMORY));

    if (!ctx || !store || X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain) != 1)
        goto done;
    rules = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_depth(rules, TLS_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(rules, SECURITY_LEVEL);
    if (X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME) != 1 ||
        X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT) != 1)
        goto done;
    if (X509_verify_cert(ctx) != 1)
        e = say_verdict(why, X509_STORE_CTX_get_error(ctx), X509_STORE_CTX_get_error_depth(ctx));
    else
        e = judge_times(X509_STORE_CTX_get0_chain(ctx), now_ms, until_ms, why);
done:
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return e;
}

/* The first `kept` of them, and of the others those that hold now. They stay where they are. */
static STACK_OF(X509) * without_old(const STACK_OF(X509) * all, int kept, int64_t now_ms)
{
    STACK_OF(X509) *some = sk_X509_new_null();

    for (int i = 0; some && i < sk_X509_num(all); i++) {
        X509 *cert = sk_X509_value(all, i);

        if ((i < kept || is_valid_at(cert, now_ms)) && sk_X509_push(some, cert) <= 0) {
            sk_X509_free(some);
            some = NULL;
        }
    }
    return some;
}

/* An authority that was renewed is there twice, and the old one must not be chosen: so the old ones count only when
 * there is no way without them, to tell why. */
static enum err judge_renewed(STACK_OF(X509) * chain, const STACK_OF(X509) * known, int64_t now_ms, int64_t *until_ms,
                              char why[CHAIN_WHY_CAP])
{
    STACK_OF(X509) *new_chain = without_old(chain, 1, now_ms), *new_known = without_old(known, 0, now_ms);
    enum err e = say(why, ERR_MEMORY, err_text(ERR_MEMORY));

    if (new_chain && new_known && (e = judge(new_chain, new_known, now_ms, until_ms, why)))
        e = judge(chain, known, now_ms, until_ms, why);
    sk_X509_free(new_chain);
    sk_X509_free(new_known);
    return e;
}

enum err chain_check(struct bytes chain, struct bytes authorities, struct bytes name, int64_t now_ms, int64_t *until_ms,
                     char why[CHAIN_WHY_CAP])
{
    STACK_OF(X509) *shown = read_list(chain, TLS_CHAIN_MAX), *known = NULL;
    enum err e = say(why, ERR_MALFORMED, "the chain cannot be read");

    if (!shown)
        goto done;
    if (!is_made_out_to(sk_X509_value(shown, 0), name)) {
        e = say(why, ERR_UNAUTHORIZED, "the certificate has another common name");
        goto done;
    }
    if (!authorities.len) {
        e = say(why, ERR_UNAUTHORIZED, "the hub has no verified CA certificate");
        goto done;
    }
    if (!(known = read_list(authorities, CAS_MAX))) {
        e = say(why, ERR_INTERNAL, "the CA certificates of the hub cannot be read");
        goto done;
    }
    e = judge_renewed(shown, known, now_ms, until_ms, why);
done:
    sk_X509_pop_free(known, X509_free);
    sk_X509_pop_free(shown, X509_free);
    ERR_clear_error();
    return e;
}
