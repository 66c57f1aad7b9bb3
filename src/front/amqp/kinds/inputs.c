/* Inputs of a module (device 3.4): only an edge hub has any, so none ever comes; but SDKs wait for the link. */
#include "kinds.h"

#include "amqp_device.h"

static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    if (amqp_device_opened(c, k, o))
        amqp_link_accept(c, k);
}

const struct link_ops amqp_inputs_link = {
    .name = "inputs of a module", .opened = opened, .recheck = amqp_device_recheck, .gone = amqp_device_left};
