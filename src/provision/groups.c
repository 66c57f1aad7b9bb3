#include "groups.h"

#include "cert.h"
#include "dps.h"
#include "text.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

struct dps_groups {
    pthread_mutex_t lock;
    struct dps_group_list *now;
    _Atomic uint64_t parsed;
};

static void list_free(struct dps_group_list *l)
{
    if (!l)
        return;
    if (l->at)
        explicit_bzero(l->at, l->n * sizeof *l->at);
    free(l->at);
    free(l);
}

/* ---- one group ------------------------------------------------------------------------------------------------- */

static void read_authority(const json_t *x509, int i, struct dps_group *g)
{
    static const char *const names[] = {"primary", "secondary"};
    struct bytes text = dps_text(json_object_get(x509, "signingCertificates"), names[i], "certificate", NULL);
    struct bytes ca = dps_text(json_object_get(x509, "caReferences"), names[i], NULL, NULL);
    uint8_t der[CA_LEN_MAX];
    uint32_t issuer;
    size_t len;

    g->has_authority[i] = text.len && !base64_decode(text, der, sizeof der, &len);
    if (g->has_authority[i] && !cert_name_numbers(bytes_of(der, len), &g->authority[i], &issuer))
        g->authority[i] = 0;
    if (!bytes_to_str(ca, g->ca[i], sizeof g->ca[i]))
        g->ca[i][0] = 0; /* the hub has none of such a name */
}

static enum err read_group(const struct doc *doc, struct bytes body, struct dps_group *g)
{
    json_error_t why;
    json_t *root = json_loadb((const char *)body.at, body.len, 0, &why);
    const json_t *attestation = json_object_get(root, "attestation");
    struct bytes type = dps_text(attestation, "type", NULL, NULL);

    if (!root)
        return ERR_DAMAGED;
    *g = (struct dps_group){
        .created_ms = doc->created_ms, .updated_ms = doc->updated_ms, .disabled = dps_is_disabled(root)};
    memcpy(g->id, doc->id, sizeof g->id);
    memcpy(g->etag, doc->etag, sizeof g->etag);
    if (bytes_eq(type, BYTES("symmetricKey"))) {
        dps_key(dps_text(attestation, "symmetricKey", "primaryKey", NULL), &g->keys[0]);
        dps_key(dps_text(attestation, "symmetricKey", "secondaryKey", NULL), &g->keys[1]);
    } else if (bytes_eq(type, BYTES("x509"))) {
        read_authority(json_object_get(attestation, "x509"), 0, g);
        read_authority(json_object_get(attestation, "x509"), 1, g);
    }
    json_decref(root);
    return OK;
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

static bool is_same(const struct dps_group *g, const struct doc *doc)
{
    return strcmp(g->id, doc->id) == 0 && strcmp(g->etag, doc->etag) == 0 && g->created_ms == doc->created_ms &&
           g->updated_ms == doc->updated_ms;
}

static enum err make_room(struct dps_group_list *l, size_t *cap)
{
    size_t more = *cap ? 2 * *cap : 16;
    struct dps_group *at;

    if (l->n < *cap)
        return OK;
    if (!(at = calloc(more, sizeof *at)))
        return ERR_MEMORY;
    if (l->n)
        memcpy(at, l->at, l->n * sizeof *at);
    if (l->at)
        explicit_bzero(l->at, l->n * sizeof *at);
    free(l->at);
    l->at = at;
    *cap = more;
    return OK;
}

/* Both are in the order of names: what has not changed is found in `old` by going along. */
static enum err make_list(struct hub *hub, const struct dps_group_list *old, uint64_t *parsed,
                          struct dps_group_list **out)
{
    struct dps_group_list *l = calloc(1, sizeof *l);
    struct buf body = buf_max(DOC_LEN_MAX);
    struct doc doc = {.id = ""};
    size_t cap = 0, before = 0;
    enum err e = l ? OK : ERR_MEMORY;

    if (!e)
        l->version = hub_doc_version(hub, DOC_ENROLLMENT_GROUP);
    while (!e && !(e = hub_doc_next(hub, DOC_ENROLLMENT_GROUP, bytes_str(doc.id), &body, &doc)) &&
           !(e = make_room(l, &cap))) {
        while (old && before < old->n && strcasecmp(old->at[before].id, doc.id) < 0)
            before++;
        if (old && before < old->n && is_same(&old->at[before], &doc)) {
            l->at[l->n++] = old->at[before];
        } else if (!(e = read_group(&doc, buf_bytes(&body), &l->at[l->n]))) {
            l->n++;
            ++*parsed;
        }
        buf_clear(&body);
    }
    buf_free(&body);
    if (e != ERR_NOT_FOUND) {
        list_free(l);
        return e;
    }
    *out = l;
    return OK;
}

enum err dps_groups_new(struct dps_groups **out)
{
    struct dps_groups *g = calloc(1, sizeof *g);

    if (!g)
        return ERR_MEMORY;
    pthread_mutex_init(&g->lock, NULL);
    *out = g;
    return OK;
}

void dps_groups_free(struct dps_groups *g)
{
    if (!g)
        return;
    list_free(g->now);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

uint64_t dps_groups_parsed(const struct dps_groups *g)
{
    return g->parsed;
}

/* Under the lock: `users` counts the cache, too. */
static void leave(struct dps_group_list *l)
{
    if (l && --l->users == 0)
        list_free(l);
}

enum err dps_groups_use(const struct front_env *env, struct dps_group_list **out)
{
    struct dps_groups *g = env->groups;
    struct dps_group_list *fresh;
    uint64_t parsed = 0;
    enum err e = OK;

    if (!g)
        return make_list(env->hub, NULL, &parsed, out);
    pthread_mutex_lock(&g->lock);
    if (!g->now || g->now->version != hub_doc_version(env->hub, DOC_ENROLLMENT_GROUP)) {
        if (!(e = make_list(env->hub, g->now, &parsed, &fresh))) {
            leave(g->now);
            g->now = fresh;
            fresh->users = 1;
        }
        g->parsed += parsed;
    }
    if (!e) {
        g->now->users++;
        *out = g->now;
    }
    pthread_mutex_unlock(&g->lock);
    return e;
}

void dps_groups_done(const struct front_env *env, struct dps_group_list *l)
{
    if (!env->groups) {
        list_free(l);
        return;
    }
    pthread_mutex_lock(&env->groups->lock);
    leave(l);
    pthread_mutex_unlock(&env->groups->lock);
}

enum err dps_group_read(const struct front_env *env, const struct dps_group *g, json_t **out)
{
    struct doc doc;

    if (env->groups)
        env->groups->parsed++;
    return dps_document_get(env, DOC_ENROLLMENT_GROUP, bytes_str(g->id), &doc, out);
}
