#include "tls.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

/* The certificate fits the room of what it was read from: DER has one form. */
enum { CHAIN_CAP = TLS_CHAIN_LEN_MAX + TLS_CHAIN_MAX * 4 };

/* Our BIO: reads from the view that was fed, writes into the buffer that was lent. It owns no memory, so an idle
 * connection has none of it. */

static int wire_read(BIO *bio, char *to, size_t cap, size_t *n)
{
    struct tls_conn *c = BIO_get_data(bio);
    struct bytes now = bytes_first(c->in, cap);

    BIO_clear_retry_flags(bio);
    *n = now.len;
    if (now.len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    assert(now.len <= cap);
    memcpy(to, now.at, now.len);
    c->in = bytes_skip(c->in, now.len);
    return 1;
}

static int wire_write(BIO *bio, const char *from, size_t len, size_t *n)
{
    struct tls_conn *c = BIO_get_data(bio);

    assert(c->wire);
    BIO_clear_retry_flags(bio);
    buf_put(c->wire, bytes_of(from, len));
    *n = c->wire->bad ? 0 : len;
    return !c->wire->bad;
}

static long wire_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* made once, kept for the life of the program */

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "d2d wire");
    if (method && (BIO_meth_set_read_ex(method, wire_read) != 1 || BIO_meth_set_write_ex(method, wire_write) != 1 ||
                   BIO_meth_set_ctrl(method, wire_ctrl) != 1)) {
        BIO_meth_free(method);
        method = NULL;
    }
}

static BIO *wire_bio(struct tls_conn *c)
{
    BIO *bio;

    pthread_once(&method_once, make_method);
    bio = method ? BIO_new(method) : NULL;
    if (bio) {
        BIO_set_data(bio, c);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* Whom the server must prove to be. An address is looked for among the addresses of the certificate, and is no SNI. */
static bool expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *check = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(check, name) == 1)
        return true;
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

enum err tls_conn_open(struct tls_conn *c, struct tls *tls, const char *name, struct buf *wire)
{
    BIO *bio;

    *c = (struct tls_conn){.tls = tls, .wire = wire, .ssl = tls_ssl_new(tls), .chain = buf_max(CHAIN_CAP)};
    bio = c->ssl ? wire_bio(c) : NULL;
    if (!bio) {
        tls_conn_close(c);
        return ERR_MEMORY;
    }
    SSL_set_bio(c->ssl, bio, bio); /* given */
    if (SSL_set_app_data(c->ssl, c) != 1) {
        tls_conn_close(c);
        return ERR_MEMORY;
    }
    if (tls->server) {
        SSL_set_accept_state(c->ssl);
        return OK;
    }
    SSL_set_connect_state(c->ssl);
    if (expect_name(c->ssl, name))
        return OK;
    ERR_clear_error();
    tls_conn_close(c);
    return ERR_ARGUMENT;
}

void tls_conn_close(struct tls_conn *c)
{
    SSL_free(c->ssl);
    c->ssl = NULL;
    buf_free(&c->chain);
    free(c->doubt_text);
    c->doubt_text = NULL;
}

void tls_conn_feed(struct tls_conn *c, struct bytes in, int64_t now_ms)
{
    c->in = in;
    c->now_ms = now_ms;
}

/* SSL_MODE_RELEASE_BUFFERS would do it, but from OpenSSL 3.2 on it cannot be taken back. */
static void let_go_of_buffers(struct tls_conn *c)
{
    if (!c->keeps)
        SSL_free_buffers(c->ssl);
}

/* Of a key nothing is left but its name: it is shared with OpenSSL, which would keep it as long as the connection. */
static void empty_key(EVP_PKEY *key)
{
    (void)EVP_PKEY_set_type(key, EVP_PKEY_X25519);
    EVP_PKEY_free(key);
}

/* The keys of the exchange have served once there is a secret. That of a peer takes 6 KB with ML-KEM; with our own,
 * what was sent could be read later. */
static void forget_exchange(SSL *ssl)
{
    EVP_PKEY *key;

    if (SSL_get_peer_tmp_key(ssl, &key) == 1)
        empty_key(key);
    if (SSL_get_tmp_key(ssl, &key) == 1)
        empty_key(key);
    ERR_clear_error();
}

/* The meaning of an answer of OpenSSL other than success. OK: it needs more bytes. */
static enum err meaning(struct tls_conn *c, int answer)
{
    switch (SSL_get_error(c->ssl, answer)) {
    case SSL_ERROR_WANT_READ:
        return OK;
    case SSL_ERROR_ZERO_RETURN:
        return ERR_CLOSED;
    default:
        c->broken = true;
        return ERR_TLS;
    }
}

enum err tls_conn_handshake(struct tls_conn *c, bool *done)
{
    int answer;

    *done = false;
    if (c->broken)
        return ERR_TLS;
    ERR_clear_error();
    answer = SSL_do_handshake(c->ssl);
    if (answer == 1) {
        *done = true;
        forget_exchange(c->ssl);
        let_go_of_buffers(c);
        return OK;
    }
    /* A goodbye in the middle of a handshake is a failure like any other. */
    if (meaning(c, answer))
        return ERR_TLS;
    let_go_of_buffers(c);
    return OK;
}

enum err tls_conn_read(struct tls_conn *c, uint8_t *out, size_t cap, size_t *n)
{
    *n = 0;
    if (c->broken)
        return ERR_TLS;
    ERR_clear_error();
    while (*n < cap) {
        size_t more = 0;

        if (SSL_read_ex(c->ssl, out + *n, cap - *n, &more) != 1) {
            enum err e = meaning(c, 0);

            let_go_of_buffers(c);
            return e;
        }
        *n += more;
    }
    return OK;
}

enum err tls_conn_write(struct tls_conn *c, struct bytes plain)
{
    size_t n;

    assert(plain.len > 0);
    if (c->broken)
        return ERR_TLS;
    ERR_clear_error();
    if (SSL_write_ex(c->ssl, plain.at, plain.len, &n) == 1) {
        assert(n == plain.len);
        let_go_of_buffers(c);
        return OK;
    }
    c->broken = true;
    return ERR_TLS;
}

void tls_conn_end(struct tls_conn *c)
{
    if (!c->ssl || c->broken || SSL_in_init(c->ssl))
        return;
    ERR_clear_error();
    SSL_shutdown(c->ssl);
    ERR_clear_error();
}

static void put_certificate(struct buf *b, const X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);

    if (len <= 0) {
        b->bad = true;
        return;
    }
    buf_put_u32(b, (uint32_t)len);
    buf_put(b, bytes_of(der, (size_t)len));
    OPENSSL_free(der);
}

