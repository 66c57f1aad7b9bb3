/* The beginning of most tests: a hub, and a client that has not said anything yet. */
#pragma once

#include "amqp_message.h"

static struct client c, c2; /* the second one is for those who open it */

static inline int client_start_with(unsigned partitions)
{
    world_open(partitions);
    memset(&c, 0, sizeof c);
    memset(&c2, 0, sizeof c2);
    return 0;
}

static inline int client_start(void **state)
{
    (void)state;
    return client_start_with(1);
}

static inline int client_stop(void **state)
{
    (void)state;
    client_close(&c);
    if (c2.join.hub.talk)
        client_close(&c2);
    world_close();
    return 0;
}

/* Connected, and with its token shown. */
static inline void open_as(struct client *client, const char *id)
{
    client_open(client, NO_SASL, NULL, NULL);
    client_open_cbs(client);
    CHECK(client_prove(client, id) == 200);
}
