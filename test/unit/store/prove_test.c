/* Several threads that prove a checkpoint find it whole when one alone does, and never else. */
#include "check.h"

#include "crew.h"
#include "map.h"
#include "state_check.h"
#include "state_open.h"
#include "state_page.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_MAX = 64 << 20, PAGE = 4096, BATCH = 1000 };

static char folder[64], path[96];
static uint8_t *whole, *now;
static size_t len;
static char said[STATE_WHY_CAP]; /* by the one that is alone */

static uint64_t chance(uint64_t *seed, uint64_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % below;
}

/* Long keys make a deep tree. */
static void make(unsigned n, int key_len, size_t value_len)
{
    char why[STATE_WHY_CAP], key[STATE_KEY_MAX];
    static uint8_t value[5000];
    struct state *s;
    int fd;

    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/d2d-prove-XXXXXX" : "/tmp/d2d-prove-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
    for (unsigned i = 0; i < n; i++) {
        if (i % BATCH == 0)
            CHECK_OK(state_begin(s));
        snprintf(key, sizeof key, "t/%0*u", key_len - 2, i);
        value[0] = (uint8_t)i;
        CHECK_OK(state_put(s, bytes_str(key), bytes_of(value, i % 97 ? value_len : sizeof value)));
        if (i % BATCH == BATCH - 1 || i + 1 == n)
            CHECK_OK(state_commit(s, 8 * (i + 1)));
    }
    state_close(s);
    assert_non_null(whole = malloc(FILE_MAX));
    assert_non_null(now = malloc(FILE_MAX));
    fd = open(path, O_RDONLY);
    len = (size_t)read(fd, whole, FILE_MAX);
    close(fd);
    CHECK(len > 0 && len < FILE_MAX && len % PAGE == 0);
    memcpy(now, whole, len);
}

static void drop(void)
{
    char lock[128];

    snprintf(lock, sizeof lock, "%s/lock.mdb", folder);
    unlink(lock);
    unlink(path);
    CHECK(rmdir(folder) == 0);
    free(whole);
    free(now);
}

static bool read_now(void *ctx, uint64_t at, uint8_t *to, size_t n)
{
    (void)ctx;
    if (at > len || n > len - at)
        return false;
    memcpy(to, now + at, n);
    return true;
}

struct tally {
    bool in_values;
    uint64_t entries, keys;
};

/* As many as there may be, for whichever thread is told of a table tells the others. */
static struct tally tallies[CREW_MAX];

static const char *on_table(void *ctx, struct bytes name)
{
    CHECK(ctx == &tallies[0]);
    for (unsigned i = 0; i < CREW_MAX; i++)
        tallies[i].in_values = bytes_eq(name, bytes_str(STATE_TABLE));
    return NULL;
}

static const char *on_entry(void *ctx, struct bytes key, struct bytes stored)
{
    struct tally *t = ctx;
    struct bytes value;
    uint64_t seal;

    if (!t->in_values)
        return NULL;
    t->entries++;
    t->keys += bytes_hash(key, 0);
    return state_unseal(key, stored, &value, &seal) ? NULL : "is damaged: its checksum is wrong";
}

static bool stop(void *ctx, uint64_t offset, const char *what)
{
    (void)ctx;
    (void)offset;
    snprintf(said, sizeof said, "%s", what);
    return false;
}

static enum err prove(unsigned n, struct tally *sum)
{
    struct pages_source source = {.read = read_now, .size = len};
    struct pages_look looks[CREW_MAX];
    enum err e;

    memset(tallies, 0, sizeof tallies);
    for (unsigned i = 0; i < CREW_MAX; i++)
        looks[i] = (struct pages_look){.table = on_table, .entry = on_entry, .ctx = &tallies[i]};
    if (n == 0)
        looks[0].damage = stop;
    e = n ? pages_prove(&source, looks, n) : pages_walk(&source, looks);
    *sum = (struct tally){.entries = 0};
    for (unsigned i = 0; i < CREW_MAX; i++) {
        sum->entries += tallies[i].entries;
        sum->keys += tallies[i].keys;
    }
    return e;
}

static void check_alike(bool *is_whole)
{
    struct tally alone, together;
    enum err e = prove(0, &alone);

    CHECK(!e || e == ERR_DAMAGED);
    for (unsigned n = 1; n <= CREW_MAX; n++) {
        CHECK_ERR(prove(n, &together), e);
        CHECK(e || (together.entries == alone.entries && together.keys == alone.keys));
    }
    *is_whole = !e;
}

TEST(each_entry_is_shown_to_one_of_them)
{
    bool is_whole;
    struct tally t;

    make(1500, 380, 200);
    check_alike(&is_whole);
    CHECK(is_whole);
    for (unsigned n = 1; n <= CREW_MAX; n++)
        CHECK(prove(n, &t) == OK && t.entries == 1500);
    drop();
}

