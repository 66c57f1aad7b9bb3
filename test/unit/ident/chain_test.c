#include "cert.h"
#include "chain.h"
#include "text.h"
#include "x509_world.h"

#define NOW_MS (X509_WORLD_S * 1000)
#define LIST(...) ((const struct made *const[]){__VA_ARGS__, NULL})

static char why[CHAIN_WHY_CAP];
static int64_t until_ms;

static enum err check_at(const struct made *const shown[], const struct made *const known[], const char *name,
                         int64_t now_ms)
{
    struct buf chain = made_list(shown), authorities = made_list(known);
    enum err e;

    until_ms = 0;
    e = chain_check(buf_bytes(&chain), buf_bytes(&authorities), bytes_str(name), now_ms, &until_ms, why);
    buf_free(&chain);
    buf_free(&authorities);
    return e;
}

static enum err check(const struct made *const shown[], const struct made *const known[])
{
    return check_at(shown, known, "device-1", NOW_MS);
}

/* A root, two below each other, and a device. */
struct line {
    struct made root, upper, lower, leaf;
};

static struct line line_make(void)
{
    struct line l;

    l.root = make_ca("root", NULL);
    l.upper = make_ca("upper", &l.root);
    l.lower = make_ca("lower", &l.upper);
    l.leaf = make_leaf("device-1", &l.lower);
    return l;
}

static void line_free(struct line *l)
{
    made_free(&l->root);
    made_free(&l->upper);
    made_free(&l->lower);
    made_free(&l->leaf);
}

TEST(a_chain_leads_to_an_authority_that_is_known)
{
    struct line l = line_make();
    struct made other = make_ca("root", NULL);

    CHECK_OK(check(LIST(&l.leaf, &l.lower, &l.upper, &l.root), LIST(&l.root)));
    CHECK(until_ms == NOW_MS + 86400 * 1000);
    CHECK_OK(check(LIST(&l.leaf, &l.lower, &l.upper), LIST(&l.root)));
    CHECK_OK(check(LIST(&l.leaf, &l.root, &l.upper, &l.lower), LIST(&l.root))); /* their order says nothing */
    /* A certificate in the middle is as good as a root. */
    CHECK_OK(check(LIST(&l.leaf, &l.lower), LIST(&l.upper)));
    CHECK_OK(check(LIST(&l.leaf), LIST(&l.lower)));
    CHECK_OK(check(LIST(&l.leaf, &l.lower, &l.upper, &l.root), LIST(&l.lower)));
    CHECK_OK(check(LIST(&l.leaf), LIST(&other, &l.root, &l.lower)));

    CHECK_ERR(check(LIST(&l.leaf, &l.upper), LIST(&l.root)), ERR_UNAUTHORIZED); /* one is missing */
    CHECK_ERR(check(LIST(&l.leaf, &l.lower, &l.upper, &l.root), LIST(&other)), ERR_UNAUTHORIZED);
    CHECK(why[0]);
    made_free(&other);
    line_free(&l);
}

TEST(what_the_device_shows_is_not_trusted_for_being_shown)
{
    struct line l = line_make();
    struct made self = make_leaf("device-1", NULL), other = make_ca("other", NULL);
    struct buf chain = made_list(LIST(&l.leaf, &l.lower, &l.upper, &l.root));

    CHECK_ERR(check(LIST(&l.leaf, &l.lower, &l.upper, &l.root), LIST(&other)), ERR_UNAUTHORIZED);
    CHECK_ERR(check(LIST(&self), LIST(&l.root)), ERR_UNAUTHORIZED);
    CHECK_ERR(check(LIST(&self, &l.root), LIST(&l.root)), ERR_UNAUTHORIZED);
    CHECK_ERR(chain_check(buf_bytes(&chain), NO_BYTES, BYTES("device-1"), NOW_MS, &until_ms, why), ERR_UNAUTHORIZED);
    CHECK(strstr(why, "no verified"));
    buf_free(&chain);
    made_free(&self);
    made_free(&other);
    line_free(&l);
}

TEST(the_common_name_is_the_device)
{
    struct made root = make_ca("root", NULL);
    const struct wish wishes[] = {{.cn = "device-1/module"},
                                  {.cn = "Device-1"},
                                  {.cn = "device-10"},
                                  {.cn = "device"},
                                  {.cn = NULL},
                                  {.cn = "device-1", .cn2 = "device-2"},
                                  {.cn = "device-2", .cn2 = "device-1"}};

    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        struct made leaf = make(wishes[i], &root);

        CHECK_ERR(check(LIST(&leaf), LIST(&root)), ERR_UNAUTHORIZED);
        CHECK(strstr(why, "common name"));
        made_free(&leaf);
    }
    struct made leaf = make((struct wish){.cn = "device-1"}, &root); /* nothing but a name is enough */
    CHECK_OK(check(LIST(&leaf), LIST(&root)));
    CHECK_ERR(check_at(LIST(&leaf), LIST(&root), "", NOW_MS), ERR_UNAUTHORIZED);
    made_free(&leaf);
    made_free(&root);
}

