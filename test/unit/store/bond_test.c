/* A checkpoint and a log that belong together are taken, all others are refused with both sides; a log that ends below
 * what the checkpoint knows is damaged and not torn, and what recovery accepts is on disk. */
#include "check.h"

#include "bond.h"
#include "disk_io.h"
#include "disk_store.h"
#include "memory_engines.h"
#include "segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENT = 4096, BODY = 500 };

static char folder[64];
static struct store *s;
static struct state *state;
static char why[BOND_WHY_CAP];

static enum err open_log(uint64_t known)
{
    struct disk_options o = {.folder = folder, .segment_size = SEGMENT, .known = known};

    return disk_store_open(&o, &s, why);
}

static void close_log(void)
{
    store_close(s);
    s = NULL;
}

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/d2d-bond-XXXXXX");
    assert_non_null(mkdtemp(folder));
    CHECK_OK(open_log(0));
    CHECK_OK(memory_state_open(&state));
}

static void empty_folder(void)
{
    DIR *d = opendir(folder);

    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

static void end(void)
{
    close_log();
    state_close(state);
    empty_folder();
    rmdir(folder);
}

static uint64_t add(void)
{
    static const uint8_t body[BODY];
    struct bytes part = bytes_of(body, sizeof body);
    uint64_t at;

    CHECK_OK(store_append(s, &(struct draft){.kind = 1, .parts = &part, .n_parts = 1}, &at));
    CHECK_OK(store_sync(s, at));
    return at;
}

static void checkpoint(void)
{
    CHECK_OK(state_begin(state));
    CHECK_OK(state_commit(state, store_end(s)));
}

static void path_of(uint64_t base, char out[128])
{
    snprintf(out, 128, "%s/%016llx.log", folder, (unsigned long long)base);
}

TEST(a_checkpoint_fits_its_own_log)
{
    begin();
    CHECK_OK(bond_check(state, s, why)); /* there is none yet */
    CHECK_OK(bond_keep(state, s, store_first(s)));
    CHECK_OK(bond_check(state, s, why));
    for (int i = 0; i < 20; i++)
        add();
    checkpoint();
    close_log();
    CHECK_OK(open_log(state_place(state)));
    CHECK_OK(bond_check(state, s, why));
    end();
}

TEST(another_log_is_refused)
{
    begin();
    CHECK_OK(bond_keep(state, s, store_first(s)));
    checkpoint();
    close_log();
    empty_folder();
    CHECK_OK(open_log(0));
    CHECK_ERR(bond_check(state, s, why), ERR_DAMAGED);
    assert_non_null(strstr(why, "the checkpoint belongs to the log "));
    end();
}

TEST(a_log_without_files_is_refused_where_a_checkpoint_knows_of_some)
{
    begin();
    add();
    checkpoint();
    close_log();
    empty_folder();
    CHECK_ERR(open_log(state_place(state)), ERR_DAMAGED);
    assert_non_null(strstr(why, "missing"));
    end();
}

TEST(a_checkpoint_beyond_the_end_is_refused)
{
    begin();
    add();
    CHECK_OK(bond_keep(state, s, store_first(s)));
    CHECK_OK(state_begin(state));
    CHECK_OK(state_commit(state, store_end(s) + 8));
    CHECK_ERR(bond_check(state, s, why), ERR_DAMAGED);
    assert_non_null(strstr(why, "its end is missing"));
    end();
}

/* Files that are trimmed were announced; those that go by themselves were not. */
TEST(the_oldest_files_go_only_by_trimming)
{
    char path[128];
    uint64_t first;

    begin();
    CHECK_OK(bond_keep(state, s, store_first(s)));
    while (store_end(s) < 4 * SEGMENT)
        add();
    checkpoint();
    first = store_first_after(s, 2 * SEGMENT);
    assert_int_equal(first, 2 * SEGMENT + SEGMENT_HEAD);
    CHECK_OK(bond_keep(state, s, first));
    CHECK_OK(bond_check(state, s, why)); /* a crash in between */
    CHECK_OK(store_trim(s, 2 * SEGMENT));
    assert_int_equal(store_first(s), first);
    CHECK_OK(bond_check(state, s, why));
    close_log();
    path_of(2 * SEGMENT, path);
    assert_int_equal(unlink(path), 0);
    CHECK_OK(open_log(state_place(state)));
    CHECK_ERR(bond_check(state, s, why), ERR_DAMAGED);
    assert_non_null(strstr(why, "its oldest files are missing"));
    end();
}

TEST(a_checkpoint_before_the_beginning_is_refused)
{
    begin();
    add();
    checkpoint();
    while (store_end(s) < 4 * SEGMENT)
        add();
    CHECK_OK(store_trim(s, 3 * SEGMENT));
    CHECK_ERR(bond_check(state, s, why), ERR_DAMAGED);
    assert_non_null(strstr(why, "what lies between them is missing"));
    end();
}

TEST(files_of_two_logs_are_refused)
{
    char first[128], second[128], aside[160];

    begin();
    while (store_end(s) < 2 * SEGMENT)
        add();
    close_log();
    path_of(SEGMENT, second);
    path_of(0, first);
    snprintf(aside, sizeof aside, "%s.aside", folder);
    assert_int_equal(rename(second, aside), 0);
    empty_folder();
    CHECK_OK(open_log(0));
    while (store_end(s) < 2 * SEGMENT)
        add();
    close_log();
    assert_int_equal(rename(aside, second), 0);
    CHECK_ERR(open_log(0), ERR_DAMAGED);
    assert_non_null(strstr(why, "another log"));
    end();
}

/* Turns one bit of the last record over. */
static void spoil(uint64_t at)
{
    char path[128];
    uint8_t byte;
    int fd;

    path_of(at - at % SEGMENT, path);
    fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, (off_t)(at % SEGMENT + 100)), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)(at % SEGMENT + 100)), 1);
    close(fd);
}

