/* The form of our tests on top of cmocka. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST(name) static void name(void **state_ __attribute__((unused)))
#define CHECK(condition) assert_true(condition)
/* A failing enum err is shown with its name. */
#define CHECK_OK(expression)                                     \
    do {                                                         \
        enum err check_e_ = (expression);                        \
        if (check_e_)                                            \
            fail_msg("%s: %s", #expression, err_name(check_e_)); \
    } while (0)
#define CHECK_ERR(expression, wanted)                                                      \
    do {                                                                                   \
        enum err check_e_ = (expression);                                                  \
        if (check_e_ != (wanted))                                                          \
            fail_msg("%s: %s, not %s", #expression, err_name(check_e_), err_name(wanted)); \
    } while (0)
#define CHECK_BYTES(got, wanted)                                                                    \
    do {                                                                                            \
        struct bytes check_g_ = (got), check_w_ = (wanted);                                         \
        if (!bytes_eq(check_g_, check_w_))                                                          \
            fail_msg("%s: \"%.*s\", not \"%.*s\"", #got, BYTES_ARG(check_g_), BYTES_ARG(check_w_)); \
    } while (0)
/* The longest that a test waits for what has to come: minutes, for a machine that is emulated or busy. */
enum { NEVER_MS = 10 * 60 * 1000 };
#define RUN(name) cmocka_unit_test(name)
#define TESTS(...)                                         \
    int main(void)                                         \
    {                                                      \
        const struct CMUnitTest tests_[] = {__VA_ARGS__};  \
        return cmocka_run_group_tests(tests_, NULL, NULL); \
    }
