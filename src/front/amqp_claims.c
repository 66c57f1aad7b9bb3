#include "amqp.h"

#include "sas.h"

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
}

const char *amqp_who(const struct amqp *c)
{
    return c->who.device[0] ? c->who.device : c->who.policy[0] ? c->who.policy : "nobody";
}

void amqp_proved(struct amqp *c, const struct who *who)
{
    c->proved = true;
    lower_expiry(c, who);
}

enum err amqp_token_check(struct amqp *c, struct bytes token, struct who *out)
{
    struct sas sas;
    struct bytes policy = sas_parse(token, &sas) ? NO_BYTES : sas.skn;

    if (!auth_may_try(c->env, &c->peer, policy, c->now_ms))
        return ERR_BUSY;
    enum err e = auth_policy_token(c->env, token, c->now_ms, out);
    auth_tried(c->env, &c->peer, policy, e, c->now_ms);
    if (e)
        return e;
    struct bytes scope = bytes_str(out->scope);
    return auth_host_is_ours(c->env, bytes_cut(&scope, '/')) ? OK : ERR_UNAUTHORIZED;
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
