#include "account.h"

#include "list.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>

static const enum d2d_err errors[ERRS_END] = {
    [OK] = D2D_OK,
    [ERR_MEMORY] = D2D_NO_MEMORY,
    [ERR_MALFORMED] = D2D_FAILED,
    [ERR_PROTOCOL] = D2D_FAILED,
    [ERR_UNSUPPORTED] = D2D_UNSUPPORTED,
    [ERR_ARGUMENT] = D2D_ARGUMENT,
    [ERR_RANGE] = D2D_ARGUMENT,
    [ERR_TOO_LARGE] = D2D_ARGUMENT,
    [ERR_LIMIT] = D2D_OVER_QUOTA,
    [ERR_UNAUTHORIZED] = D2D_NOT_AUTHORISED,
    [ERR_EXPIRED] = D2D_EXPIRED,
    [ERR_DENIED] = D2D_NOT_AUTHORISED,
    [ERR_DISABLED] = D2D_NOT_AUTHORISED,
    [ERR_NOT_FOUND] = D2D_NOT_FOUND,
    [ERR_EXISTS] = D2D_EXISTS,
    [ERR_PRECONDITION] = D2D_CHANGED,
    [ERR_STOLEN] = D2D_TAKEN_OVER,
    [ERR_LOCK_LOST] = D2D_EXPIRED,
    [ERR_CLOSED] = D2D_CLOSED,
    [ERR_IDLE] = D2D_TIMED_OUT,
    [ERR_TIMEOUT] = D2D_TIMED_OUT,
    [ERR_BUSY] = D2D_OVER_QUOTA,
    [ERR_QUOTA] = D2D_OVER_QUOTA,
    [ERR_FULL] = D2D_OVER_QUOTA,
    [ERR_DISK_FULL] = D2D_OVER_QUOTA,
    [ERR_DAMAGED] = D2D_FAILED,
    [ERR_IO] = D2D_FAILED,
    [ERR_UNREACHABLE] = D2D_NO_CONNECTION,
    [ERR_TLS] = D2D_NO_CONNECTION,
    [ERR_FOREIGN] = D2D_NO_CONNECTION,
    [ERR_UNTRUSTED] = D2D_UNTRUSTED,
    [ERR_CLOCK] = D2D_CLOCK,
    [ERR_REJECTED] = D2D_REFUSED,
    [ERR_SHUTDOWN] = D2D_CLOSED,
    [ERR_INTERNAL] = D2D_FAILED,
};

enum d2d_err err_of(enum err e)
{
    return errors[e];
}

/* The program may free the handle in there. */
static void say(struct account *a, enum d2d_log_level level, const char *text)
{
    struct d2d_loop *l = a->loop;

    if (!a->log || a->gone)
        return;
    loop_enter(l);
    a->log(a->log_ctx, level, text);
    loop_leave(l);
}

void account_say(struct account *a, enum d2d_log_level level, const char *format, ...)
{
    char text[DETAIL_CAP];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    say(a, level, text);
}

enum d2d_err account_fail(struct account *a, enum d2d_err e, const char *format, ...)
{
    char text[DETAIL_CAP]; /* the old detail may be among the arguments */
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(a->detail, text, sizeof text);
    if (!a->given)
        loop_fail(a->loop, e, "%s", text);
    say(a, D2D_LOG_WARN, text);
    return e;
}

enum d2d_err account_check_id(struct account *a, const char *id)
{
    size_t len = strlen(id),
           good = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-:.+%_#*?!(),=@$'");

    if (len == 0 || len > ID_LEN_MAX)
        return account_fail(a, D2D_ARGUMENT, "a device id has 1 to %d characters, and this one %zu", ID_LEN_MAX, len);
    if (good < len)
        return account_fail(a, D2D_ARGUMENT,
                            "the device id \"%s\" has a character that ids cannot have; they have letters, digits and "
                            "- : . + %% _ # * ? ! ( ) , = @ $ '",
                            id);
    return D2D_OK;
}

enum d2d_err account_may_wait(struct account *a)
{
    if (!loop_is_inside(a->loop))
        return D2D_OK;
    return account_fail(a, D2D_IN_CALLBACK, "%s", d2d_err_text(D2D_IN_CALLBACK));
}

static const char *const kinds[] = {[CONNSTR_DEVICE] = "a device's (HostName, DeviceId, SharedAccessKey)",
                                    [CONNSTR_SERVICE] = "a policy's (HostName, SharedAccessKeyName, SharedAccessKey)",
                                    [CONNSTR_EVENTS] =
                                        "an Event Hubs one (Endpoint, SharedAccessKeyName, SharedAccessKey)"};

