#include "connection_string.h"

#include "ceilings.h"
#include "near.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum part { HOST, ENDPOINT, DEVICE, MODULE, KEY_NAME, KEY, SIGNATURE, ENTITY, GATEWAY, X509, X509_CERT, TPM, PARTS };

static const char *const names[PARTS] = {[HOST] = "HostName",
                                         [ENDPOINT] = "Endpoint",
                                         [DEVICE] = "DeviceId",
                                         [MODULE] = "ModuleId",
                                         [KEY_NAME] = "SharedAccessKeyName",
                                         [KEY] = "SharedAccessKey",
                                         [SIGNATURE] = "SharedAccessSignature",
                                         [ENTITY] = "EntityPath",
                                         [GATEWAY] = "GatewayHostName",
                                         [X509] = "x509",
                                         [X509_CERT] = "X509Cert",
                                         [TPM] = "Tpm"};

/* A string that is being looked at. */
struct reading {
    const char *from;
    struct bytes parts[PARTS]; /* at == NULL: not given */
    const char *missed;        /* the name that a misspelt one was meant to be */
};

static PRINTF_LIKE(2, 3) enum status refuse(const struct reading *r, const char *format, ...)
{
    char why[OPT_WHY_CAP];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    complain("%s: %s", r->from, why);
    return USAGE;
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

static void put_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_put_u8(out, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        buf_put_u8(out, (uint8_t)(0xC0 | c >> 6));
    } else if (c < 0x10000) {
        buf_put_u8(out, (uint8_t)(0xE0 | c >> 12));
        buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
    } else {
        buf_put_u8(out, (uint8_t)(0xF0 | c >> 18));
        buf_put_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
        buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
    }
    buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3F)));
}

static uint32_t unit_at(struct bytes raw, size_t i, bool big)
{
    return big ? (uint32_t)raw.at[i] << 8 | raw.at[i + 1] : (uint32_t)raw.at[i + 1] << 8 | raw.at[i];
}

static void put_utf16(struct buf *out, struct bytes raw, bool big)
{
    for (size_t i = 0; i + 1 < raw.len; i += 2) {
        uint32_t c = unit_at(raw, i, big);

        if (c >= 0xD800 && c < 0xDC00 && i + 3 < raw.len) {
            c = 0x10000 + ((c - 0xD800) << 10) + (unit_at(raw, i + 2, big) - 0xDC00);
            i += 2;
        }
        if (c != 0xFEFF)
            put_utf8(out, c);
    }
}

/* Files of Windows, too: with a byte order mark, or in UTF-16, of which every second byte of such a text is 0. */
static bool put_text(struct buf *out, struct bytes raw)
{
    bool marked_little = bytes_starts(raw, BYTES("\xFF\xFE")), marked_big = bytes_starts(raw, BYTES("\xFE\xFF"));

    if (marked_big || (raw.len > 1 && !raw.at[0]))
        put_utf16(out, raw, true);
    else if (marked_little || (raw.len > 1 && !raw.at[1]))
        put_utf16(out, raw, false);
    else
        buf_put(out, bytes_skip(raw, bytes_starts(raw, BYTES("\xEF\xBB\xBF")) ? 3 : 0));
    return !out->bad && utf8_valid(buf_bytes(out)) && bytes_find(buf_bytes(out), 0) == out->len;
}

/* White space at either end; also what word processors and web pages put there. */
static struct bytes trim(struct bytes b)
{
    static const struct bytes blanks[] = {
        {(const uint8_t *)"\xC2\xA0", 2}, {(const uint8_t *)"\xE2\x80\x8B", 3}, {(const uint8_t *)"\xEF\xBB\xBF", 3}};
    size_t before;

    do {
        before = b.len;
        b = bytes_trim(b);
        for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
            if (bytes_starts(b, blanks[i]))
                b = bytes_skip(b, blanks[i].len);
            if (bytes_ends(b, blanks[i]))
                b = bytes_first(b, b.len - blanks[i].len);
        }
    } while (b.len != before);
    return b;
}

