#include "check.h"
#include "http_talk.h"
#include "identity.h"

#define T0 1795411500000LL

static void check_error(int status, const char *body, enum d2d_err wanted, const char *text)
{
    char why[200];

    CHECK(status_error(status, bytes_str(body), why, sizeof why) == wanted);
    assert_string_equal(why, text);
}

TEST(each_status_has_its_error)
{
    check_error(200, "{}", D2D_OK, "HTTP 200");
    check_error(204, "", D2D_OK, "HTTP 204");
    check_error(400, "no json", D2D_ARGUMENT, "HTTP 400");
    check_error(401, "{\"Message\":\"ErrorCode:IotHubUnauthorizedAccess;Unauthorized\"}", D2D_NOT_AUTHORISED,
                "HTTP 401: ErrorCode:IotHubUnauthorizedAccess;Unauthorized");
    check_error(403, "[]", D2D_OVER_QUOTA, "HTTP 403");
    check_error(404, "{\"message\":\"none\"}", D2D_NOT_FOUND, "HTTP 404: none");
    check_error(405, "", D2D_REFUSED, "HTTP 405");
    check_error(409, "", D2D_EXISTS, "HTTP 409");
    check_error(412, "", D2D_CHANGED, "HTTP 412");
    check_error(429, "", D2D_OVER_QUOTA, "HTTP 429");
    check_error(500, "", D2D_FAILED, "HTTP 500");
    check_error(504, "", D2D_TIMED_OUT, "HTTP 504");
}

static void check_round(const struct d2d_identity *a)
{
    struct d2d_identity b;
    struct buf text = buf_max(4096);
    json_t *json;

    identity_put(a, &text);
    json = json_loadb((const char *)text.at, text.len, 0, NULL);
    CHECK(json && identity_read(json, &b));
    CHECK(memcmp(a, &b, sizeof b) == 0);
    json_decref(json);
    buf_free(&text);
}

TEST(an_identity_is_read_as_it_was_written)
{
    const struct d2d_identity by_key = {
        .id = "a\"b", .etag = "MQ==", .reason = "lost", .primary_key = "cA==", .secondary_key = "cw=="};
    const struct d2d_identity by_thumbprint = {
        .id = "a", .auth = D2D_AUTH_THUMBPRINT, .primary_thumbprint = "AB", .secondary_thumbprint = "CD"};
    const struct d2d_identity by_ca = {.id = "a", .enabled = true, .auth = D2D_AUTH_CA};

    const struct d2d_identity module = {.id = "a", .module = "m", .managed_by = "iotEdge", .enabled = true};

    check_round(&module);
    check_round(&by_key);
    check_round(&by_thumbprint);
    check_round(&by_ca);
}

TEST(what_is_no_identity_is_refused)
{
    struct d2d_identity out;
    json_t *json = json_pack("{s:i}", "deviceId", 7);

    CHECK(!identity_read(NULL, &out));
    CHECK(!identity_read(json, &out));
    json_decref(json);
}

TEST(a_time_that_never_was_is_empty)
{
    struct d2d_identity out;
    json_t *json = json_pack("{s:s,s:s,s:s}", "deviceId", "a", "lastActivityTime", "0001-01-01T00:00:00",
                             "connectionStateUpdatedTime", "2026-11-23T07:00:00.0000000Z");

    CHECK(identity_read(json, &out));
    assert_string_equal(out.last_activity, "");
    assert_string_equal(out.connected_since, "2026-11-23T07:00:00.0000000Z");
    json_decref(json);
}

/* ---- one request ----------------------------------------------------------------------------------------------- */

static enum err ended_with;
static unsigned ends;

static void on_ended(void *ctx, enum err why)
{
    (void)ctx;
    ended_with = why;
    ends++;
}

static void ask(struct http_talk *h, struct buf *out)
{
    *h = (struct http_talk){.request = BYTES("GET / HTTP/1.1\r\n\r\n"), .timeout_ms = 1000, .ended = on_ended};
    *out = buf_max(1000);
    http_talk_init(h);
    h->talk.out = out;
    h->talk.ops->start(&h->talk, T0);
    CHECK_BYTES(buf_bytes(out), h->request);
    ends = 0;
}

static void answer(struct http_talk *h, struct bytes in, size_t slice)
{
    struct buf heard = buf_max(4096);

    for (size_t at = 0; at < in.len && !h->talk.over; at += slice) {
        buf_put(&heard, bytes_first(bytes_skip(in, at), slice));
        buf_drop(&heard, h->talk.ops->input(&h->talk, buf_bytes(&heard), T0));
    }
    buf_free(&heard);
}

static void finish(struct http_talk *h, struct buf *out, enum err wanted)
{
    h->talk.ops->close(&h->talk, h->talk.over ? h->talk.why : ERR_CLOSED, T0);
    CHECK(ends == 1);
    CHECK_ERR(ended_with, wanted);
    http_talk_close(h);
    buf_free(out);
}

TEST(an_answer_in_pieces_of_any_size_is_read)
{
    struct bytes in = BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    struct http_talk h;
    struct buf out;

    for (size_t slice = 1; slice <= in.len; slice++) {
        ask(&h, &out);
        answer(&h, in, slice);
        CHECK(h.in.head.status == 200);
        CHECK_BYTES(buf_bytes(&h.in.body), BYTES("{}"));
        finish(&h, &out, OK);
    }
}

TEST(an_answer_that_stops_in_the_middle_is_none)
{
    struct http_talk h;
    struct buf out;

    ask(&h, &out);
    answer(&h, BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"), 100);
    finish(&h, &out, ERR_CLOSED);
}

TEST(what_is_no_http_is_refused)
{
    struct http_talk h;
    struct buf out;

    ask(&h, &out);
    answer(&h, BYTES("220 smtp.example ready\r\n\r\n"), 100);
    finish(&h, &out, ERR_FOREIGN);
    ask(&h, &out);
    answer(&h, BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 100);
    finish(&h, &out, ERR_MALFORMED);
}

TEST(silence_ends_a_request)
{
    struct http_talk h;
    struct buf out;

    ask(&h, &out);
    CHECK(h.talk.ops->tick(&h.talk, T0 + 999) == T0 + 1000);
    h.talk.ops->tick(&h.talk, T0 + 1000);
    CHECK(h.talk.over);
    finish(&h, &out, ERR_TIMEOUT);
}

TESTS(RUN(each_status_has_its_error), RUN(an_identity_is_read_as_it_was_written), RUN(what_is_no_identity_is_refused),
      RUN(a_time_that_never_was_is_empty), RUN(an_answer_in_pieces_of_any_size_is_read),
      RUN(an_answer_that_stops_in_the_middle_is_none), RUN(what_is_no_http_is_refused), RUN(silence_ends_a_request))
