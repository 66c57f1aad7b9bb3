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
    /* Of a device or module (device 3.4): */
    ADDRESS_DEVICE_EVENTS,
    ADDRESS_MODULE_EVENTS, /* a module that receives from it waits for inputs */
    ADDRESS_DEVICEBOUND,
    ADDRESS_TWIN,
    ADDRESS_METHODS,
    /* Of services (service 3): */
    ADDRESS_SERVICE_DEVICEBOUND, /* messages to devices */
    ADDRESS_FEEDBACK,
    ADDRESS_FILE_NOTIFICATIONS,
    ADDRESS_DPS, /* {scope}/registrations/{id} (provisioning 1.5.1): the scope is `group` */
    ADDRESS_KINDS,
};

enum { ADDRESS_LEN_MAX = 512 };

struct address {
    enum address_kind kind;
    char path[ADDRESS_LEN_MAX]; /* decoded, without scheme, host, doubled slashes and slashes at either end */
    struct bytes group;         /* these look into `path`, so the struct must not be moved */
    struct bytes partition;
    struct bytes rest;               /* ADDRESS_REDIRECT: what follows messages/events, with its slash */
    struct bytes device;             /* the name of the device or module that an address is of, in its own case */
    char name[IDENTITY_LEN_MAX + 1]; /* where that is */
};

/* Parses an address: ADDRESS_UNKNOWN if it is not well-formed or too long. */
void address_parse(const struct front_env *, struct bytes text, struct address *out);

/* The part behind the scheme and host of an AMQP address: "amqps://host:5671/path" gives "/path", "/path" stays. */
struct bytes address_path(struct bytes text);

/* The device that a message is for (service 3.1): "/devices/{id}/messages/devicebound", as `to` of a message has it;
 * the id may be escaped. False: it names no device, or a module. */
bool address_device_of(struct bytes to, char out[ID_LEN_MAX + 1]);

/* The entity of a path: "hub-name" and "hub-name/…" are ours, whatever the case. */
bool address_is_entity(const struct front_env *, struct bytes path, struct bytes *rest);
