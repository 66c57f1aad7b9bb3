/* Consumer groups in the log and in the checkpoint. */
#pragma once

#include "core.h"

enum { REC_GROUPS = 6 };

extern const struct part group_part;

bool group_is_there(const struct hub *h, struct bytes name); /* under `cold` */
