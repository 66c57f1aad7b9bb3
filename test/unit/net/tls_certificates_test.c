#include "tls_peers.h"

static void refused_because(const char *ca, const char *name, const char *wanted)
{
    struct pair p;
    char why[160] = "";

    contexts(&p);
    if (ca) {
        char text[256];

        tls_free(p.client_tls);
        CHECK_OK(tls_client_new(ca, &p.client_tls, text));
    }
    ends(&p, name);
    hear(&p, &p.client, NO_BYTES);
    while (!p.client.e && (p.client.wire.len || p.server.wire.len)) {
        carry(&p, &p.client, &p.server, 100000);
        carry(&p, &p.server, &p.client, 100000);
    }
    CHECK(p.client.e == ERR_TLS && !p.client.done);
    tls_conn_why(&p.client.tls, why, sizeof why);
    if (!strstr(why, wanted))
        fail_msg("\"%s\" does not say \"%s\"", why, wanted);
    drop(&p);
}

TEST(a_client_checks_the_authority_and_the_name)
{
    const char *const other[] = {"other.example", NULL};
    const char *cert, *key;

    certs_server(other, &cert, &key);
    refused_because(cert, "hub.example", "not trusted");
    refused_because(NULL, "other.example", "the host name must be one of these");
    refused_because(NULL, "127.0.0.2", "the host name must be one of these");
    refused_because(NULL, "example", "the host name must be one of these");
}

TEST(a_client_finds_an_address_in_the_certificate)
{
    struct pair p;

    contexts(&p);
    ends(&p, "127.0.0.1");
    shake(&p, 100000);
    check_talk(&p);
    drop(&p);
}

/* A certificate that no authority of ours signed. */
static void show_certificate(struct pair *p, uint8_t sha256[32])
{
    struct buf ca = buf_max(8192), ca_key = buf_max(8192);
    const char *cert_file, *key_file;
    X509 *cert;

    CHECK_OK(cert_make_authority(KEY_EC, "device", START_MS / 1000, START_MS / 1000 + 1, &ca, &ca_key));
    cert_file = certs_write(buf_bytes(&ca), "device");
    key_file = certs_write(buf_bytes(&ca_key), "device-key");
    CHECK(SSL_use_certificate_file(p->client.tls.ssl, cert_file, SSL_FILETYPE_PEM) == 1);
    CHECK(SSL_use_PrivateKey_file(p->client.tls.ssl, key_file, SSL_FILETYPE_PEM) == 1);
    cert = SSL_get_certificate(p->client.tls.ssl);
    CHECK(X509_digest(cert, EVP_sha256(), sha256, NULL) == 1);
    buf_free(&ca);
    buf_free(&ca_key);
}

/* Shakes again with what the client kept of the first connection. */
static void resume(struct pair *p, SSL_SESSION *kept)
{
    drop_ends(p);
    ends(p, "hub.example");
    CHECK(SSL_set_session(p->client.tls.ssl, kept) == 1);
    SSL_set_max_proto_version(p->client.tls.ssl, SSL_SESSION_get_protocol_version(kept));
    shake(p, 100000);
    check_talk(p);
}

static void check_resumption(int version)
{
    struct peer peer;
    struct pair p;
    SSL_SESSION *kept;
    const char *cert, *key;
    char why[256];

    contexts(&p);
    ends(&p, "hub.example");
    SSL_set_max_proto_version(p.client.tls.ssl, version);
    shake(&p, 100000);
    check_talk(&p);
    kept = SSL_get1_session(p.client.tls.ssl);
    CHECK(SSL_SESSION_is_resumable(kept));

    resume(&p, kept);
    CHECK(SSL_session_reused(p.server.tls.ssl));
    CHECK_OK(tls_conn_peer(&p.server.tls, &peer));
    CHECK(!peer.has_certificate && !peer.chain.len);

    /* Two rotations and a reload later the key still opens, but a new ticket is handed out. */
    certs_server(names, &cert, &key);
    CHECK_OK(tls_server_reload(p.server_tls, &(struct tls_pair){cert, key}, 1, why));
    for (int i = 0; i < 2; i++) {
        p.now_ms += TICKET_KEY_MS;
        drop_ends(&p);
        ends(&p, "hub.example");
        shake(&p, 100000);
        CHECK(!SSL_session_reused(p.server.tls.ssl));
    }
    resume(&p, kept);
    CHECK(SSL_session_reused(p.server.tls.ssl));

    p.now_ms += TICKET_KEY_MS;
    resume(&p, kept);
    CHECK(!SSL_session_reused(p.server.tls.ssl));
    SSL_SESSION_free(kept);
    drop(&p);
}

TEST(a_session_is_resumed_while_its_key_is_kept)
{
    check_resumption(TLS1_2_VERSION);
    check_resumption(TLS1_3_VERSION);
}

static void check_no_ticket(int version)
{
    struct peer peer = {.has_certificate = false};
    struct pair p;
    SSL_SESSION *kept;
    uint8_t sha256[32];

    contexts(&p);
    ends(&p, "hub.example");
    SSL_set_max_proto_version(p.client.tls.ssl, version);
    show_certificate(&p, sha256);
    shake(&p, 100000);
    check_talk(&p);
    kept = SSL_get1_session(p.client.tls.ssl);
    CHECK(!SSL_SESSION_has_ticket(kept));

    /* And what the client makes of that comes to a full handshake, where it shows its certificate anew. */
    drop_ends(&p);
    ends(&p, "hub.example");
    SSL_set_max_proto_version(p.client.tls.ssl, version);
    show_certificate(&p, sha256);
    SSL_set_session(p.client.tls.ssl, kept);
    shake(&p, 100000);
    check_talk(&p);
    CHECK(!SSL_session_reused(p.server.tls.ssl));
    CHECK_OK(tls_conn_peer(&p.server.tls, &peer));
    CHECK(peer.has_certificate && memcmp(peer.sha256, sha256, 32) == 0 && peer.chain.len);
    SSL_SESSION_free(kept);
    drop(&p);
}

