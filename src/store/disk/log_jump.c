#include "log_jump.h"

#include "log_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

/* The frame that closes the file, where there is room for one: a file without is full. */
static enum err close_file(const struct log_files *l, const struct log_file *f)
{
    struct segment s = {.base = f->base, .seed = f->seed, .size = f->size};
    struct frame end = {.place = f->end, .flags = FRAME_FIRST | FRAME_END};
    uint8_t bytes[FRAME_HEAD];
    struct iovec part = {bytes, sizeof bytes};
    char path[SEGMENT_PATH_CAP];
    enum err e;
    int fd;

    if (f->closed || f->end + FRAME_HEAD > f->base + f->size)
        return OK;
    snprintf(path, sizeof path, "%s/%s", l->folder, f->name);
    if ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
        return ERR_IO;
    frame_seal(bytes, &s, &end);
    e = disk_io_system.write_synced(NULL, fd, &part, 1, (off_t)(f->end - f->base)) ? ERR_IO : OK;
    close(fd);
    return e;
}

static enum err make_next(const struct log_files *l, const struct log_file *last, uint64_t skip)
{
    uint64_t step = (skip / last->size + 1) * last->size;
    struct segment s = {
        .size = last->size, .after = last->base + last->size, .form = FORM_SEALED, .has_id = true, .fd = -1};
    const uint8_t *id = log_files_id(l);

    s.base = s.after + step;
    if (id)
        memcpy(s.id, id, STORE_ID);
    else if (getrandom(s.id, STORE_ID, 0) != STORE_ID)
        return ERR_IO;
    snprintf(s.path, sizeof s.path, "%s/%016llx.log", l->folder, (unsigned long long)s.base);
    if (segment_make(&disk_io_system, &s))
        return ERR_IO;
    close(s.fd);
    return disk_io_system.sync_folder(NULL, l->folder) ? ERR_IO : OK;
}

enum err log_jump(const char *folder, uint64_t skip, char why[256])
{
    const struct log_visit nothing = {.ctx = NULL};
    struct log_files l;
    enum err e = log_files_list(folder, 0, &l, why);

    if (e)
        return e;
    if (!l.used)
        e = ERR_NOT_FOUND;
    else if (!(e = log_file_walk(&l, l.used - 1, &nothing)) && !(e = close_file(&l, &l.at[l.used - 1])))
        e = make_next(&l, &l.at[l.used - 1], skip);
    if (e)
        snprintf(why, 256, "%.180s: %.60s", folder, e == ERR_IO ? strerror(errno) : err_text(e));
    log_files_free(&l);
    return e;
}
