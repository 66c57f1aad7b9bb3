/* The id of each message that the hub has accepted, which `send` prints. */
#pragma once

#include "cli.h"

enum { MESSAGE_ID_CAP = 37 };

/* A new id for a message that was given none: a random UUID. */
void message_id_make(char out[MESSAGE_ID_CAP]);

struct accepted {
    struct out out;
    bool quiet; /* people on a terminal read a sentence instead */
};

void accepted_begin(struct accepted *, enum out_format format);
/* False: it could not be written. */
bool accepted_put(struct accepted *, const char *message_id, const char *device);
