/* The promise of the disk engine: what is durable is there, once, in order, whatever the disk made of the write that
 * was on its way; damage of what was durable costs what is damaged, and is told. */
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

/* A log of one segment, each record a write of its own. */
static void fill_one_segment(struct power *p, uint64_t seed, int records, char path[600])
{
    power_on(p, seed);
    p->segment_size = 1 << 20;
    power_close(p);
    segment_path(p, path);
    unlink(path);
    power_open(p);
    for (int i = 0; i < records; i++) {
        power_append(p);
        CHECK_OK(store_sync(p->store, atomic_load(&p->places[p->appended - 1])));
    }
    power_close(p);
}

TEST(a_bit_costs_one_record_and_is_told_with_file_and_byte)
{
    struct power p;
    size_t told = 0, harmless = 0;
    uint64_t last;
    char path[600], why[256];

    fill_one_segment(&p, 7, 40, path);
    last = atomic_load(&p.places[p.appended - 1]);
    for (uint64_t at = 0; at < last; at += 1 + power_random(&p, 40)) {
        struct disk_options o = {.folder = p.folder, .segment_size = p.segment_size};
        struct store *s;
        struct gap g;

        flip(path, at);
        CHECK_OK(disk_store_open(&o, &s, why));
        if (store_gap(s, 0, &g)) {
            assert_int_equal(g.base, 0);
            assert_true(at >= g.at && at < g.end);
            assert_false(store_gap(s, 1, &g));
            assert_true(power_missing(&p, s) == (at >= 64));
            told++;
        } else {
            assert_int_equal(power_missing(&p, s), 0);
            harmless++; /* between two frames */
        }
        store_close(s);
        flip(path, at);
        CHECK_OK(disk_store_open(&o, &s, why));
        assert_false(store_gap(s, 0, &g));
        assert_int_equal(power_missing(&p, s), 0);
        store_close(s);
    }
    assert_true(told > 100 && harmless < told / 10);
    power_off(&p);
}

/* The bit is in what had been a checkpoint's: also the last record is no torn one then. */
TEST(where_the_checkpoint_knows_better_the_end_is_damaged_and_no_place_comes_twice)
{
    struct power p;
    struct disk_options o = {.folder = p.folder};
    uint64_t last, next;
    char path[600], why[256];

    fill_one_segment(&p, 11, 10, path);
    o.segment_size = p.segment_size;
    last = atomic_load(&p.places[p.appended - 1]);
    next = last + 8;
    for (int round = 0; round < 3; round++) {
        struct store *s;
        struct gap g;
        uint64_t at;

        CHECK_OK(disk_store_open(&o, &s, why));
        o.known = store_end(s);
        store_close(s);
        flip(path, last);
        CHECK_OK(disk_store_open(&o, &s, why));
        assert_true(store_gap(s, (size_t)round, &g));
        assert_int_equal(g.at, last);
        assert_int_equal(g.end, o.known);
        for (int i = 0; i < 2; i++, next = at + 8) {
            CHECK_OK(store_append(s, &(struct draft){.kind = 3}, &at));
            assert_true(at >= next && (i || at == o.known));
            CHECK_OK(store_sync(s, at));
        }
        store_close(s);
        last = at;
        o.known = 0;
    }
    power_off(&p);
}

static void fill_three_segments(struct power *p, uint64_t seed, struct disk_options *o)
{
    power_on(p, seed);
    *o = (struct disk_options){.folder = p->folder, .segment_size = p->segment_size};
    while (store_end(p->store) < 3 * p->segment_size)
        power_append(p);
    power_close(p);
}

static void file_of(const struct power *p, unsigned n, char out[600])
{
    snprintf(out, 600, "%s/%016llx.log", p->folder, (unsigned long long)(n * p->segment_size));
}

/* Records that are gone stay gone, new ones stay: with another append and another start. */
static void check_gap_and_go_on(struct power *p, const struct disk_options *o, uint64_t base, uint64_t at)
{
    uint64_t end = 0;

    for (int again = 0; again < 3; again++) {
        size_t missing;
        struct store *s;
        struct gap g;
        char why[256];

        CHECK_OK(disk_store_open(o, &s, why));
        missing = power_missing(p, s);
        assert_true(missing > 0);
        assert_true(store_gap(s, 0, &g));
        assert_int_equal(g.base, base);
        if (at)
            assert_int_equal(g.at, at);
        assert_false(store_gap(s, 1, &g));
        assert_true(store_end(s) >= end);
        for (int i = 0; i < 30; i++) {
            p->store = s;
            power_append(p);
        }
        CHECK_OK(store_sync(s, atomic_load(&p->places[p->appended - 1])));
        assert_int_equal(power_missing(p, s), missing);
        end = store_end(s);
        p->store = NULL;
        store_close(s);
    }
}

