/* Policies in the log and in the checkpoint. */
#pragma once

#include "cold.h"

enum { REC_POLICY = 2, POLICIES = 6 };

struct policies {
    struct policy at[POLICIES];
    size_t n;
    struct cold kept;
};

extern const struct part policy_part;

/* The value of the checkpoint that has these. */
void policies_encode(struct buf *b, const struct policy *p, size_t n);
