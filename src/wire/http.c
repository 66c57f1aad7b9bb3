#include "http.h"

#include <http_parser.h>

/* A line of a chunked body: a size with its extensions, or a trailer. Nobody needs long ones. */
enum { CHUNK_LINE_MAX = 1024 };

static enum http_step bad(struct http_in *h, enum http_fault fault)
{
    h->at = HTTP_AT_FAULT;
    h->fault = fault;
    return HTTP_STEP_BAD;
}

static bool is_token(struct bytes b)
{
    static const char MARKS[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!plain && !memchr(MARKS, c, sizeof MARKS - 1))
            return false;
    }
    return b.len > 0;
}

/* ---- lines ----------------------------------------------------------------------------------------------------- */

/* The parser below takes a bare LF for the end of a line, folded lines, and blanks before a colon. A proxy in front of
 * us may read such a head in another way, and then one of us sees a request that the other does not. So none of that
 * gets there. */
static bool may_stand(struct bytes in, size_t i)
{
    uint8_t c = in.at[i], before = i ? in.at[i - 1] : 0;

    if (c == '\n')
        return before == '\r';
    if (before == '\r')
        return false;
    if (before == '\n' && (c == ' ' || c == '\t'))
        return false;
    return c == '\r' || c == '\t' || (c >= 0x20 && c != 0x7F);
}

/* The first line without its CRLF; with `more` when it has not ended yet. False: it is none, or longer than max. */
static bool line_of(struct bytes in, size_t max, struct bytes *line, bool *more)
{
    *more = false;
    for (size_t i = 0; i < in.len && i < max; i++) {
        if (!may_stand(in, i))
            return false;
        if (in.at[i] == '\n') {
            *line = bytes_first(in, i - 1);
            return true;
        }
    }
    *more = in.len < max;
    return *more;
}

/* ---- heads ----------------------------------------------------------------------------------------------------- */

struct split {
    struct http_head *head;
    struct bytes target;
    bool too_many;
};

static int on_url(struct http_parser *p, const char *at, size_t len)
{
    ((struct split *)p->data)->target = bytes_of(at, len);
    return 0;
}

static int on_field(struct http_parser *p, const char *at, size_t len)
{
    struct split *s = p->data;

    s->too_many = s->head->n_headers == HTTP_HEADERS_MAX;
    if (s->too_many)
        return 1;
    s->head->headers[s->head->n_headers++].name = bytes_of(at, len);
    return 0;
}

/* A head is given in one piece, so each name is followed by its value, in one piece too. */
static int on_value(struct http_parser *p, const char *at, size_t len)
{
    struct http_head *head = ((struct split *)p->data)->head;

    head->headers[head->n_headers - 1].value = bytes_trim(bytes_of(at, len));
    return 0;
}

/* We read bodies: this build of the parser does not look at the ends of chunks. */
static int on_head(struct http_parser *p)
{
    (void)p;
    return 1;
}

static enum http_fault fault_of(const struct http_parser *p, const struct split *s)
{
    if (s->too_many)
        return HTTP_HEAD_TOO_LARGE;
    if (HTTP_PARSER_ERRNO(p) == HPE_INVALID_VERSION)
        return HTTP_BAD_VERSION;
    return HTTP_PARSER_ERRNO(p) == HPE_INVALID_TRANSFER_ENCODING ? HTTP_BAD_CODING : HTTP_MALFORMED;
}

/* Exactly one blank between the parts of the request line; a path with a slash, whatever stood before it. */
static enum http_fault take_target(struct http_head *head, struct bytes text, struct bytes target)
{
    size_t line = bytes_find(text, '\r');

