/* Frames on their way out, with all the fields of their performatives. Proton leaves out those at the end that are
 * null, as it may (AMQP 1.0, 1.4); the cloud writes all, and clients read them by their number: pyamqp, which is in
 * azure-eventhub and azure-servicebus for Python, takes what follows the eleventh field of a transfer for its payload,
 * and wants handle-max to be a number.
 */
#pragma once

#include "buf.h"

enum { AMQP_WHOLE_ROOM = 24, AMQP_WHOLE_HEAD = 20 };

struct amqp_whole {
    uint32_t most; /* the longest frame that the peer takes: one for which there is no room stays short */
    uint8_t head[AMQP_WHOLE_HEAD]; /* of a frame that has begun */
    uint8_t have;                  /* of it */
    uint32_t before;               /* bytes that go out as they are, then what is missing, then so many bytes again */
    uint8_t missing[AMQP_WHOLE_ROOM], n_missing;
    uint32_t behind;
};

/* Appends what comes of `in`, the next part of a stream of frames. */
void amqp_whole(struct amqp_whole *, struct bytes in, struct buf *out);
/* Reads the longest frame of the peer out of its Open, and makes it shorter by the room that they may need, for
 * whoever writes the frames. */
void amqp_whole_open(struct amqp_whole *, uint8_t *open, size_t len);
