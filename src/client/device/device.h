/* A device: its account, its messages, and the conversation that carries them. */
#pragma once

#include "connection.h"
#include "device_amqp.h"
#include "mqtt_talk.h"

struct d2d_device {
    struct account account;
    struct device_side side;
    struct mqtt_talk mqtt; /* this or that, as the transport says */
    struct device_amqp amqp;
    struct connection connection;
    struct buf token;
    char audience[HOST_LEN_MAX + 2 * ID_LEN_MAX + 64];
    char id[2 * ID_LEN_MAX + 2], path[2 * ID_LEN_MAX + sizeof "devices//modules/"];
    char user[HOST_LEN_MAX + 2 * ID_LEN_MAX + 160];
    enum d2d_err ended; /* nothing more will be sent, for this reason */
    void (*connected)(void *ctx, struct d2d_device *);
    void (*disconnected)(void *ctx, struct d2d_device *, enum d2d_err, bool final);
    void (*listening)(void *ctx, struct d2d_device *);
    void (*c2d)(void *ctx, struct d2d_device *, const struct d2d_c2d *);
    void (*call)(void *ctx, struct d2d_device *, const struct d2d_call *);
    void (*desired)(void *ctx, struct d2d_device *, const struct d2d_desired *);
    void *ctx;
};
