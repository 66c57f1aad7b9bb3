/* Letters that come and go. */
#pragma once

#include "mailbox.h"

enum {
    REC_C2D = 17,       /* into a mailbox */
    REC_C2D_OUT = 18,   /* out of it, with its fate and, where it was wanted, what the feedback tells */
    REC_C2D_COUNT = 19, /* abandoned: its delivery count now */
};

enum err c2d_apply(struct hub *h, const struct record *r) MUST_CHECK;
enum err c2d_out_apply(struct hub *h, const struct record *r) MUST_CHECK;
enum err c2d_count_apply(struct hub *h, const struct record *r) MUST_CHECK;
/* The stored message behind the head of its record. */
enum err c2d_sections(struct bytes body, struct bytes *out) MUST_CHECK;
/* Under the shard's lock. Everything leaves with this fate; *n more. */
enum err mail_drop_all(struct hub *h, struct identity *i, enum fate fate, int64_t now_ms, uint64_t *n,
                       uint64_t *at) MUST_CHECK;
enum err letter_out(struct hub *h, struct identity *i, const struct letter *l, enum fate fate, int64_t now_ms,
                    uint64_t *at) MUST_CHECK;
enum err letter_settle(struct hub *h, struct identity *i, struct letter *l, enum outcome how, int64_t now_ms,
                       uint64_t *at) MUST_CHECK;
/* Under the shard's lock: what has expired leaves, locks that ended end. */
void mail_expire(struct hub *h, struct shard *s, struct identity *i, int64_t now_ms);
