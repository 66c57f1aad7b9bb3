#include "audience.h"

#include "auth.h"
#include "sas.h"
#include "text.h"

#include <stdio.h>

/* A host as a client writes it, without its port, the brackets of an IPv6 address, and the dot at the end of a full
 * name. */
static struct bytes bare_host(struct bytes host)
{
    if (host.len && host.at[0] == '[')
        return bytes_first(bytes_skip(host, 1), bytes_find(host, ']') - 1);
    if (!is_bare_ip6(host))
        host = bytes_first(host, bytes_find(host, ':'));
    return host.len && host.at[host.len - 1] == '.' ? bytes_first(host, host.len - 1) : host;
}

/* [scheme://]host[:port][/path][/] without scheme, port and slash at the end, as `who.scope` has it. */
static bool scope_of(struct bytes audience, char *out, size_t cap)
{
    size_t scheme = bytes_find_bytes(audience, BYTES("://"));
    if (scheme < audience.len)
        audience = bytes_skip(audience, scheme + 3);
    while (audience.len && audience.at[audience.len - 1] == '/')
        audience.len--;

    struct bytes path = audience, host = bytes_cut(&path, '/');
    host = bare_host(host);
    if (!host.len || host.len + 1 + path.len >= cap || bytes_find(audience, '\0') < audience.len)
        return false;
    memcpy(out, host.at, host.len);
    out += host.len;
    if (path.len) {
        *out++ = '/';
        memcpy(out, path.at, path.len);
        out += path.len;
    }
    *out = 0;
    return true;
}

/* An audience as it stands, and what it is when it is decoded once, twice and three times: some clients escape an id,
 * then the whole, and Go once more; others do not escape, and ids may hold `%` (device 1.3). */
struct forms {
    struct bytes now;
    int decoded;
    uint8_t text[2][SAS_LEN_MAX];
};

enum { DECODED_MAX = 3 };

/* The next form; false: there is none. */
static bool decode_again(struct forms *f)
{
    uint8_t *to = f->text[f->decoded & 1];
    size_t len;

    if (f->decoded++ == DECODED_MAX || percent_decode(f->now, to, SAS_LEN_MAX, &len) || len == f->now.len)
        return false;
    f->now = bytes_of(to, len);
    return true;
}

bool auth_host_is_ours(const struct front_env *env, struct bytes host)
{
    host = bare_host(host);
    if (bytes_eq_nocase(host, bare_host(bytes_str(env->host))))
        return true;
    for (const char *const *alias = env->aliases; alias && *alias; alias++)
        if (bytes_eq_nocase(host, bare_host(bytes_str(*alias))))
            return true;
    return false;
}

/* True if all segments of `shorter` stand at the start of `path`. The cloud's clients write hub paths in either case;
 * device ids are told apart by it (device 1.3). */
static bool path_starts(struct bytes path, struct bytes shorter)
{
    bool devices = bytes_starts_nocase(path, BYTES("devices/"));

    if (shorter.len > path.len || (shorter.len && shorter.len < path.len && path.at[shorter.len] != '/'))
        return false;
    if (!bytes_eq_nocase(bytes_first(path, shorter.len), shorter))
        return false;
    return !devices || bytes_eq(bytes_skip(bytes_first(path, shorter.len), 8), bytes_skip(shorter, 8));
}

static struct bytes scope_path(const struct front_env *env, const char *scope, bool *ours)
{
    struct bytes path = bytes_str(scope), host = bytes_cut(&path, '/');

    *ours = auth_host_is_ours(env, host);
    return path;
}

bool auth_covers(const struct front_env *env, const struct who *who, struct bytes path)
{
    bool ours;
    struct bytes covered = scope_path(env, who->scope, &ours);

    while (path.len && path.at[0] == '/')
        path = bytes_skip(path, 1);
    return ours && path_starts(path, covered);
}

