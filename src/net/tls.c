#include "tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Forward secrecy only; the list of device 8.3 for either kind of key. */
static const char ciphers_12[] = "ECDHE+AESGCM:ECDHE+CHACHA20:"
                                 "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"
                                 "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384";

enum { WHY_CAP = 256 };

/* The last that OpenSSL says is nearest to the cause. */
static enum err say_why(char why[WHY_CAP], enum err e, const char *what, const char *file)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    snprintf(why, WHY_CAP, "%s%s%s%s%s", what, file ? " " : "", file ? file : "", reason ? ": " : "",
             reason ? reason : "");
    ERR_clear_error();
    return e;
}

/* device 1.6: any certificate may be shown, who is trusted is decided when the identity is known. That its owner has
 * the key is proved by the handshake all the same. A ticket would bring back the certificate without those above it, so
 * whoever showed one gets none: a full handshake is judged each time. */
static int take_any_chain(X509_STORE_CTX *chain, void *arg)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_conn *c = SSL_get_app_data(ssl);

    (void)arg;
    c->showed = true;
    if (SSL_set_num_tickets(ssl, 0) != 1) /* TLS 1.3; tickets.c sees to 1.2 */
        return 0;
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return 1;
}

/* A key file with a passphrase cannot be used; nobody is there to be asked. */
static int no_passphrase(char *out, int cap, int writing, void *arg)
{
    (void)out;
    (void)cap;
    (void)writing;
    (void)arg;
    return -1;
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (!ctx)
        return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_max_cert_list(ctx, TLS_CHAIN_LEN_MAX);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(ctx, ciphers_12) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static bool is_readable(const char *file)
{
    return access(file, R_OK) == 0;
}

static enum err load_cert(SSL_CTX *ctx, const char *file, char why[WHY_CAP])
{
    ERR_clear_error();
    if (!is_readable(file))
        return say_why(why, ERR_IO, "cannot read the certificate", file);
    if (SSL_CTX_use_certificate_chain_file(ctx, file) != 1)
        return say_why(why, ERR_MALFORMED, "cannot use the certificate", file);
    return OK;
}

/* Behind the certificate: OpenSSL compares them here. */
static enum err load_key(SSL_CTX *ctx, const char *file, char why[WHY_CAP])
{
    if (!is_readable(file))
        return say_why(why, ERR_IO, "cannot read the private key", file);
    if (SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM) != 1)
        return say_why(why, ERR_MALFORMED, "cannot use the private key", file);
    return OK;
}

static enum err use_tpm_key(struct tls *t, const char *name, char why[WHY_CAP])
{
    struct tls_key tpm_key;
    enum err e = tls_key_open(name, &tpm_key, why);

    if (e)
        return e;
    if (SSL_CTX_use_PrivateKey(t->ctx, tpm_key.key) != 1) {
        e = say_why(why, ERR_MALFORMED, "cannot use the private key", name);
        tls_key_close(&tpm_key);
        return e;
    }
    tls_key_close(&t->tpm_key);
    t->tpm_key = tpm_key;
    return OK;
}

static enum err server_context(const struct tls_pair *pairs, size_t n, SSL_CTX **out, char why[WHY_CAP])
{
    static const unsigned char session_context[] = "d2d";
    SSL_CTX *ctx = context_new(TLS_server_method());
    enum err e = OK;

    if (!ctx)
        return say_why(why, ERR_MEMORY, "cannot set up TLS", NULL);
    for (size_t i = 0; i < n && !e; i++)
        if (!(e = load_cert(ctx, pairs[i].cert_file, why)))
            e = load_key(ctx, pairs[i].key_file, why);
    if (e) {
        SSL_CTX_free(ctx);
        return e;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, take_any_chain, NULL);
    /* Tickets carry the sessions; nothing is kept here. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ctx, TICKET_KEYS * TICKET_KEY_MS / 1000 - TICKET_KEY_MS / 1000);
    if (SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1) != 1 ||
        SSL_CTX_set_num_tickets(ctx, 1) != 1 || !tickets_use(ctx)) {
        SSL_CTX_free(ctx);
        return say_why(why, ERR_INTERNAL, "cannot set up TLS sessions", NULL);
    }
    *out = ctx;
    return OK;
}

/* Takes ctx over. */
static enum err tls_new(SSL_CTX *ctx, bool server, struct tls **out)
{
    struct tls *t = malloc(sizeof *t);

    if (!t) {
        SSL_CTX_free(ctx);
        return ERR_MEMORY;
    }
    *t = (struct tls){.lock = PTHREAD_MUTEX_INITIALIZER, .ctx = ctx, .server = server};
    tickets_init(&t->tickets);
    *out = t;
    return OK;
}

SSL *tls_ssl_new(struct tls *t)
{
    SSL *ssl;

    pthread_mutex_lock(&t->lock);
    ssl = SSL_new(t->ctx);
    pthread_mutex_unlock(&t->lock);
    return ssl;
}

enum err tls_server_new(const struct tls_pair *pairs, size_t n, struct tls **out, char why[WHY_CAP])
{
    SSL_CTX *ctx = NULL;
    enum err e = server_context(pairs, n, &ctx, why);

    if (e)
        return e;
    if ((e = tls_new(ctx, true, out)))
        snprintf(why, WHY_CAP, "%s", err_text(e));
    return e;
}

enum err tls_server_reload(struct tls *t, const struct tls_pair *pairs, size_t n, char why[WHY_CAP])
{
    SSL_CTX *ctx = NULL, *old;
    enum err e = server_context(pairs, n, &ctx, why);

    if (e)
        return e;
    pthread_mutex_lock(&t->lock);
    old = t->ctx;
    t->ctx = ctx;
    pthread_mutex_unlock(&t->lock);
    SSL_CTX_free(old); /* lives on in the connections that are open */
    return OK;
}

enum err tls_client_new(const char *ca_file, struct tls **out, char why[WHY_CAP])
{
    SSL_CTX *ctx = context_new(TLS_client_method());
    enum err e;

    if (!ctx)
        return say_why(why, ERR_MEMORY, "cannot set up TLS", NULL);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, tls_doubt);
    ERR_clear_error();
    if (ca_file && !is_readable(ca_file)) {
        SSL_CTX_free(ctx);
        return say_why(why, ERR_IO, "cannot read the CA file", ca_file);
    }
    if ((ca_file ? SSL_CTX_load_verify_file(ctx, ca_file) : SSL_CTX_set_default_verify_paths(ctx)) != 1) {
        SSL_CTX_free(ctx);
        return say_why(why, ERR_MALFORMED, "cannot use the CA file", ca_file);
    }
    if ((e = tls_new(ctx, false, out)))
        snprintf(why, WHY_CAP, "%s", err_text(e));
    return e;
}

enum err tls_client_use(struct tls *t, const char *cert_file, const char *key_file, char why[WHY_CAP])
{
    enum err e = load_cert(t->ctx, cert_file, why);

    if (e)
        return e;
    return tls_key_is_one(key_file) ? use_tpm_key(t, key_file, why) : load_key(t->ctx, key_file, why);
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    tls_key_close(&t->tpm_key);
    tickets_free(&t->tickets);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
