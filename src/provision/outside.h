/* The world outside of this hub, as a registration needs it: a webhook that says where a device belongs, and other
 * hubs that take it (provisioning 3.7). The front hands a request out; whoever carries it out ends it, on a thread of
 * its own. */
#pragma once

#include "env.h"

enum { OUTSIDE_OPERATION_CAP = 64 };

/* Given with outside.start; outside_request_free(). */
struct outside_request {
    char registration[ID_LEN_MAX + 1], operation[OUTSIDE_OPERATION_CAP];
    struct device device;        /* as it is to be: id, kind of authentication, keys, thumbprints */
    bool owns_id;                /* it takes that id wherever it goes, also from a device that is there */
    char host[HOST_LEN_MAX + 1]; /* where it goes; "": as the webhook says */
    char leave[HOST_LEN_MAX +
               1]; /* where it is now, and as whom, which goes when the device has come elsewhere; "": nowhere */
    char leave_id[ID_LEN_MAX + 1];
    bool migrates;                                   /* its twin comes with it */
    char *twin;                                      /* else it begins with this one, as JSON; NULL: an empty one */
    char *url, *question;                            /* of the webhook, and its JSON; NULL: none */
    char allowed[LINKED_HUBS_MAX][HOST_LEN_MAX + 1]; /* that it may choose from */
    size_t n_allowed;                                /* 0: all linked ones */
};

/* How it went: a hub and what the webhook says to the device, or an error as in provisioning 1.2.4. */
struct outside_end {
    const char *host;
    struct bytes payload; /* JSON: an object, or nothing; lent */
    struct bytes twin;    /* with which the device is to begin here; likewise */
    unsigned error;       /* 0: none */
    const char *message;
};

struct outside {
    const char *const *hubs; /* the linked ones besides this, NULL at the end */
    const char *run;         /* another one each time that the process starts: requests end with it */
    /* ERR_BUSY: too many wait; the request is still the caller's. */
    enum err (*start)(void *ctx, struct outside_request *);
    void *ctx;
};

/* Whether a device of that id on that hub may be replaced. */
bool outside_may_replace(const struct outside_request *, const char *host);
void outside_request_free(struct outside_request *); /* also NULL */
/* The linked hub of that name as the configuration spells it, this one included; NULL: there is none, or the request
 * may not have it. */
const char *outside_hub(const struct front_env *, const struct outside_request *, const char *host);
/* No newer registration of the same device has made the request void. From any thread. */
bool outside_is_wanted(const struct front_env *, const struct outside_request *);
/* The end of a request: what the device is told. False: it was void, or it failed in the end. From any thread. */
bool outside_finish(const struct front_env *, const struct outside_request *, const struct outside_end *,
                    int64_t now_ms);

#define DPS_NO_HUB 400208u      /* none is linked */
#define DPS_HUB_REFUSES 400209u /* it is not linked, or will not have the device */
#define DPS_WEBHOOK 400207u     /* custom allocation failed */
