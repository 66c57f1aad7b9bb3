/* Each line of a file is carried out as an entry of a bulk request (service 4.10).
 *
 * No line is done twice. Before one is begun, the job's note says which it is and how its identity and its twin are
 * then; of lines before that nothing is left to do, since the log keeps its order. After a crash only that one is in
 * doubt: what has changed since has been done. */
#include "work.h"

#include "entry.h"
#include "json_names.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

enum { READ = 64 * 1024, FAULTS = 8 /* of a turn: each is synced */ };
#define MARK "\xEF\xBB\xBF"
#define UNWRITTEN "AAAAAAAAAAE=" /* the ETag of a twin that nobody has written */

/* The identity and its twin by their ETags; "": it is not there. */
struct before {
    char identity[24], twin[TWIN_ETAG_CAP];
};

struct import {
    struct transfer transfer;
    struct buf text;     /* of the file, from `at` on */
    uint64_t at, size;   /* of what is not done yet; of the file when it was opened */
    uint64_t line;       /* the number of the last line that was read */
    uint64_t errors_len; /* of the log of errors */
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
    assert(!b.bad);
    note->len = (uint8_t)b.len;
}

static bool read_note(struct import *m, const struct job_note *note)
{
    struct rd r = rd_over(bytes_of(note->at, note->len));

    m->at = rd_u64(&r);
    m->line = rd_u64(&r);
    m->errors_len = rd_u64(&r);
    return read_text(&r, m->before.identity, sizeof m->before.identity) &&
           read_text(&r, m->before.twin, sizeof m->before.twin);
}

/* m->e: it cannot be written down now, or the job has ended meanwhile. */
static void note(struct work *w, int64_t now_ms)
{
    struct import *m = w->own;

    put_note(m, &w->job.note);
    m->e = work_note(w, m->at, m->size, now_ms);
}

/* ---- the log of errors ------------------------------------------------------------------------------------------ */

/* A line of it is on the disk before the next note can be. errorCode is a text (.NET). */
static void add_fault(struct work *w, const json_t *root, int number, const char *why)
{
    static const struct {
        const char *name, *from;
    } ids[] = {{"deviceId", "id"}, {"moduleId", "moduleId"}};
    struct import *m = w->own;
    struct buf line = buf_max(4096);

    buf_printf(&line, "{\"line\":%llu,", (unsigned long long)m->line);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const json_t *id = json_object_get(root, ids[i].from);

        if (!json_is_string(id))
            continue;
        buf_printf(&line, "\"%s\":", ids[i].name);
        buf_put_json(&line, bytes_first(bytes_of(json_string_value(id), json_string_length(id)), ID_LEN_MAX));
        buf_puts(&line, ",");
    }
    buf_printf(&line, "\"errorCode\":\"%d\",\"errorStatus\":", number);
    buf_put_json(&line, bytes_str(why));
    buf_puts(&line, "}\r\n");
    if (!(m->e = buf_check(&line)) && !(m->e = w->files->write(w->files->ctx, m->transfer.out, TRANSFER_ERRORS,
                                                               m->errors_len, buf_bytes(&line), true)))
        m->errors_len += line.len;
    m->faults++;
    buf_free(&line);
}

/* ---- one line --------------------------------------------------------------------------------------------------- */

static enum err look(struct hub *h, const char *name, struct before *out)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    struct twin_facts facts;
    struct device d;
    enum err e = hub_twin_copy(h, bytes_str(name), &run, &d, NULL);

    *out = (struct before){.identity = ""};
    if (!e) {
        twin_facts_of(buf_bytes(&run), &facts);
        memcpy(out->identity, d.etag, sizeof out->identity);
        twin_etag_text(facts.etag, out->twin);
    }
    buf_free(&run);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* The rest of an entry that was begun; false: there is none. */
static bool take_rest(const struct before *was, const struct before *is, struct entry *entry)
{
    bool same = !strcmp(was->identity, is->identity), same_twin = !strcmp(was->twin, is->twin);

    if (same)
        return same_twin || entry->mode < ENTRY_UPDATE_TWIN;
    if (!is->identity[0])
        return false;
    entry->done = was->identity[0] ? ENTRY_CHANGED : ENTRY_MADE;
    return was->identity[0] ? same_twin : !strcmp(is->twin, UNWRITTEN);
}