/* A fault of the certificate between root and leaf. */
static void refused_below(struct wish wish, enum err wanted)
{
    struct made root = make_ca("root", NULL), middle = make(wish, &root), leaf = make_leaf("device-1", &middle);

    CHECK_ERR(check(LIST(&leaf, &middle), LIST(&root)), wanted);
    made_free(&root);
    made_free(&middle);
    made_free(&leaf);
}

TEST(who_may_not_sign_has_signed_nothing)
{
    const struct wish wishes[] = {
        {.cn = "no constraints"},
        {.cn = "no constraints but usage", .usage = "critical,keyCertSign"},
        {.cn = "no authority", .constraints = "critical,CA:FALSE", .usage = "critical,keyCertSign"},
        {.cn = "another usage", .constraints = "critical,CA:TRUE", .usage = "critical,digitalSignature"},
        {.cn = "servers only", .constraints = "critical,CA:TRUE", .extended = "serverAuth"},
    };

    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
        refused_below(wishes[i], ERR_UNAUTHORIZED);
    refused_below((struct wish){.cn = "right", .constraints = "critical,CA:TRUE"}, OK);
}

TEST(a_path_is_as_long_as_each_authority_permits)
{
    struct made root = make_ca("root", NULL);
    struct made none = make((struct wish){.cn = "none", .constraints = "critical,CA:TRUE,pathlen:0"}, &root);
    struct made below = make_ca("below", &none);
    struct made leaf = make_leaf("device-1", &none), far = make_leaf("device-1", &below);

    CHECK_OK(check(LIST(&leaf, &none), LIST(&root)));
    CHECK_ERR(check(LIST(&far, &below, &none), LIST(&root)), ERR_UNAUTHORIZED);
    CHECK_ERR(check(LIST(&far, &below), LIST(&none)), ERR_UNAUTHORIZED);
    /* Trust in the lower one does not ask what those above it permit. */
    CHECK_OK(check(LIST(&far), LIST(&below)));
    made_free(&root);
    made_free(&none);
    made_free(&below);
    made_free(&leaf);
    made_free(&far);
}

TEST(each_certificate_is_valid_now)
{
    struct line l = line_make();
    struct made old = make((struct wish){.cn = "device-1", .to_s = X509_WORLD_S - 1}, &l.root);
    struct made young = make((struct wish){.cn = "device-1", .from_s = X509_WORLD_S + 1}, &l.root);
    struct made brief = make((struct wish){.cn = "device-1", .to_s = X509_WORLD_S + 60}, &l.root);
    int64_t day_ms = 86400 * 1000;

    CHECK_ERR(check(LIST(&old), LIST(&l.root)), ERR_EXPIRED);
    CHECK(strstr(why, "certificate 1 of the chain"));
    CHECK_ERR(check(LIST(&young), LIST(&l.root)), ERR_EXPIRED);
    CHECK_OK(check(LIST(&brief), LIST(&l.root)));
    CHECK(until_ms == NOW_MS + 60000);
    CHECK_ERR(check_at(LIST(&brief), LIST(&l.root), "device-1", NOW_MS + 61000), ERR_EXPIRED);
    CHECK_OK(check_at(LIST(&l.leaf, &l.lower, &l.upper), LIST(&l.root), "device-1", NOW_MS - day_ms));
    CHECK_ERR(check_at(LIST(&l.leaf, &l.lower, &l.upper), LIST(&l.root), "device-1", NOW_MS - day_ms - 1000),
              ERR_EXPIRED);
    CHECK_ERR(check_at(LIST(&l.leaf, &l.lower, &l.upper), LIST(&l.root), "device-1", NOW_MS + day_ms + 1000),
              ERR_EXPIRED);
    made_free(&old);
    made_free(&young);
    made_free(&brief);
    line_free(&l);

    refused_below((struct wish){.cn = "old", .constraints = "CA:TRUE", .to_s = X509_WORLD_S - 1}, ERR_EXPIRED);
    refused_below((struct wish){.cn = "young", .constraints = "CA:TRUE", .from_s = X509_WORLD_S + 1}, ERR_EXPIRED);
    /* The end of an authority is the end of all below it. */
    struct made root = make((struct wish){.cn = "old", .constraints = "CA:TRUE", .to_s = X509_WORLD_S - 1}, NULL);
    struct made leaf = make_leaf("device-1", &root);
    CHECK_ERR(check(LIST(&leaf), LIST(&root)), ERR_EXPIRED);
    made_free(&root);
    made_free(&leaf);
}

