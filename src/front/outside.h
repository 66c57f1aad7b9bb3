/* What a registration needs from the world outside of this hub: a webhook that says where a device belongs, and other hubs that
 * take it (provisioning 3.7). The front hands a job out; whoever runs it ends it, on a thread of its own. */
#pragma once

#include "front.h"

#include <jansson.h>

enum { OUTSIDE_OPERATION_CAP = 64 };

/* Given with dps_outside.start; outside_job_free(). */
struct outside_job {
    char registration[ID_LEN_MAX + 1], operation[OUTSIDE_OPERATION_CAP];
    struct device device;         /* as it is to be: id, kind of authentication, keys, thumbprints */
    bool owns_id;                 /* it takes that id wherever it goes, also from a device that is there */
    char host[HOST_LEN_MAX + 1];  /* where it goes; "": as the webhook says */
    char leave[HOST_LEN_MAX + 1]; /* where it is now, and goes from when that is another; "": nowhere */
    char *url, *question;         /* of the webhook, and its JSON; NULL: none */
};

/* How it went: a hub and what the webhook says to the device, or an error as in provisioning 1.2.4. */
struct outside_end {
    const char *host;
    const json_t *payload; /* an object or NULL; lent */
    unsigned error;        /* 0: none */
    const char *message;
};

struct dps_outside {
    const char *const *hubs; /* the linked ones besides this, NULL at the end */
    /* ERR_BUSY: too many wait; the job is still the caller's. */
    enum err (*start)(void *ctx, struct outside_job *);
    void *ctx;
};

/* Whether a device of that id on that hub may be replaced. */
bool outside_may_replace(const struct outside_job *, const char *host);
void outside_job_free(struct outside_job *); /* also NULL */
/* The end of a job: what the device is told. A newer registration of the same device makes it void. From any thread. */
void dps_finish(const struct front_env *, const struct outside_job *, const struct outside_end *, int64_t now_ms);

#define DPS_NO_HUB 400208u      /* none is linked */
#define DPS_HUB_REFUSES 400209u /* it is not linked, or will not have the device */
#define DPS_WEBHOOK 400207u     /* custom allocation failed */
