#include "certs.h"
#include "tls.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

enum { START_MS = 1800000000 };

static const char *const names[] = {"hub.example", "127.0.0.1", NULL};

/* Two ends with nothing between them but these buffers. */
struct end {
    struct tls_conn tls;
    struct buf wire; /* what it has said and the other has not heard */
    bool done;
    enum err e;
    uint8_t plain[64 * 1024];
    size_t n;
};

struct pair {
    struct tls *server_tls, *client_tls;
    struct end server, client;
    int64_t now_ms;
};

static void contexts(struct pair *p)
{
    const char *ca = certs_authority(), *cert, *key;
    char why[256];

    *p = (struct pair){.now_ms = START_MS};
    certs_server(names, &cert, &key);
    CHECK_OK(tls_server_new(cert, key, &p->server_tls, why));
    CHECK_OK(tls_client_new(ca, &p->client_tls, why));
}

static void ends(struct pair *p, const char *name)
{
    memset(&p->server, 0, sizeof p->server);
    memset(&p->client, 0, sizeof p->client);
    p->server.wire = p->client.wire = buf_max(1024 * 1024);
    CHECK_OK(tls_conn_open(&p->server.tls, p->server_tls, NULL, &p->server.wire));
    CHECK_OK(tls_conn_open(&p->client.tls, p->client_tls, name, &p->client.wire));
}

static void drop_ends(struct pair *p)
{
    /* OpenSSL does not resume what ended without a goodbye. */
    tls_conn_end(&p->client.tls);
    tls_conn_close(&p->server.tls);
    tls_conn_close(&p->client.tls);
    buf_free(&p->server.wire);
    buf_free(&p->client.wire);
}

static void drop(struct pair *p)
{
    drop_ends(p);
    tls_free(p->server_tls);
    tls_free(p->client_tls);
}

/* `to` hears these bytes: its handshake goes on, what is decrypted is kept. */
static void hear(struct pair *p, struct end *to, struct bytes in)
{
    size_t n = 0;

    tls_conn_feed(&to->tls, in, p->now_ms);
    if (!to->e && !to->done)
        to->e = tls_conn_handshake(&to->tls, &to->done);
    if (!to->e && to->done) {
        to->e = tls_conn_read(&to->tls, to->plain + to->n, sizeof to->plain - to->n, &n);
        to->n += n;
    }
}

/* All that one said reaches the other, `piece` bytes at a time. */
static bool carry(struct pair *p, struct end *from, struct end *to, size_t piece)
{
    struct buf said = from->wire;

    from->wire = buf_max(1024 * 1024);
    for (size_t at = 0; at < said.len; at += piece)
        hear(p, to, bytes_first(bytes_skip(buf_bytes(&said), at), piece));
    buf_free(&said);
    return to->wire.len || from->wire.len;
}

static void shake(struct pair *p, size_t piece)
{
    hear(p, &p->client, NO_BYTES);
    for (int i = 0; i < 10 && (p->client.wire.len || p->server.wire.len); i++) {
        carry(p, &p->client, &p->server, piece);
        carry(p, &p->server, &p->client, piece);
    }
}

static void say(struct pair *p, struct end *from, struct end *to, struct bytes text)
{
    size_t before = to->n;

    CHECK_OK(tls_conn_write(&from->tls, text));
    carry(p, from, to, 1000);
    CHECK_BYTES(bytes_of(to->plain + before, to->n - before), text);
}

static void check_talk(struct pair *p)
{
    CHECK(p->client.done && p->server.done && !p->client.e && !p->server.e);
    say(p, &p->client, &p->server, BYTES("from the client"));
    say(p, &p->server, &p->client, BYTES("from the server"));
}

static void check_version(int version)
{
    struct pair p;

    contexts(&p);
    ends(&p, "hub.example");
    CHECK(SSL_set_max_proto_version(p.client.tls.ssl, version) == 1);
    shake(&p, 100000);
    CHECK(SSL_version(p.server.tls.ssl) == version);
    check_talk(&p);
    drop(&p);
}

