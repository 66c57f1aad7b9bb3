/* The promises of store.h, over every engine that is handed in; then what only the memory engine does wrong on purpose.
 */
#include "check.h"

#include "ceilings.h"
#include "disk_store.h"
#include "memory_engines.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PER_WRITER 500

static uint64_t add(struct store *s, uint8_t kind, uint16_t lane, const char *text)
{
    struct bytes parts[2] = {bytes_first(bytes_str(text), 1), bytes_skip(bytes_str(text), 1)};
    uint64_t at = 0;

    CHECK_OK(store_append(s, &(struct draft){.kind = kind, .lane = lane, .parts = parts, .n_parts = 2}, &at));
    assert_true(at > 0);
    return at;
}

static void check_next(struct store *s, struct cursor *c, uint64_t at, const char *text)
{
    struct record r;

    CHECK_OK(store_read(s, c, &r));
    assert_int_equal(r.at, at);
    CHECK_BYTES(r.body, bytes_str(text));
}

static void reads_by_place_and_filter(struct store *s)
{
    static const uint8_t large[RECORD_LEN_MAX + 1];
    struct bytes too_large = bytes_of(large, sizeof large);
    struct cursor all = {.kind = -1, .lane = -1}, lane = {.kind = -1, .lane = 1}, kind = {.kind = 9, .lane = -1};
    struct cursor poor = {.kind = 9, .lane = -1, .budget = 1};
    uint64_t a = add(s, 1, 0, "a"), b = add(s, 1, 1, "bb"), c = add(s, 9, 0, "ccc"), unused;
    struct record r;

    assert_true(a < b && b < c && c < store_end(s));
    CHECK_ERR(store_append(s, &(struct draft){.parts = &too_large, .n_parts = 1}, &unused), ERR_TOO_LARGE);
    CHECK_OK(store_sync(s, c));
    assert_true(store_durable(s) > c);
    check_next(s, &all, a, "a");
    check_next(s, &all, b, "bb");
    check_next(s, &all, c, "ccc");
    CHECK_ERR(store_read(s, &all, &r), ERR_NOT_FOUND);
    all.at = b;
    check_next(s, &all, b, "bb");
    check_next(s, &lane, b, "bb");
    CHECK_ERR(store_read(s, &lane, &r), ERR_NOT_FOUND);
    check_next(s, &kind, c, "ccc");
    CHECK_ERR(store_read(s, &poor, &r), ERR_BUSY);
    while (store_read(s, &poor, &r) == ERR_BUSY)
        ;
    assert_int_equal(r.at, c);
    store_cursor_close(s, &all);
    store_cursor_close(s, &lane);
    store_cursor_close(s, &kind);
    store_cursor_close(s, &poor);
}

struct writer {
    struct store *store;
    uint64_t *stamped; /* what stamp counted, under the tail lock */
    uint16_t lane;
};

static void count(void *ctx, uint8_t *body, size_t len, uint64_t at)
{
    uint64_t *n = ctx;

    (void)at;
    ++*n;
    memcpy(body, n, len);
}

static void *write_all(void *ctx)
{
    struct writer *w = ctx;
    uint64_t room = 0, at;
    struct bytes part = bytes_of(&room, sizeof room);

    for (int i = 0; i < PER_WRITER; i++)
        if (store_append(
                w->store,
                &(struct draft){.lane = w->lane, .parts = &part, .n_parts = 1, .stamp = count, .ctx = w->stamped}, &at))
            return w;
    return NULL;
}

static void stamps_follow_the_order_of_the_log(struct store *s)
{
    uint64_t stamped = 0, expected = 0, got;
    struct writer w[3];
    pthread_t threads[3];
    struct cursor c = {.at = store_end(s), .kind = -1, .lane = -1};
    struct record r;
    void *failed;

    for (uint16_t i = 0; i < 3; i++) {
        w[i] = (struct writer){.store = s, .stamped = &stamped, .lane = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_all, &w[i]), 0);
    }
    while (expected < 3 * PER_WRITER) {
        if (store_read(s, &c, &r))
            continue;
        assert_int_equal(r.body.len, sizeof got);
        memcpy(&got, r.body.at, sizeof got);
        assert_int_equal(got, ++expected);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    store_cursor_close(s, &c);
}

TEST(memory_keeps_every_promise)
{
    struct store *s;

    CHECK_OK(memory_store_open(&s));
    reads_by_place_and_filter(s);
    stamps_follow_the_order_of_the_log(s);
    store_close(s);
}

TEST(disk_keeps_every_promise)
{
    char folder[] = "/tmp/d2d-store-XXXXXX", why[256];
    DIR *d;
    struct store *s;

    CHECK(mkdtemp(folder));
    CHECK_OK(disk_store_open(&(struct disk_options){.folder = folder, .segment_size = 4 << 20}, &s, why));
    reads_by_place_and_filter(s);
    store_close(s);
    CHECK_OK(disk_store_open(&(struct disk_options){.folder = folder, .segment_size = 4 << 20}, &s, why));
    stamps_follow_the_order_of_the_log(s);
    store_close(s);
    CHECK((d = opendir(folder)));
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    CHECK(rmdir(folder) == 0);
}

TEST(only_what_was_durable_survives_a_crash)
{
    struct store *s, *left;
    struct cursor c = {.kind = -1, .lane = -1};
    struct record r;
    uint64_t a, b;

    CHECK_OK(memory_store_open(&s));
    memory_store_faults(s, &(struct memory_faults){.manual = true});
    a = add(s, 1, 0, "kept");
    b = add(s, 1, 0, "lost");
    CHECK_ERR(store_read(s, &c, &r), ERR_NOT_FOUND);
    memory_store_settle(s, b);
    CHECK_OK(memory_store_crashed(s, &left));
    assert_int_equal(store_end(left), b);
    check_next(left, &c, a, "kept");
    CHECK_ERR(store_read(left, &c, &r), ERR_NOT_FOUND);
    store_close(left);
    store_close(s);
}

TEST(a_full_disk_refuses_appends_and_a_trim_moves_cursors_on)
{
    struct store *s;
    struct cursor c = {.kind = -1, .lane = -1};
    uint64_t b, unused;

    CHECK_OK(memory_store_open(&s));
    (void)add(s, 1, 0, "a");
    memory_store_faults(s, &(struct memory_faults){.append = ERR_DISK_FULL, .fail_after = 1});
    b = add(s, 1, 0, "b");
    CHECK_ERR(store_append(s, &(struct draft){.kind = 1}, &unused), ERR_DISK_FULL);
    CHECK_OK(store_trim(s, b));
    assert_int_equal(store_first(s), b);
    check_next(s, &c, b, "b");
    store_close(s);
}

TESTS(RUN(memory_keeps_every_promise), RUN(disk_keeps_every_promise), RUN(only_what_was_durable_survives_a_crash),
      RUN(a_full_disk_refuses_appends_and_a_trim_moves_cursors_on))
