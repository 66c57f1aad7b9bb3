/* All devices and modules, each as a line of a file, and where it is wanted all configurations, each as a line of
 * another one (service 4.10). A job that was interrupted begins anew: files have their names once they are whole. */
#include "work.h"

#include "configuration_show.h"
#include "entry_put.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_READY = 256 * 1024, TEXT_MAX = TEXT_READY + TWIN_JSON_MAX + 8192 };

struct file {
    const char *name;
    char beside[BLOB_MAX + 2]; /* its name until it is whole; "": it is none */
};

struct export
{
    struct transfer transfer;
    struct file devices, configurations;
    struct file *file; /* that is written now */
    struct buf text, run;
    struct device *modules;     /* MODULES_ROOM of them */
    char after[ID_LEN_MAX + 1]; /* the last configuration that was written */
    uint64_t at, done, total;
};

static enum err begin(struct work *w, struct file *f, const char *name)
{
    struct export *x = w->own;

    f->name = name;
    snprintf(f->beside, sizeof f->beside, ".%s", name);
    x->file = f;
    x->at = 0;
    return w->files->write(w->files->ctx, x->transfer.out, f->beside, 0, NO_BYTES, false);
}

static enum err open_export(struct work *w, struct bytes document, char why[JOB_FAILURE_CAP])
{
    struct export *x = calloc(1, sizeof *x);
    struct hub_counts counts;
    enum err e;

    if (!x)
        return ERR_MEMORY;
    w->own = x;
    x->text = buf_max(TEXT_MAX);
    x->run = buf_max(TWIN_RUN_MAX);
    if (!(x->modules = malloc(MODULES_ROOM * sizeof *x->modules)))
        return ERR_MEMORY;
    if ((e = transfer_read(document, &x->transfer)))
        return e;
    hub_count(w->hub, &counts);
    x->total = counts.devices;
    e = begin(w, &x->devices, x->transfer.out_blob);
    return e ? work_cannot(e, "write", x->transfer.out, x->transfer.out_blob, why) : OK;
}

static void close_export(struct work *w)
{
    struct export *x = w->own;
    const struct file *const files[] = {&x->devices, &x->configurations};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i]->beside[0]) /* unless it has its name by now */
            w->files->drop(w->files->ctx, x->transfer.out, files[i]->beside);
    buf_free(&x->text);
    buf_free(&x->run);
    free(x->modules);
    free(x);
}

static enum err flush(struct work *w)
{
    struct export *x = w->own;
    enum err e = buf_check(&x->text);

    if (e || !x->text.len)
        return e;
    e = w->files->write(w->files->ctx, x->transfer.out, x->file->beside, x->at, buf_bytes(&x->text), false);
    x->at += x->text.len;
    buf_clear(&x->text);
    return e;
}

static enum err put_line(struct work *w, const struct device *d, struct bytes run)
{
    struct export *x = w->own;

    entry_put(&x->text, d, run, x->transfer.keys);
    buf_puts(&x->text, "\r\n");
    return x->text.len >= TEXT_READY ? flush(w) : OK;
}

/* A device with its modules behind it. */
static enum err put_device(void *ctx, const struct twin_document *d, const struct row *row, bool *enough)
{
    struct work *w = ctx;
    struct export *x = w->own;
    size_t n = 0;
    enum err e = put_line(w, d->device, d->run);

    (void)row, (void)enough;
    if (!e && (e = hub_module_list(w->hub, bytes_str(d->device->id), x->modules, &n)) == ERR_NOT_FOUND)
        e = OK; /* it has just been deleted */
    for (size_t i = 0; !e && i < n; i++) {
        struct device module;

        buf_clear(&x->run);
        if ((e = hub_twin_copy(w->hub, bytes_str(x->modules[i].id), &x->run, &module, NULL)) == ERR_NOT_FOUND)
            e = OK;
        else if (!e)
            e = put_line(w, &module, buf_bytes(&x->run));
    }
    x->done++;
    return e;
}

/* A slice of the configurations; *last: there are no more. */
static enum err put_configurations(struct work *w, bool *last)
{
    struct export *x = w->own;
    struct buf body = buf_max(DOC_LEN_MAX);
    enum err e = OK;

    for (unsigned n = 0; !e && !*last && n < SLICE; n++) {
        struct doc doc;

        buf_clear(&body);
        e = hub_doc_next(w->hub, DOC_CONFIGURATION, bytes_str(x->after), &body, &doc);
        if ((*last = e == ERR_NOT_FOUND) || e)
            continue;
        memcpy(x->after, doc.id, sizeof x->after);
        if (configuration_is_gone(buf_bytes(&body)))
            continue;
        if (!(e = configuration_show(&x->text, &doc, buf_bytes(&body), NULL)))
            buf_puts(&x->text, "\r\n");
        if (!e && x->text.len >= TEXT_READY)
            e = flush(w);
    }
    buf_free(&body);
    return *last ? flush(w) : e;
}

static enum err keep(struct work *w, const struct file *f)
{
    const struct export *x = w->own;

    return f->beside[0] ? w->files->keep(w->files->ctx, x->transfer.out, f->beside, f->name) : OK;
}

/* The next devices, then the configurations; at the end the files get their names. */
static enum err go_on(struct work *w, int64_t now_ms, bool *last)
{
    struct export *x = w->own;
    enum err e = OK;

    if (!w->scan.end) {
        if (!(e = scan_turn(&w->scan, put_device, w)) && !(e = flush(w)))
            work_progress(w, x->done, x->total, now_ms);
        return e;
    }
    if (x->transfer.configurations[0]) {
        if (x->file == &x->devices && (e = begin(w, &x->configurations, x->transfer.configurations)))
            return e;
        if ((e = put_configurations(w, last)) || !*last)
            return e;
    }
    *last = true;
    return (e = keep(w, &x->configurations)) ? e : keep(w, &x->devices);
}

static bool turn_export(struct work *w, int64_t now_ms, int64_t *until_ms)
{
    struct export *x = w->own;
    bool last = false;
    enum err e = go_on(w, now_ms, &last);

    *until_ms = now_ms;
    if (e)
        (void)work_cannot(e, "write", x->transfer.out, x->file->name, w->failure);
    return last || e;
}

const struct work_ops work_export = {
    .open = open_export, .turn = turn_export, .close = close_export, .scans = true, .cancelled = true};
