#include "amqp_wire.h"

#define DEPTH_MAX 16           /* Proton recurses for each level; real frames have six */
#define VALUES_MAX 4096        /* of one message: Proton keeps a node for each */
#define TERMINUS_FIELDS 11     /* of a source; a target has fewer (AMQP 1.0, 3.5.3) */
#define EMPTY_ELEMENTS_MAX 256 /* of an array whose elements have no bytes, so that its size does not bound it */

enum { CODE_NULL = 0x40, CODE_DESCRIBED = 0x00, CODE_UINT_0 = 0x43, CODE_SMALL_UINT = 0x52, CODE_UINT = 0x70 };

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

/* The fields of a performative, of which `n` are there; false: it is no list with fields. */
static bool enter_list(struct walk *w, struct walk *in, uint32_t *n)
{
    uint8_t code = rd_u8(&w->rd);

    if (code != 0xc0 && code != 0xd0)
        return false;
    *in = enter(w, code == 0xd0, n);
    return !in->rd.bad;
}

/* The number in a field of its own place; false: it is not there, or no uint. */
static bool read_uint(struct walk w, uint32_t place, uint32_t *out)
{
    struct walk in;
    uint32_t n;

    *out = 0;
    if (!enter_list(&w, &in, &n) || n <= place)
        return false;
    for (uint32_t i = 0; i < place && !in.rd.bad; i++)
        skip_value(&in, DEPTH_MAX);
    uint8_t code = rd_u8(&in.rd);
    *out = code == CODE_UINT ? rd_u32(&in.rd) : code == CODE_SMALL_UINT ? rd_u8(&in.rd) : 0;
    return !in.rd.bad && (code == CODE_UINT_0 || code == CODE_SMALL_UINT || code == CODE_UINT);
}

/* The handle stands in a place of its own in each of the four lists (AMQP 1.0, 2.7.3 to 2.7.7). */
static enum err read_handle(struct walk w, uint32_t place, struct amqp_attach *out)
{
    out->has_handle = read_uint(w, place, &out->handle);
    return out->handle > AMQP_HANDLE_MAX ? ERR_PROTOCOL : OK;
}

/* The fields of a source or a target, which Proton keeps in a struct: not nodes. Its descriptor, itself, its list. */
static unsigned fields_of(struct bytes terminus)
{
    struct walk w = {rd_over(terminus), VALUES_MAX}, in;
    uint32_t n;

    if (!terminus.len || *terminus.at != CODE_DESCRIBED)
        return 1;
    rd_u8(&w.rd);
    skip_value(&w, DEPTH_MAX);
    return 3 + (!enter_list(&w, &in, &n) ? 0 : n < TERMINUS_FIELDS ? n : TERMINUS_FIELDS);
}

/* The list of an attach: 3 is snd-settle-mode, 5 and 6 are source and target, 12 desired-capabilities (AMQP 1.0,
 * 2.7.3). */
static void read_attach(struct walk w, struct amqp_attach *out)
{
    struct walk in;
    uint32_t n;

    if (!enter_list(&w, &in, &n))
        return;
    for (uint32_t i = 0; i < n && !in.rd.bad; i++) {
        const uint8_t *start = in.rd.at;
        unsigned before = in.values;

        skip_value(&in, DEPTH_MAX);
        struct bytes field = bytes_of(start, (size_t)(in.rd.at - start));
        unsigned free = i == 5 || i == 6 ? fields_of(field) : 1, values = before - in.values;
        out->kept += values > free ? values - free : 0;
        if (i == 3)
            out->snd_settle_mode = field.len && *field.at != CODE_NULL;
        if (i == 12)
            out->runtime_metric =
                bytes_find_bytes(field, BYTES("com.microsoft:enable-receiver-runtime-metric")) < field.len;
    }
}

/* The list of an open: whatever is in its fields (AMQP 1.0, 2.7.1). */
static void read_open(struct walk w, struct amqp_attach *out)
{
    struct walk in;
    uint32_t n;

    if (!enter_list(&w, &in, &n))
        return;
    unsigned before = in.values;
    for (uint32_t i = 0; i < n && !in.rd.bad; i++)
        skip_value(&in, DEPTH_MAX);
    out->kept = before - in.values > n ? before - in.values - n : 0;
}

