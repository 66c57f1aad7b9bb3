#include "journal.h"

#include "limiter.h"
#include "log.h"

bool journal_may_tell(const struct front_env *env, const struct peer *peer, struct bytes about, int64_t now_ms)
{
    unsigned left_out = 0;

    if (env->limiter && !limiter_may_tell(env->limiter, bytes_str(peer->address), about, now_ms, &left_out))
        return false;
    if (left_out)
        log_event(LOG_WARN, "lines-left-out", KVN("count", left_out), KVS("reason", "too many of the same kind"));
    return true;
}

static const char *protocol_of(const struct peer *peer)
{
    return peer->protocol ? peer->protocol : "";
}

bool journal_connected(const struct front_env *env, const struct peer *peer, struct journal_who who, int64_t now_ms)
{
    if (!log_wants(LOG_INFO) || !journal_may_tell(env, peer, who.id, now_ms))
        return false;
    log_event(LOG_INFO, "connected", KV(who.kind, who.id), KVS("protocol", protocol_of(peer)),
              KVS("address", peer->address));
    return true;
}

void journal_left(const struct peer *peer, struct journal_who who, enum err why, const char *detail, int64_t since_ms,
                  int64_t now_ms)
{
    const struct log_pair pairs[] = {KV(who.kind, who.id),
                                     KVS("protocol", protocol_of(peer)),
                                     KVS("address", peer->address),
                                     KVS("reason", why ? err_name(why) : "disconnected"),
                                     KVN("seconds", (now_ms - since_ms) / 1000),
                                     KVS("detail", detail ? detail : err_text(why))};

    log_line(LOG_INFO, "left", pairs, why ? 6 : 5);
}

void journal_login_failed(const struct front_env *env, const struct peer *peer, struct journal_who who, enum err why,
                          const char *detail, int64_t now_ms)
{
    /* A peer that is refused without a look may say any name. */
    if (!journal_may_tell(env, peer, why == ERR_BUSY ? NO_BYTES : who.id, now_ms))
        return;
    log_event(LOG_WARN, "login-failed", KV(who.kind, who.id.len ? who.id : BYTES("?")),
              KVS("protocol", protocol_of(peer)), KVS("address", peer->address), KVS("reason", err_name(why)),
              KVS("detail", detail && *detail ? detail : err_text(why)));
}

void journal_no_room(const struct front_env *env, const struct peer *peer, struct journal_who who, struct bytes device,
                     enum err why, int64_t now_ms)
{
    if (hub_refused(env->hub, device, why, now_ms))
        log_event(LOG_WARN, "over-ceiling", KV(who.kind, who.id), KVS("protocol", protocol_of(peer)),
                  KVS("address", peer->address),
                  KVS("reason", why == ERR_BUSY ? "too many messages in a second" : "too many bytes in a day"),
                  KVS("remedy", why == ERR_BUSY ? "device_messages_per_second and hub_messages_per_second are the "
                                                  "ceilings; if this is not wanted, disable the device"
                                                : "device_bytes_per_day and hub_bytes_per_day are the ceilings; if "
                                                  "this is not wanted, disable the device"));
}

void journal_change(const struct who *by, const struct peer *peer, const char *what, struct journal_who who,
                    const char *detail)
{
    const struct log_pair pairs[] = {KVS("change", what), KVS("by", by->policy[0] ? by->policy : by->device),
                                     KVS("address", peer->address), KV(who.kind, who.id),
                                     KVS("detail", detail ? detail : "")};

    log_line(LOG_INFO, "audit", pairs, detail && *detail ? 5 : 4);
}
