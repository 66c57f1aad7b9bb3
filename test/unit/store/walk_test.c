/* A log that is looked at from outside: all of its records, each damage by its name and place, and never one where
 * there is none. Who copies its files holds trimming up, but not for ever. */
#include "check.h"

#include "disk_hold.h"
#include "disk_store.h"
#include "log_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SEGMENT = 16384, BODY = 500, RECORDS = 100 };

static char folder[64], why[256];
static struct store *s;
static uint64_t places[RECORDS];

static void open_log(void)
{
    struct disk_options o = {.folder = folder, .segment_size = SEGMENT};

    CHECK_OK(disk_store_open(&o, &s, why));
}

static void close_log(void)
{
    store_close(s);
    s = NULL;
}

static void add(int n)
{
    uint8_t body[BODY] = {(uint8_t)n};
    struct bytes part = bytes_of(body, sizeof body);

    CHECK_OK(store_append(s, &(struct draft){.kind = 1, .parts = &part, .n_parts = 1}, &places[n]));
    /* Each is a write of its own. */
    CHECK_OK(store_sync(s, places[n]));
}

static void begin(int n)
{
    snprintf(folder, sizeof folder, "/tmp/d2d-walk-XXXXXX");
    assert_non_null(mkdtemp(folder));
    open_log();
    for (int i = 0; i < n; i++)
        add(i);
}

static void end(void)
{
    DIR *d;

    close_log();
    d = opendir(folder);
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(folder);
}

static void path_of(uint64_t place, char out[128])
{
    snprintf(out, 128, "%s/%016llx.log", folder, (unsigned long long)(place - place % SEGMENT));
}

static void flip(uint64_t place, off_t at)
{
    char path[128];
    uint8_t byte;
    int fd;

    path_of(place, path);
    fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, (off_t)(place % SEGMENT) + at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)(place % SEGMENT) + at), 1);
    close(fd);
}

struct seen {
    bool records[RECORDS];
    int n, damages;
    uint64_t from, to;
    char what[100];
    uint64_t end;
};

static bool on_frame(void *ctx, const struct log_file *file, const struct frame *f)
{
    struct seen *seen = ctx;

    (void)file;
    assert_int_equal(f->len, BODY);
    assert_int_equal(f->place, places[f->body[0]]);
    seen->records[f->body[0]] = true;
    seen->n++;
    return true;
}

static void on_damage(void *ctx, const struct log_damage *d)
{
    struct seen *seen = ctx;

    seen->damages++;
    seen->from = d->from;
    seen->to = d->to;
    snprintf(seen->what, sizeof seen->what, "%s", d->what);
}

static struct seen walk(uint64_t known)
{
    struct seen seen = {.n = 0};
    struct log_visit v = {&seen, on_frame, on_damage};
    struct log_files files;

    CHECK_OK(log_files_list(folder, known, &files, why));
    log_files_look(&files, &v);
    for (size_t i = 0; i < files.used; i++) {
        CHECK_OK(log_file_walk(&files, i, &v));
        seen.end = files.at[i].closed ? files.at[i].base + files.at[i].size + SEGMENT_HEAD : files.at[i].end;
    }
    log_files_free(&files);
    return seen;
}

TEST(a_whole_log_is_seen_whole_while_it_is_open_and_afterwards)
{
    struct seen seen;

    begin(RECORDS);
    seen = walk(0);
    assert_int_equal(seen.n, RECORDS);
    assert_int_equal(seen.damages, 0);
    assert_int_equal(seen.end, store_end(s));
    close_log();
    seen = walk(places[RECORDS - 1]);
    assert_int_equal(seen.n, RECORDS);
    assert_int_equal(seen.damages, 0);
    end();
}

TEST(a_new_log_has_nothing_and_no_damage)
{
    struct seen seen;

    begin(0);
    seen = walk(0);
    assert_int_equal(seen.n, 0);
    assert_int_equal(seen.damages, 0);
    end();
}

/* Every record in turn, in its body and in its head: only that one is lost, and it is named. */
TEST(a_bit_costs_one_record)
{
    static const off_t at[] = {0, 4, 8, 16, FRAME_HEAD + 3};

    begin(RECORDS);
    for (int i = 0; i < RECORDS - 1; i++) {
        for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
            struct seen seen;

            flip(places[i], at[k]);
            seen = walk(0);
            assert_int_equal(seen.damages, 1);
            assert_int_equal(seen.from, places[i]);
            /* The frame that closes a segment may be behind it. */
            assert_true(seen.to <= places[i + 1]);
            assert_string_equal(seen.what, "a record is damaged");
            assert_false(seen.records[i]);
            assert_int_equal(seen.n, RECORDS - 1);
            flip(places[i], at[k]);
        }
    }
    end();
}

