#include "records.h"

#include "part.h"

#include <assert.h>

void put_text(struct buf *b, const char *text)
{
    size_t len = strlen(text);

    if (len > 2 * UINT8_MAX) {
        b->bad = true;
        return;
    }
    buf_put_u8(b, (uint8_t)(len < UINT8_MAX ? len : UINT8_MAX));
    if (len >= UINT8_MAX)
        buf_put_u8(b, (uint8_t)(len - UINT8_MAX));
    buf_put(b, bytes_of(text, len));
}

void put_key(struct buf *b, const struct key_bytes *key)
{
    buf_put_u8(b, key->len);
    buf_put(b, bytes_of(key->at, key->len));
}

struct bytes rd_text_bytes(struct rd *r)
{
    size_t len = rd_u8(r);

    if (len == UINT8_MAX)
        len += rd_u8(r);
    return rd_bytes(r, len);
}

void rd_text(struct rd *r, char *out, size_t cap)
{
    if (!bytes_to_str(rd_text_bytes(r), out, cap))
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

size_t len32_begin(struct buf *b)
{
    size_t begin = b->len;

    buf_put_u32(b, 0);
    return begin;
}

void len32_end(struct buf *b, size_t begin)
{
    size_t len = b->len - begin - 4;

    assert(b->bad || b->len >= begin + 4);
    for (unsigned i = 0; !b->bad && i < 4; i++)
        b->at[begin + i] = (uint8_t)(len >> (24 - 8 * i));
}

enum err record_append_in(struct store *s, enum room room, uint8_t kind, const struct buf *b, uint64_t *at)
{
    struct bytes body = buf_bytes(b);

    assert(kind != 0);
    if (b->bad)
        return ERR_TOO_LARGE;
    return store_append(s, &(struct draft){.kind = kind, .room = room, .parts = &body, .n_parts = 1}, at);
}

enum err record_append(struct hub *h, uint8_t kind, const struct buf *b, uint64_t *at)
{
    assert(h->kinds[kind]);
    return record_append_in(h->store, h->kinds[kind]->room, kind, b, at);
}
