/* The beginning of most tests: a hub with a device "door", and the test, which talks to it in packets. */
#pragma once

#include "check.h"
#include "mqtt_world.h"

static struct world w;
static struct join c;
static struct buf say; /* what comes next */

static inline void say_all(void)
{
    join_say_at(&c, buf_bytes(&say), WORLD_T0);
    buf_clear(&say);
}

static inline int door_start(void **state)
{
    (void)state;
    w = (struct world){0};
    world_open(&w);
    world_device(&w, "door");
    say = buf_max(CONN_IN_MAX);
    return 0;
}

static inline int door_stop(void **state)
{
    (void)state;
    join_close(&c);
    world_close(&w);
    buf_free(&say);
    return 0;
}

/* As a device with the key of `key_of`; `will` may be NULL. Gives the code of the CONNACK; 255: none. */
static inline uint8_t connect_as(const char *client_id, const char *user, const char *key_of, const char *will,
                                 bool clean)
{
    struct buf token = buf_max(SAS_LEN_MAX);

    join_close(&c);
    world_join_mqtt_from(&w, &c, "192.0.2.7:5000", WORLD_T0);
    world_token(&w, key_of, false, WORLD_T0 + 3600000, &token);
    mqtt_put_connect(&say, &(struct mqtt_connect){.clean = clean,
                                                  .keep_alive_s = 60,
                                                  .client_id = bytes_str(client_id),
                                                  .will_topic = bytes_str(will),
                                                  .will_body = will ? BYTES("gone") : NO_BYTES,
                                                  .user = bytes_str(user),
                                                  .password = buf_bytes(&token)});
    buf_free(&token);
    say_all();
    uint8_t code = c.client.in.len == 4 ? c.client.in.at[3] : 255;
    buf_clear(&c.client.in);
    return code;
}
