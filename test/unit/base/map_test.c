#include "check.h"

#include "heap.h"
#include "list.h"
#include "map.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 5000 };

struct thing {
    char name[16];
    size_t len;
    bool in;
};

static struct bytes name_of(const struct thing *t)
{
    return bytes_of(t->name, t->len);
}

/* The map against the simplest model there is: a flag in each thing. */
TEST(a_map_holds_what_was_put_and_not_deleted)
{
    struct thing *things = calloc(KEYS, sizeof *things);
    struct map m;
    size_t n = 0;
    unsigned seed = 1;

    map_init(&m, 42);
    for (int i = 0; i < KEYS; i++)
        things[i].len = (size_t)snprintf(things[i].name, sizeof things[i].name, "dev-%d", i);
    for (int round = 0; round < 20 * KEYS; round++) {
        struct thing *t = &things[(unsigned)rand_r(&seed) % KEYS];

        CHECK(map_get(&m, name_of(t)) == (t->in ? t : NULL));
        if (t->in) {
            CHECK(map_del(&m, name_of(t)) == t);
            n--;
        } else {
            CHECK_OK(map_put(&m, name_of(t), t));
            n++;
        }
        t->in = !t->in;
        CHECK(m.n == n);
        if (round % 7 == 0)
            map_shrink(&m);
    }
    for (size_t at = 0, seen = 0;; seen++) {
        struct thing *t = map_next(&m, &at);

        if (!t) {
            CHECK(seen == n);
            break;
        }
        CHECK(t->in);
    }
    map_free(&m);
    CHECK(map_get(&m, BYTES("x")) == NULL && map_del(&m, BYTES("x")) == NULL);
    free(things);
}

TEST(a_map_that_was_large_gives_memory_back)
{
    struct thing things[1000];
    struct map m;

    map_init(&m, 42);
    for (int i = 0; i < 1000; i++) {
        things[i].len = (size_t)snprintf(things[i].name, sizeof things[i].name, "dev-%d", i);
        CHECK_OK(map_put(&m, name_of(&things[i]), &things[i]));
    }
    for (int i = 10; i < 1000; i++)
        CHECK(map_del(&m, name_of(&things[i])) == &things[i]);
    map_shrink(&m);
    CHECK(m.cap <= 32 && m.n == 10);
    for (int i = 0; i < 1000; i++)
        CHECK(map_get(&m, name_of(&things[i])) == (i < 10 ? &things[i] : NULL));
    for (int i = 10; i < 1000; i++)
        CHECK_OK(map_put(&m, name_of(&things[i]), &things[i]));
    CHECK(m.n == 1000);
    map_free(&m);
}

TEST(putting_again_replaces)
{
    struct map m;
    int a, b;

    map_init(&m, 1);
    CHECK_OK(map_put(&m, BYTES("k"), &a));
    CHECK_OK(map_put(&m, BYTES("k"), &b));
    CHECK(m.n == 1 && map_get(&m, BYTES("k")) == &b);
    map_free(&m);
}

TEST(timers_come_out_in_the_order_of_their_time)
{
    enum { N = 1000 };
    struct timer *timers = calloc(N, sizeof *timers);
    struct heap h = {0};
    unsigned seed = 7;
    int64_t last = INT64_MIN;
    size_t n = 0;

    for (int i = 0; i < N; i++)
        CHECK_OK(heap_set(&h, &timers[i], rand_r(&seed) % 5000));
    for (int i = 0; i < N; i += 3)
        CHECK_OK(heap_set(&h, &timers[i], rand_r(&seed) % 5000));
    for (int i = 0; i < N; i += 5) {
        heap_del(&h, &timers[i]);
        heap_del(&h, &timers[i]);
    }
    for (struct timer *t; (t = heap_first(&h)); n++) {
        CHECK(t->due_ms >= last);
        last = t->due_ms;
        heap_del(&h, t);
        CHECK(t->place == 0);
    }
    CHECK(n == N - N / 5);
    heap_free(&h);
    free(timers);
}

struct item {
    int n;
    struct list link;
};

TEST(a_list_keeps_order_and_survives_deletion_in_the_loop)
{
    struct item items[5];
    struct list head;
    int sum = 0;

    list_init(&head);
    CHECK(list_empty(&head));
    for (int i = 0; i < 5; i++) {
        items[i] = (struct item){.n = i};
        CHECK(list_alone(&items[i].link));
        list_add(&head, &items[i].link);
    }
    LIST_EACH (&head, it) {
        struct item *x = LIST_OF(it, struct item, link);

        sum = sum * 10 + x->n;
        if (x->n % 2)
            list_del(it);
    }
    CHECK(sum == 1234);
    sum = 0;
    LIST_EACH (&head, it)
        sum = sum * 10 + LIST_OF(it, struct item, link)->n;
    CHECK(sum == 24);
    list_del(&items[1].link);
}

TESTS(RUN(a_map_holds_what_was_put_and_not_deleted), RUN(a_map_that_was_large_gives_memory_back),
      RUN(putting_again_replaces), RUN(timers_come_out_in_the_order_of_their_time),
      RUN(a_list_keeps_order_and_survives_deletion_in_the_loop))
