/* Registrations over HTTP with a TPM, whose work is done in software (provisioning 1.5.3).
 *
 *     svc      ENROLLS r1 chip
 *     r1:http  SHOWS [other]    the keys of its chip, or of another one: it hears a challenge that its chip opens
 *     r1:http  PROVES           registers with a token that the opened challenge has signed; ASKS goes on */
#include "soft_tpm.h"
#include "story.h"

static struct soft_tpm mine, other;
static struct buf secret;

static void make_chips(void)
{
    if (mine.endorsement)
        return;
    soft_tpm_make(&mine);
    soft_tpm_make(&other);
    secret = buf_max(64);
}

void story_chip_free(void)
{
    if (!mine.endorsement)
        return;
    soft_tpm_free(&mine);
    soft_tpm_free(&other);
    buf_free(&secret);
}

void story_chip_enroll(struct story *s, const char *id)
{
    struct buf text = buf_max(4096);
    struct doc d;
    uint64_t at;

    make_chips();
    buf_printf(&text,
               "{\"registrationId\":\"%s\",\"provisioningStatus\":\"enabled\",\"attestation\":{\"type\":\"tpm\","
               "\"tpm\":{\"endorsementKey\":\"",
               id);
    buf_put_base64(&text, bytes_of(mine.ek, sizeof mine.ek));
    buf_puts(&text, "\"}}}");
    MUST(hub_doc_put(s->world.hub, DOC_ENROLLMENT, bytes_str(id), buf_bytes(&text), (struct match){.how = MATCH_NONE},
                     s->now_ms, &d, &at));
    buf_free(&text);
}

void story_chip_show(const char *id, bool another, struct buf *out)
{
    make_chips();
    buf_printf(out, "{\"registrationId\":\"%s\",\"tpm\":{\"endorsementKey\":\"", id);
    buf_put_base64(out, another ? bytes_of(other.ek, sizeof other.ek) : bytes_of(mine.ek, sizeof mine.ek));
    buf_puts(out, "\",\"storageRootKey\":\"");
    buf_put_base64(out, another ? bytes_of(other.srk, sizeof other.srk) : bytes_of(mine.srk, sizeof mine.srk));
    buf_puts(out, "\"}}");
}

bool story_chip_opens(struct bytes json)
{
    static const char name[] = "\"authenticationKey\":\"";
    struct bytes text = bytes_skip(json, bytes_find_bytes(json, bytes_str(name)));
    struct buf uri = buf_max(256);
    uint8_t blob[ATTEST_BLOB_MAX];
    size_t len;
    bool open;

    text = bytes_skip(text, strlen(name));
    text = bytes_first(text, bytes_find(text, '"'));
    MUST(base64_decode(text, blob, sizeof blob, &len));
    buf_clear(&secret);
    open = soft_tpm_open(&mine, bytes_of(blob, len), &secret, &uri);
    buf_free(&uri);
    return open;
}

bool story_chip_token(const struct story *s, const char *id, struct buf *out)
{
    char resource[300];

    if (!secret.len)
        return false;
    snprintf(resource, sizeof resource, "%s/registrations/%s", hub_birth(s->world.hub)->scope, id);
    MUST(sas_make(bytes_str(resource), BYTES("registration"), s->now_ms / 1000 + 3600, buf_bytes(&secret), out));
    return true;
}
