/* Judges who a peer is and what it may do: SAS tokens and policy keys against the identities and policies of the hub.
 * Used by every front, so that a rule stands once (device 1.2-1.4, service 1.3-1.6). Nothing here says why to the peer;
 * the log does. */
#pragma once

#include "chain.h"
#include "env.h"

/* The proof that a checked credential is. */
struct who {
    char device[IDENTITY_LEN_MAX + 1]; /* the device or module it is (name.h), or "" for a policy */
    char generation[24];               /* of that identity, when its key was used */
    char policy[POLICY_LEN_MAX + 1];   /* the policy whose key signed, or "" */
    unsigned rights;                   /* of the policy; RIGHT_DEVICE alone for a device key */
    enum proof proof;
    /* The token's own expiry, without skew, or that of the first certificate to end, by the steady clock: how long it
     * lasts is decided now. INT64_MAX: none. */
    int64_t until_ms;
    struct key_bytes key; /* of the device or module, that signed; length 0: none did */
    union {
        char scope[640]; /* decoded audience without scheme, port and slash at the end: host[/path] */
        char why[512];   /* after a failure, of which all else is 0: a phrase for the log, never for the peer */
    };
};

/* A credential may be valid by the hub's clock or by the system's, when those differ (hub_wall_range()): a clock that
 * jumped to what is wrong must lock nobody out, and one that was set right must let everybody in.
 *
 * A device or module connects with this token: signed with one of its own keys, those of its device where it is a
 * module without a certificate, or by a policy with RIGHT_DEVICE. A module whose device is disabled is, too.
 * ERR_UNAUTHORIZED (with ERR_EXPIRED, ERR_NOT_FOUND and ERR_DISABLED told apart for the log and for protocols that say
 * so). */
enum err auth_device(const struct front_env *, struct bytes device, struct bytes token, int64_t now_ms,
                     struct who *out) MUST_CHECK;

/* A device of any kind: its registered type decides whether the token or the certificate of the connection counts
 * (device 1.6). `token` may be empty. Besides the errors above ERR_UNAUTHORIZED for a certificate that is missing or
 * not the device's, and ERR_EXPIRED for a chain of which one is not valid now. */
enum err auth_peer(const struct front_env *, const struct peer *, struct bytes device, struct bytes token,
                   int64_t now_ms, struct who *out) MUST_CHECK;

/* False: the key of the device that signed is none of its keys any more. To be asked once the seat is taken: from then
 * on the hub tells. */
bool auth_still_signs(const struct front_env *, const struct who *);

/* Of a device that its token let in: its audience is {host}/{device} (device 1.3), which Go signs over HTTPS alone. */
bool auth_scope_is_short(const struct who *) MUST_CHECK;

/* The proof of a device by its key is one for its module, too, which has no certificate. auth_still_signs() is to be
 * asked of it. False: it is none. */
bool auth_module_of(const struct front_env *, const struct who *device, struct bytes module,
                    struct who *out) MUST_CHECK;

/* The chain leads to one of the authorities, as in chain_check(), at a time that it may be. *until_ms: by the steady
 * clock. */
enum err auth_chain(const struct front_env *, struct bytes chain, struct bytes authorities, struct bytes name,
                    int64_t now_ms, int64_t *until_ms, char why[CHAIN_WHY_CAP]) MUST_CHECK;

/* A service token: signed by a policy, with the decoded key or with the text of the key (Event Hubs SDKs), primary or
 * secondary. What it covers is asked by auth_covers(). */
enum err auth_policy_token(const struct front_env *, struct bytes token, int64_t now_ms, struct who *out) MUST_CHECK;

/* SASL PLAIN of the Event Hubs-compatible endpoint: policy name and raw key text (service 1.6). */
enum err auth_policy_key(const struct front_env *, struct bytes policy, struct bytes key_text,
                         struct who *out) MUST_CHECK;

/* True if the audience of `who` is this path ("messages/events", "devices/a", an entity path) of our host or above it,
 * by whole segments, without regard to case of the host. */
bool auth_covers(const struct front_env *, const struct who *, struct bytes path);

enum { AUTH_NAMED_MAX = 8 };

/* The devices and modules that an audience may name, in each form that it may be escaped in, put behind the n that are
 * there. Gives how many there are then. */
size_t auth_named_devices(struct bytes audience, char out[][IDENTITY_LEN_MAX + 1], size_t n);

enum { AUTH_PATH_CAP = sizeof "devices//modules/" + IDENTITY_LEN_MAX };
/* Of an identity in an audience: "devices/{d}", "devices/{d}/modules/{m}". */
void auth_identity_path(struct bytes name, char out[AUTH_PATH_CAP]);

/* The host is ours: the name, the short name's host, or an alias; a port is ignored; case is too. */
bool auth_host_is_ours(const struct front_env *, struct bytes host);

/* The answer to an attempt that came to this: the outcome itself, late if there were many failures
 * (peer->held_ms), or ERR_BUSY when too many wait to be told (limiter.h). Only guesses count: an expired token or a
 * disabled device is none. */
enum err auth_tried(const struct front_env *, const struct peer *, struct bytes identity, enum err outcome,
                    int64_t now_ms) MUST_CHECK;