/* The same name and key, made anew: both are known, and which stands first does not matter. */
TEST(an_authority_that_was_renewed_is_the_one_that_counts)
{
    struct made now = make_ca("root", NULL);
    struct made old =
        make((struct wish){.cn = "root", .constraints = "critical,CA:TRUE", .to_s = X509_WORLD_S - 1}, NULL);
    struct made leaf = make_leaf("device-1", &now);

    CHECK(X509_set_pubkey(old.cert, now.key) == 1 && X509_sign(old.cert, now.key, EVP_sha256()) > 0);
    CHECK_ERR(check(LIST(&leaf), LIST(&old)), ERR_EXPIRED);
    CHECK_OK(check(LIST(&leaf), LIST(&old, &now)));
    CHECK_OK(check(LIST(&leaf), LIST(&now, &old)));
    CHECK_OK(check(LIST(&leaf, &old), LIST(&now)));
    CHECK(until_ms == NOW_MS + 86400 * 1000);
    made_free(&now);
    made_free(&old);
    made_free(&leaf);
}

TEST(a_server_is_no_device)
{
    struct made root = make_ca("root", NULL);
    const struct wish wishes[] = {{.cn = "device-1", .extended = "serverAuth"},
                                  {.cn = "device-1", .usage = "critical,keyEncipherment"}};

    for (size_t i = 0; i < 2; i++) {
        struct made leaf = make(wishes[i], &root);

        CHECK_ERR(check(LIST(&leaf), LIST(&root)), ERR_UNAUTHORIZED);
        made_free(&leaf);
    }
    made_free(&root);
}

TEST(weak_keys_and_hashes_prove_nothing)
{
    struct made root = make_ca("root", NULL);
    struct made hash = make((struct wish){.cn = "device-1", .md = EVP_sha1()}, &root);
    struct made key = make((struct wish){.cn = "device-1", .rsa_bits = 1024}, &root);
    struct made rsa = make((struct wish){.cn = "device-1", .rsa_bits = 2048}, &root);

    CHECK_ERR(check(LIST(&hash), LIST(&root)), ERR_UNAUTHORIZED);
    CHECK_ERR(check(LIST(&key), LIST(&root)), ERR_UNAUTHORIZED);
    CHECK_OK(check(LIST(&rsa), LIST(&root)));
    made_free(&root);
    made_free(&hash);
    made_free(&key);
    made_free(&rsa);
}

/* The same name and another key: whoever signed with it did not sign for us. */
TEST(a_signature_is_checked_not_a_name)
{
    struct made root = make_ca("root", NULL), twin = make_ca("root", NULL);
    struct made leaf = make_leaf("device-1", &twin), good = make_leaf("device-1", &root);
    struct buf chain = made_list(LIST(&good)), known = made_list(LIST(&root));

    CHECK_ERR(check(LIST(&leaf), LIST(&root)), ERR_UNAUTHORIZED);
    CHECK_ERR(check(LIST(&leaf, &twin), LIST(&root)), ERR_UNAUTHORIZED);
    CHECK_OK(check(LIST(&leaf), LIST(&twin)));
    chain.at[chain.len - 1] ^= 1; /* of the signature */
    CHECK(chain_check(buf_bytes(&chain), buf_bytes(&known), BYTES("device-1"), NOW_MS, &until_ms, why));
    buf_free(&chain);
    buf_free(&known);
    made_free(&root);
    made_free(&twin);
    made_free(&leaf);
    made_free(&good);
}

