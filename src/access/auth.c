#include "auth.h"
#include "hub_ca.h"

#include "audience.h"
#include "limiter.h"
#include "sas.h"
#include "text.h"

#include <stdio.h>

/* Why it fails, for the log. */
static enum err fails(struct who *out, enum err e, const char *format, ...) PRINTF_LIKE(3, 4);
static enum err fails(struct who *out, enum err e, const char *format, ...)
{
    va_list args;

    *out = (struct who){.why = ""};
    va_start(args, format);
    vsnprintf(out->why, sizeof out->why, format, args);
    va_end(args);
    return e;
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static bool signed_raw(const struct sas *sas, const struct key_bytes *key)
{
    return key->len && sas_signed_with(sas, bytes_of(key->at, key->len));
}

/* service 1.3: the SDKs of Event Hubs sign with the text of the key. */
static bool signed_text(const struct sas *sas, const struct key_bytes *key)
{
    struct buf text = buf_max((KEY_LEN_MAX + 2) / 3 * 4);

    buf_put_base64(&text, bytes_of(key->at, key->len));
    bool is = key->len && !text.bad && sas_signed_with(sas, buf_bytes(&text));
    buf_free(&text);
    return is;
}

static bool signed_by_policy(const struct sas *sas, const struct policy *p)
{
    return signed_raw(sas, &p->primary) || signed_raw(sas, &p->secondary) || signed_text(sas, &p->primary) ||
           signed_text(sas, &p->secondary);
}

static enum err policy_of(const struct front_env *env, const struct sas *sas, struct policy *out)
{
    uint8_t name[POLICY_LEN_MAX * 3];
    size_t len;

    if (!sas->skn.len || percent_decode(sas->skn, name, sizeof name, &len))
        return ERR_NOT_FOUND;
    return hub_policy_get(env->hub, bytes_of(name, len), out);
}

/* `end_ms` of the wall clock by the steady one. */
static int64_t lasts_until(int64_t end_ms, int64_t wall_ms, int64_t now_ms)
{
    return end_ms == INT64_MAX ? INT64_MAX : end_ms - (wall_ms - now_ms);
}

/* device 1.4: the clock of whoever made the token may differ. */
static enum err check_expiry(const struct front_env *env, const struct sas *sas, int64_t now_ms, struct who *out)
{
    int64_t end_ms = sas->expires_s > INT64_MAX / 2000 ? INT64_MAX : sas->expires_s * 1000, early_ms, late_ms;

    hub_wall_range(env->hub, now_ms, &early_ms, &late_ms);
    if (end_ms < early_ms - SKEW_MS)
        return fails(out, ERR_EXPIRED, "the token expired %lld s ago", (long long)((early_ms - end_ms) / 1000));
    out->until_ms = lasts_until(end_ms, early_ms, now_ms);
    return OK;
}

enum err auth_chain(const struct front_env *env, struct bytes chain, struct bytes authorities, struct bytes name,
                    int64_t now_ms, int64_t *until_ms, char why[CHAIN_WHY_CAP])
{
    int64_t early_ms, late_ms, wall_ms;
    enum err e;

    hub_wall_range(env->hub, now_ms, &early_ms, &late_ms);
    wall_ms = hub_wall_ms(env->hub, now_ms);
    e = chain_check(chain, authorities, name, wall_ms, until_ms, why);
    if (e == ERR_EXPIRED && early_ms != late_ms) {
        wall_ms = early_ms == wall_ms ? late_ms : early_ms;
        e = chain_check(chain, authorities, name, wall_ms, until_ms, why);
    }
    if (!e)
        *until_ms = lasts_until(*until_ms, wall_ms, now_ms);
    return e;
}

/* Of another hub, or of another resource of this one. */
static enum err other_resource(const struct front_env *env, struct who *out, enum err e, const struct sas *sas)
{
    bool ours = audience_is_ours(env, sas->sr);

