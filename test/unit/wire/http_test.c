#include "http.h"

#include "check.h"

#include <stdio.h>

/* Gives the reader all of `in`, `slice` bytes more at a time, until it has something to say that is not "more". */
struct feed {
    struct bytes in;
    size_t used, seen, slice;
};

static enum http_step next(struct http_in *h, struct feed *f)
{
    enum http_step step = HTTP_STEP_MORE;
    size_t used;

    for (;;) {
        step = http_read(h, bytes_skip(bytes_first(f->in, f->seen), f->used), &used);
        f->used += used;
        CHECK(f->used <= f->seen);
        if (step != HTTP_STEP_MORE || f->seen == f->in.len)
            return step;
        f->seen = f->in.len - f->seen < f->slice ? f->in.len : f->seen + f->slice;
    }
}

static struct feed feed_of(struct bytes in, size_t slice)
{
    return (struct feed){.in = in, .slice = slice};
}

/* A message as text: "GET /a?b host=x [body]". */
static const char *told(const struct http_in *h)
{
    static char text[4096];
    size_t n;

    if (h->kind == HTTP_REQUESTS)
        n = (size_t)snprintf(text, sizeof text, "%.*s %.*s%s%.*s", BYTES_ARG(h->head.method), BYTES_ARG(h->head.path),
                             h->head.query.at ? "?" : "", BYTES_ARG(h->head.query));
    else
        n = (size_t)snprintf(text, sizeof text, "%d", h->head.status);
    for (size_t i = 0; i < h->head.n_headers; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %.*s=%.*s", BYTES_ARG(h->head.headers[i].name),
                              BYTES_ARG(h->head.headers[i].value));
    n += (size_t)snprintf(text + n, sizeof text - n, " [%.*s]", BYTES_ARG(h->body));
    CHECK(n < sizeof text);
    return text;
}

static void check_messages(enum http_kind kind, struct bytes in, const char *const *wanted)
{
    for (size_t slice = 1; slice <= in.len; slice += slice < 40 ? 1 : 97) {
        struct feed f = feed_of(in, slice);
        struct http_in h;

        http_in_init(&h, kind, HTTP_BODY_MAX);
        for (const char *const *w = wanted; *w; w++) {
            CHECK(next(&h, &f) == HTTP_STEP_HEAD);
            CHECK(next(&h, &f) == HTTP_STEP_MESSAGE);
            assert_string_equal(told(&h), *w);
        }
        CHECK(next(&h, &f) == HTTP_STEP_MORE);
        CHECK(f.used == in.len);
        http_in_free(&h);
    }
}

#define MESSAGES(kind, in, ...) check_messages(kind, BYTES(in), (const char *const[]){__VA_ARGS__, NULL})

TEST(requests_are_read_whole_and_cut_anywhere)
{
    MESSAGES(HTTP_REQUESTS,
             "GET /devices/a%2Fb?api-version=2021-04-12 HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX:  two words \t\r\n\r\n",
             "GET /devices/a%2Fb?api-version=2021-04-12 Host=h X-Empty= X=two words []");
    MESSAGES(HTTP_REQUESTS, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
             "PUT / Host=h Content-Length=5 [hello]");
    MESSAGES(HTTP_REQUESTS,
             "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: Chunked\r\n\r\n"
             "5\r\nhello\r\n0A ;x=\"y\"\r\n0123456789\r\n00;\r\nTrailer: t\r\n\r\n",
             "POST / host=h transfer-encoding=Chunked [hello0123456789]");
    MESSAGES(HTTP_REQUESTS, "DELETE /a HTTP/1.0\r\n\r\n", "DELETE /a []");
}

TEST(pipelined_requests_come_one_by_one_and_empty_lines_between_them_do_not_count)
{
    MESSAGES(HTTP_REQUESTS,
             "\r\n\r\nGET /1 HTTP/1.1\r\nHost: h\r\n\r\nPUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab\r\n"
             "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n"
             "GET https://h:443/4?q HTTP/1.1\r\nHost: h\r\n\r\nGET http://h HTTP/1.1\r\nHost: h\r\n\r\n"
             "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
             "GET /1 Host=h []", "PUT /2 Host=h Content-Length=2 [ab]", "POST /3 Host=h Transfer-Encoding=chunked [c]",
             "GET /4?q Host=h []", "GET / Host=h []", "OPTIONS * Host=h []");
}

