#include "amqp_wire.h"

#define DEPTH_MAX 16           /* Proton recurses for each level; real frames have six */
#define VALUES_MAX 4096        /* of one frame: Proton keeps a node for each */
#define EMPTY_ELEMENTS_MAX 256 /* of an array whose elements have no bytes, so that its size does not bound it */

enum { CODE_NULL = 0x40, CODE_DESCRIBED = 0x00 };

struct walk {
    struct rd rd;
    unsigned values; /* that may still come */
};

static void skip_value(struct walk *w, unsigned depth);

static size_t fixed_width(uint8_t code)
{
    static const uint8_t widths[16] = {[4] = 0, [5] = 1, [6] = 2, [7] = 4, [8] = 8, [9] = 16};
    return widths[code >> 4];
}

/* The bytes inside a compound or an array, and how many elements they claim to be. */
static struct walk enter(struct walk *w, bool wide, uint32_t *count)
{
    struct bytes inside = rd_bytes(&w->rd, wide ? rd_u32(&w->rd) : rd_u8(&w->rd));
    struct walk in = {rd_over(inside), w->values};
    *count = wide ? rd_u32(&in.rd) : rd_u8(&in.rd);
    return in;
}

static void leave(struct walk *w, const struct walk *in)
{
    w->values = in->values;
    w->rd.bad |= in->rd.bad || rd_left(&in->rd);
}

static void skip_compound(struct walk *w, bool wide, unsigned depth)
{
    uint32_t count;
    struct walk in = enter(w, wide, &count);
    for (uint32_t i = 0; i < count && !in.rd.bad; i++)
        skip_value(&in, depth);
    leave(w, &in);
}

/* Elements of arrays are scalars here: no client sends arrays of lists, and each would be one more way to nest. */
static void skip_array(struct walk *w, bool wide, unsigned depth)
{
    uint32_t count;
    struct walk in = enter(w, wide, &count);
    uint8_t code = rd_u8(&in.rd);

    if (code == CODE_DESCRIBED) {
        skip_value(&in, depth);
        code = rd_u8(&in.rd);
    }
    size_t width = fixed_width(code);
    switch (code >> 4) {
    case 0x4:
        in.rd.bad |= count > EMPTY_ELEMENTS_MAX;
        break;
    case 0x5:
    case 0x6:
    case 0x7:
    case 0x8:
    case 0x9:
        in.rd.bad |= count > rd_left(&in.rd) / width;
        rd_bytes(&in.rd, count * width);
        break;
    case 0xa:
    case 0xb:
        for (uint32_t i = 0; i < count && !in.rd.bad; i++)
            rd_bytes(&in.rd, code >> 4 == 0xa ? rd_u8(&in.rd) : rd_u32(&in.rd));
        break;
    default:
        in.rd.bad = true;
    }
    in.rd.bad |= count > in.values;
    in.values -= in.rd.bad ? 0 : count;
    leave(w, &in);
}

static void skip_value(struct walk *w, unsigned depth)
{
    uint8_t code = rd_u8(&w->rd);

    if (!depth || !w->values) {
        w->rd.bad = true;
        return;
    }
    w->values--;
    switch (code >> 4) {
    case 0x0:
        w->rd.bad |= code != CODE_DESCRIBED;
        if (!w->rd.bad)
            skip_value(w, depth - 1);
        if (!w->rd.bad)
            skip_value(w, depth - 1);
        break;
    case 0x4:
    case 0x5:
    case 0x6:
    case 0x7:
    case 0x8:
    case 0x9:
        rd_bytes(&w->rd, fixed_width(code));
        break;
    case 0xa:
        rd_bytes(&w->rd, rd_u8(&w->rd));
        break;
    case 0xb:
        rd_bytes(&w->rd, rd_u32(&w->rd));
        break;
    case 0xc:
    case 0xd:
        skip_compound(w, code >> 4 == 0xd, depth - 1);
        break;
    case 0xe:
    case 0xf:
        skip_array(w, code >> 4 == 0xf, depth - 1);
        break;
    default:
        w->rd.bad = true;
    }
}

/* The descriptor of a described value; 0 when it is not a number. Leaves the walk behind it. */
static uint64_t descriptor(struct walk *w)
{
    struct rd peek = w->rd;
    uint64_t code = 0;

    rd_u8(&w->rd);
    if (rd_u8(&peek) == CODE_DESCRIBED) {
        uint8_t width = rd_u8(&peek);
        code = width == 0x53 ? rd_u8(&peek) : width == 0x80 ? rd_u64(&peek) : 0;
    }
    skip_value(w, DEPTH_MAX);
    return w->rd.bad ? 0 : code;
}

/* The handle stands in a place of its own in each of the four lists (AMQP 1.0, 2.7.3 to 2.7.7). */
static void read_handle(struct walk w, uint32_t place, struct amqp_attach *out)
{
    uint8_t code = rd_u8(&w.rd);
    uint32_t count;

    if (code != 0xc0 && code != 0xd0)
        return;
    struct walk in = enter(&w, code == 0xd0, &count);
    for (uint32_t i = 0; i < place && i < count && !in.rd.bad; i++)
        skip_value(&in, DEPTH_MAX);
    code = count > place ? rd_u8(&in.rd) : CODE_NULL;
    out->has_handle = !in.rd.bad && (code == 0x43 || code == 0x52 || code == 0x70);
    out->handle = code == 0x70 ? rd_u32(&in.rd) : code == 0x52 ? rd_u8(&in.rd) : 0;
}

