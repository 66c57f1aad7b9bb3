/* Addresses of AMQP links, in every spelling that clients use (service 2.2). */
#pragma once

#include "front.h"

enum address_kind {
    ADDRESS_UNKNOWN,
    ADDRESS_CBS,
    ADDRESS_MANAGEMENT,
    ADDRESS_EVENTS,   /* a partition of a consumer group */
    ADDRESS_ENTITY,   /* the event hub itself, as senders name it */
    ADDRESS_REDIRECT, /* messages/events on the hub: the event hub has another name (service 2.9) */
};

enum { ADDRESS_LEN_MAX = 512 };

struct address {
    enum address_kind kind;
    char path[ADDRESS_LEN_MAX]; /* decoded, without scheme, host, doubled slashes and slashes at either end */
    struct bytes group;         /* these look into `path`, so the struct must not be moved */
    struct bytes partition;
    struct bytes rest; /* ADDRESS_REDIRECT: what follows messages/events, with its slash */
};

/* What is not well-formed or too long is ADDRESS_UNKNOWN. */
void address_parse(const struct front_env *, struct bytes text, struct address *out);

/* The entity of a path: "hub-name" and "hub-name/…" are ours, whatever the case. */
bool address_is_entity(const struct front_env *, struct bytes path, struct bytes *rest);
