#include "claims.h"

#include "amqp_output.h"
#include "budget.h"
#include "sas.h"

#include <assert.h>
#include <stdlib.h>

/* A token that was put: what it proves, under the audience that the peer gave it. */
struct claim {
    struct who who;
    size_t audience_len;
    uint8_t audience[];
};

/* The clock of whoever made the token may be behind (device 1.4). */
static int64_t ends_ms(const struct who *who)
{
    return who->until_ms > INT64_MAX - SKEW_MS ? INT64_MAX : who->until_ms + SKEW_MS;
}

static void lower_expiry(struct amqp *c, const struct who *who)
{
    if (ends_ms(who) < c->expiry_ms)
        c->expiry_ms = ends_ms(who);
    assert(c->expiry_ms <= ends_ms(who));
}

void amqp_proved(struct amqp *c, const struct who *who)
{
    c->proved = c->front.proved = true;
    amqp_budget_return(c);
    c->peer.held_ms = NULL; /* what one device does wrong holds up no other on the connection */
    assert(c->borrowed == 0);
    lower_expiry(c, who);
    if (who->policy[0] && !who->device[0])
        amqp_came(c, "policy", who->policy);
}

/* The device that signed is one that the audience names; where it is the hub alone, the name under which the token was
 * put. What is none of a device that exists is no guess yet. */
static enum err check_device(struct amqp *c, struct bytes token, const char ids[][IDENTITY_LEN_MAX + 1], size_t n,
                             struct who *out)
{
    struct who one;
    enum err e = ERR_UNAUTHORIZED;

    for (size_t i = 0; i < n; i++) {
        enum err this = auth_device(c->env, bytes_str(ids[i]), token, c->now_ms, &one);

        if (i && this == ERR_NOT_FOUND)
            continue;
        *out = one;
        if (!(e = this))
            return OK;
    }
    return e;
}

static bool names_policy(const struct amqp *c, struct bytes token)
{
    struct policy p;
    struct sas sas;

    return !sas_parse(token, &sas) && sas.skn.len && !hub_policy_get(c->env->hub, sas.skn, &p);
}

/* A policy signs for all it may do, a device for itself. */
static enum err check(struct amqp *c, struct bytes token, const char ids[][IDENTITY_LEN_MAX + 1], size_t n,
                      struct who *out)
{
    struct bytes scope;
    enum err e = auth_policy_token(c->env, token, c->now_ms, out);

    if (e == ERR_UNAUTHORIZED && n) {
        const struct who policy = *out;

        e = check_device(c, token, ids, n, out);
        /* A peer that calls itself a policy is not told that its audience is no device. */
        if (e == ERR_NOT_FOUND && names_policy(c, token)) {
            *out = policy;
            e = ERR_UNAUTHORIZED;
        }
        return e;
    }
    if (e)
        return e;
    scope = bytes_str(out->scope);
    if (auth_host_is_ours(c->env, bytes_cut(&scope, '/')))
        return OK;
    *out = (struct who){.why = "the token is for another hub"};
    return ERR_UNAUTHORIZED;
}

static enum err failed(const struct amqp *c, struct journal_who who, enum err e, const char *why)
{
    journal_login_failed(c->env, &c->peer, who, e, why, c->now_ms);
    return e;
}

enum err amqp_token_check(struct amqp *c, struct bytes token, struct bytes name, struct who *out)
{
    char ids[AUTH_NAMED_MAX][IDENTITY_LEN_MAX + 1];
    struct bytes whose;
    struct sas sas;
    size_t n;

    if (sas_parse(token, &sas))
        return failed(c, (struct journal_who){"policy", NO_BYTES},
                      auth_tried(c->env, &c->peer, NO_BYTES, ERR_UNAUTHORIZED, c->now_ms),
                      "this is not a shared access signature");
    n = auth_named_devices(name, ids, auth_named_devices(sas.sr, ids, 0));
    whose = n ? bytes_str(ids[0]) : sas.skn;
    const struct journal_who who = {n ? "device" : "policy", whose};
    enum err e = auth_tried(c->env, &c->peer, whose, check(c, token, ids, n, out), c->now_ms);
    return e ? failed(c, who, e, out->why) : OK;
}