static bool may_come_again(enum err e)
{
    return e == ERR_BUSY || e == ERR_DISK_FULL || e == ERR_MEMORY;
}

/* m->e: not now; it is in doubt then. */
static void carry_out(struct work *w, struct entry *entry, int64_t now_ms)
{
    const struct changer by = {.hub = w->hub, .now_ms = now_ms};
    struct entry_fault fault = {.number = 0};
    struct import *m = w->own;
    uint64_t at = 0;
    bool half;
    enum err e = entry_run(&by, entry, &at, &half, &fault);

    if (may_come_again(e))
        m->e = e;
    else if (e || half)
        add_fault(w, entry->root, half ? 400009 : entry_number(&fault, e), fault.why[0] ? fault.why : err_text(e));
}

static void do_entry(struct work *w, json_t *root, struct bytes text, int64_t now_ms)
{
    struct entry entry = {
        .root = root, .text = text, .mode = entry_mode_of(root, ENTRY_CREATE_OR_UPDATE), .import = true};
    struct import *m = w->own;
    struct before now;
    char name[IDENTITY_LEN_MAX + 1] = "";

    if (!entry_name(root, name))
        name[0] = 0;
    if ((m->e = look(w->hub, name, &now)))
        return;
    if (m->in_doubt && !take_rest(&m->before, &now, &entry))
        return;
    if (!m->in_doubt) {
        m->before = now;
        note(w, now_ms);
    }
    if (m->e)
        return;
    m->in_doubt = true;
    carry_out(w, &entry, now_ms);
}

static void do_line(struct work *w, struct bytes text, int64_t now_ms)
{
    char why[JSON_WHY_CAP];
    json_t *root = json_body(text, JSON_REJECT_DUPLICATES, why);

    if (!json_is_object(root))
        add_fault(w, NULL, 400012, root ? "The line is not an object" : why);
    else if (json_spell(root, NAMES_DEVICE, why) && why[0])
        add_fault(w, root, 400004, why);
    else
        do_entry(w, root, text, now_ms);
    json_decref(root);
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

/* More of the file. */
static void fill(struct work *w)
{
    struct import *m = w->own;
    uint8_t *room = buf_grow(&m->text, READ);
    size_t n = 0;

    m->e = room ? w->files->read(w->files->ctx, m->transfer.in, m->transfer.in_blob, m->at + m->text.len - READ, room,
                                 READ, &n)
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

static enum err open_import(struct work *w, struct bytes document, char why[JOB_FAILURE_CAP])
{
    struct import *m = calloc(1, sizeof *m);
    enum err e;

    if (!m)
        return ERR_MEMORY;
    w->own = m;
    m->text = buf_max(JOB_LINE_MAX + 2 * READ);
    if ((e = transfer_read(document, &m->transfer)) || !m->transfer.in[0])
        return e ? e : ERR_DAMAGED;
    if ((m->in_doubt = w->job.note.len > 0) && !read_note(m, &w->job.note))
        return ERR_DAMAGED;
    m->line -= m->in_doubt;
    if ((e = w->files->size(w->files->ctx, m->transfer.in, m->transfer.in_blob, &m->size)))
        return work_cannot(e, "read", m->transfer.in, m->transfer.in_blob, why);
    e = w->files->write(w->files->ctx, m->transfer.out, TRANSFER_ERRORS, m->errors_len, NO_BYTES, true);
    return e ? work_cannot(e, "write", m->transfer.out, TRANSFER_ERRORS, why) : OK;
}

static void close_import(struct work *w)
{
    struct import *m = w->own;

    buf_free(&m->text);
    free(m);
}

static bool turn_import(struct work *w, int64_t now_ms, int64_t *until_ms)
{
    struct import *m = w->own;
    bool more = true;

    m->e = OK;
    m->faults = 0;
    for (unsigned n = 0; more && n < SLICE && m->faults < FAULTS; n++)
        more = go_on(w, now_ms);
    *until_ms = m->e ? now_ms + RETRY_MS : now_ms;
    if (m->e && !may_come_again(m->e) && m->e != ERR_PROTOCOL) /* which is that it was cancelled */
        (void)work_cannot(m->e, "read or write", m->transfer.in, m->transfer.in_blob, w->failure);
    return w->failure[0] || (!more && !m->e);
}

const struct work_ops work_import = {
    .open = open_import, .turn = turn_import, .close = close_import, .cancelled = true};
