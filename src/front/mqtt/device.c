/* A device or module over MQTT: who it is (device 2.2, 2.3), its session and its will. */
#include "mqtt_front.h"

#include "text.h"

#include <assert.h>
#include <stdlib.h>

/* ---- CONNECT --------------------------------------------------------------------------------------------------- */

/* A user name, taken apart (device 2.2). */
struct user {
    struct bytes host, device, module;
    struct bytes model; /* still escaped; at == NULL: not given */
    bool has_api_version;
    bool knows_reasons; /* libd2d: it may be told why its connection ends */
};

/* Pairs, between `&` and, in SDKs before 2018, between slashes; their agents hold slashes of their own. */
static void parse_trailer(struct bytes trailer, struct user *out)
{
    if (trailer.len && trailer.at[0] == '?')
        trailer = bytes_skip(trailer, 1);
    while (trailer.at) {
        struct bytes part = bytes_cut(&trailer, '&');

        while (part.at) {
            struct bytes value = bytes_cut(&part, '/'), name = bytes_cut(&value, '=');

            if (bytes_eq(name, BYTES("api-version")))
                out->has_api_version = value.len > 0 || out->has_api_version;
            else if (bytes_eq(name, BYTES("model-id")) && !out->model.at)
                out->model = value;
            else if (bytes_eq(name, BYTES("DeviceClientType")) && bytes_starts_nocase(value, BYTES("d2d%2F")))
                out->knows_reasons = true;
        }
    }
}

static bool begins_trailer(struct bytes text)
{
    return text.len && text.at[0] == '?';
}

static bool is_pair(struct bytes segment)
{
    return bytes_find(segment, '=') < segment.len;
}

/* {host}/{device}[/{module}][/{trailer}], where the trailer is (device 2.2)
 *
 *     ?api-version=2021-04-12&DeviceClientType=…&model-id=…   most
 *     api-version=2020-09-30&model-id=…                       Go
 *     api-version=2016-11-14/DeviceClientType=…/1.2.3         .NET before 2018
 *     DeviceClientType=…                                      Node and C of 2016
 *
 * or nothing, and begins with `?` or has an `=` in its first segment. Only in the second segment a `?` is one of an id.
 */
static bool parse_user(struct bytes text, struct user *out)
{
    struct bytes rest = text, tail, third;

    *out = (struct user){.host = bytes_cut(&rest, '/')};
    out->device = bytes_cut(&rest, '/');
    if (!out->host.len || !out->device.len)
        return false;
    tail = rest;
    third = bytes_cut(&tail, '/');
    if (!begins_trailer(rest) && (begins_trailer(tail) || !is_pair(third))) {
        out->module = third.len ? third : NO_BYTES;
        if (!third.len && tail.len)
            return false;
        rest = tail;
        third = bytes_first(rest, bytes_find(rest, '/'));
        if (rest.len && !begins_trailer(rest) && !is_pair(third))
            return false;
    }
    parse_trailer(rest, out);
    return true;
}

/* The names must be right before anything is looked up. */
static enum err check_names(struct mqtt *s, const struct mqtt_connect *p, struct user *user, const char **what)
{
    bool module;

    *what = "malformed user name";
    if (!parse_user(p->user, user))
        return ERR_MALFORMED;
    module = user->module.at;
    if (module ? !identity_name(user->device, user->module, s->device)
               : !bytes_to_str(user->device, s->device, sizeof s->device))
        return ERR_MALFORMED;
    *what = "the user name is for another hub";
    if (!auth_host_is_ours(s->env, user->host))
        return ERR_UNAUTHORIZED;
    *what = module ? "the client id is not device id/module id" : "the client id is not the device id";
    return bytes_eq(p->client_id, bytes_str(s->device)) ? OK : ERR_UNAUTHORIZED;
}

static enum err check_credentials(struct mqtt *s, const struct mqtt_connect *p, int64_t now_ms, struct who *who,
                                  const char **what)
{
    struct bytes device = bytes_str(s->device);

    /* device 1.6: with a certificate the password is absent or empty */
    *what = "no token and no certificate";
    if (!p->password.len && !s->peer.has_certificate)
        return ERR_UNAUTHORIZED;
    enum err e = auth_peer(s->env, &s->peer, device, p->password, now_ms, who);
    if (!e && auth_scope_is_short(who)) {
        *who = (struct who){.why = "the token is for another resource: \"devices\" is missing in it"};
        e = ERR_UNAUTHORIZED;
    }
    e = auth_tried(s->env, &s->peer, device, e, now_ms);
    *what = e ? who->why : "";
    return e;
}

/* device 2.2: a will goes where the device's own messages go. */
static enum err check_will(const struct mqtt *s, const struct mqtt_connect *p, const char **what)
{
    struct bytes bag;

    *what = "the topic of the will is not the device's";
    if (p->will_topic.at && !mqtt_topic_is_own(s, p->will_topic, &bag))
        return ERR_DENIED;
    *what = "the will has QoS 2";
    return p->will_topic.at && p->will_qos > 1 ? ERR_UNSUPPORTED : OK;
}

