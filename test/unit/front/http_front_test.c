#include "http_peer.h"

static void reopen(void)
{
    size_t slice = c.join.slice;

    client_close(&c);
    c = (struct client){.join.slice = slice};
    client_open(&c);
}

/* ---- health ---------------------------------------------------------------------------------------------------- */

TEST(health_needs_no_credentials)
{
    CHECK(ask_as(&c, NULL, "GET", "/healthz", NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), "ok\n");
    CHECK(heard(&c, "x-ms-request-id").len == 36);
    CHECK(ask_as(&c, NULL, "GET", "/readyz", NULL, NULL) == 200);
    w.ready = false;
    ask_as(&c, NULL, "GET", "/readyz", NULL, NULL);
    check_error(&c, 503, "ServiceUnavailable");
    CHECK(ask_as(&c, NULL, "GET", "/healthz", NULL, NULL) == 200);
    CHECK(!c.join.hub.talk->over);
}

TEST(head_is_get_without_a_body)
{
    CHECK(ask_as(&c, NULL, "HEAD", "/healthz", NULL, NULL) == 200);
    CHECK_BYTES(heard(&c, "content-length"), BYTES("3"));
    CHECK(ask_as(&c, NULL, "HEAD", "/nothing", NULL, NULL) == 404);
    CHECK_BYTES(heard(&c, "iothub-errorcode"), BYTES("GenericNotFound"));
    CHECK(c.join.hub.out.len == 0);
    CHECK(ask_as(&c, NULL, "GET", "/healthz", NULL, NULL) == 200);
}

/* ---- credentials ----------------------------------------------------------------------------------------------- */

TEST(each_route_asks_for_its_right)
{
    static const struct {
        const char *method, *target;
        bool owner, service, device, read, write;
    } cases[] = {
        {"GET", "/devices" V, true, false, false, true, true},
        {"GET", "/devices/a" V, true, false, false, true, true},
        {"PUT", "/devices/a" V, true, false, false, false, true},
        {"DELETE", "/devices/a" V, true, false, false, false, true},
        {"GET", "/statistics/devices" V, true, false, false, true, true},
        {"GET", "/statistics/service" V, true, true, false, true, true},
        {"GET", GROUPS, true, true, false, true, true},
        {"GET", GROUPS "/$Default", true, true, false, true, true},
        {"PUT", GROUPS "/g", true, false, false, false, true},
        {"DELETE", GROUPS "/g", true, false, false, false, true},
        {"GET", "/hub/status", true, true, false, true, true},
    };
    static const char *const policies[] = {"iothubowner", "service", "device", "registryRead", "registryReadWrite"};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bool may[] = {cases[i].owner, cases[i].service, cases[i].device, cases[i].read, cases[i].write};
        for (size_t p = 0; p < 5; p++) {
            int status = ask_as(&c, policies[p], cases[i].method, cases[i].target, NULL, "{}");
            if ((status != 401) != may[p])
                fail_msg("%s %s as %s: %d", cases[i].method, cases[i].target, policies[p], status);
        }
        ask_as(&c, NULL, cases[i].method, cases[i].target, NULL, "{}");
        check_error(&c, 401, "IotHubUnauthorizedAccess");
        CHECK_BYTES(heard(&c, "www-authenticate"), BYTES("SharedAccessSignature realm=\"hub.test\""));
    }
}

TEST(keys_are_shown_only_to_those_who_may_read_them)
{
    static const char *const strangers[] = {"service", "device", NULL};

    CHECK(ask(&c, "PUT", "/devices/a" V, NULL,
              "{\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"" KEY_A "\",\"secondaryKey\":\"" KEY_B
              "\"}}}") == 200);
    CHECK(ask_as(&c, "registryRead", "GET", "/devices/a" V, NULL, NULL) == 200);
    CHECK(body_has(&c, KEY_A));
    CHECK_BYTES(heard(&c, "cache-control"), BYTES("no-store"));
    for (size_t i = 0; i < 3; i++) {
        CHECK(ask_as(&c, strangers[i], "GET", "/devices/a" V, NULL, NULL) == 401);
        CHECK(!body_has(&c, KEY_A) && !body_has(&c, KEY_B));
        CHECK(ask_as(&c, strangers[i], "GET", "/devices" V, NULL, NULL) == 401);
        CHECK(!body_has(&c, KEY_A) && !body_has(&c, KEY_B));
    }
    CHECK(ask_as(&c, "service", "GET", "/hub/status", NULL, NULL) == 200);
    CHECK(!body_has(&c, KEY_A));
    CHECK(!strstr(w.log, KEY_A));
}

