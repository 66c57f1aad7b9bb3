/* Work that other threads hand to a running loop. */
#include "live_hub.h"

enum { THREADS = 4, EACH = 200 };

struct job {
    struct d2d_device *device;
    unsigned thread, number;
};

static struct {
    struct d2d_loop *loop;
    struct d2d_device *device;
    pthread_t home;
    unsigned done, next[THREADS], acknowledged, closed;
} place;

static void on_sent(void *ctx, struct d2d_device *device, enum d2d_err e)
{
    (void)ctx;
    (void)device;
    CHECK(e == D2D_OK);
    if (++place.acknowledged == THREADS * EACH)
        d2d_loop_stop(place.loop);
}

/* On the loop's thread, in the order of each thread. */
static void work(void *ctx, enum d2d_err e)
{
    const struct d2d_message m = {.body = "from a thread", .body_len = 13};
    struct job *job = ctx;

    CHECK(e == D2D_OK && pthread_equal(pthread_self(), place.home));
    CHECK(job->number == place.next[job->thread]++);
    CHECK(d2d_device_send_wait(job->device, &m, 1000) == D2D_IN_CALLBACK);
    CHECK(d2d_device_send(job->device, &m, D2D_AT_LEAST_ONCE, on_sent, NULL) == D2D_OK);
    place.done++;
    free(job);
}

static void *thread(void *ctx)
{
    for (unsigned i = 0; i < EACH; i++) {
        struct job *job = malloc(sizeof *job);

        CHECK(job);
        *job = (struct job){place.device, *(unsigned *)ctx, i};
        CHECK(d2d_loop_post(place.loop, work, job) == D2D_OK);
    }
    return NULL;
}

TEST(threads_hand_work_to_a_running_loop)
{
    struct d2d_device_options o = {.size = sizeof o, .common = live_options(live_device_string("phone"))};
    unsigned numbers[THREADS];
    pthread_t threads[THREADS];

    live_device("phone", false);
    place.home = pthread_self();
    CHECK(d2d_loop_new(&place.loop) == D2D_OK);
    CHECK(d2d_device_new(place.loop, &o, &place.device) == D2D_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, thread, &numbers[i]) == 0);
    }
    CHECK(d2d_loop_run(place.loop, 60000) == D2D_STOPPED);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(place.done == THREADS * EACH && place.acknowledged == THREADS * EACH);
    d2d_device_free(place.device);
    d2d_loop_free(place.loop);
}

static void count_closed(void *ctx, enum d2d_err e)
{
    CHECK(ctx == &place && e == D2D_CLOSED);
    place.closed++;
}

TEST(what_a_loop_has_not_done_is_told_when_it_is_freed)
{
    CHECK(d2d_loop_new(&place.loop) == D2D_OK);
    for (int i = 0; i < 3; i++)
        CHECK(d2d_loop_post(place.loop, count_closed, &place) == D2D_OK);
    d2d_loop_free(place.loop);
    CHECK(place.closed == 3);
}

/* A loop that waits without a time-out is woken, and what is posted in a turn is done in the next. */
static void again(void *ctx, enum d2d_err e)
{
    unsigned *left = ctx;

    CHECK(e == D2D_OK);
    if (--*left)
        CHECK(d2d_loop_post(place.loop, again, left) == D2D_OK);
    else
        d2d_loop_stop(place.loop);
}

static void *wake(void *ctx)
{
    CHECK(d2d_loop_post(place.loop, again, ctx) == D2D_OK);
    return NULL;
}

TEST(a_loop_that_waits_is_woken)
{
    unsigned left = 5;
    pthread_t t;

    CHECK(d2d_loop_new(&place.loop) == D2D_OK);
    CHECK(pthread_create(&t, NULL, wake, &left) == 0);
    CHECK(d2d_loop_run(place.loop, -1) == D2D_STOPPED);
    pthread_join(t, NULL);
    CHECK(left == 0);
    d2d_loop_free(place.loop);
}

static int open_hub(void **state)
{
    (void)state;
    live_open();
    return 0;
}

static int close_hub(void **state)
{
    live_close();
    return certs_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {RUN(threads_hand_work_to_a_running_loop),
                                       RUN(what_a_loop_has_not_done_is_told_when_it_is_freed),
                                       RUN(a_loop_that_waits_is_woken)};

    return cmocka_run_group_tests(tests, open_hub, close_hub);
}
