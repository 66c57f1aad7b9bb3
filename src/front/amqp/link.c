#include "amqp.h"

#include "capacity.h"
#include "log.h"
#include "text.h"

#include <stdlib.h>

#define TEXT_MAX 2048 /* of an error: an address, its resource and the tracking id fit */

struct bytes amqp_link_property(pn_link_t *pn, enum amqp_word name)
{
    pn_data_t *properties = pn_link_remote_properties(pn);

    if (!properties)
        return NO_BYTES;
    pn_data_rewind(properties);
    if (!pn_data_next(properties) || pn_data_type(properties) != PN_MAP)
        return NO_BYTES;
    pn_data_enter(properties);
    while (pn_data_next(properties)) {
        pn_atom_t key = pn_data_get_atom(properties);

        if (!pn_data_next(properties))
            break;
        pn_atom_t value = pn_data_get_atom(properties);
        if ((key.type == PN_SYMBOL || key.type == PN_STRING) && (value.type == PN_STRING || value.type == PN_SYMBOL) &&
            amqp_is(bytes_of(key.u.as_bytes.start, key.u.as_bytes.size), name))
            return bytes_of(value.u.as_bytes.start, value.u.as_bytes.size);
    }
    return NO_BYTES;
}

void amqp_put_tracking(struct amqp *c, struct buf *b)
{
    uint8_t random[16];
    char time[ISO_TIME_CAP];

    c->env->random(c->env->random_ctx, random, sizeof random);
    iso_time(hub_wall_ms(c->env->hub, c->now_ms), time);
    buf_puts(b, "TrackingId:");
    buf_put_hex(b, bytes_of(random, sizeof random));
    buf_printf(b, "_G1, SystemTracker:%s, Timestamp:%s", c->env->entity, time);
}

static void set_condition(struct amqp *c, struct amqp_link *k, const char *condition, const char *format, va_list args)
{
    struct buf text = buf_max(TEXT_MAX);
    pn_condition_t *error = pn_link_condition(k->pn);

    buf_vprintf(&text, format, args);
    if (!c->told_why)
        amqp_log_refusal(c, condition, buf_str(&text));
    c->told_why = false;
    buf_puts(&text, " ");
    amqp_put_tracking(c, &text);
    pn_condition_set_name(error, condition);
    pn_condition_set_description(error, buf_str(&text));
    buf_free(&text);
}

/* What stood behind the link is given back. */
static void let_go(struct amqp *c, struct amqp_link *k)
{
    c->n_events -= k->events != NULL;
    list_del(&k->eager);
    amqp_events_free(k->events);
    hub_feedback_close(k->feedback);
    if (k->device)
        amqp_device_left(c, k);
    free(k->model);
    k->events = NULL;
    k->feedback = NULL;
    k->model = NULL;
    k->kind = LINK_DEAD;
}

static void kill_link(struct amqp *c, struct amqp_link *k)
{
    let_go(c, k);
    pn_link_close(k->pn);
}

void amqp_link_detach(struct amqp *c, struct amqp_link *k, const char *condition, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_condition(c, k, condition, format, args);
    va_end(args);
    kill_link(c, k);
}

/* service 2.4: what is refused is attached first, without source and target. */
static void attach_nothing(struct amqp_link *k)
{
    pn_terminus_set_type(pn_link_source(k->pn), PN_UNSPECIFIED);
    pn_terminus_set_type(pn_link_target(k->pn), PN_UNSPECIFIED);
    pn_link_set_max_message_size(k->pn, AMQP_MESSAGE_MAX);
    pn_link_open(k->pn);
}

void amqp_link_refuse(struct amqp *c, struct amqp_link *k, const char *condition, const char *format, ...)
{
    va_list args;
    attach_nothing(k);
    va_start(args, format);
    set_condition(c, k, condition, format, args);
    va_end(args);
    kill_link(c, k);
}

/* service 2.10: the text that clients look for. */
void amqp_link_unauthorized(struct amqp *c, struct amqp_link *k, const char *claim, const char *path)
{
    amqp_link_refuse(c, k, "amqp:unauthorized-access",
                     "Unauthorized access. '%s' claim(s) are required to perform this operation. Resource: "
                     "'sb://%s/%s'.",
                     claim, c->env->host, path);
}

void amqp_link_accept(struct amqp *c, struct amqp_link *k)
{
    pn_link_t *pn = k->pn;

    pn_terminus_copy(pn_link_source(pn), pn_link_remote_source(pn));
    pn_terminus_copy(pn_link_target(pn), pn_link_remote_target(pn));
    /* Some clients leave one end out; ours is never missing, for that would mean a refusal. */
    pn_terminus_set_type(pn_link_source(pn), PN_SOURCE);
    pn_terminus_set_type(pn_link_target(pn), PN_TARGET);
    /* service 2.4: a mode that was named is taken, otherwise events are settled when they are sent, and nothing else
     * is. */
    pn_link_set_snd_settle_mode(
        pn, c->attach.snd_settle_mode || k->kind != LINK_EVENTS ? pn_link_remote_snd_settle_mode(pn) : PN_SND_SETTLED);
    pn_link_set_rcv_settle_mode(pn, pn_link_remote_rcv_settle_mode(pn));
    pn_link_set_max_message_size(pn, AMQP_MESSAGE_MAX);
    pn_link_open(pn);
}

static void put_info(pn_data_t *info, const char *key, const char *value)
{
    pn_data_put_symbol(info, pn_bytes(strlen(key), key));
    pn_data_put_string(info, pn_bytes(strlen(value), value));
}

