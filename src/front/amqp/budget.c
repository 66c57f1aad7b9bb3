/* Our own look at what comes before Proton sees it: frames in their order, and sessions, links and values within the
 * budget of the connection. Proton itself has no ceilings, and does not survive an allocation that fails. */
#include "budget.h"

#include "amqp_output.h"
#include "capacity.h"
#include "strangers.h"

#include <assert.h>

#define SMALL_TRANSFER 4096 /* what Proton keeps of it comes from the last memory, when there is no other */

static size_t budget(const struct amqp *c)
{
    return c->proved ? AMQP_HELD_MAX + (c->claims.n + c->has_who) * (size_t)AMQP_HELD_EACH : AMQP_HELD_UNPROVED;
}

size_t amqp_frame_most(const struct amqp *c)
{
    return c->proved ? AMQP_FRAME_MAX : AMQP_FRAME_UNPROVED;
}

unsigned amqp_values_most(const struct amqp *c)
{
    return c->proved ? AMQP_VALUES_MAX : AMQP_VALUES_UNPROVED;
}

size_t amqp_budget_cost(const struct amqp *c, size_t len)
{
    switch (c->attach.code) {
    case AMQP_CODE_OPEN:
        return len + (size_t)c->attach.kept * AMQP_VALUE_COST;
    case AMQP_CODE_BEGIN:
        return AMQP_SESSION_COST;
    case AMQP_CODE_ATTACH:
        return AMQP_LINK_COST + len + (size_t)c->attach.kept * AMQP_VALUE_COST;
    default:
        return 0;
    }
}

/* ---- the channels ---------------------------------------------------------------------------------------------- */

static uint64_t bit(unsigned channel)
{
    return (uint64_t)1 << channel % 64;
}

static bool has_begun(const struct amqp *c, unsigned channel)
{
    assert(channel <= AMQP_CHANNEL_MAX);
    return c->channels[channel / 64] & bit(channel);
}

static void set_begun(struct amqp *c, unsigned channel, bool begun)
{
    if (begun)
        c->channels[channel / 64] |= bit(channel);
    else
        c->channels[channel / 64] &= ~bit(channel);
}

/* ---- the order of frames --------------------------------------------------------------------------------------- */

static bool refuse(struct amqp *c, enum err e, const char *condition, const char *text)
{
    amqp_end(c, e, condition, text);
    return false;
}

/* An Open first, and one; sessions that the peer begins, on channels of their own: what else there could be, Proton
 * would take, and keep what it replaces. */
static bool in_order(struct amqp *c)
{
    const struct amqp_attach *a = &c->attach;

    if (a->sasl != c->sasl && (a->sasl || a->code))
        return refuse(c, ERR_PROTOCOL, "amqp:connection:framing-error", "a frame of a layer that has not begun");
    if (!a->code)
        return true;
    if (c->open == (a->code == AMQP_CODE_OPEN))
        return refuse(c, ERR_PROTOCOL, "amqp:illegal-state", c->open ? "a second Open" : "a frame before Open");
    if (a->code == AMQP_CODE_BEGIN && a->answers)
        return refuse(c, ERR_PROTOCOL, "amqp:not-allowed", "a Begin that answers a session that the hub has not begun");
    if (a->code == AMQP_CODE_BEGIN && has_begun(c, a->channel))
        return refuse(c, ERR_PROTOCOL, "amqp:not-allowed", "a Begin on a channel that has a session");
    if (a->code == AMQP_CODE_DISPOSITION && a->range > AMQP_SETTLED_MAX)
        return refuse(c, ERR_LIMIT, "amqp:resource-limit-exceeded", "a disposition names too many deliveries");
    return true;
}

/* ---- the budget ------------------------------------------------------------------------------------------------ */

/* A peer that has not shown who it is, and wants one session more than it may have. */
static bool borrow(struct amqp *c)
{
    if (c->proved || !c->env->strangers || !strangers_borrow(c->env->strangers))
        return false;
    assert(!c->proved);
    c->borrowed++;
    return true;
}

void amqp_budget_return(struct amqp *c)
{
    assert(!c->borrowed || c->env->strangers);
    if (c->borrowed)
        strangers_return(c->env->strangers, c->borrowed);
    c->borrowed = 0;
}

static bool too_much(struct amqp *c)
{
    return refuse(c, ERR_LIMIT, "amqp:resource-limit-exceeded",
                  c->proved ? "too many sessions, links or values on one connection"
                            : "too many sessions, links or values before a valid token was sent");
}

bool amqp_budget_take(struct amqp *c, size_t len)
{
    const struct amqp_attach *a = &c->attach;
    size_t cost = amqp_budget_cost(c, len);

    if (!in_order(c))
        return false;
    if (a->code == AMQP_CODE_END && has_begun(c, a->channel)) {
        set_begun(c, a->channel, false);
        assert(c->held >= AMQP_SESSION_COST);
        c->held -= AMQP_SESSION_COST;
    }
    if (a->code == AMQP_CODE_TRANSFER && len > SMALL_TRANSFER && !capacity_may_grow(c->env, len))
        return refuse(c, ERR_BUSY, "amqp:resource-limit-exceeded", "the hub is short of memory; try again later");
    if (!cost)
        return true;
    if (a->code == AMQP_CODE_BEGIN)
        set_begun(c, a->channel, true);
    /* The borrowed part is of the hub's budget, and the rest has its own room still. */
    if (c->held + cost > budget(c) + (size_t)c->borrowed * AMQP_SESSION_COST &&
        !(a->code == AMQP_CODE_BEGIN && borrow(c)))
        return too_much(c);
    if (!c->proved && !capacity_may_take(c->env, cost))
        return refuse(c, ERR_BUSY, "amqp:resource-limit-exceeded", "the hub is short of memory; try again later");
    if (a->code != AMQP_CODE_ATTACH)
        c->held += cost;
    return true;
}

void amqp_budget_link(struct amqp *c, struct amqp_link *k, size_t cost)
{
    if (cost <= k->cost)
        return;
    c->held += cost - k->cost;
    k->cost = cost;
    assert(c->held >= k->cost);
}

/* ---- what comes ------------------------------------------------------------------------------------------------ */

bool amqp_too_much_is_coming(const struct amqp *c, size_t most)
{
    const pn_state_t open = PN_LOCAL_ACTIVE | PN_REMOTE_ACTIVE;
    size_t coming = 0;

    for (pn_session_t *s = pn_session_head(c->driver.connection, open); s; s = pn_session_next(s, open))
        coming += pn_session_incoming_bytes(s);
    return coming > (c->proved ? most : AMQP_COMING_UNPROVED);
}

bool amqp_over_credit(struct amqp *c, struct amqp_link *k)
{
    if (pn_link_credit(k->pn) > 0)
        return false;
    amqp_link_detach(c, k, "amqp:link:transfer-limit-exceeded", "There was no credit for this message.");
    return true;
}