/* Without the checkpoint the last write cannot be told from one that was cut off. */
TEST(the_last_record_is_missed_where_the_checkpoint_knows_of_it)
{
    struct seen seen;

    begin(10);
    flip(places[9], 30);
    seen = walk(0);
    assert_int_equal(seen.damages, 0);
    assert_int_equal(seen.end, places[9]);
    seen = walk(store_end(s));
    assert_int_equal(seen.damages, 1);
    assert_int_equal(seen.from, places[9]);
    assert_int_equal(seen.to, store_end(s));
    end();
}

TEST(a_file_that_is_cut_off_costs_what_it_held)
{
    char path[128];
    struct seen seen;

    begin(RECORDS);
    close_log();
    path_of(places[40], path);
    assert_int_equal(truncate(path, (off_t)(places[40] % SEGMENT)), 0);
    seen = walk(0);
    assert_string_equal(seen.what, "the file is cut off");
    assert_int_equal(seen.from, places[40]);
    assert_true(seen.records[39]);
    assert_false(seen.records[40]);
    assert_true(seen.records[RECORDS - 1]);
    end();
}

TEST(a_missing_file_and_a_damaged_head_are_named)
{
    char path[128];
    struct seen seen;

    begin(RECORDS);
    close_log();
    flip(SEGMENT, 9);
    seen = walk(0);
    assert_int_equal(seen.damages, 1);
    assert_string_equal(seen.what, "the head of the file is damaged");
    assert_int_equal(seen.n, RECORDS);
    flip(SEGMENT, 9);
    path_of(SEGMENT, path);
    assert_int_equal(unlink(path), 0);
    seen = walk(0);
    assert_int_equal(seen.damages, 1);
    assert_int_equal(seen.from, SEGMENT);
    assert_int_equal(seen.to, 2 * SEGMENT);
    assert_string_equal(seen.what, "the file before this one is missing");
    end();
}

TEST(a_folder_that_is_not_there_is_told)
{
    struct log_files files;

    CHECK_ERR(log_files_list("/nowhere/at/all", 0, &files, why), ERR_NOT_FOUND);
    assert_non_null(strstr(why, "/nowhere/at/all"));
}

TEST(files_that_are_copied_are_not_trimmed)
{
    struct hold hold;

    begin(RECORDS);
    assert_true(hold_take(&hold, folder));
    CHECK_OK(store_trim(s, 2 * SEGMENT));
    assert_int_equal(store_first(s), SEGMENT_HEAD);
    assert_true(hold_is_kept(&hold));
    hold_drop(&hold);
    CHECK_OK(store_trim(s, 2 * SEGMENT));
    assert_int_equal(store_first(s), 2 * SEGMENT + SEGMENT_HEAD);
    end();
}

TEST(a_copy_that_stands_still_and_a_full_disk_hold_nothing_up)
{
    struct trim_gate gate;
    struct hold hold;

    begin(1);
    trim_gate_open(&gate, folder);
    assert_true(trim_gate_enter(&gate, false, 0));
    assert_false(hold_take(&hold, folder));
    assert_int_equal(errno, EAGAIN);
    trim_gate_leave(&gate);
    assert_true(hold_take(&hold, folder));
    assert_false(trim_gate_enter(&gate, false, 1000));
    assert_false(trim_gate_enter(&gate, false, 1000 + HOLD_STILL_MS - 1));
    hold_move(&hold);
    assert_false(trim_gate_enter(&gate, false, 1000 + HOLD_STILL_MS));
    assert_true(hold_is_kept(&hold));
    assert_true(trim_gate_enter(&gate, false, 1000 + 2 * HOLD_STILL_MS));
    assert_false(hold_is_kept(&hold));
    hold_drop(&hold);
    assert_true(hold_take(&hold, folder));
    assert_true(hold_is_kept(&hold));
    assert_true(trim_gate_enter(&gate, true, 1000 + 2 * HOLD_STILL_MS));
    assert_false(hold_is_kept(&hold));
    hold_drop(&hold);
    trim_gate_close(&gate);
    end();
}

TESTS(RUN(a_whole_log_is_seen_whole_while_it_is_open_and_afterwards), RUN(a_new_log_has_nothing_and_no_damage),
      RUN(a_bit_costs_one_record), RUN(the_last_record_is_missed_where_the_checkpoint_knows_of_it),
      RUN(a_file_that_is_cut_off_costs_what_it_held), RUN(a_missing_file_and_a_damaged_head_are_named),
      RUN(a_folder_that_is_not_there_is_told), RUN(files_that_are_copied_are_not_trimmed),
      RUN(a_copy_that_stands_still_and_a_full_disk_hold_nothing_up))
