/* Faults that devices of this connection ask for (device 10): links of the device, its session, or the connection. */
#include "amqp_fault.h"

#include "amqp_output.h"
#include "kinds.h"

#include <assert.h>

static const char *reason_of(const struct fault_request *f)
{
    return f->reason[0] ? f->reason : "the device asked for this fault";
}

/* Each pair of links has a side on which the device asks and one on which it is answered; to direct methods it is the
 * hub that asks. */
static bool breaks(enum fault_kind fault, const struct amqp_link *k, const struct amqp_device *d)
{
    bool sends = pn_link_is_receiver(k->pn); /* the peer does */

    switch (fault) {
    case FAULT_KILL_CBS_REQUEST:
    case FAULT_KILL_CBS_ANSWER:
        return k->ops == &amqp_cbs_link && sends == (fault == FAULT_KILL_CBS_REQUEST);
    case FAULT_KILL_D2C:
        return k->ops == &amqp_d2c_link && k->device == d;
    case FAULT_KILL_C2D:
        return k->ops == &amqp_c2d_link && k->device == d;
    case FAULT_KILL_TWIN_REQUEST:
    case FAULT_KILL_TWIN_ANSWER:
        return k->ops == &amqp_twin_link && k->device == d && sends == (fault == FAULT_KILL_TWIN_REQUEST);
    case FAULT_KILL_CALL_REQUEST:
    case FAULT_KILL_CALL_ANSWER:
        return k->ops == &amqp_calls_link && k->device == d && sends == (fault == FAULT_KILL_CALL_ANSWER);
    default:
        return false;
    }
}

static void break_links(struct amqp *c, const struct amqp_device *d, const struct fault_request *f)
{
    LIST_EACH (&c->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, in);

        if (breaks(f->kind, k, d))
            amqp_link_detach(c, k, "amqp:link:detach-forced", "%s", reason_of(f));
    }
}

/* The one on which the device sends: the message that asked for it came there. */
static void break_session(struct amqp *c, const struct amqp_device *d, const struct fault_request *f)
{
    LIST_EACH (&c->links, it) {
        struct amqp_link *k = LIST_OF(it, struct amqp_link, in);

        if (k->ops == &amqp_d2c_link && k->device == d) {
            amqp_session_end(c, pn_link_session(k->pn), "amqp:internal-error", reason_of(f));
            return;
        }
    }
}

/* The device may be gone afterwards, with its last link. */
static void break_down(struct amqp *c, struct amqp_device *d)
{
    const struct fault_request f = d->fault;

    assert(fault_due(&f) <= c->now_ms);
    d->fault.kind = FAULT_NONE;
    switch (f.kind) {
    case FAULT_KILL_TCP: /* without a word of AMQP */
        amqp_log_refusal(c, fault_name(f.kind), reason_of(&f));
        talk_end(&c->front, ERR_CLOSED);
        break;
    case FAULT_KILL_CONNECTION:
        amqp_end(c, ERR_CLOSED, "amqp:internal-error", reason_of(&f));
        break;
    case FAULT_LEAVE_AMQP: /* a clean end */
        amqp_log_refusal(c, fault_name(f.kind), reason_of(&f));
        amqp_leave(c, OK, NULL, NULL);
        break;
    case FAULT_KILL_SESSION:
        break_session(c, d, &f);
        break;
    default:
        break_links(c, d, &f);
    }
}

int64_t amqp_faults_tick(struct amqp *c)
{
    struct amqp_device *d;
    size_t at = 0;

    if (c->now_ms < c->fault_ms)
        return c->fault_ms;
    c->fault_ms = INT64_MAX;
    while (!c->front.over && (d = map_next(&c->devices, &at))) {
        int64_t due = fault_due(&d->fault);

        if (due > c->now_ms)
            c->fault_ms = due < c->fault_ms ? due : c->fault_ms;
        else
            break_down(c, d);
    }
    assert(c->fault_ms > c->now_ms);
    return c->fault_ms;
}

void amqp_fault_begin(struct amqp *c, struct amqp_device *d, const struct fault_request *f)
{
    if (!f->kind)
        return;
    d->fault = *f;
    if (fault_due(f) < c->fault_ms)
        c->fault_ms = fault_due(f);
    assert(c->fault_ms <= fault_due(&d->fault));
}

enum err amqp_fault_read(struct amqp *c, const struct amqp_device *d, const struct msg *m, struct fault_request *asked)
{
    enum err e = fault_refusal(&d->fault, c->now_ms);

    asked->kind = FAULT_NONE;
    return e || !c->env->faults ? e : fault_request_read(m, c->now_ms, asked);
}

/* device 10: one client writes what it asks for on the envelope of a batch. */
enum err amqp_fault_of_batch(struct amqp *c, const struct amqp_device *d, struct bytes all, struct fault_request *asked)
{
    struct msg_room room = {.text = buf_max(3 * AMQP_MESSAGE_MAX)};
    struct msg m;
    enum err e;

    asked->kind = FAULT_NONE;
    if (!c->env->faults)
        return OK;
    if (!(e = msg_read(all, &room, &m)))
        e = amqp_fault_read(c, d, &m, asked);
    buf_free(&room.text);
    return e;
}