static int ask_with(const char *token)
{
    char header[SAS_LEN_MAX + 64];

    snprintf(header, sizeof header, "Authorization: %s\r\n", token);
    return ask_as(&c, NULL, "GET", "/devices/a" V, header, NULL);
}

TEST(a_token_must_be_signed_alive_and_for_this)
{
    char token[SAS_LEN_MAX];

    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    CHECK(ask_with(token_for("iothubowner", "HUB.test", T0 + 1000)) == 200);
    CHECK(ask_with(token_for("iothubowner", "hub.test/devices", T0 + 1000)) == 200);
    CHECK(ask_with(token_for("iothubowner", "hub.test/devices/a", T0 + 1000)) == 200);
    CHECK(ask_with(token_for("iothubowner", "hub.test", T0 - SKEW_MS + 1000)) == 200);
    CHECK(ask_with(token_for("iothubowner", "hub.test", T0 - SKEW_MS - 1000)) == 401);
    check_error(&c, 401, "IotHubUnauthorizedAccess");
    CHECK(ask_with(token_for("iothubowner", "hub.test/devices/b", T0 + 1000)) == 401);
    CHECK(ask_with(token_for("iothubowner", "hub.test/statistics", T0 + 1000)) == 401);
    CHECK(ask_with(token_for("iothubowner", "other.test", T0 + 1000)) == 401);
    CHECK(ask_with("Bearer abc.def.ghi") == 401);
    check_error(&c, 401, "IotHubUnauthorizedAccess");
    CHECK(body_has(&c, "Bearer"));
    CHECK(ask_with("Basic eDp5") == 401);
    CHECK(ask_with("SharedAccessSignature") == 401);
    CHECK(ask_with("SharedAccessSignature sr=hub.test") == 401);
    snprintf(token, sizeof token, "%s", token_for("iothubowner", "hub.test", T0 + 1000));
    char *sig = strstr(token, "sig=") + 4;
    *sig = *sig == 'A' ? 'B' : 'A';
    CHECK(ask_with(token) == 401);
    CHECK(!strstr(w.log, "sig="));
}

TEST(a_token_of_a_device_is_no_token_of_a_policy)
{
    struct device d;
    struct buf token = buf_max(SAS_LEN_MAX);

    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    CHECK_OK(hub_device_get(w.hub, BYTES("a"), &d));
    CHECK_OK(
        sas_make(BYTES("hub.test/devices/a"), NO_BYTES, T0 / 1000 + 60, bytes_of(d.primary.at, d.primary.len), &token));
    CHECK(ask_with(buf_str(&token)) == 401);
    buf_free(&token);
}

TEST(guessing_is_slowed_down)
{
    int status = 0;

    CHECK_OK(limiter_new(9, &w.env.limiter));
    for (int i = 0; i < LIMITER_PAIR_BURST + 2 && status != 429; i++)
        status = ask_with("SharedAccessSignature sr=hub.test&sig=AAAA&se=9999999999&skn=iothubowner");
    check_error(&c, 429, "ThrottlingException");
    CHECK_BYTES(heard(&c, "connection"), BYTES("close"));
    CHECK(c.join.hub.talk->over);
    limiter_free(w.env.limiter);
}

/* ---- what is ours ---------------------------------------------------------------------------------------------- */

