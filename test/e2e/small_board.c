/* small_board LIBRARY PORT CA-FILE DEVICE USER PASSWORD: a device with as little TLS as a small board has. One suite,
 * one curve, no ECDSA, small records; with BearSSL as on an ESP8266 (512 bytes), or with mbed TLS as on an ESP32
 * (4,096: a handshake message must fit one). It connects and sends one message. */
#include "mqtt.h"

#include <arpa/inet.h>
#include <bearssl.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char host[] = "localhost";

/* The functions that either library gives. */
struct channel {
    int (*say)(void *ctx, struct bytes text);         /* 0: all of it was said */
    int (*hear)(void *ctx, uint8_t *out, size_t cap); /* how much; 0 or less: the end */
    void *ctx;
};

static bool hears(const struct channel *c, enum mqtt_type type, struct mqtt_packet *p)
{
    uint8_t in[256];
    size_t n = 0, used;
    int got;

    while ((got = c->hear(c->ctx, in + n, sizeof in - n)) > 0) {
        n += (size_t)got;
        switch (mqtt_decode(bytes_of(in, n), sizeof in, p, &used)) {
        case MQTT_PACKET:
            return p->type == type;
        case MQTT_MORE:
            break;
        case MQTT_MALFORMED:
        case MQTT_TOO_LARGE:
            return false;
        }
    }
    return false;
}

static bool talks(const struct channel *c, char **argv)
{
    char topic[256];
    struct buf out = buf_max(4096);
    struct mqtt_packet p;
    bool good;

    mqtt_put_connect(&out, &(struct mqtt_connect){.clean = true,
                                                  .keep_alive_s = 60,
                                                  .client_id = bytes_str(argv[0]),
                                                  .user = bytes_str(argv[1]),
                                                  .password = bytes_str(argv[2])});
    good = c->say(c->ctx, buf_bytes(&out)) == 0 && hears(c, MQTT_CONNACK, &p) && p.connack.code == MQTT_ACCEPTED;
    snprintf(topic, sizeof topic, "devices/%s/messages/events/", argv[0]);
    buf_clear(&out);
    mqtt_put_publish(&out, &(struct mqtt_publish){
                               .topic = bytes_str(topic), .body = BYTES("from a small board"), .qos = 1, .id = 1});
    good = good && c->say(c->ctx, buf_bytes(&out)) == 0 && hears(c, MQTT_PUBACK, &p);
    buf_free(&out);
    return good;
}

