/* Promises of the disk engine besides those of every engine: segments, trimming, a full disk, one process at a time.
 */
#include "check.h"

#include "buf.h"
#include "ceilings.h"
#include "crc32c.h"
#include "disk_io.h"
#include "disk_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SEGMENT = 16384, BODY = 500 };

static char folder[64];
static struct store *s;

static void open_log(uint64_t size_max)
{
    struct disk_options o = {.folder = folder, .segment_size = SEGMENT, .size_max = size_max, .tail_max = 4096};
    char why[256];

    CHECK_OK(disk_store_open(&o, &s, why));
}

static void begin(uint64_t size_max)
{
    snprintf(folder, sizeof folder, "/tmp/d2d-disk-XXXXXX");
    assert_non_null(mkdtemp(folder));
    open_log(size_max);
}

static void end(void)
{
    DIR *d;

    store_close(s);
    d = opendir(folder);
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(folder);
}

/* A record that begins with its number. */
static enum err add_for(enum room room, uint32_t number, uint64_t *at)
{
    uint8_t body[BODY] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
    struct bytes part = bytes_of(body, sizeof body);

    return store_append(
        s, &(struct draft){.kind = 1, .lane = (uint16_t)(number % 4), .room = room, .parts = &part, .n_parts = 1}, at);
}

static enum err add(uint32_t number, uint64_t *at)
{
    return add_for(ROOM_MESSAGES, number, at);
}

static uint32_t number_of(struct bytes body)
{
    struct rd r = rd_over(body);

    return rd_u32(&r);
}

static void add_many(uint32_t from, uint32_t to, uint64_t *places)
{
    uint64_t at = 0;

    for (uint32_t i = from; i < to; i++) {
        CHECK_OK(add(i, &at));
        if (places)
            places[i] = at;
    }
    CHECK_OK(store_sync(s, at));
}

TEST(the_checksum_is_the_castagnoli_one)
{
    uint8_t zeros[32] = {0}, rising[32];

    for (uint8_t i = 0; i < 32; i++)
        rising[i] = i;
    /* RFC 3720, B.4 */
    assert_int_equal(crc32c(0, bytes_of(zeros, 32)), 0x8A9136AA);
    assert_int_equal(crc32c(0, bytes_of(rising, 32)), 0x46DD794E);
    assert_int_equal(crc32c(crc32c(0, bytes_of(rising, 5)), bytes_of(rising + 5, 27)), 0x46DD794E);
}

TEST(records_go_on_over_the_ends_of_segments_and_over_a_restart)
{
    struct cursor c = {.kind = -1, .lane = -1}, lane = {.kind = -1, .lane = 2};
    struct record r;

    begin(0);
    add_many(0, 300, NULL);
    store_close(s);
    open_log(0);
    add_many(300, 400, NULL);
    assert_true(store_end(s) > 10 * SEGMENT);
    for (uint32_t i = 0; i < 400; i++) {
        CHECK_OK(store_read(s, &c, &r));
        assert_int_equal(number_of(r.body), i);
    }
    CHECK_ERR(store_read(s, &c, &r), ERR_NOT_FOUND);
    for (uint32_t i = 2; i < 400; i += 4) {
        CHECK_OK(store_read(s, &lane, &r));
        assert_int_equal(number_of(r.body), i);
    }
    store_cursor_close(s, &c);
    store_cursor_close(s, &lane);
    end();
}

/* The beginning of the first file. */
static int first_file(void)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/0000000000000000.log", folder);
    CHECK((fd = open(path, O_RDWR | O_CLOEXEC)) >= 0);
    return fd;
}

static void add_alike(size_t len)
{
    static uint8_t body[4000];
    struct bytes part = bytes_of(memset(body, 'a', sizeof body), len);
    uint64_t at;

    CHECK_OK(store_append(s, &(struct draft){.kind = 1, .parts = &part, .n_parts = 1}, &at));
    CHECK_OK(store_sync(s, at));
}

/* Of two writes to one place the first one was cut behind its head, and of the second one, which goes on as the first,
 * the head did not come to the disk. */
