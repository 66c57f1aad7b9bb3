/* The same tests over both engines of the checkpoint; what only LMDB promises comes behind it. */
#include "check.h"

#include "memory_engines.h"
#include "state_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64], why[STATE_WHY_CAP];

static void folder_make(void)
{
    strcpy(folder, "/tmp/d2d-state-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static void folder_drop(void)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "data.mdb.old-1"};
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

struct seen {
    char text[256];
    size_t most;
};

static bool see(void *ctx, struct bytes key, struct bytes value)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);

    snprintf(s->text + n, sizeof s->text - n, "%.*s=%.*s ", BYTES_ARG(key), BYTES_ARG(value));
    return s->most == 0 || --s->most > 0;
}

static void check_each(struct state *s, const char *prefix, const char *after, size_t most, const char *wanted)
{
    struct seen seen = {.most = most};

    CHECK_OK(state_each(s, bytes_str(prefix), bytes_str(after), see, &seen));
    assert_string_equal(seen.text, wanted);
}

static bool see_pair(void *ctx, struct bytes key, struct bytes value, struct bytes beside)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);

    snprintf(s->text + n, sizeof s->text - n, "%.*s=%.*s", BYTES_ARG(key), BYTES_ARG(value));
    n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, beside.at ? ",%.*s " : "- ", BYTES_ARG(beside));
    return s->most == 0 || --s->most > 0;
}

static void check_pairs(struct state *s, const char *after, size_t most, const char *wanted)
{
    struct seen seen = {.most = most};

    CHECK_OK(state_pairs(s, BYTES("m/"), BYTES("t/"), bytes_str(after), see_pair, &seen));
    assert_string_equal(seen.text, wanted);
}

static void check_get(struct state *s, const char *key, const char *wanted)
{
    struct buf out = buf_max(1024);

    if (wanted) {
        CHECK_OK(state_get(s, bytes_str(key), &out));
        CHECK_BYTES(buf_bytes(&out), bytes_str(wanted));
    } else {
        CHECK_ERR(state_get(s, bytes_str(key), &out), ERR_NOT_FOUND);
    }
    buf_free(&out);
}

static void put(struct state *s, const char *key, const char *value)
{
    CHECK_OK(state_put(s, bytes_str(key), bytes_str(value)));
}

static void every_promise(struct state *s)
{
    static const uint8_t long_key[STATE_KEY_MAX + 1];

    assert_int_equal(state_place(s), 0);
    check_get(s, "a", NULL);
    check_each(s, "", NULL, 0, "");

    CHECK_OK(state_begin(s));
    put(s, "d/b", "2");
    put(s, "d/a", "1");
    put(s, "e/a", "");
    put(s, "c", "0");
    check_get(s, "c", NULL); /* not before the commit */
    CHECK_OK(state_commit(s, 7));
    assert_int_equal(state_place(s), 7);
    check_get(s, "d/a", "1");
    check_get(s, "e/a", "");
    check_each(s, "", NULL, 0, "c=0 d/a=1 d/b=2 e/a= ");
    check_each(s, "d/", NULL, 0, "d/a=1 d/b=2 ");
    check_each(s, "d/", "d/a", 0, "d/b=2 ");
    check_each(s, "d/", "d/aa", 0, "d/b=2 ");
    check_each(s, "d/", "a", 0, "d/a=1 d/b=2 ");
    check_each(s, "d/", "z", 0, "");
    check_each(s, "", NULL, 2, "c=0 d/a=1 ");

    CHECK_OK(state_begin(s));
    put(s, "c", "lost");
    CHECK_OK(state_del(s, BYTES("d/a")));
    state_abort(s);
    check_each(s, "", NULL, 0, "c=0 d/a=1 d/b=2 e/a= ");
    assert_int_equal(state_place(s), 7);

    CHECK_OK(state_begin(s));
    put(s, "c", "first");
    put(s, "c", "last");
    CHECK_OK(state_del(s, BYTES("d/a")));
    CHECK_OK(state_del(s, BYTES("never there")));
    CHECK_OK(state_commit(s, 9));
    check_each(s, "", NULL, 0, "c=last d/b=2 e/a= ");
    assert_int_equal(state_place(s), 9);

    CHECK_OK(state_begin(s));
    CHECK_ERR(state_put(s, bytes_of(long_key, sizeof long_key), NO_BYTES), ERR_ARGUMENT);
    CHECK_ERR(state_put(s, NO_BYTES, NO_BYTES), ERR_ARGUMENT);
    state_abort(s);
}

