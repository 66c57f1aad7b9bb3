/* The part of a registration that a TPM has in it. */
#pragma once

#include "register.h"

#include <proton/sasl.h>

/* Opens it and reads its keys. False: it is over. */
bool registering_open_tpm(struct registering *, const struct d2d_register_options *);
void registering_close_tpm(struct registering *);
/* Appends the "tpm" of the first question. */
void registering_put_keys(struct registering *, struct buf *out);
/* A token signed with the key in the slot. */
enum err registering_sign(struct registering *, int64_t expires_s, struct buf *out) MUST_CHECK;
/* A refusal that has a key in it: takes it, and is to be asked again at once. False: it is a plain refusal. */
bool registering_challenged(struct registering *, const char *base64, int64_t now_ms);
/* The assignment's key for the hub, with the name of the hub, into the slot. False: it is over. */
bool registering_take_key(struct registering *, const char *base64);

/* The SASL mechanism TPM. */
struct sasl_tpm {
    struct registering *registering;
    unsigned segments;
    struct buf said, blob;
};

void sasl_tpm_start(struct sasl_tpm *, pn_transport_t *);
void sasl_tpm_close(struct sasl_tpm *);
