/* The client's end of a WebSocket: what asks for it, frames with a mask, and the hub's frames taken apart. */
#pragma once

#include "buf.h"
#include "check.h"

#define WS_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define WS_HUB "/$iothub/websocket"
#define WS_UPGRADE "Host: hub.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define WS_KEY_13 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " WS_KEY "\r\n"

static inline void put_frame(struct buf *b, uint8_t first, struct bytes payload)
{
    static const uint8_t mask[4] = {0x37, 0xFA, 0x21, 0x3D};

    buf_put_u8(b, first);
    if (payload.len < 126) {
        buf_put_u8(b, (uint8_t)(0x80 | payload.len));
    } else if (payload.len < 65536) {
        buf_put_u8(b, 0x80 | 126);
        buf_put_u16(b, (uint16_t)payload.len);
    } else {
        buf_put_u8(b, 0x80 | 127);
        buf_put_u64(b, payload.len);
    }
    buf_put(b, bytes_of(mask, 4));
    for (size_t i = 0; i < payload.len; i++)
        buf_put_u8(b, payload.at[i] ^ mask[i % 4]);
}

/* Frames of the hub: unmasked, whole. Takes the first off `in`. */
static inline uint8_t next_frame(struct bytes *in, struct bytes *payload)
{
    struct rd r = rd_over(*in);
    uint8_t first = rd_u8(&r);
    size_t len = rd_u8(&r);

    CHECK(!(len & 0x80));
    if (len == 126)
        len = rd_u16(&r);
    else if (len == 127)
        len = (size_t)rd_u64(&r);
    *payload = rd_bytes(&r, len);
    *in = rd_rest(&r);
    CHECK(!r.bad);
    return first;
}
