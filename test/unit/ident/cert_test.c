#include "cert.h"
#include "check.h"

enum { FROM_S = 1800000000, DAY_S = 86400 };

struct made {
    struct buf ca, ca_key, cert, key;
};

static const char *const names[] = {"hub.example", "localhost", "192.0.2.7", "2001:db8::1", "*.hub.example", NULL};

static struct made make(void)
{
    struct made m = {buf_max(8192), buf_max(8192), buf_max(8192), buf_max(8192)};
    struct cert_names all = {names};

    CHECK_OK(cert_make_authority(KEY_EC, "our authority", FROM_S, FROM_S + 10 * DAY_S, &m.ca, &m.ca_key));
    CHECK_OK(cert_make_server(buf_bytes(&m.ca), buf_bytes(&m.ca_key), KEY_EC, &all, FROM_S, FROM_S + DAY_S, &m.cert,
                              &m.key));
    return m;
}

static void drop(struct made *m)
{
    buf_free(&m->ca);
    buf_free(&m->ca_key);
    buf_free(&m->cert);
    buf_free(&m->key);
}

TEST(what_was_made_can_be_read)
{
    struct made m = make();
    struct cert_facts facts;

    CHECK_OK(cert_read(buf_bytes(&m.ca), &facts));
    CHECK(facts.is_authority && facts.from_s == FROM_S && facts.to_s == FROM_S + 10 * DAY_S);
    CHECK(strcmp(facts.subject, "CN=our authority") == 0 && strcmp(facts.issuer, facts.subject) == 0);
    CHECK_OK(cert_read(buf_bytes(&m.cert), &facts));
    CHECK(!facts.is_authority && facts.from_s == FROM_S && facts.to_s == FROM_S + DAY_S);
    CHECK(strcmp(facts.subject, "CN=hub.example") == 0 && strcmp(facts.issuer, "CN=our authority") == 0);
    drop(&m);
}

TEST(a_certificate_is_for_its_names_and_no_others)
{
    struct made m = make();
    struct bytes cert = buf_bytes(&m.cert);

    CHECK(cert_is_for(cert, "hub.example") && cert_is_for(cert, "HUB.example") && cert_is_for(cert, "localhost"));
    CHECK(cert_is_for(cert, "192.0.2.7") && cert_is_for(cert, "2001:db8::1") && cert_is_for(cert, "2001:DB8:0::1"));
    CHECK(cert_is_for(cert, "a.hub.example") && !cert_is_for(cert, "a.b.hub.example"));
    CHECK(!cert_is_for(cert, "hub.example.org") && !cert_is_for(cert, "192.0.2.8") && !cert_is_for(cert, ""));
    CHECK(!cert_is_for(cert, "192.0.2.70") && !cert_is_for(cert, "2001:db8::2"));
    CHECK(!cert_is_for(buf_bytes(&m.ca), "hub.example"));
    drop(&m);
}

TEST(a_key_fits_its_certificate_alone)
{
    struct made m = make();

    CHECK(cert_fits_key(buf_bytes(&m.cert), buf_bytes(&m.key)));
    CHECK(cert_fits_key(buf_bytes(&m.ca), buf_bytes(&m.ca_key)));
    CHECK(!cert_fits_key(buf_bytes(&m.cert), buf_bytes(&m.ca_key)));
    CHECK(!cert_fits_key(buf_bytes(&m.cert), buf_bytes(&m.cert)));
    CHECK(!cert_fits_key(NO_BYTES, buf_bytes(&m.key)));
    drop(&m);
}

TEST(two_certificates_are_never_the_same)
{
    struct made a = make(), b = make();

    CHECK(!bytes_eq(buf_bytes(&a.cert), buf_bytes(&b.cert)) && !bytes_eq(buf_bytes(&a.key), buf_bytes(&b.key)));
    drop(&a);
    drop(&b);
}

