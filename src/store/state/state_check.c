#include "state_check.h"

#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_file(void *ctx, uint64_t at, uint8_t *to, size_t len)
{
    const struct pages_file *f = ctx;

    while (len) {
        ssize_t n = pread(f->fd, to, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (uint64_t)n;
        to += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_map(void *ctx, uint64_t at, uint8_t *to, size_t len)
{
    const struct pages_file *f = ctx;

    if (at > f->source.size || len > f->source.size - at)
        return false;
    memcpy(to, f->map + at, len);
    return true;
}

static void map_file(struct pages_file *f)
{
    size_t len = (size_t)f->source.size;
    void *map;

    if (!f->is_file || !len || len != f->source.size ||
        (map = mmap(NULL, len, PROT_READ, MAP_SHARED, f->fd, 0)) == MAP_FAILED)
        return;
    if (!fault_region_add(map, len, NULL)) {
        munmap(map, len);
        return;
    }
    f->map = map;
    f->source.read = read_map;
}

enum err pages_file_open(const char *path, struct pages_file *out)
{
    struct stat st;
    int error;

    *out = (struct pages_file){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (out->fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (fstat(out->fd, &st)) {
        error = errno;
        close(out->fd);
        errno = error;
        return ERR_IO;
    }
    out->is_file = S_ISREG(st.st_mode);
    out->source = (struct pages_source){.read = read_file, .ctx = out, .size = (uint64_t)st.st_size};
    map_file(out);
    return OK;
}

void pages_file_close(struct pages_file *f)
{
    if (f->map) {
        fault_region_drop(f->map);
        munmap((void *)(uintptr_t)f->map, (size_t)f->source.size);
    }
    close(f->fd);
}

enum table { TABLE_SUM, TABLE_SEALED, TABLE_BARE };

struct check {
    char *why;
    enum table table;
    bool has_sum;
    int form;
    struct state_sum sum;
    uint64_t entries, seals; /* what was found */
};

static const char *on_table(void *ctx, struct bytes name)
{
    struct check *c = ctx;

    if (bytes_eq(name, bytes_str(STATE_TABLE_SUM)))
        c->table = TABLE_SUM;
    else if (bytes_eq(name, bytes_str(STATE_TABLE)))
        c->table = TABLE_SEALED;
    else if (bytes_eq(name, bytes_str(STATE_TABLE_BARE)) && c->form == STATE_BARE)
        c->table = TABLE_BARE;
    else
        return "is not a table of a checkpoint";
    return NULL;
}

static const char *on_entry(void *ctx, struct bytes key, struct bytes stored)
{
    struct check *c = ctx;
    struct bytes value;
    uint64_t seal;

    if (c->table == TABLE_SUM) {
        if (!bytes_eq(key, STATE_SUM_KEY) || !state_sum_read(stored, &c->sum, &c->form))
            return "is damaged: its checksum is wrong";
        c->has_sum = true;
        return NULL;
    }
    c->entries++;
    if (c->table == TABLE_BARE || c->form == STATE_BARE)
        return NULL;
    if (!state_unseal(key, stored, &value, &seal))
        return "is damaged: its checksum is wrong";
    c->seals += seal;
    return NULL;
}

static bool on_damage(void *ctx, uint64_t offset, const char *what)
{
    struct check *c = ctx;

    (void)offset;
    snprintf(c->why, STATE_WHY_CAP, "%s", what);
    return false;
}

static enum err sum_up(struct check *c)
{
    if (c->has_sum ? c->form == STATE_BARE : !c->entries)
        return OK;
    if (!c->has_sum)
        snprintf(c->why, STATE_WHY_CAP, "the record that says what it holds is missing");
    else if (c->entries != c->sum.entries || c->seals != c->sum.seals)
        snprintf(c->why, STATE_WHY_CAP, "it holds %llu entries, and not the %llu that were written",
                 (unsigned long long)c->entries, (unsigned long long)c->sum.entries);
    else
        return OK;
    return ERR_DAMAGED;
}

enum err state_check(const char *path, struct state_sum *sum, int *form, char why[STATE_WHY_CAP])
{
    struct check c = {.why = why, .form = STATE_BARE};
    struct pages_look look = {.table = on_table, .entry = on_entry, .damage = on_damage, .ctx = &c};
    struct pages_file file;
    enum err e = pages_file_open(path, &file);

    why[0] = 0;
    if (e == ERR_IO)
        snprintf(why, STATE_WHY_CAP, "%s", strerror(errno));
    if (e)
        return e;
    if (!file.is_file) {
        snprintf(why, STATE_WHY_CAP, "it is not a file");
        pages_file_close(&file);
        return ERR_IO;
    }
    /* Pages are read in the order of their keys: the disk had better read them in its own. */
    (void)posix_fadvise(file.fd, 0, 0, POSIX_FADV_WILLNEED);
    if (!(e = pages_walk(&file.source, &look)))
        e = sum_up(&c);
    pages_file_close(&file);
    *sum = c.sum;
    *form = c.form;
    return e;
}