/* Without the quotes that stand around it. */
static struct bytes unquote(struct bytes b)
{
    static const struct {
        struct bytes open, close;
    } quotes[] = {{{(const uint8_t *)"\"", 1}, {(const uint8_t *)"\"", 1}},
                  {{(const uint8_t *)"'", 1}, {(const uint8_t *)"'", 1}},
                  {{(const uint8_t *)"`", 1}, {(const uint8_t *)"`", 1}},
                  {{(const uint8_t *)"\xE2\x80\x9C", 3}, {(const uint8_t *)"\xE2\x80\x9D", 3}},
                  {{(const uint8_t *)"\xE2\x80\x98", 3}, {(const uint8_t *)"\xE2\x80\x99", 3}}};

    b = trim(b);
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++)
        if (b.len >= quotes[i].open.len + quotes[i].close.len && bytes_starts(b, quotes[i].open) &&
            bytes_ends(b, quotes[i].close))
            return trim(
                bytes_first(bytes_skip(b, quotes[i].open.len), b.len - quotes[i].open.len - quotes[i].close.len));
    return b;
}

/* ---- parts ------------------------------------------------------------------------------------------------------ */

static enum part part_of(struct bytes name)
{
    int i = 0;

    while (i < PARTS && !bytes_eq_nocase(name, bytes_str(names[i])))
        i++;
    return (enum part)i;
}

static bool begins_with_part(struct bytes line)
{
    return part_of(trim(bytes_first(line, bytes_find(line, '=')))) != PARTS;
}

/* `{"connectionString": "…"}`, as the cloud's command line prints it. False: it is JSON, and has none. */
static bool put_of_json(struct buf *out, struct bytes text)
{
    static const char *const keys[] = {"connectionString", "connection_string", "primaryConnectionString"};
    json_t *object = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    const char *found = NULL;

    for (size_t i = 0; i < sizeof keys / sizeof *keys && !found; i++)
        found = json_string_value(json_object_get(object, keys[i]));
    if (found)
        buf_puts(out, found);
    json_decref(object);
    return found != NULL;
}

/* `D2D_CONNECTION_STRING="HostName=…"`, with or without "export", as in a file for a shell. */
static struct bytes skip_variable(struct bytes line)
{
    struct bytes name, value;

    if (bytes_starts(line, BYTES("export ")))
        line = trim(bytes_skip(line, strlen("export ")));
    name = bytes_first(line, bytes_find(line, '='));
    value = bytes_skip(line, name.len + 1);
    return part_of(trim(name)) == PARTS && begins_with_part(unquote(value)) ? value : line;
}

/* The lines as one: those that begin with a part, or come after a ";", belong together. */
static enum status put_lines(const struct reading *r, struct bytes text, struct buf *out)
{
    size_t number = 0;

    while (text.at) {
        struct bytes line = trim(bytes_cut(&text, '\n'));

        number++;
        if (!line.len)
            continue;
        line = unquote(skip_variable(unquote(line)));
        if (out->len && !begins_with_part(line) && out->at[out->len - 1] != ';')
            return refuse(r,
                          "line %zu is not part of a connection string; the file must hold the connection string "
                          "alone, on one line",
                          number);
        if (out->len &&
            (bytes_starts_nocase(line, BYTES("HostName")) || bytes_starts_nocase(line, BYTES("Endpoint"))) &&
            bytes_find_bytes(buf_bytes(out), BYTES("SharedAccess")) < out->len)
            return refuse(r, "line %zu begins another connection string; keep one", number);
        if (out->len && out->at[out->len - 1] != ';')
            buf_put_u8(out, ';');
        buf_put(out, line);
    }
    return DONE;
}

static enum status take_part(struct reading *r, struct bytes pair, size_t number)
{
    size_t equals = bytes_find(pair, '=');
    struct bytes name = trim(bytes_first(pair, equals)), value = unquote(bytes_skip(pair, equals + 1));
    char said[40];
    enum part part = part_of(name);

    if (equals == pair.len)
        return refuse(r, "part %zu of the connection string has no \"=\"; its parts are NAME=VALUE, separated by \";\"",
                      number);
    if (part == PARTS && bytes_to_str(name, said, sizeof said)) {
        struct near near = {.said = said};

        for (int i = 0; i < PARTS; i++)
            near_look(&near, names[i]);
        r->missed = near.best ? near.best : r->missed;
    }
    if (part == PARTS)
        return DONE; /* ModelId and others, which are for other programs */
    if (part == X509_CERT)
        part = X509;
    if (r->parts[part].at)
        return refuse(r, "the connection string has %s twice; keep one", names[part]);
    if (!value.len)
        return refuse(r, "%s of the connection string is empty; copy the whole string again", names[part]);
    r->parts[part] = value;
    return DONE;
}

