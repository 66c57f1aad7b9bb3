/* The two links of a channel (device 3.5), as an AMQP client opens them. */
#pragma once

#include "amqp_case.h"

static int start(void **state)
{
    client_start(state);
    client_open(&c, NO_SASL, NULL, NULL);
    client_open_cbs(&c);
    CHECK(client_prove(&c, "garage") == 200);
    return 0;
}

static inline void put_link_property(pn_data_t *p, const char *name, const char *value)
{
    if (!value)
        return;
    pn_data_put_symbol(p, pn_bytes(strlen(name), name));
    pn_data_put_string(p, pn_bytes(strlen(value), value));
}

/* With the properties that SDKs put on it, each of which may be NULL. */
static inline pn_link_t *attach_channel_as(const char *name, bool sender, const char *address, const char *id,
                                           const char *version, const char *model)
{
    pn_link_t *l = sender ? pn_sender(c.session, name) : pn_receiver(c.session, name);
    pn_data_t *p = pn_link_properties(l);

    pn_terminus_set_address(sender ? pn_link_target(l) : pn_link_source(l), address);
    pn_terminus_set_address(sender ? pn_link_source(l) : pn_link_target(l), "garage");
    if (id || version || model) {
        pn_data_put_map(p);
        pn_data_enter(p);
        put_link_property(p, "com.microsoft:api-version", version);
        put_link_property(p, "com.microsoft:channel-correlation-id", id);
        put_link_property(p, "com.microsoft:model-id", model);
        pn_data_exit(p);
    }
    pn_link_open(l);
    if (!sender)
        pn_link_flow(l, 50);
    client_run(&c);
    CHECK(link_is_open(l));
    return l;
}

static inline pn_link_t *attach_channel(const char *name, bool sender, const char *address, const char *id)
{
    return attach_channel_as(name, sender, address, id, id ? "2020-09-30" : NULL, NULL);
}