TEST(what_was_cut_does_not_come_back_with_the_end_of_a_later_write)
{
    enum { SECTOR = 512 };
    static const uint8_t zeros[4096];
    uint8_t sector[SECTOR];
    uint64_t before;
    int fd;

    begin(0);
    before = store_end(s);
    add_alike(2000);
    store_close(s);
    CHECK((fd = first_file()) >= 0);
    CHECK(pwrite(fd, zeros, sizeof zeros, SECTOR) == sizeof zeros);
    open_log(0);
    CHECK(store_end(s) == before);
    CHECK(pread(fd, sector, SECTOR, 0) == SECTOR);
    add_alike(3000);
    store_close(s);
    CHECK(pwrite(fd, sector, SECTOR, 0) == SECTOR);
    close(fd);
    open_log(0);
    CHECK(store_end(s) == before);
    end();
}

static void rename_file(const char *from, const char *to)
{
    char old[128], new[128];

    snprintf(old, sizeof old, "%s/%s", folder, from);
    snprintf(new, sizeof new, "%s/%s", folder, to);
    CHECK(rename(old, new) == 0);
}

static void damage_head(const char *name)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK((fd = open(path, O_RDWR | O_CLOEXEC)) >= 0 && pwrite(fd, "?", 1, 20) == 1);
    close(fd);
}

static void check_refused(uint64_t known, const char *reason)
{
    struct disk_options o = {.folder = folder, .segment_size = SEGMENT, .known = known};
    char why[256];

    CHECK_ERR(disk_store_open(&o, &s, why), ERR_DAMAGED);
    assert_non_null(strstr(why, reason));
    s = NULL;
}

/* Names are data, too: a file that somebody renamed is named, and no assert fails. */
TEST(a_file_whose_name_is_no_place_is_refused)
{
    static const char *const names[] = {"0000000000000003.log", "fffffffffffffff8.log", "8000000000000000.log"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        begin(0);
        add_many(0, 40, NULL);
        store_close(s);
        rename_file("0000000000004000.log", names[i]);
        check_refused(0, names[i]);
        end();
    }
}

TEST(files_that_would_begin_in_one_another_are_refused)
{
    begin(0);
    add_many(0, 100, NULL);
    store_close(s);
    rename_file("0000000000004000.log", "0000000000000008.log");
    damage_head("0000000000000000.log");
    check_refused(0, "hold the same places");
    rename_file("0000000000000008.log", "0000000000004000.log");
    rename_file("0000000000000000.log", "0000000000003fe8.log");
    check_refused(0, "hold the same places");
    end();
}

TEST(a_checkpoint_of_a_place_that_no_record_has_is_refused)
{
    uint64_t places[40];

    begin(0);
    add_many(0, 40, places);
    store_close(s);
    check_refused(places[39] + 3, "no record can begin");
    end();
}

TEST(what_was_lent_stays_whole_while_the_log_is_trimmed_and_written_again)
{
    static uint64_t places[2000];
    struct cursor c = {.kind = -1, .lane = -1};
    struct record r;
    uint8_t copy[BODY];

    begin(0);
    add_many(0, 100, places);
    CHECK_OK(store_read(s, &c, &r));
    memcpy(copy, r.body.at, BODY);
    for (uint32_t i = 100; i < 2000; i += 100) {
        add_many(i, i + 100, places);
        CHECK_OK(store_trim(s, places[i]));
    }
    assert_memory_equal(copy, r.body.at, BODY);
    /* The cursor's place is gone: it goes on at the oldest record. */
    CHECK_OK(store_read(s, &c, &r));
    assert_true(number_of(r.body) > 1 && r.at == store_first(s));
    store_cursor_close(s, &c);
    end();
}