/* The packet goes; its model id and its will stay. */
static enum err keep(struct mqtt *s, const struct mqtt_connect *p, const struct user *user)
{
    struct mqtt_kept *k = &s->kept;
    size_t len = 0;

    assert(!k->has_will && !k->bytes.len);
    if (user->model.len) {
        if (user->model.len > MODEL_LEN_MAX || !buf_reserve(&k->bytes, user->model.len))
            return ERR_TOO_LARGE;
        if (percent_decode(user->model, k->bytes.at, user->model.len, &len) || !utf8_valid(bytes_of(k->bytes.at, len)))
            return ERR_MALFORMED;
        k->bytes.len = k->model_len = len;
    }
    if (p->will_topic.at) {
        buf_put(&k->bytes, p->will_topic);
        buf_put(&k->bytes, p->will_body);
        k->topic_len = p->will_topic.len;
        k->will_retain = p->will_retain;
        k->has_will = true;
    }
    return buf_check(&k->bytes);
}

/* device 2.2: the twin has the model id before the device knows that it is connected. */
static enum err announce_model(struct mqtt *s, int64_t now_ms)
{
    uint64_t at = 0;
    enum err e;

    if (!s->kept.model_len)
        return OK;
    e = hub_model_set(s->seat, bytes_of(s->kept.bytes.at, s->kept.model_len), now_ms, &at);
    if (!e)
        front_wait_for(&s->front, at);
    return e;
}

/* device 2.6, 2.3: session-present tells that there is a kept one; a clean start forgets it. */
static enum err open_session(struct mqtt *s, bool *present)
{
    uint64_t at = 0;
    enum err e = OK;

    assert(s->seat);
    *present = hub_session_get(s->seat, &s->subscribed);
    if (s->clean != *present)
        return OK;
    /* Either there is one and it is to be forgotten, or there is none and it is to be begun. */
    s->subscribed = (struct session){0};
    *present = false;
    e = hub_session_set(s->seat, s->clean ? NULL : &s->subscribed, &at);
    if (!e)
        front_wait_for(&s->front, at);
    return e;
}

static int64_t with_grace(int64_t until_ms)
{
    return until_ms > INT64_MAX - TOKEN_GRACE_MS ? INT64_MAX : until_ms + TOKEN_GRACE_MS;
}

static enum err let_in(struct mqtt *s, const struct mqtt_connect *p, int64_t now_ms, struct who *who, bool *present,
                       const char **what)
{
    struct user user;
    enum err e;

    if ((e = check_names(s, p, &user, what)) || (e = check_credentials(s, p, now_ms, who, what)) ||
        (e = check_will(s, p, what)))
        return e;
    *what = "the will or the model id cannot be stored";
    if ((e = keep(s, p, &user)))
        return e;
    /* device 2.4: whoever sat there is told only now that the newcomer has shown who it is. */
    *what = "the connection cannot be registered for the device";
    if ((e = hub_attach(s->env->hub, bytes_str(s->device), bytes_str(who->generation), who->proof, s->front.waker,
                        now_ms, &s->seat)))
        return e;
    *what = "the keys of the device have just changed";
    if (!auth_still_signs(s->env, who))
        return ERR_UNAUTHORIZED;
    *what = "the model id cannot be stored";
    if ((e = announce_model(s, now_ms)))
        return e;
    *what = "the session cannot be stored";
    s->clean = p->clean;
    s->has_api_version = user.has_api_version;
    s->knows_reasons = user.knows_reasons;
    s->expires_ms = with_grace(who->until_ms);
    return open_session(s, present);
}

/* ---- its life -------------------------------------------------------------------------------------------------- */

/* The hub has something for it, or another connection has its seat. */
static void woken(struct mqtt *s, int64_t now_ms)
{
    enum err e = seat_state(s->seat);

    (void)now_ms;
    assert(s->seat);
    if (e == ERR_STOLEN && s->knows_reasons)
        mqtt_put_reason(s->front.out, MQTT_TAKEN_OVER);
    if (e)
        mqtt_stop(s, e, "the hub ended the connection of the device");
}

/* A device that came back on another connection, and one whose hub stops, did not go: there is nothing to announce. */
static bool has_to_announce(const struct mqtt *s, enum err why)
{
    return s->state == MQTT_OPEN && s->kept.has_will && why != ERR_SHUTDOWN && !seat_state(s->seat);
}

static void gone(struct mqtt *s, enum err why, int64_t now_ms)
{
    enum err e;

    if (has_to_announce(s, why) && (e = mqtt_send_will(s, now_ms)))
        log_event(LOG_WARN, "will-lost", KVS("device", s->device), KVS("reason", err_name(e)));
    hub_detach(s->seat, now_ms);
    buf_free(&s->kept.bytes);
    free(s->flights);
}

const struct mqtt_role mqtt_device = {
    .kind = "device",
    .let_in = let_in,
    .opened = mqtt_follow, /* a session that is kept has its subscriptions */
    .subscribe = mqtt_subscribe,
    .unsubscribe = mqtt_unsubscribe,
    .subscribed = mqtt_subscribed,
    .publish = mqtt_on_publish,
    .acknowledged = mqtt_on_puback,
    .woken = woken,
    .pull = mqtt_pull,
    .gone = gone,
};
