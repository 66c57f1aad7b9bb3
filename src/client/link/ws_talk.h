/* A conversation in a WebSocket, as a client (RFC 6455, device 2.1): a talk that holds a talk. The inner one says its
 * bytes in binary messages, and hears what comes in them; where a message begins means nothing. */
#pragma once

#include "http.h"
#include "talk.h"
#include "ws.h"

enum ws_state {
    WS_WAIT_ANSWER, /* → WS_OPEN; over when refused or silent */
    WS_OPEN,
};

struct ws_talk {
    struct talk talk;
    /* Set by the owner before it is carried; lent. */
    struct talk *inner;
    const char *host, *path, *protocol;
    int port;
    int64_t timeout_ms;
    uint64_t seed; /* of keys and masks, never 0 */
    /* Instead of the inner close(), when it was never opened. */
    void (*failed)(void *ctx, enum err, const char *detail);
    void *ctx;

    enum ws_state state;
    bool gone;     /* its owner said goodbye */
    bool said_bye; /* a close frame has left: nothing can be said behind it */
    int64_t until_ms;
    char key[25];
    struct http_in answer;
    struct ws_in in;
    struct buf said, heard; /* by the inner talk, and not framed yet; for it, and not used yet */
    char detail[200];
};

/* Once; then it can be carried again and again. */
void ws_talk_init(struct ws_talk *);
void ws_talk_close(struct ws_talk *);
