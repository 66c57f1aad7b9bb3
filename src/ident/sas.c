#include "sas.h"

#include "text.h"

static bool all_digits(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] < '0' || b.at[i] > '9')
            return false;
    return b.len > 0;
}

/* The signature is base64 behind percent escapes; a raw '+' stays one (service 1.3). */
static bool parse_signature(struct bytes text, uint8_t out[32])
{
    uint8_t base64[64], raw[48]; /* 44 characters of base64 are 32 bytes */
    size_t n;

    if (percent_decode(text, base64, sizeof base64, &n) || base64_decode(bytes_of(base64, n), raw, sizeof raw, &n) ||
        n != 32)
        return false;
    memcpy(out, raw, 32);
    return true;
}

/* Puts a field where it belongs; false when one comes twice. */
static bool take_field(struct bytes name, struct bytes value, struct sas *out, struct bytes *signature)
{
    struct bytes *field = bytes_eq_nocase(name, BYTES("sr"))    ? &out->sr
                          : bytes_eq_nocase(name, BYTES("skn")) ? &out->skn
                          : bytes_eq_nocase(name, BYTES("se"))  ? &out->se
                          : bytes_eq_nocase(name, BYTES("sig")) ? signature
                                                                : NULL;
    if (!field)
        return true;
    if (field->at)
        return false;
    *field = value;
    return true;
}

enum err sas_parse(struct bytes token, struct sas *out)
{
    static const struct bytes word = {(const uint8_t *)"SharedAccessSignature", 21};
    struct sas s = {0};
    struct bytes signature = NO_BYTES;

    token = bytes_trim(token);
    if (token.len > SAS_LEN_MAX || !bytes_starts_nocase(token, word))
        return ERR_MALFORMED;
    struct bytes rest = bytes_trim(bytes_skip(token, word.len));
    if (rest.len == 0 || rest.len + word.len == token.len) /* white space is asked for */
        return ERR_MALFORMED;
    while (rest.at) {
        struct bytes field = bytes_cut(&rest, '&');
        size_t equals = bytes_find(field, '=');
        if (equals == field.len && field.len)
            return ERR_MALFORMED;
        if (field.len && !take_field(bytes_first(field, equals), bytes_skip(field, equals + 1), &s, &signature))
            return ERR_MALFORMED;
    }
    if (!s.sr.len || !all_digits(s.se) || !parse_signature(signature, s.signature))
        return ERR_MALFORMED;
    if (!bytes_to_i64(s.se, &s.expires_s))
        s.expires_s = INT64_MAX;
    *out = s;
    return OK;
}

/* The signed text lies in the token already, only not in one piece. */
static void sign(struct bytes sr, struct bytes se, struct bytes key, uint8_t out[32])
{
    uint8_t text[SAS_LEN_MAX + 1];
    size_t n = 0;

    memcpy(text, sr.at, sr.len);
    n = sr.len;
    text[n++] = '\n';
    memcpy(text + n, se.at, se.len);
    hmac_sha256(key, bytes_of(text, n + se.len), out);
}

bool sas_signed_with(const struct sas *s, struct bytes key)
{
    uint8_t wanted[32];

    sign(s->sr, s->se, key, wanted);
    return bytes_eq_secret(bytes_of(wanted, sizeof wanted), bytes_of(s->signature, sizeof s->signature));
}

enum err sas_make(struct bytes resource, struct bytes policy, int64_t expires_s, struct bytes key, struct buf *out)
{
    struct buf sr = buf_max(SAS_LEN_MAX / 2), se = buf_max(24), signature = buf_max(64);
    uint8_t raw[32];
    enum err e;

    buf_put_percent(&sr, resource);
    buf_printf(&se, "%lld", (long long)expires_s);
    if ((e = buf_check(&sr)) || (e = buf_check(&se)))
        goto done;
    if (!sr.len || expires_s < 0) {
        e = ERR_ARGUMENT;
        goto done;
    }
    sign(buf_bytes(&sr), buf_bytes(&se), key, raw);
    buf_put_base64(&signature, bytes_of(raw, sizeof raw));
    buf_puts(out, "SharedAccessSignature sr=");
    buf_put(out, buf_bytes(&sr));
    buf_puts(out, "&sig=");
    buf_put_percent(out, buf_bytes(&signature));
    buf_puts(out, "&se=");
    buf_put(out, buf_bytes(&se));
    if (policy.len) {
        buf_puts(out, "&skn=");
        buf_put_percent(out, policy);
    }
    e = buf_check(out);
done:
    buf_free(&sr);
    buf_free(&se);
    buf_free(&signature);
    return e;
}