TEST(versions_1_2_and_1_3_are_spoken)
{
    check_version(TLS1_2_VERSION);
    check_version(TLS1_3_VERSION);
}

TEST(an_older_version_is_not_spoken)
{
    struct pair p;

    contexts(&p);
    ends(&p, "hub.example");
    SSL_set_security_level(p.client.tls.ssl, 0);
    CHECK(SSL_set_min_proto_version(p.client.tls.ssl, TLS1_VERSION) == 1);
    CHECK(SSL_set_max_proto_version(p.client.tls.ssl, TLS1_1_VERSION) == 1);
    SSL_set_cipher_list(p.client.tls.ssl, "ALL:@SECLEVEL=0");
    shake(&p, 100000);
    CHECK(p.server.e == ERR_TLS && !p.client.done);
    drop(&p);
}

TEST(what_is_cut_anywhere_arrives_whole)
{
    for (size_t piece = 1; piece < 40; piece += 6) {
        struct pair p;

        contexts(&p);
        ends(&p, "hub.example");
        shake(&p, piece);
        check_talk(&p);
        drop(&p);
    }
}

TEST(a_record_cut_at_each_byte_waits_for_the_rest)
{
    struct pair p;
    struct buf said;

    contexts(&p);
    ends(&p, "hub.example");
    shake(&p, 100000);
    CHECK_OK(tls_conn_write(&p.client.tls, BYTES("a whole record")));
    said = p.client.wire;
    for (size_t i = 0; i < said.len; i++) {
        CHECK(p.server.n == 0);
        hear(&p, &p.server, bytes_of(said.at + i, 1));
        CHECK(!p.server.e);
    }
    CHECK_BYTES(bytes_of(p.server.plain, p.server.n), BYTES("a whole record"));
    drop(&p);
}

TEST(garbage_instead_of_a_handshake_is_refused)
{
    static const char *const said[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\x10\x0e\0\4MQTT\4\2\0\0\0\2id",
                                       "\x16\x03\x01\xff\xff"};
    struct pair p;
    char why[160];

    contexts(&p);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        ends(&p, "hub.example");
        hear(&p, &p.server, bytes_of(said[i], i == 1 ? 16 : strlen(said[i])));
        CHECK(p.server.e == ERR_TLS);
        tls_conn_why(&p.server.tls, why, sizeof why);
        CHECK(why[0]);
        CHECK_ERR(tls_conn_write(&p.server.tls, BYTES("x")), ERR_TLS);
        tls_conn_end(&p.server.tls);
        drop_ends(&p);
    }
    for (int i = 0; i < 200; i++) {
        uint8_t noise[600];

        ends(&p, "hub.example");
        CHECK(RAND_bytes(noise, sizeof noise) == 1);
        hear(&p, &p.server, bytes_of(noise, sizeof noise));
        CHECK(!p.server.done);
        drop_ends(&p);
    }
    ends(&p, "hub.example");
    drop(&p);
}

TEST(a_bent_record_ends_the_connection)
{
    struct pair p;

    contexts(&p);
    ends(&p, "hub.example");
    shake(&p, 100000);
    CHECK_OK(tls_conn_write(&p.client.tls, BYTES("text")));
    p.client.wire.at[p.client.wire.len - 1] ^= 1;
    carry(&p, &p.client, &p.server, 100000);
    CHECK(p.server.e == ERR_TLS && p.server.n == 0);
    drop(&p);
}

TEST(a_goodbye_comes_after_what_was_said_before)
{
    struct pair p;

    contexts(&p);
    ends(&p, "hub.example");
    shake(&p, 100000);
    CHECK_OK(tls_conn_write(&p.client.tls, BYTES("last words")));
    tls_conn_end(&p.client.tls);
    carry(&p, &p.client, &p.server, 100000);
    CHECK(p.server.e == ERR_CLOSED);
    CHECK_BYTES(bytes_of(p.server.plain, p.server.n), BYTES("last words"));
    drop(&p);
}

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
    refused_because(NULL, "other.example", "not for that name");
    refused_because(NULL, "127.0.0.2", "not for that name");
    refused_because(NULL, "example", "not for that name");
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

    CHECK_OK(cert_make_authority("device", START_MS / 1000, START_MS / 1000 + 1, &ca, &ca_key));
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
    struct net_peer peer;
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
    CHECK_OK(tls_server_reload(p.server_tls, cert, key, why));
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
    struct net_peer peer = {.has_certificate = false};
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
    struct net_peer peer;
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

