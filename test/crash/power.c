#include "power.h"

#include "ceilings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512, TAIL = 8192 };

static uint64_t seed_now;

static void must(bool holds, const char *what, int line)
{
    if (holds)
        return;
    fprintf(stderr, "seed %llu: line %d: %s does not hold\n", (unsigned long long)seed_now, line, what);
    abort();
}

/* Most of this runs on the log's own thread, where a test cannot end with less noise. */
#define MUST(condition) must((condition), #condition, __LINE__)

uint64_t power_random(struct power *p, uint64_t below)
{
    p->chance = p->chance * 6364136223846793005ULL + 1442695040888963407ULL;
    return (p->chance >> 33) % below;
}

/* ---- records --------------------------------------------------------------------------------------------------- */

static size_t body_of(const struct power *p, size_t number, uint8_t out[BODY_MAX])
{
    uint64_t x = p->seed * 1000003 + number;
    size_t len;

    x ^= x >> 31;
    x *= 0x9E3779B97F4A7C15ULL;
    len = 8 + (size_t)(x >> 40) % ((x & 7) == 0 ? BODY_MAX - 8 : 200);
    for (size_t i = 0; i < len; i++) {
        x = x * 6364136223846793005ULL + 1;
        out[i] = (uint8_t)(x >> 56);
    }
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(number >> 8 * i);
    return len;
}

static size_t number_of(struct bytes body)
{
    size_t n = 0;

    for (size_t i = 8; i-- > 0;)
        n = n << 8 | body.at[i];
    return n;
}

void power_append(struct power *p)
{
    uint8_t body[BODY_MAX];
    size_t number = p->appended;
    struct bytes part = bytes_of(body, body_of(p, number, body));
    uint64_t at;

    MUST(number < RECORDS_MAX);
    MUST(store_append(p->store,
                      &(struct draft){.kind = 3, .lane = (uint16_t)(number % 5), .parts = &part, .n_parts = 1},
                      &at) == OK);
    atomic_store(&p->places[number], at);
    atomic_store(&p->appended, number + 1);
}

void power_spoil(struct power *p, size_t number)
{
    uint64_t place = atomic_load(&p->places[number]), at = place % p->segment_size + power_random(p, 24 + 8);
    char path[600];
    uint8_t b = 0;
    int fd;

    snprintf(path, sizeof path, "%s/%016llx.log", p->folder, (unsigned long long)(place - place % p->segment_size));
    fd = open(path, O_RDWR);
    MUST(fd >= 0 && pread(fd, &b, 1, (off_t)at) == 1);
    b ^= (uint8_t)(1u << power_random(p, 8));
    MUST(pwrite(fd, &b, 1, (off_t)at) == 1);
    close(fd);
    atomic_store(&p->spoiled[number], true);
}

static bool is_in_a_gap(struct store *s, uint64_t place)
{
    struct gap g;

    for (size_t i = 0; store_gap(s, i, &g); i++)
        if (place >= g.at && place < g.end)
            return true;
    return false;
}

size_t power_missing(struct power *p, struct store *s)
{
    struct cursor c = {.kind = -1, .lane = -1};
    uint8_t body[BODY_MAX];
    size_t next = 0, missing = 0;
    struct record r;

    while (store_read(s, &c, &r) == OK) {
        for (; atomic_load(&p->places[next]) != r.at; next++, missing++) {
            MUST(next + 1 < atomic_load(&p->appended));
            MUST(is_in_a_gap(s, atomic_load(&p->places[next])));
        }
        MUST(bytes_eq(r.body, bytes_of(body, body_of(p, next, body))));
        next++;
    }
    store_cursor_close(s, &c);
    for (; next < atomic_load(&p->appended); next++, missing++)
        MUST(is_in_a_gap(s, atomic_load(&p->places[next])));
    return missing;
}

void power_trim(struct power *p, size_t below)
{
    /* Of those that a check of the folder has appended the place is not known. */
    while (below && atomic_load(&p->places[below]) == UINT64_MAX)
        below--;
    if (below > atomic_load(&p->may_be_gone))
        atomic_store(&p->may_be_gone, below);
    MUST(store_trim(p->store, atomic_load(&p->places[below])) == OK);
}

/* ---- ordinary files, without syncs: what the copies are opened with -------------------------------------------- */

static int plain_open(void *ctx, const char *path, int flags)
{
    (void)ctx;
    return open(path, flags | O_CLOEXEC, 0600);
}

static int plain_write(void *ctx, int fd, const struct iovec *parts, int n, off_t at)
{
    (void)ctx;
    for (int i = 0; i < n; at += (off_t)parts[i++].iov_len)
        if (pwrite(fd, parts[i].iov_base, parts[i].iov_len, at) != (ssize_t)parts[i].iov_len)
            return -1;
    return 0;
}

