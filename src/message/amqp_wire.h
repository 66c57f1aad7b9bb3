/* AMQP 1.0 framing in front of Proton: whole frames are cut out of the stream, checked for what Proton would follow
 * into any depth, and the fields of an attach and a transfer that Proton does not show are read. */
#pragma once

#include "buf.h"
#include "ceilings.h"

/* What a frame is; the codes are AMQP's own (2.7). */
enum amqp_frame_code {
    AMQP_CODE_ATTACH = 0x12,
    AMQP_CODE_FLOW = 0x13,
    AMQP_CODE_TRANSFER = 0x14,
    AMQP_CODE_DETACH = 0x16,
    AMQP_CODE_END = 0x17,
};

struct amqp_attach {
    unsigned channel;
    uint64_t code;   /* enum amqp_frame_code, another one, or 0: a sign of life, or a frame of SASL */
    bool has_handle; /* of the four that have one */
    uint32_t handle;
    bool snd_settle_mode; /* the peer named one; absent and `mixed` look alike in Proton */
    bool runtime_metric;  /* service 2.8: delivery annotations are wanted */
    /* Of a transfer, and then only of the first one of its delivery: */
    bool has_format;
    uint32_t format;
};

/* device 3.6: a message whose data sections are messages. */
enum { AMQP_BATCH = 0x80013700 };

/* Length of the frame or protocol header that `in` begins with; 0: not whole yet. ERR_PROTOCOL: it is none. */
enum err amqp_unit(struct bytes in, size_t *len) MUST_CHECK;

/* The protocol header of AMQP 1.0, with or without SASL. */
bool amqp_header_known(struct bytes unit);

/* Nesting and number of values are within bounds, lengths fit. `attach` says what of a frame we need to know. */
enum err amqp_frame_check(struct bytes frame, struct amqp_attach *attach) MUST_CHECK;
/* The next data section of a message; false at its end, or when it is not well-formed, which leaves *bad set. */
bool amqp_next_data(struct bytes *rest, struct bytes *data, bool *bad);
/* The same for the sections of a message. */
enum err amqp_message_check(struct bytes message) MUST_CHECK;