/* Where the first record of this kind begins. */
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

/* A client that has read somebody's certificate off the wire and signs with a key of its own: OpenSSL compares the two by what
 * it has decoded of the certificate, so that is bent; what is sent stays. */
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

TEST(a_reload_is_for_new_connections)
{
    const char *const other[] = {"other.example", NULL};
    const char *cert, *key, *ca;
    struct pair p;
    char why[256];

    contexts(&p);
    ends(&p, "hub.example");
    shake(&p, 100000);
    certs_server(other, &cert, &key);
    ca = certs_authority();
    CHECK_ERR(tls_server_reload(p.server_tls, cert, ca, why), ERR_MALFORMED);
    CHECK(strstr(why, "private key"));
    CHECK_ERR(tls_server_reload(p.server_tls, "/nowhere/cert.pem", key, why), ERR_IO);
    CHECK(strstr(why, "/nowhere/cert.pem"));
    CHECK_OK(tls_server_reload(p.server_tls, cert, key, why));
    check_talk(&p);
    drop_ends(&p);
    ends(&p, "other.example");
    shake(&p, 100000);
    check_talk(&p);
    drop(&p);
}

TEST(contexts_say_what_is_wrong_with_their_files)
{
    const char *cert, *key, *other_cert, *other_key;
    struct tls *tls = NULL;
    char why[256];

    certs_server(names, &cert, &key);
    certs_server(names, &other_cert, &other_key);
    CHECK_ERR(tls_server_new("/nowhere", key, &tls, why), ERR_IO);
    CHECK_ERR(tls_server_new(cert, "/nowhere", &tls, why), ERR_IO);
    CHECK_ERR(tls_server_new(key, key, &tls, why), ERR_MALFORMED);
    CHECK_ERR(tls_server_new(cert, other_key, &tls, why), ERR_MALFORMED);
    CHECK(strstr(why, other_key));
    CHECK_ERR(tls_client_new("/nowhere", &tls, why), ERR_IO);
    CHECK_ERR(tls_client_new(key, &tls, why), ERR_MALFORMED);
    CHECK(!tls);
}

/* As many as wanted, the first of them the one whose hashes the peer has. */
static void check_chain(const struct net_peer *peer, int wanted)
{
    struct rd r = rd_over(peer->chain);
    uint8_t sha256[32];
    int n = 0;

    while (rd_left(&r)) {
        struct bytes der = rd_str32(&r);

        if (n++ == 0) {
            CHECK(EVP_Digest(der.at, der.len, sha256, NULL, EVP_sha256(), NULL) == 1);
            CHECK(memcmp(sha256, peer->sha256, sizeof sha256) == 0);
        }
    }
    CHECK(!r.bad && n == wanted);
}

/* A file with a certificate and others behind it. */
static void many_certificates(int n, const char **cert_file, const char **key_file)
{
    const char *const id[] = {"device-1", NULL};
    struct buf cert = buf_max(256 * 1024), key = buf_max(8192);
    struct cert_names all = {id};
    int64_t now_s = time(NULL);

    CHECK_OK(cert_make_server(buf_bytes(&certs.ca), buf_bytes(&certs.ca_key), &all, now_s, now_s + 60, &cert, &key));
    for (int i = 1; i < n; i++)
        buf_put(&cert, buf_bytes(&certs.ca));
    *cert_file = certs_write(buf_bytes(&cert), "chain");
    *key_file = certs_write(buf_bytes(&key), "chain-key");
    buf_free(&cert);
    buf_free(&key);
}

