#include "settings.h"

#include "check.h"
#include "hub.h"

#include <stdio.h>
#include <string.h>

/* A configuration, as the hub has it: in the order of their rank. */
static struct setting {
    char id[16];
    json_t *values; /* that it sets */
    json_t *won;    /* of them, those that nobody before it sets */
} settings[SETTINGS_MAX];
static size_t n_settings;

static const char *writer_of(const struct model *m, const char *key)
{
    return json_string_value(json_object_get(json_object_get(m->meta[TWIN_DESIRED], key), "$lastUpdatedBy"));
}

static bool is_wanted(const char *key)
{
    for (size_t i = 0; i < n_settings; i++)
        if (json_object_get(settings[i].won, key))
            return true;
    return false;
}

/* Adds nulls for the values that configurations have set, and that none wants any more. */
static void add_stale(const struct model *m, json_t *patch)
{
    json_t *value;
    const char *key;

    json_object_foreach(m->value[TWIN_DESIRED], key, value) if (writer_of(m, key) && !is_wanted(key))
        json_object_set_new(patch, key, json_null());
}

static json_t *missing(const struct model *m, const struct setting *s)
{
    json_t *patch = json_object(), *value;
    const char *key;

    json_object_foreach(s->won, key, value)
    {
        const char *writer = writer_of(m, key);

        if (!writer || strcmp(writer, s->id) != 0 || !json_equal(value, json_object_get(m->value[TWIN_DESIRED], key)))
            json_object_set(patch, key, value);
    }
    return patch;
}

json_t *settings_next(const struct model *m, unsigned *phase, const char **by)
{
    while (*phase <= n_settings) {
        unsigned now = (*phase)++;
        json_t *patch = now < n_settings ? missing(m, &settings[now]) : json_object();

        *by = now < n_settings ? settings[now].id : NULL;
        if (now == n_settings || json_object_size(patch))
            add_stale(m, patch);
        if (json_object_size(patch))
            return patch;
        json_decref(patch);
    }
    return NULL;
}

size_t settings_n(void)
{
    return n_settings;
}

const char *settings_id(size_t i)
{
    return settings[i].id;
}

void settings_forget(void)
{
    while (n_settings) {
        json_decref(settings[--n_settings].values);
        json_decref(settings[n_settings].won);
    }
}

/* Ids grow with the rank, and the hub lists them in their order. */
void settings_load(struct hub *hub)
{
    struct buf body = buf_max(DOC_LEN_MAX);
    struct setting found[SETTINGS_MAX];
    size_t n = 0;

    for (struct doc d = {0}; !hub_doc_next(hub, DOC_CONFIGURATION, bytes_str(d.id), &body, &d); buf_clear(&body)) {
        json_t *root = json_loadb((const char *)body.at, body.len, 0, NULL), *content, *value;
        const char *key;

        if (!root) /* it is deleted */
            continue;
        CHECK(n < SETTINGS_MAX);
        found[n] = (struct setting){.values = json_object(), .won = json_object()};
        snprintf(found[n].id, sizeof found[n].id, "%.15s", d.id);
        content = json_object_get(json_object_get(root, "content"), "deviceContent");
        json_object_foreach(content, key, value)
            json_object_set(found[n].values, key + strlen("properties.desired."), value);
        json_decref(root);
        n++;
    }
    buf_free(&body);
    for (n_settings = 0; n > 0; n_settings++) {
        struct setting *s = &settings[n_settings];
        json_t *value;
        const char *key;

        *s = found[--n];
        json_object_foreach(s->values, key, value)
        {
            bool taken = false;

            for (size_t i = 0; i < n_settings; i++)
                taken |= json_object_get(settings[i].values, key) != NULL;
            if (!taken)
                json_object_set(s->won, key, value);
        }
    }
}
