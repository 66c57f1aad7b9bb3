/* Devices that are known by their TPM: challenges, and the key that they get for the hub (provisioning 2.3, 4, 5.2). */
#include "challenges.h"
#include "dps.h"
#include "text.h"

#include <stdio.h>

enum { KEY_LEN = 32, URI_CHARS = (ATTEST_BLOB_MAX - 766) / 2 };

bool dps_binary(struct bytes text, uint8_t *out, size_t cap, size_t *len)
{
    uint8_t room[1024];
    struct buf plain = buf_over(room, sizeof room);

    /* provisioning 2.3: some front ends break the lines. */
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != ' ' && text.at[i] != '\t' && text.at[i] != '\r' && text.at[i] != '\n')
            buf_put_u8(&plain, text.at[i]);
    return !plain.bad && plain.len && !base64_decode(buf_bytes(&plain), out, cap, len);
}

static bool is_key(struct bytes text, struct bytes wanted)
{
    uint8_t room[512];
    size_t len;

    return dps_binary(text, room, sizeof room, &len) && bytes_eq(bytes_of(room, len), wanted);
}

/* provisioning 5.1: before anything is said to the device that overwrites the key it has. */
enum err dps_tpm_fits(const json_t *entry, struct bytes ek, struct bytes srk)
{
    const json_t *attestation = json_object_get(entry, "attestation");
    struct bytes pinned = dps_text(attestation, "tpm", "storageRootKey", NULL);

    if (!bytes_eq(dps_text(attestation, "type", NULL, NULL), BYTES("tpm")) ||
        !is_key(dps_text(attestation, "tpm", "endorsementKey", NULL), ek))
        return ERR_UNAUTHORIZED;
    if (dps_is_disabled(entry))
        return ERR_DISABLED;
    if (pinned.len && !is_key(pinned, srk))
        return ERR_UNAUTHORIZED;
    return attest_is_endorsement(ek) && attest_is_storage(srk) ? OK : ERR_ARGUMENT;
}

static enum err wrap(const struct front_env *env, const struct tpm_proof *to, const struct key_bytes *key,
                     struct bytes uri, struct buf *out)
{
    struct attest_chance chance;
    enum err e;

    env->random(env->random_ctx, (uint8_t *)&chance, sizeof chance);
    e = attest_wrap(bytes_of(to->ek, sizeof to->ek), bytes_of(to->srk, sizeof to->srk), bytes_of(key->at, key->len),
                    uri, &chance, out);
    explicit_bzero(&chance, sizeof chance);
    return e;
}

void dps_random_key(const struct front_env *env, struct key_bytes *out)
{
    out->len = KEY_LEN;
    env->random(env->random_ctx, out->at, KEY_LEN);
}

static enum err challenge(const struct front_env *env, struct bytes registration, struct bytes ek, struct bytes srk,
                          struct tpm_proof *proof, struct buf *blob)
{
    struct doc doc;
    json_t *entry;
    enum err e = dps_document_get(env, DOC_ENROLLMENT, registration, &doc, &entry);

    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    e = dps_tpm_fits(entry, ek, srk);
    json_decref(entry);
    if (e)
        return e;
    memcpy(proof->ek, ek.at, sizeof proof->ek);
    memcpy(proof->srk, srk.at, sizeof proof->srk);
    dps_random_key(env, &proof->key);
    return wrap(env, proof, &proof->key, NO_BYTES, blob);
}

enum err dps_challenge(const struct front_env *env, const struct peer *peer, struct bytes scope,
                       struct bytes registration, struct bytes ek, struct bytes srk, int64_t now_ms,
                       struct tpm_proof *proof, struct buf *blob)
{
    enum err e;

    if (!bytes_eq_nocase(scope, bytes_str(hub_birth(env->hub)->scope)))
        return ERR_NOT_FOUND;
    if (!dps_registration_id_valid(registration))
        return ERR_UNAUTHORIZED;
    e = challenge(env, registration, ek, srk, proof, blob);
    return auth_tried(env, peer, registration, e, now_ms);
}

enum err dps_challenge_by_body(const struct front_env *env, const struct peer *peer, struct bytes scope,
                               struct bytes registration, const json_t *body, int64_t now_ms, struct buf *out)
{
    struct bytes ek_text = dps_text(body, "tpm", "endorsementKey", NULL);
    struct bytes srk_text = dps_text(body, "tpm", "storageRootKey", NULL);
    struct buf blob = buf_max(ATTEST_BLOB_MAX);
    uint8_t ek[512], srk[512];
    size_t ek_len, srk_len;
    struct tpm_proof proof;
    enum err e = ERR_UNAUTHORIZED;

    if (env->challenges && dps_binary(ek_text, ek, sizeof ek, &ek_len) &&
        dps_binary(srk_text, srk, sizeof srk, &srk_len))
        e = dps_challenge(env, peer, scope, registration, bytes_of(ek, ek_len), bytes_of(srk, srk_len), now_ms, &proof,
                          &blob);
    if (!e)
        e = challenges_put(env->challenges, registration, &proof, now_ms);
    if (!e) {
        buf_puts(out, "{\"message\":\"Authorization required\",\"authenticationKey\":\"");
        buf_put_base64(out, buf_bytes(&blob));
        buf_puts(out, "\",\"keyName\":\"registration\"}");
        e = buf_check(out);
    }
    explicit_bzero(&proof, sizeof proof);
    buf_free(&blob);
    return e;
}

/* provisioning 4.4: for clients that keep it beside the key; UTF-16, which what is plain in UTF-8 is with a NUL behind
 * each. */
static void put_uri(struct buf *out, const char *hub, const char *device)
{
    char text[URI_CHARS + 1];
    int n = snprintf(text, sizeof text, "%s/%s", hub, device);

    if (n > URI_CHARS)
        return;
    for (int i = 0; i < n; i++) {
        if ((uint8_t)text[i] >= 0x80) {
            buf_clear(out);
            return;
        }
        buf_put_u8(out, (uint8_t)text[i]);
        buf_put_u8(out, 0);
    }
}

enum err dps_put_activation(const struct front_env *env, const struct tpm_proof *to, const struct key_bytes *key,
                            const char *hub, const char *device, struct buf *out)
{
    struct buf uri = buf_max(2 * URI_CHARS), blob = buf_max(ATTEST_BLOB_MAX);
    enum err e;

    put_uri(&uri, hub, device);
    if (!(e = wrap(env, to, key, buf_bytes(&uri), &blob)))
        buf_put_base64(out, buf_bytes(&blob));
    buf_free(&uri);
    buf_free(&blob);
    return e ? e : buf_check(out);
}
