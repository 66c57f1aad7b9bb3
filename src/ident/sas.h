/* Shared access signatures: taken apart, checked, made (device 1.2, service 1.3). */
#pragma once

#include "buf.h"
#include "ceilings.h"
#include "digest.h"

/* A token taken apart. The views lie in the token; `sr` is exactly the text that was signed. */
struct sas {
    struct bytes sr;   /* as it stands, still escaped */
    struct bytes skn;  /* as it stands, may be empty */
    struct bytes se;   /* as it stands */
    int64_t expires_s; /* since 1970; a very large one is INT64_MAX */
    uint8_t signature[32];
};

/* Field order is free, names in any case, unknown fields ignored, a doubled field is refused. ERR_MALFORMED. */
enum err sas_parse(struct bytes token, struct sas *out) MUST_CHECK;

/* HMAC-SHA256 of `sr \n se` with this key is the signature. In constant time. */
bool sas_signed_with(const struct sas *, struct bytes key);

/* Appends a whole token for a resource that is given unescaped ("hub.example/devices/a"); policy may be empty. */
enum err sas_make(struct bytes resource, struct bytes policy, int64_t expires_s, struct bytes key,
                  struct buf *out) MUST_CHECK;