TEST(a_chain_cut_or_bent_anywhere_lets_nobody_in)
{
    struct line l = line_make();
    struct buf chain = made_list(LIST(&l.leaf, &l.lower)), known = made_list(LIST(&l.upper)), more;
    struct bytes whole = buf_bytes(&chain), authorities = buf_bytes(&known);

    CHECK_OK(chain_check(whole, authorities, BYTES("device-1"), NOW_MS, &until_ms, why));
    for (size_t n = 0; n < whole.len; n++)
        CHECK(chain_check(bytes_first(whole, n), authorities, BYTES("device-1"), NOW_MS, &until_ms, why));
    for (size_t n = 0; n < whole.len; n++) {
        chain.at[n] ^= 0x80;
        if (n < 4)
            CHECK_ERR(chain_check(whole, authorities, BYTES("device-1"), NOW_MS, &until_ms, why), ERR_MALFORMED);
        else
            CHECK(chain_check(whole, authorities, BYTES("device-1"), NOW_MS, &until_ms, why));
        chain.at[n] ^= 0x80;
    }
    /* Too many. */
    more = made_list(LIST(&l.leaf, &l.lower, &l.lower, &l.lower, &l.lower, &l.lower, &l.lower, &l.lower, &l.lower));
    CHECK_ERR(chain_check(buf_bytes(&more), authorities, BYTES("device-1"), NOW_MS, &until_ms, why), ERR_MALFORMED);
    buf_free(&more);
    buf_free(&chain);
    buf_free(&known);
    line_free(&l);
}

TEST(a_certificate_is_read_in_each_form)
{
    struct made root = make_ca("root", NULL), leaf = make_leaf("device-1", NULL);
    struct buf der = buf_max(8192), pem = buf_max(8192), text = buf_max(16384), out = buf_max(8192);
    struct cert_facts facts;

    made_der(&der, &root);
    made_pem(&pem, &root);
    CHECK_OK(cert_to_der(buf_bytes(&der), &out));
    CHECK_BYTES(buf_bytes(&out), buf_bytes(&der));
    buf_clear(&out);
    CHECK_OK(cert_to_der(buf_bytes(&pem), &out));
    CHECK_BYTES(buf_bytes(&out), buf_bytes(&der));
    for (int i = 0; i < 2; i++) {
        buf_clear(&text);
        buf_put_base64(&text, buf_bytes(i ? &pem : &der));
        buf_clear(&out);
        CHECK_OK(cert_to_der(buf_bytes(&text), &out));
        CHECK_BYTES(buf_bytes(&out), buf_bytes(&der));
    }
    buf_put_u8(&der, 0);
    CHECK_ERR(cert_to_der(buf_bytes(&der), &out), ERR_MALFORMED);
    CHECK_ERR(cert_to_der(NO_BYTES, &out), ERR_MALFORMED);
    CHECK_ERR(cert_to_der(BYTES("no certificate"), &out), ERR_MALFORMED);
    CHECK_OK(cert_read(buf_bytes(&out), &facts));
    CHECK(facts.is_authority && strcmp(facts.subject, "CN=root") == 0);
    buf_clear(&der);
    made_der(&der, &leaf);
    CHECK_OK(cert_read(buf_bytes(&der), &facts));
    CHECK(!facts.is_authority);
    buf_free(&der);
    buf_free(&pem);
    buf_free(&text);
    buf_free(&out);
    made_free(&root);
    made_free(&leaf);
}

TEST(a_device_can_make_its_own_certificate)
{
    struct buf cert = buf_max(8192), key = buf_max(8192), der = buf_max(8192), list = buf_max(8192);
    struct cert_facts facts;

    CHECK_OK(cert_make_device("device-1", X509_WORLD_S, X509_WORLD_S + 60, &cert, &key));
    CHECK(cert_fits_key(buf_bytes(&cert), buf_bytes(&key)));
    CHECK_OK(cert_read(buf_bytes(&cert), &facts));
    CHECK(!facts.is_authority && facts.to_s == X509_WORLD_S + 60 && strcmp(facts.subject, "CN=device-1") == 0);
    CHECK_OK(cert_to_der(buf_bytes(&cert), &der));
    buf_put_u32(&list, (uint32_t)der.len);
    buf_put(&list, buf_bytes(&der));
    CHECK_OK(chain_check(buf_bytes(&list), buf_bytes(&list), BYTES("device-1"), NOW_MS, &until_ms, why));
    buf_free(&cert);
    buf_free(&key);
    buf_free(&der);
    buf_free(&list);
}

TESTS(RUN(a_chain_leads_to_an_authority_that_is_known), RUN(what_the_device_shows_is_not_trusted_for_being_shown),
      RUN(the_common_name_is_the_device), RUN(who_may_not_sign_has_signed_nothing),
      RUN(a_path_is_as_long_as_each_authority_permits), RUN(each_certificate_is_valid_now),
      RUN(an_authority_that_was_renewed_is_the_one_that_counts), RUN(a_server_is_no_device),
      RUN(weak_keys_and_hashes_prove_nothing), RUN(a_signature_is_checked_not_a_name),
      RUN(a_chain_cut_or_bent_anywhere_lets_nobody_in), RUN(a_certificate_is_read_in_each_form),
      RUN(a_device_can_make_its_own_certificate))