TEST(responses_are_read_too)
{
    MESSAGES(HTTP_RESPONSES,
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
             "HTTP/1.1 100 Continue\r\n\r\n"
             "HTTP/1.1 204 No Content\r\nETag: \"x\"\r\n\r\n"
             "HTTP/1.1 304\r\nContent-Length: 7\r\n\r\n"
             "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
             "200 Content-Length=2 [ok]", "100 []", "204 ETag=\"x\" []", "304 Content-Length=7 []",
             "404 Transfer-Encoding=chunked [abc]");
}

TEST(a_response_without_a_length_ends_with_the_connection)
{
    struct feed f = feed_of(BYTES("HTTP/1.1 200 OK\r\n\r\nall of it"), 3);
    struct http_in h;

    http_in_init(&h, HTTP_RESPONSES, HTTP_BODY_MAX);
    CHECK(next(&h, &f) == HTTP_STEP_HEAD);
    CHECK(h.head.has_body && !h.head.keep_alive);
    CHECK(next(&h, &f) == HTTP_STEP_MORE);
    CHECK(http_read_end(&h));
    CHECK_BYTES(buf_bytes(&h.body), BYTES("all of it"));
    http_in_free(&h);
}

TEST(a_response_that_is_cut_is_not_complete)
{
    static const char *const cut[] = {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"};

    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        struct feed f = feed_of(bytes_str(cut[i]), 1000);
        enum http_step step;
        struct http_in h;

        http_in_init(&h, HTTP_RESPONSES, HTTP_BODY_MAX);
        while ((step = next(&h, &f)) == HTTP_STEP_HEAD)
            ;
        CHECK(step == HTTP_STEP_MORE);
        CHECK(!http_read_end(&h));
        http_in_free(&h);
    }
}

TEST(the_answer_to_head_has_a_length_and_no_body)
{
    struct feed f = feed_of(BYTES("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
                                  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"),
                            7);
    struct http_in h;

    http_in_init(&h, HTTP_RESPONSES, HTTP_BODY_MAX);
    h.answer_to_head = true;
    CHECK(next(&h, &f) == HTTP_STEP_HEAD);
    CHECK(!h.head.has_body);
    CHECK(next(&h, &f) == HTTP_STEP_MESSAGE);
    CHECK(h.body.len == 0);
    CHECK(next(&h, &f) == HTTP_STEP_HEAD);
    CHECK(next(&h, &f) == HTTP_STEP_MESSAGE);
    CHECK_BYTES(buf_bytes(&h.body), BYTES("body"));
    http_in_free(&h);
}

/* The head of one request. */
static void read_one(struct http_in *h, const char *text)
{
    struct feed f = feed_of(bytes_str(text), SIZE_MAX / 2);

    http_in_init(h, HTTP_REQUESTS, HTTP_BODY_MAX);
    CHECK(next(h, &f) == HTTP_STEP_HEAD);
}

TEST(whether_the_connection_stays_open_is_what_version_and_header_say)
{
    static const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: x, close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_in h;

        read_one(&h, cases[i].text);
        CHECK(h.head.keep_alive == cases[i].keep_alive);
        http_in_free(&h);
    }
}

