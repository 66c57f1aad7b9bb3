#include "connstr.h"

#include "text.h"

#include <stdio.h>

/* [scheme://]host[:port][/]; an IPv6 address stands in brackets. */
static bool parse_host(struct bytes text, struct connstr *out)
{
    size_t scheme = bytes_find_bytes(text, BYTES("://"));
    if (scheme < text.len)
        text = bytes_skip(text, scheme + 3);
    text = bytes_first(text, bytes_find(text, '/'));

    size_t colon = bytes_find(text, ':');
    if (text.len && text.at[0] == '[') {
        colon = bytes_find(text, ']') + 1;
        if (colon > text.len)
            return false;
    }
    out->host = bytes_first(text, colon);
    if (colon < text.len) {
        uint64_t port;
        if (text.at[colon] != ':' || !bytes_to_u64(bytes_skip(text, colon + 1), &port) || port == 0 || port > 65535)
            return false;
        out->port = (uint16_t)port;
    }
    for (size_t i = 0; i < out->host.len; i++)
        if (out->host.at[i] <= ' ')
            return false;
    return out->host.len > 0;
}

static struct bytes *text_field(struct connstr *c, struct bytes name)
{
    const struct {
        struct bytes name;
        struct bytes *field;
    } fields[] = {
        {BYTES("GatewayHostName"), &c->gateway}, {BYTES("DeviceId"), &c->device},
        {BYTES("ModuleId"), &c->module},         {BYTES("SharedAccessKeyName"), &c->key_name},
        {BYTES("SharedAccessKey"), &c->key},     {BYTES("SharedAccessSignature"), &c->signature},
        {BYTES("EntityPath"), &c->entity},       {BYTES("Tpm"), &c->tpm},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (bytes_eq_nocase(fields[i].name, name))
            return fields[i].field;
    return NULL;
}

static bool parse_pair(struct bytes name, struct bytes value, struct connstr *out)
{
    bool endpoint = bytes_eq_nocase(name, BYTES("Endpoint"));
    if (endpoint || bytes_eq_nocase(name, BYTES("HostName"))) {
        if (out->host.at)
            return false;
        out->kind = endpoint ? CONNSTR_EVENTS : out->kind;
        return parse_host(value, out);
    }
    /* device 1.1: X509Cert is the older spelling. */
    if (bytes_eq_nocase(name, BYTES("x509")) || bytes_eq_nocase(name, BYTES("X509Cert"))) {
        if (out->x509)
            return false;
        out->x509 = bytes_eq_nocase(value, BYTES("true"));
        return true;
    }
    struct bytes *field = text_field(out, name);
    if (!field)
        return true;
    if (field->at || !value.len)
        return false;
    *field = value;
    return true;
}

/* The pair that cannot be meant; NO_BYTES: there is none. */
static struct bytes parse_pairs(struct bytes text, struct connstr *out)
{
    struct bytes rest = bytes_trim(text);

    while (rest.at) {
        struct bytes pair = bytes_trim(bytes_cut(&rest, ';'));
        if (!pair.len)
            continue;
        const struct connstr before = *out;
        size_t equals = bytes_find(pair, '=');
        if (equals == pair.len || !parse_pair(bytes_first(pair, equals), bytes_skip(pair, equals + 1), out)) {
            *out = before;
            return pair;
        }
    }
    return NO_BYTES;
}

static bool has_two_proofs(const struct connstr *c)
{
    return (c->key.at != NULL) + (c->signature.at != NULL) + (c->tpm.at != NULL) + c->x509 > 1;
}

enum err connstr_parse(struct bytes text, struct connstr *out)
{
    struct connstr c = {.kind = CONNSTR_SERVICE};

    if (parse_pairs(text, &c).at || !c.host.at || has_two_proofs(&c) || (c.module.at && !c.device.at))
        return ERR_MALFORMED;
    if (c.device.at && c.kind == CONNSTR_SERVICE)
        c.kind = CONNSTR_DEVICE;
    *out = c;
    return OK;
}

/* No value is shown: it may be a key. */
static const char *pair_fault(struct bytes pair, const struct connstr *before, char out[CONNSTR_FAULT_CAP])
{
    size_t equals = bytes_find(pair, '=');
    struct bytes name = bytes_first(pair, equals < 40 ? equals : 40), value = bytes_skip(pair, equals + 1);
    bool is_host = bytes_eq_nocase(name, BYTES("HostName")) || bytes_eq_nocase(name, BYTES("Endpoint"));

    if (equals == pair.len)
        snprintf(out, CONNSTR_FAULT_CAP, "a part has no \"=\"; the parts are NAME=VALUE, separated by \";\"");
    else if (!value.len)
        snprintf(out, CONNSTR_FAULT_CAP, "%.*s is empty", BYTES_ARG(name));
    else if (!is_host || before->host.at)
        snprintf(out, CONNSTR_FAULT_CAP, "%.*s is given twice", BYTES_ARG(name));
    else if (is_bare_ip6(value))
        snprintf(out, CONNSTR_FAULT_CAP, "an IPv6 address needs brackets: %.*s=[::1]", BYTES_ARG(name));
    else
        snprintf(out, CONNSTR_FAULT_CAP, "%.*s must be a host name, or a host name and a port", BYTES_ARG(name));
    return out;
}

const char *connstr_fault(struct bytes text, char out[CONNSTR_FAULT_CAP])
{
    struct connstr c = {.kind = CONNSTR_SERVICE};
    struct bytes pair = parse_pairs(text, &c);

    if (pair.at)
        return pair_fault(pair, &c, out);
    if (!c.host.at)
        return "HostName is missing";
    if (has_two_proofs(&c))
        return "SharedAccessKey, SharedAccessSignature, x509 and Tpm exclude each other";
    return "ModuleId needs DeviceId";
}

static bool put_pair(struct buf *out, const char *name, struct bytes value)
{
    if (!value.at)
        return true;
    if (bytes_find(value, ';') < value.len)
        return false;
    buf_puts(out, name);
    buf_put(out, value);
    buf_puts(out, ";");
    return true;
}

enum err connstr_put(const struct connstr *c, struct buf *out)
{
    bool events = c->kind == CONNSTR_EVENTS;
    size_t start = out->len;

    if (bytes_find(c->host, ';') < c->host.len || bytes_find(c->host, '/') < c->host.len)
        return ERR_ARGUMENT;
    buf_puts(out, events ? "Endpoint=sb://" : "HostName=");
    buf_put(out, c->host);
    if (c->port)
        buf_printf(out, ":%u", c->port);
    buf_puts(out, events ? "/;" : ";");
    if (!put_pair(out, "DeviceId=", c->device) || !put_pair(out, "ModuleId=", c->module) ||
        !put_pair(out, "SharedAccessKeyName=", c->key_name) || !put_pair(out, "SharedAccessKey=", c->key) ||
        !put_pair(out, "SharedAccessSignature=", c->signature) || !put_pair(out, "EntityPath=", c->entity) ||
        !put_pair(out, "GatewayHostName=", c->gateway) || !put_pair(out, "Tpm=", c->tpm)) {
        out->len = start;
        return ERR_ARGUMENT;
    }
    if (c->x509)
        buf_puts(out, "x509=true;");
    if (out->len > start)
        out->len--; /* no semicolon at the end */
    return buf_check(out);
}
