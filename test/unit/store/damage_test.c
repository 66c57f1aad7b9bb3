/* A checkpoint whose file is damaged: whatever byte it is, the file is refused with the page or key, or everything in
 * it is as it was; it never shows anything else, and never ends the process. Checkpoints of before are read once. */
#include "check.h"

#include "state_open.h"
#include "state_pages.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENTRIES = 120, FILE_MAX = 1 << 20, SHOWN_MAX = 1 << 20 };

static char folder[64], path[96], why[STATE_WHY_CAP];
static uint8_t whole[FILE_MAX], now[FILE_MAX];
static size_t whole_len;
static struct buf before, last; /* what the two last transactions left, as show() writes it */

static uint64_t chance(uint64_t *seed, uint64_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % below;
}

static void folder_make(void)
{
    /* Thousands of files, each synced: in memory where that is possible. */
    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/d2d-damage-XXXXXX" : "/tmp/d2d-damage-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/data.mdb", folder);
}

static void folder_drop(void)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};

    for (size_t i = 0; i < 2; i++) {
        char name[128];

        snprintf(name, sizeof name, "%s/%s", folder, names[i]);
        unlink(name);
    }
    CHECK(rmdir(folder) == 0);
}

static void file_put(const uint8_t *at, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0 && write(fd, at, len) == (ssize_t)len && close(fd) == 0);
}

static bool show_one(void *ctx, struct bytes key, struct bytes value)
{
    buf_put_u32(ctx, (uint32_t)key.len);
    buf_put(ctx, key);
    buf_put_u32(ctx, (uint32_t)value.len);
    buf_put(ctx, value);
    return true;
}

static void show(struct state *s, struct buf *out)
{
    buf_clear(out);
    buf_put_u64(out, state_place(s));
    CHECK_OK(state_each(s, NO_BYTES, NO_BYTES, show_one, out));
    CHECK(!out->bad);
}

/* Small values, values with pages of their own, and keys that go again. */
static void fill(struct state *s, uint64_t seed, int round)
{
    static uint8_t value[9000];

    CHECK_OK(state_begin(s));
    for (int i = 0; i < ENTRIES; i++) {
        char key[32];
        size_t len = (size_t)(chance(&seed, 12) ? chance(&seed, 300) : chance(&seed, sizeof value));

        snprintf(key, sizeof key, "%c/%llu", 'a' + (int)chance(&seed, 5), (unsigned long long)chance(&seed, 200));
        memset(value, round * 7 + i, len);
        if (chance(&seed, 4))
            CHECK_OK(state_put(s, bytes_str(key), bytes_of(value, len)));
        else
            CHECK_OK(state_del(s, bytes_str(key)));
    }
    CHECK_OK(state_commit(s, (uint64_t)round * 100));
}

static void make_whole(uint64_t seed)
{
    struct state *s;
    int fd;

    folder_make();
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    before = last = buf_max(SHOWN_MAX);
    for (int round = 1; round < 9; round++) {
        fill(s, seed * 31 + (uint64_t)round, round);
        if (round == 7)
            show(s, &before);
    }
    show(s, &last);
    state_close(s);
    fd = open(path, O_RDONLY);
    whole_len = (size_t)read(fd, whole, sizeof whole);
    close(fd);
    CHECK(whole_len > 60000 && whole_len < sizeof whole);
}

static void drop_whole(void)
{
    folder_drop();
    buf_free(&before);
    buf_free(&last);
}

/* The transaction before the last one is as good as a crash before the last one: the log has what is behind it. */
static bool opens_as_it_was(void)
{
    struct buf seen = buf_max(SHOWN_MAX);
    struct state *s;
    bool opens;
    enum err e = lmdb_state_open(folder, 0, &s, why);

    CHECK(!e || e == ERR_DAMAGED);
    CHECK(!e || why[0]);
    if ((opens = !e)) {
        show(s, &seen);
        CHECK(bytes_eq(buf_bytes(&seen), buf_bytes(&last)) || bytes_eq(buf_bytes(&seen), buf_bytes(&before)));
        /* And it can be written to: nothing in it is used twice. */
        fill(s, 99, 9);
        show(s, &seen);
        state_close(s);
        CHECK_OK(lmdb_state_open(folder, 0, &s, why));
        show(s, &last);
        CHECK_BYTES(buf_bytes(&last), buf_bytes(&seen));
        buf_clear(&last);
        state_close(s);
    }
    buf_free(&seen);
    return opens;
}

static void try_damaged(size_t len)
{
    struct buf kept = buf_max(SHOWN_MAX);

    buf_put(&kept, buf_bytes(&last));
    file_put(now, len);
    (void)opens_as_it_was();
    buf_clear(&last);
    buf_put(&last, buf_bytes(&kept));
    buf_free(&kept);
}

