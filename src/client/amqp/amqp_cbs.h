/* A token put at $cbs, and put again before it expires, on the connection that it is for (device 3.3, service 1.7). */
#pragma once

#include "amqp_talk.h"

struct cbs {
    /* Set by the owner; lent. */
    struct amqp_talk *amqp;
    struct message_room *room;
    const char *audience;
    enum err (*token)(void *ctx, struct buf *out); /* one that expires in ttl_ms */
    void *ctx;
    void (*authorised)(struct cbs *); /* for the first time on this connection */
    int64_t ttl_ms;
    bool renews; /* false: a token that we did not make, which we can only show once */

    pn_link_t *ask, *answer;
    bool waiting, known;
    int64_t asked_ms, renew_ms;
};

void cbs_begin(struct cbs *); /* attaches its links and puts the first token */
bool cbs_is_mine(const struct cbs *, const pn_link_t *);
void cbs_delivery(struct cbs *, pn_delivery_t *); /* of one of its links */
int64_t cbs_due(struct cbs *, int64_t now_ms);    /* puts the next one in time; when to call again */
