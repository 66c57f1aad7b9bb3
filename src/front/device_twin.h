/* Requests of a device about its own twin, and the answers, over MQTT and AMQP alike (device 2.12, 3.8). */
#pragma once

#include "env.h"

/* Every request has an answer: some clients wait an hour for one. */
struct twin_reply {
    unsigned status; /* 200, 204, or of a failure the first three digits of its code */
    int64_t version; /* that the reported properties have now; -1: nothing was reported */
    uint64_t after;  /* the place that the answer has to wait for; 0: none */
    struct buf body; /* JSON: the twin, or why not; nothing with 204. Freed by the caller */
};

/* The whole twin, as of now. */
void twin_reply_get(const struct front_env *, struct seat *, int64_t now_ms, struct twin_reply *out);
/* A merge patch of the reported properties. `expected`: the version that they should have now; -1: any. */
void twin_reply_report(const struct front_env *, struct seat *, struct bytes patch, int64_t expected, int64_t now_ms,
                       struct twin_reply *out);
/* A request that does not get as far. */
void twin_reply_fail(const struct front_env *, unsigned code, struct bytes message, int64_t now_ms,
                     struct twin_reply *out);
