#include "lexer.h"

#include "dialect.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct bytes from(const struct lexer *l, size_t at)
{
    return bytes_of(l->text + at, l->len - at);
}

void lexer_wrong_at(struct lexer *l, enum err e, size_t at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain_v(l->why, e, l->original, at, format, args);
    va_end(args);
    l->next = l->len;
    l->token = (struct token){.kind = TOKEN_END, .at = at};
}

void lexer_wrong(struct lexer *l, enum err e, const char *sentence)
{
    enum { EXCERPT = 40 };
    size_t at = l->token.at;

    if (l->token.kind == TOKEN_END)
        lexer_wrong_at(l, e, at, "%s the end", sentence);
    else
        lexer_wrong_at(l, e, at, "%s '%.*s'", sentence, BYTES_ARG(bytes_first(bytes_skip(l->original, at), EXCERPT)));
}

/* ---- texts ----------------------------------------------------------------------------------------------------- */

/* \uXXXX becomes UTF-8, in place: it is never longer. Two halves of a pair are one character, one alone is none. *used
 * counts what stood there behind the backslash. */
static size_t put_escape(uint8_t *to, struct bytes in, size_t *used)
{
    uint8_t hex[4];
    size_t len;
    uint32_t code;

    *used = 5;
    if (in.len < 5 || hex_decode(bytes_of(in.at + 1, 4), hex, 2, &len))
        return 0;
    code = (uint32_t)hex[0] << 8 | hex[1];
    if ((code & 0xFC00) == 0xD800 && in.len >= 11 && in.at[5] == '\\' && (in.at[6] | 0x20) == 'u' &&
        !hex_decode(bytes_of(in.at + 7, 4), hex + 2, 2, &len) && (hex[2] & 0xFC) == 0xDC) {
        code = 0x10000 + ((code & 0x3FF) << 10) + (((uint32_t)hex[2] << 8 | hex[3]) & 0x3FF);
        *used = 11;
    }
    if (!code || (code & 0xFFFFF800) == 0xD800)
        return 0;
    return utf8_put(to, code);
}

/* Both kinds: what stands between the quotes of a token, written over itself. */
static bool take_text(struct lexer *l, size_t begin)
{
    uint8_t quote = l->text[begin];
    size_t at = begin + 1, n = 0;

    while (at < l->len) {
        uint8_t c = l->text[at];
        size_t used = 1;

        if (c == quote) {
            if (!l->dialect->doubled || at + 1 == l->len || l->text[at + 1] != quote)
                break;
            at++;
        } else if (c == '\\' && !l->dialect->doubled && at + 1 < l->len) {
            at++;
            c = l->text[at];
            if ((c | 0x20) == 'u') {
                size_t put = put_escape(l->text + begin + 1 + n, from(l, at), &used);

                if (!put) {
                    lexer_wrong_at(l, ERR_MALFORMED, at - 1, "this is not an escape: '%.*s'",
                                   BYTES_ARG(bytes_first(from(l, at - 1), 6)));
                    return false;
                }
                n += put;
                at += used;
                continue;
            }
        }
        l->text[begin + 1 + n++] = c;
        at++;
    }
    if (at >= l->len) {
        lexer_wrong_at(l, ERR_MALFORMED, begin, "a text does not end: its quote is not closed");
        return false;
    }
    l->token = (struct token){.kind = TOKEN_TEXT,
                              .at = begin,
                              .raw = bytes_of(l->text + begin, at + 1 - begin),
                              .value = value_text(bytes_of(l->text + begin + 1, n))};
    l->next = at + 1;
    return true;
}

/* The end of a text, with nothing changed; 0: it has none. */
static size_t end_of_text(const struct lexer *l, size_t at)
{
    uint8_t quote = l->text[at];

    for (at++; at < l->len; at++) {
        if (l->text[at] == quote)
            return at + 1;
        if (l->text[at] == '\\')
            at++;
    }
    return 0;
}

/* ---- numbers and words ----------------------------------------------------------------------------------------- */

static size_t digits(struct bytes b, size_t n)
{
    while (n < b.len && b.at[n] >= '0' && b.at[n] <= '9')
        n++;
    return n;
}

