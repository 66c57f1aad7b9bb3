/* AMQP 1.0 framing in front of Proton: whole frames are cut out of the stream, checked for what Proton would follow into
 * any depth, and the fields of an attach and a transfer that Proton does not show are read. */
#pragma once

#include "buf.h"
#include "limits.h"

struct amqp_attach {
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

/* Nesting and number of values are within bounds, lengths fit. `attach` is filled when the frame is one, else cleared. */
enum err amqp_frame_check(struct bytes frame, struct amqp_attach *attach) MUST_CHECK;
/* The next data section of a message; false at its end, or when it is not well-formed, which leaves *bad set. */
bool amqp_next_data(struct bytes *rest, struct bytes *data, bool *bad);
/* The same for the sections of a message. */
enum err amqp_message_check(struct bytes message) MUST_CHECK;
