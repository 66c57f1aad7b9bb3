/* A copy of a checkpoint is as of one moment, however much its hub writes meanwhile, and so is a snapshot. */
#include "check.h"

#include "state_copy.h"
#include "state_open.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEYS = 200, ROUNDS = 30 };

static char folder[64], there[80], why[256];
static struct state *s;

static void begin(void)
{
    signal(SIGPIPE, SIG_IGN);
    strcpy(folder, "/tmp/d2d-copy-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(there, sizeof there, "%s/copy", folder);
    assert_int_equal(mkdir(there, 0700), 0);
    CHECK_OK(lmdb_state_open(folder, 0, &s, why));
}

static void end(void)
{
    static const char *const names[] = {"copy/data.mdb", "copy", "data.mdb", "lock.mdb", ""};
    char path[128];

    state_close(s);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
}

/* Every key has the number of its transaction. */
static void commit(uint64_t n)
{
    CHECK_OK(state_begin(s));
    for (int k = 0; k < KEYS; k++) {
        char key[16], value[600];

        snprintf(key, sizeof key, "k/%04d", k);
        memset(value, '.', sizeof value);
        snprintf(value, sizeof value, "%llu", (unsigned long long)n);
        CHECK_OK(state_put(s, bytes_str(key), bytes_of(value, sizeof value)));
    }
    CHECK_OK(state_commit(s, n));
}

struct seen {
    uint64_t place;
    int n, other;
};

static bool is_of_its_place(void *ctx, struct bytes key, struct bytes value)
{
    struct seen *seen = ctx;

    (void)key;
    seen->other += strtoull((const char *)value.at, NULL, 10) != seen->place;
    seen->n++;
    return true;
}

static bool write_part(void *ctx, struct bytes part)
{
    return write(*(int *)ctx, part.at, part.len) == (ssize_t)part.len;
}

/* Exits with 0 when every copy was of one moment. */
static void copy_again_and_again(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/data.mdb", there);
    for (int i = 0; i < ROUNDS; i++) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        struct seen seen = {.n = 0};
        struct state *at;

        if (lmdb_state_copy(folder, write_part, &fd, why) || close(fd) || lmdb_state_snapshot(there, false, &at))
            _exit(2);
        seen.place = state_place(at);
        if (state_each(at, BYTES("k/"), NO_BYTES, is_of_its_place, &seen) || seen.n != KEYS || seen.other)
            _exit(3);
        state_close(at);
    }
    _exit(0);
}

/* LMDB wants one environment a process: whoever copies is another one. */
TEST(a_copy_is_of_one_moment)
{
    int status = 0;
    pid_t child;

    begin();
    commit(1);
    if ((child = fork()) == 0)
        copy_again_and_again();
    for (uint64_t n = 2; waitpid(child, &status, WNOHANG) == 0; n++)
        commit(n);
    assert_int_equal(status, 0);
    end();
}

TEST(a_snapshot_of_a_hub_that_writes_stays_as_it_is)
{
    int from_child[2], status;
    pid_t child;
    char go = 0;

    begin();
    commit(1);
    assert_int_equal(pipe(from_child), 0);
    if ((child = fork()) == 0) {
        struct state *at;
        bool good = lmdb_state_snapshot(folder, true, &at) == OK && state_place(at) == 1 &&
                    write(from_child[1], &go, 1) == 1 && usleep(50000) == 0;
        struct buf value = buf_max(1000);

        good = good && state_get(at, BYTES("k/0007"), &value) == OK && value.len && value.at[0] == '1';
        good = good && state_get(at, BYTES("nothing"), &value) == ERR_NOT_FOUND;
        good = good && state_begin(at) == ERR_DENIED && state_put(at, BYTES("a"), BYTES("b")) == ERR_DENIED;
        good = good && state_del(at, BYTES("a")) == ERR_DENIED && state_commit(at, 2) == ERR_DENIED;
        state_abort(at);
        state_close(at);
        buf_free(&value);
        _exit(!good);
    }
    assert_int_equal(read(from_child[0], &go, 1), 1);
    for (uint64_t n = 2; n < 20; n++)
        commit(n);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(from_child[0]);
    close(from_child[1]);
    end();
}

static bool refuse(void *ctx, struct bytes part)
{
    (void)part;
    ++*(int *)ctx;
    return false;
}

TEST(who_has_enough_gets_no_more_and_what_is_not_there_is_told)
{
    struct state *at;
    int n = 0;

    begin();
    for (uint64_t i = 1; i < 4; i++)
        commit(i);
    CHECK_ERR(lmdb_state_copy(folder, refuse, &n, why), ERR_REJECTED);
    assert_int_equal(n, 1);
    CHECK_ERR(lmdb_state_copy("/nowhere", refuse, &n, why), ERR_IO);
    assert_non_null(strstr(why, "/nowhere/data.mdb: No such file"));
    CHECK_ERR(lmdb_state_snapshot("/nowhere", false, &at), ERR_NOT_FOUND);
    end();
}

TESTS(RUN(a_copy_is_of_one_moment), RUN(a_snapshot_of_a_hub_that_writes_stays_as_it_is),
      RUN(who_has_enough_gets_no_more_and_what_is_not_there_is_told))
