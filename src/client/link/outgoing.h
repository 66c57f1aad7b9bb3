/* A message of d2d.h as it goes out: the topic of MQTT with its bag, or an AMQP message. */
#pragma once

#include "buf.h"
#include "d2d.h"

/* ERR_TOO_LARGE, ERR_ARGUMENT: the message will never do. */
enum err outgoing_check(const struct d2d_message *, size_t body_max) MUST_CHECK;
/* {path}/messages/events/{bag} (device 2.9); `path` is "devices/{d}" or "devices/{d}/modules/{m}". */
enum err outgoing_topic(const char *path, const struct d2d_message *, struct buf *out) MUST_CHECK;
/* device 3.6, service 3.1. `to` NULL: none; `ack` and `ttl_ms` only count with it. */
enum err outgoing_amqp(const char *to, const struct d2d_message *, int64_t wall_ms, struct buf *out) MUST_CHECK;
