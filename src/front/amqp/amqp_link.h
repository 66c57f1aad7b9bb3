/* A link, of whatever kind. */
#pragma once

#include "address.h"
#include "amqp.h"
#include "words.h"

#include <assert.h>

struct amqp_link;

/* An attach, as the peer sends it. All of it is lent until the link is opened. */
struct amqp_opening {
    struct address address;
    struct amqp_value properties, filters; /* maps; code 0: there are none */
};

/* The text of a property of the link; NO_BYTES: there is none, or it is no text. */
struct bytes amqp_link_property(const struct amqp_opening *, enum amqp_word name);

/* How a pull ended. */
enum amqp_pulled {
    PULLED_ALL,  /* there is nothing more, or no credit for it: the link is looked at when that changes */
    PULLED_SOME, /* there may be more when there is room: the link is looked at whenever the connection is */
    PULLED_TURN, /* there is more, and the others come first */
};

/* A kind of link: what stands behind an address (kinds.c says which). What a kind does not do is NULL. A link has its
 * kind from the attach until it is refused or detached by us; then the peer's detach is awaited, and nothing comes or
 * goes. */
struct link_ops {
    const char *name;
    /* The peer attaches it: amqp_link_accept(), or one of the refusals (which call `gone`). */
    void (*opened)(struct amqp *, struct amqp_link *, const struct amqp_opening *);
    /* Something came on it, or the peer says what became of something. NULL: it is settled and dropped. */
    void (*delivery)(struct amqp *, struct amqp_link *, pn_delivery_t *);
    /* Sends what there is, as far as amqp_may_send() lets it; when the link was accepted, when credit comes, and after
     * amqp_make_eager(). For links on which the peer receives. */
    enum amqp_pulled (*pull)(struct amqp *, struct amqp_link *);
    /* Claims of the peer have ended: detaches the link if it lived by them. */
    void (*recheck)(struct amqp *, struct amqp_link *);
    /* Gives back what stands behind the link; that may be less than all of it when it was refused. */
    void (*gone)(struct amqp *, struct amqp_link *);
    /* Gives a peer that sends credit, or makes the connection thirsty: when the link was accepted, and when there is
     * room again. */
    void (*credit)(struct amqp *, struct amqp_link *);
    bool settles; /* what is sent is settled at once where the peer does not say (service 2.4) */
};

struct amqp_link {
    struct list in;    /* amqp.links */
    struct list eager; /* amqp.eager, while there may be something to send */
    struct list mates; /* amqp_device.links, of those of a device */
    pn_link_t *pn;
    const struct link_ops *ops;
    void *own; /* what its kind keeps for it; `gone` frees it */
    struct amqp_device *device;
    bool batch;  /* the message that is coming in holds messages */
    size_t cost; /* its part of amqp.held */
};

static inline struct amqp_link *amqp_link_of(pn_link_t *pn)
{
    return pn_link_get_context(pn);
}

/* Answers an attach so that it succeeds; gives credit, or has the link looked at, as its kind says. */
void amqp_link_accept(struct amqp *c, struct amqp_link *k);
/* There may be something to send on this link. */
static inline void amqp_make_eager(struct amqp *c, struct amqp_link *k)
{
    assert(k->ops->pull && pn_link_is_sender(k->pn));
    if (list_alone(&k->eager))
        list_add(&c->eager, &k->eager);
}
/* service 2.4: attach without source and target, then detach with the error. Appends tracking id and time to the text.
 */
void amqp_link_refuse(struct amqp *c, struct amqp_link *k, const char *condition, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* The same of a link by which a device came: in JSON, with the code and a tracking id (device 3.10). */
void amqp_link_refuse_device(struct amqp *c, struct amqp_link *k, const char *condition, unsigned code,
                             const char *format, ...) PRINTF_LIKE(5, 6);
/* Detaches a link that was accepted, and tells its peer as the one or the other does. */
void amqp_link_detach(struct amqp *c, struct amqp_link *k, const char *condition, const char *format, ...)
    PRINTF_LIKE(4, 5);
void amqp_link_unauthorized(struct amqp *c, struct amqp_link *k, const char *claim, const char *path);
/* Attached without source and target: what is to be refused, before its error. */
void amqp_link_attach_nothing(struct amqp_link *k);
/* Detached with the error that its condition has by now, of which the log hears nothing. */
void amqp_link_kill(struct amqp *c, struct amqp_link *k);

/* By the peer. */
void amqp_link_closed(struct amqp *c, pn_link_t *pn, bool detached);
void amqp_session_closed(struct amqp *c, pn_session_t *pn);
/* By us, with an error: its links are gone. */
void amqp_session_end(struct amqp *c, pn_session_t *pn, const char *condition, const char *text);
void amqp_links_free(struct amqp *c);
