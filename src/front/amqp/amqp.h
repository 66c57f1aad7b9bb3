/* An AMQP 1.0 connection, of devices or services: what its files share (device 3, service 1.5-1.7, 2 and 3).
 *
 *   amqp.c        the five functions of a front: bytes and events of Proton go to whom they concern
 *   output.c      what is said: flush, end, log
 *   sasl.c        the SASL layer
 *   tpm.c         its mechanism for TPMs
 *   claims.c      what the peer has proved and until when
 *   handles.c     which handles there are
 *   budget.c      which frames Proton may see, and how much it may keep
 *   link.c        accept, refuse, detach
 *   kinds.c       which address is a link of which kind
 *   transfer.c    messages in and out, and credit
 *   outcome.c     what an error is called, and outcomes of deliveries
 *   device.c      who may be which device, and its seat
 *   fault.c       faults that devices ask for
 *   service.c     who may be a service, and until when
 *   request.c     request and response over a pair of links
 *
 * A kind of link each:
 *
 *   cbs.c         put-token on $cbs
 *   management.c  READ on $management
 *   dps.c         devices that register
 *   events.c      receivers of events
 *   redirect.c    receivers that are sent elsewhere for them
 *   d2c.c         what devices send
 *   c2d.c         what devices receive
 *   call.c        direct methods
 *   twin.c        twins
 *   post.c        what services send to devices
 *   feedback.c    what they hear of that
 *   notices.c     notifications of uploads, which never come */
#pragma once

#include "address.h"
#include "amqp_message.h"
#include "amqp_wire.h"
#include "auth.h"
#include "dps.h"
#include "fault_request.h"
#include "front.h"
#include "journal.h"
#include "list.h"
#include "map.h"
#include "words.h"

#include <assert.h>
#include <proton/connection_driver.h>
#include <proton/engine.h>

struct amqp;
struct amqp_link;

/* What the peer says of a link when it attaches it. All of it is lent until the link is opened. */
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

/* A device or module of this connection: all its links share one seat. The hub wakes each of them by its own waker, so
 * that a connection of a thousand looks only at those for which there is something. */
struct amqp_device {
    struct waker waker; /* first */
    struct amqp *connection;
    _Atomic bool rung;        /* it stands in amqp.rung */
    struct amqp_device *next; /* there */
    struct list awake;        /* amqp.awake */
    struct seat *seat;
    struct amqp_link *c2d;   /* the one that receives, or NULL */
    struct amqp_link *calls; /* the one that gets direct methods, or NULL */
    unsigned answers;        /* links that answer them */
    struct list links;       /* by `mates`: the latest last */
    int64_t since_ms;
    enum err why;               /* the hub ended it */
    struct fault_request fault; /* that it asked for last */
    bool told;                  /* the log knows that it came */
    char id[IDENTITY_LEN_MAX + 1];
};

struct amqp {
    struct talk front;
    const struct front_env *env;
    struct peer peer;
    pn_connection_driver_t driver;
    int64_t now_ms, born_ms;
    int64_t steady_ms;  /* for Proton: begins at 1 and never goes back */
    bool greeted, open; /* protocol header and Open have come */
    bool sasl;          /* the layer that has been begun is that of SASL */
    bool again;         /* a reader has more to look through: we wake ourselves */

    /* A service, or a device that registers, of which the log knows that it came; kind NULL: none. */
    struct journal_who told;
    char told_id[ID_LEN_MAX + 1];
    int64_t since_ms;

    bool proved;       /* credentials were shown that are valid */
    struct who who;    /* of SASL PLAIN; without rights else */
    bool has_who;      /* SASL PLAIN succeeded */
    bool refused;      /* SASL failed, and the log knows why */
    bool told_why;     /* so it does of the link that is about to be refused */
    char user[320];    /* Proton keeps a pointer to it */
    struct map claims; /* by audience: struct claim */
    int64_t expiry_ms; /* the earliest of who and claims */
    struct buf came;   /* a message, out of Proton; an attach while its link is opened */
    struct buf made;   /* what is about to be said */

