#include "state_check.h"

#include "crew.h"
#include "fault.h"

#include <assert.h>
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

enum { PART_LEAST = 8 << 20 }; /* of a file, for each thread */

struct check {
    char *why;
    enum table table;
    bool has_sum;
    int form;
    struct state_sum sum;
};

/* Found by one thread; in a line of its cache. */
struct tally {
    _Alignas(64) struct check *check;
    uint64_t entries, seals;
};

static const char *on_table(void *ctx, struct bytes name)
{
    struct check *c = ((struct tally *)ctx)->check;

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
    struct tally *t = ctx;
    struct check *c = t->check;
    struct bytes value;
    uint64_t seal;

    if (c->table == TABLE_SUM) {
        if (!bytes_eq(key, STATE_SUM_KEY) || !state_sum_read(stored, &c->sum, &c->form))
            return "is damaged: its checksum is wrong";
        c->has_sum = true;
        return NULL;
    }
    t->entries++;
    if (c->table == TABLE_BARE || c->form == STATE_BARE)
        return NULL;
    if (!state_unseal(key, stored, &value, &seal))
        return "is damaged: its checksum is wrong";
    t->seals += seal;
    return NULL;
}

static bool on_damage(void *ctx, uint64_t offset, const char *what)
{
    const struct tally *t = ctx;

    (void)offset;
    snprintf(t->check->why, STATE_WHY_CAP, "%s", what);
    return false;
}

static enum err sum_up(const struct check *c, const struct tally *t)
{
    if (c->has_sum ? c->form == STATE_BARE : !t->entries)
        return OK;
    if (!c->has_sum)
        snprintf(c->why, STATE_WHY_CAP, "the record that says what it holds is missing");
    else if (t->entries != c->sum.entries || t->seals != c->sum.seals)
        snprintf(c->why, STATE_WHY_CAP, "it holds %llu entries, and not the %llu that were written",
                 (unsigned long long)t->entries, (unsigned long long)c->sum.entries);
    else
        return OK;
    return ERR_DAMAGED;
}

static enum err read_all(const struct pages_source *source, struct check *c, unsigned n)
{
    struct tally tallies[CREW_MAX] = {{.check = NULL}};
    struct pages_look looks[CREW_MAX];
    enum err e;

    assert(n > 0 && n <= CREW_MAX);
    c->why[0] = 0;
    *c = (struct check){.why = c->why, .form = STATE_BARE};
    for (unsigned i = 0; i < n; i++) {
        tallies[i].check = c;
        looks[i] = (struct pages_look){.table = on_table, .entry = on_entry, .ctx = &tallies[i]};
    }
    if (n == 1)
        looks[0].damage = on_damage;
    if ((e = n == 1 ? pages_walk(source, looks) : pages_prove(source, looks, n)))
        return e;
    for (unsigned i = 1; i < n; i++) {
        tallies[0].entries += tallies[i].entries;
        tallies[0].seals += tallies[i].seals;
    }
    return sum_up(c, &tallies[0]);
}

enum err state_check(const char *path, struct state_sum *sum, int *form, char why[STATE_WHY_CAP])
{
    struct check c = {.why = why};
    struct pages_file file;
    unsigned n;
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
    n = crew_size(file.source.size / PART_LEAST);
    /* Several threads find out that it is whole, as it nearly always is; one alone says which page or key is the first
     * that is not. */
    if (n == 1 || (e = read_all(&file.source, &c, n)))
        e = read_all(&file.source, &c, 1);
    pages_file_close(&file);
    *sum = c.sum;
    *form = c.form;
    return e;
}
