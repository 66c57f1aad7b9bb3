/* Devices that register by a certificate: their own, that of a group, or that of an authority of the hub (provisioning
 * 2.2), and everything that is refused. */
#include "dps.h"
#include "http_peer.h"
#include "hub_ca.h"

#define X509_WORLD_S (T0 / 1000)
#include "x509_world.h"

#define SCOPE BYTES("0neB30376DB")

static struct made root, factory, leaf;
static struct registrant caller;

static int start(void **state)
{
    client_start(state);
    root = make_ca("root", NULL);
    factory = make_ca("factory", &root);
    leaf = make_leaf("Dev-1", &factory);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    made_free(&leaf);
    made_free(&factory);
    made_free(&root);
    client_close(&c);
    world_close();
    return 0;
}

/* A certificate as the value of a JSON member. */
static const char *json_of(const struct made *m)
{
    static char text[4][4096];
    static int turn;
    struct buf der = buf_max(4096), b = buf_over(text[turn = (turn + 1) % 4], 4096);

    made_der(&der, m);
    buf_puts(&b, "{\"certificate\":\"");
    buf_put_base64(&b, buf_bytes(&der));
    buf_puts(&b, "\"}");
    b.at[b.len] = 0;
    buf_free(&der);
    return text[turn];
}

/* `x509` is what stands under that name; `more` behind the attestation. */
static int puts_entry(const char *path, const char *x509, const char *more)
{
    struct buf b = buf_max(1 << 15);
    int status = ask(&c, "GET", path, NULL, NULL);

    buf_printf(&b, "{\"attestation\":{\"type\":\"x509\",\"x509\":{%s}}%s}", x509, more);
    status = ask(&c, "PUT", path, status == 200 ? "If-Match: *\r\n" : NULL, buf_str(&b));
    buf_free(&b);
    return status;
}

static int puts_group(const char *name, const struct made *authority, const char *more)
{
    char path[128], x509[8192];

    snprintf(path, sizeof path, "/enrollmentGroups/%s" V, name);
    snprintf(x509, sizeof x509, "\"signingCertificates\":{\"primary\":%s}", json_of(authority));
    return puts_entry(path, x509, more);
}

static enum err comes_at(int64_t now_ms, const char *id, const struct made *const shown[])
{
    struct peer peer = {.address = "192.0.2.7:51234", .has_certificate = shown[0] != NULL};
    struct buf room = made_list(shown);

    peer.chain = buf_bytes(&room);
    if (shown[0])
        CHECK(X509_digest(shown[0]->cert, EVP_sha256(), peer.sha256, NULL) == 1);
    const struct registration_request request = {
        .env = &w.env, .peer = &peer, .scope = SCOPE, .registration = bytes_str(id), .now_ms = now_ms};
    enum err e = registration_admit(&request, &caller);
    buf_free(&room);
    return e;
}

#define COMES(id, ...) comes_at(T0, id, (const struct made *const[]){__VA_ARGS__, NULL})

TEST(its_own_certificate_lets_a_device_in_and_no_other)
{
    struct made own = make_leaf("dev-1", NULL), old = make_leaf("DEV-1", NULL), twin = make_leaf("dev-1", NULL);
    struct made late = make((struct wish){.cn = "dev-2", .to_s = X509_WORLD_S - 1}, NULL);
    struct made early = make((struct wish){.cn = "dev-2", .from_s = X509_WORLD_S + 1}, NULL);
    char x509[16384];

    snprintf(x509, sizeof x509, "\"clientCertificates\":{\"primary\":%s,\"secondary\":%s}", json_of(&own),
             json_of(&old));
    CHECK(puts_entry("/enrollments/dev-1" V, x509, "") == 200);
    CHECK(body_has(&c, "\"serialNumber\"") && body_has(&c, "\"version\":3"));
    CHECK_OK(COMES("dev-1", &own));
    CHECK(caller.how == ATTESTED_BY_CERTIFICATE && !caller.from_group && strlen(caller.thumbprint[0]) == 64 &&
          caller.thumbprint[1][0]);
    CHECK_OK(COMES("DEV-1", &old));
    CHECK_ERR(COMES("dev-1", &twin), ERR_UNAUTHORIZED);
    CHECK_ERR(COMES("dev-2", &own), ERR_UNAUTHORIZED);
    CHECK_ERR(COMES("dev-1", NULL), ERR_UNAUTHORIZED);
    snprintf(x509, sizeof x509, "\"clientCertificates\":{\"primary\":%s,\"secondary\":%s}", json_of(&late),
             json_of(&early));
    CHECK(puts_entry("/enrollments/dev-2" V, x509, "") == 200);
    CHECK_ERR(COMES("dev-2", &late), ERR_EXPIRED);
    CHECK_ERR(COMES("dev-2", &early), ERR_EXPIRED);
    /* It is enrolled, but made out to somebody else. */
    snprintf(x509, sizeof x509, "\"clientCertificates\":{\"primary\":%s}", json_of(&own));
    CHECK(puts_entry("/enrollments/dev-3" V, x509, "") == 200);
    CHECK_ERR(COMES("dev-3", &own), ERR_UNAUTHORIZED);
    CHECK(puts_entry("/enrollments/dev-1" V, x509, ",\"provisioningStatus\":\"Disabled\"") == 200);
    CHECK_ERR(COMES("dev-1", &own), ERR_DISABLED);
    made_free(&own);
    made_free(&old);
    made_free(&twin);
    made_free(&late);
    made_free(&early);
}

