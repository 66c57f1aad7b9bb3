/* Documents of the provisioning service, by kind and name. The hub does not look into them. All of them are in
 * memory, ordered, so that they can be gone through by name. */
#include "docs.h"

#include "etag.h"
#include "keeping.h"
#include "part.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { VALUE_MAX = DOC_LEN_MAX + 512 };

/* In memory; a gone one stays until the checkpoint knows. */
struct doc_entry {
    struct doc doc;
    bool gone, dirty;
    uint64_t changed_at;
    size_t len;
    uint8_t body[];
};

struct docs {
    struct doc_entry **at;
    size_t n, cap;
    size_t alive[DOC_KINDS];
    uint64_t version[DOC_KINDS];
};

/* ---- the table ------------------------------------------------------------------------------------------------- */

/* Under `cold`: its number, or where it would stand. */
static size_t find(const struct docs *d, enum doc_kind kind, const char *id, bool *there)
{
    size_t low = 0, high = d->n;

    *there = false;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct doc *m = &d->at[mid]->doc;
        int by = m->kind != kind ? (int)m->kind - (int)kind : strcasecmp(m->id, id);

        if (by == 0) {
            *there = true;
            return mid;
        }
        if (by < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct doc_entry *alive(const struct docs *d, enum doc_kind kind, const char *id)
{
    bool there;
    size_t i = find(d, kind, id, &there);

    return there && !d->at[i]->gone ? d->at[i] : NULL;
}

static enum err make_room(struct docs *d)
{
    size_t cap = d->cap ? 2 * d->cap : 64;
    struct doc_entry **at;

    if (d->n < d->cap)
        return OK;
    if (!(at = realloc(d->at, cap * sizeof *at)))
        return ERR_MEMORY;
    d->at = at;
    d->cap = cap;
    return OK;
}

/* Puts it in place of what had its name. There is room. */
static void set(struct docs *d, struct doc_entry *e)
{
    bool there;
    size_t i = find(d, e->doc.kind, e->doc.id, &there);

    if (there) {
        d->alive[e->doc.kind] -= !d->at[i]->gone;
        free(d->at[i]);
    } else {
        memmove(&d->at[i + 1], &d->at[i], (d->n++ - i) * sizeof *d->at);
    }
    assert(i < d->n && d->n <= d->cap);
    d->at[i] = e;
    d->alive[e->doc.kind] += !e->gone;
    d->version[e->doc.kind]++;
}

static struct doc_entry *entry_new(const struct doc *doc, struct bytes body)
{
    struct doc_entry *e = calloc(1, sizeof *e + body.len);

    if (!e)
        return NULL;
    e->doc = *doc;
    e->len = body.len;
    if (body.len)
        memcpy(e->body, body.at, body.len);
    return e;
}

/* ---- records --------------------------------------------------------------------------------------------------- */

/* Version, kind, name, u8 there is one, etag, created, updated, the body with its length. */
static void encode(struct buf *b, const struct doc *d, bool gone, struct bytes body)
{
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u8(b, (uint8_t)d->kind);
    put_text(b, d->id);
    buf_put_u8(b, !gone);
    if (gone)
        return;
    put_text(b, d->etag);
    buf_put_u64(b, (uint64_t)d->created_ms);
    buf_put_u64(b, (uint64_t)d->updated_ms);
    buf_put_u32(b, (uint32_t)body.len);
    buf_put(b, body);
}

static enum err decode(struct bytes value, struct doc_entry **out)
{
    struct rd r = rd_over(value);
    struct bytes body = NO_BYTES;
    struct doc doc = {0};
    bool is;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    doc.kind = (enum doc_kind)rd_u8(&r);
    rd_text(&r, doc.id, sizeof doc.id);
    is = rd_u8(&r) != 0;
    if (is) {
        rd_text(&r, doc.etag, sizeof doc.etag);
        doc.created_ms = (int64_t)rd_u64(&r);
        doc.updated_ms = (int64_t)rd_u64(&r);
        body = rd_str32(&r);
    }
    if (r.bad || doc.kind >= DOC_KINDS || body.len > DOC_LEN_MAX)
        return ERR_DAMAGED;
    if (!(*out = entry_new(&doc, body)))
        return ERR_MEMORY;
    (*out)->gone = !is;
    return OK;
}

static enum err doc_apply(struct hub *h, const struct record *r)
{
    struct doc_entry *entry;
    enum err e = decode(r->body, &entry);

    if (e)
        return e;
    entry->dirty = true;
    entry->changed_at = r->at;
    mutex_lock(&h->cold);
    if ((e = make_room(h->docs)))
        free(entry);
    else
        set(h->docs, entry);
    mutex_unlock(&h->cold);
    return e;
}

/* Under `cold`: what was decided becomes a record, then the state. */
static enum err change(struct hub *h, const struct doc *doc, bool gone, struct bytes body, uint64_t *at)
{
    struct doc_entry *entry = entry_new(doc, body);
    struct buf b = buf_max(VALUE_MAX);
    enum err e = entry ? make_room(h->docs) : ERR_MEMORY;

    assert_locked(&h->cold);
    assert(doc->kind < DOC_KINDS);
    encode(&b, doc, gone, body);
    if (!e)
        e = record_append_in(h->store, doc->kind == DOC_REGISTRATION ? ROOM_UPKEEP : ROOM_REGISTRY, REC_DOC, &b, at);
    buf_free(&b);
    if (e) {
        free(entry);
        return e;
    }
    entry->gone = gone;
    entry->dirty = true;
    entry->changed_at = *at;
    set(h->docs, entry);
    return OK;
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

static enum err match_check(struct match match, const struct doc_entry *now)
{
    if (!now)
        return match.how == MATCH_NONE ? OK : ERR_NOT_FOUND;
    if (match.how == MATCH_NONE)
        return ERR_EXISTS;
    return match_fits(&match, bytes_str(now->doc.etag)) ? OK : ERR_PRECONDITION;
}

enum err hub_doc_put(struct hub *h, enum doc_kind kind, struct bytes id, struct bytes body, struct match match,
                     int64_t now_ms, struct doc *out, uint64_t *at)
{
    int64_t wall_ms = hub_wall_ms(h, now_ms);
    struct doc doc = {.kind = kind, .created_ms = wall_ms, .updated_ms = wall_ms};
    const struct doc_entry *now;
    enum err e;

    if (!id.len || !bytes_to_str(id, doc.id, sizeof doc.id))
        return ERR_ARGUMENT;
    if (body.len > DOC_LEN_MAX)
        return ERR_TOO_LARGE;
    mutex_lock(&h->cold);
    now = alive(h->docs, kind, doc.id);
    e = match_check(match, now);
    if (!e && !now && h->docs->alive[kind] >= DOCS_MAX)
        e = ERR_LIMIT;
    if (!e) {
        if (now)
            doc.created_ms = now->doc.created_ms;
        make_etag(h, now ? now->doc.etag : "", doc.etag);
        if (!(e = change(h, &doc, false, body, at)))
            *out = doc;
    }
    mutex_unlock(&h->cold);
    return e;
}

/* Under `cold`. */
static void give(const struct doc_entry *e, struct buf *body, struct doc *out)
{
    *out = e->doc;
    buf_put(body, bytes_of(e->body, e->len));
}

enum err hub_doc_get(struct hub *h, enum doc_kind kind, struct bytes id, struct buf *body, struct doc *out)
{
    char name[ID_LEN_MAX + 1];
    const struct doc_entry *e;

    if (!bytes_to_str(id, name, sizeof name))
        return ERR_NOT_FOUND;
    mutex_lock(&h->cold);
    if ((e = alive(h->docs, kind, name)))
        give(e, body, out);
    mutex_unlock(&h->cold);
    return !e ? ERR_NOT_FOUND : body->bad ? ERR_MEMORY : OK;
}

enum err hub_doc_next(struct hub *h, enum doc_kind kind, struct bytes after, struct buf *body, struct doc *out)
{
    char name[ID_LEN_MAX + 1];
    const struct docs *d = h->docs;
    bool there, found = false;
    size_t i;

    if (!bytes_to_str(after, name, sizeof name))
        return ERR_NOT_FOUND;
    mutex_lock(&h->cold);
    i = find(d, kind, name, &there);
    for (i += there; i < d->n && d->at[i]->doc.kind == kind && !found; i++)
        if ((found = !d->at[i]->gone))
            give(d->at[i], body, out);
    mutex_unlock(&h->cold);
    return !found ? ERR_NOT_FOUND : body->bad ? ERR_MEMORY : OK;
}

uint64_t hub_doc_version(struct hub *h, enum doc_kind kind)
{
    uint64_t version;

    mutex_lock(&h->cold);
    version = h->docs->version[kind];
    mutex_unlock(&h->cold);
    return version;
}

enum err hub_doc_delete(struct hub *h, enum doc_kind kind, struct bytes id, struct match match, uint64_t *at)
{
    const struct doc_entry *now;
    struct doc doc;
    char name[ID_LEN_MAX + 1];
    enum err e;

    if (!bytes_to_str(id, name, sizeof name))
        return ERR_NOT_FOUND;
    mutex_lock(&h->cold);
    now = alive(h->docs, kind, name);
    e = !now ? ERR_NOT_FOUND : match.how == MATCH_NONE ? OK : match_check(match, now);
    if (!e) {
        doc = now->doc;
        e = change(h, &doc, true, NO_BYTES, at);
    }
    mutex_unlock(&h->cold);
    return e;
}

/* ---- the checkpoint -------------------------------------------------------------------------------------------- */

static struct bytes doc_key(char out[STATE_KEY_MAX], const struct doc *d)
{
    size_t n = (size_t)snprintf(out, STATE_KEY_MAX, "p/%u/%s", (unsigned)d->kind, d->id);

    for (size_t i = 0; i < n; i++) /* names are compared without case */
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] - 'A' + 'a');
    return bytes_of(out, n);
}

/* Under `cold`: copies what is dirty from this one on, a transaction's worth. Gives where it came to. */
static size_t copy_some(struct keeping *k, size_t i, struct buf *to)
{
    const struct docs *docs = k->hub->docs;

    assert_locked(&k->hub->cold);
    for (; i < docs->n && to->len < STATE_BATCH; i++) {
        const struct doc_entry *d = docs->at[i];
        char name[STATE_KEY_MAX];
        size_t at;

        if (!d->dirty)
            continue;
        at = len32_begin(to);
        encode(to, &d->doc, d->gone, bytes_of(d->body, d->len));
        len32_end(to, at);
        buf_put_u8(to, d->gone);
        buf_put_u8(to, (uint8_t)doc_key(name, &d->doc).len);
        buf_put(to, doc_key(name, &d->doc));
        keeping_saw(k, d->changed_at);
    }
    return i;
}

static enum err write_copied(struct keeping *k, const struct buf *copied)
{
    struct rd r = rd_over(buf_bytes(copied));
    enum err e = copied->bad ? ERR_MEMORY : OK;

    while (!e && rd_left(&r)) {
        struct bytes value = rd_str32(&r);
        bool gone = rd_u8(&r) != 0;
        struct bytes key = rd_bytes(&r, rd_u8(&r));

        if (!(e = gone ? keeping_del(k, key) : keeping_put(k, key, value)))
            e = keeping_step(k);
    }
    return e;
}

/* Written outside of the lock, so they may change meanwhile: it goes on after the last name. Those that come before it
 * then came after the place of this checkpoint. */
static enum err docs_keep(struct keeping *k)
{
    struct buf copied = buf_max(STATE_BATCH_MAX);
    struct hub *h = k->hub;
    struct doc last = {0};
    bool more = true, begun = false, there;
    enum err e = OK;

    while (!e && more) {
        size_t i = 0;

        buf_clear(&copied);
        mutex_lock(&h->cold);
        if (begun) {
            i = find(h->docs, last.kind, last.id, &there);
            i += there;
        }
        i = copy_some(k, i, &copied);
        if ((more = begun = i < h->docs->n))
            last = h->docs->at[i - 1]->doc;
        mutex_unlock(&h->cold);
        e = write_copied(k, &copied);
    }
    buf_free(&copied);
    return e;
}

/* All that the checkpoint knows now is clean. */
static void docs_kept(struct keeping *k, bool done)
{
    struct hub *h = k->hub;
    struct docs *d = h->docs;
    size_t n = 0;

    if (!done)
        return;
    mutex_lock(&h->cold);
    for (size_t i = 0; i < d->n; i++) {
        if (d->at[i]->changed_at < k->place)
            d->at[i]->dirty = false;
        if (d->at[i]->gone && !d->at[i]->dirty)
            free(d->at[i]);
        else
            d->at[n++] = d->at[i];
    }
    d->n = n;
    mutex_unlock(&h->cold);
}

struct loading {
    struct hub *hub;
    enum err e;
};

static bool load_one(void *ctx, struct bytes key, struct bytes value)
{
    struct loading *l = ctx;
    struct doc_entry *entry;

    (void)key;
    if ((l->e = decode(value, &entry)))
        return false;
    if ((l->e = make_room(l->hub->docs)))
        free(entry);
    else
        set(l->hub->docs, entry);
    return !l->e;
}

static enum err docs_load(struct hub *h)
{
    struct loading l = {h, OK};
    enum err e = state_each(h->state, BYTES("p/"), NO_BYTES, load_one, &l);

    return e ? e : l.e;
}

/* ---- their row ------------------------------------------------------------------------------------------------- */

static enum err docs_make(struct hub *h)
{
    h->docs = calloc(1, sizeof *h->docs);
    return h->docs ? OK : ERR_MEMORY;
}

static void docs_free(struct hub *h)
{
    struct docs *d = h->docs;

    for (size_t i = 0; d && i < d->n; i++)
        free(d->at[i]);
    if (d)
        free(d->at);
    free(d);
}

static const struct record_kind kinds[] = {
    {.number = REC_DOC, .room = ROOM_REGISTRY, .what = "an enrollment or a registration", .apply = doc_apply},
};

const struct part document_part = {.name = "documents",
                                   .kinds = kinds,
                                   .n_kinds = sizeof kinds / sizeof *kinds,
                                   .make = docs_make,
                                   .free = docs_free,
                                   .keep = docs_keep,
                                   .kept = docs_kept,
                                   .load = docs_load};
