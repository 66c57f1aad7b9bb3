#include "http_front.h"
#include "http_peer.h"
#include "hub_ca.h"

#define X509_WORLD_S (T0 / 1000)
#include "x509_world.h"

#define ANY "If-Match: *\r\n"

static struct made root;

static int open_all(void **state)
{
    client_start(state);
    root = make_ca("our authority", NULL);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    made_free(&root);
    client_close(&c);
    world_close();
    return 0;
}

enum form { PEM, BASE64_DER, BASE64_PEM, FORMS };

/* The body of a PUT: lent until the next call. `more` stands behind the certificate. */
static const char *body_of(const struct made *m, enum form form, const char *more)
{
    static char text[16384];
    struct buf raw = buf_max(8192), b = buf_max(sizeof text);

    if (form == BASE64_DER)
        made_der(&raw, m);
    else
        made_pem(&raw, m);
    buf_puts(&b, "{\"properties\":{\"certificate\":");
    if (form == PEM) {
        buf_put_json(&b, buf_bytes(&raw));
    } else {
        buf_puts(&b, "\"");
        buf_put_base64(&b, buf_bytes(&raw));
        buf_puts(&b, "\"");
    }
    buf_printf(&b, "%s}}", more);
    snprintf(text, sizeof text, "%s", buf_str(&b));
    buf_free(&raw);
    buf_free(&b);
    return text;
}

/* A text of the answer's properties; lent until the next call. */
static const char *property(const char *name)
{
    static char text[8192];
    json_t *json = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    const json_t *value = json_object_get(json_object_get(json, "properties"), name);

    snprintf(text, sizeof text, "%s",
             json_is_string(value)    ? json_string_value(value)
             : json_is_boolean(value) ? (json_is_true(value) ? "true" : "false")
                                      : "?");
    json_decref(json);
    return text;
}

static bool counts(void)
{
    struct buf b = buf_max(CAS_MAX * (CA_LEN_MAX + 4));
    bool some;

    CHECK_OK(hub_ca_verified(w.hub, &b));
    some = b.len > 0;
    buf_free(&b);
    return some;
}

TEST(a_certificate_is_put_in_each_form_and_looks_the_same)
{
    for (enum form form = PEM; form < FORMS; form++) {
        char thumbprint[41], base64[8192];
        uint8_t sha1[20];
        struct buf der = buf_max(8192), text = buf_max(8192);

        CHECK(ask(&c, "PUT", "/certificates/ours", form ? ANY : NULL, body_of(&root, form, "")) == 200);
        CHECK(X509_digest(root.cert, EVP_sha1(), sha1, NULL) == 1);
        for (int i = 0; i < 20; i++)
            snprintf(thumbprint + 2 * i, 3, "%02X", sha1[i]);
        made_der(&der, &root);
        buf_put_base64(&text, buf_bytes(&der));
        snprintf(base64, sizeof base64, "%s", buf_str(&text));
        CHECK(strcmp(property("subject"), "CN=our authority") == 0);
        CHECK(strcmp(property("thumbprint"), thumbprint) == 0);
        CHECK(strcmp(property("certificate"), base64) == 0);
        CHECK(strcmp(property("isVerified"), "false") == 0 && strcmp(property("verificationCode"), "?") == 0);
        CHECK(strcmp(property("expiry"), "2026-11-24T05:25:00.0000000Z") == 0);
        CHECK(strcmp(property("created"), "2026-11-23T05:25:00.0000000Z") == 0);
        CHECK(body_has(&c, "{\"name\":\"ours\",\"etag\":\"") && heard(&c, "etag").len > 2);
        buf_free(&der);
        buf_free(&text);
    }
    CHECK(!counts());
    CHECK(ask(&c, "GET", "/certificates/OURS", NULL, NULL) == 200);
    CHECK(ask(&c, "GET", "/certificates", NULL, NULL) == 200);
    CHECK(body_has(&c, "{\"value\":[{\"name\":\"ours\""));
    CHECK(ask(&c, "DELETE", "/certificates/ours", ANY, NULL) == 204);
    CHECK(ask(&c, "GET", "/certificates", NULL, NULL) == 200);
    CHECK_BYTES(buf_bytes(&c.in.body), BYTES("{\"value\":[]}"));
    ask(&c, "GET", "/certificates/ours", NULL, NULL);
    check_error(&c, 404, "CertificateNotFound");
}

