#include "selector.h"

#include <stdio.h>

#define ANNOTATION "amqp.annotation."
#define SENDER ANNOTATION "iothub-connection-device-id"
#define DEPTH_MAX 8 /* of parentheses: nobody needs more, and the parser recurses */

struct parser {
    struct bytes rest;
    struct selector *out;
    char *why;
    unsigned depth;
};

/* What an expression says, so that AND and OR can tell what they join. */
struct term {
    bool position, senders;
};

static enum err malformed(struct parser *p, const char *text, struct bytes what)
{
    snprintf(p->why, SELECTOR_WHY_CAP, "%s '%.*s'", text, BYTES_ARG(bytes_first(what, 60)));
    return ERR_MALFORMED;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct parser *p)
{
    while (p->rest.len && is_blank(*p->rest.at))
        p->rest = bytes_skip(p->rest, 1);
}

static bool take_char(struct parser *p, char c)
{
    skip_blanks(p);
    if (!p->rest.len || *p->rest.at != (uint8_t)c)
        return false;
    p->rest = bytes_skip(p->rest, 1);
    return true;
}

/* A run up to a blank or one of the characters that mean something themselves. */
static struct bytes peek_word(struct parser *p)
{
    size_t n = 0;
    skip_blanks(p);
    while (n < p->rest.len && !is_blank(p->rest.at[n]) && !memchr("()<>=!,'\"", p->rest.at[n], 9))
        n++;
    return bytes_first(p->rest, n);
}

static bool take_keyword(struct parser *p, const char *keyword)
{
    struct bytes word = peek_word(p);
    if (!bytes_eq_nocase(word, bytes_str(keyword)))
        return false;
    p->rest = bytes_skip(p->rest, word.len);
    return true;
}

/* 'it''s' or "it""s": a doubled quote stands for one. The text is kept in the selector. */
static enum err take_quoted(struct parser *p, struct bytes *value)
{
    struct bytes whole = p->rest;
    uint8_t quote = *p->rest.at;
    uint8_t *start = p->out->text + p->out->text_len;
    size_t n = 0;

    /* It fits: unescaped text is never longer than the selector itself. */
    for (p->rest = bytes_skip(p->rest, 1); p->rest.len; p->rest = bytes_skip(p->rest, 1)) {
        if (*p->rest.at == quote) {
            p->rest = bytes_skip(p->rest, 1);
            if (!p->rest.len || *p->rest.at != quote) {
                p->out->text_len += n;
                *value = bytes_of(start, n);
                return OK;
            }
        }
        start[n++] = *p->rest.at;
    }
    return malformed(p, "a quote is not closed:", whole);
}

/* Some clients quote, some do not (service 2.6). */
static enum err take_value(struct parser *p, struct bytes *value)
{
    skip_blanks(p);
    if (p->rest.len && (*p->rest.at == '\'' || *p->rest.at == '"'))
        return take_quoted(p, value);
    *value = peek_word(p);
    if (!value->len)
        return malformed(p, "a value is missing before", p->rest);
    p->rest = bytes_skip(p->rest, value->len);
    return OK;
}

static enum err take_sender(struct parser *p)
{
    struct selector *s = p->out;
    struct bytes id;

    skip_blanks(p);
    if (!p->rest.len || (*p->rest.at != '\'' && *p->rest.at != '"'))
        return malformed(p, "a device id must be in quotes, unlike", p->rest);
    enum err e = take_quoted(p, &id);
    if (e)
        return e;
    if (!id.len || id.len > ID_LEN_MAX)
        return malformed(p, "this is not a device id:", id);
    for (size_t i = 0; i < s->n_devices; i++)
        if (bytes_eq(s->devices[i], id))
            return OK;
    if (s->n_devices == FILTER_DEVICES_MAX) {
        snprintf(p->why, SELECTOR_WHY_CAP, "a selector names at most %d devices", FILTER_DEVICES_MAX);
        return ERR_LIMIT;
    }
    s->devices[s->n_devices++] = id;
    return OK;
}

static enum err parse_senders(struct parser *p)
{
    enum err e;

    if (take_char(p, '='))
        return take_sender(p);
    if (!take_keyword(p, "IN"))
        return malformed(p, "after " SENDER " must come = or IN, not", p->rest);
    if (!take_char(p, '('))
        return malformed(p, "after IN must come (, not", p->rest);
    do {
        if ((e = take_sender(p)))
            return e;
    } while (take_char(p, ','));
    return take_char(p, ')') ? OK : malformed(p, "the list of IN is not closed before", p->rest);
}