    struct registrant *dps;           /* a device that registers; NULL: none */
    struct amqp_tpm *tpm;             /* one that is about to prove that it has its TPM */
    struct map devices;               /* by id */
    struct amqp_device *_Atomic rung; /* those that were woken, by any thread: the latest first */
    struct list awake;                /* those that were, and are to be looked at by us */
    struct list links;
    struct list eager;
    size_t n_links;
    bool thirsty;              /* a link got no credit because the peer does not read what we say */
    struct amqp_attach attach; /* of the frame that is being looked at */
    struct map handles;        /* that the peer has attached, of all sessions */
    unsigned n_ended;          /* sessions that we have ended and the peer has not */
    uint64_t channels[(AMQP_CHANNEL_MAX + 1) / 64]; /* a bit for each on which the peer has begun a session */
    size_t unit_len;                                /* of that frame */
    size_t held;                                    /* what Proton keeps of sessions, links and their values */
    unsigned borrowed; /* sessions above what one may have that has not shown any valid credential */
    uint64_t tag;      /* of the next delivery */
    int64_t fault_ms;  /* when the first fault of its devices is due; INT64_MAX: none */
};

/* ---- output.c */
/* Moves what Proton has to say into `out`. */
void amqp_flush(struct amqp *c);
/* Ends the sessions, closes the connection (device 3.9) and ends the conversation. Condition and text may be NULL. */
void amqp_leave(struct amqp *c, enum err why, const char *condition, const char *text);
/* The same for an error, which is logged. */
void amqp_end(struct amqp *c, enum err why, const char *condition, const char *text);
/* Logs a line for the operator: who, what, why. */
void amqp_log_refusal(const struct amqp *c, const char *what, const char *why);
/* "service", "device garage" or "nobody", for the log. */
const char *amqp_who(const struct amqp *c);
/* This is at the other end: told once. */
void amqp_came(struct amqp *c, const char *kind, const char *id);

/* ---- sasl.c */
void amqp_sasl_start(struct amqp *c);

/* ---- tpm.c: what is not OK ends SASL */
enum err amqp_tpm_begin(struct amqp *c, struct bytes init) MUST_CHECK;
enum err amqp_tpm_response(struct amqp *c, struct bytes response, bool *proved) MUST_CHECK;
void amqp_tpm_free(struct amqp_tpm *);

/* ---- claims.c */
/* Replaces the claim of this audience. ERR_LIMIT: CBS_TOKENS_MAX. */
enum err amqp_claim_put(struct amqp *c, struct bytes audience, const struct who *who) MUST_CHECK;
/* A token of a policy or a device for this hub, put under this name (NO_BYTES: none). ERR_UNAUTHORIZED, ERR_EXPIRED;
 * ERR_BUSY: too many failures lately. */
enum err amqp_token_check(struct amqp *c, struct bytes token, struct bytes name, struct who *out) MUST_CHECK;
void amqp_proved(struct amqp *c, const struct who *who);
/* True if one of the claims lets read this path ("entity/ConsumerGroups/…", "messages/events"). */
bool amqp_may_listen(const struct amqp *c, struct bytes path);
/* The proof that the peer may act as this device, or NULL. */
const struct who *amqp_claim_of(const struct amqp *c, struct bytes device);
/* Forgets what this device itself signed: its keys have changed. */
void amqp_claims_drop(struct amqp *c, struct bytes device);
/* Forgets what has expired. True when something has. */
bool amqp_claims_expire(struct amqp *c);
void amqp_claims_free(struct amqp *c);

/* ---- kinds.c */
void amqp_link_opened(struct amqp *c, pn_link_t *pn); /* by the peer */

/* ---- link.c */
void amqp_link_closed(struct amqp *c, pn_link_t *pn, bool detached);
void amqp_session_closed(struct amqp *c, pn_session_t *pn);
/* By us, with an error: its links are gone. */
void amqp_session_end(struct amqp *c, pn_session_t *pn, const char *condition, const char *text);
void amqp_links_free(struct amqp *c);
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
/* The same for a link that was accepted. */
void amqp_link_detach(struct amqp *c, struct amqp_link *k, const char *condition, const char *format, ...)
    PRINTF_LIKE(4, 5);