TEST(consumer_groups_are_made_listed_and_deleted)
{
    char target[128];

    CHECK(ask(&c, "GET", GROUPS, NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), "[{\"name\":\"$Default\"}]");
    CHECK(ask(&c, "PUT", GROUPS "/alarms", NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), "{\"name\":\"alarms\"}");
    CHECK(ask(&c, "PUT", GROUPS "/alarms" V, NULL, "{}") == 200);
    CHECK(ask(&c, "PUT", GROUPS "/$Default", NULL, NULL) == 200);
    CHECK(ask(&c, "GET", "/eventhubendpoints/Events/consumergroups/", NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), "[{\"name\":\"$Default\"},{\"name\":\"alarms\"}]");
    CHECK(ask(&c, "GET", GROUPS "/alarms", NULL, NULL) == 200);
    CHECK(ask(&c, "DELETE", GROUPS "/alarms", NULL, NULL) == 204);
    ask(&c, "DELETE", GROUPS "/alarms", NULL, NULL);
    check_error(&c, 404, "GenericNotFound");
    ask(&c, "GET", GROUPS "/alarms", NULL, NULL);
    check_error(&c, 404, "GenericNotFound");
    ask(&c, "DELETE", GROUPS "/$Default", NULL, NULL);
    check_error(&c, 400, "ArgumentInvalid");
    ask(&c, "PUT", GROUPS "/no%20name", NULL, NULL);
    check_error(&c, 400, "ArgumentInvalid");
    for (int i = 1; i < GROUPS_MAX; i++) {
        snprintf(target, sizeof target, GROUPS "/g%d", i);
        CHECK(ask(&c, "PUT", target, NULL, NULL) == 200);
    }
    ask(&c, "PUT", GROUPS "/more", NULL, NULL);
    check_error(&c, 400, "ArgumentInvalid");
}

TEST(the_state_of_the_hub_is_told)
{
    static struct waker waker = {quiet_wake};
    const struct msg m = {.body = BYTES("open")};
    struct seat *seat;
    uint64_t at;

    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    CHECK_OK(hub_attach(w.hub, BYTES("a"), NO_BYTES, PROOF_DEVICE_SAS, &waker, T0, &seat));
    CHECK_OK(hub_send(seat, &m, T0, &at));
    CHECK(ask_as(&c, "service", "GET", "/hub/status", NULL, NULL) == 200);
    hub_detach(seat, T0);
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, JSON_REJECT_DUPLICATES, NULL);
    CHECK(root);
    assert_string_equal(json_string_value(json_object_get(root, "host_name")), "hub.test");
    assert_string_equal(json_string_value(json_object_get(root, "entity")), "hub");
    CHECK(json_integer_value(json_object_get(root, "devices")) == 1);
    CHECK(json_integer_value(json_object_get(root, "connected_devices")) == 1);
    CHECK(json_integer_value(json_object_get(root, "events_received")) == 1);
    CHECK(json_integer_value(json_object_get(root, "consumer_groups")) == 1);
    json_t *partitions = json_object_get(root, "partitions");
    CHECK(json_array_size(partitions) == 2);
    const json_t *used = json_array_get(partitions, hub_partition_of(w.hub, BYTES("a")));
    const json_t *unused = json_array_get(partitions, 1 - hub_partition_of(w.hub, BYTES("a")));
    CHECK(json_integer_value(json_object_get(used, "last_enqueued_sequence_number")) == 0);
    CHECK(json_is_false(json_object_get(used, "is_partition_empty")));
    assert_string_equal(json_string_value(json_object_get(used, "last_enqueued_time_utc")),
                        "2026-11-23T05:25:00.0000000Z");
    CHECK(json_integer_value(json_object_get(unused, "last_enqueued_sequence_number")) == -1);
    assert_string_equal(json_string_value(json_object_get(unused, "last_enqueued_offset")), "-1");
    CHECK(json_is_true(json_object_get(unused, "is_partition_empty")));
    json_decref(root);
}

/* ---- the conversation ------------------------------------------------------------------------------------------ */

/* Three requests at once: what a client may do, and what comes back. */
static struct buf three_requests(void)
{
    struct buf b = buf_max(8192);
    const char *token = token_for("iothubowner", "hub.test", T0 + 60000);

