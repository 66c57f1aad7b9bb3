#include "twin_take.h"

#include "json_names.h"
#include "json_span.h"

/* The source text of a member that is an object in `parsed`, which stands for what `text` is. */
static enum err take_part(const json_t *parsed, struct bytes text, const char *name, struct bytes *out,
                          struct entry_fault *f)
{
    if (!json_is_object(json_object_get(parsed, name)))
        return OK;
    *out = json_span(text, bytes_str(name));
    return out->len ? OK : entry_says(f, ERR_ARGUMENT, "The name %s must stand without escapes", name);
}

enum err twin_take(json_t *root, struct bytes text, struct twin_change *out, struct entry_fault *f)
{
    char why[JSON_WHY_CAP];
    const json_t *properties;
    struct bytes inside = NO_BYTES;
    enum err e;

    if (!json_is_object(root))
        return entry_says(f, ERR_ARGUMENT, "A twin must be an object");
    if ((e = json_spell(root, NAMES_TWIN, why)))
        return why[0] ? entry_says(f, e, "%s", why) : e;
    if ((e = take_part(root, text, "tags", &out->part[TWIN_TAGS], f)))
        return e;
    properties = json_object_get(root, "properties");
    if ((e = take_part(root, text, "properties", &inside, f)) ||
        (e = take_part(properties, inside, "desired", &out->part[TWIN_DESIRED], f)))
        return e;
    return take_part(properties, inside, "reported", &out->part[TWIN_REPORTED], f);
}

enum err twin_refused(enum err e, const struct twin_fault *why, struct entry_fault *f)
{
    if (e == ERR_TOO_LARGE)
        f->number = 403100;
    if (e == ERR_MALFORMED)
        f->number = 400004;
    return why->why[0] ? entry_says(f, e, "%s", why->why) : e;
}
