#include "carrier.h"

static struct talk *in_websocket(struct carrier *c, const struct carriage *k)
{
    struct ws_talk *w = &c->ws;

    if (!w->talk.ops)
        ws_talk_init(w);
    w->inner = k->talk;
    w->host = k->name;
    w->path = k->path;
    w->protocol = k->protocol;
    w->port = k->account->https_port;
    w->timeout_ms = k->account->timeout_ms;
    w->seed = loop_random(k->account->loop) | 1;
    w->failed = k->failed;
    w->ctx = k->ctx;
    return &w->talk;
}

enum err carrier_dial(struct carrier *c, const struct carriage *k)
{
    bool websocket = account_on_websocket(k->account);
    const struct dial dial = {.host = k->connect,
                              .name = k->name,
                              .port = websocket ? k->account->https_port : k->port,
                              .tls = k->account->tls,
                              .timeout_ms = k->account->timeout_ms,
                              .talk = websocket ? in_websocket(c, k) : k->talk,
                              .failed = k->failed,
                              .ctx = k->ctx};

    return loop_conn_dial(k->account->loop, &dial, &c->conn);
}

void carrier_ended(struct carrier *c)
{
    loop_conn_ended(c->conn);
    c->conn = NULL;
}

void carrier_wake(struct carrier *c)
{
    loop_conn_wake(c->conn);
}

void carrier_drop(struct carrier *c)
{
    loop_conn_drop(c->conn);
    c->conn = NULL;
}

void carrier_close(struct carrier *c)
{
    if (c->ws.talk.ops)
        ws_talk_close(&c->ws);
}