static void flip(size_t at, unsigned bit)
{
    memcpy(now, whole, whole_len);
    now[at] ^= (uint8_t)(1U << bit);
    try_damaged(whole_len);
}

TEST(a_flipped_bit_is_found_or_means_nothing)
{
    const char *many = getenv("D2D_FLIPS");
    uint64_t seed = 1, n = many ? strtoull(many, NULL, 10) : 600;

    make_whole(seed);
    for (size_t at = 0; at<2 * 4096; at += at % 4096> 200 ? 401 : 1)
        flip(at, (unsigned)chance(&seed, 8));
    for (size_t page = 2 * 4096; page < whole_len; page += 4096)
        for (size_t at = 0; at < 24; at += 3)
            flip(page + at, (unsigned)chance(&seed, 8));
    for (uint64_t i = 0; i < n; i++)
        flip((size_t)chance(&seed, whole_len), (unsigned)chance(&seed, 8));
    drop_whole();
}

TEST(a_cut_file_is_refused_or_lost_nothing)
{
    uint64_t seed = 2;

    make_whole(seed);
    for (int i = 0; i < 150; i++) {
        memcpy(now, whole, whole_len);
        try_damaged(i < 20 ? (size_t)(i + 1) * 4096 : 1 + (size_t)chance(&seed, whole_len - 1));
    }
    drop_whole();
}

TEST(sectors_of_zeros_noise_and_other_pages_are_found)
{
    uint64_t seed = 3;

    make_whole(seed);
    for (int i = 0; i < 300; i++) {
        size_t len = i % 2 ? 512 : 4096, at = (size_t)chance(&seed, whole_len / len) * len;

        memcpy(now, whole, whole_len);
        if (i % 3 == 0)
            memset(now + at, 0, len);
        else if (i % 3 == 1)
            memcpy(now + at, whole + (size_t)chance(&seed, whole_len / len) * len, len);
        else
            for (size_t k = 0; k < len; k++)
                now[at + k] = (uint8_t)chance(&seed, 256);
        try_damaged(whole_len);
    }
    drop_whole();
}

/* The walk alone, with anything: it ends, and stays within its bytes (the sanitizers look). */
static bool read_now(void *ctx, uint64_t at, uint8_t *to, size_t len)
{
    size_t size = *(size_t *)ctx;

    if (at > size || len > size - at)
        return false;
    memcpy(to, now + at, len);
    return true;
}

