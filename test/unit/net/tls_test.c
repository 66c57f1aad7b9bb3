#include "tls_peers.h"

#include <openssl/err.h>

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

/* No key, or one without anything in it. */
static bool is_gone(EVP_PKEY *key)
{
    uint8_t *half = NULL;
    size_t len = key ? EVP_PKEY_get1_encoded_public_key(key, &half) : 0;

    OPENSSL_free(half);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return len == 0;
}

static void check_forgotten(struct end *end)
{
    EVP_PKEY *own = NULL, *other = NULL;

    (void)SSL_get_tmp_key(end->tls.ssl, &own);
    (void)SSL_get_peer_tmp_key(end->tls.ssl, &other);
    CHECK(is_gone(own));
    CHECK(is_gone(other));
}

TEST(the_keys_of_the_exchange_are_gone_after_the_handshake)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct pair p;

        contexts(&p);
        ends(&p, "hub.example");
        CHECK(SSL_set_max_proto_version(p.client.tls.ssl, versions[i]) == 1);
        shake(&p, 100000);
        check_forgotten(&p.client);
        check_forgotten(&p.server);
        check_talk(&p);
        drop(&p);
    }
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
    CHECK_ERR(tls_server_reload(p.server_tls, &(struct tls_pair){cert, ca}, 1, why), ERR_MALFORMED);
    CHECK(strstr(why, "private key"));
    CHECK_ERR(tls_server_reload(p.server_tls, &(struct tls_pair){"/nowhere/cert.pem", key}, 1, why), ERR_IO);
    CHECK(strstr(why, "/nowhere/cert.pem"));
    CHECK_OK(tls_server_reload(p.server_tls, &(struct tls_pair){cert, key}, 1, why));
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
    CHECK_ERR(tls_server_new(&(struct tls_pair){"/nowhere", key}, 1, &tls, why), ERR_IO);
    CHECK_ERR(tls_server_new(&(struct tls_pair){cert, "/nowhere"}, 1, &tls, why), ERR_IO);
    CHECK_ERR(tls_server_new(&(struct tls_pair){key, key}, 1, &tls, why), ERR_MALFORMED);
    CHECK_ERR(tls_server_new(&(struct tls_pair){cert, other_key}, 1, &tls, why), ERR_MALFORMED);
    CHECK(strstr(why, other_key));
    CHECK_ERR(tls_client_new("/nowhere", &tls, why), ERR_IO);
    CHECK_ERR(tls_client_new(key, &tls, why), ERR_MALFORMED);
    CHECK(!tls);
}

/* As many as wanted, the first of them the one whose hashes the peer has. */
static void check_chain(const struct peer *peer, int wanted)
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

    CHECK_OK(
        cert_make_server(buf_bytes(&certs.ca), buf_bytes(&certs.ca_key), KEY_EC, &all, now_s, now_s + 60, &cert, &key));
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
    struct peer peer;
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
    struct peer peer;
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

CERT_TESTS(RUN(versions_1_2_and_1_3_are_spoken), RUN(the_keys_of_the_exchange_are_gone_after_the_handshake),
           RUN(an_older_version_is_not_spoken), RUN(what_is_cut_anywhere_arrives_whole),
           RUN(a_record_cut_at_each_byte_waits_for_the_rest), RUN(garbage_instead_of_a_handshake_is_refused),
           RUN(a_bent_record_ends_the_connection), RUN(a_goodbye_comes_after_what_was_said_before),
           RUN(a_reload_is_for_new_connections), RUN(contexts_say_what_is_wrong_with_their_files),
           RUN(a_client_shows_the_certificate_it_uses), RUN(a_chain_without_end_is_refused),
           RUN(a_peer_cannot_start_over))