    buf_printf(&b, "PUT /devices/a" V " HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nContent-Length: 2\r\n\r\n{}",
               token);
    buf_printf(&b, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    buf_printf(&b,
               "PUT /devices/b" V " HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
               "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
               token);
    return b;
}

static void hear_three(void)
{
    CHECK(client_hear(&c) && c.in.head.status == 200 && body_has(&c, "\"deviceId\":\"a\""));
    CHECK(client_hear(&c) && c.in.head.status == 200 && body_has(&c, "ok"));
    CHECK(client_hear(&c) && c.in.head.status == 200 && body_has(&c, "\"deviceId\":\"b\""));
    CHECK(!client_hear(&c) && c.join.hub.out.len == 0 && !c.join.hub.talk->over);
}

TEST(pipelined_requests_are_answered_in_order_however_they_are_cut)
{
    struct buf all = three_requests();
    struct device d;
    uint64_t at;

    for (size_t cut = 0; cut <= all.len; cut++) {
        client_say(&c, bytes_first(buf_bytes(&all), cut));
        client_say(&c, bytes_skip(buf_bytes(&all), cut));
        hear_three();
        CHECK(c.join.hub.in.len == 0);
        CHECK_OK(hub_device_delete(w.hub, BYTES("a"), (struct match){.how = MATCH_ANY}, T0, &at));
        CHECK_OK(hub_device_delete(w.hub, BYTES("b"), (struct match){.how = MATCH_ANY}, T0, &at));
    }
    c.join.slice = 1;
    client_say(&c, buf_bytes(&all));
    hear_three();
    CHECK_OK(hub_device_get(w.hub, BYTES("b"), &d));
    buf_free(&all);
}

TEST(a_peer_that_does_not_read_is_not_read)
{
    static const char one[] = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
    struct buf many = buf_max(1 << 20);
    int heard_n = 0;

    for (int i = 0; i < 5000; i++)
        buf_puts(&many, one);
    client_say(&c, buf_bytes(&many));
    /* It has not shown who it is: little waits for it. */
    CHECK(c.join.hub.out.len >= CONN_OUT_UNPROVED && c.join.hub.out.len < CONN_OUT_UNPROVED + 1024);
    CHECK(c.join.hub.in.len > 1000 * sizeof one);
    size_t left = c.join.hub.in.len;
    client_say_rest(&c);
    CHECK(c.join.hub.in.len == left);
    while (c.join.hub.out.len) {
        while (client_hear(&c))
            heard_n++;
        client_say_rest(&c);
    }
    CHECK(heard_n == 5000 && c.join.hub.in.len == 0);
    buf_free(&many);
}

TEST(a_connection_closes_when_the_client_says_so)
{
    CHECK(ask_as(&c, NULL, "GET", "/healthz", "Connection: close\r\n", NULL) == 200);
    CHECK_BYTES(heard(&c, "connection"), BYTES("close"));
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == OK);
    client_say(&c, BYTES("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(c.join.hub.out.len == 0 && c.join.hub.in.len == 0);
    reopen();
    client_say(&c, BYTES("GET /healthz HTTP/1.0\r\n\r\n"));
    CHECK(client_hear(&c) && c.in.head.status == 200 && c.join.hub.talk->over);
    reopen();
    client_say(&c, BYTES("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    CHECK(client_hear(&c) && c.in.head.status == 200 && !c.join.hub.talk->over);
    CHECK_BYTES(heard(&c, "connection"), BYTES("keep-alive"));
}

TEST(who_waits_for_100_is_told_before_the_body)
{
    char head[SAS_LEN_MAX + 256];

    snprintf(head, sizeof head,
             "PUT /devices/a" V " HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nExpect: 100-continue\r\n"
             "Content-Length: 2\r\n\r\n",
             token_for("iothubowner", "hub.test", T0 + 60000));
    client_say(&c, bytes_str(head));
    CHECK(client_hear(&c) && c.in.head.status == 100);
    CHECK(c.join.hub.out.len == 0);
    client_say(&c, BYTES("{}"));
    CHECK(client_hear(&c) && c.in.head.status == 200);
    client_say(&c,
               BYTES("PUT /devices/b" V " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    CHECK(client_hear(&c));
    check_error(&c, 401, "IotHubUnauthorizedAccess");
    CHECK(c.join.hub.talk->over);
}

TEST(the_body_of_a_stranger_is_read_and_not_kept)
{
    struct buf b = buf_max(HTTP_BODY_MAX + 1024);

    buf_printf(&b, "PUT /devices/a" V " HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", HTTP_BODY_MAX);
    memset(buf_grow(&b, HTTP_BODY_MAX), 'x', HTTP_BODY_MAX);
    c.join.slice = 60000;
    client_say(&c, buf_bytes(&b));
    CHECK(client_hear(&c));
    check_error(&c, 401, "IotHubUnauthorizedAccess");
    CHECK(!c.join.hub.talk->over);
    CHECK(ask_as(&c, NULL, "GET", "/healthz", NULL, NULL) == 200);
    buf_free(&b);
}

/* A request that cannot be read is answered, logged, and ends the connection. */
static void check_fault(struct bytes in, int status, const char *name)
{
    reopen();
    w.log[0] = 0;
    client_say(&c, in);
    CHECK(client_hear(&c));
    check_error(&c, status, name);
    CHECK_BYTES(heard(&c, "connection"), BYTES("close"));
    CHECK(c.join.hub.talk->over && c.join.hub.in.len == 0);
    CHECK(strstr(w.log, "request-refused") && strstr(w.log, "192.0.2.7:51234"));
}

static void check_padded(const char *before, char pad, size_t n, int status, const char *name)
{
    struct buf b = buf_max(1 << 21);

    buf_puts(&b, before);
    uint8_t *at = buf_grow(&b, n);
    CHECK(at);
    memset(at, pad, n);
    check_fault(buf_bytes(&b), status, name);
    buf_free(&b);
}

TEST(what_is_too_large_is_refused)
{
    struct buf b = buf_max(1 << 16);

    check_padded("GET /", 'a', HTTP_HEAD_MAX, 414, "GenericBadRequest");
    check_padded("GET / HTTP/1.1\r\nHost: h\r\nX: ", 'a', HTTP_HEAD_MAX, 431, "GenericBadRequest");
    buf_puts(&b, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        buf_puts(&b, "X: y\r\n");
    buf_puts(&b, "\r\n");
    check_fault(buf_bytes(&b), 431, "GenericBadRequest");
    buf_free(&b);
    check_fault(BYTES("PUT /devices/a HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n"), 413,
                "GenericRequestEntityTooLarge");
    CHECK(strstr(w.log, "/devices/a"));
    check_fault(BYTES("PUT /devices/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n"), 413,
                "GenericRequestEntityTooLarge");
}

TEST(what_two_programs_could_read_in_two_ways_is_refused)
{
    check_fault(
        BYTES("POST /devices HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        400, "GenericBadRequest");
    check_fault(BYTES("POST /devices HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 400,
                "GenericBadRequest");
    check_fault(BYTES("GET /healthz HTTP/1.1\nHost: h\n\n"), 400, "GenericBadRequest");
    check_fault(BYTES("GET /healthz HTTP/1.1\r\nHost : h\r\n\r\n"), 400, "GenericBadRequest");
    check_fault(BYTES("GET /healthz HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n"), 400, "GenericBadRequest");
    check_fault(BYTES("GET /healthz HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n"), 400, "GenericBadRequest");
    check_fault(BYTES("GET /healthz HTTP/1.1\r\n\r\n"), 400, "GenericBadRequest");
    check_fault(BYTES("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"), 501, "GenericBadRequest");
    check_fault(BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400, "GenericBadRequest");
    check_fault(BYTES("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505, "InvalidProtocolVersion");
    check_fault(BYTES("\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test"), 400, "GenericBadRequest");
}

TEST(an_upgrade_that_nobody_knows_is_an_ordinary_request)
{
    CHECK(ask_as(&c, NULL, "GET", "/healthz", "Upgrade: websocket\r\nConnection: Upgrade\r\n", NULL) == 200);
    CHECK(ask_as(&c, NULL, "GET", "/healthz", NULL, NULL) == 200);
}

/* ---- slow clients ---------------------------------------------------------------------------------------------- */

static int64_t tick_after(int64_t ms)
{
    c.join.now_ms += ms;
    return c.join.hub.talk->ops->tick(c.join.hub.talk, c.join.now_ms);
}

TEST(a_client_that_says_nothing_is_left_without_a_word)
{
    CHECK(tick_after(HTTP_HEAD_MS - 1) == T0 + HTTP_HEAD_MS);
    CHECK(!c.join.hub.talk->over);
    CHECK(tick_after(1) == INT64_MAX);
    CHECK(c.join.hub.talk->over && c.join.hub.out.len == 0);
}

TEST(a_head_must_come_in_time_however_much_of_it_comes)
{
    client_say(&c, BYTES("GET /healthz HT"));
    for (int i = 0; i < 14; i++) {
        tick_after(1000);
        client_say(&c, BYTES("x"));
    }
    CHECK(!c.join.hub.talk->over);
    tick_after(1000);
    CHECK(client_hear(&c));
    CHECK(c.in.head.status == 408 && c.join.hub.talk->over && c.join.hub.talk->why == ERR_TIMEOUT);
    CHECK(strstr(w.log, "status=408"));
}

TEST(the_next_head_has_its_own_time)
{
    CHECK(ask_as(&c, NULL, "GET", "/healthz", NULL, NULL) == 200);
    CHECK(tick_after(HTTP_HEAD_MS * 2) == T0 + HTTP_IDLE_MS);
    client_say(&c, BYTES("G"));
    CHECK(tick_after(HTTP_HEAD_MS - 1) == c.join.now_ms + 1);
    CHECK(!c.join.hub.talk->over);
    tick_after(1);
    CHECK(client_hear(&c) && c.in.head.status == 408 && c.join.hub.talk->over);
}

TEST(a_body_must_come_in_time)
{
    client_say(&c, BYTES("PUT /devices/a" V " HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"));
    for (int i = 0; i < 59; i++) {
        tick_after(1000);
        client_say(&c, BYTES("x"));
    }
    CHECK(!c.join.hub.talk->over);
    tick_after(1000);
    CHECK(client_hear(&c) && c.in.head.status == 408 && c.join.hub.talk->over);
    CHECK(strstr(w.log, "/devices/a"));
}

TEST(an_idle_connection_is_closed_without_a_word)
{
    CHECK(ask_as(&c, NULL, "GET", "/healthz", NULL, NULL) == 200);
    client_say(&c, BYTES("\r\n"));
    CHECK(tick_after(HTTP_IDLE_MS - 1) == T0 + HTTP_IDLE_MS);
    CHECK(!c.join.hub.talk->over);
    tick_after(1);
    CHECK(c.join.hub.talk->over && c.join.hub.talk->why == ERR_IDLE && c.join.hub.out.len == 0);
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

TEST(each_refused_request_is_one_line_and_others_are_none)
{
    CHECK(ask(&c, "PUT", "/devices/a" V, NULL, "{}") == 200);
    assert_string_equal(w.log, "audit change=device-created by=iothubowner address=192.0.2.7:51234 device=a\n");
    w.log[0] = 0;
    CHECK(ask(&c, "GET", "/devices/a" V, NULL, NULL) == 200);
    CHECK(w.log[0] == 0);
    ask_as(&c, "service", "GET", "/devices/a" V "&secret=x", NULL, NULL);
    char *line = strchr(w.log, '\n');
    CHECK(line && !line[1]);
    CHECK(strstr(w.log, "request-refused peer=192.0.2.7:51234 who=service method=GET path=/devices/a status=401 "
                        "code=401002 name=IotHubUnauthorizedAccess reason=denied"));
    CHECK(!strstr(w.log, "secret"));
    w.log[0] = 0;
    ask(&c, "PUT", "/devices/a" V, NULL, "{}");
    line = strchr(w.log, '\n');
    CHECK(line && !line[1]);
    CHECK(strstr(w.log, "who=iothubowner method=PUT path=/devices/a status=409"));
}

#define RUN_HERE(name) cmocka_unit_test_setup_teardown(name, client_start, client_stop)

TESTS(RUN_HERE(health_needs_no_credentials), RUN_HERE(head_is_get_without_a_body),
      RUN_HERE(each_route_asks_for_its_right), RUN_HERE(keys_are_shown_only_to_those_who_may_read_them),
      RUN_HERE(a_token_must_be_signed_alive_and_for_this), RUN_HERE(a_token_of_a_device_is_no_token_of_a_policy),
      RUN_HERE(guessing_is_slowed_down), RUN_HERE(consumer_groups_are_made_listed_and_deleted),
      RUN_HERE(the_state_of_the_hub_is_told), RUN_HERE(pipelined_requests_are_answered_in_order_however_they_are_cut),
      RUN_HERE(a_peer_that_does_not_read_is_not_read), RUN_HERE(a_connection_closes_when_the_client_says_so),
      RUN_HERE(who_waits_for_100_is_told_before_the_body), RUN_HERE(the_body_of_a_stranger_is_read_and_not_kept),
      RUN_HERE(what_is_too_large_is_refused), RUN_HERE(what_two_programs_could_read_in_two_ways_is_refused),
      RUN_HERE(an_upgrade_that_nobody_knows_is_an_ordinary_request),
      RUN_HERE(a_client_that_says_nothing_is_left_without_a_word),
      RUN_HERE(a_head_must_come_in_time_however_much_of_it_comes), RUN_HERE(the_next_head_has_its_own_time),
      RUN_HERE(a_body_must_come_in_time), RUN_HERE(an_idle_connection_is_closed_without_a_word),
      RUN_HERE(each_refused_request_is_one_line_and_others_are_none))
