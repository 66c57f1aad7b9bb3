/* An AMQP 1.0 connection, of devices or services (device 3, service 1.5-1.7, 2 and 3): the state of one, which its
 * files share. Each file has what it does for the others in the header of its name.
 *
 *   amqp.c         the five functions of a front: bytes and events of Proton go to whom they concern
 *   amqp_output.c  what is said: flush, end, log
 *   sasl.c         the SASL layer, and tpm.c its mechanism for TPMs: login.h
 *   claims.c       what the peer has proved and until when
 *   handles.c      which handles there are
 *   budget.c       which frames Proton may see, and how much it may keep
 *   amqp_link.c    a link: accept, refuse, detach
 *   transfer.c     messages in and out, credit, and how a pull ends
 *   outcome.c      what an error is called, and outcomes of deliveries
 *   amqp_device.c  who may be which device, and its seat
 *   amqp_fault.c   faults that devices ask for
 *   service.c      who may be a service, and until when
 *   address.c      addresses of links, words.c all other words that clients send
 *
 * kinds/ has a file for each kind of link, and kinds.c says which address is a link of which kind. */
#pragma once

#include "amqp_whole.h"
#include "amqp_wire.h"
#include "auth.h"
#include "front.h"
#include "journal.h"
#include "list.h"
#include "map.h"

#include <proton/connection_driver.h>
#include <proton/engine.h>

struct amqp_device;
struct amqp_tpm;
struct registrant;

struct amqp {
    struct talk front;
    const struct front_env *env;
    struct peer peer;
    pn_connection_driver_t driver;
    struct amqp_whole whole; /* of what Proton says */
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
