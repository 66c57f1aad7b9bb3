/* A registration that is under way, without a service. */
#pragma once

#include "check.h"
#include "register.h"

#include <stdio.h>

#define T0 1795411500000LL

#define ASSIGNING "{\"operationId\":\"5.ab-cd\",\"status\":\"assigning\"}"
#define ASSIGNED                                                                        \
    "{\"operationId\":\"5.ab-cd\",\"status\":\"assigned\",\"registrationState\":{"      \
    "\"registrationId\":\"pump\",\"assignedHub\":\"hub.test\",\"deviceId\":\"pump-7\"," \
    "\"status\":\"assigned\",\"substatus\":\"initialAssignment\",\"payload\":{\"a\": [1]}}}"

static struct registering r;
static struct d2d_registration got;

static inline void registering_open(const char *payload, const char *token)
{
    got = (struct d2d_registration){.registration = "pump"};
    r = (struct registering){.out = &got, .token = buf_max(SAS_LEN_MAX), .account.timeout_ms = 30000};
    snprintf(r.account.host, sizeof r.account.host, "dps.test");
    snprintf(r.scope, sizeof r.scope, "0ne1");
    snprintf(r.audience, sizeof r.audience, "0ne1/registrations/pump");
    buf_puts(&r.token, token);
    CHECK_OK(registering_put_body(&r, payload));
}

static inline void registering_close(void)
{
    buf_free(&r.body);
    buf_free(&r.token);
}
