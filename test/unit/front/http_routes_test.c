/* Which path is what, and who may take it. */
#include "http_peer.h"

TEST(paths_and_methods_that_do_not_exist_are_told_apart)
{
    static const char *const missing[] = {"/nothing" V, "/devices/a/b" V, "/devices/a/messages/nothing" V,
                                          "/twins" V,   "/statistics" V,  "/jobs/v2/x/y" V,
                                          "/healthz/x", "/a/b/c/d/e/f"};
    static const struct {
        const char *method, *target, *allow;
    } wrong[] = {
        {"PUT", "/devices" V, "GET, HEAD, POST"},
        {"POST", "/devices/other" V, "GET, HEAD, PUT, DELETE"},
        {"PATCH", "/devices/a" V, "GET, HEAD, PUT, DELETE"},
        {"OPTIONS", "/devices/a" V, "GET, HEAD, PUT, DELETE"},
        {"TRACE", "/healthz", "GET, HEAD"},
        {"PUT", "/statistics/devices" V, "GET, HEAD"},
        {"DELETE", GROUPS, "GET, HEAD"},
    };

    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        ask(&c, "GET", missing[i], NULL, NULL);
        check_error(&c, 404, "GenericNotFound");
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ask(&c, wrong[i].method, wrong[i].target, NULL, "{}");
        check_error(&c, 405, "GenericMethodNotAllowed");
        CHECK_BYTES(heard(&c, "allow"), bytes_str(wrong[i].allow));
    }
    ask(&c, "GET", "//devices" V, NULL, NULL);
    check_error(&c, 400, "GenericBadRequest");
    ask(&c, "GET", "/devices/%zz" V, NULL, NULL);
    check_error(&c, 400, "GenericBadRequest");
    CHECK(!c.join.hub.talk->over);
}

TEST(what_this_version_does_not_have_is_not_taken_for_something_missing)
{
    static const struct {
        const char *method, *target, *text;
    } cases[] = {
        {"GET", "/messages/servicebound/filenotifications" V, "Uploads of files are"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&c, cases[i].method, cases[i].target, NULL, "{}");
        check_error(&c, 501, "NotImplemented");
        CHECK(body_has(&c, cases[i].text) && body_has(&c, "not available on this hub"));
        ask_as(&c, NULL, cases[i].method, cases[i].target, NULL, "{}");
        check_error(&c, 401, "IotHubUnauthorizedAccess");
    }
}

TEST(post_may_stand_for_another_method)
{
    CHECK(ask(&c, "POST", "/devices/a" V, "X-HTTP-Method-Override: PUT\r\n", "{}") == 200);
    ask(&c, "POST", "/devices/a" V, "X-HTTP-Method-Override: PATCH\r\n", "{}");
    check_error(&c, 405, "GenericMethodNotAllowed");
    CHECK(ask(&c, "GET", "/devices/a" V, "X-HTTP-Method-Override: DELETE\r\n", NULL) == 200);
}

TEST(api_version_must_be_a_date)
{
    static const char *const good[] = {"2016-02-03", "2021-04-12", "2020-05-31-preview", "2024-03-31"};
    static const char *const bad[] = {"",
                                      "?top=1",
                                      "?api-version",
                                      "?api-version=",
                                      "?api-version=2021",
                                      "?api-version=2021-13-01",
                                      "?api-version=latest",
                                      "?api-version=2021-04-12x",
                                      "?api-version=%",
                                      "?api-version=2021-04-12-0123456789012345678901234567890"};
    char target[128];

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(target, sizeof target, "/devices?api-version=%s", good[i]);
        CHECK(ask(&c, "GET", target, NULL, NULL) == 200);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(target, sizeof target, "/devices%s", bad[i]);
        ask(&c, "GET", target, NULL, NULL);
        check_error(&c, 400, "InvalidProtocolVersion");
    }
    CHECK(ask(&c, "GET", "/hub/status", NULL, NULL) == 200);
}

#define RUN_HERE(name) cmocka_unit_test_setup_teardown(name, client_start, client_stop)
TESTS(RUN_HERE(paths_and_methods_that_do_not_exist_are_told_apart),
      RUN_HERE(what_this_version_does_not_have_is_not_taken_for_something_missing),
      RUN_HERE(post_may_stand_for_another_method), RUN_HERE(api_version_must_be_a_date))
