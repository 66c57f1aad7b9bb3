/* A front that holds a front: from an upgrade on, its connection is a WebSocket with a conversation in it. */
#pragma once

#include "http_front.h"

struct ws;

/* The conversation says its bytes in binary messages and hears what comes in them; where a message begins means
 * nothing. `outer` is the front that the connection knows. ERR_MEMORY. */
enum err ws_open(struct talk *outer, const struct front_env *, const struct peer *, ws_maker *, int64_t now_ms,
                 struct ws **out) MUST_CHECK;
size_t ws_input(struct ws *, struct bytes in, int64_t now_ms);
void ws_wake(struct ws *, int64_t now_ms);
int64_t ws_tick(struct ws *, int64_t now_ms);
void ws_close(struct ws *, enum err why, int64_t now_ms);
