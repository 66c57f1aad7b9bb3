#include "ws.h"

#include "text.h"

#include <openssl/evp.h>
#include <stdio.h>

/* ---- reading --------------------------------------------------------------------------------------------------- */

static ssize_t on_want(uint8_t *at, size_t len, int flags, void *ctx)
{
    struct ws_in *w = ctx;
    struct bytes part = bytes_first(w->in, len);

    (void)flags;
    if (!part.len)
        return -1; /* which to wslay is: not yet */
    memcpy(at, part.at, part.len);
    w->in = bytes_skip(w->in, part.len);
    return (ssize_t)part.len;
}

enum err ws_in_init(struct ws_in *w, enum ws_side side)
{
    const struct wslay_frame_callbacks callbacks = {.recv_callback = on_want};

    memset(w, 0, sizeof *w);
    w->side = side;
    return wslay_frame_context_init(&w->frames, &callbacks, w) ? ERR_MEMORY : OK;
}

void ws_in_free(struct ws_in *w)
{
    if (w->frames)
        wslay_frame_context_free(w->frames);
    w->frames = NULL;
}

static enum ws_step bad(struct ws_in *w, unsigned code, const char *why)
{
    w->ended = true;
    w->code = code;
    w->why = why;
    return WS_STEP_BAD;
}

/* RFC 6455 5.1-5.5: what a frame may be. OK is MORE here. */
static enum ws_step begin(struct ws_in *w, const struct wslay_frame_iocb *f)
{
    if (!f->mask != (w->side == WS_OF_SERVER))
        return bad(w, WS_PROTOCOL_ERROR,
                   f->mask ? "a frame of a server is masked" : "a frame of a client is not masked");
    if (f->rsv)
        return bad(w, WS_PROTOCOL_ERROR, "a reserved bit is set");
    switch (f->opcode) {
    case WSLAY_CONTINUATION_FRAME:
        if (!w->fragmented)
            return bad(w, WS_PROTOCOL_ERROR, "a message is continued that has not begun");
        break;
    case WSLAY_BINARY_FRAME:
        if (w->fragmented)
            return bad(w, WS_PROTOCOL_ERROR, "a message begins within another");
        break;
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
        if (!f->fin || f->payload_length > sizeof w->control)
            return bad(w, WS_PROTOCOL_ERROR, "a control frame is in parts or too long");
        break;
    case WSLAY_TEXT_FRAME:
        return bad(w, WS_UNSUPPORTED, "messages must be binary");
    default:
        return bad(w, WS_PROTOCOL_ERROR, "a frame of an unknown kind");
    }
    if (w->side == WS_OF_CLIENT && f->payload_length > WS_FRAME_MAX)
        return bad(w, WS_TOO_BIG, "a frame is larger than the limit");
    w->inside = true;
    w->left = f->payload_length;
    w->opcode = f->opcode;
    w->fin = f->fin;
    w->control_len = 0;
    return WS_STEP_MORE;
}

/* RFC 6455 7.4: codes that may be sent. */
static bool is_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static enum ws_step take_close(struct ws_in *w)
{
    unsigned code = w->control_len >= 2 ? (unsigned)w->control[0] << 8 | w->control[1] : WS_NO_CODE;

    if (w->control_len == 1 || (w->control_len && !is_code(code)))
        return bad(w, WS_PROTOCOL_ERROR, "a close frame has no valid code");
    if (w->control_len && !utf8_valid(bytes_of(w->control + 2, w->control_len - 2)))
        return bad(w, WS_NOT_TEXT, "the reason of a close frame is not UTF-8");
    w->ended = true;
    w->code = code;
    return WS_STEP_CLOSE;
}

/* A piece of the frame that has begun. */
static enum ws_step take(struct ws_in *w, const struct wslay_frame_iocb *f, struct bytes *out)
{
    bool control = w->opcode >= WSLAY_CONNECTION_CLOSE;

    w->left -= f->data_length;
    w->inside = w->left > 0;
    if (!control) {
        if (!w->inside)
            w->fragmented = !w->fin;
        *out = bytes_of(f->data, f->data_length);
        return f->data_length ? WS_STEP_DATA : WS_STEP_MORE;
    }
    if (f->data_length)
        memcpy(w->control + w->control_len, f->data, f->data_length);
    w->control_len += f->data_length;
    if (w->inside || w->opcode == WSLAY_PONG)
        return WS_STEP_MORE;
    *out = bytes_of(w->control, w->control_len);
    return w->opcode == WSLAY_PING ? WS_STEP_PING : take_close(w);
}

enum ws_step ws_read(struct ws_in *w, struct bytes *in, struct bytes *out)
{
    enum ws_step step = WS_STEP_MORE;

