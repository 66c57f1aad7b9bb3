/* Receivers that ask the hub for events are sent to its event hub, which has another name (service 2.9). */
#include "kinds.h"

#include "proton_value.h"
#include "sections.h"
#include "service.h"

#define TEXT_MAX 2048 /* of an address */

static void put_info(struct buf *info, const char *key, struct bytes value)
{
    put_sym(info, bytes_str(key));
    put_str(info, value);
}

/* The events are elsewhere, even if it is the same host, by the name that the client knows. */
static void opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    struct buf address = buf_max(TEXT_MAX);
    const char *asked = pn_connection_remote_hostname(pn_session_connection(pn_link_session(k->pn)));
    const char *host = asked && auth_host_is_ours(c->env, bytes_str(asked)) ? asked : c->env->host;
    pn_condition_t *error = pn_link_condition(k->pn);
    struct buf *info = &c->made;
    size_t at;

    if (!amqp_service_may(c, k, o, "Listen"))
        return;
    amqp_link_attach_nothing(k);
    buf_printf(&address, "amqps://%s:%d/%s%.*s", host, c->env->amqps_port, c->env->entity, BYTES_ARG(o->address.rest));
    buf_clear(info);
    at = put_map_begin(info);
    put_info(info, "hostname", bytes_str(host));
    put_info(info, "network-host", bytes_str(host));
    put_sym(info, BYTES("port"));
    put_int(info, c->env->amqps_port);
    put_info(info, "address", buf_bytes(&address));
    put_compound_end(info, at, 8);
    pn_condition_set_name(error, "amqp:link:redirect");
    proton_value_write(pn_condition_info(error), buf_bytes(info));
    buf_free(&address);
    amqp_link_kill(c, k);
}

const struct link_ops amqp_redirect_link = {.name = "redirect", .opened = opened};