static void show_many(int n, int arrive)
{
    const char *cert, *key;
    struct net_peer peer;
    struct pair p;
    char why[256];

    contexts(&p);
    many_certificates(n, &cert, &key);
    CHECK_OK(tls_client_use(p.client_tls, cert, key, why));
    ends(&p, "hub.example");
    shake(&p, 1000);
    check_talk(&p);
    CHECK_OK(tls_conn_peer(&p.server.tls, &peer));
    check_chain(&peer, arrive);
    drop(&p);
}

TEST(a_client_shows_the_certificate_it_uses)
{
    const char *const id[] = {"device-1", NULL};
    const char *cert, *key, *other_cert, *other_key;
    struct net_peer peer;
    struct pair p;
    char why[256];

    contexts(&p);
    certs_server(id, &cert, &key);
    certs_server(id, &other_cert, &other_key);
    CHECK_ERR(tls_client_use(p.client_tls, "/nowhere", key, why), ERR_IO);
    CHECK_ERR(tls_client_use(p.client_tls, cert, "/nowhere", why), ERR_IO);
    CHECK_ERR(tls_client_use(p.client_tls, cert, other_key, why), ERR_MALFORMED);
    CHECK(strstr(why, other_key));
    CHECK_OK(tls_client_use(p.client_tls, cert, key, why));
    ends(&p, "hub.example");
    shake(&p, 100000);
    check_talk(&p);
    CHECK_OK(tls_conn_peer(&p.server.tls, &peer));
    CHECK(peer.has_certificate);
    check_chain(&peer, 1);
    drop(&p);
    show_many(2, 2);
    show_many(TLS_CHAIN_MAX, TLS_CHAIN_MAX);
    show_many(TLS_CHAIN_MAX + 3, TLS_CHAIN_MAX);
}

TEST(a_chain_without_end_is_refused)
{
    const char *cert, *key;
    struct pair p;
    char why[256];

    contexts(&p);
    many_certificates(100, &cert, &key);
    CHECK_OK(tls_client_use(p.client_tls, cert, key, why));
    ends(&p, "hub.example");
    shake(&p, 100000);
    CHECK(p.server.e == ERR_TLS && !p.server.done);
    drop(&p);
}

TEST(a_peer_cannot_start_over)
{
    struct pair p;

    contexts(&p);
    ends(&p, "hub.example");
    SSL_set_max_proto_version(p.client.tls.ssl, TLS1_2_VERSION);
    shake(&p, 100000);
    SSL_clear_options(p.client.tls.ssl, SSL_OP_NO_RENEGOTIATION);
    SSL_renegotiate(p.client.tls.ssl);
    SSL_do_handshake(p.client.tls.ssl);
    carry(&p, &p.client, &p.server, 100000);
    CHECK(!p.server.e && !SSL_in_init(p.server.tls.ssl));
    drop(&p);
}

CERT_TESTS(RUN(versions_1_2_and_1_3_are_spoken), RUN(an_older_version_is_not_spoken),
           RUN(what_is_cut_anywhere_arrives_whole), RUN(a_record_cut_at_each_byte_waits_for_the_rest),
           RUN(garbage_instead_of_a_handshake_is_refused), RUN(a_bent_record_ends_the_connection),
           RUN(a_goodbye_comes_after_what_was_said_before), RUN(a_client_checks_the_authority_and_the_name),
           RUN(a_client_finds_an_address_in_the_certificate), RUN(a_session_is_resumed_while_its_key_is_kept),
           RUN(who_showed_a_certificate_shows_it_each_time), RUN(a_session_without_a_certificate_stays_without),
           RUN(a_certificate_without_its_key_is_refused), RUN(a_certificate_of_somebody_else_is_refused),
           RUN(a_reload_is_for_new_connections), RUN(contexts_say_what_is_wrong_with_their_files),
           RUN(a_client_shows_the_certificate_it_uses), RUN(a_chain_without_end_is_refused),
           RUN(a_peer_cannot_start_over))
