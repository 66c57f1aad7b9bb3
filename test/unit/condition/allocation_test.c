/* A condition allocates when it is compiled, and never again; what it makes of texts has a ceiling. */
#include "check.h"
#include "condition.h"

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);

static size_t allocations, fail_at;

static bool fails(void)
{
    return ++allocations == fail_at;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

/* Every path has this text. */
static void get(const struct row *row, const struct path *path, struct scratch *scratch, struct value *out,
                struct bytes *spelled)
{
    const struct bytes *text = row->of;

    (void)path, (void)scratch, (void)spelled;
    *out = value_text(*text);
}

static const struct bytes CONDITION =
    BYTES("concat(lower(a), '-', b) = 'x-X' AND (length(c) > 3 OR a IN ['y', 'X'] AND NOT contains(d, 'z')) "
          "AND substring(upper(e), 0) = 'X' AND as_number('1') + 2 * 3 = 7");

TEST(a_condition_that_runs_allocates_nothing)
{
    struct bytes text = BYTES("X");
    struct row row = {.of = &text, .get = get};

    for (int language = LANGUAGE_QUERY; language <= LANGUAGE_ROUTE; language++) {
        struct complaint why;
        struct condition *c;
        size_t before;

        CHECK_OK(condition_compile(CONDITION, (enum language)language, &c, &why));
        before = allocations;
        for (int i = 0; i < 100; i++)
            CHECK(condition_holds(c, &row));
        CHECK(allocations == before);
        condition_free(c);
    }
}

TEST(memory_that_is_missing_is_an_error)
{
    struct complaint why;
    struct condition *c;
    enum err e;

    for (size_t n = 1;; n++) {
        fail_at = allocations + n;
        e = condition_compile(CONDITION, LANGUAGE_ROUTE, &c, &why);
        fail_at = 0;
        if (!e)
            break;
        CHECK(e == ERR_MEMORY && n < 100);
    }
    condition_free(c);
}

/* Texts that it makes have the scratch, and texts that it goes through a budget: beyond them nothing is true. */
TEST(what_a_condition_makes_is_bounded)
{
    static uint8_t room[CONDITION_WORK_MAX / 2 + 1];
    struct bytes text = bytes_of(memset(room, 'X', sizeof room), CONDITION_SCRATCH / 2);
    struct row row = {.of = &text, .get = get};
    struct complaint why;
    struct condition *c;

    CHECK_OK(condition_compile(BYTES("length(lower(a)) > 1 AND length(lower(b)) > 1"), LANGUAGE_QUERY, &c, &why));
    CHECK(condition_holds(c, &row));
    text.len++;
    CHECK(!condition_holds(c, &row));
    condition_free(c);
    CHECK_OK(condition_compile(BYTES("contains(a, 'X') AND contains(b, 'X')"), LANGUAGE_QUERY, &c, &why));
    CHECK(condition_holds(c, &row));
    text.len = sizeof room;
    CHECK(!condition_holds(c, &row));
    condition_free(c);
}

TESTS(RUN(a_condition_that_runs_allocates_nothing), RUN(memory_that_is_missing_is_an_error),
      RUN(what_a_condition_makes_is_bounded))
