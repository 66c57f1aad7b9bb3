/* Each line of a file is carried out (service 4.10): first those of devices and modules, then those of configurations.
 *
 * No line is done twice. Before one is begun, the job's note says which it is and how what it is about stands; of lines
 * before that nothing is left to do, since the log keeps its order. After a crash only that one is in doubt: what has
 * changed since has been done. */
#include "work.h"

#include "import_line.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

enum { READ = 64 * 1024, FAULTS = 8 /* of a turn: each is synced */ };
#define MARK "\xEF\xBB\xBF"

enum part { DEVICES, CONFIGURATIONS, PARTS };

static const struct line_ops *const parts[PARTS] = {
    [DEVICES] = &line_of_devices, [CONFIGURATIONS] = &line_of_configurations};

struct import {
    struct transfer transfer;
    enum part part;        /* which file is read */
    uint64_t sizes[PARTS]; /* of the files when they were opened */
    struct buf text;       /* of the file, from `at` on */
    uint64_t at;           /* of what is not done yet */
    uint64_t line;         /* the number of the last line that was read */
    uint64_t errors_len;   /* of the log of errors */
    uint32_t failed;       /* lines of both files that are in their logs */
    struct before before;
    bool in_doubt; /* the next line may have been done, or a part of it */
    bool ended, skips;
    unsigned faults;
    enum err e; /* why it ends, or comes to a halt */
};

/* ---- the note --------------------------------------------------------------------------------------------------- */

static void put_text(struct buf *b, const char *text)
{
    buf_put_u8(b, (uint8_t)strlen(text));
    buf_puts(b, text);
}

static bool read_text(struct rd *r, char *out, size_t cap)
{
    return bytes_to_str(rd_bytes(r, rd_u8(r)), out, cap) && !r->bad;
}

static void put_note(const struct import *m, struct job_note *note)
{
    struct buf b = buf_over(note->at, sizeof note->at);

    buf_put_u64(&b, m->at);
    buf_put_u64(&b, m->line);
    buf_put_u64(&b, m->errors_len);
    put_text(&b, m->before.identity);
    put_text(&b, m->before.twin);
    buf_put_u8(&b, (uint8_t)m->part);
    buf_put_u32(&b, m->failed);
    assert(!b.bad);
    note->len = (uint8_t)b.len;
}

static bool read_note(struct import *m, const struct job_note *note)
{
    struct rd r = rd_over(bytes_of(note->at, note->len));

    m->at = rd_u64(&r);
    m->line = rd_u64(&r);
    m->errors_len = rd_u64(&r);
    if (!read_text(&r, m->before.identity, sizeof m->before.identity) ||
        !read_text(&r, m->before.twin, sizeof m->before.twin))
        return false;
    m->part = rd_left(&r) ? (enum part)rd_u8(&r) : DEVICES; /* older notes end before it */
    m->failed = rd_left(&r) ? rd_u32(&r) : 0;
    return !r.bad && m->part < PARTS;
}

unsigned job_failed_lines(const struct job *job)
{
    struct import m = {.failed = 0};

    return read_note(&m, &job->note) ? m.failed : 0;
}

/* m->e: it cannot be written down now, or the job has ended meanwhile. */
static void note(struct work *w, int64_t now_ms)
{
    struct import *m = w->own;

    put_note(m, &w->job.note);
    m->e =
        work_note(w, (m->part ? m->sizes[DEVICES] : 0) + m->at, m->sizes[DEVICES] + m->sizes[CONFIGURATIONS], now_ms);
}

/* ---- the log of errors ------------------------------------------------------------------------------------------ */