    if (target.len > HTTP_TARGET_MAX)
        return HTTP_TARGET_TOO_LONG;
    if (target.at != text.at + head->method.len + 1 ||
        line != head->method.len + 1 + target.len + sizeof " HTTP/1.1" - 1)
        return HTTP_MALFORMED;
    for (size_t i = 0; i < target.len; i++)
        if (target.at[i] <= ' ' || target.at[i] > '~' || target.at[i] == '#')
            return HTTP_MALFORMED;
    head->query = target;
    head->path = bytes_cut(&head->query, '?');
    if (bytes_starts_nocase(head->path, BYTES("http://")) || bytes_starts_nocase(head->path, BYTES("https://"))) {
        struct bytes rest = bytes_skip(head->path, bytes_find_bytes(head->path, BYTES("://")) + 3);
        struct bytes host = bytes_first(rest, bytes_find(rest, '/'));

        if (!host.len || bytes_find(host, '@') < host.len)
            return HTTP_MALFORMED;
        head->path = host.len < rest.len ? bytes_skip(rest, host.len) : BYTES("/");
    }
    if (bytes_eq(head->path, BYTES("*")) && bytes_eq(head->method, BYTES("OPTIONS")))
        return HTTP_FINE;
    return head->path.len && head->path.at[0] == '/' ? HTTP_FINE : HTTP_MALFORMED;
}

/* The header that says where the message ends. */
struct framing {
    unsigned hosts, lengths, codings;
    bool chunked;
    uint64_t length;
};

static enum http_fault take_header(struct http_head *head, const struct http_header *header, struct framing *f)
{
    if (!is_token(header->name))
        return HTTP_MALFORMED;
    if (bytes_eq_nocase(header->name, BYTES("host"))) {
        f->hosts++;
    } else if (bytes_eq_nocase(header->name, BYTES("content-length"))) {
        f->lengths++;
        if (!bytes_to_u64(header->value, &f->length))
            return HTTP_MALFORMED;
    } else if (bytes_eq_nocase(header->name, BYTES("transfer-encoding"))) {
        f->codings++;
        f->chunked = bytes_eq_nocase(header->value, BYTES("chunked"));
        if (!f->chunked)
            return HTTP_BAD_CODING;
    } else if (bytes_eq_nocase(header->name, BYTES("expect"))) {
        head->wants_continue = head->minor && bytes_eq_nocase(header->value, BYTES("100-continue"));
    }
    return HTTP_FINE;
}

static enum http_fault take_headers(struct http_in *h, struct framing *f)
{
    struct http_head *head = &h->head;
    enum http_fault fault;

    for (size_t i = 0; i < head->n_headers; i++)
        if ((fault = take_header(head, &head->headers[i], f)))
            return fault;
    if (f->lengths + f->codings > 1 || (f->codings && !head->minor))
        return HTTP_MALFORMED;
    if (h->kind == HTTP_REQUESTS && (f->hosts > 1 || (f->hosts == 0 && head->minor)))
        return HTTP_MALFORMED;
    return HTTP_FINE;
}

/* RFC 9112 6.3: what follows the head. */
static enum http_fault take_framing(struct http_in *h, const struct framing *f)
{
    int status = h->head.status;
    bool response = h->kind == HTTP_RESPONSES;

    h->left = f->length;
    h->at = HTTP_AT_MESSAGE;
    if (response && (h->answer_to_head || status / 100 == 1 || status == 204 || status == 304))
        return HTTP_FINE;
    if (f->chunked)
        h->at = HTTP_AT_CHUNK_SIZE;
    else if (f->length)
        h->at = HTTP_AT_LENGTH;
    else if (response && !f->lengths)
        h->at = HTTP_AT_EOF;
    h->head.has_body = h->at != HTTP_AT_MESSAGE;
    if (h->at == HTTP_AT_EOF)
        h->head.keep_alive = false;
    return f->length > h->body.max ? HTTP_BODY_TOO_LARGE : HTTP_FINE;
}

static enum http_fault parse_head(struct http_in *h)
{
    static const struct http_parser_settings settings = {
        .on_url = on_url, .on_header_field = on_field, .on_header_value = on_value, .on_headers_complete = on_head};
    struct bytes text = buf_bytes(&h->text);
    struct split s = {.head = &h->head};
    struct framing f = {0};
    struct http_parser p;
    enum http_fault fault;

