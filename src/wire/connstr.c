#include "connstr.h"

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

enum err connstr_parse(struct bytes text, struct connstr *out)
{
    struct connstr c = {.kind = CONNSTR_SERVICE};
    struct bytes rest = bytes_trim(text);

    while (rest.at) {
        struct bytes pair = bytes_trim(bytes_cut(&rest, ';'));
        if (!pair.len)
            continue;
        size_t equals = bytes_find(pair, '=');
        if (equals == pair.len || !parse_pair(bytes_first(pair, equals), bytes_skip(pair, equals + 1), &c))
            return ERR_MALFORMED;
    }
    if (!c.host.at || (c.key.at != NULL) + (c.signature.at != NULL) + (c.tpm.at != NULL) + c.x509 > 1 ||
        (c.module.at && !c.device.at))
        return ERR_MALFORMED;
    if (c.device.at && c.kind == CONNSTR_SERVICE)
        c.kind = CONNSTR_DEVICE;
    *out = c;
    return OK;
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