/* service 2.6: offsets and sequence numbers are decimal, -1 is before the first, @latest behind the last. */
static enum err parse_position(struct parser *p, int from, struct bytes name)
{
    struct position *at = &p->out->position;
    struct bytes value;

    if (!take_char(p, '>'))
        return malformed(p, "a position is compared with > or >=, not", p->rest);
    *at = (struct position){.from = from};
    at->inclusive = p->rest.len && *p->rest.at == '=';
    if (at->inclusive)
        p->rest = bytes_skip(p->rest, 1);
    enum err e = take_value(p, &value);
    if (e)
        return e;
    if (bytes_eq_nocase(value, BYTES("@latest")) && from != FROM_TIME) {
        *at = (struct position){.from = FROM_LATEST};
        return OK;
    }
    if (!bytes_to_i64(value, &at->value)) {
        snprintf(p->why, SELECTOR_WHY_CAP, "'%.*s' is not a value of %.*s", BYTES_ARG(bytes_first(value, 60)),
                 BYTES_ARG(name));
        return ERR_MALFORMED;
    }
    if (at->value < 0)
        *at = (struct position){.from = FROM_EARLIEST};
    return OK;
}

static enum err parse_comparison(struct parser *p, struct term *t)
{
    static const struct {
        const char *name;
        int from;
    } positions[] = {
        {ANNOTATION "x-opt-offset", FROM_OFFSET},
        {ANNOTATION "x-opt-sequence-number", FROM_SEQUENCE},
        {ANNOTATION "x-opt-enqueued-time", FROM_TIME},
        {ANNOTATION "x-opt-enqueuedtimeutc", FROM_TIME},
    };
    struct bytes name = peek_word(p);

    if (!name.len)
        return malformed(p, "a name is missing before", p->rest);
    p->rest = bytes_skip(p->rest, name.len);
    if (bytes_eq(name, BYTES(SENDER))) {
        *t = (struct term){.senders = true};
        return parse_senders(p);
    }
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++)
        if (bytes_eq(name, bytes_str(positions[i].name))) {
            *t = (struct term){.position = true};
            return parse_position(p, positions[i].from, name);
        }
    return malformed(p, "a selector cannot ask for", name);
}

static enum err parse_or(struct parser *p, struct term *t);

static enum err parse_primary(struct parser *p, struct term *t)
{
    if (!take_char(p, '('))
        return parse_comparison(p, t);
    if (++p->depth > DEPTH_MAX)
        return malformed(p, "too many parentheses before", p->rest);
    enum err e = parse_or(p, t);
    if (e)
        return e;
    p->depth--;
    return take_char(p, ')') ? OK : malformed(p, "a parenthesis is not closed before", p->rest);
}

static enum err parse_and(struct parser *p, struct term *t)
{
    enum err e = parse_primary(p, t);
    while (!e && take_keyword(p, "AND")) {
        struct term right;
        if ((e = parse_primary(p, &right)))
            break;
        if (t->position && right.position)
            return malformed(p, "a selector has only one position;", BYTES("AND"));
        if (t->senders && right.senders)
            return malformed(p, "name all devices in one IN or with OR, not with", BYTES("AND"));
        *t = (struct term){true, true};
    }
    return e;
}

static enum err parse_or(struct parser *p, struct term *t)
{
    enum err e = parse_and(p, t);
    while (!e && take_keyword(p, "OR")) {
        struct term right;
        if ((e = parse_and(p, &right)))
            break;
        if (t->position || right.position)
            return malformed(p, "only devices can be alternatives of", BYTES("OR"));
    }
    return e;
}

enum err selector_parse(struct bytes text, struct selector *out, char why[SELECTOR_WHY_CAP])
{
    struct parser p = {.rest = text, .out = out, .why = why};
    struct term t = {false, false};

    why[0] = '\0';
    out->position = (struct position){.from = FROM_EARLIEST};
    out->n_devices = out->text_len = 0;
    if (text.len > SELECTOR_LEN_MAX) {
        snprintf(why, SELECTOR_WHY_CAP, "a selector must be at most %d bytes", SELECTOR_LEN_MAX);
        return ERR_TOO_LARGE;
    }
    enum err e = parse_or(&p, &t);
    if (e)
        return e;
    skip_blanks(&p);
    if (p.rest.len)
        return malformed(&p, "a selector ends before", p.rest);
    out->has_position = t.position;
    return OK;
}