enum err amqp_claim_put(struct amqp *c, struct bytes audience, const struct who *who)
{
    struct claim *old = map_get(&c->claims, audience);
    if (!old && c->claims.n >= CBS_TOKENS_MAX)
        return ERR_LIMIT;
    struct claim *claim = malloc(sizeof *claim + audience.len);
    if (!claim)
        return ERR_MEMORY;
    claim->who = *who;
    claim->audience_len = audience.len;
    if (audience.len)
        memcpy(claim->audience, audience.at, audience.len);
    /* The map lends the key from the value: the old one leaves first. */
    free(map_del(&c->claims, audience));
    enum err e = map_put(&c->claims, bytes_of(claim->audience, claim->audience_len), claim);
    if (e) {
        free(claim);
        return e;
    }
    assert(c->claims.n <= CBS_TOKENS_MAX);
    amqp_proved(c, who);
    if (!c->has_who)
        memcpy(c->who.policy, who->policy, sizeof c->who.policy); /* for the log */
    return OK;
}

static bool listens(const struct amqp *c, const struct who *who, struct bytes path)
{
    return (who->rights & RIGHT_SERVICE) && auth_covers(c->env, who, path);
}

bool amqp_may_listen(const struct amqp *c, struct bytes path)
{
    const struct claim *claim;
    size_t at = 0;

    if (c->has_who && listens(c, &c->who, path))
        return true;
    while ((claim = map_next(&c->claims, &at)))
        if (listens(c, &claim->who, path))
            return true;
    return false;
}

static bool is_device(const struct amqp *c, const struct who *who, struct bytes device)
{
    char path[AUTH_PATH_CAP];

    if (who->device[0])
        return bytes_eq(bytes_str(who->device), device);
    auth_identity_path(device, path);
    return (who->rights & RIGHT_DEVICE) && identity_valid(device) && auth_covers(c->env, who, bytes_str(path));
}

const struct who *amqp_claim_of(const struct amqp *c, struct bytes device)
{
    const struct claim *claim;
    size_t at = 0;

    if (c->has_who && c->who.rights && is_device(c, &c->who, device))
        return &c->who;
    while ((claim = map_next(&c->claims, &at)))
        if (is_device(c, &claim->who, device))
            return &claim->who;
    return NULL;
}

void amqp_claims_drop(struct amqp *c, struct bytes device)
{
    struct claim *claim;
    size_t at = 0;

    if (c->has_who && bytes_eq(bytes_str(c->who.device), device))
        c->who.rights = 0;
    while ((claim = map_next(&c->claims, &at))) {
        if (!bytes_eq(bytes_str(claim->who.device), device))
            continue;
        map_del(&c->claims, bytes_of(claim->audience, claim->audience_len));
        free(claim);
    }
}

bool amqp_claims_expire(struct amqp *c)
{
    struct claim *claim;
    bool some = false;
    size_t at = 0;

    if (c->now_ms < c->expiry_ms)
        return false;
    c->expiry_ms = INT64_MAX;
    while ((claim = map_next(&c->claims, &at))) {
        if (c->now_ms < ends_ms(&claim->who)) {
            lower_expiry(c, &claim->who);
            continue;
        }
        map_del(&c->claims, bytes_of(claim->audience, claim->audience_len));
        free(claim);
        some = true;
    }
    if (c->has_who && c->who.rights) {
        some |= c->now_ms >= ends_ms(&c->who);
        if (c->now_ms >= ends_ms(&c->who))
            c->who.rights = 0;
        else
            lower_expiry(c, &c->who);
    }
    assert(c->now_ms < c->expiry_ms); /* what is left ends later */
    return some;
}

void amqp_claims_free(struct amqp *c)
{
    void *claim;
    size_t at = 0;
    while ((claim = map_next(&c->claims, &at)))
        free(claim);
    map_free(&c->claims);
}
