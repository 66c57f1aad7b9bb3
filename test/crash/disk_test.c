/* The promise of the disk engine: what is durable is there, once, in order, whatever the disk made of the write that
 * was on its way; damage of what was durable is told and not served. */
#include "check.h"

#include "power.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t seeds(uint64_t otherwise)
{
    const char *given = getenv("D2D_SEEDS");
    uint64_t n;

    return given && bytes_to_u64(bytes_str(given), &n) ? n : otherwise;
}

static void burst(struct power *p)
{
    size_t n = 1 + (size_t)power_random(p, 12);

    while (n--)
        power_append(p);
    if (power_random(p, 3))
        CHECK_OK(store_sync(p->store, atomic_load(&p->places[p->appended - 1])));
}

static void reopen(struct power *p)
{
    power_close(p);
    power_check(p, p->folder, p->appended);
    /* The check has appended three of its own, as the next ones would be. */
    for (int i = 0; i < 3; i++) {
        p->places[p->appended] = UINT64_MAX;
        p->appended++;
    }
    power_open(p);
}

static void run(uint64_t seed)
{
    struct power p;

    power_on(&p, seed);
    for (int step = 0; step < 25; step++) {
        burst(&p);
        if (power_random(&p, 6) == 0 && p.appended > 20) {
            CHECK_OK(store_sync(p.store, atomic_load(&p.places[p.appended - 1])));
            power_trim(&p, p.appended - 1 - (size_t)power_random(&p, 10));
        }
        if (power_random(&p, 12) == 0)
            reopen(&p);
    }
    CHECK_OK(store_sync(p.store, store_end(p.store) - 1));
    power_close(&p);
    power_check(&p, p.folder, p.appended);
    assert_true(p.cuts > 20);
    power_off(&p);
}

TEST(no_cut_of_the_power_loses_or_invents_anything)
{
    uint64_t n = seeds(40);

    for (uint64_t seed = 1; seed <= n; seed++)
        run(seed);
}

/* The only segment of a folder. */
static void segment_path(const struct power *p, char out[600])
{
    snprintf(out, 600, "%s/0000000000000000.log", p->folder);
}

static void flip(const char *path, uint64_t at)
{
    int fd = open(path, O_RDWR);
    uint8_t b;

    assert_int_equal(pread(fd, &b, 1, (off_t)at), 1);
    b ^= (uint8_t)(1u << at % 8);
    assert_int_equal(pwrite(fd, &b, 1, (off_t)at), 1);
    close(fd);
}

TEST(damage_of_what_was_durable_is_refused_with_file_and_byte)
{
    struct power p;
    struct disk_options o = {.folder = p.folder};
    size_t refused = 0, harmless = 0;
    uint64_t last;
    char path[600];

    power_on(&p, 7);
    p.segment_size = 1 << 20;
    power_close(&p);
    segment_path(&p, path);
    unlink(path);
    power_open(&p);
    for (int i = 0; i < 40; i++) {
        power_append(&p);
        CHECK_OK(store_sync(p.store, atomic_load(&p.places[p.appended - 1])));
    }
    last = atomic_load(&p.places[p.appended - 1]);
    power_close(&p);
    o.segment_size = p.segment_size;
    for (uint64_t at = 0; at < last; at += 1 + power_random(&p, 40)) {
        struct store *s;
        char why[256];
        enum err e;

        flip(path, at);
        e = disk_store_open(&o, &s, why);
        if (e) {
            CHECK_ERR(e, ERR_DAMAGED);
            assert_non_null(strstr(why, path));
            assert_non_null(strstr(why, "byte"));
            refused++;
        } else {
            store_close(s);
            harmless++; /* between two frames */
        }
        flip(path, at);
        if (!e)
            continue;
        CHECK_OK(disk_store_open(&o, &s, why));
        store_close(s);
    }
    assert_true(refused > 100 && harmless < refused / 10);
    power_off(&p);
}

TEST(a_missing_file_is_refused)
{
    struct power p;
    struct disk_options o = {.folder = p.folder};
    struct store *s;
    char path[600], why[256];

    power_on(&p, 8);
    o.segment_size = p.segment_size;
    while (store_end(p.store) < 3 * p.segment_size)
        power_append(&p);
    power_close(&p);
    snprintf(path, sizeof path, "%s/%016llx.log", p.folder, (unsigned long long)p.segment_size);
    assert_int_equal(unlink(path), 0);
    CHECK_ERR(disk_store_open(&o, &s, why), ERR_DAMAGED);
    assert_non_null(strstr(why, "missing"));
    power_off(&p);
}

static int broken_write(void *ctx, int fd, const struct iovec *parts, int n, off_t at)
{
    (void)ctx;
    (void)fd;
    (void)parts;
    (void)n;
    (void)at;
    return -1;
}

/* The system's own answer to a failed write is the end of the process, with status 1. */
TEST(a_failed_write_ends_the_process)
{
    struct power p;
    pid_t child;
    int how;

    power_on(&p, 9);
    power_close(&p);
    child = fork();
    if (child == 0) {
        struct disk_options o = {.folder = p.folder, .segment_size = p.segment_size};
        struct disk_io io = disk_io_system;
        struct store *s;
        char why[256];
        uint64_t at;

        io.write_synced = broken_write;
        if (disk_store_open_on(&o, &io, &s, why))
            _exit(7);
        if (store_append(s, &(struct draft){.kind = 1}, &at) || store_sync(s, at))
            _exit(8);
        _exit(9);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 1);
    power_off(&p);
}

TESTS(RUN(no_cut_of_the_power_loses_or_invents_anything), RUN(damage_of_what_was_durable_is_refused_with_file_and_byte),
      RUN(a_missing_file_is_refused), RUN(a_failed_write_ends_the_process))
