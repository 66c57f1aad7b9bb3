/* CA certificates in the log and in the checkpoint. */
#pragma once

#include "core.h"

enum {
    REC_CA = 7,
    CAS_ROOM = 2 * CAS_MAX, /* while a log is replayed onto a checkpoint that is ahead of it, those of both are there */
    CAS_VALUE_MAX = CAS_ROOM * (CA_LEN_MAX + 256)
};

extern const struct part authority_part;
