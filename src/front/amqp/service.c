#include "service.h"

#include "claims.h"

#include <assert.h>

bool amqp_service_may(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o, const char *claim)
{
    assert(!k->own && !k->device && o->address.path[0]);
    if (amqp_may_listen(c, bytes_str(o->address.path)))
        return true;
    amqp_link_unauthorized(c, k, claim, o->address.path);
    return false;
}

void amqp_service_recheck(struct amqp *c, struct amqp_link *k, const char *path)
{
    if (!amqp_may_listen(c, bytes_str(path)))
        amqp_link_detach(c, k, "amqp:unauthorized-access", "ExpiredToken: The token of this link is expired.");
}