enum err account_open_tpm(const struct connstr *s, const char *tcti, struct tpm **tpm, struct key **key, char *why)
{
    uint64_t slot;
    enum err e;

    if (!bytes_to_u64(s->tpm, &slot) || slot >= TPM_SLOTS) {
        snprintf(why, TPM_WHY_CAP, "Tpm= is the number of a slot, 0 to %d", TPM_SLOTS - 1);
        return ERR_ARGUMENT;
    }
    if ((e = tpm_open(tcti, tpm, why)))
        return e;
    if ((e = key_in_tpm(*tpm, (unsigned)slot, key))) {
        snprintf(why, TPM_WHY_CAP, "%s", tpm_why(*tpm));
        tpm_close(*tpm);
        *tpm = NULL;
    }
    return e;
}

static enum d2d_err open_slot(struct account *a, const char *tcti)
{
    char why[TPM_WHY_CAP];
    enum err e = account_open_tpm(&a->string, tcti, &a->tpm, &a->key, why);

    return e ? account_fail(a, err_of(e), "%s", why) : D2D_OK;
}

/* A name with a dot at its end is the same, complete; nobody writes it into tokens and certificates. */
static bool take_host(struct bytes host, char out[HOST_CAP])
{
    if (host.len > 1 && host.at[host.len - 1] == '.')
        host = bytes_first(host, host.len - 1);
    return bytes_to_str(host, out, HOST_CAP);
}

static enum d2d_err open_string(struct account *a, const char *text, unsigned needs, const char *tcti)
{
    char fault[CONNSTR_FAULT_CAP];
    enum err e;

    if (!text)
        return account_fail(a, D2D_ARGUMENT, "the connection string is missing");
    a->text = strdup(text);
    if (!a->text)
        return D2D_NO_MEMORY;
    if (connstr_parse(bytes_trim(bytes_str(a->text)), &a->string))
        return account_fail(a, D2D_ARGUMENT, "the connection string: %s", connstr_fault(bytes_str(a->text), fault));
    if (!(needs & 1u << a->string.kind))
        return account_fail(a, D2D_ARGUMENT, "this connection string is %s, but another kind is needed",
                            kinds[a->string.kind]);
    if (a->string.key.at && (e = key_of_base64(a->string.key, &a->key)))
        return account_fail(a, e == ERR_MEMORY ? D2D_NO_MEMORY : D2D_ARGUMENT,
                            "the key of the connection string is not a base64 text of 16 to 64 bytes");
    if (!a->key && !a->string.signature.at && !a->string.x509 && !a->string.tpm.at)
        return account_fail(a, D2D_ARGUMENT, "the connection string has no key, no token, no x509=true and no Tpm=");
    if ((a->string.x509 || a->string.tpm.at) && a->string.kind != CONNSTR_DEVICE)
        return account_fail(a, D2D_ARGUMENT, "certificates and TPMs are for devices");
    if (!take_host(a->string.host, a->host))
        return account_fail(a, D2D_ARGUMENT, "the host name of the connection string is too long");
    return a->string.tpm.at ? open_slot(a, tcti) : D2D_OK;
}

static int port_of(int given, uint16_t in_string, int usual)
{
    return given ? given : in_string ? in_string : usual;
}

static bool is_port(int port)
{
    return port >= 0 && port <= 65535;
}

static enum d2d_err open_address(struct account *a, const struct d2d_options *o)
{
    struct bytes name = a->string.gateway.len ? a->string.gateway : a->string.host;

    if (!take_host(name, a->name) || !bytes_to_str(o->host ? bytes_str(o->host) : name, a->connect, sizeof a->connect))
        return account_fail(a, D2D_ARGUMENT, "the host name is too long");
    if ((unsigned)o->transport > D2D_HTTPS)
        return account_fail(a, D2D_ARGUMENT, "this transport does not exist");
    a->transport = o->transport;
    if (!is_port(o->mqtts_port) || !is_port(o->amqps_port) || !is_port(o->https_port))
        return account_fail(a, D2D_ARGUMENT, "a port is a number up to 65535");
    a->mqtts_port = port_of(o->mqtts_port, a->string.port, 8883);
    a->amqps_port = port_of(o->amqps_port, a->string.port, 5671);
    a->https_port = port_of(o->https_port, a->string.port, 443);
    a->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    a->token_ttl_ms = o->token_ttl_ms > 0 ? o->token_ttl_ms : TOKEN_TTL_MS;
    return D2D_OK;
}