/* The list of an attach: 3 is snd-settle-mode, 12 desired-capabilities (AMQP 1.0, 2.7.3). */
static void read_attach(struct walk w, struct amqp_attach *out)
{
    uint8_t code = rd_u8(&w.rd);
    uint32_t count;

    if (code != 0xc0 && code != 0xd0)
        return;
    struct walk in = enter(&w, code == 0xd0, &count);
    for (uint32_t i = 0; i < count && !in.rd.bad; i++) {
        const uint8_t *start = in.rd.at;
        skip_value(&in, DEPTH_MAX);
        struct bytes field = bytes_of(start, (size_t)(in.rd.at - start));
        if (i == 3)
            out->snd_settle_mode = field.len && *field.at != CODE_NULL;
        if (i == 12)
            out->runtime_metric =
                bytes_find_bytes(field, BYTES("com.microsoft:enable-receiver-runtime-metric")) < field.len;
    }
}

/* The list of a transfer: 3 is message-format, which the first one of a delivery has (AMQP 1.0, 2.7.5). */
static void read_transfer(struct walk w, struct amqp_attach *out)
{
    uint8_t code = rd_u8(&w.rd);
    uint32_t count;

    if (code != 0xc0 && code != 0xd0)
        return;
    struct walk in = enter(&w, code == 0xd0, &count);
    for (uint32_t i = 0; i < 3 && i < count && !in.rd.bad; i++)
        skip_value(&in, DEPTH_MAX);
    code = count > 3 ? rd_u8(&in.rd) : CODE_NULL;
    out->has_format = !in.rd.bad && (code == 0x43 || code == 0x52 || code == 0x70);
    out->format = code == 0x70 ? rd_u32(&in.rd) : code == 0x52 ? rd_u8(&in.rd) : 0;
}

bool amqp_next_data(struct bytes *rest, struct bytes *data, bool *bad)
{
    enum { DATA = 0x75 };
    struct walk w = {rd_over(*rest), VALUES_MAX};

    while (!w.rd.bad && rd_left(&w.rd)) {
        uint64_t code = descriptor(&w);
        struct walk value = w;

        skip_value(&w, DEPTH_MAX);
        if (w.rd.bad || code != DATA)
            continue;
        uint8_t width = rd_u8(&value.rd);
        *data = rd_bytes(&value.rd, width == 0xa0 ? rd_u8(&value.rd) : rd_u32(&value.rd));
        *bad = value.rd.bad || (width != 0xa0 && width != 0xb0);
        *rest = bytes_of(w.rd.at, rd_left(&w.rd));
        return !*bad;
    }
    *bad |= w.rd.bad;
    return false;
}

enum err amqp_unit(struct bytes in, size_t *len)
{
    struct rd rd = rd_over(in);

    *len = 0;
    if (in.len < 8)
        return OK;
    uint32_t size = bytes_starts(in, BYTES("AMQP")) ? 8 : rd_u32(&rd);
    if (size < 8 || size > AMQP_FRAME_MAX)
        return ERR_PROTOCOL;
    if (size <= in.len)
        *len = size;
    return OK;
}

bool amqp_header_known(struct bytes unit)
{
    return bytes_eq(unit, BYTES("AMQP\x00\x01\x00\x00")) || bytes_eq(unit, BYTES("AMQP\x03\x01\x00\x00"));
}

enum err amqp_frame_check(struct bytes frame, struct amqp_attach *attach)
{
    struct rd head = rd_over(frame);

    *attach = (struct amqp_attach){0};
    rd_u32(&head);
    size_t offset = (size_t)rd_u8(&head) * 4;
    bool sasl = rd_u8(&head) != 0;
    attach->channel = rd_u16(&head);
    if (offset < 8 || offset > frame.len)
        return ERR_PROTOCOL;
    struct walk w = {rd_over(bytes_skip(frame, offset)), VALUES_MAX};
    if (!rd_left(&w.rd))
        return OK; /* a sign of life */
    uint64_t code = descriptor(&w);
    struct walk list = w;
    skip_value(&w, DEPTH_MAX);
    if (w.rd.bad || (rd_left(&w.rd) && code != AMQP_CODE_TRANSFER))
        return ERR_MALFORMED;
    if (sasl)
        return OK;
    attach->code = code;
    if (code == AMQP_CODE_ATTACH)
        read_attach(list, attach);
    else if (code == AMQP_CODE_TRANSFER)
        read_transfer(list, attach);
    if (code == AMQP_CODE_ATTACH || code == AMQP_CODE_FLOW)
        read_handle(list, code == AMQP_CODE_FLOW ? 4 : 1, attach);
    else if (code == AMQP_CODE_TRANSFER || code == AMQP_CODE_DETACH)
        read_handle(list, 0, attach);
    return OK;
}

enum err amqp_message_check(struct bytes message)
{
    struct walk w = {rd_over(message), VALUES_MAX};
    while (!w.rd.bad && rd_left(&w.rd))
        skip_value(&w, DEPTH_MAX);
    return w.rd.bad ? ERR_MALFORMED : OK;
}
