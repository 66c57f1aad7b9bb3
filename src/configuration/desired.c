#include "desired.h"

#include "ceilings.h"

#include <string.h>

#define DESIRED "properties.desired"

/* A value that is there stays; two values for one place contradict each other. */
static enum err merge(json_t *into, json_t *from)
{
    json_t *value, *there;
    const char *key;

    json_object_foreach(from, key, value)
    {
        if (!(there = json_object_get(into, key))) {
            if (json_object_set_new(into, key, json_deep_copy(value)))
                return ERR_MEMORY;
        } else if (!json_is_object(there) || !json_is_object(value)) {
            return ERR_ARGUMENT;
        } else {
            enum err e = merge(there, value);

            if (e)
                return e;
        }
    }
    return OK;
}

static enum err put_at(json_t *object, const char *path, json_t *value)
{
    const char *dot;

    for (int depth = 0; (dot = strchr(path, '.')); path = dot + 1) {
        json_t *next = json_object_getn(object, path, (size_t)(dot - path));

        if (dot == path || ++depth > CONDITION_PATH_MAX)
            return ERR_ARGUMENT;
        if (!next && json_object_setn_new(object, path, (size_t)(dot - path), next = json_object()))
            return ERR_MEMORY;
        if (!json_is_object(next))
            return ERR_ARGUMENT;
        object = next;
    }
    if (!*path)
        return ERR_ARGUMENT;
    json_t *leaf = json_object();
    enum err e = leaf && !json_object_set(leaf, path, value) ? merge(object, leaf) : ERR_MEMORY;
    json_decref(leaf);
    return e;
}

enum err desired_put(json_t *tree, const char *key, json_t *value)
{
    if (strcmp(key, DESIRED) == 0)
        return json_is_object(value) ? merge(tree, value) : ERR_ARGUMENT;
    return strncmp(key, DESIRED ".", sizeof DESIRED) == 0 ? put_at(tree, key + sizeof DESIRED, value) : ERR_ARGUMENT;
}

enum err desired_read(json_t *settings, json_t **out, bool *whole, const char **bad)
{
    json_t *value, *tree = json_object();
    enum err e = tree ? OK : ERR_MEMORY;
    const char *key;

    *whole = false;
    json_object_foreach(settings, key, value)
    {
        if (e)
            break;
        e = desired_put(tree, key, value);
        *bad = key;
        *whole |= strcmp(key, DESIRED) == 0;
    }
    if (e)
        json_decref(tree);
    else
        *out = tree;
    return e;
}