/* A line of it is on the disk before the next note can be. errorCode is a text (.NET). */
static void add_fault(struct work *w, const json_t *root, int number, const char *why)
{
    struct import *m = w->own;
    const struct line_ops *ops = parts[m->part];
    struct buf line = buf_max(4096);

    buf_printf(&line, "{\"line\":%llu,", (unsigned long long)m->line);
    for (size_t i = 0; ops->ids[i].name; i++) {
        const json_t *id = json_object_get(root, ops->ids[i].from);

        if (!json_is_string(id))
            continue;
        buf_printf(&line, "\"%s\":", ops->ids[i].name);
        buf_put_json(&line, bytes_first(bytes_of(json_string_value(id), json_string_length(id)), ID_LEN_MAX));
        buf_puts(&line, ",");
    }
    buf_printf(&line, "\"errorCode\":\"%d\",\"errorStatus\":", number);
    buf_put_json(&line, bytes_str(why));
    buf_puts(&line, "}\r\n");
    if (!(m->e = buf_check(&line)) &&
        !(m->e = w->files->write(w->files->ctx, m->transfer.out, ops->errors, m->errors_len, buf_bytes(&line), true)))
        m->errors_len += line.len;
    m->faults++;
    m->failed += !m->e;
    buf_free(&line);
}

/* ---- one line --------------------------------------------------------------------------------------------------- */

static bool may_come_again(enum err e)
{
    return e == ERR_BUSY || e == ERR_DISK_FULL || e == ERR_MEMORY;
}

/* m->e: not now; it is in doubt then. */
static void carry_out(struct work *w, const struct line *line, int64_t now_ms)
{
    const struct changer by = {.hub = w->hub, .now_ms = now_ms};
    struct entry_fault fault = {.number = 0};
    struct import *m = w->own;
    bool half = false;
    enum err e = parts[m->part]->run(&by, line, &half, &fault);

    if (may_come_again(e))
        m->e = e;
    else if (e || half)
        add_fault(w, line->root, half ? 400009 : entry_number(&fault, e), fault.why[0] ? fault.why : err_text(e));
}

static void do_entry(struct work *w, struct line *line, int64_t now_ms)
{
    struct import *m = w->own;
    const struct line_ops *ops = parts[m->part];
    struct before now;

    if ((m->e = ops->look(w->hub, line, &now)))
        return;
    if (m->in_doubt && !ops->rest(line, &m->before, &now))
        return;
    if (!m->in_doubt) {
        m->before = now;
        note(w, now_ms);
    }
    if (m->e)
        return;
    m->in_doubt = true;
    carry_out(w, line, now_ms);
}

