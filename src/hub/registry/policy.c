#include "policy.h"

#include "part.h"

#include <stdio.h>
#include <stdlib.h>

enum { POLICIES_VALUE_MAX = 1 << 20 };

#define PROVISIONING \
    (RIGHT_ENROLLMENT_READ | RIGHT_ENROLLMENT_WRITE | RIGHT_REGISTRATION_READ | RIGHT_REGISTRATION_WRITE)

/* service 1.2, provisioning 3.6; here the owner of the hub owns its provisioning service too. */
static const struct {
    const char *name;
    unsigned rights;
} built_in[POLICIES] = {
    {"iothubowner", RIGHT_REGISTRY_READ | RIGHT_REGISTRY_WRITE | RIGHT_SERVICE | RIGHT_DEVICE | PROVISIONING},
    {"service", RIGHT_SERVICE},
    {"device", RIGHT_DEVICE},
    {"registryRead", RIGHT_REGISTRY_READ},
    {"registryReadWrite", RIGHT_REGISTRY_READ | RIGHT_REGISTRY_WRITE},
    {"provisioningserviceowner", PROVISIONING},
};

static void put_policy(struct buf *b, const struct policy *p)
{
    put_text(b, p->name);
    buf_put_u8(b, (uint8_t)p->rights);
    put_key(b, &p->primary);
    put_key(b, &p->secondary);
}

static void rd_policy(struct rd *r, struct policy *p)
{
    *p = (struct policy){0};
    rd_text(r, p->name, sizeof p->name);
    p->rights = rd_u8(r);
    rd_key(r, &p->primary);
    rd_key(r, &p->secondary);
}

/* Policies that a hub of an earlier version has written down may have fewer rights than they have now. */
static unsigned rights_of(const struct policy *p)
{
    for (size_t i = 0; i < POLICIES; i++)
        if (!strcmp(built_in[i].name, p->name))
            return built_in[i].rights;
    return p->rights;
}

/* Under `cold`: replaces the one of that name or adds it. */
static enum err policy_set(struct hub *h, const struct policy *p)
{
    struct policies *all = h->policies;
    size_t i = 0;

    assert_locked(&h->cold);
    while (i < all->n && strcmp(all->at[i].name, p->name))
        i++;
    if (i == POLICIES)
        return ERR_DAMAGED;
    all->at[i] = *p;
    all->at[i].rights = rights_of(p);
    if (i == all->n)
        all->n++;
    return OK;
}

static enum err policy_apply(struct hub *h, const struct record *record)
{
    struct rd r = rd_over(record->body);
    struct policy p;
    enum err e;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    rd_policy(&r, &p);
    if (r.bad)
        return ERR_DAMAGED;
    mutex_lock(&h->cold);
    e = policy_set(h, &p);
    cold_changed(&h->policies->kept, record->at);
    mutex_unlock(&h->cold);
    return e;
}

static enum err policy_make(struct hub *h, const char *name, unsigned rights, uint64_t *at)
{
    struct policy p = {.rights = rights, .primary.len = 32, .secondary.len = 32};
    struct buf b = buf_max(512);
    enum err e;

    snprintf(p.name, sizeof p.name, "%s", name);
    hub_random(h, p.primary.at, p.primary.len);
    hub_random(h, p.secondary.at, p.secondary.len);
    buf_put_u8(&b, RECORD_VERSION);
    put_policy(&b, &p);
    if (!(e = record_append(h, REC_POLICY, &b, at)))
        e = policy_apply(h, &(struct record){.kind = REC_POLICY, .at = *at, .body = buf_bytes(&b)});
    buf_free(&b);
    return e;
}

enum err hub_policies_complete(struct hub *h)
{
    uint64_t at = 0;
    enum err e = OK;

    for (size_t i = 0; i < POLICIES && !e; i++) {
        struct policy p;

        if (hub_policy_get(h, bytes_str(built_in[i].name), &p) == ERR_NOT_FOUND)
            e = policy_make(h, built_in[i].name, built_in[i].rights, &at);
    }
    return e || !at ? e : store_sync(h->store, at);
}

/* In the checkpoint: all of them. */
void policies_encode(struct buf *b, const struct policy *p, size_t n)
{
    assert(n <= POLICIES);
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u8(b, (uint8_t)n);
    for (size_t i = 0; i < n; i++)
        put_policy(b, &p[i]);
}

static enum err policies_decode(struct hub *h, struct bytes value)
{
    struct rd r = rd_over(value);
    size_t n;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    n = rd_u8(&r);
    for (size_t i = 0; i < n && !r.bad; i++) {
        struct policy p;

        rd_policy(&r, &p);
        if (!r.bad && policy_set(h, &p))
            r.bad = true;
    }
    return r.bad ? ERR_DAMAGED : OK;
}

enum err hub_policy_get(struct hub *h, struct bytes name, struct policy *out)
{
    enum err e = ERR_NOT_FOUND;

    mutex_lock(&h->cold);
    for (size_t i = 0; i < h->policies->n; i++) {
        if (bytes_eq(bytes_str(h->policies->at[i].name), name)) {
            *out = h->policies->at[i];
            e = OK;
        }
    }
    mutex_unlock(&h->cold);
    return e;
}

size_t hub_policy_list(struct hub *h, struct policy *out, size_t max)
{
    size_t n;

    mutex_lock(&h->cold);
    n = h->policies->n < max ? h->policies->n : max;
    memcpy(out, h->policies->at, n * sizeof *out);
    mutex_unlock(&h->cold);
    return n;
}

/* ---- their row ------------------------------------------------------------------------------------------------- */

static enum err policies_make(struct hub *h)
{
    h->policies = calloc(1, sizeof *h->policies);
    return h->policies ? OK : ERR_MEMORY;
}

static void policies_free(struct hub *h)
{
    free(h->policies);
}

static void encode(struct buf *b, const struct hub *h)
{
    assert_locked(&h->cold);
    policies_encode(b, h->policies->at, h->policies->n);
}

static enum err policies_keep(struct keeping *k)
{
    return cold_keep(k, &k->hub->policies->kept, BYTES("policies"), POLICIES_VALUE_MAX, encode);
}

static void policies_kept(struct keeping *k, bool done)
{
    cold_kept(k->hub, &k->hub->policies->kept, done);
}

static enum err policies_load(struct hub *h)
{
    return cold_load(h, &h->policies->kept, BYTES("policies"), POLICIES_VALUE_MAX, policies_decode);
}

static const struct record_kind kinds[] = {
    {.number = REC_POLICY, .room = ROOM_REGISTRY, .what = "a policy", .apply = policy_apply},
};

const struct part policy_part = {.name = "policies",
                                 .kinds = kinds,
                                 .n_kinds = sizeof kinds / sizeof *kinds,
                                 .make = policies_make,
                                 .free = policies_free,
                                 .keep = policies_keep,
                                 .kept = policies_kept,
                                 .load = policies_load};
