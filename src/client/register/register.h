/* A registration that is under way (provisioning 1.2): what has to be asked, when, and what the answers mean. How it is
 * carried is another matter (register_http.h, register_mqtt.h, register_amqp.h). */
#pragma once

#include "account.h"
#include "attest.h"

#define REGISTER_API "2019-03-31"

enum { OPERATION_LEN_MAX = 128, SCOPE_LEN_MAX = 64, REGISTER_BODY_MAX = 128 * 1024 };

struct registering {
    struct account account;
    char scope[SCOPE_LEN_MAX + 1];
    char audience[SCOPE_LEN_MAX + ID_LEN_MAX + 16]; /* {scope}/registrations/{id} */
    struct buf body;                                /* of the first question */
    struct buf token;                               /* empty: a certificate or a TPM says who we are */
    struct tpm *tpm;                                /* NULL: none */
    unsigned slot;
    bool proved; /* the slot has the key of the service's challenge */
    struct buf ek, srk;
    char own_id[ATTEST_ID_CAP];            /* the registration id that the TPM has */
    char operation[OPERATION_LEN_MAX + 1]; /* "": the first question is still to be asked */
    int64_t next_ms;                       /* nothing is to be asked before */
    int64_t limit_ms;                      /* for all of it */
    bool done;
    enum d2d_err result;          /* when it is done */
    struct d2d_registration *out; /* lent */
};

/* provisioning 1.2.1. ERR_ARGUMENT: the payload is no JSON. */
enum err registering_put_body(struct registering *, const char *payload) MUST_CHECK;
/* The service answered, with what would be an HTTP status, and retry_s (-1: it did not say). */
void registering_answered(struct registering *, int status, int64_t retry_s, struct bytes body, int64_t now_ms);
/* It cannot answer now. */
void registering_later(struct registering *, int64_t retry_s, int64_t now_ms, const char *why);
/* It is over, unless it was before. */
void registering_failed(struct registering *, enum d2d_err, const char *format, ...) PRINTF_LIKE(3, 4);

/* Asks, and asks again, for at most limit_ms: until it is done, or has to be connected anew at next_ms. D2D_OK, or what
 * loop_until() says. */
enum d2d_err register_over_http(struct registering *, int64_t limit_ms);
enum d2d_err register_over_mqtt(struct registering *, int64_t limit_ms);
enum d2d_err register_over_amqp(struct registering *, int64_t limit_ms);
