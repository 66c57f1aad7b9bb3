#include "identity_change.h"

/* service 4.3: what is new may name any scope, an import may bring the edge device later; no scope can name it yet. */
static enum err check_parent(const struct changer *c, const struct device *was, struct device *wanted,
                             struct entry_fault *f)
{
    char own[EDGE_SCOPE_LEN_MAX + 1];
    bool moves;

    device_scope(was, own);
    if (!wanted->edge &&
        strcmp(wanted->parent, own) == 0) /* SDKs send back the scope of an edge device that is none now */
        wanted->parent[0] = 0;
    moves = strcmp(was->parent, wanted->parent) != 0;
    f->number = 400028;
    if (wanted->parent[0] && moves && !hub_scope_exists(c->hub, wanted->parent))
        return entry_says(f, ERR_ARGUMENT, "There is no edge device of this scope: %s", wanted->parent);
    if (wanted->edge && wanted->parent[0] && (moves || !was->edge) && !hub_scope_may_hold(c->hub, wanted->parent, own))
        return entry_says(f, ERR_ARGUMENT,
                          "The scope %s is that of a device below, or more than %d would be above one another",
                          wanted->parent, EDGE_DEPTH_MAX);
    f->number = 0;
    return OK;
}

enum err identity_change(const struct changer *c, const struct device *asked, struct match match, struct device *made,
                         uint64_t *at, struct entry_fault *f)
{
    bool is_new = match.how == MATCH_NONE;
    struct device was, wanted = *asked;
    enum err e = is_new ? OK : hub_device_get(c->hub, bytes_str(wanted.id), &was);

    if (!e && !is_new)
        e = check_parent(c, &was, &wanted, f);
    if (e || (e = hub_device_put(c->hub, &wanted, match, c->now_ms, made, at)))
        return e;
    if (c->changed)
        c->changed(c->ctx, bytes_str(made->id), is_new ? NULL : &was, made);
    return OK;
}

enum err identity_drop(const struct changer *c, struct bytes name, struct match match, uint64_t *at)
{
    enum err e = hub_device_delete(c->hub, name, match, c->now_ms, at);

    if (!e && c->changed)
        c->changed(c->ctx, name, NULL, NULL);
    return e;
}

enum err identity_missing(struct hub *h, struct bytes name, struct entry_fault *f)
{
    struct bytes id = identity_device(name), module = identity_module(name);
    struct device d;

    if (!identity_is_module(name) || hub_device_get(h, id, &d)) {
        f->number = 404001;
        return entry_says(f, ERR_NOT_FOUND, "Device %.*s not registered", BYTES_ARG(bytes_first(id, ID_LEN_MAX)));
    }
    f->number = 404010;
    return entry_says(f, ERR_NOT_FOUND, "Module %.*s on device %s not registered",
                      BYTES_ARG(bytes_first(module, ID_LEN_MAX)), d.id);
}

enum err module_fault(struct hub *h, struct bytes name, enum err e, struct entry_fault *f)
{
    struct bytes id = identity_device(name), module = identity_module(name);

    switch (e) {
    case ERR_NOT_FOUND:
        return identity_missing(h, name, f);
    case ERR_EXISTS:
        f->number = 409301;
        return entry_says(f, e, "Module %.*s is already registered on device %.*s", BYTES_ARG(module), BYTES_ARG(id));
    case ERR_LIMIT:
        f->number = 413003;
        return entry_says(f, e, "Device %.*s has %d modules already", BYTES_ARG(id), MODULES_MAX);
    default:
        return e;
    }
}

bool module_is_system(struct bytes name)
{
    struct bytes module = identity_module(name);

    return module.len && module.at[0] == '$';
}