static size_t hex_digits(struct bytes b, size_t n)
{
    while (n < b.len && ((b.at[n] >= '0' && b.at[n] <= '9') || ((b.at[n] | 0x20) >= 'a' && (b.at[n] | 0x20) <= 'f')))
        n++;
    return n;
}

/* 12, 1.5, 1.5e-3, 0x1F: how many bytes; 0: none is here. *whole: it has neither fraction nor exponent. */
static size_t number_len(struct bytes b, bool *whole)
{
    size_t n = digits(b, 0), more;

    *whole = true;
    if (!n)
        return 0;
    if (n == 1 && b.at[0] == '0' && b.len > 2 && (b.at[1] | 0x20) == 'x' && hex_digits(b, 2) > 2)
        return hex_digits(b, 2);
    if (n + 1 < b.len && b.at[n] == '.' && digits(b, n + 1) > n + 1) {
        n = digits(b, n + 1);
        *whole = false;
    }
    if (n < b.len && (b.at[n] | 0x20) == 'e') {
        more = n + 1;
        if (more < b.len && (b.at[more] == '+' || b.at[more] == '-'))
            more++;
        if (digits(b, more) > more) {
            n = digits(b, more);
            *whole = false;
        }
    }
    return n;
}

static struct value number_of(struct bytes b, bool whole)
{
    char text[64];
    uint64_t integer;
    char *end;

    if (!bytes_to_str(b, text, sizeof text))
        return value_double(HUGE_VAL);
    if (whole) {
        errno = 0;
        integer = strtoull(text, &end, b.len > 1 && (text[1] | 0x20) == 'x' ? 16 : 10);
        if (!errno && integer <= INT64_MAX)
            return value_int((int64_t)integer);
    }
    return value_double(strtod(text, NULL));
}

static size_t word_len(const struct lexer *l, size_t at)
{
    struct bytes rest = from(l, at);
    size_t n = 0;

    while (n < rest.len && l->dialect->of_word(rest, n))
        n++;
    return n;
}

