#include "cli.h"

#include "files.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PEM_MAX = 4 * 1024 * 1024 };

#define AT(field) .offset = offsetof(struct cli, field)
#define PORT(name, field, help)                                        \
    {                                                                  \
        name, "N", help, OPT_INT, AT(field), .least = 1, .most = 65535 \
    }

const struct opt cli_common[] = {
    {"as", "DEVICE", "act as this device of the context's hub", OPT_TEXT, AT(as), .what = OPT_DEVICE},
    {"connection-string-file", "FILE", "use this connection string (-: standard input); also D2D_CONNECTION_STRING",
     OPT_INPUT, AT(connection_string_file), .what = OPT_FILE},
    {"context", "NAME", "use this context (the current one); also D2D_CONTEXT", OPT_TEXT, AT(context_name),
     .what = OPT_CONTEXT},
    {"address", "HOST", "connect to this address; the certificate is still checked for the hub's name", OPT_TEXT,
     AT(address)},
    {"ca-file", "FILE", "certificate authority (CA) of the hub's certificate; also D2D_CA_FILE", OPT_INPUT, AT(ca_file),
     .what = OPT_FILE},
    {"cert-file", "FILE", "certificate of a device that has no key (x509=true)", OPT_INPUT, AT(cert_file),
     .what = OPT_FILE},
    {"key-file", "FILE", "the key of that certificate", OPT_INPUT, AT(key_file), .what = OPT_FILE},
    {"slot", "0|1|2|3|4|5|6|7|8|9", "act as the device whose key is in this slot of the TPM", OPT_CHOICE,
     AT(slot_given), .least = 1},
    {"tcti", "TCTI", "the TPM to use (this computer's); also D2D_TCTI", OPT_TEXT, AT(tcti)},
    {"transport", "mqtt|mqtt-ws|amqp|amqp-ws|https",
     "protocol; -ws: over WebSockets (HTTPS port); https: only to register; also D2D_TRANSPORT", OPT_CHOICE,
     AT(transport), .least = 1},
    PORT("mqtts-port", mqtts_port, "port for MQTT (8883)"),
    PORT("amqps-port", amqps_port, "port for AMQP (5671)"),
    PORT("https-port", https_port, "port for HTTPS and WebSockets (443)"),
    {"timeout", "T", "give up after this time, such as 10s or 5m", OPT_DURATION, AT(timeout_ms), .least = 1},
    {"output", "table|json|tsv|raw", "a table on a terminal, JSON in a pipe", OPT_CHOICE, AT(format), .least = 1,
     .letter = 'o'},
    {"quiet", NULL, "print only results and errors", OPT_FLAG, AT(quiet), .letter = 'q'},
    {"help", NULL, "this help", OPT_FLAG, AT(help), .letter = 'h'},
    {0}};

/* Whether the file has a part of that kind. What cannot be read twice, or is elsewhere, is for the library to say. */
static bool is_pem(const char *name, const char *path, const char *kind, const char *what, char why[OPT_WHY_CAP])
{
    struct buf text = buf_max(PEM_MAX);
    char shown[100];
    struct stat st;
    bool good = !path || stat(path, &st) || !S_ISREG(st.st_mode) || file_read(path, &text) ||
                bytes_find_bytes(buf_bytes(&text), bytes_str(kind)) < text.len;

    if (!good)
        snprintf(why, OPT_WHY_CAP, "%s: \"%s\" has no %s in PEM form (-----BEGIN %s)%s", name, opt_shown(path, shown),
                 what, kind,
                 text.len && text.at[0] == 0x30 ? "; it may be DER, which `openssl x509 -inform der` converts" : "");
    if (text.at)
        explicit_bzero(text.at, text.cap);
    buf_free(&text);
    return good;
}

bool cli_ca_is_pem(const char *name, const char *path, char why[OPT_WHY_CAP])
{
    return is_pem(name, path, "CERTIFICATE-----", "certificate", why);
}

/* "hub.example", "192.0.2.7", "2001:db8::1", "[2001:db8::1]" */
static bool is_address(const char *text)
{
    size_t len = strlen(text);

    if (text[0] == '[')
        return strcspn(text, "]") == len - 1;
    return strcspn(text, "/ \t;,@") == len && (is_bare_ip6(bytes_str(text)) || !strchr(text, ':'));
}

bool cli_take_common(struct cli *c, char why[OPT_WHY_CAP])
{
    char shown[100];

    if (!cli_ca_is_pem("--ca-file", c->ca_file, why) || !cli_ca_is_pem("--cert-file", c->cert_file, why) ||
        !is_pem("--key-file", c->key_file, "PRIVATE KEY-----", "private key", why))
        return false;
    if (c->address && !is_address(c->address)) {
        snprintf(
            why, OPT_WHY_CAP,
            "--address must be a host name or an IP address, without a port, not \"%s\"; --mqtts-port, --amqps-port "
            "and --https-port give ports",
            opt_shown(c->address, shown));
        return false;
    }
    if (c->context_name && !context_name_valid(c->context_name)) {
        snprintf(why, OPT_WHY_CAP,
                 "--context: a name has letters, digits, '-', '_' and '.', and does not begin with '.'");
        return false;
    }
    c->has_slot = c->slot_given > 0;
    c->slot = c->has_slot ? (unsigned)c->slot_given - 1 : 0;
    out_quiet = c->quiet > 0;
    /* For whatever opens a TPM, OpenSSL's provider too. */
    return !c->tcti || !setenv("D2D_TCTI", c->tcti, 1);
}
