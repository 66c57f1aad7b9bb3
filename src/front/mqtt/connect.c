#include "mqtt_front.h"

#include <assert.h>

/* device 2.3: no other codes are used. What may be over soon is 3, so that clients try again. */
static enum mqtt_code code_of(enum err e)
{
    switch (e) {
    case ERR_MALFORMED:
    case ERR_ARGUMENT:
    case ERR_UNAUTHORIZED:
    case ERR_EXPIRED:
    case ERR_DENIED:
    case ERR_DISABLED:
    case ERR_NOT_FOUND:
    case ERR_UNSUPPORTED:
    case ERR_TOO_LARGE:
        return MQTT_NOT_AUTHORIZED;
    default:
        return MQTT_UNAVAILABLE;
    }
}

static void refuse(struct mqtt *s, enum err why, const char *what, int64_t now_ms)
{
    assert(why && s->role);
    mqtt_put_connack(s->front.out, false, code_of(why));
    journal_login_failed(s->env, &s->peer, mqtt_who(s), why, what, now_ms);
    talk_end(&s->front, why);
}

/* device 2.5: a longer one, and none, count as the longest. */
static int64_t silence_of(uint16_t keep_alive_s)
{
    int64_t ms = (int64_t)keep_alive_s * 1500;
    return ms == 0 || ms > KEEP_ALIVE_MAX_S * 1000LL ? KEEP_ALIVE_MAX_S * 1000LL : ms;
}

void mqtt_on_connect(struct mqtt *s, const struct mqtt_connect *p, int64_t now_ms)
{
    struct who who;
    const char *what = "";
    bool present = false;
    enum err e;

    if (p->level != 4) {
        mqtt_put_connack(s->front.out, false, MQTT_BAD_LEVEL);
        mqtt_stop(s, ERR_UNSUPPORTED,
                  p->level == 5  ? "the device uses MQTT 5; this hub supports MQTT 3.1.1"
                  : p->level < 4 ? "the device uses MQTT 3.1; this hub supports MQTT 3.1.1"
                                 : "the device uses a version of MQTT that does not exist");
        return;
    }
    s->role = mqtt_is_dps(p->user) ? &mqtt_registering : &mqtt_device;
    if ((e = s->role->let_in(s, p, now_ms, &who, &present, &what))) {
        refuse(s, e, what, now_ms);
        return;
    }
    assert(s->state == MQTT_WAIT_CONNECT);
    s->front.proved = true;
    s->heard_ms = now_ms;
    s->silence_ms = silence_of(p->keep_alive_s);
    s->state = MQTT_OPEN;
    s->since_ms = now_ms;
    s->told = journal_connected(s->env, &s->peer, mqtt_who(s), now_ms);
    mqtt_put_connack(s->front.out, present, MQTT_ACCEPTED);
    if (s->role->opened)
        s->role->opened(s, now_ms);
}
