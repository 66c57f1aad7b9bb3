/* Direct methods over MQTT (device 2.11): the topic has the name and a number of the hub, which the topic of the answer
 * repeats. */
#include "mqtt_talk.h"

#include "list.h"
#include "mqtt.h"

#define ASKED "$iothub/methods/POST/"

bool mqtt_is_call(struct bytes topic)
{
    return bytes_starts(topic, BYTES(ASKED));
}

void mqtt_call_take(struct mqtt_talk *m, const struct mqtt_publish *p)
{
    struct device_side *side = m->side;
    struct bytes rid = bytes_skip(p->topic, strlen(ASKED)), name = bytes_cut(&rid, '/');
    char method[ID_LEN_MAX + 1];
    const struct asked *a;

    if (!bytes_starts(rid, BYTES("?$rid=")) || !bytes_to_str(name, method, sizeof method))
        return; /* nobody could answer it */
    if (!(a = asked_add(&side->asked, bytes_skip(rid, strlen("?$rid=")), false)))
        return; /* its caller hears that there was no answer */
    side->call(side->ctx, &(struct d2d_call){.id = a->id,
                                             .method = method,
                                             .payload = p->body.len ? p->body.at : NULL,
                                             .payload_len = p->body.len});
}

enum err mqtt_call_answer(struct mqtt_talk *m, const struct asked *a, int status, struct bytes payload)
{
    struct buf topic = buf_max(ASKED_NAME_CAP + 64);

    buf_printf(&topic, "$iothub/methods/res/%d/?$rid=%.*s", status, (int)a->len, (const char *)a->name);
    if (!topic.bad)
        mqtt_put_publish(m->talk.out, &(struct mqtt_publish){.topic = buf_bytes(&topic), .body = payload});
    buf_free(&topic);
    return m->talk.out->bad ? ERR_MEMORY : OK;
}