TEST(expect_is_heard_from_those_who_know_what_it_means)
{
    struct http_in h;

    read_one(&h, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n");
    CHECK(h.head.wants_continue);
    http_in_free(&h);
    read_one(&h, "PUT / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    CHECK(!h.head.wants_continue);
    http_in_free(&h);
}

TEST(what_follows_an_upgrade_is_left_to_whoever_takes_over)
{
    static const char text[] = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    struct feed f = feed_of(BYTES("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                                  "\x81\x85"),
                            9);
    struct http_in h;

    http_in_init(&h, HTTP_REQUESTS, HTTP_BODY_MAX);
    CHECK(next(&h, &f) == HTTP_STEP_HEAD);
    CHECK(h.head.upgrade);
    CHECK(f.used == sizeof text - 1);
    http_in_free(&h);
    f = feed_of(BYTES("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81"), 9);
    http_in_init(&h, HTTP_RESPONSES, HTTP_BODY_MAX);
    CHECK(next(&h, &f) == HTTP_STEP_HEAD);
    CHECK(h.head.upgrade);
    CHECK(f.used == f.in.len - 1);
    http_in_free(&h);
}

static enum http_fault fault_of(enum http_kind kind, struct bytes in, size_t slice)
{
    struct feed f = feed_of(in, slice);
    enum http_fault fault;
    enum http_step step;
    struct http_in h;

    http_in_init(&h, kind, HTTP_BODY_MAX);
    do
        step = next(&h, &f);
    while (step == HTTP_STEP_HEAD || step == HTTP_STEP_MESSAGE);
    fault = step == HTTP_STEP_BAD ? h.fault : HTTP_FINE;
    if (step == HTTP_STEP_BAD)
        CHECK(next(&h, &f) == HTTP_STEP_BAD);
    http_in_free(&h);
    return fault;
}

#define POST "POST / HTTP/1.1\r\nHost: h\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

TEST(what_two_programs_could_read_in_two_ways_is_refused)
{
    static const struct {
        struct bytes text;
        enum http_fault fault;
    } cases[] = {
        {BYTES(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n1\r\na\r\n0\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "Content-Length: 1, 1\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "Content-Length: 1 1\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "Content-Length: +1\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "Content-Length: -1\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "Content-Length: 0x1\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "Content-Length:\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "Content-Length: 99999999999999999999\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "Content-Length : 1\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST " Content-Length: 1\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "X: a\r\n folded\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(POST "X: a\r\n\tfolded\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(POST "X: a\nContent-Length: 1\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "X: a\rContent-Length: 1\r\n\r\na"), HTTP_MALFORMED},
        {BYTES(POST "\n"), HTTP_MALFORMED},
        {BYTES("POST / HTTP/1.1\nHost: h\n\n"), HTTP_MALFORMED},
        {BYTES(POST "X: a\0b\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(POST "X\0: a\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(POST "X\x7f: a\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(POST "X y: a\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(POST ": a\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(POST "no colon\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(POST "Host: other\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("POST / HTTP/1.1\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("GET /  HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("GET / HTTP/1.1 \r\nHost: h\r\n\r\n"), HTTP_BAD_VERSION},
        {BYTES("GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("GET http://u:p@h/ HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("GET http:/// HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("GET * HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("NONSENSE / HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("GET /\r\n\r\n"), HTTP_BAD_VERSION},
        {BYTES("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), HTTP_BAD_VERSION},
        {BYTES("GET / HTTP/0.9\r\nHost: h\r\n\r\n"), HTTP_BAD_VERSION},
        {BYTES("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), HTTP_BAD_VERSION},
        {BYTES("\x16\x03\x01\x02"), HTTP_MALFORMED},
        {BYTES(POST "Transfer-Encoding: gzip\r\n\r\n"), HTTP_BAD_CODING},
        {BYTES(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), HTTP_BAD_CODING},
        {BYTES(POST "Transfer-Encoding: chunked, identity\r\n\r\n"), HTTP_BAD_CODING},
        {BYTES(POST "Transfer-Encoding: xchunked\r\n\r\n"), HTTP_BAD_CODING},
        {BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_MALFORMED},
        {BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "x\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "0x1\r\na\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "-1\r\na\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED " 1\r\na\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "1 \r\na\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED ";x\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "1\na\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "1;\n\r\na\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "1\r\naXX"), HTTP_MALFORMED},
        {BYTES(CHUNKED "1\r\nab\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "10000000000000000\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "fffffffffffffff\r\n"), HTTP_BODY_TOO_LARGE},
        {BYTES(CHUNKED "0\r\nno trailer\r\n"), HTTP_MALFORMED},
        {BYTES(CHUNKED "0\r\nX : y\r\n"), HTTP_MALFORMED},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t slice = 1; slice < 1000; slice *= 9)
            if (fault_of(HTTP_REQUESTS, cases[i].text, slice) != cases[i].fault)
                fail_msg("%zu bytes at a time: %.*s", slice, BYTES_ARG(cases[i].text));
}

TEST(a_response_is_read_as_strictly)
{
    CHECK(fault_of(HTTP_RESPONSES, BYTES("HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\na"), 9) == HTTP_MALFORMED);
    CHECK(fault_of(HTTP_RESPONSES, BYTES("HTTP/2.0 200 OK\r\n\r\n"), 9) == HTTP_BAD_VERSION);
    CHECK(fault_of(HTTP_RESPONSES, BYTES("HTTP/1.1 20x OK\r\n\r\n"), 9) == HTTP_MALFORMED);
    CHECK(fault_of(HTTP_RESPONSES, BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n"), 9) ==
          HTTP_BODY_TOO_LARGE);
}

/* A request whose target, header or number of headers is made longer and longer. */
static struct buf padded(size_t target, size_t header, int headers)
{
    struct buf b = buf_max(1 << 20);

    buf_puts(&b, "GET /");
    for (size_t i = 1; i < target; i++)
        buf_put_u8(&b, 'a');
    buf_puts(&b, " HTTP/1.1\r\nHost: h\r\nX: ");
    for (size_t i = 0; i < header; i++)
        buf_put_u8(&b, 'b');
    buf_puts(&b, "\r\n");
    for (int i = 2; i < headers; i++)
        buf_puts(&b, "Y: z\r\n");
    buf_puts(&b, "\r\n");
    return b;
}

static enum http_fault fault_of_padded(size_t target, size_t header, int headers)
{
    struct buf b = padded(target, header, headers);
    enum http_fault all = fault_of(HTTP_REQUESTS, buf_bytes(&b), SIZE_MAX / 2);

    CHECK(fault_of(HTTP_REQUESTS, buf_bytes(&b), 1000) == all);
    buf_free(&b);
    return all;
}

TEST(targets_heads_and_headers_have_ceilings)
{
    struct buf exact = padded(1, 0, 0);
    size_t bare = exact.len;

    buf_free(&exact);
    CHECK(fault_of_padded(HTTP_TARGET_MAX, 0, 0) == HTTP_FINE);
    CHECK(fault_of_padded(HTTP_TARGET_MAX + 1, 0, 0) == HTTP_TARGET_TOO_LONG);
    CHECK(fault_of_padded(1 << 17, 0, 0) == HTTP_TARGET_TOO_LONG);
    CHECK(fault_of_padded(1, HTTP_HEAD_MAX - bare, 0) == HTTP_FINE);
    CHECK(fault_of_padded(1, HTTP_HEAD_MAX - bare + 1, 0) == HTTP_HEAD_TOO_LARGE);
    CHECK(fault_of_padded(1, 0, HTTP_HEADERS_MAX) == HTTP_FINE);
    CHECK(fault_of_padded(1, 0, HTTP_HEADERS_MAX + 1) == HTTP_HEAD_TOO_LARGE);
}

TEST(a_body_has_a_ceiling_however_it_comes)
{
    struct buf b = buf_max(1 << 20);
    struct http_in h;

    http_in_init(&h, HTTP_REQUESTS, 8);
    struct feed f = feed_of(BYTES(POST "Content-Length: 8\r\n\r\n12345678" POST "Content-Length: 9\r\n\r\n"), 1);
    CHECK(next(&h, &f) == HTTP_STEP_HEAD && next(&h, &f) == HTTP_STEP_MESSAGE);
    CHECK(next(&h, &f) == HTTP_STEP_BAD && h.fault == HTTP_BODY_TOO_LARGE);
    CHECK_BYTES(h.head.method, BYTES("POST"));
    http_in_free(&h);

    http_in_init(&h, HTTP_REQUESTS, 8);
    f = feed_of(BYTES(CHUNKED "4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n" CHUNKED "4\r\n1234\r\n5\r\n"), 3);
    CHECK(next(&h, &f) == HTTP_STEP_HEAD && next(&h, &f) == HTTP_STEP_MESSAGE);
    CHECK(next(&h, &f) == HTTP_STEP_HEAD && next(&h, &f) == HTTP_STEP_BAD);
    CHECK(h.fault == HTTP_BODY_TOO_LARGE);
    http_in_free(&h);

    buf_puts(&b, CHUNKED "0\r\n");
    for (int i = 0; i < HTTP_HEAD_MAX; i += 100)
        buf_printf(&b, "T: %095d\r\n", i);
    CHECK(fault_of(HTTP_REQUESTS, buf_bytes(&b), 1000) == HTTP_MALFORMED);
    buf_free(&b);
}

TEST(a_body_that_nobody_wants_is_read_and_not_kept)
{
    struct feed f = feed_of(BYTES(POST "Content-Length: 3\r\n\r\nabc" POST "Content-Length: 1\r\n\r\nd"), 2);
    struct http_in h;

    http_in_init(&h, HTTP_REQUESTS, HTTP_BODY_MAX);
    CHECK(next(&h, &f) == HTTP_STEP_HEAD);
    h.skip_body = true;
    CHECK(next(&h, &f) == HTTP_STEP_MESSAGE);
    CHECK(h.body.len == 0);
    http_in_cool(&h);
    CHECK(next(&h, &f) == HTTP_STEP_HEAD && next(&h, &f) == HTTP_STEP_MESSAGE);
    CHECK_BYTES(buf_bytes(&h.body), BYTES("d"));
    http_in_free(&h);
}

TEST(headers_are_found_in_any_case)
{
    struct http_in h;

    read_one(&h, "GET / HTTP/1.1\r\nHost: h\r\nIf-MATCH: \"x\"\r\nX-None:\r\n\r\n");
    CHECK_BYTES(http_header(&h.head, BYTES("if-match")), BYTES("\"x\""));
    CHECK(http_header(&h.head, BYTES("x-none")).at != NULL);
    CHECK(http_header(&h.head, BYTES("x-none")).len == 0);
    CHECK(http_header(&h.head, BYTES("if-none-match")).at == NULL);
    http_in_free(&h);
}

static const char *split(const char *path)
{
    static char text[512];
    struct http_path p;
    size_t n = 0;
    enum err e = http_path_split(bytes_str(path), &p);

    if (e)
        return err_name(e);
    text[0] = 0;
    for (size_t i = 0; i < p.n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i ? "|" : "", BYTES_ARG(p.segments[i]));
    return text;
}

TEST(paths_are_split_and_decoded)
{
    assert_string_equal(split("/"), "");
    assert_string_equal(split("/devices"), "devices");
    assert_string_equal(split("/devices/"), "devices");
    assert_string_equal(split("/devices/a%20b%23+"), "devices|a b#+");
    assert_string_equal(split("/devices/a%2Fb"), "devices|a/b");
    assert_string_equal(split("/twins%2Fdev1"), "twins|dev1");
    assert_string_equal(split("/twins%2fa%2523/"), "twins|a#");
    assert_string_equal(split("/a%2523"), "a%23");
    assert_string_equal(split("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"), "1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16");
    assert_string_equal(split("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"), "limit");
    assert_string_equal(split(""), "malformed");
    assert_string_equal(split("devices"), "malformed");
    assert_string_equal(split("//devices"), "malformed");
    assert_string_equal(split("/devices//a"), "malformed");
    assert_string_equal(split("/devices/%"), "malformed");
    assert_string_equal(split("/devices/%4"), "malformed");
    assert_string_equal(split("/devices/%4g"), "malformed");
    assert_string_equal(split("/devices/a%00"), "malformed");
}

TEST(query_parameters_are_found_and_decoded)
{
    struct bytes q = BYTES("top=12&API-version=2021-04-12&a=%41%20b&empty=&none&bad=%4&nul=%00&top=13");
    char out[16];

    CHECK_OK(http_query(q, BYTES("top"), out, sizeof out));
    assert_string_equal(out, "12");
    CHECK_OK(http_query(q, BYTES("api-version"), out, sizeof out));
    assert_string_equal(out, "2021-04-12");
    CHECK_OK(http_query(q, BYTES("a"), out, sizeof out));
    assert_string_equal(out, "A b");
    CHECK_OK(http_query(q, BYTES("empty"), out, sizeof out));
    assert_string_equal(out, "");
    CHECK_OK(http_query(q, BYTES("none"), out, sizeof out));
    assert_string_equal(out, "");
    CHECK_ERR(http_query(q, BYTES("bad"), out, sizeof out), ERR_MALFORMED);
    CHECK_ERR(http_query(q, BYTES("nul"), out, sizeof out), ERR_MALFORMED);
    CHECK_ERR(http_query(q, BYTES("api-version"), out, 10), ERR_TOO_LARGE);
    CHECK_ERR(http_query(q, BYTES("version"), out, sizeof out), ERR_NOT_FOUND);
    CHECK_ERR(http_query(NO_BYTES, BYTES("top"), out, sizeof out), ERR_NOT_FOUND);
}

TEST(what_is_written_can_be_read)
{
    struct buf b = buf_max(4096);
    int64_t ms;

    http_put_status(&b, 412);
    http_put_date(&b, 1795411500000);
    http_put_header(&b, "ETag", BYTES("\"x\""));
    http_put_body(&b, BYTES("{}"), false);
    CHECK_BYTES(buf_bytes(&b), BYTES("HTTP/1.1 412 Precondition Failed\r\nDate: Mon, 23 Nov 2026 05:25:00 GMT\r\n"
                                     "ETag: \"x\"\r\nContent-Length: 2\r\n\r\n{}"));
    buf_clear(&b);
    http_put_request(&b, "PUT", BYTES("/devices/a?api-version=2021-04-12"));
    http_put_header(&b, "Host", BYTES("h"));
    http_put_end(&b);
    CHECK_BYTES(buf_bytes(&b), BYTES("PUT /devices/a?api-version=2021-04-12 HTTP/1.1\r\nHost: h\r\n\r\n"));
    buf_clear(&b);
    http_put_date(&b, 951782399999); /* the day before a leap day */
    CHECK_BYTES(buf_bytes(&b), BYTES("Date: Mon, 28 Feb 2000 23:59:59 GMT\r\n"));
    buf_free(&b);
    CHECK(http_date(BYTES("Thu, 26 Nov 2026 06:18:14 GMT"), &ms) && ms == 1795673894000);
    CHECK(http_date(BYTES("Mon, 28 Feb 2000 23:59:59 GMT"), &ms) && ms == 951782399000);
    CHECK(!http_date(BYTES("Thu, 26 Foo 2026 06:18:14 GMT"), &ms));
    CHECK(!http_date(BYTES("Thu, 26 anF 2026 06:18:14 GMT"), &ms));
    CHECK(!http_date(BYTES("Thu, 32 Nov 2026 06:18:14 GMT"), &ms));
    CHECK(!http_date(BYTES("Thursday, 26-Nov-26 06:18:14 GMT"), &ms));
    CHECK(!http_date(NO_BYTES, &ms));
}

TEST(nothing_that_breaks_a_head_is_written)
{
    struct buf b = buf_max(4096);

    http_put_header(&b, "X", BYTES("a\r\nY: b"));
    CHECK(b.bad);
    buf_clear(&b);
    http_put_request(&b, "GET", BYTES("/a b"));
    CHECK(b.bad);
    buf_free(&b);
}

TESTS(RUN(requests_are_read_whole_and_cut_anywhere),
      RUN(pipelined_requests_come_one_by_one_and_empty_lines_between_them_do_not_count), RUN(responses_are_read_too),
      RUN(a_response_without_a_length_ends_with_the_connection), RUN(a_response_that_is_cut_is_not_complete),
      RUN(the_answer_to_head_has_a_length_and_no_body),
      RUN(whether_the_connection_stays_open_is_what_version_and_header_say),
      RUN(expect_is_heard_from_those_who_know_what_it_means),
      RUN(what_follows_an_upgrade_is_left_to_whoever_takes_over),
      RUN(what_two_programs_could_read_in_two_ways_is_refused), RUN(a_response_is_read_as_strictly),
      RUN(targets_heads_and_headers_have_ceilings), RUN(a_body_has_a_ceiling_however_it_comes),
      RUN(a_body_that_nobody_wants_is_read_and_not_kept), RUN(headers_are_found_in_any_case),
      RUN(paths_are_split_and_decoded), RUN(query_parameters_are_found_and_decoded), RUN(what_is_written_can_be_read),
      RUN(nothing_that_breaks_a_head_is_written))
