/* One AMQP 1.0 connection to the event side of the hub: what its files share (service 1.5-1.7 and 2).
 *
 *   amqp.c             Proton's driver between the bytes of the peer and `out`; events; time
 *   amqp_sasl.c        the SASL layer
 *   amqp_claims.c      what the peer has proved and until when
 *   amqp_link.c        attach, refuse, detach
 *   amqp_request.c     request and response over a pair of links
 *   amqp_cbs.c         put-token on $cbs
 *   amqp_management.c  READ on $management
 *   amqp_events.c      receivers of events */
#pragma once

#include "address.h"
#include "amqp_wire.h"
#include "auth.h"
#include "list.h"
#include "map.h"

#include <proton/connection_driver.h>
#include <proton/engine.h>
#include <proton/message.h>

enum amqp_link_kind {
    LINK_CBS,        /* both directions */
    LINK_MANAGEMENT, /* both directions */
    LINK_EVENTS,
    LINK_DEAD, /* refused or detached by us: the peer's detach is awaited */
};

struct amqp_link {
    struct list in; /* amqp.links */
    pn_link_t *pn;
    enum amqp_link_kind kind;
    struct amqp_events *events; /* of LINK_EVENTS */
};

struct amqp {
    struct front front;
    const struct front_env *env;
    struct peer peer;
    pn_connection_driver_t driver;
    int64_t now_ms, born_ms;
    int64_t steady_ms;  /* for Proton: begins at 1 and never goes back */
    bool greeted, open; /* protocol header and Open have come */
    bool again;         /* a reader has more to look through: we wake ourselves */

    bool proved;       /* credentials were shown that are valid */
    struct who who;    /* of SASL PLAIN; without rights else */
    bool has_who;      /* SASL PLAIN succeeded */
    char user[320];    /* Proton keeps a pointer to it */
    struct map claims; /* by audience: struct claim */
    int64_t expiry_ms; /* the earliest of who and claims */
    pn_message_t *message;
    struct buf scratch;

    struct list links;
    size_t n_links;
    struct amqp_attach attach; /* of the frame that is being looked at */
    uint64_t tag;              /* of the next delivery */
};

/* ---- amqp.c */
/* Moves what Proton has to say into `out`. */
void amqp_flush(struct amqp *c);
/* Closes the connection with an error and ends the conversation. */
void amqp_end(struct amqp *c, enum err why, const char *condition, const char *text);
/* One line for the operator: who, what, why. */
void amqp_log_refusal(const struct amqp *c, const char *what, const char *why);

/* ---- amqp_sasl.c */
void amqp_sasl_start(struct amqp *c);

/* ---- amqp_claims.c */
/* Replaces the claim of this audience. ERR_LIMIT: CBS_TOKENS_MAX. */
enum err amqp_claim_put(struct amqp *c, struct bytes audience, const struct who *who) MUST_CHECK;
/* A policy token for this hub. ERR_UNAUTHORIZED, ERR_EXPIRED; ERR_BUSY: too many failures lately. */
enum err amqp_token_check(struct amqp *c, struct bytes token, struct who *out) MUST_CHECK;
void amqp_proved(struct amqp *c, const struct who *who);
/* One of the claims lets read this path ("entity/ConsumerGroups/…", "messages/events"). */
bool amqp_may_listen(const struct amqp *c, struct bytes path);
/* Forgets what has expired. True when something has. */
bool amqp_claims_expire(struct amqp *c);
void amqp_claims_free(struct amqp *c);
/* "service", "device garage" or "nobody", for the log. */
const char *amqp_who(const struct amqp *c);

/* ---- amqp_link.c */
void amqp_link_opened(struct amqp *c, pn_link_t *pn); /* by the peer */
void amqp_link_closed(struct amqp *c, pn_link_t *pn, bool detached);
void amqp_session_closed(struct amqp *c, pn_session_t *pn);
void amqp_links_free(struct amqp *c);
/* Answers an attach so that it succeeds. */
void amqp_link_accept(struct amqp *c, struct amqp_link *k);
/* service 2.4: attach without source and target, then detach with the error. Appends tracking id and time to the text. */
void amqp_link_refuse(struct amqp *c, struct amqp_link *k, const char *condition, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* The same for a link that was accepted. */
void amqp_link_detach(struct amqp *c, struct amqp_link *k, const char *condition, const char *format, ...)
    PRINTF_LIKE(4, 5);
void amqp_link_unauthorized(struct amqp *c, struct amqp_link *k, const char *claim, const char *path);
/* Appends "TrackingId:…, SystemTracker:…, Timestamp:…". */
void amqp_put_tracking(struct amqp *c, struct buf *b);
static inline struct amqp_link *amqp_link_of(pn_link_t *pn)
{
    return pn_link_get_context(pn);
}

/* ---- amqp_request.c */
/* Something came on a link that takes requests. */
void amqp_request(struct amqp *c, struct amqp_link *k, pn_delivery_t *d);
/* Gives the peer credit for requests while it reads our answers. */
void amqp_request_credit(struct amqp *c, struct amqp_link *k);

/* A request and the answer that is being made. The message serves both: what is read out of it is copied. */
struct amqp_request {
    pn_data_t *properties; /* application properties; lent */
    pn_data_t *body;
    int status;
    char text[256];        /* status-description */
    const char *condition; /* error-condition or NULL */
    pn_data_t *answer;     /* body of the answer, empty */
};
/* A value of the application properties as text; numbers too. NO_BYTES when it is not there. */
struct bytes amqp_property(struct amqp_request *r, const char *name, char number[24]);

/* ---- amqp_cbs.c, amqp_management.c: ERR_UNSUPPORTED: not an operation that exists */
enum err amqp_cbs(struct amqp *c, struct amqp_request *r) MUST_CHECK;
enum err amqp_management(struct amqp *c, struct amqp_request *r) MUST_CHECK;

/* ---- amqp_events.c */
void amqp_events_opened(struct amqp *c, struct amqp_link *k, const struct address *a);
void amqp_events_free(struct amqp_events *e);
/* Sends what there is to all receivers that take it; detaches those that were displaced. */
void amqp_events_pull(struct amqp *c);
/* Detaches those whose claims are gone. */
void amqp_events_recheck(struct amqp *c);
