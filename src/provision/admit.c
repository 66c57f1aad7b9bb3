/* Admission, who may register: tokens, keys and certificates against enrollments and groups (provisioning 2). */
#include "dps.h"
#include "hub_ca.h"

#include "cert.h"
#include "chain.h"
#include "challenges.h"
#include "groups.h"
#include "sas.h"
#include "text.h"

#include <stdio.h>
#include <strings.h>

/* ---- who asks -------------------------------------------------------------------------------------------------- */

struct admission {
    const struct front_env *env;
    const struct peer *peer;
    struct bytes registration;
    bool has_token;
    struct sas sas;
    const struct tpm_proof *proof;
    int64_t now_ms;
    struct registrant *out;
};

static enum err because(struct admission *a, enum err e, const char *why)
{
    a->out->why = why;
    return e;
}

/* provisioning 1.3: the resource is the scope and the registration, in any case; the clock may differ by five minutes.
 */
static enum err check_token(struct admission *a, struct bytes scope, struct bytes token)
{
    uint8_t text[SAS_LEN_MAX];
    char wanted[64 + ID_LEN_MAX];
    int64_t early_ms, late_ms;
    size_t len;

    if (sas_parse(token, &a->sas) || percent_decode(a->sas.sr, text, sizeof text, &len))
        return because(a, ERR_UNAUTHORIZED, "this is not a shared access signature");
    snprintf(wanted, sizeof wanted, "%.*s/registrations/%.*s", BYTES_ARG(bytes_first(scope, 32)),
             BYTES_ARG(a->registration));
    if (!bytes_eq_nocase(bytes_of(text, len), bytes_str(wanted)))
        return because(a, ERR_UNAUTHORIZED, "the token is for another scope or registration");
    a->has_token = true;
    hub_wall_range(a->env->hub, a->now_ms, &early_ms, &late_ms);
    return a->sas.expires_s < (early_ms - SKEW_MS) / 1000 ? because(a, ERR_EXPIRED, "the token has expired") : OK;
}

static bool signed_with(const struct admission *a, const struct key_bytes *key)
{
    return a->has_token && key->len && sas_signed_with(&a->sas, bytes_of(key->at, key->len));
}

/* ---- certificates (provisioning 2.2) --------------------------------------------------------------------------- */

/* Finds one of the two certificates that the device's chain has to lead to: one of the entry's own, or a verified one
 * of the hub that it names. Empty when there is none. */
static void authority_of(const struct admission *a, const struct enrollment *entry, int i, struct buf *der)
{
    const struct enrolled_certificate *c = &entry->certificates[i];
    struct ca ca;

    if (entry->which == CERTIFICATES_OF_SIGNERS)
        buf_put(der, bytes_of(c->der, c->len));
    else if (entry->which == CERTIFICATES_OF_HUB && c->ca[0] && !hub_ca_get(a->env->hub, bytes_str(c->ca), &ca) &&
             ca.verified)
        buf_put(der, bytes_of(ca.der, ca.der_len));
}

/* Which certificate of the chain, from the leaf's issuer on, is this one; the last, when it was not shown itself. */
static size_t distance_to(const struct admission *a, struct bytes der)
{
    struct rd chain = rd_over(a->peer->chain);
    size_t n = 0;

    while (rd_left(&chain) && !bytes_eq(rd_str32(&chain), der))
        n++;
    return n;
}

/* The common name of what it showed, which is the registration id in any case of letters. */
static bool own_name(const struct admission *a, char out[ID_LEN_MAX + 1])
{
    struct rd chain = rd_over(a->peer->chain);
    struct bytes leaf = rd_str32(&chain);

    return a->peer->has_certificate && !chain.bad && cert_common_name(leaf, out, ID_LEN_MAX + 1) &&
           bytes_eq_nocase(bytes_str(out), a->registration);
}

