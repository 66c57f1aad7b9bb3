/* CA certificates whose holders may make devices (device 1.6). */
#include "ca.h"
#include "hub_ca.h"

#include "cold.h"
#include "etag.h"
#include "part.h"
#include "seat.h"

#include <stdlib.h>
#include <strings.h>

struct authorities {
    struct ca at[CAS_ROOM]; /* by name */
    size_t n;
    struct cold kept;
};

/* The record: version, name, u8 there is one, etag, u8 verified, code, created, updated, the certificate with its
 * length. */
static void put_ca(struct buf *b, const struct ca *c)
{
    put_text(b, c->etag);
    buf_put_u8(b, c->verified);
    put_text(b, c->code);
    buf_put_u64(b, (uint64_t)c->created_ms);
    buf_put_u64(b, (uint64_t)c->updated_ms);
    buf_put_u16(b, c->der_len);
    buf_put(b, bytes_of(c->der, c->der_len));
}

static void rd_ca(struct rd *r, struct ca *c)
{
    struct bytes der;

    rd_text(r, c->etag, sizeof c->etag);
    c->verified = rd_u8(r) != 0;
    rd_text(r, c->code, sizeof c->code);
    c->created_ms = (int64_t)rd_u64(r);
    c->updated_ms = (int64_t)rd_u64(r);
    der = rd_str16(r);
    if (r->bad || der.len > sizeof c->der) {
        r->bad = true;
        return;
    }
    memcpy(c->der, der.at, der.len);
    c->der_len = (uint16_t)der.len;
}

/* Under `cold`: its number, or where it would stand; *there says which. */
static size_t ca_find(const struct hub *h, struct bytes name, bool *there)
{
    char text[CA_NAME_MAX + 1];
    size_t i = 0;
    int c = 1;

    assert_locked(&h->cold);
    *there = false;
    if (!bytes_to_str(name, text, sizeof text))
        return h->authorities->n;
    while (i < h->authorities->n && (c = strcasecmp(h->authorities->at[i].name, text)) < 0)
        i++;
    *there = i < h->authorities->n && c == 0;
    return i;
}

/* Under `cold`. ERR_LIMIT: in the log are more than there ever were at a time. */
static enum err ca_set(struct hub *h, const struct ca *c)
{
    struct authorities *all = h->authorities;
    bool there;
    size_t i = ca_find(h, bytes_str(c->name), &there);

    assert_locked(&h->cold);
    if (!there && all->n == CAS_ROOM)
        return ERR_LIMIT;
    if (!there)
        memmove(&all->at[i + 1], &all->at[i], (all->n++ - i) * sizeof *all->at);
    all->at[i] = *c;
    return OK;
}

static void ca_unset(struct hub *h, struct bytes name)
{
    struct authorities *all = h->authorities;
    bool there;
    size_t i = ca_find(h, name, &there);

    if (there)
        memmove(&all->at[i], &all->at[i + 1], (--all->n - i) * sizeof *all->at);
}

static enum err ca_apply(struct hub *h, const struct record *record)
{
    struct rd r = rd_over(record->body);
    struct ca c = {0};
    enum err e = OK;
    bool is;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    rd_text(&r, c.name, sizeof c.name);
    is = rd_u8(&r) != 0;
    if (is)
        rd_ca(&r, &c);
    if (r.bad)
        return ERR_DAMAGED;
    mutex_lock(&h->cold);
    if (is)
        e = ca_set(h, &c) ? ERR_DAMAGED : OK;
    else
        ca_unset(h, bytes_str(c.name));
    cold_changed(&h->authorities->kept, record->at);
    mutex_unlock(&h->cold);
    return e;
}

/* In the checkpoint: all of them. */
static void cas_encode(struct buf *b, const struct hub *h)
{
    assert_locked(&h->cold);
    assert(h->authorities->n <= CAS_ROOM);
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u8(b, (uint8_t)h->authorities->n);
    for (size_t i = 0; i < h->authorities->n; i++) {
        put_text(b, h->authorities->at[i].name);
        put_ca(b, &h->authorities->at[i]);
    }
}

