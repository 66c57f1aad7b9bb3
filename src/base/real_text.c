#include "real_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REAL_CAP = 40 };

/* As a real is written: it has a dot or an exponent, and an exponent no idle characters. */
static void tidy(char text[REAL_CAP])
{
    char *e = strchr(text, 'e'), *digit;

    if (!e) {
        if (!strchr(text, '.'))
            memcpy(text + strlen(text), ".0", sizeof ".0");
        return;
    }
    digit = ++e;
    if (*e == '-')
        e++;
    while (*digit == '-' || *digit == '+' || *digit == '0')
        digit++;
    memmove(e, digit, strlen(digit) + 1);
}

/* The shortest text of the same number: 0.1 and not 0.10000000000000001. The length of it; 0: it is that already. */
static size_t shortest(struct bytes real, char out[REAL_CAP])
{
    double value, again;

    if (!bytes_to_str(real, out, REAL_CAP))
        return 0;
    value = strtod(out, NULL);
    if (!isfinite(value))
        return 0;
    for (int digits = 15; digits < 17; digits++) {
        snprintf(out, REAL_CAP - 2, "%.*g", digits, value);
        again = strtod(out, NULL);
        if (again < value || again > value || signbit(again) != signbit(value))
            continue;
        tidy(out);
        return strlen(out) < real.len ? strlen(out) : 0;
    }
    return 0;
}

/* Behind the number, or whatever else begins at `at` of the text. */
static size_t token_end(struct bytes text, size_t at)
{
    if (text.at[at] == '"') {
        for (at++; text.at[at] != '"'; at++)
            at += text.at[at] == '\\';
        return at + 1;
    }
    if (text.at[at] != '-' && (text.at[at] < '0' || text.at[at] > '9'))
        return at + 1;
    while (at < text.len && memchr("0123456789+-.eE", text.at[at], 15))
        at++;
    return at;
}

void buf_shorten_reals(struct buf *b, size_t from)
{
    struct bytes text = buf_bytes(b);
    char room[REAL_CAP];
    size_t to = from;

    for (size_t at = from, end; at < text.len; at = end) {
        bool is_number = text.at[at] == '-' || (text.at[at] >= '0' && text.at[at] <= '9');
        size_t len;

        end = token_end(text, at);
        len = is_number && end - at > 15 && memchr(&text.at[at], '.', end - at)
                  ? shortest(bytes_first(bytes_skip(text, at), end - at), room)
                  : 0;
        memmove(&b->at[to], len ? (const uint8_t *)room : &text.at[at], len ? len : end - at);
        to += len ? len : end - at;
    }
    b->len = to;
}
