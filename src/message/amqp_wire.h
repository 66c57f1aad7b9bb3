/* AMQP 1.0 framing in front of Proton: whole frames are cut out of the stream, checked for what Proton would follow
 * into any depth, and the fields of an attach and a transfer that Proton does not show are read. */
#pragma once

#include "buf.h"
#include "ceilings.h"

/* Kinds of frames; the codes are AMQP's own (2.7). */
enum amqp_frame_code {
    AMQP_CODE_OPEN = 0x10,
    AMQP_CODE_BEGIN = 0x11,
    AMQP_CODE_ATTACH = 0x12,
    AMQP_CODE_FLOW = 0x13,
    AMQP_CODE_TRANSFER = 0x14,
    AMQP_CODE_DISPOSITION = 0x15,
    AMQP_CODE_DETACH = 0x16,
    AMQP_CODE_END = 0x17,
    AMQP_CODE_CLOSE = 0x18,
    AMQP_CODE_SASL_MECHANISMS = 0x40,
    AMQP_CODE_SASL_OUTCOME = 0x44,
};

struct amqp_attach {
    unsigned channel;
    bool sasl;     /* a frame of the SASL layer */
    uint64_t code; /* enum amqp_frame_code, or 0: a sign of life, or a frame of SASL */
    unsigned kept; /* of an open or an attach: values that Proton keeps a node for, that is not the fields themselves */
    bool answers;  /* of a begin: it claims to answer one of ours */
    uint32_t range;  /* of a disposition: deliveries after the first */
    bool has_handle; /* of the four that have one */
    uint32_t handle;
    bool snd_settle_mode; /* the peer named one; absent and `mixed` look alike in Proton */
    bool runtime_metric;  /* service 2.8: delivery annotations are wanted */
    /* Of a transfer, and then only of the first one of its delivery: */
    bool has_format;
    uint32_t format;
};

/* Proton keeps the handles above it for itself. */
#define AMQP_HANDLE_MAX 0x7fffffff

/* device 3.6: a message whose data sections are messages. */
enum { AMQP_BATCH = 0x80013700 };

/* Length of the frame or protocol header that `in` begins with; 0: not whole yet. ERR_PROTOCOL: it is none, or a frame
 * longer than `most`, which is known from its first four bytes. */
enum err amqp_unit(struct bytes in, size_t most, size_t *len) MUST_CHECK;

/* The protocol header of AMQP 1.0, with or without SASL. */
bool amqp_header_known(struct bytes unit);

/* The performative is one that a client sends, nesting and number of values are within bounds, lengths fit, channel and
 * handle are ones that there may be. `attach` says what of a frame we need to know. Allocates nothing. */
enum err amqp_frame_check(struct bytes frame, unsigned values_max, struct amqp_attach *attach) MUST_CHECK;
/* The next data section of a message; false at its end, or when it is not well-formed, which leaves *bad set. */
bool amqp_next_data(struct bytes *rest, struct bytes *data, bool *bad);
/* The same for the sections of a message. */
enum err amqp_message_check(struct bytes message) MUST_CHECK;
