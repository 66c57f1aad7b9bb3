#include "amqp_whole.h"

#include "amqp_wire.h"

#include <assert.h>

enum {
    FRAME = 8, /* size, place of the data, type, channel */
    LIST = 11, /* where the list stands: behind the frame's head and a descriptor of one byte */
    NULL_ = 0x40,
    UINT = 0x70,
    EMPTY = 0x45,
    SHORT = 0xc0,
    LONG = 0xd0,
    FRAME_MIN = 512, /* AMQP 1.0, 2.8.16 */
};

/* A list as it stands in a frame. */
struct list_head {
    uint32_t len;    /* of all before its elements */
    uint32_t inside; /* of them */
    uint32_t count;
};

/* AMQP 1.0, 2.7: how many fields each has; 0: it is none of them. */
static uint32_t fields_of(uint8_t code)
{
    static const uint8_t fields[] = {10, 8, 14, 11, 11, 6, 3, 1, 1};

    return code >= AMQP_CODE_OPEN && code <= AMQP_CODE_CLOSE ? fields[code - AMQP_CODE_OPEN] : 0;
}

/* False: there is none that could be made longer. */
static bool read_list(const uint8_t *at, size_t have, struct list_head *out)
{
    if (at[0] == EMPTY)
        *out = (struct list_head){.len = 1};
    else if (at[0] == SHORT && have >= 3 && at[1] >= 1)
        *out = (struct list_head){3, at[1] - 1u, at[2]};
    else if (at[0] == LONG && have >= 9 && be32(at + 1) >= 4)
        *out = (struct list_head){9, be32(at + 1) - 4, be32(at + 5)};
    else
        return false;
    return true;
}

/* The fields that are missing: nulls, but for handle-max of a Begin. */
static void take_missing(struct amqp_whole *w, uint8_t code, uint32_t count, uint32_t wanted)
{
    struct buf b = buf_over(w->missing, sizeof w->missing);

    for (uint32_t i = count; i < wanted; i++) {
        if (code == AMQP_CODE_BEGIN && i == 4) {
            buf_put_u8(&b, UINT);
            buf_put_u32(&b, AMQP_HANDLE_MAX);
        } else {
            buf_put_u8(&b, NULL_);
        }
    }
    assert(!b.bad);
    w->n_missing = (uint8_t)b.len;
}

/* The head of a frame whose list grows to so many fields. */
static void put_head(struct buf *out, const uint8_t *head, const struct list_head *list, uint32_t size, uint32_t wanted,
                     uint32_t more)
{
    uint32_t inside = list->inside + more;
    bool is_long = inside + 1 > UINT8_MAX;

    buf_put_u32(out, size - list->len + (is_long ? 9 : 3) + more);
    buf_put(out, bytes_of(head + 4, LIST - 4));
    buf_put_u8(out, is_long ? LONG : SHORT);
    if (is_long) {
        buf_put_u32(out, inside + 4);
        buf_put_u32(out, wanted);
    } else {
        buf_put_u8(out, (uint8_t)(inside + 1));
        buf_put_u8(out, (uint8_t)wanted);
    }
}

static size_t move(struct amqp_whole *w, struct bytes in, struct buf *out)
{
    struct bytes before = bytes_first(in, w->before), behind;

    buf_put(out, before);
    w->before -= (uint32_t)before.len;
    if (w->before)
        return before.len;
    buf_put(out, bytes_of(w->missing, w->n_missing));
    w->n_missing = 0;
    behind = bytes_first(bytes_skip(in, before.len), w->behind);
    buf_put(out, behind);
    w->behind -= (uint32_t)behind.len;
    return before.len + behind.len;
}

/* The head is there as far as it is needed: what becomes of the frame. */
static void begin(struct amqp_whole *w, struct buf *out)
{
    const uint8_t *h = w->head;
    struct list_head list = {.len = 0};
    uint32_t size = bytes_starts(bytes_of(h, 4), BYTES("AMQP")) ? FRAME : be32(h), wanted = 0, used = 0;
    struct bytes rest;

    if (w->have > LIST && h[4] == 2 && h[5] == 0 && h[8] == 0 && h[9] == 0x53 &&
        read_list(h + LIST, w->have - (size_t)LIST, &list) && LIST + list.len + list.inside <= size)
        wanted = fields_of(h[10]);
    if (wanted > list.count && size + AMQP_WHOLE_ROOM <= w->most) {
        take_missing(w, h[10], list.count, wanted);
        put_head(out, h, &list, size, wanted, w->n_missing);
        used = LIST + list.len;
        w->before = list.inside;
    }
    w->behind = size - used - w->before;
    rest = bytes_of(h + used, w->have - used);
    w->have = 0;
    move(w, rest, out);
}

/* How much of the head of this frame tells what becomes of it. */
static size_t needed(const struct amqp_whole *w)
{
    if (w->have < FRAME || bytes_starts(bytes_of(w->head, 4), BYTES("AMQP")))
        return FRAME;
    return be32(w->head) < AMQP_WHOLE_HEAD ? be32(w->head) : AMQP_WHOLE_HEAD;
}

void amqp_whole(struct amqp_whole *w, struct bytes in, struct buf *out)
{
    while (in.len) {
        size_t wanted, n;

        if (w->before || w->behind) {
            in = bytes_skip(in, move(w, in, out));
            continue;
        }
        while ((wanted = needed(w)) > w->have && in.len) {
            n = wanted - w->have < in.len ? wanted - w->have : in.len;
            memcpy(w->head + w->have, in.at, n);
            w->have += (uint8_t)n;
            in = bytes_skip(in, n);
        }
        if (w->have >= FRAME && w->have == needed(w))
            begin(w, out);
    }
}

/* A text, or null. */
static bool skip_text(struct rd *r)
{
    uint8_t code = rd_u8(r);

    if (code != NULL_)
        rd_bytes(r, code == 0xa1 ? rd_u8(r) : code == 0xb1 ? rd_u32(r) : UINT32_MAX);
    return !r->bad;
}

void amqp_whole_open(struct amqp_whole *w, uint8_t *open, size_t len)
{
    struct list_head list;
    struct rd r;

    w->most = UINT32_MAX;
    if (len <= LIST || open[10] != AMQP_CODE_OPEN || !read_list(open + LIST, len - LIST, &list) || list.count < 3)
        return;
    r = rd_over(bytes_skip(bytes_of(open, len), LIST + list.len));
    bool named = skip_text(&r); /* the container; then the host */
    if (!named || !skip_text(&r) || rd_u8(&r) != 0x70 || rd_left(&r) < 4)
        return;
    uint8_t *at = open + (len - rd_left(&r));
    w->most = be32(at);
    if (w->most < FRAME_MIN + AMQP_WHOLE_ROOM)
        return;
    be32_put(at, w->most - AMQP_WHOLE_ROOM);
}
