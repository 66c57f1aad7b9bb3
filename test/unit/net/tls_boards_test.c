/* Small boards, and what they cannot do: one kind of certificate, old suites, little memory. */
#include "tls_peers.h"

/* A server with a certificate of each kind of key. */
static void both_kinds(struct pair *p)
{
    struct tls_pair pairs[2];
    char why[256];

    contexts(p);
    certs_of(KEY_RSA, names, &pairs[0].cert_file, &pairs[0].key_file);
    certs_of(KEY_EC, names, &pairs[1].cert_file, &pairs[1].key_file);
    CHECK_OK(tls_server_reload(p->server_tls, pairs, 2, why));
}

/* The kind of key that the server proved to have. */
static int kind_seen(const struct pair *p)
{
    return EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(p->client.tls.ssl)));
}

static void check_kind(struct pair *p, int wanted)
{
    shake(p, 100000);
    check_talk(p);
    CHECK(kind_seen(p) == wanted);
    drop_ends(p);
}

TEST(each_client_gets_the_kind_of_certificate_that_it_can_verify)
{
    static const struct {
        int version;
        const char *suites, *signatures;
        int kind;
    } all[] = {
        {TLS1_3_VERSION, NULL, NULL, EVP_PKEY_EC},
        {TLS1_2_VERSION, NULL, NULL, EVP_PKEY_EC},
        {TLS1_3_VERSION, NULL, "rsa_pss_rsae_sha256", EVP_PKEY_RSA},
        {TLS1_3_VERSION, NULL, "ecdsa_secp256r1_sha256", EVP_PKEY_EC},
        {TLS1_2_VERSION, NULL, "RSA+SHA256", EVP_PKEY_RSA},
        {TLS1_2_VERSION, NULL, "ECDSA+SHA256", EVP_PKEY_EC},
        {TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", NULL, EVP_PKEY_RSA},
        {TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", NULL, EVP_PKEY_RSA},
        {TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256", NULL, EVP_PKEY_RSA},
        {TLS1_2_VERSION, "ECDHE-RSA-AES256-SHA384", NULL, EVP_PKEY_RSA},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL, EVP_PKEY_EC},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", NULL, EVP_PKEY_EC},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA384", NULL, EVP_PKEY_EC},
    };
    struct pair p;

    both_kinds(&p);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ends(&p, "hub.example");
        SSL *client = p.client.tls.ssl;

        CHECK(SSL_set_max_proto_version(client, all[i].version) == 1);
        CHECK(!all[i].suites || SSL_set_cipher_list(client, all[i].suites) == 1);
        CHECK(!all[i].signatures || SSL_set1_sigalgs_list(client, all[i].signatures) == 1);
        check_kind(&p, all[i].kind);
    }
    drop(&p);
}

TEST(a_curve_that_is_not_that_of_the_certificate_gets_the_other_one)
{
    struct pair p;

    both_kinds(&p);
    ends(&p, "hub.example");
    CHECK(SSL_set_max_proto_version(p.client.tls.ssl, TLS1_2_VERSION) == 1);
    CHECK(SSL_set1_groups_list(p.client.tls.ssl, "P-384") == 1);
    check_kind(&p, EVP_PKEY_RSA);
    drop(&p);
}

/* The length of the longest record that goes out. */
static size_t longest_record(struct bytes wire)
{
    struct rd r = rd_over(wire);
    size_t most = 0;

    while (rd_left(&r)) {
        rd_bytes(&r, 3);
        size_t len = rd_u16(&r);

        most = len > most ? len : most;
        rd_bytes(&r, len);
    }
    CHECK(!r.bad);
    return most;
}

TEST(no_record_is_longer_than_the_client_takes)
{
    static const uint8_t kinds[] = {TLSEXT_max_fragment_length_512, TLSEXT_max_fragment_length_1024,
                                    TLSEXT_max_fragment_length_2048, TLSEXT_max_fragment_length_4096};
    static uint8_t text[10000];
    struct pair p;

    both_kinds(&p);
    for (size_t i = 0; i < sizeof kinds; i++) {
        const size_t most = (256U << kinds[i]) + 64; /* what encryption adds */

        ends(&p, "hub.example");
        CHECK(SSL_set_max_proto_version(p.client.tls.ssl, TLS1_2_VERSION) == 1);
        CHECK(SSL_set_tlsext_max_fragment_length(p.client.tls.ssl, kinds[i]) == 1);
        hear(&p, &p.client, NO_BYTES);
        while (p.client.wire.len) {
            carry(&p, &p.client, &p.server, 100000);
            CHECK(longest_record(buf_bytes(&p.server.wire)) <= most);
            carry(&p, &p.server, &p.client, 100000);
        }
        check_talk(&p);
        CHECK_OK(tls_conn_write(&p.server.tls, bytes_of(text, sizeof text)));
        CHECK(p.server.wire.len > sizeof text && longest_record(buf_bytes(&p.server.wire)) <= most);
        drop_ends(&p);
    }
    drop(&p);
}

TEST(what_is_not_offered_fails_in_the_handshake)
{
    static const char *const suites[] = {"AES128-GCM-SHA256:@SECLEVEL=0", "AES128-SHA:@SECLEVEL=0",
                                         "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0",
                                         "AES128-CCM:@SECLEVEL=0"};
    struct pair p;

    both_kinds(&p);
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        ends(&p, "hub.example");
        CHECK(SSL_set_max_proto_version(p.client.tls.ssl, TLS1_2_VERSION) == 1);
        CHECK(SSL_set_cipher_list(p.client.tls.ssl, suites[i]) == 1);
        shake(&p, 100000);
        CHECK(p.server.e == ERR_TLS && !p.client.done);
        drop_ends(&p);
    }
    drop(&p);
}

CERT_TESTS(RUN(each_client_gets_the_kind_of_certificate_that_it_can_verify),
           RUN(a_curve_that_is_not_that_of_the_certificate_gets_the_other_one),
           RUN(no_record_is_longer_than_the_client_takes), RUN(what_is_not_offered_fails_in_the_handshake))
