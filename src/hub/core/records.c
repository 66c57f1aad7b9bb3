#include "records.h"

void put_text(struct buf *b, const char *text)
{
    size_t len = strlen(text);

    if (len > UINT8_MAX) {
        b->bad = true;
        return;
    }
    buf_put_u8(b, (uint8_t)len);
    buf_put(b, bytes_of(text, len));
}

void put_key(struct buf *b, const struct key_bytes *key)
{
    buf_put_u8(b, key->len);
    buf_put(b, bytes_of(key->at, key->len));
}

void rd_text(struct rd *r, char *out, size_t cap)
{
    if (!bytes_to_str(rd_bytes(r, rd_u8(r)), out, cap))
        r->bad = true;
}

void rd_key(struct rd *r, struct key_bytes *out)
{
    struct bytes key = rd_bytes(r, rd_u8(r));

    if (key.len > sizeof out->at) {
        r->bad = true;
        key.len = 0;
    }
    if (key.len)
        memcpy(out->at, key.at, key.len);
    out->len = (uint8_t)key.len;
}

/* What keeps the hub going, and what the operator needs to end what fills the disk, is written on a full disk too. */
static enum room room_of(enum record_kind kind)
{
    switch (kind) {
    case REC_EVENT:
    case REC_C2D:
        return ROOM_MESSAGES;
    case REC_SESSION:
    case REC_C2D_OUT:
    case REC_C2D_COUNT:
    case REC_FEEDBACK_DONE:
        return ROOM_UPKEEP;
    case REC_BIRTH:
    case REC_POLICY:
    case REC_DEVICE:
    case REC_DEVICE_GONE:
    case REC_GROUPS:
    case REC_CA:
    case REC_DOC:
    case REC_RESTORED:
    case REC_LOST:
        return ROOM_REGISTRY;
    }
    return ROOM_MESSAGES;
}

enum err record_append_in(struct store *s, enum room room, enum record_kind kind, const struct buf *b, uint64_t *at)
{
    struct bytes body = buf_bytes(b);

    if (b->bad)
        return ERR_TOO_LARGE;
    return store_append(s, &(struct draft){.kind = (uint8_t)kind, .room = room, .parts = &body, .n_parts = 1}, at);
}

enum err record_append(struct store *s, enum record_kind kind, const struct buf *b, uint64_t *at)
{
    return record_append_in(s, room_of(kind), kind, b, at);
}