static enum err cas_decode(struct hub *h, struct bytes value)
{
    struct rd r = rd_over(value);
    size_t n;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    n = rd_u8(&r);
    for (size_t i = 0; i < n && !r.bad; i++) {
        struct ca c = {0};

        rd_text(&r, c.name, sizeof c.name);
        rd_ca(&r, &c);
        if (!r.bad && ca_set(h, &c))
            r.bad = true;
    }
    return r.bad ? ERR_DAMAGED : OK;
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

/* As the management plane of the cloud takes it. */
static bool ca_name_valid(struct bytes name)
{
    if (name.len < 1 || name.len > CA_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!plain && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

static enum err match_check(struct match match, const struct ca *now)
{
    if (!now)
        return match.how == MATCH_NONE ? OK : ERR_NOT_FOUND;
    if (match.how == MATCH_NONE)
        return ERR_EXISTS;
    return match_fits(&match, bytes_str(now->etag)) ? OK : ERR_PRECONDITION;
}

/* Under `cold`. NULL: it goes. */
static enum err ca_append(struct hub *h, const char *name, const struct ca *c, uint64_t *at)
{
    struct buf b = buf_max(CA_LEN_MAX + 512);
    enum err e;

    assert_locked(&h->cold);
    buf_put_u8(&b, RECORD_VERSION);
    put_text(&b, name);
    buf_put_u8(&b, c != NULL);
    if (c)
        put_ca(&b, c);
    if (!(e = record_append(h, REC_CA, &b, at)))
        cold_changed(&h->authorities->kept, *at);
    buf_free(&b);
    return e;
}

/* Which one let a device in is not remembered: all that came by one show their certificate again. */
static void ca_seats_end(struct hub *h, int64_t now_ms)
{
    for (size_t k = 0; k < SHARDS; k++) {
        struct shard *s = &h->shards[k];
        struct identity *i;

        mutex_lock(&s->lock);
        for (size_t at = 0; (i = map_next(&s->identities, &at));)
            if (i->device.auth == AUTH_CA)
                seat_end(h, i, ERR_UNAUTHORIZED, now_ms);
        mutex_unlock(&s->lock);
    }
}

static bool same_der(const struct ca *a, const struct ca *b)
{
    return bytes_eq(bytes_of(a->der, a->der_len), bytes_of(b->der, b->der_len));
}

/* Under `cold`: what was decided becomes a record, then the state. *lost: what counted before does not any more. */
static enum err ca_change(struct hub *h, struct ca *wanted, int64_t now_ms, bool *lost, uint64_t *at)
{
    bool there;
    size_t i = ca_find(h, bytes_str(wanted->name), &there);
    enum err e;

    assert(wanted->der_len > 0 && wanted->der_len <= sizeof wanted->der);
    if (!there && h->authorities->n >= CAS_MAX)
        return ERR_LIMIT;
    wanted->created_ms = there ? h->authorities->at[i].created_ms : hub_wall_ms(h, now_ms);
    wanted->updated_ms = hub_wall_ms(h, now_ms);
    make_etag(h, there ? h->authorities->at[i].etag : "", wanted->etag);
    if ((e = ca_append(h, wanted->name, wanted, at)))
        return e;
    *lost = there && h->authorities->at[i].verified && (!wanted->verified || !same_der(&h->authorities->at[i], wanted));
    return ca_set(h, wanted);
}

enum err hub_ca_put(struct hub *h, const struct ca *wanted, struct match match, int64_t now_ms, struct ca *out,
                    uint64_t *at)
{
    struct ca made = *wanted;
    bool there, lost = false;
    size_t i;
    enum err e;

    if (!ca_name_valid(bytes_str(wanted->name)) || !wanted->der_len || wanted->der_len > sizeof wanted->der)
        return ERR_ARGUMENT;
    made.code[0] = 0;
    mutex_lock(&h->cold);
    i = ca_find(h, bytes_str(wanted->name), &there);
    if (!(e = match_check(match, there ? &h->authorities->at[i] : NULL)) &&
        !(e = ca_change(h, &made, now_ms, &lost, at)))
        *out = made;
    mutex_unlock(&h->cold);
    if (lost)
        ca_seats_end(h, now_ms);
    return e;
}

enum err hub_ca_get(struct hub *h, struct bytes name, struct ca *out)
{
    bool there;
    size_t i;

    mutex_lock(&h->cold);
    i = ca_find(h, name, &there);
    if (there)
        *out = h->authorities->at[i];
    mutex_unlock(&h->cold);
    return there ? OK : ERR_NOT_FOUND;
}

enum err hub_ca_next(struct hub *h, struct bytes after, struct ca *out)
{
    bool there;
    size_t i;

    mutex_lock(&h->cold);
    i = ca_find(h, after, &there);
    i += there;
    there = i < h->authorities->n;
    if (there)
        *out = h->authorities->at[i];
    mutex_unlock(&h->cold);
    return there ? OK : ERR_NOT_FOUND;
}

/* Under `cold`: the one of that name, if it may be changed so. A change names what it changes. */
static enum err ca_match(struct hub *h, struct bytes name, struct match match, size_t *i)
{
    bool there;

    *i = ca_find(h, name, &there);
    if (!there)
        return ERR_NOT_FOUND;
    return match.how == MATCH_NONE ? ERR_PRECONDITION : match_check(match, &h->authorities->at[*i]);
}

enum err hub_ca_delete(struct hub *h, struct bytes name, struct match match, int64_t now_ms, uint64_t *at)
{
    bool lost = false;
    size_t i;
    enum err e;

    mutex_lock(&h->cold);
    if (!(e = ca_match(h, name, match, &i)) && !(e = ca_append(h, h->authorities->at[i].name, NULL, at))) {
        lost = h->authorities->at[i].verified;
        ca_unset(h, name);
    }
    mutex_unlock(&h->cold);
    if (lost)
        ca_seats_end(h, now_ms);
    return e;
}

static void make_code(struct hub *h, char out[CA_CODE_LEN + 1])
{
    uint8_t raw[CA_CODE_LEN / 2];

    hub_random(h, raw, sizeof raw);
    for (size_t k = 0; k < CA_CODE_LEN; k++)
        out[k] = "0123456789ABCDEF"[raw[k / 2] >> (k % 2 ? 0 : 4) & 15];
    out[CA_CODE_LEN] = 0;
}

/* It becomes verified, or gets a new code to be verified with. */
static enum err ca_become(struct hub *h, struct bytes name, struct match match, bool verified, int64_t now_ms,
                          struct ca *out, uint64_t *at)
{
    bool lost = false; /* and stays so: nothing is taken away here */
    struct ca made;
    size_t i;
    enum err e;

    mutex_lock(&h->cold);
    if (!(e = ca_match(h, name, match, &i))) {
        made = h->authorities->at[i];
        if (verified)
            made.verified = true;
        else
            make_code(h, made.code);
        if (!(e = ca_change(h, &made, now_ms, &lost, at)))
            *out = made;
    }
    mutex_unlock(&h->cold);
    return e;
}

enum err hub_ca_challenge(struct hub *h, struct bytes name, struct match match, int64_t now_ms, struct ca *out,
                          uint64_t *at)
{
    return ca_become(h, name, match, false, now_ms, out, at);
}

enum err hub_ca_verify(struct hub *h, struct bytes name, struct match match, int64_t now_ms, struct ca *out,
                       uint64_t *at)
{
    return ca_become(h, name, match, true, now_ms, out, at);
}

enum err hub_ca_verified(struct hub *h, struct buf *out)
{
    mutex_lock(&h->cold);
    for (size_t i = 0; i < h->authorities->n; i++) {
        if (!h->authorities->at[i].verified)
            continue;
        buf_put_u32(out, h->authorities->at[i].der_len);
        buf_put(out, bytes_of(h->authorities->at[i].der, h->authorities->at[i].der_len));
    }
    mutex_unlock(&h->cold);
    return buf_check(out);
}

/* ---- their row ------------------------------------------------------------------------------------------------- */

static enum err authorities_make(struct hub *h)
{
    h->authorities = calloc(1, sizeof *h->authorities);
    return h->authorities ? OK : ERR_MEMORY;
}

static void authorities_free(struct hub *h)
{
    free(h->authorities);
}

static enum err authorities_keep(struct keeping *k)
{
    return cold_keep(k, &k->hub->authorities->kept, BYTES("cas"), CAS_VALUE_MAX, cas_encode);
}

static void authorities_kept(struct keeping *k, bool done)
{
    cold_kept(k->hub, &k->hub->authorities->kept, done);
}

static enum err authorities_load(struct hub *h)
{
    enum err e = cold_load(h, &h->authorities->kept, BYTES("cas"), CAS_VALUE_MAX, cas_decode);

    return e == ERR_NOT_FOUND ? OK : e; /* a checkpoint from before there were any has none */
}

static const struct record_kind kinds[] = {
    {.number = REC_CA, .room = ROOM_REGISTRY, .what = "a CA certificate", .apply = ca_apply},
};

const struct part authority_part = {.name = "authorities",
                                    .kinds = kinds,
                                    .n_kinds = sizeof kinds / sizeof *kinds,
                                    .make = authorities_make,
                                    .free = authorities_free,
                                    .keep = authorities_keep,
                                    .kept = authorities_kept,
                                    .load = authorities_load};