static void do_line(struct work *w, struct bytes text, int64_t now_ms)
{
    struct import *m = w->own;
    char why[JSON_WHY_CAP];
    json_t *root = json_body(text, JSON_REJECT_DUPLICATES, why);

    if (!json_is_object(root))
        add_fault(w, NULL, 400012, root ? "The line is not an object" : why);
    else if (json_spell(root, parts[m->part]->names, why) && why[0])
        add_fault(w, root, 400004, why);
    else
        do_entry(w, &(struct line){.root = root, .text = text}, now_ms);
    json_decref(root);
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

static const char *blob(const struct import *m)
{
    return m->part ? m->transfer.configurations : m->transfer.in_blob;
}

/* More of the file. */
static void fill(struct work *w)
{
    struct import *m = w->own;
    uint8_t *room = buf_grow(&m->text, READ);
    size_t n = 0;

    m->e = room ? w->files->read(w->files->ctx, m->transfer.in, blob(m), m->at + m->text.len - READ, room, READ, &n)
                : ERR_MEMORY;
    if (room)
        m->text.len -= READ - n;
    m->ended = !m->e && !n;
}

/* The next line without its end, which is *len bytes of the file. False: there is none; m->e says why. */
static bool next_line(struct work *w, struct bytes *line, size_t *len)
{
    struct import *m = w->own;
    size_t end;

    while ((end = bytes_find(buf_bytes(&m->text), '\n')) == m->text.len && !m->ended) {
        if (m->text.len > JOB_LINE_MAX) { /* it is told once, and passed over */
            m->at += m->text.len;
            buf_clear(&m->text);
            m->skips = true;
        }
        fill(w);
        if (m->e)
            return false;
    }
    *line = bytes_trim(bytes_first(buf_bytes(&m->text), end));
    *len = end < m->text.len ? end + 1 : end;
    return *len || m->skips;
}

/* False: no more lines now. */
static bool go_on(struct work *w, int64_t now_ms)
{
    struct import *m = w->own;
    char why[64];
    struct bytes line;
    size_t len;

    if (!next_line(w, &line, &len))
        return false;
    m->line++;
    if (bytes_starts(line, BYTES(MARK))) /* of UTF-8, which some write before all */
        line = bytes_skip(line, strlen(MARK));
    if (m->skips) {
        snprintf(why, sizeof why, "The line is longer than %d bytes", JOB_LINE_MAX);
        add_fault(w, NULL, 413000, why);
    } else if (line.len) {
        do_line(w, line, now_ms);
    }
    if (m->e) {
        m->line--;
        return false;
    }
    m->skips = m->in_doubt = false;
    m->at += len;
    buf_drop(&m->text, len);
    return true;
}

/* ---- the job ---------------------------------------------------------------------------------------------------- */

/* The logs of errors, without what was not written down any more. */
static enum err open_logs(struct work *w, char why[JOB_FAILURE_CAP])
{
    struct import *m = w->own;
    enum part last = m->transfer.configurations[0] ? CONFIGURATIONS : DEVICES;

    for (enum part p = m->part; p <= last; p++) {
        uint64_t at = p == m->part ? m->errors_len : 0;
        enum err e = w->files->write(w->files->ctx, m->transfer.out, parts[p]->errors, at, NO_BYTES, true);

        if (e)
            return work_cannot(e, "write", m->transfer.out, parts[p]->errors, why);
    }
    return OK;
}

static enum err open_import(struct work *w, struct bytes document, char why[JOB_FAILURE_CAP])
{
    struct import *m = calloc(1, sizeof *m);
    struct transfer *t = &m->transfer;
    enum err e;

    if (!m)
        return ERR_MEMORY;
    w->own = m;
    m->text = buf_max(JOB_LINE_MAX + 2 * READ);
    if ((e = transfer_read(document, t)) || !t->in[0])
        return e ? e : ERR_DAMAGED;
    if ((m->in_doubt = w->job.note.len > 0) && !read_note(m, &w->job.note))
        return ERR_DAMAGED;
    m->line -= m->in_doubt;
    if ((e = w->files->size(w->files->ctx, t->in, t->in_blob, &m->sizes[DEVICES])))
        return work_cannot(e, "read", t->in, t->in_blob, why);
    if (t->configurations[0] &&
        (e = w->files->size(w->files->ctx, t->in, t->configurations, &m->sizes[CONFIGURATIONS])))
        return work_cannot(e, "read", t->in, t->configurations, why);
    return open_logs(w, why);
}

static void close_import(struct work *w)
{
    struct import *m = w->own;

    buf_free(&m->text);
    free(m);
}

/* From the first line of the next file on; false: that was the last. */
static bool next_file(struct import *m)
{
    if (m->part == CONFIGURATIONS || !m->transfer.configurations[0])
        return false;
    m->part = CONFIGURATIONS;
    m->at = m->line = m->errors_len = 0;
    m->in_doubt = m->ended = m->skips = false;
    buf_clear(&m->text);
    return true;
}

static bool turn_import(struct work *w, int64_t now_ms, int64_t *until_ms)
{
    struct import *m = w->own;
    bool more = true;

    m->e = OK;
    m->faults = 0;
    for (unsigned n = 0; more && n < SLICE && m->faults < FAULTS; n++)
        more = go_on(w, now_ms) || (!m->e && next_file(m));
    *until_ms = m->e ? now_ms + RETRY_MS : now_ms;
    if (m->e && !may_come_again(m->e) && m->e != ERR_PROTOCOL) /* which is that it was cancelled */
        (void)work_cannot(m->e, "read or write", m->transfer.in, blob(m), w->failure);
    put_note(m, &w->job.note); /* with the faults of the last line, for its end */
    return w->failure[0] || (!more && !m->e);
}

const struct work_ops work_import = {
    .open = open_import, .turn = turn_import, .close = close_import, .cancelled = true};
