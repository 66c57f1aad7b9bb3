/* Of a damaged checkpoint and a damaged log: all that is whole, and never anything else. */
#include "check.h"

#include "disk_store.h"
#include "log_salvage.h"
#include "state_open.h"
#include "state_salvage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEYS = 300, ROUNDS = 6, SEGMENT = 16384, RECORDS = 200, KIND = 7, FILLER = 9, FILE_MAX = 1 << 20, TRIES = 300 };

static char folder[64], copy[64], why[256];
static uint64_t seed = 88172645463325252;

static uint64_t chance(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static void folder_make(char out[64])
{
    strcpy(out, access("/dev/shm", W_OK) == 0 ? "/dev/shm/d2d-salvage-XXXXXX" : "/tmp/d2d-salvage-XXXXXX");
    assert_non_null(mkdtemp(out));
}

static void folder_empty(const char *path)
{
    DIR *d = opendir(path);

    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

static void folder_drop(const char *path)
{
    folder_empty(path);
    assert_int_equal(rmdir(path), 0);
}

/* ---- the checkpoint -------------------------------------------------------------------------------------------- */

static uint8_t value[9000];

/* Some have pages of their own. */
static struct bytes value_of(int key, int round)
{
    size_t len = key % 40 == 0 ? sizeof value : 20 + (size_t)(key * 7 % 200);

    memset(value, key * 31 + round, len);
    value[0] = (uint8_t)round;
    return bytes_of(value, len);
}

static void make_state(void)
{
    struct state *s;

    folder_make(folder);
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    for (int round = 1; round <= ROUNDS; round++) {
        CHECK_OK(state_begin(s));
        for (int i = 0; i < KEYS; i++) {
            char key[16];

            snprintf(key, sizeof key, "d/%d", i);
            CHECK_OK(state_put(s, bytes_str(key), value_of(i, round)));
        }
        CHECK_OK(state_commit(s, (uint64_t)round));
    }
    state_close(s);
}

struct found {
    int n[ROUNDS + 1], all, keys;
    bool has[KEYS];
};

static bool on_value(void *ctx, struct bytes key, struct bytes v)
{
    struct found *f = ctx;
    char name[16];
    int i, round;

    assert_true(bytes_to_str(key, name, sizeof name));
    i = atoi(name + 2);
    round = v.at[0];
    CHECK(i >= 0 && i < KEYS && round >= 1 && round <= ROUNDS);
    CHECK_BYTES(v, value_of(i, round));
    CHECK(!f->has[i]);
    f->has[i] = true;
    f->n[round]++;
    f->all++;
    return true;
}

static void on_damage(void *ctx, uint64_t offset, const char *what, struct bytes key)
{
    struct found *f = ctx;

    (void)offset;
    assert_true(what[0]);
    f->keys += key.len > 0;
}

static void salvage(struct salvage *s, struct found *f)
{
    char path[96];

    *f = (struct found){.all = 0};
    *s = (struct salvage){.value = on_value, .damage = on_damage, .ctx = f};
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    CHECK_OK(state_salvage(path, s));
    CHECK(state_salvage_is_whole(s) == (s->has_sum && f->all == KEYS));
}

static size_t read_all(uint8_t *to, size_t most)
{
    char path[96];
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "%s/data.mdb", folder);
    fd = open(path, O_RDONLY);
    n = read(fd, to, most);
    close(fd);
    assert_true(n > 0);
    return (size_t)n;
}

static void write_all(const uint8_t *from, size_t len)
{
    char path[96];
    int fd;

    snprintf(path, sizeof path, "%s/data.mdb", folder);
    fd = open(path, O_WRONLY | O_TRUNC);
    CHECK(write(fd, from, len) == (ssize_t)len && close(fd) == 0);
}

static void what_is_whole_of_a_checkpoint_is_found_and_nothing_else(void **state)
{
    static uint8_t whole[FILE_MAX], now[FILE_MAX];
    struct salvage s;
    struct found f;
    size_t len;

    (void)state;
    make_state();
    len = read_all(whole, sizeof whole);
    salvage(&s, &f);
    CHECK(state_salvage_is_whole(&s) && f.n[ROUNDS] == KEYS && s.sum.place == ROUNDS && !s.damages);
    for (int i = 0; i < TRIES; i++) {
        memcpy(now, whole, len);
        now[chance(len)] ^= (uint8_t)(1 << chance(8));
        write_all(now, len);
        salvage(&s, &f);
        /* Either of the two last transactions, and of it all but what that bit was in: a leaf holds some thirty values.
         * */
        CHECK(f.n[ROUNDS] == f.all || f.n[ROUNDS - 1] == f.all);
        CHECK(f.all >= KEYS - 60);
    }
    for (int i = 0; i < TRIES; i++) {
        size_t at = (size_t)chance(len), many = (size_t)chance(20000);

        memcpy(now, whole, len);
        for (size_t k = at; k < len && k < at + many; k++)
            now[k] = (uint8_t)chance(256);
        write_all(now, len);
        salvage(&s, &f);
        write_all(whole, at + 1);
        salvage(&s, &f);
    }
    folder_drop(folder);
}

static void pages_that_lead_to_others_cost_nothing(void **state)
{
    static uint8_t now[FILE_MAX];
    struct salvage s;
    struct found f;
    size_t len, branches = 0, page = 4096;

    (void)state;
    make_state();
    len = read_all(now, sizeof now);
    for (size_t at = 2 * page; at < len; at += page) {
        if (now[at + sizeof(size_t) + 2] != 1)
            continue;
        memset(now + at, 0xff, page);
        branches++;
    }
    assert_true(branches > 0);
    write_all(now, len);
    salvage(&s, &f);
    CHECK(s.damages > 0 && f.n[ROUNDS] == KEYS && state_salvage_is_whole(&s));
    folder_drop(folder);
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

static uint64_t places[RECORDS];

static size_t body_of(int n, uint8_t body[2000])
{
    size_t len = (size_t)(n * 37 % 1800);

    memset(body, n, len);
    return len;
}

static void make_log(void)
{
    struct disk_options o = {.folder = folder, .segment_size = SEGMENT};
    struct store *s;

    folder_make(folder);
    folder_make(copy);
    CHECK_OK(disk_store_open(&o, &s, why));
    for (int i = 0; i < RECORDS; i++) {
        uint8_t body[2000];
        struct bytes part = bytes_of(body, body_of(i, body));

        CHECK_OK(store_append(s, &(struct draft){.kind = KIND, .lane = (uint16_t)i, .parts = &part, .n_parts = 1},
                              &places[i]));
        if (i % 3 == 0)
            CHECK_OK(store_sync(s, places[i]));
    }
    store_close(s);
}

static void count_damage(void *ctx, const struct log_damage *d)
{
    (void)d;
    ++*(int *)ctx;
}

static int copy_log(struct log_salvage *job)
{
    struct log_files l;
    int damages = 0;

    folder_empty(copy);
    CHECK_OK(log_files_list(folder, 0, &l, why));
    *job = (struct log_salvage){.to = copy, .filler = FILLER, .look = {.ctx = &damages, .damage = count_damage}};
    CHECK_OK(log_salvage(&l, job, why));
    log_files_free(&l);
    CHECK(job->damages == (uint64_t)damages);
    return damages;
}

/* Whole records at their places; gives how many. The copy is a log without damage, and goes on. */
static int read_copy(void)
{
    struct disk_options o = {.folder = copy, .segment_size = SEGMENT};
    struct cursor c = {.kind = -1, .lane = -1};
    struct record r;
    struct store *s;
    struct gap gap;
    uint64_t at;
    int n = 0;

    CHECK_OK(disk_store_open(&o, &s, why));
    for (size_t i = 0; store_gap(s, i, &gap); i++)
        CHECK(gap.is_jump);
    while (!store_read(s, &c, &r)) {
        uint8_t body[2000];

        if (r.kind == FILLER)
            continue;
        assert_true(r.lane < RECORDS);
        CHECK(r.kind == KIND && r.at == places[r.lane]);
        CHECK_BYTES(r.body, bytes_of(body, body_of(r.lane, body)));
        n++;
    }
    store_cursor_close(s, &c);
    CHECK_OK(store_append(s, &(struct draft){.kind = KIND}, &at));
    CHECK_OK(store_sync(s, at));
    store_close(s);
    return n;
}

static void change(uint64_t place, uint8_t with)
{
    char path[128];
    uint8_t byte = 0;
    int fd;

    snprintf(path, sizeof path, "%s/%016llx.log", folder, (unsigned long long)(place - place % SEGMENT));
    fd = open(path, O_RDWR);
    CHECK(fd >= 0 && pread(fd, &byte, 1, (off_t)(place % SEGMENT)) == 1);
    byte ^= with;
    CHECK(pwrite(fd, &byte, 1, (off_t)(place % SEGMENT)) == 1 && close(fd) == 0);
}

static void what_is_whole_of_a_log_is_copied_and_nothing_else(void **state)
{
    struct log_salvage job;

    (void)state;
    make_log();
    assert_int_equal(copy_log(&job), 0);
    assert_int_equal(read_copy(), RECORDS);
    for (int i = 0; i < TRIES / 4; i++) {
        uint64_t at = chance(places[RECORDS - 1]);
        uint8_t with = (uint8_t)(1 << chance(8));

        change(at, with);
        copy_log(&job);
        /* A single record, at most; what closes a file is none. */
        assert_true(read_copy() >= RECORDS - 1);
        change(at, with);
    }
    folder_drop(folder);
    folder_drop(copy);
}

static void a_log_without_some_files_is_whole_after_it_was_copied(void **state)
{
    struct log_salvage job;
    uint64_t first;
    char path[128];
    int n = 0;

    (void)state;
    make_log();
    first = places[RECORDS / 2] / SEGMENT * SEGMENT;
    snprintf(path, sizeof path, "%s/%016llx.log", folder, (unsigned long long)first);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/%016llx.log", folder, (unsigned long long)first + SEGMENT);
    assert_int_equal(truncate(path, SEGMENT / 2), 0);
    for (int i = 0; i < RECORDS; i++)
        n += places[i] < first || places[i] >= first + 2 * SEGMENT;
    assert_true(copy_log(&job) >= 2);
    assert_true(read_copy() > n);
    folder_drop(folder);
    folder_drop(copy);
}

static void a_log_can_begin_anywhere(void **state)
{
    const uint8_t id[STORE_ID] = {1, 2, 3};
    struct disk_options o = {.folder = folder, .segment_size = SEGMENT, .known = 100 * SEGMENT + SEGMENT_HEAD};
    struct store *s;

    (void)state;
    folder_make(folder);
    CHECK_OK(log_begin(folder, 100 * SEGMENT, SEGMENT, id, why));
    CHECK_OK(disk_store_open(&o, &s, why));
    CHECK(store_first(s) == o.known && store_end(s) == o.known && memcmp(store_id(s), id, STORE_ID) == 0);
    store_close(s);
    folder_drop(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_whole_of_a_checkpoint_is_found_and_nothing_else),
        cmocka_unit_test(pages_that_lead_to_others_cost_nothing),
        cmocka_unit_test(what_is_whole_of_a_log_is_copied_and_nothing_else),
        cmocka_unit_test(a_log_without_some_files_is_whole_after_it_was_copied),
        cmocka_unit_test(a_log_can_begin_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
