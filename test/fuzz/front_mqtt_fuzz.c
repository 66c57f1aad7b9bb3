/* The MQTT front on a hub in memory. The first byte says whether the peer has connected when the bytes begin, and
 * whether they come in slices. Must reach: CONNECT, SUBSCRIBE, PUBLISH to all topics, the will at the end. */
#include "mqtt_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONNECTED = 1, IN_SLICES = 2 };

static struct world w;
static struct buf hello;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct join c;

    if (!w.hub) {
        world_open(&w);
        world_device(&w, "d1");
        hello = buf_max(4096);
        world_connect(&w, "d1", false, &hello);
    }
    if (size == 0)
        return 0;
    uint8_t how = data[0];
    world_join_mqtt_from(&w, &c, "192.0.2.1:1", WORLD_T0);
    if (how & CONNECTED)
        join_say_at(&c, buf_bytes(&hello), WORLD_T0);
    size_t step = how & IN_SLICES ? 3 : size;
    for (size_t i = 1; i < size; i += step)
        join_say_at(&c, bytes_of(data + i, size - i < step ? size - i : step), WORLD_T0);
    if (c.hub.talk)
        c.hub.talk->ops->tick(c.hub.talk, WORLD_T0 + CONNECT_MS);
    join_close(&c);
    return 0;
}