/* How near the authorities of an entry stand to the leaf; SIZE_MAX: it does not lead there. */
static size_t distance_to_authorities(const struct admission *a, const struct enrollment *entry)
{
    char name[ID_LEN_MAX + 1], why[CHAIN_WHY_CAP];
    size_t best = SIZE_MAX;
    int64_t until_ms;

    if (!own_name(a, name))
        return SIZE_MAX;
    for (int i = 0; i < 2; i++) {
        struct buf der = buf_max(CA_LEN_MAX), authority = buf_max(CA_LEN_MAX + 4);

        authority_of(a, entry, i, &der);
        buf_put_u32(&authority, (uint32_t)der.len);
        buf_put(&authority, buf_bytes(&der));
        if (der.len &&
            !auth_chain(a->env, a->peer->chain, buf_bytes(&authority), bytes_str(name), a->now_ms, &until_ms, why)) {
            size_t n = distance_to(a, buf_bytes(&der));

            best = n < best ? n : best;
        }
        buf_free(&der);
        buf_free(&authority);
    }
    return best;
}

/* ---- an enrollment of its own (provisioning 2.1, 2.2) ---------------------------------------------------------- */

static enum err admit_by_key(struct admission *a, const struct enrollment *entry)
{
    const struct key_bytes *keys = entry->keys;

    if (!a->has_token)
        return because(a, ERR_UNAUTHORIZED, "there is no token");
    if (!signed_with(a, &keys[0]) && !signed_with(a, &keys[1]))
        return because(a, ERR_UNAUTHORIZED, "the token is not signed with a key of the enrollment");
    a->out->how = ATTESTED_BY_KEY;
    a->out->primary = keys[0];
    a->out->secondary = keys[1];
    return OK;
}

/* provisioning 2.2: it is valid now, and made out to the registration. */
static enum err check_leaf(struct admission *a, struct bytes leaf)
{
    struct cert_facts facts;
    int64_t early_ms, late_ms;
    char name[ID_LEN_MAX + 1];

    if (cert_read(leaf, &facts) || !own_name(a, name))
        return because(a, ERR_UNAUTHORIZED, "the common name of the certificate is not the registration id");
    hub_wall_range(a->env->hub, a->now_ms, &early_ms, &late_ms);
    return late_ms / 1000 < facts.from_s || early_ms / 1000 > facts.to_s
               ? because(a, ERR_EXPIRED, "the certificate is not valid now")
               : OK;
}

/* The chain leads to a CA certificate of the hub that the enrollment names. */
static enum err admit_by_named_authority(struct admission *a, const struct enrollment *entry)
{
    thumbprint_of(a->out->thumbprint[0], a->peer->sha256, sizeof a->peer->sha256);
    return distance_to_authorities(a, entry) == SIZE_MAX
               ? because(a, ERR_UNAUTHORIZED,
                         "the certificate is not signed by a CA of the enrollment, "
                         "or its common name is not the registration id")
               : OK;
}

/* The leaf is one of the enrollment's two, byte for byte. */
static enum err admit_by_leaf(struct admission *a, const struct enrollment *entry)
{
    struct rd chain = rd_over(a->peer->chain);
    struct bytes leaf = rd_str32(&chain);
    bool is_enrolled = false;

    if (!a->peer->has_certificate || chain.bad)
        return because(a, ERR_UNAUTHORIZED, "the device must authenticate by certificate, and showed none");
    for (int i = 0; i < 2 && entry->which == CERTIFICATES_OF_DEVICE; i++) {
        const struct enrolled_certificate *c = &entry->certificates[i];

        is_enrolled |= c->len && bytes_eq(bytes_of(c->der, c->len), leaf);
        memcpy(a->out->thumbprint[i], c->sha256, sizeof a->out->thumbprint[i]);
    }
    return is_enrolled ? check_leaf(a, leaf)
                       : because(a, ERR_UNAUTHORIZED, "this is not a certificate of the enrollment");
}

static enum err admit_by_certificate(struct admission *a, const struct enrollment *entry)
{
    a->out->how = ATTESTED_BY_CERTIFICATE;
    return entry->which == CERTIFICATES_OF_HUB ? admit_by_named_authority(a, entry) : admit_by_leaf(a, entry);
}

static bool is_signed_with(const void *admission, const struct key_bytes *key)
{
    return signed_with(admission, key);
}

/* provisioning 2.3: the token is signed with what only that chip could read. The hub makes the device's keys. */
static enum err admit_by_tpm(struct admission *a, const struct enrollment *entry)
{
    struct tpm_proof *proof = &a->out->proof;