TEST(what_is_no_certificate_is_said_to_be_none)
{
    struct made m = make();
    struct cert_facts facts;
    struct bytes whole = buf_bytes(&m.cert);

    CHECK_ERR(cert_read(NO_BYTES, &facts), ERR_MALFORMED);
    CHECK_ERR(cert_read(buf_bytes(&m.key), &facts), ERR_MALFORMED);
    /* Without its last line (and the new line behind it) it is no PEM. */
    for (size_t n = 0; n < whole.len - 1; n += 7)
        CHECK_ERR(cert_read(bytes_first(whole, n), &facts), ERR_MALFORMED);
    for (size_t i = 30; i < whole.len - 30; i += 11) {
        struct buf bent = buf_max(8192);

        buf_put(&bent, whole);
        bent.at[i] = '!';
        CHECK_ERR(cert_read(buf_bytes(&bent), &facts), ERR_MALFORMED);
        buf_free(&bent);
    }
    drop(&m);
}

TEST(a_server_needs_an_authority_and_names)
{
    struct made m = make();
    struct buf cert = buf_max(8192), key = buf_max(8192), small = buf_max(16);
    const char *const none[] = {NULL}, *const empty[] = {"", NULL};
    struct bytes ca = buf_bytes(&m.ca), ca_key = buf_bytes(&m.ca_key);
    struct cert_names all = {names};

    CHECK_ERR(cert_make_server(NO_BYTES, ca_key, KEY_EC, &all, 0, 1, &cert, &key), ERR_MALFORMED);
    CHECK_ERR(cert_make_server(ca, NO_BYTES, KEY_EC, &all, 0, 1, &cert, &key), ERR_MALFORMED);
    CHECK_ERR(cert_make_server(ca, buf_bytes(&m.key), KEY_EC, &all, 0, 1, &cert, &key), ERR_ARGUMENT);
    CHECK_ERR(cert_make_server(ca, ca_key, KEY_EC, &(struct cert_names){none}, 0, 1, &cert, &key), ERR_ARGUMENT);
    CHECK_ERR(cert_make_server(ca, ca_key, KEY_EC, &(struct cert_names){empty}, 0, 1, &cert, &key), ERR_ARGUMENT);
    CHECK_ERR(cert_make_server(ca, ca_key, KEY_EC, &all, 0, 1, &cert, &small), ERR_TOO_LARGE);
    CHECK(cert.len == 0 && key.len == 0 && small.len == 0);
    buf_free(&cert);
    buf_free(&key);
    buf_free(&small);
    drop(&m);
}

TEST(a_name_too_long_for_a_common_name_is_an_alternative_name)
{
    struct made m = make();
    struct buf cert = buf_max(8192), key = buf_max(8192);
    char name[121] = "";
    const char *const one[] = {name, NULL};

    for (int i = 0; i < 120; i++)
        name[i] = i % 30 == 29 ? '.' : 'a';
    name[119] = 'a';
    CHECK_OK(cert_make_server(buf_bytes(&m.ca), buf_bytes(&m.ca_key), KEY_EC, &(struct cert_names){one}, FROM_S,
                              FROM_S + 1, &cert, &key));
    CHECK(cert_is_for(buf_bytes(&cert), name));
    name[64] = 0;
    CHECK(!cert_is_for(buf_bytes(&cert), name));
    buf_free(&cert);
    buf_free(&key);
    drop(&m);
}

/* 2^31 seconds are the 19th of January 2038; from 2050 on a certificate writes its times in another form. */
TEST(times_have_64_bits)
{
    const int64_t years[][2] = {{0, 1}, {2147483647, 2147483648}, {2524607999, 2524608000}, {4102444800, 253402300799}};

    for (size_t i = 0; i < sizeof years / sizeof *years; i++) {
        struct buf ca = buf_max(8192), key = buf_max(8192);
        struct cert_facts facts;

        CHECK_OK(cert_make_authority(KEY_EC, "our authority", years[i][0], years[i][1], &ca, &key));
        CHECK_OK(cert_read(buf_bytes(&ca), &facts));
        CHECK(facts.from_s == years[i][0] && facts.to_s == years[i][1]);
        buf_free(&ca);
        buf_free(&key);
    }
}

TESTS(RUN(what_was_made_can_be_read), RUN(a_certificate_is_for_its_names_and_no_others),
      RUN(a_key_fits_its_certificate_alone), RUN(two_certificates_are_never_the_same),
      RUN(what_is_no_certificate_is_said_to_be_none), RUN(a_server_needs_an_authority_and_names),
      RUN(a_name_too_long_for_a_common_name_is_an_alternative_name), RUN(times_have_64_bits))
