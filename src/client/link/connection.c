#include "connection.h"

static void ended(struct connection *c, enum d2d_err why)
{
    if (!c->account->gone)
        c->lost(c->ctx, why, redial_ended(&c->redial, why));
}

static void on_failed(void *ctx, enum err e, const char *detail)
{
    struct connection *c = ctx;

    carrier_ended(&c->carrier);
    ended(c, account_fail(c->account, err_of(e), "%s", detail));
}

static void dial(struct connection *c)
{
    struct carriage k = {.account = c->account, .failed = on_failed, .ctx = c};
    enum err e = c->prepare(c->ctx, &k);

    if (!e)
        e = carrier_dial(&c->carrier, &k);
    if (e)
        ended(c,
              account_fail(c->account, err_of(e), "%s: %s", k.connect ? k.connect : c->account->connect, err_text(e)));
}

static void on_due(void *ctx, int64_t now_ms)
{
    (void)now_ms;
    dial(ctx);
}

static void on_answered(void *ctx, enum d2d_err e)
{
    ended(ctx, e);
}

void connection_init(struct connection *c, struct account *a, struct connection_pace pace)
{
    c->account = a;
    redial_init(&c->redial, a, pace.first_ms, pace.most_ms, pace.once, on_due, c);
    inquiry_init(&c->inquiry, a, on_answered, c);
}

enum err connection_start(struct connection *c)
{
    return redial_start(&c->redial);
}

void connection_wake(struct connection *c)
{
    carrier_wake(&c->carrier);
}

void connection_opened(struct connection *c)
{
    redial_opened(&c->redial);
}

void connection_worked(struct connection *c)
{
    redial_worked(&c->redial);
}

void connection_ended(struct connection *c, enum d2d_err why, const char *host, const char *detail)
{
    carrier_ended(&c->carrier);
    account_fail(c->account, why, "%s: %s", host, detail);
    if (c->account->gone || !inquiry_begin(&c->inquiry, why))
        ended(c, why);
}

void connection_again(struct connection *c)
{
    carrier_ended(&c->carrier);
    dial(c);
}

void connection_drop(struct connection *c)
{
    carrier_drop(&c->carrier);
    redial_stop(&c->redial);
    inquiry_drop(&c->inquiry);
}

void connection_close(struct connection *c)
{
    carrier_close(&c->carrier);
    inquiry_close(&c->inquiry);
}