TEST(what_is_no_authority_is_not_taken)
{
    struct made leaf = make_leaf("device", NULL);
    struct made old = make((struct wish){.cn = "old", .constraints = "CA:TRUE", .to_s = X509_WORLD_S - 1}, NULL);
    const char *const bodies[] = {"",
                                  "{",
                                  "[]",
                                  "{}",
                                  "{\"properties\":{}}",
                                  "{\"certificate\":7}",
                                  "{\"certificate\":\"\"}",
                                  "{\"certificate\":\"AAAA\"}"};

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        CHECK(ask(&c, "PUT", "/certificates/a", NULL, bodies[i]) == 400);
        CHECK(heard_body(&c)[0]);
    }
    ask(&c, "PUT", "/certificates/a", NULL, body_of(&leaf, PEM, ""));
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(body_has(&c, "not a CA certificate"));
    ask(&c, "PUT", "/certificates/a", NULL, body_of(&old, PEM, ""));
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(body_has(&c, "has expired"));
    ask(&c, "PUT", "/certificates/a", NULL, body_of(&root, PEM, ",\"isVerified\":\"yes\""));
    check_error(&c, 400, "ArgumentInvalid");
    ask(&c, "PUT", "/certificates/a%20b", NULL, body_of(&root, PEM, ""));
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(!counts());
    made_free(&leaf);
    made_free(&old);
}

TEST(a_change_needs_the_etag)
{
    char before[64];

    CHECK(ask(&c, "PUT", "/certificates/a", NULL, body_of(&root, PEM, "")) == 200);
    snprintf(before, sizeof before, "If-Match: %.*s\r\n", BYTES_ARG(heard(&c, "etag")));
    ask(&c, "PUT", "/certificates/a", NULL, body_of(&root, PEM, ""));
    check_error(&c, 412, "PreconditionFailed");
    CHECK(ask(&c, "PUT", "/certificates/a", before, body_of(&root, PEM, "")) == 200);
    ask(&c, "PUT", "/certificates/a", before, body_of(&root, PEM, ""));
    check_error(&c, 412, "PreconditionFailed");
    ask(&c, "DELETE", "/certificates/a", before, NULL);
    check_error(&c, 412, "PreconditionFailed");
    ask(&c, "DELETE", "/certificates/a", NULL, NULL);
    check_error(&c, 412, "PreconditionFailed");
    ask(&c, "POST", "/certificates/a/generateVerificationCode", before, "");
    check_error(&c, 412, "PreconditionFailed");
    ask(&c, "POST", "/certificates/a/verify", before, "{}");
    check_error(&c, 412, "PreconditionFailed");
    ask(&c, "POST", "/certificates/b/verify", ANY, "{}");
    check_error(&c, 404, "CertificateNotFound");
    ask(&c, "POST", "/certificates/b/generateVerificationCode", ANY, "");
    check_error(&c, 404, "CertificateNotFound");
    ask(&c, "DELETE", "/certificates/b", ANY, NULL);
    check_error(&c, 404, "CertificateNotFound");
}

static void check_refused(struct made proof, const char *why)
{
    ask(&c, "POST", "/certificates/a/verify", ANY, body_of(&proof, PEM, ""));
    check_error(&c, 400, "ArgumentInvalid");
    if (!body_has(&c, why))
        fail_msg("%s", heard_body(&c));
    CHECK(!counts());
    made_free(&proof);
}

