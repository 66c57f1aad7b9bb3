/* Devices that register over MQTT (provisioning 1.4): a connection of its own kind, which has no seat. */
#include "mqtt_front.h"

#include "dps.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { RID_MAX = 128, TOPIC_MAX = RID_MAX + 96 };

struct mqtt_dps {
    struct registrant caller;
    bool subscribed;
    uint8_t qos;
    uint16_t next_id;
};

/* {scope}/registrations/{id}…; a device may be called "registrations", but what follows it is no id. */
bool mqtt_is_dps(struct bytes user)
{
    struct bytes rest = user;

    bytes_cut(&rest, '/');
    if (!bytes_eq_nocase(bytes_cut(&rest, '/'), BYTES("registrations")))
        return false;
    struct bytes id = bytes_cut(&rest, '/');
    return id.len && id.at[0] != '?' && bytes_find(id, '=') == id.len;
}

/* {scope}/registrations/{id}/api-version=…; the id in it, the client id and a certificate's name are the same in any
 * case. */
static enum err let_in(struct mqtt *s, const struct mqtt_connect *p, int64_t now_ms, struct who *who, bool *present,
                       const char **what)
{
    struct bytes rest = p->user, scope = bytes_cut(&rest, '/'), id;
    struct mqtt_dps *d;
    enum err e;

    (void)who;
    *present = false;
    bytes_cut(&rest, '/');
    id = bytes_cut(&rest, '/');
    *what = "the client id is not the registration id";
    if (!bytes_eq_nocase(id, p->client_id) || !bytes_to_str(id, s->device, sizeof s->device))
        return ERR_UNAUTHORIZED;
    *what = "a will";
    if (p->will_topic.at)
        return ERR_UNSUPPORTED;
    *what = "out of memory";
    if (!(d = calloc(1, sizeof *d)))
        return ERR_MEMORY;
    e = registration_admit(&(struct registration_request){.env = s->env,
                                                          .peer = &s->peer,
                                                          .scope = scope,
                                                          .registration = id,
                                                          .token = p->password,
                                                          .now_ms = now_ms},
                           &d->caller);
    *what = d->caller.why ? d->caller.why : err_text(e);
    if (e) {
        free(d);
        return e;
    }
    assert(!s->dps && !s->seat);
    s->dps = d;
    s->clean = true;
    return OK;
}

/* There is one filter. */
static enum err subscribe(struct mqtt *s, struct bytes filter, uint8_t granted)
{
    if (!mqtt_filter_is_dps(filter))
        return ERR_DENIED;
    s->dps->subscribed = true;
    s->dps->qos = granted;
    return OK;
}

static enum err unsubscribe(struct mqtt *s, struct bytes filter)
{
    if (mqtt_filter_is_dps(filter))
        s->dps->subscribed = false;
    return OK;
}

/* Nothing of it outlives the connection. */
static enum err subscribed(struct mqtt *s, const struct session *before, int64_t now_ms)
{
    (void)s;
    (void)before;
    (void)now_ms;
    return OK;
}

/* `$rid` comes first in the answer, and retry-after behind it. */
static void answer(struct mqtt *s, unsigned status, struct bytes rid, struct bytes body)
{
    struct mqtt_dps *d = s->dps;
    char text[TOPIC_MAX];
    int n = snprintf(text, sizeof text, "$dps/registrations/res/%u/?$rid=%.*s%s", status, BYTES_ARG(rid),
                     status == 202 || status == 429 ? "&retry-after=2" : "");

    assert(n > 0 && (size_t)n < sizeof text);
    if (!d->subscribed)
        return;
    d->next_id = d->next_id == UINT16_MAX ? 1 : (uint16_t)(d->next_id + 1);
    mqtt_put_publish(
        s->front.out,
        &(struct mqtt_publish){.topic = bytes_of(text, (size_t)n), .body = body, .qos = d->qos, .id = d->next_id});
}

/* A device's request: to register, or how that goes. */
struct request {
    bool asks_status;
    struct bytes rid, operation;
};

/* False: no topic of provisioning is like that. */
static bool request_read(struct bytes topic, struct request *out)
{
    enum mqtt_topic which = mqtt_topic_take(topic, &topic);

    out->asks_status = which == TOPIC_REGISTER_STATUS;
    if (!out->asks_status && which != TOPIC_REGISTER)
        return false;
    out->rid = bytes_cut(&topic, '&');
    out->operation = bytes_starts(topic, BYTES("operationId=")) ? bytes_skip(topic, strlen("operationId=")) : topic;
    return out->rid.len && out->rid.len <= RID_MAX;
}

/* The answer's body goes into `out`; *goes_on: the device is to ask again. */
static enum err carry_out(struct mqtt *s, const struct request *q, struct bytes body, int64_t now_ms, bool *goes_on,
                          struct buf *out)
{
    uint64_t at;
    enum err e;

    *goes_on = true;
    if (q->asks_status) {
        e = registration_progress(s->env, &s->dps->caller, q->operation, now_ms, goes_on, out);
        at = hub_seen(s->env->hub);
    } else {
        e = registration_start(s->env, &s->dps->caller, body, now_ms, &at, out);
    }
    front_wait_for(&s->front, at);
    return e;
}

static void publish(struct mqtt *s, const struct mqtt_publish *p, int64_t now_ms)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct request request;
    unsigned status;
    bool goes_on;
    enum err e;

    if (!request_read(p->topic, &request)) {
        mqtt_stop(s, ERR_DENIED, "PUBLISH to an unknown topic of provisioning");
        return;
    }
    if (p->qos) /* provisioning 1.4: before the answer */
        mqtt_put_ack(s->front.out, MQTT_PUBACK, p->id);
    e = carry_out(s, &request, p->body, now_ms, &goes_on, &body);
    status = goes_on ? 202 : 200;
    if (e) {
        struct registration_error error = registration_error_of(e);

        status = error.code / 1000;
        buf_clear(&body);
        registration_put_error(s->env, &body, error, now_ms);
        log_event(LOG_WARN, "registration-refused", KVS("registration", s->device), KVS("address", s->peer.address),
                  KVS("reason", err_name(e)));
    }
    answer(s, status, request.rid, buf_bytes(&body));
    buf_free(&body);
}

/* It holds keys. */
static void gone(struct mqtt *s, enum err why, int64_t now_ms)
{
    (void)why;
    (void)now_ms;
    if (s->dps)
        explicit_bzero(s->dps, sizeof *s->dps);
    free(s->dps);
}

const struct mqtt_role mqtt_registering = {
    .kind = "registration",
    .let_in = let_in,
    .subscribe = subscribe,
    .unsubscribe = unsubscribe,
    .subscribed = subscribed,
    .publish = publish,
    .gone = gone,
};