static bool has(const struct reading *r, enum part part)
{
    return r->parts[part].at != NULL;
}

static enum status missing(const struct reading *r, enum part part)
{
    if (r->missed)
        return refuse(r, "the connection string has no %s, but a name that is nearly %s; is it misspelt?", names[part],
                      r->missed);
    return refuse(r, "the connection string has no %s; copy the whole string again", names[part]);
}

static void forget(struct buf *b)
{
    if (b->at)
        explicit_bzero(b->at, b->cap);
    buf_free(b);
}

static enum status check_key(const struct reading *r)
{
    uint8_t raw[KEY_LEN_MAX];
    struct buf again = buf_max(2 * KEY_LEN_MAX);
    struct bytes key = r->parts[KEY];
    enum status status = DONE;
    bool same;
    size_t len;

    if (bytes_find_bytes(key, BYTES("...")) < key.len || bytes_find_bytes(key, BYTES("\xE2\x80\xA6")) < key.len ||
        bytes_find(key, '*') < key.len)
        return refuse(r, "SharedAccessKey is shortened; copy the whole key");
    if (base64_decode(key, raw, sizeof raw, &len) || len < KEY_LEN_MIN)
        return refuse(r, "SharedAccessKey must be 16 to 64 bytes in base64; is it cut off? Copy the whole key");
    /* A text that lost characters leaves bits behind its last byte. */
    buf_put_base64(&again, bytes_of(raw, len));
    same = bytes_starts(buf_bytes(&again), bytes_first(key, bytes_find(key, '=')));
    if (!same)
        status =
            refuse(r, "SharedAccessKey is cut off or damaged: the end of its base64 is not valid; copy the whole key");
    explicit_bzero(raw, sizeof raw);
    forget(&again);
    return status;
}

static enum status check_proof(const struct reading *r)
{
    static const enum part proofs[] = {KEY, SIGNATURE, X509, TPM};
    const char *first = NULL;
    uint64_t slot;

    for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++) {
        if (!has(r, proofs[i]))
            continue;
        if (first)
            return refuse(r, "%s and %s of the connection string exclude each other; keep one", first,
                          names[proofs[i]]);
        first = names[proofs[i]];
    }
    if (!first && has(r, DEVICE) && !r->missed)
        return refuse(r, "the connection string has no SharedAccessKey (nor x509=true or Tpm=SLOT); copy the whole "
                         "string again");
    if (!first)
        return missing(r, KEY);
    if (has(r, X509) && !bytes_eq_nocase(r->parts[X509], BYTES("true")))
        return refuse(r, "x509 of the connection string must be true; a device with a key has SharedAccessKey instead");
    if (has(r, TPM) && (!bytes_to_u64(r->parts[TPM], &slot) || slot > 9))
        return refuse(r, "Tpm of the connection string must be 0 to 9, the slot of the TPM");
    if ((has(r, X509) || has(r, TPM)) && !has(r, DEVICE))
        return refuse(r, "%s is for a device, and the connection string has no DeviceId", first);
    return has(r, KEY) ? check_key(r) : DONE;
}

static enum status check_host(const struct reading *r, enum part part)
{
    struct bytes host = r->parts[part];
    char text[CONNECTION_STRING_CAP], shown[100];

    if (is_bare_ip6(host) && bytes_find_bytes(host, BYTES("://")) == host.len)
        return refuse(r, "%s of the connection string: an IPv6 address needs brackets, as in [::1]", names[part]);
    for (size_t i = 0; i < host.len; i++)
        if (host.at[i] <= ' ' || strchr(",\"'<>{}()\\", host.at[i]))
            return refuse(r, "%s of the connection string must be a host name, not \"%s\"", names[part],
                          bytes_to_str(host, text, sizeof text) ? opt_shown(text, shown) : "");
    return DONE;
}

static enum status check(const struct reading *r)
{
    enum part host = has(r, ENDPOINT) ? ENDPOINT : HOST;
    enum status status;

