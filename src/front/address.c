#include "address.h"

#include "text.h"

/* amqps://host:5671/path → /path */
struct bytes address_path(struct bytes text)
{
    static const char *const schemes[] = {"amqps://", "amqp://", "sb://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (bytes_starts_nocase(text, bytes_str(schemes[i]))) {
            text = bytes_skip(text, strlen(schemes[i]));
            return bytes_skip(text, bytes_find(text, '/'));
        }
    return text;
}

/* In place: no slash at the start, one where there were several. */
static size_t squeeze_slashes(char *path, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (path[i] != '/' || (n && path[n - 1] != '/'))
            path[n++] = path[i];
    path[n] = '\0';
    return n;
}

bool address_is_entity(const struct front_env *env, struct bytes path, struct bytes *rest)
{
    struct bytes entity = bytes_str(env->entity);
    if (!bytes_starts_nocase(path, entity) || (path.len > entity.len && path.at[entity.len] != '/'))
        return false;
    *rest = bytes_skip(path, entity.len);
    return true;
}

/* {group}/Partitions/{n} behind /ConsumerGroups/ */
static enum address_kind parse_partition(struct bytes rest, struct address *out)
{
    out->group = bytes_cut(&rest, '/');
    if (!out->group.len || !bytes_eq_nocase(bytes_cut(&rest, '/'), BYTES("Partitions")))
        return ADDRESS_UNKNOWN;
    out->partition = bytes_cut(&rest, '/');
    return out->partition.len && !rest.at ? ADDRESS_EVENTS : ADDRESS_UNKNOWN;
}

/* {id}/… behind devices/ (device 3.4): words in either case. */
static enum address_kind parse_device(struct bytes rest, struct address *out)
{
    out->device = bytes_cut(&rest, '/');
    if (bytes_starts_nocase(rest, BYTES("modules/")))
        return ADDRESS_MODULE;
    if (bytes_eq_nocase(rest, BYTES("messages/events")))
        return ADDRESS_DEVICE_EVENTS;
    if (bytes_eq_nocase(rest, BYTES("messages/devicebound")))
        return ADDRESS_DEVICEBOUND;
    if (bytes_eq_nocase(rest, BYTES("twin")) || bytes_eq_nocase(rest, BYTES("methods/devicebound")))
        return ADDRESS_DEVICE_OTHER;
    return ADDRESS_UNKNOWN;
}

/* {scope}/registrations/{id} */
static bool is_registration(struct bytes path, struct address *out)
{
    struct bytes rest = path, scope = bytes_cut(&rest, '/'), word = bytes_cut(&rest, '/');

    if (!scope.len || !rest.len || !bytes_eq_nocase(word, BYTES("registrations")) || bytes_find(rest, '/') < rest.len)
        return false;
    out->group = scope;
    out->device = rest;
    return true;
}

static enum address_kind parse_path(const struct front_env *env, struct bytes path, bool slash, struct address *out)
{
    struct bytes rest;

    if (bytes_eq_nocase(path, BYTES("$cbs")))
        return ADDRESS_CBS;
    if (bytes_eq_nocase(path, BYTES("$management")))
        return ADDRESS_MANAGEMENT;
    if (bytes_starts_nocase(path, BYTES("devices/")))
        return parse_device(bytes_skip(path, strlen("devices/")), out);
    if (bytes_eq_nocase(path, BYTES("messages/devicebound")))
        return ADDRESS_SERVICE_DEVICEBOUND;
    if (bytes_eq_nocase(path, BYTES("messages/servicebound/feedback")))
        return ADDRESS_FEEDBACK;
    if (bytes_eq_nocase(path, BYTES("messages/servicebound/filenotifications")))
        return ADDRESS_FILE_NOTIFICATIONS;
    if (bytes_starts_nocase(path, BYTES("messages/events"))) {
        out->rest = bytes_skip(path, strlen("messages/events"));
        if (slash && !out->rest.len)
            out->rest = BYTES("/");
        return !out->rest.len || *out->rest.at == '/' ? ADDRESS_REDIRECT : ADDRESS_UNKNOWN;
    }
    if (is_registration(path, out))
        return ADDRESS_DPS;
    if (!address_is_entity(env, path, &rest))
        return ADDRESS_UNKNOWN;
    /* Old Python clients ask for management behind the whole address of a partition. */
    if (bytes_ends_nocase(rest, BYTES("/$management")))
        return ADDRESS_MANAGEMENT;
    if (bytes_starts_nocase(rest, BYTES("/ConsumerGroups/")))
        return parse_partition(bytes_skip(rest, strlen("/ConsumerGroups/")), out);
    if (!rest.len || bytes_starts_nocase(rest, BYTES("/Partitions/")) ||
        bytes_starts_nocase(rest, BYTES("/Publishers/")))
        return ADDRESS_ENTITY;
    return ADDRESS_UNKNOWN;
}

void address_parse(const struct front_env *env, struct bytes text, struct address *out)
{
    size_t len;

    *out = (struct address){.kind = ADDRESS_UNKNOWN};
    text = address_path(text);
    if (percent_decode(text, (uint8_t *)out->path, sizeof out->path - 1, &len)) {
        /* An id may hold `%`, and some clients do not escape. */
        len = text.len < sizeof out->path ? text.len : 0;
        if (len)
            memcpy(out->path, text.at, len);
    }
    if (memchr(out->path, '\0', len)) {
        out->path[0] = '\0';
        return;
    }
    len = squeeze_slashes(out->path, len);
    bool slash = len && out->path[len - 1] == '/';
    if (slash)
        out->path[--len] = '\0';
    out->kind = parse_path(env, bytes_of(out->path, len), slash, out);
}

bool address_device_of(struct bytes to, char out[ID_LEN_MAX + 1])
{
    struct bytes rest = address_path(to), id;
    uint8_t text[3 * ID_LEN_MAX];
    size_t len;

    while (rest.len && rest.at[0] == '/')
        rest = bytes_skip(rest, 1);
    if (!bytes_eq_nocase(bytes_cut(&rest, '/'), BYTES("devices")))
        return false;
    id = bytes_cut(&rest, '/');
    if (!bytes_eq_nocase(rest, BYTES("messages/devicebound")))
        return false;
    if (percent_decode(id, text, sizeof text, &len))
        return bytes_to_str(id, out, ID_LEN_MAX + 1);
    return bytes_to_str(bytes_of(text, len), out, ID_LEN_MAX + 1);
}