/* remote-channel is the first field of a begin (AMQP 1.0, 2.7.2). */
static void read_begin(struct walk w, struct amqp_attach *out)
{
    struct walk in;
    uint32_t n;

    out->answers = enter_list(&w, &in, &n) && n && rd_u8(&in.rd) != CODE_NULL;
}

/* The list of a disposition: 1 is first, 2 is last (AMQP 1.0, 2.7.6). */
static void read_disposition(struct walk w, struct amqp_attach *out)
{
    uint32_t first, last;

    if (read_uint(w, 1, &first) && read_uint(w, 2, &last))
        out->range = last - first;
}

/* The list of a transfer: 3 is message-format, which the first one of a delivery has (AMQP 1.0, 2.7.5). */
static void read_transfer(struct walk w, struct amqp_attach *out)
{
    out->has_format = read_uint(w, 3, &out->format);
}

/* The facts that we need of a performative whose list is well-formed. */
static enum err read_fields(struct walk list, struct amqp_attach *out)
{
    switch (out->code) {
    case AMQP_CODE_OPEN:
        read_open(list, out);
        return OK;
    case AMQP_CODE_BEGIN:
        read_begin(list, out);
        return OK;
    case AMQP_CODE_ATTACH:
        read_attach(list, out);
        return read_handle(list, 1, out);
    case AMQP_CODE_FLOW:
        return read_handle(list, 4, out);
    case AMQP_CODE_TRANSFER:
        read_transfer(list, out);
        return read_handle(list, 0, out);
    case AMQP_CODE_DISPOSITION:
        read_disposition(list, out);
        return OK;
    case AMQP_CODE_DETACH:
        return read_handle(list, 0, out);
    default:
        return OK;
    }
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

enum err amqp_unit(struct bytes in, size_t most, size_t *len)
{
    struct rd rd = rd_over(in);

    *len = 0;
    if (in.len < 4)
        return OK;
    uint32_t size = bytes_starts(in, BYTES("AMQP")) ? 8 : rd_u32(&rd);
    if (size < 8 || size > most)
        return ERR_PROTOCOL;
    if (size <= in.len)
        *len = size;
    return OK;
}

bool amqp_header_known(struct bytes unit)
{
    return bytes_eq(unit, BYTES("AMQP\x00\x01\x00\x00")) || bytes_eq(unit, BYTES("AMQP\x03\x01\x00\x00"));
}

/* The performatives of each layer (AMQP 1.0, 2.7 and 5.3.3). */
static bool is_performative(uint64_t code, bool sasl)
{
    return sasl ? code >= AMQP_CODE_SASL_MECHANISMS && code <= AMQP_CODE_SASL_OUTCOME
                : code >= AMQP_CODE_OPEN && code <= AMQP_CODE_CLOSE;
}

enum err amqp_frame_check(struct bytes frame, unsigned values_max, struct amqp_attach *attach)
{
    struct rd head = rd_over(frame);

    *attach = (struct amqp_attach){0};
    rd_u32(&head);
    size_t offset = (size_t)rd_u8(&head) * 4;
    uint8_t type = rd_u8(&head);
    attach->channel = rd_u16(&head);
    attach->sasl = type == 1;
    if (offset < 8 || offset > frame.len)
        return ERR_MALFORMED;
    if (type > 1 || (!attach->sasl && attach->channel > AMQP_CHANNEL_MAX))
        return ERR_PROTOCOL;
    struct walk w = {rd_over(bytes_skip(frame, offset)), values_max};
    if (!rd_left(&w.rd))
        return OK; /* a sign of life */
    uint64_t code = descriptor(&w);
    struct walk list = w;
    skip_value(&w, DEPTH_MAX);
    if (w.rd.bad || !is_performative(code, attach->sasl) || (rd_left(&w.rd) && code != AMQP_CODE_TRANSFER))
        return ERR_MALFORMED;
    if (attach->sasl)
        return OK;
    attach->code = code;
    return read_fields(list, attach);
}

enum err amqp_message_check(struct bytes message)
{
    struct walk w = {rd_over(message), VALUES_MAX};
    while (!w.rd.bad && rd_left(&w.rd))
        skip_value(&w, DEPTH_MAX);
    return w.rd.bad ? ERR_MALFORMED : OK;
}
