/* A connection of a registration, while the loop is run for it. */
#pragma once

#include "carrier.h"
#include "register.h"

struct attempt {
    struct registering *registering;
    struct carrier carrier;
    bool over;
};

void attempt_ended(struct attempt *); /* to be said by the talk's close() */
/* Until the talk has ended. `protocol` is that of a WebSocket. */
enum d2d_err attempt_run(struct attempt *, struct talk *, int port, const char *protocol, int64_t limit_ms);
