/* Enrollments and groups of them (provisioning 2, 3), decoded once from the JSON that is kept (document.h). */
#pragma once

#include "buf.h"
#include "env.h"

/* NOT_ATTESTED: in no way that we know, which lets no device in. */
enum attestation { ATTESTED_BY_KEY, ATTESTED_BY_CERTIFICATE, ATTESTED_BY_TPM, NOT_ATTESTED };

/* The certificates of an enrollment that is attested by them. */
enum enrolled_certificates {
    CERTIFICATES_OF_DEVICE,  /* of the device itself, byte for byte */
    CERTIFICATES_OF_SIGNERS, /* of those that may sign for devices of a group */
    CERTIFICATES_OF_HUB,     /* by name: CA certificates that the hub has */
};

struct enrolled_certificate {
    uint16_t len; /* 0: there is none */
    uint8_t der[CA_LEN_MAX];
    char sha256[THUMBPRINT_LEN_MAX + 1];
    char ca[CA_NAME_MAX + 1];
};

/* A public key of a TPM as it is enrolled. */
struct enrolled_key {
    bool given;
    size_t len; /* 0: it cannot be read, and no chip has it */
    uint8_t at[512];
};

enum allocation { BY_HASH, BY_LATENCY, BY_LIST, BY_WEBHOOK };

struct enrollment {
    bool disabled;
    enum attestation how;
    struct key_bytes keys[2]; /* ATTESTED_BY_KEY; others have none */
    enum enrolled_certificates which;
    struct enrolled_certificate certificates[2];
    struct enrolled_key endorsement, storage;
    char device[ID_LEN_MAX + 1]; /* "": as the registration */
    bool edge;
    bool keeps_hub; /* it stays where it is once it is assigned */
    bool migrates;
    bool pinned; /* to `host`, "" for one that no hub can have */
    char host[HOST_LEN_MAX + 1];
    enum allocation allocation;
    char hubs[LINKED_HUBS_MAX][HOST_LEN_MAX + 1]; /* to choose from; none: all */
    size_t n_hubs;
    char *webhook;   /* NULL: none */
    struct buf text; /* the JSON itself, for a webhook */
};

/* Takes the text; enrollment_free() in any case. ERR_DAMAGED: it is not what is kept of one; ERR_MEMORY. */
enum err enrollment_decode(struct enrollment *, struct buf *text) MUST_CHECK;
void enrollment_free(struct enrollment *);
/* Reads one of the hub's. ERR_NOT_FOUND, ERR_DAMAGED, ERR_MEMORY; only with OK it is to be freed. */
enum err enrollment_get(const struct front_env *, enum doc_kind, struct bytes id, struct doc *,
                        struct enrollment *) MUST_CHECK;
/* provisioning 2.3: another enrollment has this one's endorsement key. */
bool enrollment_is_taken(const struct front_env *, const struct enrollment *, struct bytes id);