    memset(&h->head, 0, offsetof(struct http_head, headers));
    http_parser_init(&p, h->kind == HTTP_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE);
    p.data = &s;
    size_t n = http_parser_execute(&p, &settings, (const char *)text.at, text.len);
    if (n != text.len || HTTP_PARSER_ERRNO(&p) != HPE_OK)
        return fault_of(&p, &s);
    if (p.http_major != 1 || p.http_minor > 1)
        return HTTP_BAD_VERSION;
    h->head.minor = p.http_minor;
    h->head.keep_alive = p.http_minor ? !(p.flags & F_CONNECTION_CLOSE) : (p.flags & F_CONNECTION_KEEP_ALIVE) != 0;
    h->head.upgrade = p.upgrade && p.http_minor;
    if (h->kind == HTTP_RESPONSES)
        h->head.status = p.status_code;
    else
        h->head.method = bytes_str(http_method_str((enum http_method)p.method));
    if (h->kind == HTTP_REQUESTS && (fault = take_target(&h->head, text, s.target)))
        return fault;
    fault = take_headers(h, &f);
    return fault ? fault : take_framing(h, &f);
}

/* RFC 9112 2.2: empty lines before a request line are passed over. */
static size_t empty_lines(struct bytes in)
{
    size_t n = 0;

    while (bytes_starts(bytes_skip(in, n), BYTES("\r\n")))
        n += 2;
    return n;
}

static enum http_step read_head(struct http_in *h, struct bytes in, size_t *used)
{
    size_t i = h->scanned, skipped = i ? 0 : empty_lines(in);
    enum http_fault fault;
    bool ended = false;