static size_t mark_len(const struct lexer *l, size_t at)
{
    for (const char *const *mark = l->dialect->marks; *mark; mark++)
        if (bytes_starts(from(l, at), bytes_str(*mark)))
            return strlen(*mark);
    return 0;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next byte that means something; that of a comment which does not end. */
static size_t after_blanks(const struct lexer *l, size_t at)
{
    for (;;) {
        struct bytes comment;
        size_t end;

        while (at < l->len && is_blank(l->text[at]))
            at++;
        comment = from(l, at);
        if (!l->dialect->comments || !bytes_starts(comment, BYTES("/*")))
            return at;
        end = 2 + bytes_find_bytes(bytes_skip(comment, 2), BYTES("*/"));
        if (end >= comment.len)
            return at;
        at += end + 2;
    }
}

/* Past them; false: the text ends here, or there is a complaint. */
static bool skip_blanks(struct lexer *l, size_t *at)
{
    *at = l->next = after_blanks(l, l->next);
    if (*at < l->len && l->dialect->comments && bytes_starts(from(l, *at), BYTES("/*")))
        lexer_wrong_at(l, ERR_MALFORMED, *at, "a comment does not end");
    else if (*at == l->len && !l->why->e)
        l->token = (struct token){.kind = TOKEN_END, .at = l->len};
    return l->next < l->len;
}

static void set(struct lexer *l, enum token_kind kind, size_t at, size_t n)
{
    l->token = (struct token){.kind = kind, .at = at, .raw = bytes_of(l->text + at, n)};
    l->next = at + n;
}

/* service 6.2: a sign that touches its digits belongs to them, where minus alone has blanks around it. */
static size_t signed_len(const struct lexer *l, size_t at, bool *whole)
{
    bool minus = l->dialect->longest && l->text[at] == '-';
    size_t n = number_len(from(l, at + minus), whole);

    return n ? n + minus : 0;
}

static void take_number(struct lexer *l, size_t at, size_t n, bool whole)
{
    bool minus = l->text[at] == '-';

    set(l, TOKEN_NUMBER, at, n);
    l->token.value = number_of(bytes_skip(l->token.raw, minus), whole);
    if (l->dialect->rules == RULES_ROUTE)
        l->token.value = value_double(value_number(&l->token.value));
    if (minus)
        l->token.value.number = -l->token.value.number;
    if (l->token.value.kind == VALUE_DOUBLE && !isfinite(l->token.value.number))
        lexer_wrong_at(l, ERR_MALFORMED, at, "a number is too large: '%.*s'", BYTES_ARG(bytes_first(from(l, at), 40)));
}

/* The longest wins where the dialect says so; at equal length a number or a mark comes before a word. */
void lexer_next(struct lexer *l)
{
    size_t at, word, mark, number = 0, text = 0;
    bool whole = true;

    if (!skip_blanks(l, &at))
        return;
    word = word_len(l, at);
    mark = mark_len(l, at);
    if (l->dialect->numbers)
        number = signed_len(l, at, &whole);
    if (l->text[at] == '\'' || l->text[at] == '"') {
        text = l->dialect->longest ? end_of_text(l, at) : 1;
        if (!l->dialect->longest || text >= word || !text) {
            take_text(l, at);
            return;
        }
    }
    if (number && (!l->dialect->longest || number >= word))
        take_number(l, at, number, whole);
    else if (word && (!mark || word > mark))
        set(l, TOKEN_WORD, at, word);
    else if (mark)
        set(l, TOKEN_MARK, at, mark);
    else
        lexer_wrong_at(l, ERR_MALFORMED, at, "this is not understood: '%.*s'", BYTES_ARG(bytes_first(from(l, at), 40)));
}

static void take_bracketed(struct lexer *l, size_t at)
{
    struct bytes name = from(l, at + 2);

    name = bytes_first(name, bytes_find_bytes(name, BYTES("]]")));
    if (!name.len || at + 2 + name.len == l->len) {
        lexer_wrong_at(l, ERR_MALFORMED, at, "a name in [[ ]] does not end");
        return;
    }
    l->token = (struct token){.kind = TOKEN_WORD, .at = at, .raw = name, .bracketed = true};
    l->next = at + 2 + name.len + 2;
}

void lexer_next_name(struct lexer *l)
{
    size_t at, n;

    if (!skip_blanks(l, &at))
        return;
    n = word_len(l, at);
    if (n)
        set(l, TOKEN_WORD, at, n);
    else if (bytes_starts(from(l, at), BYTES("[[")))
        take_bracketed(l, at);
    else
        lexer_next(l);
}

bool lexer_bracket(struct lexer *l)
{
    if (!lexer_is_mark(l, "[") || !bytes_starts(from(l, l->token.at), BYTES("[[")))
        return false;
    take_bracketed(l, l->token.at);
    return !l->why->e;
}

void lexer_open(struct lexer *l, const struct dialect *dialect, struct bytes text, uint8_t *copy, struct complaint *why)
{
    *why = (struct complaint){.e = OK};
    *l = (struct lexer){.dialect = dialect, .original = text, .text = copy, .len = text.len, .why = why};
    if (text.len)
        memcpy(copy, text.at, text.len);
    if (!utf8_valid(text) || bytes_find(text, '\0') < text.len)
        lexer_wrong_at(l, ERR_MALFORMED, SIZE_MAX, "%s must be text in UTF-8", dialect->name);
    else
        lexer_next(l);
}

bool lexer_before(const struct lexer *l, char mark)
{
    size_t at = after_blanks(l, l->next);

    return at < l->len && l->text[at] == (uint8_t)mark;
}

bool lexer_is_mark(const struct lexer *l, const char *mark)
{
    return l->token.kind == TOKEN_MARK && bytes_eq(l->token.raw, bytes_str(mark));
}

bool lexer_is_word(const struct lexer *l, const char *word)
{
    return l->token.kind == TOKEN_WORD && !l->token.bracketed && bytes_eq_nocase(l->token.raw, bytes_str(word));
}

bool lexer_take_mark(struct lexer *l, const char *mark)
{
    if (!lexer_is_mark(l, mark))
        return false;
    lexer_next(l);
    return true;
}

bool lexer_take_word(struct lexer *l, const char *word)
{
    if (!lexer_is_word(l, word))
        return false;
    lexer_next(l);
    return true;
}
