#include "transfer.h"

#include "json_body.h"

static bool is_lower(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool transfer_container(struct bytes uri, char out[CONTAINER_MAX + 1])
{
    struct bytes path = bytes_first(uri, bytes_find(uri, '?')), name;
    size_t scheme = bytes_starts_nocase(path, BYTES("https://"))  ? strlen("https://")
                    : bytes_starts_nocase(path, BYTES("http://")) ? strlen("http://")
                                                                  : 0;

    if (!scheme)
        return false;
    path = bytes_skip(path, scheme);
    path = bytes_skip(path, bytes_find(path, '/')); /* behind the host */
    if (path.len && path.at[path.len - 1] == '/')
        path.len--;
    for (name = path; bytes_find(path, '/') < path.len; name = path)
        path = bytes_skip(path, bytes_find(path, '/') + 1);
    if (name.len < CONTAINER_MIN || !is_lower(name.at[0]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_lower(name.at[i]) && name.at[i] != '-')
            return false;
    return bytes_to_str(name, out, CONTAINER_MAX + 1);
}

bool transfer_blob_valid(struct bytes name)
{
    if (!name.len || name.len > BLOB_MAX || name.at[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];

        if (!is_lower(c) && !(c >= 'A' && c <= 'Z') && c != '.' && c != '-' && c != '_')
            return false;
    }
    return true;
}

static struct bytes text_at(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);

    return bytes_of(json_string_value(v), json_string_length(v));
}

static bool take(const json_t *root, const char *uri, const char *blob, char container[CONTAINER_MAX + 1],
                 char name[BLOB_MAX + 1])
{
    struct bytes text = text_at(root, uri);

    return !text.len || (transfer_container(text, container) && transfer_blob_valid(text_at(root, blob)) &&
                         bytes_to_str(text_at(root, blob), name, BLOB_MAX + 1));
}

static bool take_configurations(const json_t *root, char out[BLOB_MAX + 1])
{
    struct bytes name = text_at(root, "configurationsBlobName");

    return !json_is_true(json_object_get(root, "includeConfigurations")) ||
           (transfer_blob_valid(name) && bytes_to_str(name, out, BLOB_MAX + 1));
}

enum err transfer_read(struct bytes document, struct transfer *out)
{
    char why[JSON_WHY_CAP];
    json_t *root = json_body(document, 0, why);
    bool good;

    *out = (struct transfer){.keys = !json_is_true(json_object_get(root, "excludeKeysInExport"))};
    good = root && take(root, "inputBlobContainerUri", "inputBlobName", out->in, out->in_blob) &&
           take(root, "outputBlobContainerUri", "outputBlobName", out->out, out->out_blob) && out->out[0] &&
           take_configurations(root, out->configurations);
    json_decref(root);
    return good ? OK : ERR_DAMAGED;
}