static int connected(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

/* ---- the socket, for both ---------------------------------------------------------------------------------------- */

static int plain_read(void *fd, unsigned char *out, size_t cap)
{
    ssize_t n = read(*(int *)fd, out, cap);

    return n > 0 ? (int)n : -1;
}

static int plain_write(void *fd, const unsigned char *data, size_t len)
{
    ssize_t n = write(*(int *)fd, data, len);

    return n > 0 ? (int)n : -1;
}
/* ---- BearSSL ----------------------------------------------------------------------------------------------------- */

static void collect(void *to, const void *data, size_t len)
{
    buf_put(to, bytes_of(data, len));
}

static struct buf der_of(const char *pem_file)
{
    struct buf der = buf_max(8192);
    br_pem_decoder_context pem;
    FILE *f = fopen(pem_file, "r");
    char c;

    br_pem_decoder_init(&pem);
    while (f && fread(&c, 1, 1, f) == 1) {
        while (br_pem_decoder_push(&pem, &c, 1) == 0) {
            if (br_pem_decoder_event(&pem) == BR_PEM_BEGIN_OBJ)
                br_pem_decoder_setdest(&pem, collect, &der);
        }
    }
    if (f)
        fclose(f);
    return der;
}

static int bear_say(void *io, struct bytes text)
{
    return br_sslio_write_all(io, text.at, text.len) || br_sslio_flush(io);
}

static int bear_hear(void *io, uint8_t *out, size_t cap)
{
    return br_sslio_read(io, out, cap);
}

static bool with_bearssl(int fd, const char *ca_file, char **argv)
{
    static const uint16_t suites[] = {BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256};
    static unsigned char records[512 + 325]; /* so little makes it ask for fragments of 512 */
    struct buf der = der_of(ca_file), name = buf_max(1024);
    br_x509_decoder_context decoder;
    br_x509_minimal_context verifier;
    br_ssl_client_context client;
    br_sslio_context io;
    bool good;

    br_x509_decoder_init(&decoder, collect, &name);
    br_x509_decoder_push(&decoder, der.at, der.len);
    br_x509_pkey *key = br_x509_decoder_get_pkey(&decoder);
    if (!key || key->key_type != BR_KEYTYPE_RSA)
        return false;
    br_x509_trust_anchor anchor = {.dn = {name.at, name.len}, .flags = BR_X509_TA_CA, .pkey = *key};

    br_ssl_client_zero(&client);
    br_ssl_engine_set_versions(&client.eng, BR_TLS12, BR_TLS12);
    br_ssl_engine_set_suites(&client.eng, suites, 1);
    br_ssl_client_set_default_rsapub(&client);
    br_ssl_engine_set_default_rsavrfy(&client.eng);
    br_ssl_engine_set_ec(&client.eng, &br_ec_p256_m15);
    br_ssl_engine_set_hash(&client.eng, br_sha256_ID, &br_sha256_vtable);
    br_ssl_engine_set_prf_sha256(&client.eng, &br_tls12_sha256_prf);
    br_ssl_engine_set_default_aes_gcm(&client.eng);
    br_x509_minimal_init(&verifier, &br_sha256_vtable, &anchor, 1);
    br_x509_minimal_set_rsa(&verifier, br_ssl_engine_get_rsavrfy(&client.eng));
    br_x509_minimal_set_hash(&verifier, br_sha256_ID, &br_sha256_vtable);
    br_ssl_engine_set_x509(&client.eng, &verifier.vtable);
    br_ssl_engine_set_buffer(&client.eng, records, sizeof records, 0);
    br_ssl_client_reset(&client, host, 0);
    br_sslio_init(&io, &client.eng, plain_read, &fd, plain_write, &fd);
    good = talks(&(struct channel){bear_say, bear_hear, &io}, argv);
    if (!good)
        fprintf(stderr, "BearSSL: error %d\n", br_ssl_engine_last_error(&client.eng));
    buf_free(&der);
    buf_free(&name);
    return good;
}

/* ---- mbed TLS ---------------------------------------------------------------------------------------------------- */

static int mbed_say(void *ssl, struct bytes text)
{
    return mbedtls_ssl_write(ssl, text.at, text.len) == (int)text.len ? 0 : -1;
}

static int mbed_hear(void *ssl, uint8_t *out, size_t cap)
{
    return mbedtls_ssl_read(ssl, out, cap);
}

/* Mbed TLS has other names for versions from 3.2 on. */
static void only_tls_1_2(mbedtls_ssl_config *conf)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
    mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

static int mbed_set_up(mbedtls_ssl_config *conf, mbedtls_x509_crt *ca, mbedtls_ctr_drbg_context *random,
                       mbedtls_entropy_context *entropy, const char *ca_file)
{
    static const int suites[] = {MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, 0};
    static mbedtls_x509_crt_profile rsa_only;
    int e;

    rsa_only = mbedtls_x509_crt_profile_default;
    rsa_only.allowed_pks = MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSA);
    if ((e = mbedtls_ctr_drbg_seed(random, mbedtls_entropy_func, entropy, NULL, 0)) ||
        (e = mbedtls_x509_crt_parse_file(ca, ca_file)) ||
        (e = mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                         MBEDTLS_SSL_PRESET_DEFAULT)) ||
        (e = mbedtls_ssl_conf_max_frag_len(conf, MBEDTLS_SSL_MAX_FRAG_LEN_4096)))
        return e;
    only_tls_1_2(conf);
    mbedtls_ssl_conf_ciphersuites(conf, suites);
    mbedtls_ssl_conf_cert_profile(conf, &rsa_only);
    mbedtls_ssl_conf_ca_chain(conf, ca, NULL);
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_rng(conf, mbedtls_ctr_drbg_random, random);
    return 0;
}

static bool with_mbedtls(int fd, const char *ca_file, char **argv)
{
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config conf;
    mbedtls_ssl_context ssl;
    mbedtls_x509_crt ca;
    int e;

    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    mbedtls_ssl_config_init(&conf);
    mbedtls_ssl_init(&ssl);
    mbedtls_x509_crt_init(&ca);
    if (!(e = mbed_set_up(&conf, &ca, &random, &entropy, ca_file)) && !(e = mbedtls_ssl_setup(&ssl, &conf)) &&
        !(e = mbedtls_ssl_set_hostname(&ssl, host))) {
        mbedtls_ssl_set_bio(&ssl, &fd, plain_write, plain_read, NULL);
        e = mbedtls_ssl_handshake(&ssl);
    }
    if (e)
        fprintf(stderr, "mbed TLS: error -0x%04x\n", (unsigned)-e);
    bool good = !e && talks(&(struct channel){mbed_say, mbed_hear, &ssl}, argv);
    mbedtls_ssl_free(&ssl);
    mbedtls_ssl_config_free(&conf);
    mbedtls_x509_crt_free(&ca);
    mbedtls_ctr_drbg_free(&random);
    mbedtls_entropy_free(&entropy);
    return good;
}

int main(int argc, char **argv)
{
    int fd;

    if (argc != 7 || (fd = connected(atoi(argv[2]))) < 0)
        return 2;
    return (strcmp(argv[1], "bearssl") == 0 ? with_bearssl : with_mbedtls)(fd, argv[3], argv + 4) ? 0 : 1;
}