static int plain_allocate(void *ctx, int fd, off_t size)
{
    (void)ctx;
    return ftruncate(fd, size);
}

static int plain_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    return rename(from, to);
}

static int plain_unlink(void *ctx, const char *path)
{
    (void)ctx;
    return unlink(path);
}

static int plain_sync_folder(void *ctx, const char *folder)
{
    (void)ctx;
    (void)folder;
    return 0;
}

static void plain_failed(void *ctx, const char *what, const char *path, int error)
{
    (void)ctx;
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(error));
    abort();
}

static int plain_sync(void *ctx, int fd)
{
    (void)ctx;
    (void)fd;
    return 0;
}

static const struct disk_io plain = {.open = plain_open,
                                     .write_synced = plain_write,
                                     .sync = plain_sync,
                                     .allocate = plain_allocate,
                                     .rename = plain_rename,
                                     .unlink = plain_unlink,
                                     .sync_folder = plain_sync_folder,
                                     .failed = plain_failed};

/* ---- folders --------------------------------------------------------------------------------------------------- */

static void remove_folder(const char *folder)
{
    DIR *d = opendir(folder);

    for (const struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(folder);
}

static void copy_file(const char *from, const char *to)
{
    static uint8_t block[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    MUST(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, block, sizeof block)) > 0;)
        MUST(write(out, block, (size_t)n) == n);
    close(in);
    close(out);
}

static void copy_folder(const struct power *p)
{
    char from[600], to[600];
    DIR *d = opendir(p->folder);

    remove_folder(p->copy);
    mkdir(p->copy, 0700);
    for (const struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(from, sizeof from, "%s/%.100s", p->folder, e->d_name);
        snprintf(to, sizeof to, "%s/%.100s", p->copy, e->d_name);
        copy_file(from, to);
    }
    closedir(d);
}

/* ---- what was promised ----------------------------------------------------------------------------------------- */

/* The records that are there are consecutive, whole, and none that was promised is missing. Gives the number behind the
 * last. */
static size_t over_spoiled(struct power *p, size_t number)
{
    while (number < RECORDS_MAX && atomic_load(&p->spoiled[number]))
        number++;
    return number;
}

static size_t check_records(struct power *p, struct store *s, size_t wanted, size_t most)
{
    struct cursor c = {.kind = -1, .lane = -1};
    struct record r;
    size_t next = SIZE_MAX;
    uint8_t body[BODY_MAX];

    while (store_read(s, &c, &r) == OK) {
        size_t number = number_of(r.body);

        if (next == SIZE_MAX)
            MUST(number <= over_spoiled(p, atomic_load(&p->may_be_gone)));
        else
            MUST(number == over_spoiled(p, next));
        MUST(number < most);
        MUST(bytes_eq(r.body, bytes_of(body, body_of(p, number, body))));
        MUST(r.kind == 3);
        MUST(r.lane == number % 5);
        next = number + 1;
    }
    store_cursor_close(s, &c);
    if (next == SIZE_MAX)
        next = 0;
    MUST(next >= wanted);
    return next;
}

void power_check(struct power *p, const char *folder, size_t wanted)
{
    /* A record more than was told may have been appended. */
    size_t most = atomic_load(&p->appended) + 2, found;
    struct disk_options o = {.folder = folder, .segment_size = p->segment_size, .tail_max = TAIL};
    char why[256];

    for (int again = 0; again < 2; again++) {
        struct store *s;
        enum err e = disk_store_open_on(&o, &plain, &s, why);

        if (e)
            fprintf(stderr, "%s: %s\n", err_name(e), why);
        MUST(e == OK);
        found = check_records(p, s, wanted, most);
        /* Nothing of the cut write may come back to life with what comes after. */
        for (size_t i = 0; again == 0 && i < 3; i++) {
            uint8_t body[BODY_MAX];
            struct bytes part = bytes_of(body, body_of(p, found + i, body));
            uint64_t at;

            MUST(store_append(
                     s, &(struct draft){.kind = 3, .lane = (uint16_t)((found + i) % 5), .parts = &part, .n_parts = 1},
                     &at) == OK);
            MUST(store_sync(s, at) == OK);
        }
        store_close(s);
        if (again == 0) {
            wanted = found + 3;
            most = found + 3;
        }
    }
}

/* The place that was durable before this write. The appender may not have told the last place yet: one less is asked
 * for then. */
