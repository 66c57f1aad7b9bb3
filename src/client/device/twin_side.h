/* The twin of a device as its conversations see it, whatever they speak: questions that wait for an answer, and the
 * desired properties, which are followed without a gap (device 2.12, 3.8). */
#pragma once

#include "d2d.h"
#include "err.h"
#include "list.h"

/* TWIN_ASKS_MAX: questions that may wait at once. */
enum { TWIN_ASKS_MAX = 64 };

enum twin_verb { TWIN_GET, TWIN_REPORT, TWIN_FOLLOW /* the desired properties; only AMQP asks for it */ };

struct twin_ask {
    struct list link;
    uint64_t id;
    enum twin_verb verb;
    bool said;               /* on this connection */
    int64_t until_ms;        /* once it is said: when its answer is late */
    d2d_twin_answered *done; /* NULL: nobody of the program */
    void *ctx;
    size_t len;
    char body[]; /* of a report: JSON */
};

struct twin_answer {
    enum d2d_err e;
    const char *why;
    int64_t version; /* of a report; 0: unknown */
    struct bytes body;
};

struct twin_side {
    struct list asks; /* in the order in which they were asked */
    size_t n;
    uint64_t last_id;
    bool follows;
    bool syncing;       /* the twin is asked for as a whole; notifications only tell how far it is */
    bool known;         /* `version` is one that the program has */
    int64_t version;    /* of the desired properties */
    int64_t ahead;      /* the highest that was notified while syncing */
    int64_t again_ms;   /* when to ask once more after a failure; 0: not */
    int64_t timeout_ms; /* of one question */
    void (*answered)(void *ctx, const struct twin_ask *, const struct twin_answer *);
    void (*desired)(void *ctx, const struct d2d_desired *); /* NULL: they are not followed */
    void (*failed)(void *ctx, const char *why);             /* the desired properties could not be read */
    void *ctx;
};

void twin_init(struct twin_side *, int64_t timeout_ms);
bool twin_is_wanted(const struct twin_side *); /* something of the twin is asked for or followed */
/* Given to the list. NULL: there are TWIN_ASKS_MAX, or no memory; `full` tells which. */
struct twin_ask *twin_put(struct twin_side *, enum twin_verb, struct bytes body, bool *full);
/* The next that is to be said on this connection, NULL: there is none; it has been said now. */
struct twin_ask *twin_ask_next(struct twin_side *, int64_t now_ms);
/* The connection is open for twins: what is followed is asked for first. `follow`: with a question of its own. */
void twin_opened(struct twin_side *, bool follow);
/* The connection is gone: everything is said again on the next one. */
void twin_rewind(struct twin_side *);
/* An answer came: a status of the hub, as HTTP's. One that nobody asked for is passed over. */
void twin_answer_came(struct twin_side *, uint64_t id, int64_t status, int64_t version, struct bytes body,
                      int64_t now_ms);
/* The desired properties changed. A body without a version is passed over. */
void twin_notified(struct twin_side *, struct bytes patch);
/* Answers that are late are failures. When to call again. */
int64_t twin_due(struct twin_side *, int64_t now_ms);
/* Nobody with this ctx is told any more: what waits for them tells `done` instead. */
void twin_forget(struct twin_side *, const void *ctx, d2d_twin_answered *done);
/* Something was asked on this connection that is not answered yet. */
bool twin_waits(const struct twin_side *);
/* Everything that waits is answered with this. */
void twin_end(struct twin_side *, enum d2d_err why);
