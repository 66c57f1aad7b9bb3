/* Shared by the load generators: devices as they log in over MQTT, and turns of a loop. */
#pragma once

#include "bytes.h"
#include "ceilings.h"
#include "mqtt.h"
#include "net.h"
#include "sas.h"

struct device {
    char id[ID_LEN_MAX + 1], user[512], password[SAS_LEN_MAX];
};

/* From a connection string of a device. With `wrong` its key is another one. */
enum err device_read(const char *line, bool wrong, struct device *out) MUST_CHECK;
void device_put_connect(const struct device *, struct buf *out);

/* A turn of a loop, waiting at most so long. */
void turn(struct net_loop *loop, int wait_ms);
