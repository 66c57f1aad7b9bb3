/* The conversation of one HTTP request: it is said, the answer is read, the connection ends. */
#pragma once

#include "http.h"
#include "talk.h"

struct http_talk {
    struct talk talk;
    struct bytes request; /* lent by the owner before it is carried */
    int64_t timeout_ms;
    void (*ended)(void *ctx, enum err why); /* the last call; OK: `in` has the whole answer */
    void *ctx;

    struct http_in in;
    int64_t until_ms;
    bool answered;
};

void http_talk_init(struct http_talk *);
void http_talk_close(struct http_talk *);