static enum d2d_err open_tls(struct account *a, const struct d2d_options *o)
{
    struct tls_files files = {.ca = o->ca_file};
    char why[256] = "";
    enum err e;

    /* Files that are given for a device with a key are not shown: what it has is what it says that it has. */
    if (a->string.x509) {
        files.cert = o->cert_file;
        files.key = o->key_file;
        if (!files.cert || !files.key)
            return account_fail(a, D2D_ARGUMENT, "without a key, the files of a certificate and its key are needed");
    }
    if ((e = loop_tls(a->loop, &files, &a->tls, why)))
        return account_fail(a, e == ERR_MEMORY ? D2D_NO_MEMORY : D2D_ARGUMENT, "%s", *why ? why : err_text(e));
    return D2D_OK;
}

enum d2d_err account_open(struct account *a, struct d2d_loop *loop, const struct d2d_options *o, unsigned needs)
{
    enum d2d_err e;

    *a = (struct account){.loop = loop, .log = o->log, .log_ctx = o->log_ctx};
    if (!(e = open_string(a, o->connection_string, needs, o->tcti)) && !(e = open_address(a, o)))
        e = open_tls(a, o);
    if (e)
        account_close(a);
    return e;
}

enum d2d_err account_open_host(struct account *a, struct d2d_loop *loop, const struct d2d_options *o, const char *host,
                               bool by_certificate, struct key *key)
{
    enum d2d_err e = D2D_OK;

    *a = (struct account){.loop = loop, .key = key, .log = o->log, .log_ctx = o->log_ctx};
    if (!host || !*host || !take_host(bytes_str(host), a->host))
        e = account_fail(a, D2D_ARGUMENT, "the host name is missing or too long");
    a->string = (struct connstr){.kind = CONNSTR_DEVICE, .host = bytes_str(a->host), .x509 = by_certificate};
    if (!e && !(e = open_address(a, o)))
        e = open_tls(a, o);
    if (e)
        account_close(a);
    return e;
}

void account_close(struct account *a)
{
    key_drop(a->key);
    tpm_close(a->tpm);
    if (a->text)
        explicit_bzero(a->text, strlen(a->text));
    free(a->text);
    a->key = NULL;
    a->tpm = NULL;
    a->text = NULL;
}

bool account_speaks_amqp(const struct account *a)
{
    return a->transport == D2D_AMQP || a->transport == D2D_AMQP_WS;
}

bool account_on_websocket(const struct account *a)
{
    return a->transport == D2D_MQTT_WS || a->transport == D2D_AMQP_WS;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

struct answer {
    struct signing signing;
    bool done;
};

static void on_signed(struct signing *signing)
{
    LIST_OF(signing, struct answer, signing)->done = true;
}

enum err token_put(struct key *key, struct bytes resource, struct bytes policy, int64_t expires_s, struct buf *out)
{
    struct buf text = buf_max(SAS_LEN_MAX), signature = buf_max(64);
    struct answer answer = {.signing.done = on_signed};
    size_t sr_len;
    enum err e;

    /* device 1.2, service 1.3: what is signed is the resource as it stands in the token, a new line and the expiry. */
    buf_put_percent(&text, resource);
    sr_len = text.len;
    buf_printf(&text, "\n%lld", (long long)expires_s);
    if ((e = buf_check(&text)) || (e = key_sign(key, buf_bytes(&text), &answer.signing)))
        goto done;
    if (!answer.done || (e = answer.signing.e)) {
        e = e ? e : ERR_BUSY;
        goto done;
    }
    buf_put_base64(&signature, bytes_of(answer.signing.mac, sizeof answer.signing.mac));
    buf_puts(out, "SharedAccessSignature sr=");
    buf_put(out, bytes_first(buf_bytes(&text), sr_len));
    buf_puts(out, "&sig=");
    buf_put_percent(out, buf_bytes(&signature));
    buf_printf(out, "&se=%lld", (long long)expires_s);
    if (policy.len) {
        buf_puts(out, "&skn=");
        buf_put_percent(out, policy);
    }
    e = buf_check(&signature) ? ERR_MEMORY : buf_check(out);
done:
    buf_free(&text);
    buf_free(&signature);
    return e;
}

int64_t account_expires_s(const struct account *a)
{
    return (net_wall_ms() + a->token_ttl_ms) / 1000;
}

enum err account_token(struct account *a, struct bytes resource, struct buf *out)
{
    if (a->key)
        return token_put(a->key, resource, a->string.key_name, account_expires_s(a), out);
    buf_put(out, a->string.signature);
    return buf_check(out);
}