TEST(a_full_disk_refuses_serves_and_recovers)
{
    static uint64_t places[2000];
    struct cursor c = {.kind = -1, .lane = -1};
    struct record r;
    uint32_t n = 0;
    enum err e;

    begin(8 * SEGMENT);
    while ((e = add(n, &places[n])) == OK)
        n++;
    CHECK_ERR(e, ERR_DISK_FULL);
    assert_true(n > 150 && n < 300);
    CHECK_OK(store_sync(s, places[n - 1]));
    for (uint32_t i = 0; i < n; i++) {
        CHECK_OK(store_read(s, &c, &r));
        assert_int_equal(number_of(r.body), i);
    }
    CHECK_ERR(add(n, &places[n]), ERR_DISK_FULL);
    CHECK_OK(store_trim(s, places[n - 1]));
    /* Space comes back when the log's thread has made a segment of it. */
    for (int tries = 0; (e = add(n, &places[n])) == ERR_DISK_FULL && tries < 3000; tries++)
        usleep(10000);
    CHECK_OK(e);
    CHECK_OK(store_sync(s, places[n]));
    CHECK_OK(store_read(s, &c, &r));
    assert_int_equal(number_of(r.body), n);
    store_cursor_close(s, &c);
    end();
}

/* How many of a kind still find room. */
static uint32_t fill_up(enum room room, uint32_t from)
{
    uint64_t at = 0;
    uint32_t n = from;
    enum err e;

    while ((e = add_for(room, n, &at)) == OK)
        n++;
    CHECK_ERR(e, ERR_DISK_FULL);
    if (n > from)
        CHECK_OK(store_sync(s, at));
    return n;
}

TEST(a_full_disk_has_room_for_what_keeps_the_hub_going)
{
    uint32_t messages, upkeep, registry;
    struct store_space space;
    uint64_t at;

    begin(8 * SEGMENT);
    store_space(s, &space);
    assert_false(space.full);
    messages = fill_up(ROOM_MESSAGES, 0);
    store_space(s, &space);
    assert_true(space.full && space.file == SEGMENT && space.held <= 8 * SEGMENT);
    upkeep = fill_up(ROOM_UPKEEP, messages);
    assert_true(upkeep - messages >= 10);
    CHECK_ERR(add(0, &at), ERR_DISK_FULL);
    registry = fill_up(ROOM_REGISTRY, upkeep);
    assert_true(registry - upkeep >= 10);
    CHECK_ERR(add_for(ROOM_UPKEEP, 0, &at), ERR_DISK_FULL);
    end();
}

TEST(the_reserve_is_there_after_a_restart_on_a_full_disk)
{
    uint32_t n;

    begin(8 * SEGMENT);
    n = fill_up(ROOM_MESSAGES, 0);
    store_close(s);
    open_log(8 * SEGMENT);
    assert_true(fill_up(ROOM_UPKEEP, n) > n);
    /* Now it is in use, and messages do not take it either. */
    store_close(s);
    open_log(8 * SEGMENT);
    n = fill_up(ROOM_MESSAGES, n);
    assert_true(fill_up(ROOM_REGISTRY, n) - n >= 10);
    end();
}

TEST(what_is_older_is_told_by_the_bytes_of_the_files)
{
    static uint64_t places[400];

    begin(0);
    add_many(0, 400, places);
    assert_int_equal(store_older_than(s, UINT64_MAX), 0);
    CHECK_OK(store_trim(s, store_older_than(s, 5 * SEGMENT)));
    assert_true(store_end(s) - store_first(s) <= 5 * SEGMENT);
    assert_true(store_end(s) - store_first(s) > 4 * SEGMENT);
    /* The segment that is written at the moment stays. */
    CHECK_OK(store_trim(s, store_older_than(s, 0)));
    assert_true(store_first(s) <= places[399]);
    end();
}

TEST(a_second_process_is_refused)
{
    struct disk_options o = {.folder = folder, .segment_size = SEGMENT};
    struct store *second;
    char why[256];

    begin(0);
    CHECK_ERR(disk_store_open(&o, &second, why), ERR_BUSY);
    assert_non_null(strstr(why, "another"));
    end();
}

TEST(a_record_that_no_segment_can_hold_is_refused)
{
    static const uint8_t large[SEGMENT];
    struct bytes part = bytes_of(large, sizeof large);
    uint64_t at;

    begin(0);
    CHECK_ERR(store_append(s, &(struct draft){.parts = &part, .n_parts = 1}, &at), ERR_TOO_LARGE);
    part.len = SEGMENT - 200;
    CHECK_OK(store_append(s, &(struct draft){.parts = &part, .n_parts = 1}, &at));
    CHECK_OK(store_append(s, &(struct draft){.parts = &part, .n_parts = 1}, &at));
    CHECK_OK(store_sync(s, at));
    end();
}

