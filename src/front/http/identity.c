/* Identities in the bodies of requests (service 4.3, 4.5). */
#include "http_front.h"

#include "identity_json.h"

static enum err check_id(const json_t *root, const char *name, struct bytes wanted, struct http_answer *a)
{
    const json_t *id = json_object_get(root, name);

    if (!id || bytes_eq(bytes_of(json_string_value(id), json_string_length(id)), wanted))
        return OK;
    return http_says(a, ERR_ARGUMENT, "%s in the body is not the one in the path", name);
}

static enum err take_identity(const json_t *root, struct device *out, struct http_answer *a)
{
    struct bytes name = bytes_str(out->id);
    struct entry_fault fault = {.number = 0};
    enum err e;

    if (!json_is_object(root))
        return http_says(a, ERR_ARGUMENT, "the body is not an object");
    if ((e = check_id(root, "deviceId", identity_device(name), a)))
        return e;
    if (identity_is_module(name) && (e = check_id(root, "moduleId", identity_module(name), a)))
        return e;
    return http_fault(a, identity_json_take(root, out, &fault), &fault);
}

enum err http_identity_read(struct bytes json, struct device *out, struct http_answer *a)
{
    json_t *root;
    enum err e = http_json(json, &root, a);

    if (e)
        return e;
    if (!(e = http_spell(root, NAMES_DEVICE, a)))
        e = take_identity(root, out, a);
    json_decref(root);
    return e;
}