/* Names under one prefix, and what the same names have under another: there are few of them, many, and others. */
static void every_pair(struct state *s)
{
    char key[16];

    CHECK_OK(state_begin(s));
    put(s, "m/a", "1");
    CHECK_OK(state_commit(s, 10));
    check_pairs(s, "", 0, "m/a=1- ");
    CHECK_OK(state_begin(s));
    put(s, "m/b", "2");
    put(s, "m/b/c", "3");
    put(s, "m/y", "4");
    put(s, "m/z", "");
    put(s, "s", "before all");
    put(s, "t/", "nameless");
    put(s, "t/b", "B");
    put(s, "t/b+c", "another");
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "t/c%02d", i);
        put(s, key, "another");
    }
    put(s, "t/y", "");
    put(s, "u/z", "behind all");
    CHECK_OK(state_commit(s, 11));
    check_pairs(s, "", 0, "m/a=1- m/b=2,B m/b/c=3- m/y=4, m/z=- ");
    check_pairs(s, "m/b", 2, "m/b/c=3- m/y=4, ");
    check_pairs(s, "m/ba", 1, "m/y=4, ");
    check_pairs(s, "m/y", 0, "m/z=- ");
    check_pairs(s, "m/z", 0, "");
    CHECK_OK(state_begin(s));
    put(s, "t/z", "Z");
    CHECK_OK(state_del(s, BYTES("t/y")));
    CHECK_OK(state_commit(s, 12));
    check_pairs(s, "m/b/c", 0, "m/y=4- m/z=,Z ");
}

TEST(memory_keeps_every_promise)
{
    struct state *s;

    CHECK_OK(memory_state_open(&s));
    every_promise(s);
    every_pair(s);
    state_close(s);
}

TEST(lmdb_keeps_every_promise_and_finds_it_again)
{
    struct state *s;

    folder_make();
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    every_promise(s);
    state_close(s);
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    assert_int_equal(state_place(s), 9);
    check_each(s, "", NULL, 0, "c=last d/b=2 e/a= ");
    every_pair(s);
    state_close(s);
    folder_drop();
}

TEST(lmdb_grows_its_map_when_a_transaction_does_not_fit)
{
    static uint8_t large[4096];
    struct state *s;
    struct buf out = buf_max(sizeof large);

    folder_make();
    memset(large, 'x', sizeof large);
    CHECK_OK(lmdb_state_open(folder, 64 * 1024, &s, why));
    CHECK_OK(state_begin(s));
    for (int i = 0; i < 300; i++) {
        char key[16];

        snprintf(key, sizeof key, "%03d", i);
        CHECK_OK(state_put(s, bytes_str(key), bytes_of(large, sizeof large)));
    }
    CHECK_OK(state_commit(s, 5));
    assert_int_equal(state_place(s), 5);
    state_close(s);
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    CHECK_OK(state_get(s, BYTES("299"), &out));
    CHECK_BYTES(buf_bytes(&out), bytes_of(large, sizeof large));
    buf_free(&out);
    state_close(s);
    folder_drop();
}

/* More than any machine of its word size has; a sanitizer of threads ends the process instead of refusing. */
TEST(lmdb_takes_a_smaller_map_where_there_is_no_room)
{
#ifndef __SANITIZE_THREAD__
    struct state *s;

    folder_make();
    CHECK_OK(lmdb_state_open(folder, (uint64_t)SIZE_MAX / 2 + 1, &s, why));
    CHECK_OK(state_begin(s));
    CHECK_OK(state_put(s, BYTES("a"), BYTES("1")));
    CHECK_OK(state_commit(s, 5));
    state_close(s);
    folder_drop();
#endif
}

/* Files that begin as LMDB's do on machines of either word size. */
TEST(a_checkpoint_tells_the_word_size_of_its_machine)
{
    static const struct {
        uint8_t head[20];
        int bits;
    } files[] = {
        {{[6] = 8, [12] = 0xDE, 0xC0, 0xEF, 0xBE, 1}, 32}, {{[10] = 8, [16] = 0xDE, 0xC0, 0xEF, 0xBE}, 64}, {{0}, 0}};
    char path[128], name[STATE_ASIDE_CAP];
    struct state *s;

    folder_make();
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    assert_int_equal(lmdb_state_bits(folder), 0);
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    state_close(s);
    assert_int_equal(lmdb_state_bits(folder), 8 * sizeof(void *));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        FILE *f = fopen(path, "w");

        CHECK(f && fwrite(files[i].head, sizeof files[i].head, 1, f) == 1 && fclose(f) == 0);
        assert_int_equal(lmdb_state_bits(folder), files[i].bits);
    }
    CHECK_OK(lmdb_state_set_aside(folder, "old", name));
    CHECK(access(path, F_OK) != 0);
    CHECK_OK(lmdb_state_set_aside(folder, "old", name));
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    assert_int_equal(state_place(s), 0);
    state_close(s);
    folder_drop();
}

TESTS(RUN(memory_keeps_every_promise), RUN(lmdb_keeps_every_promise_and_finds_it_again),
      RUN(lmdb_grows_its_map_when_a_transaction_does_not_fit), RUN(lmdb_takes_a_smaller_map_where_there_is_no_room),
      RUN(a_checkpoint_tells_the_word_size_of_its_machine))