/* ---- several threads ------------------------------------------------------------------------------------------- */

enum { WRITERS = 3, EACH = 2000 };

static _Atomic bool done;

static void *write_many(void *ctx)
{
    uint32_t from = (uint32_t)(uintptr_t)ctx * EACH;
    uint64_t at;

    for (uint32_t i = from; i < from + EACH; i++)
        if (add(i, &at))
            return s;
    return store_sync(s, at) ? s : NULL;
}

/* Each writer's records come in its order, none twice. */
static void *read_many(void *ctx)
{
    struct cursor c = {.kind = -1, .lane = -1};
    uint32_t next[WRITERS] = {0};
    size_t seen = 0;
    void *wrong = NULL;

    (void)ctx;
    while (!wrong && !(atomic_load(&done) && seen == WRITERS * EACH)) {
        struct record r;
        enum err e = store_read(s, &c, &r);
        uint32_t number;

        if (e == ERR_NOT_FOUND) {
            usleep(100);
            continue;
        }
        number = e ? UINT32_MAX : number_of(r.body);
        if (e || number / EACH >= WRITERS || number % EACH != next[number / EACH]++)
            wrong = s;
        seen++;
    }
    store_cursor_close(s, &c);
    return wrong;
}

TEST(writers_and_readers_do_not_disturb_each_other)
{
    pthread_t writers[WRITERS], readers[2];
    void *wrong;

    begin(0);
    atomic_store(&done, false);
    for (size_t i = 0; i < 2; i++)
        pthread_create(&readers[i], NULL, read_many, NULL);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_create(&writers[i], NULL, write_many, (void *)(uintptr_t)i);
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(writers[i], &wrong);
        assert_null(wrong);
    }
    atomic_store(&done, true);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(readers[i], &wrong);
        assert_null(wrong);
    }
    end();
}

static _Atomic bool no_descriptors;

static int maybe_open(void *ctx, const char *path, int flags)
{
    errno = EMFILE;
    return no_descriptors ? -1 : disk_io_system.open(ctx, path, flags);
}

/* Others may have taken all descriptors: that ends nothing, and passes. */
TEST(without_a_descriptor_appends_are_refused_until_there_is_one)
{
    struct disk_options o = {.folder = folder, .segment_size = SEGMENT, .tail_max = 4096};
    struct disk_io io = disk_io_system;
    enum err e = OK;
    char why[256];
    uint64_t at;

    begin(0);
    store_close(s);
    io.open = maybe_open;
    CHECK_OK(disk_store_open_on(&o, &io, &s, why));
    no_descriptors = true;
    for (uint32_t i = 0; !e && i < 1000; i++)
        e = add(i, &at);
    CHECK_ERR(e, ERR_DISK_FULL);
    no_descriptors = false;
    for (int i = 0; (e = add(1000, &at)) == ERR_DISK_FULL && i < 2000; i++)
        usleep(10000);
    CHECK_OK(e);
    CHECK_OK(store_sync(s, at));
    end();
}

TESTS(RUN(the_checksum_is_the_castagnoli_one), RUN(records_go_on_over_the_ends_of_segments_and_over_a_restart),
      RUN(what_was_cut_does_not_come_back_with_the_end_of_a_later_write), RUN(a_file_whose_name_is_no_place_is_refused),
      RUN(files_that_would_begin_in_one_another_are_refused),
      RUN(a_checkpoint_of_a_place_that_no_record_has_is_refused),
      RUN(what_was_lent_stays_whole_while_the_log_is_trimmed_and_written_again),
      RUN(a_full_disk_refuses_serves_and_recovers), RUN(a_full_disk_has_room_for_what_keeps_the_hub_going),
      RUN(the_reserve_is_there_after_a_restart_on_a_full_disk), RUN(what_is_older_is_told_by_the_bytes_of_the_files),
      RUN(without_a_descriptor_appends_are_refused_until_there_is_one), RUN(a_second_process_is_refused),
      RUN(a_record_that_no_segment_can_hold_is_refused), RUN(writers_and_readers_do_not_disturb_each_other))
