/* Decodes what it is given, and decodes what it encodes from that to the same. */
#include "mqtt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_again(const struct mqtt_packet *p)
{
    struct buf b = buf_max(1 << 20);
    struct mqtt_packet again;
    size_t used;

    if (p->type == MQTT_PUBLISH)
        mqtt_put_publish(&b, &p->publish);
    else if (p->type == MQTT_CONNECT && p->connect.level == 4)
        mqtt_put_connect(&b, &p->connect);
    if (b.len) {
        if (b.bad || mqtt_decode(buf_bytes(&b), 1 << 20, &again, &used) != MQTT_PACKET || used != b.len ||
            again.type != p->type)
            abort();
        if (p->type == MQTT_PUBLISH &&
            (!bytes_eq(p->publish.topic, again.publish.topic) || !bytes_eq(p->publish.body, again.publish.body)))
            abort();
        if (p->type == MQTT_CONNECT && !bytes_eq(p->connect.password, again.connect.password))
            abort();
    }
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct mqtt_packet p;
    size_t used;

    while (mqtt_decode(in, 100000, &p, &used) == MQTT_PACKET) {
        if (used == 0 || used > in.len)
            abort();
        same_again(&p);
        in = bytes_skip(in, used);
    }
    return 0;
}
