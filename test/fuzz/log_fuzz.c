/* A file of the log: frames as the input says, with right checksums, then bytes of it changed. Each frame: kind,
 * flags, lane, length, which place it claims beyond its own, body; 255 ends them, and each further three bytes are a
 * place in the file and a byte for it. Recovery takes or refuses it and names the file; what it gives is within bounds
 * and in order; and a walk from outside sees no less. */
#include "buf.h"
#include "disk_store.h"
#include "log_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEGMENT = 4096 };

static char folder[] = "/tmp/d2d-fuzz-XXXXXX", file[300];
static uint8_t head[SEGMENT_HEAD], bytes[SEGMENT];
static struct segment made;

static void clean(bool all)
{
    DIR *d = opendir(folder);
    struct dirent *e;
    char path[600];

    while (d && (e = readdir(d))) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (all || strcmp(path, file))
            unlink(path);
    }
    if (d)
        closedir(d);
}

static void leave(void)
{
    clean(true);
    rmdir(folder);
}

/* The head of a file that the engine made. */
static void begin(void)
{
    const struct disk_options o = {.folder = folder, .segment_size = SEGMENT};
    struct log_files files;
    struct store *store;
    char why[256];

    if (!mkdtemp(folder) || disk_store_open(&o, &store, why))
        abort();
    store_close(store);
    if (log_files_list(folder, 0, &files, why) || !files.n)
        abort();
    snprintf(file, sizeof file, "%s/%s", folder, files.at[0].name);
    memcpy(head, files.at[0].head, sizeof head);
    made.base = files.at[0].base;
    segment_head(head, &made);
    segment_known(&made);
    log_files_free(&files);
    atexit(leave);
}

static void put_frames(struct rd *r)
{
    uint64_t at = SEGMENT_HEAD;
    uint8_t kind;

    while (rd_left(r) && (kind = rd_u8(r)) != 255) {
        struct frame f = {.kind = kind, .flags = rd_u8(r), .lane = rd_u8(r), .len = rd_u8(r)};
        uint8_t beyond = rd_u8(r);
        struct bytes body = rd_bytes(r, f.len);

        if (r->bad || at + frame_size(f.len) > SEGMENT)
            return;
        f.place = made.base + at + (uint64_t)beyond * 8;
        memcpy(bytes + at + FRAME_HEAD, body.at, body.len);
        frame_seal(bytes + at, &made, &f);
        at += frame_size(f.len);
    }
}

static void put_file(struct bytes in)
{
    struct rd r = rd_over(in);
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, head, sizeof head);
    put_frames(&r);
    while (!r.bad && rd_left(&r) >= 3) {
        uint16_t at = rd_u16(&r);

        bytes[at % SEGMENT] = rd_u8(&r);
    }
    if (fd < 0 || write(fd, bytes, sizeof bytes) != sizeof bytes || close(fd))
        abort();
}

static uint64_t recover(void)
{
    const struct disk_options o = {.folder = folder, .segment_size = SEGMENT};
    struct cursor c = {.kind = -1, .lane = -1};
    uint64_t n = 0, last = 0;
    struct record r;
    struct store *store;
    char why[256] = "";

    if (disk_store_open(&o, &store, why)) {
        if (!why[0])
            abort();
        return 0;
    }
    c.at = store_first(store);
    while (!store_read(store, &c, &r)) {
        if (r.at < last || r.at >= store_end(store) || r.body.len > SEGMENT)
            abort();
        last = r.at + 1;
        n++;
    }
    store_cursor_close(store, &c);
    store_close(store);
    return n;
}

static bool count(void *ctx, const struct log_file *f, const struct frame *frame)
{
    (void)f;
    *(uint64_t *)ctx += !(frame->flags & FRAME_END);
    return true;
}

static void walk(uint64_t least)
{
    uint64_t n = 0;
    const struct log_visit visit = {.ctx = &n, .frame = count};
    struct log_files files;
    char why[256];

    if (log_files_list(folder, 0, &files, why))
        abort();
    log_files_look(&files, &visit);
    for (size_t i = 0; i < files.n; i++)
        if (log_file_walk(&files, i, &visit))
            abort();
    if (n < least)
        abort();
    log_files_free(&files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!file[0])
        begin();
    clean(false);
    put_file(bytes_of(data, size));
    walk(recover());
    return 0;
}