bool auth_scope_is_short(const struct who *who)
{
    struct bytes path = bytes_str(who->scope);

    bytes_cut(&path, '/');
    return path.len && !bytes_eq_nocase(bytes_cut(&path, '/'), BYTES("devices"));
}

void auth_identity_path(struct bytes name, char out[AUTH_PATH_CAP])
{
    struct bytes device = bytes_first(identity_device(name), ID_LEN_MAX);
    struct bytes module = bytes_first(identity_module(name), ID_LEN_MAX);

    if (identity_is_module(name))
        snprintf(out, AUTH_PATH_CAP, "devices/%.*s/modules/%.*s", BYTES_ARG(device), BYTES_ARG(module));
    else
        snprintf(out, AUTH_PATH_CAP, "devices/%.*s", BYTES_ARG(device));
}

/* True if a token with this audience lets the device or module in (device 1.3): what lies below it, and what lies above
 * it, for the key says whose token it is. With its own key, Go writes {host}/{device}, and nanoFramework
 * {host}/devices/{device}/{module}. */
static bool scope_fits_device(const struct front_env *env, const char *scope, struct bytes name, bool policy)
{
    char wanted[AUTH_PATH_CAP];
    bool ours;
    struct bytes path = scope_path(env, scope, &ours);

    auth_identity_path(name, wanted);
    if (!ours)
        return false;
    struct bytes own = bytes_str(wanted), first = bytes_first(path, bytes_find(path, '/'));
    return path_starts(path, own) || path_starts(own, path) ||
           (!policy && (bytes_eq(first, identity_device(name)) ||
                        (bytes_starts(path, BYTES("devices/")) && bytes_eq(bytes_skip(path, 8), name))));
}

bool audience_fits_device(const struct front_env *env, struct bytes sr, struct bytes device, bool policy, char *scope,
                          size_t cap)
{
    struct forms f = {.now = sr};

    do {
        if (scope_of(f.now, scope, cap) && scope_fits_device(env, scope, device, policy))
            return true;
    } while (decode_again(&f));
    return false;
}

/* The first form that names a host of ours, in scope. */
static bool form_of_ours(const struct front_env *env, struct bytes sr, char *scope, size_t cap)
{
    struct forms f = {.now = sr};
    bool ours = false;

    do {
        if (scope_of(f.now, scope, cap))
            scope_path(env, scope, &ours);
    } while (!ours && decode_again(&f));
    return ours;
}

bool audience_is_ours(const struct front_env *env, struct bytes sr)
{
    char scope[sizeof((struct who *)0)->scope];

    return form_of_ours(env, sr, scope, sizeof scope);
}

bool audience_of_policy(const struct front_env *env, struct bytes sr, char *scope, size_t cap)
{
    return form_of_ours(env, sr, scope, cap) || scope_of(sr, scope, cap);
}

/* {host}/devices/{id}/…, {host}/devices/{id}/modules/{id}/… and {host}/{id}/… */
static bool id_in(struct bytes audience, char out[IDENTITY_LEN_MAX + 1])
{
    char scope[sizeof((struct who *)0)->scope];
    struct bytes rest;

    if (!scope_of(audience, scope, sizeof scope))
        return false;
    rest = bytes_str(scope);
    bytes_cut(&rest, '/');
    struct bytes id = bytes_cut(&rest, '/');
    if (bytes_eq_nocase(id, BYTES("devices")))
        id = bytes_cut(&rest, '/');
    struct bytes modules = bytes_cut(&rest, '/'), module = bytes_cut(&rest, '/');
    if (!bytes_eq_nocase(modules, BYTES("modules")) || !module.len)
        module = NO_BYTES;
    return identity_name(id, module, out);
}

size_t auth_named_devices(struct bytes audience, char out[][IDENTITY_LEN_MAX + 1], size_t n)
{
    struct forms f = {.now = audience};

    do {
        if (n < AUTH_NAMED_MAX && id_in(f.now, out[n]) && (!n || strcmp(out[n], out[n - 1]) != 0))
            n++;
    } while (decode_again(&f));
    return n;
}