void amqp_link_unauthorized(struct amqp *c, struct amqp_link *k, const char *claim, const char *path);
/* Attached without source and target: what is to be refused, before its error. */
void amqp_link_attach_nothing(struct amqp_link *k);
/* Detached with the error that its condition has by now, of which the log hears nothing. */
void amqp_link_kill(struct amqp *c, struct amqp_link *k);
/* Appends "TrackingId:…, SystemTracker:…, Timestamp:…". */
void amqp_put_tracking(struct amqp *c, struct buf *b);
static inline struct amqp_link *amqp_link_of(pn_link_t *pn)
{
    return pn_link_get_context(pn);
}

/* ---- handles.c */
/* The frame in c->attach: false, it is not for Proton. */
bool amqp_handles_take(struct amqp *c);
void amqp_handles_free(struct amqp *c);

/* ---- budget.c */
/* The frame in c->attach, of this length, may go to Proton. False: the connection has been ended. */
bool amqp_budget_take(struct amqp *c, size_t len);
/* The link that this frame attached has its cost; so it has when it was attached again. */
void amqp_budget_link(struct amqp *c, struct amqp_link *k, size_t cost);
size_t amqp_budget_cost(const struct amqp *c, size_t len);
/* The longest frame. */
size_t amqp_frame_most(const struct amqp *c);
unsigned amqp_values_most(const struct amqp *c);
/* Sessions that were borrowed are given back: it has shown who it is, or it goes. */
void amqp_budget_return(struct amqp *c);
/* Messages of which the rest is still to come are too much, all links together; `most` for one that has shown who it
 * is. */
bool amqp_too_much_is_coming(const struct amqp *c, size_t most);
/* A transfer came for which there was no credit: its link is detached (AMQP 1.0, 2.8.17). */
bool amqp_over_credit(struct amqp *c, struct amqp_link *k);

/* ---- device.c */
/* Gives the link the device of its address, or refuses it. True if it may be accepted. */
bool amqp_device_opened(struct amqp *c, struct amqp_link *k, const struct amqp_opening *);
/* The link has gone, if it was of a device: this leaves with its last one. */
void amqp_device_left(struct amqp *c, struct amqp_link *k);
/* Looks at the devices that were woken: those that have lost their seats are detached, others may have something. */
void amqp_devices_woken(struct amqp *c);
/* Detaches the link when its device has no claim any more. */
void amqp_device_recheck(struct amqp *c, struct amqp_link *k);

/* ---- service.c */
/* False: the link was refused, for no claim covers its address. */
bool amqp_service_may(struct amqp *c, struct amqp_link *k, const struct amqp_opening *, const char *claim);
/* Detaches the link when no claim covers this path any more. */
void amqp_service_recheck(struct amqp *c, struct amqp_link *k, const char *path);

/* ---- fault.c */
/* The reason to refuse a message of the device now, or what is wrong with the fault it asks for: fault_request.h. */
enum err amqp_fault_read(struct amqp *c, const struct amqp_device *d, const struct msg *m,
                         struct fault_request *asked) MUST_CHECK;
enum err amqp_fault_of_batch(struct amqp *c, const struct amqp_device *d, struct bytes all,
                             struct fault_request *asked) MUST_CHECK;
/* The message that asked for it is in the hub; FAULT_NONE changes nothing. */
void amqp_fault_begin(struct amqp *c, struct amqp_device *d, const struct fault_request *);
/* Breaks what is due; gives when to come again. */
int64_t amqp_faults_tick(struct amqp *c);

