/* Registrations: where a device belongs, or that it is being found out (provisioning 1.2.2). Decoded once from the JSON
 * that is kept, and written as that and as what clients get. */
#pragma once

#include "enrollment.h"

enum {
    OPERATION_CAP = 64,
    /* A time with seven digits behind the point (provisioning 1.1). */
    REGISTRATION_TIME_CAP = 32,
};

enum registration_status { ASSIGNING, ASSIGNED, FAILED };

struct registration {
    char id[ID_LEN_MAX + 1]; /* as the device presented it */
    char created[REGISTRATION_TIME_CAP], updated[REGISTRATION_TIME_CAP];
    enum registration_status status;
    enum attestation how;
    char group[ID_LEN_MAX + 1]; /* "": it has an enrollment of its own */
    /* Ours: clients do not see them. */
    char operation[OPERATION_CAP];
    char entry[ID_LEN_MAX + 1]; /* the enrollment or the group */
    bool migrates;
    struct key_bytes hub_key; /* with ATTESTED_BY_TPM, until the device has it */
    char run[24];             /* of the process whose request it waits for */
    char first_hub[HOST_LEN_MAX + 1];
    struct {
        char hub[HOST_LEN_MAX + 1], device[ID_LEN_MAX + 1], substatus[48];
    } was; /* where it is until this comes to an end; hub == "": nowhere */
    /* ASSIGNED */
    char substatus[48];
    char hub[HOST_LEN_MAX + 1], device[ID_LEN_MAX + 1];
    struct buf payload; /* an object, of the webhook */
    /* FAILED */
    unsigned error;
    char message[160];
};

/* registration_free() in any case. ERR_DAMAGED, ERR_MEMORY. */
enum err registration_decode(struct registration *, struct bytes text) MUST_CHECK;
/* Appends what is kept. */
void registration_encode(const struct registration *, struct buf *out);
/* Appends what clients get; `etag` and `key` (of a TPM, in base64) may be NULL. */
void registration_show(const struct registration *, const char *etag, const char *key, struct buf *out);
void registration_free(struct registration *);
/* Reads one of the hub's. ERR_NOT_FOUND, ERR_DAMAGED, ERR_MEMORY; only with OK it is to be freed. */
enum err registration_get(const struct front_env *, struct bytes id, struct doc *, struct registration *) MUST_CHECK;

/* The body of a device's request to register. */
struct registration_body {
    char id[ID_LEN_MAX + 1];                  /* "": it names none */
    bool tpm;                                 /* it has the keys of one */
    struct enrolled_key endorsement, storage; /* which may be none */
    struct buf payload;                       /* JSON; empty: none */
};

/* Nothing, a blank, or an object. registration_body_free() in any case. ERR_MALFORMED, ERR_ARGUMENT, ERR_MEMORY. */
enum err registration_body_read(struct registration_body *, struct bytes text) MUST_CHECK;
void registration_body_free(struct registration_body *);
