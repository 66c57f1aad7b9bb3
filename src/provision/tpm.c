/* Devices that are known by their TPM: challenges, and the key that they get for the hub (provisioning 2.3, 4, 5.2). */
#include "challenges.h"
#include "dps.h"
#include "text.h"

#include <stdio.h>

enum { KEY_LEN = 32, URI_CHARS = (ATTEST_BLOB_MAX - 766) / 2 };

bool base64_decode_loosely(struct bytes text, uint8_t *out, size_t cap, size_t *len)
{
    uint8_t room[1024];
    struct buf plain = buf_over(room, sizeof room);

    /* provisioning 2.3: some front ends break the lines. */
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != ' ' && text.at[i] != '\t' && text.at[i] != '\r' && text.at[i] != '\n')
            buf_put_u8(&plain, text.at[i]);
    return !plain.bad && plain.len && !base64_decode(buf_bytes(&plain), out, cap, len);
}

static bool is_key(const struct enrolled_key *key, struct bytes wanted)
{
    return key->len && bytes_eq(bytes_of(key->at, key->len), wanted);
}

/* provisioning 5.1: before anything is said to the device that overwrites the key it has. */
enum err enrollment_fits_tpm(const struct enrollment *entry, struct bytes ek, struct bytes srk)
{
    if (entry->how != ATTESTED_BY_TPM || !is_key(&entry->endorsement, ek))
        return ERR_UNAUTHORIZED;
    if (entry->disabled)
        return ERR_DISABLED;
    if (entry->storage.given && !is_key(&entry->storage, srk))
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

void key_random(const struct front_env *env, struct key_bytes *out)
{
    out->len = KEY_LEN;
    env->random(env->random_ctx, out->at, KEY_LEN);
}

static enum err challenge(const struct registration_request *r, struct bytes ek, struct bytes srk,
                          struct tpm_proof *proof, struct buf *blob)
{
    struct doc doc;
    struct enrollment entry;
    enum err e = enrollment_get(r->env, DOC_ENROLLMENT, r->registration, &doc, &entry);

    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    e = enrollment_fits_tpm(&entry, ek, srk);
    enrollment_free(&entry);
    if (e)
        return e;
    memcpy(proof->ek, ek.at, sizeof proof->ek);
    memcpy(proof->srk, srk.at, sizeof proof->srk);
    key_random(r->env, &proof->key);
    return wrap(r->env, proof, &proof->key, NO_BYTES, blob);
}

enum err registration_challenge(const struct registration_request *r, struct bytes ek, struct bytes srk,
                                struct tpm_proof *proof, struct buf *blob)
{
    enum err e;

    if (!bytes_eq_nocase(r->scope, bytes_str(hub_birth(r->env->hub)->scope)))
        return ERR_NOT_FOUND;
    if (!registration_id_valid(r->registration))
        return ERR_UNAUTHORIZED;
    e = challenge(r, ek, srk, proof, blob);
    return auth_tried(r->env, r->peer, r->registration, e, r->now_ms);
}

enum err registration_challenge_by_body(const struct registration_request *r, const struct registration_body *body,
                                        struct buf *out)
{
    const struct enrolled_key *ek = &body->endorsement, *srk = &body->storage;
    struct buf blob = buf_max(ATTEST_BLOB_MAX);
    struct tpm_proof proof;
    enum err e = ERR_UNAUTHORIZED;

    if (r->env->challenges && ek->len && srk->len)
        e = registration_challenge(r, bytes_of(ek->at, ek->len), bytes_of(srk->at, srk->len), &proof, &blob);
    if (!e)
        e = challenges_put(r->env->challenges, r->registration, &proof, r->now_ms);
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

enum err registration_put_activation(const struct front_env *env, const struct tpm_proof *to,
                                     const struct key_bytes *key, const char *hub, const char *device, struct buf *out)
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
