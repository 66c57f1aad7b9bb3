/* WebSocket frames as both sides read and write them (RFC 6455). Bytes in, pieces of messages out: a message is never
 * collected, for what we carry is a stream (device 2.1). */
#pragma once

#include "buf.h"
#include "ceilings.h"

#include <wslay/wslay.h>

enum ws_step {
    WS_STEP_MORE,  /* nothing complete: call again with more */
    WS_STEP_DATA,  /* a piece of a binary message */
    WS_STEP_PING,  /* to be answered with the same payload */
    WS_STEP_CLOSE, /* the peer ends; see `code` */
    WS_STEP_BAD,   /* see `code` and `why`; nothing can be read here any more */
};

enum {
    WS_NORMAL = 1000,
    WS_PROTOCOL_ERROR = 1002,
    WS_UNSUPPORTED = 1003,
    WS_NO_CODE = 1005, /* never sent: there was none */
    WS_NOT_TEXT = 1007,
    WS_POLICY = 1008,
    WS_TOO_BIG = 1009,
};

/* Whose frames are read. Those of a client are masked, those of a server are not (RFC 6455 5.1). */
enum ws_side { WS_OF_CLIENT, WS_OF_SERVER };

struct ws_in {
    unsigned code;   /* of a close, or why it is bad */
    const char *why; /* for people */
    /* Below: the reader's own. */
    wslay_frame_context_ptr frames;
    enum ws_side side;
    struct bytes in; /* lent while it reads */
    uint64_t left;   /* of the payload of this frame */
    bool inside;     /* a frame has begun */
    bool fragmented; /* a message has begun and its last frame is still to come */
    uint8_t opcode;  /* of this frame */
    bool fin;
    bool ended;
    uint8_t control[125]; /* RFC 6455 5.5 */
    size_t control_len;
};

/* ERR_MEMORY. */
enum err ws_in_init(struct ws_in *, enum ws_side) MUST_CHECK;
void ws_in_free(struct ws_in *);
/* A step. The bytes that it took go off the front of `in`; a little is kept inside, so that it is to be called until it
 * wants more, with nothing new too. `out`, lent until the next call: of DATA and PING. */
enum ws_step ws_read(struct ws_in *, struct bytes *in, struct bytes *out) MUST_CHECK;

/* The head of an unfragmented frame; `len` bytes of payload follow. */
void ws_put_head(struct buf *b, enum wslay_opcode opcode, size_t len);
/* Bytes of a stream as binary messages: one, or two or three where a record of TLS would end with the first bytes of
 * the next frame. It is taken that records begin where `b` does, and are full. Java's reader turns in circles when
 * two bytes of a head come alone. */
void ws_put_stream(struct buf *b, struct bytes bytes);
enum { WS_RECORD = 16 * 1024 };
/* A close frame with a code. */
void ws_put_close(struct buf *b, unsigned code);
/* A whole frame of a client. The mask should differ each time. */
void ws_put_masked(struct buf *b, enum wslay_opcode opcode, struct bytes payload, uint32_t mask);

enum { WS_ACCEPT_CAP = 29 };
/* RFC 6455 4.2.2: what answers a key. */
bool ws_accept(struct bytes key, char out[WS_ACCEPT_CAP]) MUST_CHECK;