TEST(they_find_what_one_finds)
{
    unsigned n_whole = 0, n_damaged = 0;
    uint64_t seed = 1;
    bool is_whole;

    make(1500, 380, 200);
    for (int i = 0; i < 400; i++) {
        size_t at = (size_t)chance(&seed, len / PAGE) * PAGE, from;

        if (i % 3 == 0) { /* heads of pages */
            now[at + chance(&seed, 40)] ^= (uint8_t)(1U << chance(&seed, 8));
        } else if (i % 3 == 1) { /* anything */
            at += (size_t)chance(&seed, PAGE);
            now[at] ^= (uint8_t)(1U << chance(&seed, 8));
            at -= at % PAGE;
        } else { /* another page that says it is this one */
            from = (size_t)chance(&seed, len / PAGE) * PAGE;
            memcpy(now + at + sizeof(size_t), whole + from + sizeof(size_t), PAGE - sizeof(size_t));
        }
        check_alike(&is_whole);
        n_whole += is_whole;
        n_damaged += !is_whole;
        memcpy(now + at, whole + at, PAGE);
    }
    CHECK(n_whole > 0 && n_damaged > 200);
    drop();
}

/* All of the tree is there, and the last of its values is another one. */
TEST(they_find_it_in_the_last_entry)
{
    bool is_whole;
    char key[32];
    size_t n = 0;

    make(1500, 30, 900);
    snprintf(key, sizeof key, "t/%028u", 1499);
    for (size_t at = 0; at + 30 < len; at++) {
        if (memcmp(now + at, key, 30) == 0) {
            now[at + 30 + 200] ^= 1;
            n++;
        }
    }
    CHECK(n > 0);
    check_alike(&is_whole);
    CHECK(!is_whole && strstr(said, "1499"));
    drop();
}

/* The lowest page of a list of free ones; NULL: there is no list. */
static uint8_t *lowest_free(void)
{
    struct meta metas[META_PAGES];
    struct node node;
    const struct meta *m;
    const uint8_t *list;

    for (unsigned i = 0; i < META_PAGES; i++)
        CHECK(!page_meta(now + i * PAGE, i, &metas[i]));
    m = &metas[metas[0].txn < metas[1].txn];
    if (m->free.depth != 1 || !page_node(now + m->free.root * PAGE, PAGE, 0, true, &node))
        return NULL;
    list = node.flags & BIG_DATA ? now + word_at(node.data.at) * PAGE + PAGE_HEAD : node.data.at;
    return word_at(list) ? now + (list - now) + word_at(list) * WORD : NULL;
}

TEST(they_find_a_page_that_is_in_use_and_free)
{
    uint8_t *lowest;
    size_t page;
    bool is_whole;

    make(3000, 380, 200);
    assert_non_null(lowest = lowest_free());
    page = word_at(lowest);
    CHECK(page > META_PAGES);
    /* Every page below the lowest free one is in use. */
    page--;
    memcpy(lowest, &page, sizeof page);
    check_alike(&is_whole);
    CHECK(!is_whole);
    drop();
}

static void write_byte(size_t at)
{
    int fd = open(path, O_WRONLY);

    CHECK(fd >= 0 && pwrite(fd, now + at, 1, (off_t)at) == 1 && close(fd) == 0);
}

TEST(of_a_large_file_the_first_damage_is_named)
{
    enum { MANY = 16000, FLIPS = 3 };
    char why[STATE_WHY_CAP];
    struct state_sum sum;
    struct tally t;
    uint64_t seed = 7;
    unsigned n_damaged = 0;
    int form;

    make(MANY, 16, 1000);
    CHECK(len > 16 << 20);
    CHECK_OK(state_check(path, &sum, &form, why));
    CHECK(sum.entries == MANY && sum.place == 8 * MANY && form == STATE_SEALED && !why[0]);
    for (int i = 0; i < 12; i++) {
        size_t at[FLIPS];
        enum err e;

        for (int k = 0; k < FLIPS; k++) {
            at[k] = 2 * PAGE + (size_t)chance(&seed, len - 2 * PAGE);
            now[at[k]] ^= 1;
            write_byte(at[k]);
        }
        e = prove(0, &t);
        CHECK_ERR(state_check(path, &sum, &form, why), e);
        CHECK(!e || strcmp(why, said) == 0);
        n_damaged += e == ERR_DAMAGED;
        for (int k = FLIPS; k-- > 0;) {
            now[at[k]] = whole[at[k]];
            write_byte(at[k]);
        }
    }
    CHECK(n_damaged > 8);
    CHECK_OK(state_check(path, &sum, &form, why));
    drop();
}

TESTS(RUN(each_entry_is_shown_to_one_of_them), RUN(they_find_what_one_finds), RUN(they_find_it_in_the_last_entry),
      RUN(they_find_a_page_that_is_in_use_and_free), RUN(of_a_large_file_the_first_damage_is_named))
