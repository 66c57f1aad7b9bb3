/* The order of locks is kept by the locks themselves: who takes one against it does not go on. */
#include "check.h"
#include "mutex.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct mutex cold, shard, other_shard;

static void make(void)
{
    mutex_init(&cold, RANK_COLD);
    mutex_init(&shard, RANK_SHARD);
    mutex_init(&other_shard, RANK_SHARD);
}

static void break_the_order(void)
{
    mutex_lock(&shard);
    mutex_lock(&cold);
}

static void take_two_of_a_rank(void)
{
    mutex_lock(&shard);
    mutex_lock(&other_shard);
}

static void take_twice(void)
{
    mutex_lock(&shard);
    mutex_lock(&shard);
}

static void give_back_what_is_not_ours(void)
{
    mutex_unlock(&shard);
}

static void do_without_it(void)
{
    mutex_lock(&other_shard);
    assert_locked(&shard);
}

static void wait_without_it(void)
{
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;

    mutex_wait(&shard, &never);
}

/* In a process of its own, which says nothing. */
static bool ends_the_process(void (*f)(void))
{
    pid_t child = fork();
    int status = 0;

    if (!child) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGABRT, SIG_DFL);
        alarm(60);
        if (freopen("/dev/null", "w", stderr))
            f();
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST(locks_in_their_order_can_be_taken_and_given_back_in_any)
{
    make();
    mutex_lock(&cold);
    mutex_lock(&shard);
    assert_locked(&cold);
    assert_locked(&shard);
    CHECK(!mutex_is_mine(&other_shard));
    mutex_unlock(&cold);
    CHECK(!mutex_is_mine(&cold) && mutex_is_mine(&shard));
    mutex_unlock(&shard);
    mutex_lock(&other_shard);
    mutex_unlock(&other_shard);
    mutex_destroy(&cold);
    mutex_destroy(&shard);
    mutex_destroy(&other_shard);
}

TEST(whoever_takes_them_against_the_order_ends)
{
    make();
    CHECK(ends_the_process(break_the_order));
    CHECK(ends_the_process(take_two_of_a_rank));
    CHECK(ends_the_process(take_twice));
}

TEST(whoever_does_without_a_lock_what_needs_it_ends)
{
    make();
    CHECK(ends_the_process(give_back_what_is_not_ours));
    CHECK(ends_the_process(do_without_it));
    CHECK(ends_the_process(wait_without_it));
}

static bool is_anothers;

static void *look(void *ctx)
{
    is_anothers = !mutex_is_mine(ctx);
    return NULL;
}

TEST(a_lock_belongs_to_one_thread)
{
    pthread_t thread;

    make();
    mutex_lock(&shard);
    CHECK(!pthread_create(&thread, NULL, look, &shard));
    pthread_join(thread, NULL);
    CHECK(is_anothers && mutex_is_mine(&shard));
    mutex_unlock(&shard);
}

TESTS(RUN(locks_in_their_order_can_be_taken_and_given_back_in_any), RUN(whoever_takes_them_against_the_order_ends),
      RUN(whoever_does_without_a_lock_what_needs_it_ends), RUN(a_lock_belongs_to_one_thread))