enum err tls_conn_peer(struct tls_conn *c, struct peer *peer)
{
    X509 *cert = SSL_get0_peer_certificate(c->ssl);
    STACK_OF(X509) *above = SSL_get_peer_cert_chain(c->ssl); /* a server's does not have the client's own */

    peer->has_certificate = false;
    peer->chain = NO_BYTES;
    if (!cert)
        return OK;
    if (X509_digest(cert, EVP_sha1(), peer->sha1, NULL) != 1 ||
        X509_digest(cert, EVP_sha256(), peer->sha256, NULL) != 1)
        return ERR_MEMORY;
    peer->has_certificate = true;
    if (!c->tls->server)
        return OK;
    buf_clear(&c->chain);
    put_certificate(&c->chain, cert);
    for (int i = 0; i < sk_X509_num(above) && i < TLS_CHAIN_MAX - 1; i++)
        put_certificate(&c->chain, sk_X509_value(above, i));
    peer->chain = buf_bytes(&c->chain);
    return c->chain.bad ? ERR_MEMORY : OK;
}

enum err tls_conn_why(const struct tls_conn *c, char *out, size_t cap)
{
    /* The first one says it best, unless a provider told it before libssl did (OpenSSL 3.5). */
    unsigned long first = ERR_peek_error();
    const char *reason = ERR_reason_error_string(ERR_GET_LIB(first) == ERR_LIB_SSL ? first : ERR_peek_last_error());

    if (c->doubt)
        snprintf(out, cap, "%s", c->doubt_text ? c->doubt_text : err_text(c->doubt));
    else if (ERR_GET_REASON(first) == SSL_R_WRONG_VERSION_NUMBER)
        snprintf(out, cap, "what is spoken there is not TLS; is the port right?");
    else
        snprintf(out, cap, "%s", reason ? reason : "the handshake was cut off");
    return c->doubt ? c->doubt : ERR_TLS;
}

void tls_conn_keep_buffers(struct tls_conn *c, bool keep)
{
    c->keeps = keep;
    let_go_of_buffers(c);
}
