/* Names of identities: "device" is a device, "device/module" a module of it (service 4.5). An id has no slash, so the
 * first one tells them apart. Whatever takes the name of an identity takes both. */
#pragma once

#include "bytes.h"
#include "ceilings.h"

/* The device itself, or the one that the module is of. */
static inline struct bytes identity_device(struct bytes name)
{
    return bytes_first(name, bytes_find(name, '/'));
}

static inline bool identity_is_module(struct bytes name)
{
    return bytes_find(name, '/') < name.len;
}

/* at == NULL: it is a device. */
static inline struct bytes identity_module(struct bytes name)
{
    size_t slash = bytes_find(name, '/');

    return slash < name.len ? bytes_skip(name, slash + 1) : NO_BYTES;
}

/* An id, of a device or of a module (device 1.1). */
bool device_id_valid(struct bytes id);
/* A device, or a device and a module. */
bool identity_valid(struct bytes name);
/* A name of two ids; of a device where `module` has at == NULL. False, and "": one of them is no id. */
bool identity_name(struct bytes device, struct bytes module, char out[IDENTITY_LEN_MAX + 1]) MUST_CHECK;

/* The name of a direct method (service 4.7): printable ASCII without blanks and what parts a topic. */
bool call_name_valid(struct bytes method);