/* ---- outcome.c */
const char *amqp_condition(enum err e);
/* {errorCode, trackingId, message, timestampUtc} (device 3.10) */
void amqp_put_error(struct amqp *c, struct buf *b, enum err e);
void amqp_put_error_text(struct amqp *c, struct buf *b, unsigned code, const char *text);
/* Accepted or rejected, and settled. */
void amqp_answer(struct amqp *c, pn_delivery_t *d, enum err e);
/* With another condition than that of the error: devices and services are told of some in different ones. */
void amqp_answer_as(struct amqp *c, pn_delivery_t *d, enum err e, const char *condition);
/* How the peer ended a delivery; false: it has not yet. */
bool amqp_outcome_of(pn_delivery_t *d, enum outcome *how);
/* The hub's answer to that, for a peer that waits for it (rcv-settle-mode second). */
void amqp_confirm(struct amqp *c, pn_delivery_t *d, enum err e);

/* ---- transfer.c */
/* A delivery of which all is here, out of Proton and into c->came; false: not yet, or it was refused. */
bool amqp_receive(struct amqp *c, struct amqp_link *k, pn_delivery_t *d, size_t max, struct bytes *out);
/* Gives a peer that sends credit up to `most` when half of it is used up, as long as it reads what we say. */
void amqp_credit_up_to(struct amqp *c, struct amqp_link *k, int most);
/* The same with the credit that most kinds give. */
void amqp_credit(struct amqp *c, struct amqp_link *k);
/* Credit, room, and a window that the peer keeps open. */
bool amqp_may_send(const struct amqp *c, const struct amqp_link *k);
/* Takes a message apart, which must stay; false: it is not well-formed. */
bool amqp_take_apart(struct bytes all, struct amqp_message *out);
/* Sends what is in c->made, settled, and lets it out; the error of the buffer, if it has one: then nothing is sent. */
enum err amqp_send_made(struct amqp *c, struct amqp_link *k);
/* The end of a pull, with why it ended: a peer that drains is told when there is nothing more (ERR_NOT_FOUND). */
enum amqp_pulled amqp_pull_ended(struct amqp_link *k, enum err e);

/* ---- dps.c */
/* By the token of SASL (with SASL TPM, signed with the key of its proof), or without one by the certificate of the
 * connection. */
enum err amqp_dps_login(struct amqp *c, struct bytes scope, struct bytes id, struct bytes token,
                        const struct tpm_proof *) MUST_CHECK;
void amqp_dps_free(struct registrant *);

/* ---- request.c */
/* A request, and what becomes of it. */
struct amqp_request {
    struct amqp_message message; /* it lies in c->came; the answer is made in c->made */
    pn_delivery_t *delivery;
    struct amqp_link *to; /* where the answer goes */
    int status;
    char text[256];        /* status-description */
    const char *condition; /* error-condition or NULL */
};
/* Something came on a link that takes requests: all of one is given to `asked`, which settles and answers it. */
void amqp_request(struct amqp *c, struct amqp_link *k, pn_delivery_t *d,
                  void (*asked)(struct amqp *, struct amqp_request *));
/* Gives the peer credit for requests while it reads our answers. */
void amqp_request_credit(struct amqp *c, struct amqp_link *k);
/* Settles the request as accepted, which goes before the answer, and begins that in c->made; its sections are up to the
 * kind. */
void amqp_request_accept(struct amqp *c, const struct amqp_request *r);
/* Whose answer it is, with status and description (service 1.7). A body follows. */
void amqp_request_put_status(struct amqp *c, const struct amqp_request *r);
void amqp_request_reject(const struct amqp_request *r, const char *condition, const char *text);
/* The same for an operation that there is not. */
void amqp_request_unsupported(const struct amqp_request *r);
/* A value of the application properties as text; integers too. NO_BYTES when it is not there. */
struct bytes amqp_property(const struct amqp_request *r, const char *name, char number[AMQP_SCALAR_CAP]);

/* The kinds, each in the file of its name. */
extern const struct link_ops amqp_cbs_link, amqp_management_link, amqp_dps_link, amqp_events_link, amqp_redirect_link,
    amqp_d2c_link, amqp_inputs_link, amqp_c2d_link, amqp_calls_link, amqp_twin_link, amqp_post_link, amqp_feedback_link,
    amqp_notices_link;
