/* Which address is a link of which kind. */
#include "kinds.h"

#include "amqp_output.h"
#include "budget.h"
#include "capacity.h"
#include "proton_value.h"

#include <assert.h>
#include <stdlib.h>

enum { CODE_NO_ADDRESS = 404006 };

/* ---- addresses behind which there is nothing ------------------------------------------------------------------- */

/* device 3.4: an address of a device that fits nothing is told as to a device. */
static void unknown_opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    if (bytes_starts_nocase(bytes_str(o->address.path), BYTES("devices/"))) {
        amqp_link_refuse_device(c, k, "amqp:not-found", CODE_NO_ADDRESS,
                                "The link address 'amqps://%s/%s' did not match any of the expected formats.",
                                c->env->host, o->address.path);
        return;
    }
    amqp_link_refuse(c, k, "amqp:not-found", "The messaging entity 'sb://%s/%s' could not be found.", c->env->host,
                     o->address.path);
}

static const struct link_ops unknown = {.name = "unknown", .opened = unknown_opened};

/* service 2.10: policies of a hub listen, they never send. */
static void entity_opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *o)
{
    amqp_link_unauthorized(c, k, "Send", o->address.path);
}

static const struct link_ops entity = {.name = "event hub", .opened = entity_opened};

/* ---- the table ------------------------------------------------------------------------------------------------- */

/* The kind of link behind each kind of address, for a peer that sends to it and for one that receives from it. */
static const struct {
    const struct link_ops *sends, *receives;
} kinds[ADDRESS_KINDS] = {
    [ADDRESS_UNKNOWN] = {&unknown, &unknown},
    [ADDRESS_CBS] = {&amqp_cbs_link, &amqp_cbs_link},
    [ADDRESS_MANAGEMENT] = {&amqp_management_link, &amqp_management_link},
    [ADDRESS_DPS] = {&amqp_dps_link, &amqp_dps_link},
    [ADDRESS_EVENTS] = {&unknown, &amqp_events_link},
    [ADDRESS_ENTITY] = {&entity, &unknown},
    [ADDRESS_REDIRECT] = {&amqp_redirect_link, &amqp_redirect_link},
    [ADDRESS_DEVICE_EVENTS] = {&amqp_d2c_link, &unknown},
    [ADDRESS_MODULE_EVENTS] = {&amqp_d2c_link, &amqp_inputs_link},
    [ADDRESS_DEVICEBOUND] = {&unknown, &amqp_c2d_link},
    [ADDRESS_TWIN] = {&amqp_twin_link, &amqp_twin_link},
    [ADDRESS_METHODS] = {&amqp_calls_link, &amqp_calls_link},
    [ADDRESS_SERVICE_DEVICEBOUND] = {&amqp_post_link, &unknown},
    [ADDRESS_FEEDBACK] = {&unknown, &amqp_feedback_link},
    [ADDRESS_FILE_NOTIFICATIONS] = {&unknown, &amqp_notices_link},
};

static const struct link_ops *kind_of(enum address_kind kind, bool peer_sends)
{
    const struct link_ops *ops = peer_sends ? kinds[kind].sends : kinds[kind].receives;

    assert(ops && ops->opened); /* each kind of address has its row */
    return ops;
}

/* False: there is no memory. */
static bool read_opening(struct amqp *c, pn_link_t *pn, struct amqp_opening *out)
{
    pn_terminus_t *far = pn_link_is_sender(pn) ? pn_link_remote_source(pn) : pn_link_remote_target(pn);

    address_parse(c->env, bytes_str(pn_terminus_get_address(far)), &out->address);
    buf_clear(&c->came);
    proton_value_read(pn_link_remote_properties(pn), &c->came);
    size_t filters_at = c->came.len;
    proton_value_read(pn_terminus_filter(pn_link_remote_source(pn)), &c->came);
    out->properties = amqp_value_in(bytes_first(buf_bytes(&c->came), filters_at));
    out->filters = amqp_value_in(bytes_skip(buf_bytes(&c->came), filters_at));
    return !c->came.bad;
}

void amqp_link_opened(struct amqp *c, pn_link_t *pn)
{
    struct amqp_opening o;
    struct amqp_link *k;

    size_t cost = amqp_budget_cost(c, c->unit_len);

    if ((k = amqp_link_of(pn))) { /* attached again, under its name */
        amqp_budget_link(c, k, cost);
        return;
    }
    if (c->n_links >= AMQP_LINKS_MAX || !(k = calloc(1, sizeof *k))) {
        amqp_end(c, ERR_LIMIT, "amqp:resource-limit-exceeded", "too many links on one connection");
        return;
    }
    *k = (struct amqp_link){.pn = pn, .ops = &unknown};
    amqp_budget_link(c, k, cost);
    list_add(&c->links, &k->in);
    c->n_links++;
    pn_link_set_context(pn, k);
    if (!capacity_may_take(c->env, cost) || !read_opening(c, pn, &o)) {
        amqp_link_refuse(c, k, "amqp:resource-limit-exceeded", "The hub is short of memory; try again later.");
        return;
    }
    k->ops = kind_of(o.address.kind, pn_link_is_receiver(pn));
    k->ops->opened(c, k, &o);
    buf_free(&c->came);
    assert(!(pn_link_state(pn) & PN_LOCAL_UNINIT));
}