    if (has(r, HOST) && has(r, ENDPOINT))
        return refuse(r, "the connection string has HostName, as of a hub, and Endpoint, as of Event Hubs; keep one");
    if (!has(r, host))
        return missing(r, HOST);
    if ((status = check_host(r, host)))
        return status;
    if (has(r, GATEWAY) && (status = check_host(r, GATEWAY)))
        return status;
    if (has(r, MODULE) && !has(r, DEVICE))
        return refuse(r, "the connection string has ModuleId, but no DeviceId; copy the whole string again");
    if (host == ENDPOINT && !has(r, KEY_NAME) && !has(r, SIGNATURE))
        return missing(r, KEY_NAME);
    if (host == HOST && !has(r, DEVICE) && !has(r, KEY_NAME) && !has(r, SIGNATURE))
        return r->missed ? missing(r, DEVICE)
                         : refuse(r, "the connection string has neither DeviceId, as of a device, nor "
                                     "SharedAccessKeyName, as of a policy; copy the whole string again");
    return check_proof(r);
}

static enum status put_parts(const struct reading *r, char out[CONNECTION_STRING_CAP])
{
    struct buf all = buf_over(out, CONNECTION_STRING_CAP - 1);

    for (int i = 0; i < PARTS; i++) {
        if (!r->parts[i].at)
            continue;
        buf_printf(&all, "%s%s=", all.len ? ";" : "", names[i]);
        buf_put(&all, r->parts[i]);
    }
    out[all.bad ? 0 : all.len] = 0;
    return all.bad ? refuse(r, "the connection string is longer than %d bytes", CONNECTION_STRING_CAP - 1) : DONE;
}

static enum status take_line(struct reading *r, struct bytes line, char out[CONNECTION_STRING_CAP])
{
    enum status status = DONE;
    size_t number = 0;

    if (!line.len)
        return refuse(r,
                      "it is empty; it must hold a connection string (HostName=...;DeviceId=...;SharedAccessKey=...)");
    if (bytes_starts_nocase(line, BYTES("SharedAccessSignature ")))
        return refuse(r, "this is a token, not a connection string (HostName=...;DeviceId=...;SharedAccessKey=...)");
    if (bytes_find(line, '=') == line.len)
        return refuse(r, "this is not a connection string (HostName=...;DeviceId=...;SharedAccessKey=...)");
    while (line.at && !status) {
        struct bytes pair = trim(bytes_cut(&line, ';'));

        number++;
        if (pair.len)
            status = take_part(r, pair, number);
    }
    if (!status && !(status = check(r)))
        status = put_parts(r, out);
    return status;
}

enum status connection_string_take(const char *from, struct bytes raw, char out[CONNECTION_STRING_CAP])
{
    struct buf text = buf_max(2 * CONNECTION_TEXT_MAX), found = buf_max(CONNECTION_TEXT_MAX),
               line = buf_max(CONNECTION_TEXT_MAX);
    struct reading r = {.from = from};
    enum status status = DONE;
    struct bytes all;

    if (!put_text(&text, raw)) {
        status = refuse(&r, "this is not text; it must hold a connection string, in UTF-8 or UTF-16");
        goto done;
    }
    all = trim(buf_bytes(&text));
    if (bytes_starts(all, BYTES("{")) && put_of_json(&found, all))
        all = buf_bytes(&found);
    if (!(status = put_lines(&r, all, &line)))
        status = take_line(&r, unquote(buf_bytes(&line)), out);
done:
    forget(&text);
    forget(&found);
    forget(&line);
    return status;
}

enum status connection_string_read(const char *path, char out[CONNECTION_STRING_CAP])
{
    const char *from = strcmp(path, "-") == 0 ? "standard input" : path;
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    uint8_t raw[CONNECTION_TEXT_MAX];
    size_t len = 0;
    ssize_t n = -1;
    enum status status;

    while (fd >= 0 && len < sizeof raw && (n = read(fd, raw + len, sizeof raw - len)) > 0)
        len += (size_t)n;
    if (n < 0) {
        complain("%s cannot be read: %m", from);
        status = USAGE;
    } else {
        status = connection_string_take(from, bytes_of(raw, len), out);
    }
    explicit_bzero(raw, sizeof raw);
    if (fd >= 0)
        close(fd);
    return status;
}
