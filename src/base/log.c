#include "log.h"

#include "buf.h"

#include <stdio.h>

enum { LINE_MAX = 2048, VALUE_MAX = 384 };

static struct {
    log_sink *sink;
    void *ctx;
    void (*flush)(void);
    _Atomic enum log_level most;
} out = {.most = LOG_INFO};

void log_to(log_sink *sink, void *ctx, enum log_level most)
{
    out.sink = sink;
    out.ctx = ctx;
    out.most = most;
}

void log_most(enum log_level most)
{
    out.most = most;
}

void log_flush_by(void (*flush)(void))
{
    out.flush = flush;
}

void log_flush(void)
{
    if (out.flush)
        out.flush();
}

bool log_wants(enum log_level level)
{
    return out.sink && level <= out.most;
}

struct line {
    char text[LINE_MAX];
    size_t len;
};

static void put(struct line *l, char c)
{
    if (l->len < sizeof l->text)
        l->text[l->len++] = c;
}

static void puts_(struct line *l, const char *text)
{
    while (*text)
        put(l, *text++);
}

static bool is_plain(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] <= ' ' || b.at[i] >= 0x7F || b.at[i] == '"' || b.at[i] == '\\' || b.at[i] == '=')
            return false;
    return b.len > 0;
}

static void put_quoted(struct line *l, struct bytes b)
{
    put(l, '"');
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.at[i];
        char escape[8];

        if (c == '"' || c == '\\')
            put(l, '\\');
        if (c >= ' ' && c != 0x7F) {
            put(l, (char)c);
            continue;
        }
        snprintf(escape, sizeof escape, "\\x%02x", c);
        puts_(l, escape);
    }
    put(l, '"');
}

void log_line(enum log_level level, const char *event, const struct log_pair *pairs, size_t n)
{
    struct line l = {.len = 0};

    if (!log_wants(level))
        return;
    puts_(&l, event);
    for (size_t i = 0; i < n; i++) {
        struct bytes text = bytes_first(pairs[i].text, VALUE_MAX);
        char number[24];

        put(&l, ' ');
        puts_(&l, pairs[i].key);
        put(&l, '=');
        if (!text.at) {
            snprintf(number, sizeof number, "%lld", (long long)pairs[i].number);
            puts_(&l, number);
        } else if (is_plain(text)) {
            for (size_t k = 0; k < text.len; k++)
                put(&l, (char)text.at[k]);
        } else {
            put_quoted(&l, text);
        }
    }
    out.sink(out.ctx, level, bytes_of(l.text, l.len));
}
