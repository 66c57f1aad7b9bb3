/* Changes of identities by whoever may: an operator's request, or a line of an import. */
#pragma once

#include "entry_fault.h"
#include "hub.h"

struct changer {
    struct hub *hub;
    int64_t now_ms;
    /* Is told of each change, unless it is NULL. `was` NULL: it is new; `is` NULL: it was deleted. */
    void (*changed)(void *ctx, struct bytes name, const struct device *was, const struct device *is);
    /* The same of its twin. */
    void (*twin_changed)(void *ctx, struct bytes name, const struct twin_change *change);
    void *ctx;
};

/* hub_device_put(), where a parent that is new to it has to be there. */
enum err identity_change(const struct changer *, const struct device *wanted, struct match, struct device *made,
                         uint64_t *at, struct entry_fault *) MUST_CHECK;
/* hub_device_delete() */
enum err identity_drop(const struct changer *, struct bytes name, struct match, uint64_t *at) MUST_CHECK;

/* An identity of that name is not there: the device is not, or it has no such module. Gives ERR_NOT_FOUND. */
enum err identity_missing(struct hub *, struct bytes name, struct entry_fault *);
/* Of a module, what identity_change() and identity_drop() say. */
enum err module_fault(struct hub *, struct bytes name, enum err, struct entry_fault *);
/* True for a module that the hub makes: $edgeAgent, $edgeHub. */
bool module_is_system(struct bytes name);