TEST(whoever_has_the_key_can_prove_it)
{
    struct made other = make_ca("our authority", NULL), proof;
    char code[CA_CODE_LEN + 1], old[CA_CODE_LEN + 1];

    CHECK(ask(&c, "PUT", "/certificates/a", NULL, body_of(&root, PEM, "")) == 200);
    check_refused(make_leaf("no code yet", &root), "Ask for a verification code first");
    CHECK(ask(&c, "POST", "/certificates/a/generateVerificationCode", ANY, "") == 200);
    snprintf(old, sizeof old, "%s", property("verificationCode"));
    CHECK(ask(&c, "POST", "/certificates/a/generateVerificationCode", ANY, "") == 200);
    snprintf(code, sizeof code, "%s", property("verificationCode"));
    CHECK(strlen(code) == CA_CODE_LEN && strcmp(code, old) != 0);
    check_refused(make_leaf(code, &other), "certificate 1 of the chain");
    check_refused(make_leaf(code, NULL), "certificate 1 of the chain");
    check_refused(make_leaf(old, &root), "common name");
    check_refused(make((struct wish){.cn = code, .to_s = X509_WORLD_S - 1}, &root), "expired");
    ask(&c, "POST", "/certificates/a/verify", ANY, "{\"certificate\":\"?\"}");
    check_error(&c, 400, "ArgumentInvalid");

    proof = make((struct wish){.cn = code}, &root);
    CHECK(ask(&c, "POST", "/certificates/a/verify", ANY, body_of(&proof, BASE64_PEM, "")) == 200);
    CHECK(strcmp(property("isVerified"), "true") == 0 && counts());
    made_free(&proof);
    /* Another certificate of that name is another matter. */
    CHECK(ask(&c, "PUT", "/certificates/a", ANY, body_of(&other, PEM, "")) == 200);
    CHECK(!counts() && strcmp(property("verificationCode"), "?") == 0);
    made_free(&other);
}

TEST(verified_on_upload_is_what_somebody_says)
{
    CHECK(ask(&c, "PUT", "/certificates/a", NULL, body_of(&root, PEM, ",\"isVerified\":true")) == 200);
    CHECK(strcmp(property("isVerified"), "true") == 0 && counts());
    CHECK(ask(&c, "PUT", "/certificates/a", ANY, body_of(&root, PEM, ",\"isVerified\":null")) == 200);
    CHECK(strcmp(property("isVerified"), "false") == 0 && !counts());
}

TEST(who_may_not_write_the_registry_brings_no_authority)
{
    static const char *const policies[] = {"service", "device", "registryRead"};
    static const char *const paths[] = {"/certificates/a/verify", "/certificates/a/generateVerificationCode"};

    for (size_t i = 0; i < 3; i++) {
        CHECK(ask_as(&c, policies[i], "PUT", "/certificates/a", NULL, body_of(&root, PEM, "")) == 401);
        CHECK(ask_as(&c, policies[i], "DELETE", "/certificates/a", ANY, NULL) == 401);
        for (size_t k = 0; k < 2; k++)
            CHECK(ask_as(&c, policies[i], "POST", paths[k], ANY, "{}") == 401);
        CHECK(ask_as(&c, policies[i], "GET", "/certificates", NULL, NULL) == (i == 2 ? 200 : 401));
    }
    CHECK(ask_as(&c, NULL, "GET", "/certificates", NULL, NULL) == 401);
    ask(&c, "POST", "/certificates/a", NULL, "{}");
    CHECK(c.in.head.status == 405 && bytes_eq(heard(&c, "allow"), BYTES("GET, HEAD, PUT, DELETE")));
}

TEST(there_are_so_many_authorities_and_no_more)
{
    char path[64];

    for (int i = 0; i < CAS_MAX; i++) {
        snprintf(path, sizeof path, "/certificates/ca-%d", i);
        CHECK(ask(&c, "PUT", path, NULL, body_of(&root, PEM, ",\"isVerified\":true")) == 200);
    }
    ask(&c, "PUT", "/certificates/one-more", NULL, body_of(&root, PEM, ""));
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(body_has(&c, "There are already 25 certificates"));
    CHECK(ask(&c, "GET", "/certificates", NULL, NULL) == 200);
    json_t *all = json_loadb(heard_body(&c), c.in.body.len, 0, NULL);
    CHECK(json_array_size(json_object_get(all, "value")) == CAS_MAX);
    json_decref(all);
}

#define RUN_HERE(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

TESTS(RUN_HERE(a_certificate_is_put_in_each_form_and_looks_the_same), RUN_HERE(what_is_no_authority_is_not_taken),
      RUN_HERE(a_change_needs_the_etag), RUN_HERE(whoever_has_the_key_can_prove_it),
      RUN_HERE(verified_on_upload_is_what_somebody_says), RUN_HERE(who_may_not_write_the_registry_brings_no_authority),
      RUN_HERE(there_are_so_many_authorities_and_no_more))
