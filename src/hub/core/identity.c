#include "identity.h"

/* Version, id, generation, etag, flags, authentication type, keys, thumbprints, reason, time of the last status change;
 * where there is one of them, whether it is an edge device, and the scope that it belongs to; who manages a module. */
static void put_device(struct buf *b, const struct device *d)
{
    buf_put_u8(b, RECORD_VERSION);
    put_text(b, d->id);
    put_text(b, d->generation);
    put_text(b, d->etag);
    buf_put_u8(b, d->disabled);
    buf_put_u8(b, (uint8_t)d->auth);
    put_key(b, &d->primary);
    put_key(b, &d->secondary);
    put_text(b, d->thumbprint[0]);
    put_text(b, d->thumbprint[1]);
    put_text(b, d->reason);
    buf_put_u64(b, (uint64_t)d->status_ms);
    if (!d->edge && !d->parent[0] && !d->managed_by[0])
        return; /* as they were before there was more */
    buf_put_u8(b, d->edge);
    put_text(b, d->parent);
    if (d->managed_by[0])
        put_text(b, d->managed_by);
}

static void rd_device(struct rd *r, struct device *d)
{
    uint8_t auth;

    *d = (struct device){0};
    if (rd_u8(r) < RECORD_VERSION)
        r->bad = true;
    rd_text(r, d->id, sizeof d->id);
    rd_text(r, d->generation, sizeof d->generation);
    rd_text(r, d->etag, sizeof d->etag);
    d->disabled = rd_u8(r) != 0;
    auth = rd_u8(r);
    if (auth > AUTH_NONE)
        r->bad = true;
    d->auth = r->bad ? AUTH_SAS : (enum auth_type)auth;
    rd_key(r, &d->primary);
    rd_key(r, &d->secondary);
    rd_text(r, d->thumbprint[0], sizeof d->thumbprint[0]);
    rd_text(r, d->thumbprint[1], sizeof d->thumbprint[1]);
    rd_text(r, d->reason, sizeof d->reason);
    d->status_ms = (int64_t)rd_u64(r);
    if (!rd_left(r)) /* an older one, and most, end here */
        return;
    d->edge = rd_u8(r) != 0;
    rd_text(r, d->parent, sizeof d->parent);
    if (rd_left(r))
        rd_text(r, d->managed_by, sizeof d->managed_by);
}

void device_encode(struct buf *b, const struct device *d)
{
    put_device(b, d);
}

enum err device_decode(struct bytes body, struct device *out)
{
    struct rd r = rd_over(body);

    rd_device(&r, out);
    return r.bad || !out->id[0] ? ERR_DAMAGED : OK;
}

/* In the checkpoint: the device with its length, the session, the number of the next C2D message, the rest of the
 * session, when the first of its letters expires, whether it has modules, when it was active and when it came or went
 * last. */
void identity_encode(struct buf *b, const struct identity *i, int64_t due_ms)
{
    size_t at = b->len;

    buf_put_u16(b, 0);
    put_device(b, &i->device);
    if (!b->bad) {
        b->at[at] = (uint8_t)((b->len - at - 2) >> 8);
        b->at[at + 1] = (uint8_t)(b->len - at - 2);
    }
    buf_put_u8(b, i->has_session);
    for (int w = 0; w < WANTS; w++)
        buf_put_u8(b, i->session.wants[w]);
    buf_put_u64(b, i->c2d_next);
    put_text(b, i->session.part);
    buf_put_u64(b, (uint64_t)due_ms);
    buf_put_u8(b, i->has_modules);
    buf_put_u64(b, (uint64_t)i->device.activity_ms);
    buf_put_u64(b, (uint64_t)i->device.connection_ms);
}

enum err identity_decode(struct bytes value, struct identity *out)
{
    struct rd r = rd_over(value);
    struct rd device = rd_over(rd_str16(&r));

    *out = (struct identity){0};
    rd_device(&device, &out->device);
    out->has_session = rd_u8(&r) != 0;
    for (int w = 0; w < WANTS; w++)
        out->session.wants[w] = rd_u8(&r);
    if (rd_left(&r)) /* an older one ends here */
        out->c2d_next = rd_u64(&r);
    if (rd_left(&r))
        rd_text(&r, out->session.part, sizeof out->session.part);
    out->kept_due_ms = rd_left(&r) ? (int64_t)rd_u64(&r) : DUE_UNKNOWN;
    out->has_modules = rd_left(&r) && rd_u8(&r) != 0;
    if (rd_left(&r)) {
        out->device.activity_ms = (int64_t)rd_u64(&r);
        out->device.connection_ms = (int64_t)rd_u64(&r);
    }
    out->kept_ms = identity_seen_ms(out);
    return r.bad || device.bad || !out->device.id[0] ? ERR_DAMAGED : OK;
}
