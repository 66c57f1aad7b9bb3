#include "amqp_link.h"

#include "amqp_output.h"
#include "device_error.h"
#include "outcome.h"
#include "text.h"

#include <assert.h>
#include <stdlib.h>

#define TEXT_MAX 2048 /* of an error: an address, its resource and the tracking id fit */

struct bytes amqp_link_property(const struct amqp_opening *o, enum amqp_word name)
{
    struct amqp_value v;

    return amqp_map_word(&o->properties, name, &v) && amqp_value_is_text(&v) ? v.raw : NO_BYTES;
}

static void put_tracking(struct amqp *c, struct buf *b)
{
    uint8_t random[16];
    char time[ISO_TIME_CAP];

    c->env->random(c->env->random_ctx, random, sizeof random);
    iso_time(hub_wall_ms(c->env->hub, c->now_ms), time);
    buf_puts(b, "TrackingId:");
    buf_put_hex(b, bytes_of(random, sizeof random));
    buf_printf(b, "_G1, SystemTracker:%s, Timestamp:%s", c->env->entity, time);
}

/* device 3.10: devices are told in JSON, with a number; services in words (service 2.10). code 0: it is a service. */
static void set_condition(struct amqp *c, struct amqp_link *k, const char *condition, unsigned code, const char *format,
                          va_list args)
{
    struct buf text = buf_max(TEXT_MAX), json = buf_max(2 * TEXT_MAX);
    pn_condition_t *error = pn_link_condition(k->pn);

    buf_vprintf(&text, format, args);
    if (!c->told_why)
        amqp_log_refusal(c, condition, buf_str(&text));
    c->told_why = false;
    if (code) {
        device_error_put(c->env, &json, code, buf_bytes(&text), c->now_ms);
    } else if (buf_str(&text)[0] != '{') { /* else it is JSON as it is (provisioning 1.5.1) */
        buf_puts(&text, " ");
        put_tracking(c, &text);
    }
    pn_condition_set_name(error, condition);
    pn_condition_set_description(error, buf_str(code ? &json : &text));
    buf_free(&text);
    buf_free(&json);
}

/* A link that is refused or detached is of no kind, until the peer's detach. */
static const struct link_ops dead = {.name = "dead"};

/* Gives back what stood behind the link. */
static void let_go(struct amqp *c, struct amqp_link *k)
{
    list_del(&k->eager);
    if (k->ops->gone)
        k->ops->gone(c, k);
    assert(!k->own && !k->device);
    k->ops = &dead;
}

void amqp_link_kill(struct amqp *c, struct amqp_link *k)
{
    assert(k->ops != &dead);
    let_go(c, k);
    pn_link_close(k->pn);
}

void amqp_link_detach(struct amqp *c, struct amqp_link *k, const char *condition, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_condition(c, k, condition, k->device ? amqp_code_of(condition) : 0, format, args);
    va_end(args);
    amqp_link_kill(c, k);
}

/* service 2.4: what is refused is attached first, without source and target. */
void amqp_link_attach_nothing(struct amqp_link *k)
{
    assert(pn_link_state(k->pn) & PN_LOCAL_UNINIT); /* what was accepted is detached */
    pn_terminus_set_type(pn_link_source(k->pn), PN_UNSPECIFIED);
    pn_terminus_set_type(pn_link_target(k->pn), PN_UNSPECIFIED);
    pn_link_set_max_message_size(k->pn, AMQP_MESSAGE_MAX);
    pn_link_open(k->pn);
}

void amqp_link_refuse(struct amqp *c, struct amqp_link *k, const char *condition, const char *format, ...)
{
    va_list args;
    amqp_link_attach_nothing(k);
    va_start(args, format);
    set_condition(c, k, condition, 0, format, args);
    va_end(args);
    amqp_link_kill(c, k);
}

void amqp_link_refuse_device(struct amqp *c, struct amqp_link *k, const char *condition, unsigned code,
                             const char *format, ...)
{
    va_list args;
    amqp_link_attach_nothing(k);
    va_start(args, format);
    set_condition(c, k, condition, code, format, args);
    va_end(args);
    amqp_link_kill(c, k);
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

    assert(k->ops->opened && (pn_link_state(pn) & PN_LOCAL_UNINIT));
    pn_terminus_copy(pn_link_source(pn), pn_link_remote_source(pn));
    pn_terminus_copy(pn_link_target(pn), pn_link_remote_target(pn));
    /* Some clients leave one end out; ours is never missing, for that would mean a refusal. */
    pn_terminus_set_type(pn_link_source(pn), PN_SOURCE);
    pn_terminus_set_type(pn_link_target(pn), PN_TARGET);
    /* service 2.4: a mode that was named is taken, otherwise events are settled when they are sent, and nothing else
     * is. */
    pn_link_set_snd_settle_mode(pn, c->attach.snd_settle_mode || !k->ops->settles ? pn_link_remote_snd_settle_mode(pn)
                                                                                  : PN_SND_SETTLED);
    pn_link_set_rcv_settle_mode(pn, pn_link_remote_rcv_settle_mode(pn));
    pn_link_set_max_message_size(pn, AMQP_MESSAGE_MAX);
    pn_data_put_map(pn_link_properties(pn)); /* none; pyamqp wants a map all the same */
    pn_link_open(pn);
    if (k->ops->credit)
        k->ops->credit(c, k);
    if (k->ops->pull && pn_link_is_sender(pn))
        amqp_make_eager(c, k);
}

static void forget_link(struct amqp *c, struct amqp_link *k)
{
    pn_link_set_context(k->pn, NULL);
    list_del(&k->in);
    assert(c->n_links > 0 && c->held >= k->cost);
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
