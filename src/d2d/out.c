#include "out.h"

#include "json_text.h"
#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CELL_MAX = OUT_LINE_MAX / 8 };

bool out_quiet;

bool out_format_parse(const char *text, enum out_format *format)
{
    static const char *const names[] = {
        [OUT_TABLE] = "table", [OUT_JSON] = "json", [OUT_TSV] = "tsv", [OUT_RAW] = "raw"};

    for (int f = OUT_TABLE; f <= OUT_RAW; f++) {
        if (strcmp(text, names[f]) == 0) {
            *format = (enum out_format)f;
            return true;
        }
    }
    return false;
}

void out_begin(struct out *o, enum out_format format, const struct column *columns, const char *raw)
{
    if (format == OUT_AUTO)
        format = isatty(STDOUT_FILENO) ? OUT_TABLE : OUT_JSON;
    *o = (struct out){.format = format, .columns = columns, .raw = raw};
}

/* A member as text; objects and lists stay JSON. */
static void put_value(struct buf *b, const json_t *value)
{
    char *text;

    if (!value || json_is_null(value))
        return;
    if (json_is_string(value)) {
        buf_put(b, bytes_of(json_string_value(value), json_string_length(value)));
        return;
    }
    text = json_text(value, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_puts(b, text ? text : "");
    free(text);
}

/* Puts a text into one line, whatever is in it. */
static void put_plain(struct buf *b, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];

        if (c == '\n')
            buf_puts(b, "\\n");
        else if (c == '\t')
            buf_puts(b, "\\t");
        else if (c < 0x20 || c == 0x7F)
            buf_printf(b, "\\x%02x", c);
        else
            buf_put_u8(b, c);
    }
}

/* Characters, not bytes: what a terminal shows of well-formed text. */
static int shown_width(struct bytes text)
{
    int n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += (text.at[i] & 0xC0) != 0x80;
    return n;
}

static void put_cell(struct buf *line, const struct column *c, struct bytes text)
{
    int width = shown_width(text);

    buf_put(line, text);
    if (!c[1].key)
        return;
    for (int pad = width; pad < c->width; pad++)
        buf_put_u8(line, ' ');
    buf_puts(line, "  ");
}

/* On a terminal that can, unless NO_COLOR says otherwise (any value but an empty one). */
static bool has_colours(int fd)
{
    const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");

    return isatty(fd) && !(none && *none) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

static void put_line(const struct out *o, struct buf *line, const json_t *row)
{
    struct buf value = buf_max(CELL_MAX), plain = buf_max(4 * CELL_MAX);

    for (const struct column *c = o->columns; c->key; c++) {
        buf_clear(&value);
        buf_clear(&plain);
        if (row)
            put_value(&value, json_object_get(row, c->key));
        else
            buf_puts(&value, o->format == OUT_TABLE ? c->title : c->key);
        put_plain(&plain, buf_bytes(&value));
        if (o->format == OUT_TABLE) {
            put_cell(line, c, buf_bytes(&plain));
            continue;
        }
        buf_put(line, buf_bytes(&plain));
        if (c[1].key)
            buf_put_u8(line, '\t');
    }
    while (line->len && line->at[line->len - 1] == ' ')
        line->len--;
    buf_put_u8(line, '\n');
    buf_free(&value);
    buf_free(&plain);
}

static void put_title(const struct out *o, struct buf *line)
{
    bool colours = o->format == OUT_TABLE && has_colours(STDOUT_FILENO);

    if (colours)
        buf_puts(line, "\033[1m");
    put_line(o, line, NULL);
    if (colours && !line->bad) {
        line->len--; /* the end of the line stays outside */
        buf_puts(line, "\033[0m\n");
    }
}

bool out_line(struct out *o, json_t *given, struct buf *line)
{
    char *text = NULL;

    switch (o->format) {
    case OUT_AUTO:
    case OUT_TABLE:
    case OUT_TSV:
        if (!o->titled)
            put_title(o, line);
        o->titled = true;
        put_line(o, line, given);
        break;
    case OUT_JSON:
        text = json_text(given, JSON_COMPACT);
        buf_puts(line, text ? text : "");
        buf_put_u8(line, '\n');
        line->bad |= !text;
        free(text);
        break;
    case OUT_RAW:
        put_value(line, json_object_get(given, o->raw));
        buf_put_u8(line, '\n');
        break;
    }
    line->bad |= !given;
    json_decref(given);
    return !line->bad;
}

bool out_row(struct out *o, json_t *given)
{
    struct buf line = buf_max(OUT_LINE_MAX);
    bool good = out_line(o, given, &line) ? output_put(buf_bytes(&line)) : output_fail();

    buf_free(&line);
    return good;
}

void out_never(json_t *row)
{
    const char *key;
    json_t *value;

    json_object_foreach(row, key, value)
    {
        const char *text = json_string_value(value);

        if (text && strncmp(text, "0001-01-01T00:00:00", 19) == 0)
            json_string_set(value, "-");
    }
}

json_t *out_parsed(char *given)
{
    json_error_t why;
    json_t *value = given ? json_loads(given, JSON_REJECT_DUPLICATES, &why) : NULL;

    if (!value)
        complain("the hub's answer is not JSON");
    free(given);
    return value;
}

void say(const char *format, ...)
{
    va_list args;

    if (out_quiet)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static void put_prefix(const char *text, size_t len)
{
    bool colours = has_colours(STDERR_FILENO);

    fprintf(stderr, "%s%.*s%s", colours ? "\033[31m" : "", (int)len, text, colours ? "\033[0m" : "");
}

void complain_text(const char *text)
{
    size_t len = strcspn(text, ":") + 1;

    put_prefix(text, len);
    fputs(text + len, stderr);
}

void complain(const char *format, ...)
{
    int number = errno; /* of %m; looking for a terminal sets it */
    va_list args;

    put_prefix("d2d:", 4);
    fputc(' ', stderr);
    errno = number;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void advise(const char *format, ...)
{
    va_list args;

    fputs("  ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}
