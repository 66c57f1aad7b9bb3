#include "amqp_output.h"

#include "log.h"

#include <assert.h>

const char *amqp_who(const struct amqp *c)
{
    return c->who.device[0] ? c->who.device : c->who.policy[0] ? c->who.policy : "nobody";
}

void amqp_log_refusal(const struct amqp *c, const char *what, const char *why)
{
    assert(why);
    if (journal_may_tell(c->env, &c->peer, bytes_str(amqp_who(c)), c->now_ms))
        log_event(LOG_WARN, "amqp-refused", KVS("peer", c->peer.address), KVS("who", amqp_who(c)), KVS("what", what),
                  KVS("why", why));
}

void amqp_came(struct amqp *c, const char *kind, const char *id)
{
    assert(kind && id);
    if (c->told.kind || !bytes_to_str(bytes_str(id), c->told_id, sizeof c->told_id))
        return;
    c->told = (struct journal_who){kind, bytes_str(c->told_id)};
    c->since_ms = c->now_ms;
    if (!journal_connected(c->env, &c->peer, c->told, c->now_ms))
        c->told.kind = NULL;
}

void amqp_flush(struct amqp *c)
{
    pn_bytes_t bytes;

    assert(c->front.out);
    if (c->front.over)
        return;
    while ((bytes = pn_connection_driver_write_buffer(&c->driver)).size) {
        amqp_whole(&c->whole, bytes_of(bytes.start, bytes.size), c->front.out);
        pn_connection_driver_write_done(&c->driver, bytes.size);
    }
    if (buf_check(c->front.out))
        talk_end(&c->front, ERR_LIMIT);
}

static void set_condition(pn_condition_t *error, const char *name, const char *text)
{
    if (!name)
        return;
    pn_condition_set_name(error, name);
    pn_condition_set_description(error, text);
}

void amqp_leave(struct amqp *c, enum err why, const char *condition, const char *text)
{
    pn_connection_t *pn = c->driver.connection;

    assert(!c->front.over && !condition == !text);
    for (pn_session_t *s = pn_session_head(pn, PN_LOCAL_ACTIVE); s; s = pn_session_next(s, PN_LOCAL_ACTIVE)) {
        set_condition(pn_session_condition(s), condition, text);
        pn_session_close(s);
    }
    set_condition(pn_connection_condition(pn), condition, text);
    pn_connection_open(pn);
    pn_connection_close(pn);
    amqp_flush(c);
    talk_end(&c->front, why);
}

void amqp_end(struct amqp *c, enum err why, const char *condition, const char *text)
{
    if (c->front.over)
        return;
    assert(why && condition && text);
    amqp_log_refusal(c, condition, text);
    amqp_leave(c, why, condition, text);
}