TEST(a_group_lets_in_what_its_authority_has_signed)
{
    struct made stranger = make_ca("factory", NULL), fake = make_leaf("Dev-1", &stranger);
    struct made dead = make(
        (struct wish){
            .cn = "dev-9", .usage = "critical,digitalSignature", .extended = "clientAuth", .to_s = X509_WORLD_S - 1},
        &factory);
    struct made below = make_leaf("dev-8", &leaf); /* signed by what may not sign */

    CHECK(puts_group("made-here", &factory, "") == 200);
    CHECK_OK(COMES("dev-1", &leaf));
    CHECK(caller.how == ATTESTED_BY_CERTIFICATE && caller.from_group && !strcmp(caller.entry, "made-here") &&
          !caller.thumbprint[1][0]);
    CHECK_OK(COMES("Dev-1", &leaf, &factory, &root));
    CHECK_ERR(COMES("dev-2", &leaf, &factory), ERR_UNAUTHORIZED);
    CHECK_ERR(COMES("Dev-1", &fake, &stranger), ERR_UNAUTHORIZED);
    CHECK_ERR(COMES("dev-9", &dead, &factory), ERR_UNAUTHORIZED);
    CHECK_ERR(COMES("dev-8", &below, &leaf, &factory), ERR_UNAUTHORIZED);
    CHECK_ERR(comes_at(T0 + 3 * 86400000LL, "Dev-1", (const struct made *const[]){&leaf, &factory, NULL}),
              ERR_UNAUTHORIZED);
    made_free(&stranger);
    made_free(&fake);
    made_free(&dead);
    made_free(&below);
}

TEST(the_nearest_group_decides_also_when_it_is_disabled)
{
    CHECK(puts_group("all", &root, "") == 200);
    CHECK_ERR(COMES("dev-1", &leaf), ERR_UNAUTHORIZED); /* the intermediate has to be shown */
    CHECK_OK(COMES("dev-1", &leaf, &factory));
    assert_string_equal(caller.entry, "all");
    CHECK(puts_group("batch", &factory, "") == 200);
    CHECK_OK(COMES("dev-1", &leaf, &factory));
    assert_string_equal(caller.entry, "batch");
    CHECK(puts_group("batch", &factory, ",\"provisioningStatus\":\"disabled\"") == 200);
    CHECK_ERR(COMES("dev-1", &leaf, &factory), ERR_DISABLED);
}

static void put_ca(const char *name, const struct made *m, bool verified)
{
    struct ca wanted = {.verified = verified}, made;
    struct buf der = buf_max(CA_LEN_MAX);
    uint64_t at;

    made_der(&der, m);
    snprintf(wanted.name, sizeof wanted.name, "%s", name);
    memcpy(wanted.der, der.at, der.len);
    wanted.der_len = (uint16_t)der.len;
    CHECK_OK(hub_ca_put(w.hub, &wanted,
                        (struct match){.how = hub_ca_get(w.hub, bytes_str(name), &made) ? MATCH_NONE : MATCH_ANY}, T0,
                        &made, &at));
    buf_free(&der);
}

TEST(an_authority_of_the_hub_counts_while_it_is_verified)
{
    const char *named = "\"caReferences\":{\"primary\":\"our-root\"}";
    uint64_t at;

    CHECK(puts_entry("/enrollmentGroups/named" V, named, "") == 400); /* there is none of that name */
    put_ca("our-root", &root, false);
    CHECK(puts_entry("/enrollmentGroups/named" V, named, "") == 200);
    CHECK(ask(&c, "GET", "/enrollmentGroups/named" V, NULL, NULL) == 200 &&
          body_has(&c, "\"caReferences\":{\"primary\":\"our-root\"}"));
    CHECK_ERR(COMES("dev-1", &leaf, &factory), ERR_UNAUTHORIZED);
    put_ca("our-root", &root, true);
    CHECK_OK(COMES("dev-1", &leaf, &factory));
    assert_string_equal(caller.entry, "named");
    CHECK_ERR(COMES("dev-2", &leaf, &factory), ERR_UNAUTHORIZED);
    /* For a device of its own: any certificate of the authority that is made out to it. */
    CHECK(puts_entry("/enrollments/dev-1" V, named, "") == 200);
    CHECK_OK(COMES("dev-1", &leaf, &factory));
    CHECK(!caller.from_group && strlen(caller.thumbprint[0]) == 64);
    CHECK_ERR(COMES("dev-1", &leaf), ERR_UNAUTHORIZED);
    CHECK_OK(hub_ca_delete(w.hub, BYTES("our-root"), (struct match){.how = MATCH_ANY}, T0, &at));
    CHECK_ERR(COMES("dev-1", &leaf, &factory), ERR_UNAUTHORIZED);
}