    w->in = *in;
    while (step == WS_STEP_MORE) {
        struct wslay_frame_iocb f = {0};
        ssize_t n = w->ended ? WSLAY_ERR_PROTO : wslay_frame_recv(w->frames, &f);

        if (n == WSLAY_ERR_WANT_READ)
            break;
        if (n < 0)
            step = bad(w, WS_PROTOCOL_ERROR, "a frame is not well-formed");
        else if (w->inside || (step = begin(w, &f)) == WS_STEP_MORE)
            step = take(w, &f, out);
    }
    *in = w->in;
    w->in = NO_BYTES;
    return step;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static void put_head(struct buf *b, enum wslay_opcode opcode, uint8_t masked, size_t len)
{
    buf_put_u8(b, (uint8_t)(0x80 | opcode));
    if (len < 126) {
        buf_put_u8(b, (uint8_t)(masked | len));
    } else if (len <= UINT16_MAX) {
        buf_put_u8(b, masked | 126);
        buf_put_u16(b, (uint16_t)len);
    } else {
        buf_put_u8(b, masked | 127);
        buf_put_u64(b, len);
    }
}

void ws_put_head(struct buf *b, enum wslay_opcode opcode, size_t len)
{
    put_head(b, opcode, 0, len);
}

void ws_put_masked(struct buf *b, enum wslay_opcode opcode, struct bytes payload, uint32_t mask)
{
    enum { MASKED = 0x80 };
    size_t from;

    put_head(b, opcode, MASKED, payload.len);
    buf_put_u32(b, mask);
    from = b->len;
    buf_put(b, payload);
    for (size_t i = 0; !b->bad && i < payload.len; i++)
        b->at[from + i] ^= (uint8_t)(mask >> (24 - 8 * (i % 4)));
}

static size_t head_len(size_t len)
{
    return len < 126 ? 2 : len <= UINT16_MAX ? 4 : 10;
}

/* A frame that begins at `at` has more than two bytes in its record. */
static bool begins_well(size_t at)
{
    return WS_RECORD - at % WS_RECORD > 2;
}

/* How much of `len` bytes goes into a second frame, so that both it and what comes behind begin well; 0: nothing. */
static size_t tail_of(size_t at, size_t len)
{
    enum { MOST = 16 };

    if (begins_well(at + head_len(len) + len))
        return 0;
    for (size_t tail = 1; tail <= MOST && tail < len; tail++) {
        size_t second = at + head_len(len - tail) + len - tail;

        if (begins_well(second) && begins_well(second + head_len(tail) + tail))
            return tail;
    }
    return 0;
}

void ws_put_stream(struct buf *b, struct bytes bytes)
{
    size_t tail = tail_of(b->len, bytes.len);

    /* A head that gets shorter by two when a tail is taken off, which has one of two: one byte goes first. */
    if (!tail && bytes.len > 16 && !begins_well(b->len + head_len(bytes.len) + bytes.len) && begins_well(b->len + 3)) {
        ws_put_head(b, WSLAY_BINARY_FRAME, 1);
        buf_put(b, bytes_first(bytes, 1));
        bytes = bytes_skip(bytes, 1);
        tail = tail_of(b->len, bytes.len);
    }
    ws_put_head(b, WSLAY_BINARY_FRAME, bytes.len - tail);
    buf_put(b, bytes_first(bytes, bytes.len - tail));
    if (!tail)
        return;
    ws_put_head(b, WSLAY_BINARY_FRAME, tail);
    buf_put(b, bytes_skip(bytes, bytes.len - tail));
}

/* Never without a code: a frame of two bytes makes Java's reader turn in circles (service 1.8). */
void ws_put_close(struct buf *b, unsigned code)
{
    ws_put_head(b, WSLAY_CONNECTION_CLOSE, 2);
    buf_put_u16(b, (uint16_t)(code == WS_NO_CODE ? WS_NORMAL : code));
}

/* ---- the handshake --------------------------------------------------------------------------------------------- */

bool ws_accept(struct bytes key, char out[WS_ACCEPT_CAP])
{
    static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t plain[16], hash[EVP_MAX_MD_SIZE];
    struct buf text = buf_max(64);
    unsigned n = 0;
    size_t len;
    bool fine;

    if (base64_decode(key, plain, sizeof plain, &len) || len != sizeof plain)
        return false;
    buf_put(&text, key);
    buf_puts(&text, GUID);
    fine = !text.bad && EVP_Digest(text.at, text.len, hash, &n, EVP_sha1(), NULL);
    buf_clear(&text);
    buf_put_base64(&text, bytes_of(hash, n));
    fine = fine && bytes_to_str(buf_bytes(&text), out, WS_ACCEPT_CAP);
    buf_free(&text);
    return fine;
}
