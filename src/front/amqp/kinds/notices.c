/* Notifications of uploads (service 3): this hub has no uploads, so none ever comes; but SDKs open the link. */
#include "kinds.h"

#include "amqp_output.h"
#include "log.h"
#include "service.h"

static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    if (!amqp_service_may(c, k, o, "Listen"))
        return;
    amqp_link_accept(c, k);
    log_event(LOG_WARN, "not-available", KVS("policy", amqp_who(c)), KVS("address", c->peer.address),
              KVS("what", "notifications of uploads"), KVS("detail", "the link stays open and receives nothing"));
}

static void recheck(struct amqp *c, struct amqp_link *k)
{
    amqp_service_recheck(c, k, "messages/servicebound/feedback");
}

const struct link_ops amqp_notices_link = {.name = "notifications", .opened = opened, .recheck = recheck};