TEST(a_missing_file_is_a_gap)
{
    struct disk_options o;
    struct power p;
    char path[600];

    fill_three_segments(&p, 8, &o);
    file_of(&p, 1, path);
    assert_int_equal(unlink(path), 0);
    check_gap_and_go_on(&p, &o, p.segment_size, p.segment_size);
    power_off(&p);
}

TEST(the_last_file_is_missing_although_the_one_before_says_that_it_was_there)
{
    struct disk_options o;
    struct power p;
    char path[600];

    fill_three_segments(&p, 12, &o);
    file_of(&p, 4, path);
    unlink(path); /* made ahead */
    file_of(&p, 3, path);
    assert_int_equal(unlink(path), 0);
    check_gap_and_go_on(&p, &o, 3 * p.segment_size, 3 * p.segment_size);
    power_off(&p);
}

TEST(a_file_that_is_cut_short_costs_its_end)
{
    for (unsigned n = 0; n < 4; n++) {
        struct disk_options o;
        struct power p;
        char path[600];

        fill_three_segments(&p, 13 + n, &o);
        if (n == 3) {
            file_of(&p, 4, path);
            unlink(path);
        }
        file_of(&p, n, path);
        assert_int_equal(truncate(path, 1000), 0);
        check_gap_and_go_on(&p, &o, n * p.segment_size, 0);
        power_off(&p);
    }
}

TEST(the_head_of_a_file_is_found_out_from_the_others)
{
    for (unsigned n = 0; n < 3; n++) {
        struct disk_options o;
        struct power p;
        struct store *s;
        struct gap g;
        char path[600], why[256];
        int fd;

        fill_three_segments(&p, 20 + n, &o);
        file_of(&p, n, path);
        fd = open(path, O_RDWR);
        assert_int_equal(pwrite(fd, why, 64, 0), 64);
        close(fd);
        CHECK_OK(disk_store_open(&o, &s, why));
        assert_int_equal(power_missing(&p, s), 0);
        assert_true(store_gap(s, 0, &g));
        assert_int_equal(g.at, n * p.segment_size);
        store_close(s);
        power_off(&p);
    }
}

TEST(files_that_hold_the_same_places_are_refused)
{
    struct disk_options o;
    struct power p;
    struct store *s;
    char path[600], other[600], why[256];

    fill_three_segments(&p, 30, &o);
    file_of(&p, 3, path);
    snprintf(other, sizeof other, "%s/%016llx.log", p.folder, (unsigned long long)(3 * p.segment_size - 512));
    assert_int_equal(rename(path, other), 0);
    CHECK_ERR(disk_store_open(&o, &s, why), ERR_DAMAGED);
    assert_non_null(strstr(why, "the same places"));
    power_off(&p);
}

/* Records that are damaged, then everything that a power cut does to what comes behind them. */
static void run_spoiled(uint64_t seed)
{
    struct power p;

    power_on(&p, seed);
    for (int round = 0; round < 5; round++) {
        size_t before;

        burst(&p);
        CHECK_OK(store_sync(p.store, atomic_load(&p.places[p.appended - 1])));
        before = p.appended;
        burst(&p);
        CHECK_OK(store_sync(p.store, atomic_load(&p.places[p.appended - 1])));
        power_close(&p);
        power_spoil(&p, before - 1 - (size_t)power_random(&p, before < 8 ? before : 8));
        power_open(&p);
        burst(&p);
        burst(&p);
    }
    CHECK_OK(store_sync(p.store, store_end(p.store) - 1));
    assert_true(power_missing(&p, p.store) >= 1);
    power_close(&p);
    power_check(&p, p.folder, p.appended);
    power_off(&p);
}

TEST(no_cut_of_the_power_makes_more_of_a_gap)
{
    uint64_t n = seeds(6);

    for (uint64_t seed = 1; seed <= n; seed++)
        run_spoiled(seed);
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

TESTS(RUN(no_cut_of_the_power_loses_or_invents_anything), RUN(a_bit_costs_one_record_and_is_told_with_file_and_byte),
      RUN(where_the_checkpoint_knows_better_the_end_is_damaged_and_no_place_comes_twice), RUN(a_missing_file_is_a_gap),
      RUN(the_last_file_is_missing_although_the_one_before_says_that_it_was_there),
      RUN(a_file_that_is_cut_short_costs_its_end), RUN(the_head_of_a_file_is_found_out_from_the_others),
      RUN(files_that_hold_the_same_places_are_refused), RUN(no_cut_of_the_power_makes_more_of_a_gap),
      RUN(a_failed_write_ends_the_process))
