/* Receivers that ask the hub for events are sent to its event hub, which has another name (service 2.9). */
#include "amqp.h"

#define TEXT_MAX 2048 /* of an address */

static void put_info(pn_data_t *info, const char *key, const char *value)
{
    pn_data_put_symbol(info, pn_bytes(strlen(key), key));
    pn_data_put_string(info, pn_bytes(strlen(value), value));
}

/* The events are elsewhere, even if it is the same host, by the name that the client knows. */
static void opened(struct amqp *c, struct amqp_link *k, const struct address *a)
{
    struct buf address = buf_max(TEXT_MAX);
    const char *asked = pn_connection_remote_hostname(pn_session_connection(pn_link_session(k->pn)));
    const char *host = asked && auth_host_is_ours(c->env, bytes_str(asked)) ? asked : c->env->host;
    pn_condition_t *error = pn_link_condition(k->pn);
    pn_data_t *info = pn_condition_info(error);

    if (!amqp_service_may(c, k, a, "Listen"))
        return;
    amqp_link_attach_nothing(k);
    buf_printf(&address, "amqps://%s:%d/%s%.*s", host, c->env->amqps_port, c->env->entity, BYTES_ARG(a->rest));
    pn_condition_set_name(error, "amqp:link:redirect");
    pn_data_put_map(info);
    pn_data_enter(info);
    put_info(info, "hostname", host);
    put_info(info, "network-host", host);
    pn_data_put_symbol(info, pn_bytes(strlen("port"), "port"));
    pn_data_put_int(info, c->env->amqps_port);
    put_info(info, "address", buf_str(&address));
    pn_data_exit(info);
    buf_free(&address);
    amqp_link_kill(c, k);
}

const struct link_ops amqp_redirect_link = {.name = "redirect", .opened = opened};
