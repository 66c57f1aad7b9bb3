/* The selector of a receiver: from which position to read, and whose events (service 2.6).
 *
 *   amqp.annotation.x-opt-offset > '100' AND amqp.annotation.iothub-connection-device-id IN ('a', 'b')
 *
 * At most one position and one condition on senders, joined with AND in either order; parentheses where one likes. */
#pragma once

#include "ceilings.h"
#include "complaint.h"
#include "position.h"

struct selector {
    bool has_position;
    struct position position; /* FROM_EARLIEST when none was given */
    struct bytes devices[FILTER_DEVICES_MAX];
    size_t n_devices; /* 0: all */
    uint8_t text[SELECTOR_LEN_MAX];
    size_t text_len; /* device ids, unescaped; `devices` looks into it, so the struct must not be moved */
};

/* ERR_TOO_LARGE, ERR_LIMIT (too many senders), ERR_MALFORMED, ERR_MEMORY. */
enum err selector_parse(struct bytes text, struct selector *out, struct complaint *) MUST_CHECK;
