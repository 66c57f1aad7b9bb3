#include "register_carry.h"

static bool is_over(void *ctx)
{
    return ((struct register_carry *)ctx)->over;
}

static void on_failed(void *ctx, enum err e, const char *detail)
{
    struct register_carry *a = ctx;

    registering_failed(a->registering, err_of(e), "%s", detail);
    register_carry_ended(a);
}

void register_carry_ended(struct register_carry *a)
{
    carrier_ended(&a->carrier);
    a->over = true;
}

enum d2d_err register_carry_run(struct register_carry *a, struct talk *talk, int port, const char *protocol,
                                int64_t limit_ms)
{
    struct account *account = &a->registering->account;
    const struct carriage carriage = {.account = account,
                                      .name = account->name,
                                      .connect = account->connect,
                                      .port = port,
                                      .path = "/$iothub/websocket", /* provisioning 1.7 */
                                      .protocol = protocol,
                                      .talk = talk,
                                      .failed = on_failed,
                                      .ctx = a};
    enum err inner = carrier_dial(&a->carrier, &carriage);
    enum d2d_err e = D2D_OK;

    if (inner)
        registering_failed(a->registering, err_of(inner), "%s: %s", account->connect, err_text(inner));
    else if ((e = loop_until(account->loop, is_over, a, limit_ms)) && !a->over)
        carrier_drop(&a->carrier);
    carrier_close(&a->carrier);
    return e;
}
