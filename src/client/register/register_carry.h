/* A connection of a registration, while the loop is run for it. */
#pragma once

#include "carrier.h"
#include "register.h"

struct register_carry {
    struct registering *registering;
    struct carrier carrier;
    bool over;
};

void register_carry_ended(struct register_carry *); /* to be said by the talk's close() */
/* Until the talk has ended. `protocol` is that of a WebSocket. */
enum d2d_err register_carry_run(struct register_carry *, struct talk *, int port, const char *protocol,
                                int64_t limit_ms);