TEST(who_showed_a_certificate_shows_it_each_time)
{
    check_no_ticket(TLS1_2_VERSION);
    check_no_ticket(TLS1_3_VERSION);
}

/* A client that had no certificate to show cannot come back as one that has. */
TEST(a_session_without_a_certificate_stays_without)
{
    struct peer peer;
    struct pair p;
    SSL_SESSION *kept;
    uint8_t sha256[32];

    contexts(&p);
    ends(&p, "hub.example");
    shake(&p, 100000);
    kept = SSL_get1_session(p.client.tls.ssl);
    drop_ends(&p);
    ends(&p, "hub.example");
    show_certificate(&p, sha256);
    CHECK(SSL_set_session(p.client.tls.ssl, kept) == 1);
    shake(&p, 100000);
    check_talk(&p);
    CHECK(SSL_session_reused(p.server.tls.ssl));
    CHECK_OK(tls_conn_peer(&p.server.tls, &peer));
    CHECK(!peer.has_certificate && !peer.chain.len);
    SSL_SESSION_free(kept);
    drop(&p);
}

/* The place of the first record of this kind. */
static size_t record_of(struct bytes flight, uint8_t kind)
{
    size_t at = 0;

    while (at + 5 <= flight.len && flight.at[at] != kind)
        at += 5 + (size_t)(flight.at[at + 3] << 8 | flight.at[at + 4]);
    CHECK(at + 5 <= flight.len);
    return at;
}

TEST(a_certificate_without_its_key_is_refused)
{
    enum { CHANGE_CIPHER_SPEC = 20 };
    struct pair p;
    uint8_t sha256[32];
    char why[160];

    contexts(&p);
    ends(&p, "hub.example");
    SSL_set_max_proto_version(p.client.tls.ssl, TLS1_2_VERSION);
    show_certificate(&p, sha256);
    hear(&p, &p.client, NO_BYTES);
    carry(&p, &p.client, &p.server, 100000);
    carry(&p, &p.server, &p.client, 100000);
    /* The proof (CertificateVerify) stands in clear before this record; its last byte is one of the signature's. */
    p.client.wire.at[record_of(buf_bytes(&p.client.wire), CHANGE_CIPHER_SPEC) - 1] ^= 1;
    carry(&p, &p.client, &p.server, 100000);
    CHECK(p.server.e == ERR_TLS && !p.server.done);
    tls_conn_why(&p.server.tls, why, sizeof why);
    if (strcmp(why, "bad signature"))
        fail_msg("%s", why);
    drop(&p);
}

/* A client that has read somebody's certificate off the wire and signs with a key of its own: OpenSSL compares the two
 * by what it has decoded of the certificate, so that is bent; what is sent stays. */
static void check_stolen(int version)
{
    struct buf cert = buf_max(8192), key = buf_max(8192);
    EVP_PKEY *own = EVP_EC_gen("P-256");
    uint8_t *point = NULL;
    struct pair p;
    char why[160];
    X509 *stolen;
    size_t len;
    BIO *bio;

    CHECK_OK(cert_make_device("device-1", time(NULL) - 60, time(NULL) + 60, &cert, &key));
    bio = BIO_new_mem_buf(cert.at, (int)cert.len);
    stolen = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    len = EVP_PKEY_get1_encoded_public_key(own, &point);
    CHECK(stolen && len && EVP_PKEY_set1_encoded_public_key(X509_get0_pubkey(stolen), point, len) == 1);

    contexts(&p);
    ends(&p, "hub.example");
    SSL_set_max_proto_version(p.client.tls.ssl, version);
    CHECK(SSL_use_certificate(p.client.tls.ssl, stolen) == 1 && SSL_use_PrivateKey(p.client.tls.ssl, own) == 1);
    hear(&p, &p.client, NO_BYTES);
    while (!p.server.e && p.client.wire.len) {
        carry(&p, &p.client, &p.server, 100000);
        if (!p.server.e)
            carry(&p, &p.server, &p.client, 100000);
    }
    CHECK(p.server.e == ERR_TLS && !p.server.done);
    tls_conn_why(&p.server.tls, why, sizeof why);
    CHECK(strcmp(why, "bad signature") == 0);
    drop(&p);
    OPENSSL_free(point);
    X509_free(stolen);
    BIO_free(bio);
    EVP_PKEY_free(own);
    buf_free(&cert);
    buf_free(&key);
}

TEST(a_certificate_of_somebody_else_is_refused)
{
    check_stolen(TLS1_2_VERSION);
    check_stolen(TLS1_3_VERSION);
}

CERT_TESTS(RUN(a_client_checks_the_authority_and_the_name), RUN(a_client_finds_an_address_in_the_certificate),
           RUN(a_session_is_resumed_while_its_key_is_kept), RUN(who_showed_a_certificate_shows_it_each_time),
           RUN(a_session_without_a_certificate_stays_without), RUN(a_certificate_without_its_key_is_refused),
           RUN(a_certificate_of_somebody_else_is_refused))
