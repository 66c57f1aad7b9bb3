#include "address.h"

#include "text.h"

#include <assert.h>

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
    assert(len < ADDRESS_LEN_MAX);
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

/* Every address that clients attach to. Words come in any case and slashes as squeeze_slashes() leaves them; `{e}` is
 * the name of the event hub, `{d}` {m} {g} {p} {s} are a device, module, consumer group, partition and scope. A star at
 * the end takes whatever follows. The first that fits counts. */
static const struct {
    const char *pattern;
    enum address_kind kind;
} addresses[] = {
    {"$cbs", ADDRESS_CBS},
    {"$management", ADDRESS_MANAGEMENT},
    {"devices/{d}/messages/events", ADDRESS_DEVICE_EVENTS},
    {"devices/{d}/messages/devicebound", ADDRESS_DEVICEBOUND},
    {"devices/{d}/twin", ADDRESS_TWIN},
    {"devices/{d}/methods/devicebound", ADDRESS_METHODS},
    {"devices/{d}/modules/{m}/messages/events", ADDRESS_MODULE_EVENTS},
    {"devices/{d}/modules/{m}/messages/devicebound", ADDRESS_DEVICEBOUND},
    {"devices/{d}/modules/{m}/twin", ADDRESS_TWIN},
    {"devices/{d}/modules/{m}/methods/devicebound", ADDRESS_METHODS},
    {"messages/devicebound", ADDRESS_SERVICE_DEVICEBOUND},
    {"messages/servicebound/feedback", ADDRESS_FEEDBACK},
    {"messages/servicebound/filenotifications", ADDRESS_FILE_NOTIFICATIONS},
    {"messages/events*", ADDRESS_REDIRECT},
    {"{e}/$management", ADDRESS_MANAGEMENT},
    /* Old Python clients ask for management behind the whole address of a partition. */
    {"{e}/ConsumerGroups/{g}/Partitions/{p}/$management", ADDRESS_MANAGEMENT},
    {"{e}/ConsumerGroups/{g}/Partitions/{p}", ADDRESS_EVENTS},
    {"{e}", ADDRESS_ENTITY},
    {"{e}/Partitions/{p}", ADDRESS_ENTITY},
    {"{e}/Publishers/{p}", ADDRESS_ENTITY},
    {"{s}/registrations/{d}", ADDRESS_DPS},
};

/* A name of the pattern takes its segment. False: it is not there, or not the name of the event hub. */
static bool take_name(const struct front_env *env, char which, struct bytes segment, struct address *out)
{
    switch (which) {
    case 'e':
        return bytes_eq_nocase(segment, bytes_str(env->entity));
    case 'd':
        out->device = segment;
        break;
    case 'm': /* an id that is none fits no identity, and is told so as it is */
        if (identity_name(out->device, segment, out->name))
            out->device = bytes_str(out->name);
        break;
    case 'p':
        out->partition = segment;
        break;
    case 'g':
    case 's':
        out->group = segment;
        break;
    }
    return segment.len > 0;
}

static bool fits(const struct front_env *env, struct bytes pattern, struct bytes path, struct address *out)
{
    while (pattern.at && path.at) {
        struct bytes wanted = bytes_cut(&pattern, '/'), segment;

        assert(wanted.len > 0); /* of our own table */
        if (wanted.at[wanted.len - 1] == '*') {
            wanted.len--;
            out->rest = bytes_skip(path, wanted.len);
            return bytes_starts_nocase(path, wanted) && (!out->rest.len || *out->rest.at == '/');
        }
        segment = bytes_cut(&path, '/');
        if (wanted.at[0] == '{' ? !take_name(env, (char)wanted.at[1], segment, out) : !bytes_eq_nocase(wanted, segment))
            return false;
    }
    return !pattern.at && !path.at;
}

static enum address_kind parse_path(const struct front_env *env, struct bytes path, bool slash, struct address *out)
{
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        out->group = out->partition = out->device = out->rest = NO_BYTES;
        if (!fits(env, bytes_str(addresses[i].pattern), path, out))
            continue;
        if (addresses[i].kind == ADDRESS_REDIRECT && slash && !out->rest.len)
            out->rest = BYTES("/");
        return addresses[i].kind;
    }
    out->group = out->partition = out->device = out->rest = NO_BYTES;
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