    in = bytes_skip(in, skipped);
    *used = skipped;
    if (bytes_eq(in, BYTES("\r"))) /* perhaps one more of them */
        return HTTP_STEP_MORE;
    for (; i < in.len && i < HTTP_HEAD_MAX && !ended; i++) {
        if (!may_stand(in, i))
            return bad(h, HTTP_MALFORMED);
        ended = in.at[i] == '\n' && i >= 3 && in.at[i - 2] == '\n';
    }
    h->scanned = i;
    if (!ended && i < HTTP_HEAD_MAX)
        return HTTP_STEP_MORE;
    if (!ended)
        return bad(h, bytes_find(bytes_first(in, i), '\n') < i ? HTTP_HEAD_TOO_LARGE : HTTP_TARGET_TOO_LONG);
    h->scanned = 0;
    h->body_len = h->trailer_len = 0;
    buf_clear(&h->body);
    buf_clear(&h->text);
    buf_put(&h->text, bytes_first(in, i));
    if (h->text.bad)
        return bad(h, HTTP_HEAD_TOO_LARGE);
    *used += i;
    fault = parse_head(h);
    return fault ? bad(h, fault) : HTTP_STEP_HEAD;
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

/* Up to `left` bytes; true when all of them have come. */
static bool take_bytes(struct http_in *h, struct bytes *in)
{
    struct bytes part = bytes_first(*in, h->left < in->len ? (size_t)h->left : in->len);

    if (!h->skip_body)
        buf_put(&h->body, part);
    h->body_len += part.len;
    h->left -= part.len;
    *in = bytes_skip(*in, part.len);
    return h->left == 0;
}

/* RFC 9112 7.1: hexadecimal digits, then nothing or extensions, which nobody knows. */
static bool chunk_size(struct bytes line, uint64_t *out)
{
    struct bytes rest = line, digits = bytes_trim(bytes_cut(&rest, ';'));
    uint64_t n = 0;

    if (!rest.at && digits.len != line.len)
        return false;
    if (!digits.len || digits.at != line.at || digits.len > 15)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        uint8_t c = digits.at[i] | 0x20;

        if (digits.at[i] >= '0' && digits.at[i] <= '9')
            n = n * 16 + (uint64_t)(digits.at[i] - '0');
        else if (c >= 'a' && c <= 'f')
            n = n * 16 + (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *out = n;
    return true;
}

static bool trailer_ok(struct bytes line)
{
    size_t colon = bytes_find(line, ':');

    return colon < line.len && is_token(bytes_first(line, colon));
}

/* A line of the chunked coding; false when it is wrong. */
static bool take_line(struct http_in *h, struct bytes line)
{
    if (h->at == HTTP_AT_CHUNK_SIZE) {
        h->at = HTTP_AT_CHUNK;
        if (!chunk_size(line, &h->left))
            return false;
        if (h->left == 0)
            h->at = HTTP_AT_TRAILER;
        return true;
    }
    if (h->at == HTTP_AT_CHUNK_END) {
        h->at = HTTP_AT_CHUNK_SIZE;
        return line.len == 0;
    }
    h->trailer_len += line.len + 2;
    if (line.len == 0)
        h->at = HTTP_AT_MESSAGE;
    return line.len == 0 || (trailer_ok(line) && h->trailer_len < HTTP_HEAD_MAX);
}

/* As much of the body as there is. */
static enum http_fault take_body(struct http_in *h, struct bytes *in)
{
    struct bytes line;
    bool more = false;

    while (h->at != HTTP_AT_MESSAGE && !more) {
        if (h->at == HTTP_AT_EOF)
            h->left = in->len;
        if (h->at == HTTP_AT_EOF || h->at == HTTP_AT_LENGTH || h->at == HTTP_AT_CHUNK) {
            more = !take_bytes(h, in) || h->at == HTTP_AT_EOF;
            if (h->body_len > h->body.max || h->left > h->body.max - h->body_len || h->body.bad)
                return HTTP_BODY_TOO_LARGE;
            if (!more)
                h->at = h->at == HTTP_AT_CHUNK ? HTTP_AT_CHUNK_END : HTTP_AT_MESSAGE;
            continue;
        }
        if (!line_of(*in, h->at == HTTP_AT_CHUNK_END ? 2 : CHUNK_LINE_MAX, &line, &more))
            return HTTP_MALFORMED;
        if (!more) {
            *in = bytes_skip(*in, line.len + 2);
            if (!take_line(h, line))
                return HTTP_MALFORMED;
        }
    }
    return HTTP_FINE;
}

/* ---- the reader ------------------------------------------------------------------------------------------------ */

struct bytes http_header(const struct http_head *head, struct bytes name)
{
    for (size_t i = 0; i < head->n_headers; i++)
        if (bytes_eq_nocase(head->headers[i].name, name))
            return head->headers[i].value;
    return NO_BYTES;
}

void http_in_init(struct http_in *h, enum http_kind kind, size_t body_max)
{
    memset(h, 0, sizeof *h);
    h->kind = kind;
    h->body = buf_max(body_max);
    h->text = buf_max(HTTP_HEAD_MAX);
}

void http_in_free(struct http_in *h)
{
    buf_free(&h->body);
    buf_free(&h->text);
}

void http_in_body_max(struct http_in *h, size_t body_max)
{
    h->body.max = body_max;
}

void http_in_cool(struct http_in *h)
{
    if (h->at == HTTP_AT_HEAD)
        http_in_free(h);
}

enum http_step http_read(struct http_in *h, struct bytes in, size_t *used)
{
    struct bytes rest = in;
    enum http_fault fault;

    *used = 0;
    if (h->at == HTTP_AT_FAULT)
        return HTTP_STEP_BAD;
    if (h->at == HTTP_AT_HEAD)
        return read_head(h, in, used);
    fault = take_body(h, &rest);
    *used = in.len - rest.len;
    if (fault)
        return bad(h, fault);
    if (h->at != HTTP_AT_MESSAGE)
        return HTTP_STEP_MORE;
    h->at = HTTP_AT_HEAD;
    h->answer_to_head = h->skip_body = false;
    return HTTP_STEP_MESSAGE;
}

bool http_read_end(struct http_in *h)
{
    bool complete = h->at == HTTP_AT_EOF;

    h->at = HTTP_AT_FAULT;
    h->fault = HTTP_MALFORMED;
    return complete;
}