/* service 2.9: the events are elsewhere, even if it is the same host, by the name that the client knows. */
static void redirect(struct amqp *c, struct amqp_link *k, const struct address *a)
{
    struct buf address = buf_max(TEXT_MAX);
    const char *asked = pn_connection_remote_hostname(pn_session_connection(pn_link_session(k->pn)));
    const char *host = asked && auth_host_is_ours(c->env, bytes_str(asked)) ? asked : c->env->host;
    pn_condition_t *error = pn_link_condition(k->pn);
    pn_data_t *info = pn_condition_info(error);

    attach_nothing(k);
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
    kill_link(c, k);
}

static void open_receiver(struct amqp *c, struct amqp_link *k, const struct address *a)
{
    if (!amqp_may_listen(c, bytes_str(a->path)))
        amqp_link_unauthorized(c, k, "Listen", a->path);
    else if (a->kind == ADDRESS_REDIRECT)
        redirect(c, k, a);
    else
        amqp_events_opened(c, k, a);
}

static void open_by_address(struct amqp *c, struct amqp_link *k, const struct address *a)
{
    bool sends = pn_link_is_receiver(k->pn); /* the peer does */

    switch (a->kind) {
    case ADDRESS_CBS:
    case ADDRESS_MANAGEMENT:
        k->kind = a->kind == ADDRESS_CBS ? LINK_CBS : LINK_MANAGEMENT;
        amqp_link_accept(c, k);
        amqp_request_credit(c, k);
        return;
    case ADDRESS_DPS:
        amqp_dps_opened(c, k, a);
        return;
    case ADDRESS_REDIRECT:
        open_receiver(c, k, a);
        return;
    case ADDRESS_EVENTS:
        if (!sends) {
            open_receiver(c, k, a);
            return;
        }
        break;
    case ADDRESS_ENTITY:
        if (sends) { /* service 2.10: policies of a hub listen, they never send */
            amqp_link_unauthorized(c, k, "Send", a->path);
            return;
        }
        break;
    case ADDRESS_DEVICE_EVENTS:
        if (sends) {
            amqp_d2c_opened(c, k, a);
            return;
        }
        break;
    case ADDRESS_DEVICEBOUND:
        if (!sends) {
            amqp_c2d_opened(c, k, a);
            return;
        }
        break;
    case ADDRESS_TWIN:
        amqp_twin_opened(c, k, a);
        return;
    case ADDRESS_METHODS:
        amqp_calls_opened(c, k, a);
        return;
    case ADDRESS_SERVICE_DEVICEBOUND:
    case ADDRESS_FEEDBACK:
    case ADDRESS_FILE_NOTIFICATIONS:
        if (sends == (a->kind == ADDRESS_SERVICE_DEVICEBOUND)) {
            amqp_service_opened(c, k, a);
            return;
        }
        break;
    case ADDRESS_MODULE:
        amqp_link_refuse(c, k, "amqp:not-implemented", "Modules are not available on this hub.");
        return;
    case ADDRESS_UNKNOWN:
        break;
    }
    amqp_link_refuse(c, k, "amqp:not-found", "The messaging entity 'sb://%s/%s' could not be found.", c->env->host,
                     a->path);
}

void amqp_link_opened(struct amqp *c, pn_link_t *pn)
{
    struct amqp_link *k;
    struct address a;

    size_t cost = amqp_budget_cost(c, c->unit_len);

    if ((k = amqp_link_of(pn))) { /* attached again, under its name */
        amqp_budget_link(c, k, cost);
        return;
    }
    if (c->n_links >= AMQP_LINKS_MAX || !(k = calloc(1, sizeof *k))) {
        amqp_end(c, ERR_LIMIT, "amqp:resource-limit-exceeded", "too many links on one connection");
        return;
    }
    *k = (struct amqp_link){.pn = pn, .kind = LINK_DEAD};
    amqp_budget_link(c, k, cost);
    list_add(&c->links, &k->in);
    c->n_links++;
    pn_link_set_context(pn, k);
    pn_terminus_t *far = pn_link_is_sender(pn) ? pn_link_remote_source(pn) : pn_link_remote_target(pn);
    if (!capacity_may_take(c->env, cost)) {
        amqp_link_refuse(c, k, "amqp:resource-limit-exceeded", "The hub is short of memory; try again later.");
        return;
    }
    struct bytes text = bytes_str(pn_terminus_get_address(far));
    address_parse(c->env, text, &a);
    open_by_address(c, k, &a);
}

static void forget_link(struct amqp *c, struct amqp_link *k)
{
    pn_link_set_context(k->pn, NULL);
    list_del(&k->in);
    c->n_links--;
    c->held -= k->cost;
    let_go(c, k);
    free(k);
}

void amqp_link_closed(struct amqp *c, pn_link_t *pn, bool detached)
{
    struct amqp_link *k = amqp_link_of(pn);

    if (!k)
        return;
    forget_link(c, k);
    if (detached)
        pn_link_detach(pn);
    else
        pn_link_close(pn);
    pn_link_free(pn);
}

static void forget_links(struct amqp *c, const pn_session_t *pn)
{
    LIST_EACH (&c->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, in);
        if (pn_link_session(k->pn) == pn)
            forget_link(c, k);
    }
}

void amqp_session_end(struct amqp *c, pn_session_t *pn, const char *condition, const char *text)
{
    pn_condition_t *error = pn_session_condition(pn);

    amqp_log_refusal(c, condition, text);
    forget_links(c, pn);
    pn_condition_set_name(error, condition);
    pn_condition_set_description(error, text);
    pn_session_close(pn);
}

void amqp_session_closed(struct amqp *c, pn_session_t *pn)
{
    forget_links(c, pn);
    pn_session_close(pn);
    pn_session_free(pn);
}

void amqp_links_free(struct amqp *c)
{
    LIST_EACH (&c->links, it) {
        forget_link(c, LIST_OF(it, struct amqp_link, in));
    }
}
