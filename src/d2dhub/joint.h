/* Where a connection of `net` meets a conversation of `front`: neither knows the other. */
#pragma once

#include "front.h"
#include "net.h"

/* What a listener makes for each connection. */
struct door {
    const char *protocol; /* "mqtts" */
    const struct front_env *env;
    enum err (*make)(const struct front_env *, const struct peer *, int64_t now_ms, struct front **out);
};

/* A net_accept; ctx is a struct door. */
enum err joint_accept(void *ctx, struct net_conn *conn, const struct net_peer *peer, int64_t now_ms,
                      struct net_talk *talk);
