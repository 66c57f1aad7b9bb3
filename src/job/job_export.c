/* All devices and modules, each as a line of a file (service 4.10). A job that was interrupted begins anew: the file
 * has its name once it is whole. */
#include "work.h"

#include "entry_put.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_READY = 256 * 1024, TEXT_MAX = TEXT_READY + TWIN_JSON_MAX + 8192 };

struct export
{
    struct transfer transfer;
    char beside[BLOB_MAX + 2]; /* the file's name until it is whole */
    struct buf text, run;
    struct device *modules; /* MODULES_ROOM of them */
    uint64_t at, done, total;
};

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
    snprintf(x->beside, sizeof x->beside, ".%s", x->transfer.out_blob);
    hub_count(w->hub, &counts);
    x->total = counts.devices;
    e = w->files->write(w->files->ctx, x->transfer.out, x->beside, 0, NO_BYTES, false);
    return e ? work_cannot(e, "write", x->transfer.out, x->transfer.out_blob, why) : OK;
}

static void close_export(struct work *w)
{
    struct export *x = w->own;

    if (x->beside[0]) /* unless it has its name by now */
        w->files->drop(w->files->ctx, x->transfer.out, x->beside);
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
    e = w->files->write(w->files->ctx, x->transfer.out, x->beside, x->at, buf_bytes(&x->text), false);
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

/* The next devices; with the last of them the file gets its name. */
static enum err go_on(struct work *w, int64_t now_ms)
{
    struct export *x = w->own;
    enum err e;

    if (w->scan.end)
        return w->files->keep(w->files->ctx, x->transfer.out, x->beside, x->transfer.out_blob);
    if (!(e = scan_turn(&w->scan, put_device, w)) && !(e = flush(w)))
        work_progress(w, x->done, x->total, now_ms);
    return e;
}

static bool turn_export(struct work *w, int64_t now_ms, int64_t *until_ms)
{
    struct export *x = w->own;
    bool last = w->scan.end;
    enum err e = go_on(w, now_ms);

    *until_ms = now_ms;
    if (e)
        (void)work_cannot(e, "write", x->transfer.out, x->transfer.out_blob, w->failure);
    return last || e;
}

const struct work_ops work_export = {
    .open = open_export, .turn = turn_export, .close = close_export, .scans = true, .cancelled = true};