    if (a->proof && signed_with(a, &a->proof->key))
        *proof = *a->proof;
    else if (a->proof || !a->has_token || !a->env->challenges ||
             !(a->out->challenge =
                   challenges_find(a->env->challenges, a->registration, is_signed_with, a, a->now_ms, proof)))
        return because(a, ERR_UNAUTHORIZED, "the device did not prove that it has the TPM of the enrollment");
    a->out->how = ATTESTED_BY_TPM;
    key_random(a->env, &a->out->primary);
    key_random(a->env, &a->out->secondary);
    return enrollment_fits_tpm(entry, bytes_of(proof->ek, sizeof proof->ek), bytes_of(proof->srk, sizeof proof->srk));
}

static enum err admit_by_enrollment(struct admission *a, const struct enrollment *entry)
{
    enum err e = ERR_UNAUTHORIZED;

    switch (entry->how) {
    case ATTESTED_BY_KEY:
        e = admit_by_key(a, entry);
        break;
    case ATTESTED_BY_CERTIFICATE:
        e = admit_by_certificate(a, entry);
        break;
    case ATTESTED_BY_TPM:
        e = admit_by_tpm(a, entry);
        break;
    case NOT_ATTESTED:
        break;
    }
    return !e && entry->disabled ? because(a, ERR_DISABLED, "the enrollment is disabled") : e;
}

/* ---- groups ---------------------------------------------------------------------------------------------------- */

/* provisioning 2.1: derived from the id as it was presented or, failing that, in lower case. */
static bool token_fits_group(struct admission *a, const struct enrollment_group *group)
{
    struct key_bytes *const derived[2] = {&a->out->primary, &a->out->secondary};
    uint8_t lower[ID_LEN_MAX];
    struct bytes id = a->registration;

    if (!a->has_token || (!group->keys[0].len && !group->keys[1].len))
        return false;
    for (size_t i = 0; i < id.len; i++)
        lower[i] = id.at[i] >= 'A' && id.at[i] <= 'Z' ? (uint8_t)(id.at[i] - 'A' + 'a') : id.at[i];
    for (int how = 0; how < 2; how++, id = bytes_of(lower, a->registration.len)) {
        if (how && bytes_eq(id, a->registration))
            break;
        for (int i = 0; i < 2; i++) {
            const struct key_bytes *key = &group->keys[i];

            derived[i]->len = key->len ? 32 : 0;
            if (key->len)
                hmac_sha256(bytes_of(key->at, key->len), id, derived[i]->at);
        }
        if (signed_with(a, derived[0]) || signed_with(a, derived[1]))
            return true;
    }
    return false;
}

/* The places that the certificates which were shown may lead to. */
struct leads {
    bool unknown; /* anything */
    uint32_t names[2 * TLS_CHAIN_MAX];
    size_t n;
    char cas[CAS_MAX][CA_NAME_MAX + 1]; /* those of the hub */
    size_t n_cas;
};

static bool leads_to(const struct leads *l, uint32_t name)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->names[i] == name)
            return true;
    return l->unknown;
}

/* To the issuers of what was shown, and to what was shown itself. */
static void look_where_it_leads(const struct admission *a, struct leads *l)
{
    struct rd chain = rd_over(a->peer->chain);
    struct ca ca = {.name = ""};
    uint32_t subject, issuer;

    for (l->n = 0; rd_left(&chain) && l->n + 2 <= sizeof l->names / sizeof *l->names; l->n += 2)
        l->unknown |= !cert_name_numbers(rd_str32(&chain), &l->names[l->n], &l->names[l->n + 1]);
    while (l->n_cas < CAS_MAX && !hub_ca_next(a->env->hub, bytes_str(ca.name), &ca))
        if (ca.verified &&
            (!cert_name_numbers(bytes_of(ca.der, ca.der_len), &subject, &issuer) || leads_to(l, subject)))
            memcpy(l->cas[l->n_cas++], ca.name, sizeof ca.name);
}

