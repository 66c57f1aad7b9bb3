#include "twin_row.h"

#include <string.h>

const struct column twin_columns[] = {{"deviceId", "DEVICE", 16},
                                      {"moduleId", "MODULE", 10},
                                      {"version", "VERSION", 7},
                                      {"tags", "TAGS", 24},
                                      {"desired", "DESIRED", 24},
                                      {"reported", "REPORTED", 0},
                                      {0}};

/* Without "$metadata" and "$version". */
static json_t *plain(const json_t *properties)
{
    json_t *made = json_object(), *value;
    const char *key;

    json_object_foreach((json_t *)properties, key, value) if (key[0] != '$') json_object_set(made, key, value);
    return made;
}

json_t *twin_row(enum out_format format, json_t *twin)
{
    const json_t *properties = json_object_get(twin, "properties");

    if (!twin || format == OUT_JSON)
        return twin;
    json_object_set_new(twin, "desired", plain(json_object_get(properties, "desired")));
    json_object_set_new(twin, "reported", plain(json_object_get(properties, "reported")));
    return twin;
}

json_t *twin_row_own(const char *id, json_t *twin)
{
    const char *slash = strchr(id, '/');

    json_object_set_new(twin, "deviceId", json_stringn(id, slash ? (size_t)(slash - id) : strlen(id)));
    if (slash)
        json_object_set_new(twin, "moduleId", json_string(slash + 1));
    return twin;
}
