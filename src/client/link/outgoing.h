/* A message of d2d.h as it goes out: the topic of MQTT with its bag, or an AMQP message. */
#pragma once

#include "buf.h"
#include "d2d.h"

enum { OUTGOING_WHY_CAP = 128 };

/* ERR_TOO_LARGE, ERR_ARGUMENT: the hub will never take the message, and `why` says it. Over MQTT it could only close
 * the connection. `size_max` is with the properties. */
enum err outgoing_check(const struct d2d_message *, size_t size_max, char why[OUTGOING_WHY_CAP]) MUST_CHECK;
/* {path}/messages/events/{bag} (device 2.9); `path` is "devices/{d}" or "devices/{d}/modules/{m}". */
enum err outgoing_topic(const char *path, const struct d2d_message *, struct buf *out) MUST_CHECK;
/* device 3.6, service 3.1. `to` NULL: none; `ack` and `ttl_ms` only count with it. */
enum err outgoing_amqp(const char *to, const struct d2d_message *, int64_t wall_ms, struct buf *out) MUST_CHECK;