static bool may_lead_to(const struct leads *l, const struct enrollment_group *group)
{
    for (int i = 0; i < 2; i++) {
        if (group->has_authority[i] && leads_to(l, group->authority[i]))
            return true;
        for (size_t k = 0; group->ca[i][0] && k < l->n_cas; k++)
            if (strcasecmp(group->ca[i], l->cas[k]) == 0)
                return true;
    }
    return false;
}

/* As distance_to_authorities(). */
static enum err group_distance(const struct admission *a, const struct enrollment_group *group, size_t *out)
{
    struct enrollment whole;
    enum err e = enrollment_group_read(a->env, group, &whole);

    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    if (whole.how == ATTESTED_BY_CERTIFICATE)
        *out = distance_to_authorities(a, &whole);
    enrollment_free(&whole);
    return OK;
}

/* provisioning 2.2: the nearest decides, also when it is disabled. A key that fits decides at once. */
static enum err choose_group(struct admission *a, const struct enrollment_group_list *groups,
                             const struct enrollment_group **out)
{
    struct leads leads = {.n = 0};
    char name[ID_LEN_MAX + 1];
    bool shows = own_name(a, name);
    size_t best = SIZE_MAX;
    enum err e = OK;

    if (shows)
        look_where_it_leads(a, &leads);
    for (size_t i = 0; !e && i < groups->n; i++) {
        const struct enrollment_group *group = &groups->at[i];
        size_t distance = SIZE_MAX;

        if (token_fits_group(a, group)) { /* the keys that fit stand in `out` */
            a->out->how = ATTESTED_BY_KEY;
            *out = group;
            return OK;
        }
        if (shows && may_lead_to(&leads, group))
            e = group_distance(a, group, &distance);
        if (distance < best) {
            best = distance;
            a->out->how = ATTESTED_BY_CERTIFICATE;
            thumbprint_of(a->out->thumbprint[0], a->peer->sha256, sizeof a->peer->sha256);
            *out = group;
        }
    }
    return e;
}

/* NULL: none fits. */
static enum err admit_into(struct admission *a, const struct enrollment_group *group)
{
    if (!group)
        return because(a, ERR_UNAUTHORIZED, "no enrollment has this registration id, and no group fits it");
    memcpy(a->out->entry, group->id, sizeof a->out->entry);
    return group->disabled ? because(a, ERR_DISABLED, "the enrollment group is disabled") : OK;
}

static enum err admit_by_groups(struct admission *a)
{
    const struct enrollment_group *group = NULL;
    struct enrollment_group_list *groups;
    enum err e = enrollment_groups_use(a->env, &groups);

    a->out->from_group = true;
    if (e)
        return e;
    if (!(e = choose_group(a, groups, &group)))
        e = admit_into(a, group);
    enrollment_groups_done(a->env, groups);
    return e;
}

static enum err admit(struct admission *a, struct bytes scope, struct bytes token)
{
    struct doc doc;
    struct enrollment entry;
    enum err e = token.len ? check_token(a, scope, token) : OK;

    if (e)
        return e;
    e = enrollment_get(a->env, DOC_ENROLLMENT, a->registration, &doc, &entry);
    if (e == ERR_NOT_FOUND)
        return admit_by_groups(a);
    if (e)
        return e;
    memcpy(a->out->entry, doc.id, sizeof a->out->entry);
    e = admit_by_enrollment(a, &entry);
    enrollment_free(&entry);
    return e;
}

enum err registration_admit(const struct registration_request *r, struct registrant *out)
{
    struct admission a = {.env = r->env,
                          .peer = r->peer,
                          .registration = r->registration,
                          .proof = r->proof,
                          .now_ms = r->now_ms,
                          .out = out};
    enum err e;

    *out = (struct registrant){.from_group = false};
    if (!bytes_eq_nocase(r->scope, bytes_str(hub_birth(r->env->hub)->scope)))
        return because(&a, ERR_NOT_FOUND, "this id scope does not exist");
    if (!registration_id_valid(r->registration) ||
        !bytes_to_str(r->registration, out->registration, sizeof out->registration))
        return because(&a, ERR_UNAUTHORIZED, "the registration id is not valid");
    e = admit(&a, r->scope, r->token);
    return auth_tried(r->env, r->peer, r->registration, e, r->now_ms);
}