TEST(the_last_record_below_the_checkpoint_is_damaged_and_not_torn)
{
    struct gap g;
    uint64_t at;

    begin();
    add();
    at = add();
    checkpoint();
    close_log();
    spoil(at);
    CHECK_OK(open_log(state_place(state)));
    assert_true(store_gap(s, 0, &g) && !store_gap(s, 1, &g));
    assert_int_equal(g.at, at);
    assert_int_equal(g.end, state_place(state));
    assert_int_equal(store_end(s), state_place(state)); /* no place is given again */
    assert_int_equal(add(), g.end);
    close_log();
    spoil(at); /* it was not written over: it is whole again */
    CHECK_OK(open_log(state_place(state)));
    assert_false(store_gap(s, 0, &g));
    end();
}

/* An older copy of the log: nothing was written where the checkpoint says that there is something. */
TEST(an_end_that_is_missing_is_refused)
{
    static const uint8_t zeros[SEGMENT];
    char path[128];
    uint64_t at;
    int fd;

    begin();
    add();
    at = add();
    checkpoint();
    close_log();
    path_of(0, path);
    fd = open(path, O_RDWR);
    assert_true(pwrite(fd, zeros, (size_t)(SEGMENT - at), (off_t)at) > 0);
    close(fd);
    CHECK_ERR(open_log(state_place(state)), ERR_DAMAGED);
    assert_non_null(strstr(why, "damaged or missing"));
    end();
}

static int synced[8], n_synced;

static int count_sync(void *ctx, int fd)
{
    (void)ctx;
    if (n_synced < 8)
        synced[n_synced++] = fd;
    return fdatasync(fd);
}

TEST(what_recovery_accepts_is_synced)
{
    struct disk_options o = {.folder = folder, .segment_size = SEGMENT};
    struct disk_io io = disk_io_system;
    char of_fd[64], path[128], target[128];
    ssize_t len;

    begin();
    add();
    close_log();
    io.sync = count_sync;
    CHECK_OK(disk_store_open_on(&o, &io, &s, why));
    assert_int_equal(n_synced, 1);
    path_of(0, path);
    snprintf(of_fd, sizeof of_fd, "/proc/self/fd/%d", synced[0]);
    len = readlink(of_fd, target, sizeof target - 1);
    assert_true(len > 0);
    target[len] = 0;
    assert_string_equal(target, path);
    end();
}

TESTS(RUN(a_checkpoint_fits_its_own_log), RUN(another_log_is_refused),
      RUN(a_log_without_files_is_refused_where_a_checkpoint_knows_of_some), RUN(a_checkpoint_beyond_the_end_is_refused),
      RUN(the_oldest_files_go_only_by_trimming), RUN(a_checkpoint_before_the_beginning_is_refused),
      RUN(files_of_two_logs_are_refused), RUN(an_end_that_is_missing_is_refused),
      RUN(the_last_record_below_the_checkpoint_is_damaged_and_not_torn), RUN(what_recovery_accepts_is_synced))
