/* Recorded conversations: a story whose clients' lines are the bytes that went over, so that whatever they are told is
 * compared byte for byte. `story_run --record OUT STORY` makes one of a story: its lines become comments above what
 * they came to; those of svc, store and hub stay.
 *
 *     d1    APPEARS               it is spoken of for the first time, and made when it is a device
 *     d1    OPENS mqtt|amqp|https
 *     d1    SAYS 10 1d "MQTT" …   to the hub, in one piece; "…" and pairs of hex digits
 *     d1    HEARD 20 02 00 00     from the hub, and nothing before or between
 *     d1    CUTS | CLOSED why     the client went; the hub closed
 *     time  PASSES
 *
 * Times, keys and random numbers are the story's, so nothing is masked. Those in recorded/ were made with the hub of
 * commit 55e09c0, and again where what clients hear was changed since. */
#include "story.h"

#include "text.h"

#include <ctype.h>

enum { COLUMNS = 112, QUOTED_MIN = 4, QUOTED_MAX = 80 };

static bool may_be_quoted(uint8_t c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

static size_t quotable(struct bytes in)
{
    size_t n = 0;

    while (n < in.len && n < QUOTED_MAX && may_be_quoted(in.at[n]))
        n++;
    return n;
}

/* A line of HTTP ends a line of the file. */
static void write_bytes(FILE *f, size_t column, struct bytes in)
{
    size_t indent = column;

    while (in.len) {
        size_t n = quotable(in);
        bool ends = in.at[0] == '\n';

        if (n < QUOTED_MIN)
            n = 1;
        if (column + n + 3 > COLUMNS)
            column = (size_t)fprintf(f, " \\\n%*s", (int)indent, "") - 3;
        column += (size_t)(n == 1 ? fprintf(f, " %02x", in.at[0]) : fprintf(f, " \"%.*s\"", (int)n, in.at));
        in = bytes_skip(in, n);
        if (ends && in.len)
            column = COLUMNS;
    }
    fputc('\n', f);
}

static bool read_bytes(const char *text, struct buf *out)
{
    for (;;) {
        text += strspn(text, " ");
        if (!*text)
            return true;
        if (*text == '"') {
            size_t n = strcspn(++text, "\"");

            if (text[n] != '"')
                return false;
            buf_put(out, bytes_of(text, n));
            text += n + 1;
        } else {
            unsigned byte;

            if (!isxdigit(text[0]) || !isxdigit(text[1]) || sscanf(text, "%2x", &byte) != 1)
                return false;
            buf_put_u8(out, (uint8_t)byte);
            text += 2;
        }
    }
}

/* ---- recording ------------------------------------------------------------------------------------------------- */

void story_record_title(struct story *s, const char *title)
{
    const char *text = title + strlen("title");

    if (s->record)
        fprintf(s->record, "title  as bytes:%s\n", text + strspn(text, " ") - 1);
}

void story_record_line(struct story *s, const char *line)
{
    const char *rest = line + strspn(line, " ");
    bool timed = line[0] != ' ', clients;

    if (!s->record)
        return;
    if (timed) {
        fprintf(s->record, "%-7.*stime PASSES\n", (int)strcspn(line, " "), line);
        rest += strcspn(rest, " ");
        rest += strspn(rest, " ");
    }
    clients = strncmp(rest, "svc ", 4) != 0 && strncmp(rest, "store ", 6) != 0 && strncmp(rest, "hub ", 4) != 0;
    fprintf(s->record, clients ? "# %s\n" : "       %s\n", rest);
}

void story_record(struct story *s, const struct actor *a, const char *format, ...)
{
    va_list args;

    if (!s->record)
        return;
    fprintf(s->record, "       %s ", a->name);
    va_start(args, format);
    vfprintf(s->record, format, args);
    va_end(args);
    fputc('\n', s->record);
}

/* Chance begins anew with each thing that a client says: whoever asks for more of it changes one answer and not all
 * that follow. */
void story_tapped(void *ctx, bool from_hub, struct bytes said)
{
    struct actor *a = ctx;
    struct story *s = a->story;

    if (!from_hub)
        story_chance(s);
    if (s->record)
        write_bytes(s->record, (size_t)fprintf(s->record, "       %s %s", a->name, from_hub ? "HEARD" : "SAYS"), said);
}

/* ---- replaying ------------------------------------------------------------------------------------------------- */

/* Takes this off the beginning of what it was told. */
static bool heard(struct actor *a, struct bytes wanted)
{
    struct bytes got = buf_bytes(&a->join.client.in);

    if (bytes_starts(got, wanted)) {
        buf_drop(&a->join.client.in, wanted.len);
        return true;
    }
    fprintf(stderr, "%s was to hear:", a->name);
    write_bytes(stderr, 0, wanted);
    fprintf(stderr, "and heard:");
    write_bytes(stderr, 0, bytes_first(got, wanted.len + 64));
    return false;
}

bool story_heard_all(const struct actor *a)
{
    struct bytes got = buf_bytes(&a->join.client.in);

    if (!got.len)
        return true;
    fprintf(stderr, "%s hears more:", a->name);
    write_bytes(stderr, 0, got);
    return false;
}

static bool says(struct story *s, struct actor *a, struct bytes said)
{
    bool all = story_heard_all(a);

    join_say(&a->join, said);
    story_run(s, a);
    return all;
}

static bool was_closed(const struct actor *a, const char *why)
{
    const char *really = a->join.hub.talk ? "nothing" : err_name(a->join.hub.why);

    if (!strcmp(why, really))
        return true;
    fprintf(stderr, "%s was to be closed for %s, not for %s\n", a->name, why, really);
    return false;
}

bool story_replay(struct story *s, const char *line, bool *good)
{
    char who[64], what[16], kind[16];
    struct buf bytes = buf_max(1 << 22);
    struct actor *a;
    int at = 0;

    *good = true;
    if (line[0] != ' ' || sscanf(line, " %63s %15s %n", who, what, &at) != 2)
        return false;
    if (!strcmp(what, "APPEARS")) {
        story_actor(s, who);
    } else if (!strcmp(what, "OPENS")) {
        a = story_actor(s, who);
        *good = sscanf(line + at, "%15s", kind) == 1 && story_heard_all(a);
        story_join(s, a, NULL, kind);
    } else if (!strcmp(what, "SAYS")) {
        *good = read_bytes(line + at, &bytes) && says(s, story_actor(s, who), buf_bytes(&bytes));
    } else if (!strcmp(what, "HEARD")) {
        *good = read_bytes(line + at, &bytes) && heard(story_actor(s, who), buf_bytes(&bytes));
    } else if (!strcmp(what, "CUTS")) {
        a = story_actor(s, who);
        join_cut(&a->join, ERR_CLOSED, s->now_ms);
    } else if (!strcmp(what, "CLOSED")) {
        *good = was_closed(story_actor(s, who), line + at);
    } else {
        buf_free(&bytes);
        return false;
    }
    s->replays = true;
    story_settle_all(s);
    buf_free(&bytes);
    return true;
}