static size_t promised(struct power *p)
{
    uint64_t durable = p->store ? store_durable(p->store) : 0;
    size_t n = atomic_load(&p->appended);

    while (n && atomic_load(&p->places[n - 1]) >= durable)
        n--;
    return n;
}

/* ---- the power is cut ------------------------------------------------------------------------------------------ */

enum tear { DROP, FIRST_SECTORS, FIRST_BYTES, SOME_SECTORS, LAST_SECTORS, TEARS };

static bool survives(struct power *p, enum tear tear, size_t limit, uint64_t offset)
{
    switch (tear) {
    case DROP:
        return false;
    case FIRST_SECTORS:
        return offset / SECTOR < limit / SECTOR;
    case FIRST_BYTES:
        return offset < limit;
    case SOME_SECTORS:
        return (p->seed ^ offset / SECTOR * 0x9E3779B9u) >> 4 & 1;
    case LAST_SECTORS:
        return offset / SECTOR >= limit / SECTOR;
    case TEARS:
        break;
    }
    return false;
}

/* Into the copy goes what the tear leaves of the write. */
static void write_torn(struct power *p, const char *name, const struct iovec *part, off_t at, enum tear tear)
{
    size_t limit = (size_t)at + (size_t)power_random(p, part->iov_len);
    const uint8_t *from = part->iov_base;
    uint8_t *left = calloc(1, part->iov_len);
    char path[600];
    int fd;

    snprintf(path, sizeof path, "%s/%.100s", p->copy, name);
    fd = open(path, O_RDWR);
    MUST(fd >= 0 && left);
    MUST(pread(fd, left, part->iov_len, at) >= 0);
    for (size_t i = 0; i < part->iov_len; i++)
        if (survives(p, tear, limit, (uint64_t)at + i))
            left[i] = from[i];
    MUST(pwrite(fd, left, part->iov_len, at) == (ssize_t)part->iov_len);
    close(fd);
    free(left);
}

static const char *name_of(int fd, char path[600])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, 599);
    path[n > 0 ? n : 0] = 0;
    return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

static int cut_write(void *ctx, int fd, const struct iovec *parts, int n, off_t at)
{
    struct power *p = ctx;
    char path[600];
    const char *name = name_of(fd, path);

    MUST(n == 1);
    pthread_mutex_lock(&p->files);
    for (enum tear tear = DROP; tear < TEARS; tear++) {
        copy_folder(p);
        write_torn(p, name, parts, at, tear);
        power_check(p, p->copy, promised(p));
        p->cuts++;
    }
    pthread_mutex_unlock(&p->files);
    return plain_write(ctx, fd, parts, n, at);
}

/* Before and after: until the folder is synced nobody knows. */
static int cut_rename(void *ctx, const char *from, const char *to)
{
    struct power *p = ctx;
    int answer;

    pthread_mutex_lock(&p->files);
    copy_folder(p);
    power_check(p, p->copy, promised(p));
    answer = rename(from, to);
    copy_folder(p);
    power_check(p, p->copy, promised(p));
    p->cuts += 2;
    pthread_mutex_unlock(&p->files);
    return answer;
}

static int cut_unlink(void *ctx, const char *path)
{
    struct power *p = ctx;
    int answer;

    pthread_mutex_lock(&p->files);
    answer = unlink(path);
    pthread_mutex_unlock(&p->files);
    return answer;
}

void power_open(struct power *p)
{
    struct disk_options o = {.folder = p->folder, .segment_size = p->segment_size, .tail_max = TAIL};
    struct store *s;
    char why[256];
    enum err e = disk_store_open_on(&o, &p->io, &s, why);

    if (e)
        fprintf(stderr, "%s: %s\n", err_name(e), why);
    MUST(e == OK);
    p->store = s;
}

void power_on(struct power *p, uint64_t seed)
{
    const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    memset(p, 0, sizeof *p);
    p->seed = p->chance = seed_now = seed;
    p->segment_size = 4096 + 512 * power_random(p, 16);
    pthread_mutex_init(&p->files, NULL);
    snprintf(p->folder, sizeof p->folder, "%s/d2d-power-XXXXXX", memory);
    MUST(mkdtemp(p->folder));
    snprintf(p->copy, sizeof p->copy, "%s.cut", p->folder);
    p->io = plain;
    p->io.ctx = p;
    p->io.write_synced = cut_write;
    p->io.rename = cut_rename;
    p->io.unlink = cut_unlink;
    power_open(p);
}

void power_close(struct power *p)
{
    store_close(p->store);
    p->store = NULL;
}

void power_off(struct power *p)
{
    power_close(p);
    remove_folder(p->folder);
    remove_folder(p->copy);
    pthread_mutex_destroy(&p->files);
}