static const char *no_wish(void *ctx, struct bytes name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

static const char *touch(void *ctx, struct bytes key, struct bytes value)
{
    unsigned sum = 0;

    (void)ctx;
    for (size_t i = 0; i < key.len; i++)
        sum += key.at[i];
    for (size_t i = 0; i < value.len; i++)
        sum += value.at[i];
    return sum % 251 ? NULL : "has a sum that is not wanted";
}

static bool goes_on(void *ctx, uint64_t offset, const char *what)
{
    (void)ctx;
    (void)offset;
    CHECK(what[0]);
    return true;
}

TEST(a_walk_over_anything_ends)
{
    struct pages_look look = {.table = no_wish, .entry = touch, .damage = goes_on};
    struct pages_source source = {.read = read_now, .ctx = &whole_len};
    uint64_t seed = 4;

    make_whole(seed);
    source.size = whole_len;
    for (int i = 0; i < 3000; i++) {
        memcpy(now, whole, whole_len);
        for (uint64_t k = chance(&seed, 30); k > 0; k--)
            now[chance(&seed, whole_len)] = (uint8_t)chance(&seed, 256);
        if (i % 2) /* heads of pages */
            for (uint64_t k = chance(&seed, 10); k > 0; k--)
                now[chance(&seed, whole_len / 4096) * 4096 + chance(&seed, 40)] = (uint8_t)chance(&seed, 256);
        CHECK(pages_walk(&source, &look) != ERR_MEMORY);
    }
    drop_whole();
}

/* ---- of before ------------------------------------------------------------------------------------------------- */

/* As hubs wrote it that knew of no checksums. */
static void write_bare(unsigned n, uint64_t place)
{
    static uint8_t large[5000];
    MDB_dbi kept, meta;
    MDB_env *env;
    MDB_txn *txn;
    MDB_val k = {5, "place"}, v = {sizeof place, &place};

    CHECK(!mdb_env_create(&env) && !mdb_env_set_maxdbs(env, 2) && !mdb_env_set_mapsize(env, 64U << 20) &&
          !mdb_env_open(env, folder, 0, 0600) && !mdb_txn_begin(env, NULL, 0, &txn) &&
          !mdb_dbi_open(txn, "kept", MDB_CREATE, &kept) && !mdb_dbi_open(txn, "meta", MDB_CREATE, &meta) &&
          !mdb_put(txn, meta, &k, &v, 0));
    for (unsigned i = 0; i < n; i++) {
        char key[16];

        k = (MDB_val){(size_t)snprintf(key, sizeof key, "d/%05u", i), key};
        v = (MDB_val){i % 50 ? i % 300 : sizeof large, large};
        CHECK(!mdb_put(txn, kept, &k, &v, 0));
    }
    CHECK(!mdb_txn_commit(txn));
    mdb_env_close(env);
}

static bool count_one(void *ctx, struct bytes key, struct bytes value)
{
    unsigned *n = ctx;
    char wanted[16];

    snprintf(wanted, sizeof wanted, "d/%05u", *n);
    CHECK_BYTES(key, bytes_str(wanted));
    CHECK(value.len == (*n % 50 ? *n % 300 : 5000));
    ++*n;
    return true;
}

TEST(a_checkpoint_of_before_is_converted_once)
{
    enum { MANY = 30000 };
    struct state *s;

    folder_make();
    write_bare(MANY, 4711);
    for (int round = 0; round < 2; round++) {
        struct state_sum sum;
        unsigned n = 0;
        int form;

        CHECK_OK(state_check(path, &sum, &form, why));
        CHECK(form == (round ? STATE_SEALED : STATE_BARE) && sum.place == 4711);
        CHECK_OK(lmdb_state_open(folder, 0, &s, why));
        CHECK(state_place(s) == 4711);
        CHECK_OK(state_each(s, NO_BYTES, NO_BYTES, count_one, &n));
        CHECK(n == MANY);
        state_close(s);
    }
    folder_drop();
}

TEST(an_empty_checkpoint_of_before_becomes_an_empty_one)
{
    struct state *s;
    unsigned n = 0;

    folder_make();
    write_bare(0, 0);
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    CHECK(state_place(s) == 0);
    CHECK_OK(state_each(s, NO_BYTES, NO_BYTES, count_one, &n));
    state_close(s);
    folder_drop();
}

/* ---- the rest -------------------------------------------------------------------------------------------------- */

TEST(one_process_at_a_time_has_it)
{
    struct state *s, *other;

    folder_make();
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    CHECK_ERR(lmdb_state_open(folder, 0, &other, why), ERR_BUSY);
    state_close(s);
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    state_close(s);
    folder_drop();
}

/* Cut short under a running hub: the pages that are gone cannot be read, and there is nothing to go on with. */
TEST(a_file_that_is_cut_while_it_is_open_ends_the_process_with_its_name)
{
    struct buf seen = buf_max(SHOWN_MAX), said = buf_max(4096);
    int ends[2], status;
    struct state *s;
    pid_t child;
    ssize_t n;

    make_whole(5);
    CHECK(pipe(ends) == 0);
    if ((child = fork()) == 0) {
        dup2(ends[1], STDERR_FILENO);
        if (lmdb_state_open(folder, 0, &s, why) || truncate(path, 3 * 4096))
            _exit(7);
        show(s, &seen);
        _exit(8);
    }
    close(ends[1]);
    do {
        uint8_t *to = buf_grow(&said, 256);

        n = to ? read(ends[0], to, 256) : 0;
        said.len -= to ? 256 - (size_t)(n > 0 ? n : 0) : 0;
    } while (n > 0);
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 1);
    CHECK(strstr(buf_str(&said), path) && strstr(buf_str(&said), "damaged"));
    buf_free(&said);
    buf_free(&seen);
    drop_whole();
}

/* Free pages at the end of the file may never have been written; all others are needed. */
TEST(what_many_transactions_leave_is_whole)
{
    struct state *s;

    folder_make();
    for (int turn = 0; turn < 40; turn++) {
        CHECK_OK(lmdb_state_open(folder, 0, &s, why));
        for (int round = 1; round < 12; round++)
            fill(s, (uint64_t)(turn * 100 + round), round);
        state_close(s);
    }
    folder_drop();
}

TESTS(RUN(a_flipped_bit_is_found_or_means_nothing), RUN(a_cut_file_is_refused_or_lost_nothing),
      RUN(sectors_of_zeros_noise_and_other_pages_are_found), RUN(a_walk_over_anything_ends),
      RUN(a_checkpoint_of_before_is_converted_once), RUN(an_empty_checkpoint_of_before_becomes_an_empty_one),
      RUN(one_process_at_a_time_has_it), RUN(a_file_that_is_cut_while_it_is_open_ends_the_process_with_its_name),
      RUN(what_many_transactions_leave_is_whole))
