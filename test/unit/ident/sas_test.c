#include "sas.h"

#include "check.h"

#define WORD "SharedAccessSignature "
#define SIG1 "xWOF4TXR%2BRXNBbQ%2B8y5s17mcWr3FReBVJI2AwDTfQJA%3D"

static const uint8_t k1[] = "0123456789abcdef0123456789abcdef";

static struct bytes key_of(int n)
{
    static uint8_t k2[32];
    for (uint8_t i = 0; i < 32; i++)
        k2[i] = i;
    return n == 1 ? bytes_of(k1, 32) : bytes_of(k2, 32);
}

/* device 1.8 */
static const struct {
    int key;
    const char *sr, *token;
} vectors[] = {
    {1, "hub1.example.test%2Fdevices%2Fdev-01",
     WORD "sr=hub1.example.test%2Fdevices%2Fdev-01&sig=" SIG1 "&se=1893456000"},
    {1, "hub1.example.test/devices/dev-01",
     WORD "sr=hub1.example.test/devices/dev-01&sig=uNgkXNpa2FYZoPwBbf6akuV44u5rnoBL81fkN1ko8GU%3d&se=1893456000"},
    {2, "hub1.example.test%2Fdevices%2Fdev-01%2Fmodules%2Fmod_A",
     WORD "sr=hub1.example.test%2Fdevices%2Fdev-01%2Fmodules%2Fmod_A"
          "&sig=0h7E%2FntyyduqsY3qtyhpXTzuh%2BUQ5X1%2BbcdJ81yKHHo%3D&se=1893456000"},
    {2, "hub1.example.test%2fdevices",
     WORD "sr=hub1.example.test%2fdevices&sig=WFGq6T%2FrjfmB%2FHvMtSzG%2BS1uUkBixeVh0IZsopbXJJ4%3D&se=1893456000&skn="
          "device"},
    {2, "hub1.example.test%2Fdevices%2Fa%28b%29%2Ac%27d%21",
     WORD "sr=hub1.example.test%2Fdevices%2Fa%28b%29%2Ac%27d%21"
          "&sig=cAX3Tx8UULTA2tAzRbmzOnAhq0xorMQl3EEcR9N2Bc8%3D&se=1893456000"},
    {2, "hub1.example.test%2Fdevices%2Fa%28b%29%2ac%27d%21",
     WORD "sr=hub1.example.test%2Fdevices%2Fa%28b%29%2ac%27d%21"
          "&sig=n2cGac10xxkYG0B%2Fc2JO04FegxML7l3EsGg4oywsSbY%3D&skn=&se=1893456000"},
};

TEST(the_tokens_of_all_clients_are_good_with_their_key_only)
{
    struct sas s;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        CHECK_OK(sas_parse(bytes_str(vectors[i].token), &s));
        CHECK_BYTES(s.sr, bytes_str(vectors[i].sr));
        CHECK(s.expires_s == 1893456000);
        CHECK(sas_signed_with(&s, key_of(vectors[i].key)));
        CHECK(!sas_signed_with(&s, key_of(3 - vectors[i].key)));
        CHECK(!sas_signed_with(&s, NO_BYTES));
    }
}

TEST(names_are_in_any_case_and_order)
{
    struct sas s;
    CHECK_OK(sas_parse(
        BYTES("sharedaccesssignature   SE=1893456000&x=1&SIG=" SIG1 "&SR=hub1.example.test%2Fdevices%2Fdev-01&SKN=p"),
        &s));
    CHECK(sas_signed_with(&s, key_of(1)));
    CHECK_BYTES(s.skn, BYTES("p"));
}

TEST(a_signature_with_raw_plus_and_slash_is_one)
{
    struct sas s;
    CHECK_OK(
        sas_parse(BYTES(WORD "sr=hub1.example.test%2Fdevices%2Fdev-01&sig=xWOF4TXR+RXNBbQ+8y5s17mcWr3FReBVJI2AwDTfQJA="
                             "&se=1893456000"),
                  &s));
    CHECK(sas_signed_with(&s, key_of(1)));
}

TEST(what_is_no_token_is_refused)
{
    static const char *const wrong[] = {
        "",
        "SharedAccessSignature",
        "SharedAccessSignature ",
        "SharedAccessSignaturesr=a&sig=" SIG1 "&se=1",
        "Bearer sr=a&sig=" SIG1 "&se=1",
        WORD "sr=a&sig=" SIG1,
        WORD "sr=a&se=1",
        WORD "sig=" SIG1 "&se=1",
        WORD "sr=&sig=" SIG1 "&se=1",
        WORD "sr=a&sr=a&sig=" SIG1 "&se=1",
        WORD "sr=a&sig=" SIG1 "&se=1&se=2",
        WORD "sr=a&sig=" SIG1 "&se=",
        WORD "sr=a&sig=" SIG1 "&se=-1",
        WORD "sr=a&sig=" SIG1 "&se=1x",
        WORD "sr=a&sig=AAAA&se=1",
        WORD "sr=a&sig=%zz&se=1",
        WORD "sr=a&sig=" SIG1 "AAAA&se=1",
        WORD "sr=a&sig=" SIG1 "&se=1&junk",
    };
    struct sas s;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_ERR(sas_parse(bytes_str(wrong[i]), &s), ERR_MALFORMED);
}

TEST(a_very_far_expiry_is_never)
{
    struct sas s;
    CHECK_OK(sas_parse(BYTES(WORD "sr=a&sig=" SIG1 "&se=99999999999999999999999"), &s));
    CHECK(s.expires_s == INT64_MAX);
}

TEST(a_token_that_is_made_is_good)
{
    struct buf b = buf_max(SAS_LEN_MAX);
    struct sas s;
    CHECK_OK(sas_make(BYTES("hub1.example.test/devices/dev-01"), NO_BYTES, 1893456000, key_of(1), &b));
    CHECK_BYTES(buf_bytes(&b), bytes_str(vectors[0].token));
    buf_clear(&b);
    CHECK_OK(sas_make(BYTES("h"), BYTES("a policy"), 5, key_of(2), &b));
    CHECK_OK(sas_parse(buf_bytes(&b), &s));
    CHECK(sas_signed_with(&s, key_of(2)));
    CHECK_BYTES(s.skn, BYTES("a%20policy"));
    CHECK_ERR(sas_make(NO_BYTES, NO_BYTES, 5, key_of(2), &b), ERR_ARGUMENT);
    buf_free(&b);
}

TEST(the_digest_is_that_of_rfc_4231)
{
    uint8_t out[32];
    hmac_sha256(BYTES("Jefe"), BYTES("what do ya want for nothing?"), out);
    CHECK_BYTES(bytes_of(out, 4), BYTES("\x5b\xdc\xc1\x46"));
}

TESTS(RUN(the_tokens_of_all_clients_are_good_with_their_key_only), RUN(names_are_in_any_case_and_order),
      RUN(a_signature_with_raw_plus_and_slash_is_one), RUN(what_is_no_token_is_refused),
      RUN(a_very_far_expiry_is_never), RUN(a_token_that_is_made_is_good), RUN(the_digest_is_that_of_rfc_4231))
