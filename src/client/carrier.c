#include "carrier.h"

enum err carrier_dial(struct carrier *c, const struct carriage *k)
{
    const struct dial dial = {.host = k->connect,
                              .name = k->name,
                              .port = k->port,
                              .tls = k->account->tls,
                              .timeout_ms = k->account->timeout_ms,
                              .talk = k->talk,
                              .failed = k->failed,
                              .ctx = k->ctx};

    return link_dial(k->account->loop, &dial, &c->link);
}

void carrier_ended(struct carrier *c)
{
    c->link = NULL;
}

void carrier_wake(struct carrier *c)
{
    link_wake(c->link);
}

void carrier_drop(struct carrier *c)
{
    link_drop(c->link);
    c->link = NULL;
}