    return fails(out, e, ours ? "the token is for another resource: %.*s" : "the token is for another host: %.*s",
                 BYTES_ARG(bytes_first(sas->sr, 160)));
}

static void be_policy(struct who *out, const struct policy *p)
{
    memcpy(out->policy, p->name, sizeof out->policy);
    out->rights = p->rights;
    out->proof = PROOF_POLICY_SAS;
}

static bool key_is(const struct key_bytes *key, struct bytes wanted)
{
    return key->len && bytes_eq_secret(bytes_of(key->at, key->len), wanted);
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

/* ERR_NOT_FOUND: no policy signed this, so the device itself may have. */
static enum err try_policy(const struct front_env *env, const struct sas *sas, struct bytes device, struct who *out)
{
    struct policy p;

    if (policy_of(env, sas, &p) || !signed_by_policy(sas, &p))
        return ERR_NOT_FOUND;
    if (!(p.rights & RIGHT_DEVICE))
        return fails(out, ERR_DENIED, "the policy %s has no right to connect as a device", p.name);
    if (!audience_fits_device(env, sas->sr, device, true, out->scope, sizeof out->scope))
        return other_resource(env, out, ERR_DENIED, sas);
    be_policy(out, &p);
    return OK;
}

/* A module that has no certificate. */
static bool is_module_by_key(const struct device *d)
{
    return (d->auth == AUTH_NONE || d->auth == AUTH_SAS) && identity_is_module(bytes_str(d->id));
}

enum { KEYS_MAX = 4 };

/* device 1.3: the keys that sign for this identity: its own, and behind them, for a module, those of its device, which
 * manages it. Gives how many. */
static size_t keys_of(const struct front_env *env, const struct device *d, struct key_bytes out[KEYS_MAX])
{
    struct device above;
    size_t n = 0;

    if (d->auth == AUTH_SAS) {
        out[n++] = d->primary;
        out[n++] = d->secondary;
    }
    if (is_module_by_key(d) && !hub_device_get(env->hub, identity_device(bytes_str(d->id)), &above) &&
        above.auth == AUTH_SAS) {
        out[n++] = above.primary;
        out[n++] = above.secondary;
    }
    assert(n <= KEYS_MAX);
    return n;
}

static enum err try_device(const struct front_env *env, const struct sas *sas, const struct device *d, struct who *out)
{
    struct key_bytes keys[KEYS_MAX];
    size_t n = keys_of(env, d, keys), own = d->auth == AUTH_SAS ? 2 : 0, i = 0;

    if (!n)
        return fails(out, ERR_UNAUTHORIZED, "the device does not authenticate by key");
    while (i < n && !signed_raw(sas, &keys[i]))
        i++;
    if (i == n)
        return fails(out, ERR_UNAUTHORIZED, "the token is not signed with a key of the device");
    if (!audience_fits_device(env, sas->sr, bytes_str(d->id), false, out->scope, sizeof out->scope))
        return other_resource(env, out, ERR_UNAUTHORIZED, sas);
    memcpy(out->generation, d->generation, sizeof out->generation);
    out->rights = RIGHT_DEVICE;
    out->proof = i < own ? PROOF_DEVICE_SAS : PROOF_ABOVE_SAS;
    out->key = keys[i];
    return OK;
}

static enum err unknown(struct who *out, enum err e)
{
    return fails(out, e, "%s", e == ERR_NOT_FOUND ? "this device does not exist" : err_text(e));
}

/* device 1.3: a module is as its device is. */
static bool is_disabled(const struct front_env *env, const struct device *d)
{
    struct bytes name = bytes_str(d->id);
    struct device parent;

    if (!identity_is_module(name))
        return d->disabled;
    return !hub_device_get(env->hub, identity_device(name), &parent) && parent.disabled;
}

enum err auth_device(const struct front_env *env, struct bytes device, struct bytes token, int64_t now_ms,
                     struct who *out)
{
    struct who who = {0};
    struct device d;
    struct sas sas;
    enum err e;

    if (!identity_valid(device) || !bytes_to_str(device, who.device, sizeof who.device))
        return fails(out, ERR_UNAUTHORIZED, "the device id is not valid");
    if (sas_parse(token, &sas))
        return fails(out, ERR_UNAUTHORIZED, "this is not a shared access signature");
    /* The signature comes first: only who has a key is told why else it failed. A name of a policy that is none, or
     * that did not sign, is what some clients put beside their own key (device 1.2). */
    if ((e = hub_device_get(env->hub, device, &d)))
        return unknown(out, e);
    e = try_policy(env, &sas, device, &who);
    if (e == ERR_NOT_FOUND)
        e = try_device(env, &sas, &d, &who);
    if (e) {
        *out = who;
        return e;
    }
    if ((e = check_expiry(env, &sas, now_ms, &who))) {
        *out = who;
        return e;
    }
    if (is_disabled(env, &d))
        return fails(out, ERR_DISABLED, "the device is disabled");
    *out = who;
    return OK;
}

bool auth_still_signs(const struct front_env *env, const struct who *who)
{
    struct bytes key = bytes_of(who->key.at, who->key.len);
    struct key_bytes keys[KEYS_MAX];
    struct device d;
    bool does = !key.len;

    if (does || hub_device_get(env->hub, bytes_str(who->device), &d))
        return does;
    for (size_t i = 0, n = keys_of(env, &d, keys); i < n; i++)
        does |= key_is(&keys[i], key);
    return does;
}

bool auth_module_of(const struct front_env *env, const struct who *device, struct bytes module, struct who *out)
{
    struct device d;

    if (!device->key.len || !bytes_eq(bytes_str(device->device), identity_device(module)) ||
        hub_device_get(env->hub, module, &d) || !is_module_by_key(&d))
        return false;
    *out = *device;
    out->proof = PROOF_ABOVE_SAS;
    memcpy(out->device, d.id, sizeof out->device);
    memcpy(out->generation, d.generation, sizeof out->generation);
    return true;
}

/* ---- certificates ---------------------------------------------------------------------------------------------- */

/* device 1.6: the hash of the leaf, SHA-1 or SHA-256, is the primary thumbprint or the secondary one. */
static bool thumbprint_is(const struct peer *peer, const char *thumbprint)
{
    uint8_t hash[THUMBPRINT_LEN_MAX / 2];
    size_t len;

    if (!thumbprint[0] || hex_decode(bytes_str(thumbprint), hash, sizeof hash, &len))
        return false;
    return bytes_eq(bytes_of(hash, len), bytes_of(peer->sha1, sizeof peer->sha1)) ||
           bytes_eq(bytes_of(hash, len), bytes_of(peer->sha256, sizeof peer->sha256));
}

/* device 1.7, in pairs: what was shown and what is registered. */
static enum err thumbprint_refused(const struct peer *peer, const struct device *d, struct who *out)
{
    struct buf sha1 = buf_max(sizeof peer->sha1 * 2 + 1), sha256 = buf_max(sizeof peer->sha256 * 2 + 1);

    buf_put_hex(&sha1, bytes_of(peer->sha1, sizeof peer->sha1));
    buf_put_hex(&sha256, bytes_of(peer->sha256, sizeof peer->sha256));
    fails(
        out, ERR_UNAUTHORIZED,
        "Thumbprint does not match configuration: SHA1Hash %s SHA2Hash %s PrimaryThumbprint %s SecondaryThumbprint %s",
        buf_str(&sha1), buf_str(&sha256), d->thumbprint[0], d->thumbprint[1]);
    buf_free(&sha1);
    buf_free(&sha256);
    return ERR_UNAUTHORIZED;
}

static enum err by_thumbprint(const struct peer *peer, const struct device *d, struct who *out)
{
    if (thumbprint_is(peer, d->thumbprint[0]) || thumbprint_is(peer, d->thumbprint[1]))
        return OK;
    return thumbprint_refused(peer, d, out);
}

/* device 1.6: the chain leads to a verified CA certificate of the hub, as they are now; the device is the common name.
 */
static enum err by_authority(const struct front_env *env, const struct peer *peer, const struct device *d,
                             int64_t now_ms, struct who *out)
{
    struct buf authorities = buf_max(CAS_MAX * (CA_LEN_MAX + 4));
    char why[CHAIN_WHY_CAP] = "";
    enum err e = hub_ca_verified(env->hub, &authorities);

    if (!e)
        e = auth_chain(env, peer->chain, buf_bytes(&authorities), bytes_str(d->id), now_ms, &out->until_ms, why);
    buf_free(&authorities);
    return e ? fails(out, e == ERR_MALFORMED ? ERR_UNAUTHORIZED : e, "certificate: %s", why[0] ? why : err_text(e))
             : OK;
}

static enum err by_certificate(const struct front_env *env, const struct peer *peer, const struct device *d,
                               int64_t now_ms, struct who *out)
{
    out->until_ms = INT64_MAX;
    if (!peer->has_certificate)
        return fails(out, ERR_UNAUTHORIZED, "the device must authenticate by certificate, and showed none");
    if (d->auth == AUTH_NONE)
        return fails(out, ERR_UNAUTHORIZED, "the device has nothing to authenticate with");
    return d->auth == AUTH_CA ? by_authority(env, peer, d, now_ms, out) : by_thumbprint(peer, d, out);
}

enum err auth_peer(const struct front_env *env, const struct peer *peer, struct bytes device, struct bytes token,
                   int64_t now_ms, struct who *out)
{
    struct who who = {.rights = RIGHT_DEVICE, .proof = PROOF_X509};
    char path[AUTH_PATH_CAP];
    struct device d;
    enum err e = hub_device_get(env->hub, device, &d);

    if (e)
        return unknown(out, e);
    if (d.auth == AUTH_SAS || is_module_by_key(&d))
        return auth_device(env, device, token, now_ms, out);
    if ((e = by_certificate(env, peer, &d, now_ms, &who))) {
        *out = who;
        return e;
    }
    if (is_disabled(env, &d))
        return fails(out, ERR_DISABLED, "the device is disabled");
    memcpy(who.device, d.id, sizeof who.device);
    memcpy(who.generation, d.generation, sizeof who.generation);
    auth_identity_path(bytes_str(d.id), path);
    snprintf(who.scope, sizeof who.scope, "%s/%s", env->host, path);
    *out = who;
    return OK;
}

enum err auth_policy_token(const struct front_env *env, struct bytes token, int64_t now_ms, struct who *out)
{
    struct who who = {0};
    struct policy p;
    struct sas sas;
    enum err e;

    if (sas_parse(token, &sas))
        return fails(out, ERR_UNAUTHORIZED, "this is not a shared access signature");
    if (policy_of(env, &sas, &p))
        return fails(out, ERR_UNAUTHORIZED, "the token names no policy of this hub");
    if (!signed_by_policy(&sas, &p))
        return fails(out, ERR_UNAUTHORIZED, "the token is not signed with a key of the policy");
    if (!audience_of_policy(env, sas.sr, who.scope, sizeof who.scope))
        return other_resource(env, out, ERR_UNAUTHORIZED, &sas);
    if ((e = check_expiry(env, &sas, now_ms, &who))) {
        *out = who;
        return e;
    }
    be_policy(&who, &p);
    *out = who;
    return OK;
}

enum err auth_policy_key(const struct front_env *env, struct bytes policy, struct bytes key_text, struct who *out)
{
    struct who who = {.until_ms = INT64_MAX};
    uint8_t key[KEY_LEN_MAX];
    struct policy p;
    size_t len;

    if (hub_policy_get(env->hub, policy, &p))
        return fails(out, ERR_UNAUTHORIZED, "this policy does not exist");
    if (base64_decode(key_text, key, sizeof key, &len))
        return fails(out, ERR_UNAUTHORIZED, "the password is not a key in base64");
    struct bytes given = bytes_of(key, len);
    if (!key_is(&p.primary, given) && !key_is(&p.secondary, given))
        return fails(out, ERR_UNAUTHORIZED, "this is not a key of the policy");
    if (!bytes_to_str(bytes_str(env->host), who.scope, sizeof who.scope))
        return ERR_INTERNAL;
    be_policy(&who, &p);
    *out = who;
    return OK;
}

enum err auth_tried(const struct front_env *env, const struct peer *peer, struct bytes identity, enum err outcome,
                    int64_t now_ms)
{
    int64_t wait_ms;

    if (!env->limiter || (outcome != ERR_UNAUTHORIZED && outcome != ERR_NOT_FOUND))
        return outcome;
    if (!limiter_failed(env->limiter, bytes_str(peer->address), identity, now_ms, &wait_ms))
        return ERR_BUSY;
    if (peer->held_ms && wait_ms)
        *peer->held_ms = now_ms + wait_ms;
    return outcome;
}
