/* AMQP 1.0 framing in front of Proton: whole frames are cut out of the stream, checked for what Proton would follow into
 * any depth, and the fields of an attach that Proton does not show are read. */
#pragma once

#include "buf.h"
#include "limits.h"

struct amqp_attach {
    bool snd_settle_mode; /* the peer named one; absent and `mixed` look alike in Proton */
    bool runtime_metric;  /* service 2.8: delivery annotations are wanted */
};

/* Length of the frame or protocol header that `in` begins with; 0: not whole yet. ERR_PROTOCOL: it is none. */
enum err amqp_unit(struct bytes in, size_t *len) MUST_CHECK;

/* The protocol header of AMQP 1.0, with or without SASL. */
bool amqp_header_known(struct bytes unit);

/* Nesting and number of values are within bounds, lengths fit. `attach` is filled when the frame is one, else cleared. */
enum err amqp_frame_check(struct bytes frame, struct amqp_attach *attach) MUST_CHECK;
/* The same for the sections of a message. */
enum err amqp_message_check(struct bytes message) MUST_CHECK;
