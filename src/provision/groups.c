#include "groups.h"

#include "cert.h"
#include "text.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

struct enrollment_groups {
    pthread_mutex_t lock;
    struct enrollment_group_list *now;
    _Atomic uint64_t parsed;
};

static void list_free(struct enrollment_group_list *l)
{
    if (!l)
        return;
    if (l->at)
        explicit_bzero(l->at, l->n * sizeof *l->at);
    free(l->at);
    free(l);
}

/* ---- one group ------------------------------------------------------------------------------------------------- */

static void read_authority(const struct enrolled_certificate *c, int i, struct enrollment_group *g)
{
    uint32_t issuer;

    g->has_authority[i] = c->len > 0;
    if (c->len && !cert_name_numbers(bytes_of(c->der, c->len), &g->authority[i], &issuer))
        g->authority[i] = 0;
    memcpy(g->ca[i], c->ca, sizeof g->ca[i]);
}

/* Takes the text. */
static enum err read_group(const struct doc *doc, struct buf *text, struct enrollment_group *g)
{
    struct enrollment whole;
    enum err e = enrollment_decode(&whole, text);

    if (!e) {
        *g = (struct enrollment_group){
            .created_ms = doc->created_ms, .updated_ms = doc->updated_ms, .disabled = whole.disabled};
        memcpy(g->id, doc->id, sizeof g->id);
        memcpy(g->etag, doc->etag, sizeof g->etag);
        memcpy(g->keys, whole.keys, sizeof g->keys);
    }
    for (int i = 0; !e && i < 2; i++)
        read_authority(&whole.certificates[i], i, g);
    enrollment_free(&whole);
    return e;
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

static bool is_same(const struct enrollment_group *g, const struct doc *doc)
{
    return strcmp(g->id, doc->id) == 0 && strcmp(g->etag, doc->etag) == 0 && g->created_ms == doc->created_ms &&
           g->updated_ms == doc->updated_ms;
}

static enum err make_room(struct enrollment_group_list *l, size_t *cap)
{
    size_t more = *cap ? 2 * *cap : 16;
    struct enrollment_group *at;

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
static enum err make_list(struct hub *hub, const struct enrollment_group_list *old, uint64_t *parsed,
                          struct enrollment_group_list **out)
{
    struct enrollment_group_list *l = calloc(1, sizeof *l);
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
        } else if (!(e = read_group(&doc, &body, &l->at[l->n]))) {
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

enum err enrollment_groups_new(struct enrollment_groups **out)
{
    struct enrollment_groups *g = calloc(1, sizeof *g);

    if (!g)
        return ERR_MEMORY;
    pthread_mutex_init(&g->lock, NULL);
    *out = g;
    return OK;
}

void enrollment_groups_free(struct enrollment_groups *g)
{
    if (!g)
        return;
    list_free(g->now);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

uint64_t enrollment_groups_parsed(const struct enrollment_groups *g)
{
    return g->parsed;
}

/* Under the lock: `users` counts the cache, too. */
static void leave(struct enrollment_group_list *l)
{
    if (l && --l->users == 0)
        list_free(l);
}

enum err enrollment_groups_use(const struct front_env *env, struct enrollment_group_list **out)
{
    struct enrollment_groups *g = env->groups;
    struct enrollment_group_list *fresh;
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

void enrollment_groups_done(const struct front_env *env, struct enrollment_group_list *l)
{
    if (!env->groups) {
        list_free(l);
        return;
    }
    pthread_mutex_lock(&env->groups->lock);
    leave(l);
    pthread_mutex_unlock(&env->groups->lock);
}

enum err enrollment_group_read(const struct front_env *env, const struct enrollment_group *g, struct enrollment *out)
{
    struct doc doc;

    if (env->groups)
        env->groups->parsed++;
    return enrollment_get(env, DOC_ENROLLMENT_GROUP, bytes_str(g->id), &doc, out);
}
