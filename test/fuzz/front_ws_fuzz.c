/* A WebSocket on a hub in memory. The first byte says which protocol is in it, whether the rest is put into frames, and
 * how many bytes come at a time. Must reach: frames of every kind, fragments, ping, close, what is wrong with them,
 * MQTT and AMQP. */
#include "mqtt_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IS_AMQP = 1, FRAMED = 2, CONNECTED = 4, IN_SLICES = 8 };

static struct world w;
static struct buf connects;

static void put_handshake(struct buf *b, bool amqp)
{
    buf_printf(b,
               "GET /$iothub/websocket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
               "Sec-WebSocket-Protocol: %s\r\n\r\n",
               amqp ? "AMQPWSB10" : "mqtt");
}

/* With a mask of nothing. */
static void put_frame(struct buf *b, uint8_t first, struct bytes payload)
{
    buf_put_u8(b, first);
    buf_put_u8(b, 0x80 | 126);
    buf_put_u16(b, (uint16_t)payload.len);
    buf_put_u32(b, 0);
    buf_put(b, payload);
}

/* Chunks of a first byte, a length byte and a payload get the head that makes a frame of them. */
static void put_frames(struct buf *b, struct bytes in)
{
    while (in.len > 1) {
        struct bytes payload = bytes_first(bytes_skip(in, 2), in.at[1]);

        buf_put_u8(b, in.at[0]);
        buf_put_u8(b, (uint8_t)(0x80 | (payload.len < 126 ? payload.len : 126)));
        if (payload.len >= 126)
            buf_put_u16(b, (uint16_t)payload.len);
        buf_put_u32(b, 0);
        buf_put(b, payload);
        in = bytes_skip(in, 2 + payload.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct peer peer = {.address = "192.0.2.7:1"};
    struct buf in = buf_max(1 << 22);
    struct join c;

    if (!w.hub) {
        world_open(&w);
        world_device(&w, "garage");
        connects = buf_max(1 << 16);
        world_connect(&w, "garage", true, &connects);
    }
    if (!size)
        return 0;
    put_handshake(&in, *data & IS_AMQP);
    if (*data & CONNECTED)
        put_frame(&in, 0x82, buf_bytes(&connects));
    if (*data & FRAMED)
        put_frames(&in, bytes_of(data + 1, size - 1));
    else
        buf_put(&in, bytes_of(data + 1, size - 1));
    world_join_https(&w, &c, &peer, WORLD_T0);
    for (struct bytes rest = buf_bytes(&in); rest.len;) {
        struct bytes part = bytes_first(rest, *data & IN_SLICES ? 7 : 65536);

        join_say_at(&c, part, WORLD_T0);
        rest = bytes_skip(rest, part.len);
        buf_clear(&c.client.in);
    }
    if (c.hub.talk)
        c.hub.talk->ops->tick(c.hub.talk, WORLD_T0 + CONNECT_MS);
    join_close(&c);
    buf_free(&in);
    return 0;
}