TEST(only_groups_of_a_ca_that_the_chain_leads_to_are_looked_into)
{
    enum { OTHERS = 20 };
    struct made stranger = make_ca("factory", NULL), fake = make_leaf("Dev-1", &stranger);
    char name[96];

    put_ca("our-root", &root, true);
    for (int i = 0; i < OTHERS; i++) {
        struct made other;

        snprintf(name, sizeof name, "other-%02d", i);
        other = make_ca(name, NULL);
        CHECK(puts_group(name, &other, "") == 200);
        put_ca("other", &other, true);
        snprintf(name, sizeof name, "/enrollmentGroups/named-%02d" V, i);
        CHECK(puts_entry(name, "\"caReferences\":{\"primary\":\"other\"}", "") == 200);
        made_free(&other);
    }
    CHECK_ERR(COMES("dev-1", &leaf, &factory), ERR_UNAUTHORIZED);
    CHECK(enrollment_groups_parsed(w.env.groups) == 2 * OTHERS);
    CHECK_ERR(COMES("dev-2", &leaf, &factory), ERR_UNAUTHORIZED);
    CHECK(puts_group("made-here", &factory, "") == 200);
    CHECK(puts_entry("/enrollmentGroups/named" V, "\"caReferences\":{\"primary\":\"our-root\"}", "") == 200);
    for (int i = 1; i <= 3; i++) {
        CHECK_OK(COMES("dev-1", &leaf, &factory));
        assert_string_equal(caller.entry, "made-here");
        CHECK(enrollment_groups_parsed(w.env.groups) == 2 * OTHERS + 2 + 2 * (uint64_t)i);
    }
    CHECK_ERR(COMES("dev-2", &leaf, &factory), ERR_UNAUTHORIZED); /* whoever has another name leads nowhere */
    CHECK(enrollment_groups_parsed(w.env.groups) == 2 * OTHERS + 8);
    CHECK_ERR(COMES("dev-1", &fake, &stranger), ERR_UNAUTHORIZED); /* the same name, another key */
    CHECK(enrollment_groups_parsed(w.env.groups) == 2 * OTHERS + 9);
    made_free(&stranger);
    made_free(&fake);
}

TEST(an_enrollment_has_one_kind_of_certificates)
{
    char x509[16384];

    put_ca("our-root", &root, true);
    snprintf(x509, sizeof x509, "\"clientCertificates\":{\"primary\":%s},\"caReferences\":{\"primary\":\"our-root\"}",
             json_of(&leaf));
    CHECK(puts_entry("/enrollments/dev-1" V, x509, "") == 400);
    CHECK(puts_entry("/enrollments/dev-1" V, "", "") == 400);
    CHECK(puts_entry("/enrollments/dev-1" V, "\"caReferences\":{}", "") == 400);
    snprintf(x509, sizeof x509, "\"signingCertificates\":{\"primary\":%s}", json_of(&root));
    CHECK(puts_entry("/enrollments/dev-1" V, x509, "") == 400);
    CHECK(puts_entry("/enrollmentGroups/g" V, x509, "") == 200);
    snprintf(x509, sizeof x509, "\"clientCertificates\":{\"primary\":%s}", json_of(&leaf));
    CHECK(puts_entry("/enrollmentGroups/g" V, x509, "") == 400);
    snprintf(x509, sizeof x509, "\"signingCertificates\":{\"primary\":%s}", json_of(&leaf)); /* it may not sign */
    CHECK(puts_entry("/enrollmentGroups/g" V, x509, "") == 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(its_own_certificate_lets_a_device_in_and_no_other, start, stop),
        cmocka_unit_test_setup_teardown(a_group_lets_in_what_its_authority_has_signed, start, stop),
        cmocka_unit_test_setup_teardown(the_nearest_group_decides_also_when_it_is_disabled, start, stop),
        cmocka_unit_test_setup_teardown(an_authority_of_the_hub_counts_while_it_is_verified, start, stop),
        cmocka_unit_test_setup_teardown(only_groups_of_a_ca_that_the_chain_leads_to_are_looked_into, start, stop),
        cmocka_unit_test_setup_teardown(an_enrollment_has_one_kind_of_certificates, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
