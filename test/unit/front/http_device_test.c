/* Devices over HTTPS: what they send, alone and in batches, what they take and settle; messages to them over REST. */
#include "http_peer.h"

#include "http_device.h"

#define EVENTS "/devices/garage/messages/events" V
#define BOX "/devices/garage/messages/devicebound"
#define BATCH "Content-Type: application/vnd.microsoft.iothub.json\r\n"

static struct device add(const char *id)
{
    struct device wanted = {.auth = AUTH_SAS}, made;
    uint64_t at;

    snprintf(wanted.id, sizeof wanted.id, "%s", id);
    CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_NONE}, T0, &made, &at));
    return made;
}

static int start(void **state)
{
    client_start(state);
    add("garage");
    return 0;
}

static const char *token_of(const char *id, int64_t expires_ms)
{
    static char token[SAS_LEN_MAX];
    struct buf b = buf_max(sizeof token), resource = buf_max(1024);
    struct device d;

    CHECK_OK(hub_device_get(w.hub, bytes_str(id), &d));
    buf_printf(&resource, "hub.test/devices/%s", id);
    CHECK_OK(sas_make(buf_bytes(&resource), NO_BYTES, expires_ms / 1000, bytes_of(d.primary.at, d.primary.len), &b));
    snprintf(token, sizeof token, "%s", buf_str(&b));
    buf_free(&b);
    buf_free(&resource);
    return token;
}

/* Asks with any token (NULL: none) and any body (at == NULL: none). */
static int ask_raw(const char *token, const char *method, const char *target, const char *headers, struct bytes body)
{
    struct buf b = buf_max(4 << 20);

    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: hub.test\r\n", method, target);
    if (token)
        buf_printf(&b, "Authorization: %s\r\n", token);
    buf_puts(&b, headers ? headers : "");
    if (body.at)
        buf_printf(&b, "Content-Length: %zu\r\n", body.len);
    buf_puts(&b, "\r\n");
    buf_put(&b, body);
    CHECK(!b.bad);
    client_say(&c, buf_bytes(&b));
    buf_free(&b);
    CHECK(client_hear(&c));
    return c.in.head.status;
}

/* As the device "garage". */
static int does(const char *method, const char *target, const char *headers, const char *body)
{
    return ask_raw(token_of("garage", c.join.now_ms + 3600000), method, target, headers,
                   body ? bytes_str(body) : NO_BYTES);
}

/* The event of that number among those of the device, as it can be read. */
static void read_event(int n, struct msg_room *room, struct msg *out)
{
    static struct waker waker = {quiet_wake};
    const struct read_options options = {
        .group = BYTES("$Default"), .partition = hub_partition_of(w.hub, BYTES("garage")), .waker = &waker};
    struct reader *reader;
    static struct event e;

    CHECK_OK(hub_reader_open(w.hub, &options, NULL, &reader));
    for (int i = 0; i <= n; i++)
        CHECK_OK(hub_read(reader, &e));
    CHECK_BYTES(e.device, BYTES("garage"));
    CHECK_OK(msg_read(e.sections, room, out));
    hub_reader_close(reader);
}

static struct bytes prop_of(const struct msg *m, const char *name)
{
    for (size_t i = 0; i < m->n_props; i++)
        if (bytes_eq(m->props[i].name, bytes_str(name)))
            return m->props[i].value;
    return NO_BYTES;
}

static void post(const char *id, const char *body, const char *ack)
{
    const struct msg m = {.message_id = bytes_str(id), .body = bytes_str(body), .ack = bytes_str(ack)};
    uint64_t at;
    CHECK_OK(hub_post(w.hub, BYTES("garage"), &m, c.join.now_ms, &at));
}

static unsigned waiting(void)
{
    struct device d;
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    return d.c2d_count;
}

/* ---- who it is */

TEST(a_device_comes_with_its_token_or_one_of_a_policy_for_devices)
{
    struct policy p;

    add("phone");
    CHECK(does("POST", EVENTS, NULL, "x") == 204);
    CHECK(ask_as(&c, "device", "POST", EVENTS, NULL, "x") == 204);
    CHECK_OK(hub_policy_get(w.hub, BYTES("device"), &p));
    CHECK(ask_as(&c, "iothubowner", "POST", EVENTS, NULL, "x") == 204); /* it has all rights */
    CHECK(ask_as(&c, "service", "POST", EVENTS, NULL, "x") == 401);
    check_error(&c, 401, "IotHubUnauthorizedAccess");
    CHECK(ask_as(&c, NULL, "POST", EVENTS, NULL, "x") == 401);
    CHECK(ask_raw(token_of("phone", T0 + 3600000), "POST", EVENTS, NULL, BYTES("x")) == 401);
    CHECK(ask_raw(token_of("garage", T0 - 3600000), "POST", EVENTS, NULL, BYTES("x")) == 401);
    CHECK(ask_raw(token_of("phone", T0 + 3600000), "GET", BOX V, NULL, NO_BYTES) == 401);
    CHECK(world_stored(&w) == 3);
    CHECK(strstr(w.log, "request-refused") && strstr(w.log, "192.0.2.7:51234"));
}

TEST(unknown_and_disabled_devices_are_told_so)
{
    struct device d, made;
    uint64_t at;
    char token[SAS_LEN_MAX];

    snprintf(token, sizeof token, "%s", token_of("garage", T0 + 3600000));
    CHECK(ask_raw(token, "POST", "/devices/nobody/messages/events" V, NULL, BYTES("x")) == 401);
    check_error(&c, 401, "IotHubUnauthorizedAccess"); /* a stranger is not told who there is */
    snprintf(token, sizeof token, "%s", token_for("device", "hub.test", T0 + 3600000));
    CHECK(ask_raw(token, "POST", "/devices/nobody/messages/events" V, NULL, BYTES("x")) == 404);
    check_error(&c, 404, "DeviceNotFound");
    snprintf(token, sizeof token, "%s", token_of("garage", T0 + 3600000));
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    d.disabled = true;
    CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_ANY}, T0, &made, &at));
    CHECK(ask_raw(token, "POST", EVENTS, NULL, BYTES("x")) == 401); /* 403 is a quota to SDKs: they would try again */
    check_error(&c, 401, "IotHubUnauthorizedAccess");
    CHECK(body_has(&c, "The device is disabled"));
}

/* As somebody with a certificate of no device, or of a disabled one. */
static void check_certificate(const char *path, const char *text)
{
    struct peer peer = {.address = "192.0.2.7:51234", .has_certificate = true};

    memset(peer.sha1, 0xAB, sizeof peer.sha1);
    client_close(&c);
    c = (struct client){0};
    client_open_from(&c, &peer);
    CHECK(ask_as(&c, NULL, "POST", path, NULL, "x") == 401);
    check_error(&c, 401, "IotHubUnauthorizedAccess");
    if (!body_has(&c, text))
        fail_msg("%s", heard_body(&c));
}

TEST(with_a_certificate_unknown_and_wrong_are_the_same)
{
    struct device x509 = {.id = "x509", .auth = AUTH_SELF_SIGNED}, made;
    static const char refused[] = "IotHubUnauthorizedAccess;these credentials are not valid";
    uint64_t at;

    memset(x509.thumbprint[0], 'C', 40);
    CHECK_OK(hub_device_put(w.hub, &x509, (struct match){.how = MATCH_NONE}, T0, &made, &at));
    check_certificate("/devices/nobody/messages/events" V, refused);
    check_certificate("/devices/x509/messages/events" V, refused);
    for (int i = 0; i < 40; i++)
        x509.thumbprint[0][i] = i & 1 ? 'B' : 'A';
    x509.disabled = true;
    CHECK_OK(hub_device_put(w.hub, &x509, (struct match){.how = MATCH_ANY}, T0, &made, &at));
    check_certificate("/devices/x509/messages/events" V, "The device is disabled");
}

TEST(paths_of_a_device_come_in_every_spelling)
{
    struct device d = add("a+b");

    (void)d;
    CHECK(ask_raw(token_of("a+b", T0 + 3600000), "POST", "/Devices/a%2Bb/Messages/Events/" V, NULL, BYTES("x")) == 204);
    CHECK(ask_raw(token_of("a+b", T0 + 3600000), "GET", "/devices/a%2bb/messages/deviceBound" V, NULL, NO_BYTES) ==
          204);
    CHECK(ask_raw(token_of("a+b", T0 + 3600000), "POST", "/devices/a%2Bb/messages/events", NULL, BYTES("x")) == 400);
    check_error(&c, 400, "InvalidProtocolVersion");
    CHECK(does("GET", EVENTS, NULL, NULL) == 405);
    CHECK(does("PUT", BOX V, NULL, "") == 405);
}

/* ---- what it sends */

TEST(headers_become_properties)
{
    struct msg_room room = {.text = buf_max(1 << 20)};
    struct msg m;
    uint64_t before = c.join.hub.talk->after;

    CHECK(does("POST", EVENTS,
               "IoTHub-MessageId: m-1\r\niothub-correlationid: c-1\r\niothub-userid: me\r\n"
               "iothub-contenttype: text/plain\r\niothub-contentencoding: utf-8\r\niothub-to: /devices/x\r\n"
               "iothub-app-colour: red; 100%\r\niothub-app-Mixed.Case: \r\niothub-ack: full\r\n"
               "Content-Type: application/octet-stream\r\niothub-expiry: 2026-11-24T00:00:00Z\r\n"
               "iothub-creationtimeutc: 2026-11-23T00:00:00Z\r\n",
               "open") == 204);
    CHECK(c.join.hub.talk->after > before && !c.in.body.len);
    read_event(0, &room, &m);
    CHECK_BYTES(m.body, BYTES("open"));
    CHECK_BYTES(m.message_id, BYTES("m-1"));
    CHECK_BYTES(m.correlation_id, BYTES("c-1"));
    CHECK_BYTES(m.user_id, BYTES("me"));
    CHECK_BYTES(m.content_type, BYTES("text/plain"));
    CHECK_BYTES(m.content_encoding, BYTES("utf-8"));
    CHECK_BYTES(prop_of(&m, "colour"), BYTES("red; 100%"));
    CHECK_BYTES(prop_of(&m, "Mixed.Case"), BYTES(""));
    CHECK_BYTES(m.creation_time, BYTES("2026-11-23T00:00:00Z"));
    CHECK(!m.to.at && !m.ack.at && m.n_props == 2 && m.expiry_ms);
    buf_free(&room.text);
}

TEST(what_is_no_message_is_refused)
{
    static char headers[HTTP_HEADERS_MAX * 40], large[MESSAGE_LEN_MAX + 1];
    size_t used = 0;

    CHECK(does("POST", EVENTS, "iothub-expiry: soon\r\n", "x") == 400);
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(does("POST", EVENTS, "iothub-app-: x\r\n", "x") == 400);
    CHECK(does("POST", EVENTS, "iothub-app-a: \xff\r\n", "x") == 400);
    for (int i = 0; i < 4; i++)
        used += (size_t)snprintf(headers + used, sizeof headers - used, "iothub-messageid: %0130d\r\n", i);
    CHECK(does("POST", EVENTS, headers, "x") == 400);
    memset(large, 'x', sizeof large);
    CHECK(ask_raw(token_of("garage", T0 + 3600000), "POST", EVENTS, NULL, bytes_of(large, sizeof large)) == 413);
    check_error(&c, 413, "MessageTooLarge");
    CHECK(world_stored(&w) == 0);
    CHECK(ask_raw(token_of("garage", T0 + 3600000), "POST", EVENTS, NULL, bytes_of(large, sizeof large - 1)) == 204);
    CHECK(does("POST", EVENTS, NULL, NULL) == 204); /* nothing at all is a message too */
    CHECK(world_stored(&w) == 2);
}

TEST(a_batch_is_as_many_messages)
{
    struct msg_room room = {.text = buf_max(1 << 20)};
    struct msg m;

    CHECK(does("POST", EVENTS, BATCH,
               "[{\"body\":\"b3Blbg==\",\"base64Encoded\":true,\"properties\":{\"iothub-app-k\":\"v\",\"iothub-"
               "messageid\":"
               "\"m-1\"}},{\"body\":\"plain\",\"base64Encoded\":false},{\"body\":\"c2h1dA==\"},{\"body\":\"\"}]") ==
          204);
    CHECK(world_stored(&w) == 4);
    read_event(0, &room, &m);
    CHECK_BYTES(m.body, BYTES("open"));
    CHECK_BYTES(prop_of(&m, "k"), BYTES("v"));
    CHECK_BYTES(m.message_id, BYTES("m-1"));
    read_event(1, &room, &m);
    CHECK_BYTES(m.body, BYTES("plain"));
    read_event(2, &room, &m);
    CHECK_BYTES(m.body, BYTES("shut"));
    buf_free(&room.text);
}

TEST(in_a_batch_null_is_a_value_and_refusals_are_named)
{
    static const struct {
        const char *body, *text;
    } wrong[] = {
        {"[{\"body\":\"\",\"properties\":{\"colour\":\"red\"}}]", "property colour is not known"},
        {"[{\"body\":\"\",\"properties\":{\"iothub-app-a\":1}}]", "property iothub-app-a must be a text or null"},
        {"[{\"body\":\"\",\"properties\":{\"iothub-app-\":\"\"}}]", "has no name after iothub-app-"},
        {"[{\"body\":\"\",\"properties\":{\"iothub-expiry\":\"soon\"}}]", "iothub-expiry is not a time"},
        {"[{\"body\":\"\"},{\"Body\":5}]", "Message 1 of the batch is refused: body is not a text"},
        {"[{\"body\":\"!\"}]", "Message 0 of the batch is refused"},
    };
    struct msg_room room = {.text = buf_max(1 << 20)};
    struct msg m;

    CHECK(does("POST", EVENTS, BATCH,
               "[{\"Body\":\"YQ==\",\"Properties\":{\"iothub-app-k\":null,\"iothub-messageid\":null,"
               "\"iothub-app-v\":\"x\"}}]") == 204);
    read_event(0, &room, &m);
    CHECK(m.n_props == 2 && !m.message_id.at);
    CHECK_BYTES(prop_of(&m, "v"), BYTES("x"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK(does("POST", EVENTS, BATCH, wrong[i].body) == 400);
        if (!body_has(&c, wrong[i].text))
            fail_msg("%s", heard_body(&c));
    }
    CHECK(does("POST", EVENTS, "iothub-expiry: soon\r\n", "x") == 400 && body_has(&c, "iothub-expiry is not a time"));
    buf_free(&room.text);
}

TEST(of_a_batch_all_or_nothing_is_stored)
{
    static const char *const wrong[] = {
        "",
        "x",
        "{}",
        "[1]",
        "[{\"body\":\"YQ==\"},{}]",
        "[{\"body\":\"YQ==\"},{\"body\":1}]",
        "[{\"body\":\"YQ==\"},{\"body\":\"!\"}]",
        "[{\"body\":\"YQ==\"},{\"body\":\"YQ==\",\"properties\":1}]",
        "[{\"body\":\"YQ==\"},{\"body\":\"YQ==\",\"properties\":{\"iothub-app-a\":1}}]",
        "[{\"body\":\"YQ==\"},{\"body\":\"YQ==\",\"properties\":{\"colour\":\"red\"}}]",
        "[{\"body\":\"YQ==\"},{\"body\":\"YQ==\",\"base64Encoded\":\"no\"}]",
        "[{\"body\":\"YQ==\"}",
    };
    struct buf large = buf_max(2 << 20);

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(does("POST", EVENTS, BATCH, wrong[i]) == 400);
    /* Together over the limit of one message. */
    buf_puts(&large, "[");
    for (int i = 0; i < 3; i++)
        buf_printf(&large, "%s{\"base64Encoded\":false,\"body\":\"%0*d\"}", i ? "," : "", MESSAGE_LEN_MAX / 3 + 1, 0);
    buf_puts(&large, "]");
    CHECK(does("POST", EVENTS, BATCH, buf_str(&large)) == 413);
    check_error(&c, 413, "MessageTooLarge");
    buf_clear(&large);
    buf_puts(&large, "[");
    for (int i = 0; i <= HTTP_BATCH_MAX; i++)
        buf_printf(&large, "%s{\"body\":\"\"}", i ? "," : "");
    buf_puts(&large, "]");
    CHECK(does("POST", EVENTS, BATCH, buf_str(&large)) == 400);
    buf_clear(&large);
    buf_puts(&large, "[{\"body\":\"\"}");
    for (int i = 0; i < JSON_VALUES_MAX; i++)
        buf_puts(&large, ",{}");
    buf_puts(&large, "]");
    CHECK(does("POST", EVENTS, BATCH, buf_str(&large)) == 400);
    check_error(&c, 400, "DeserializationError");
    CHECK(world_stored(&w) == 0);
    buf_free(&large);
}

TEST(requests_take_no_seat)
{
    static struct waker waker = {quiet_wake};
    struct seat *seat;
    struct device d;

    CHECK_OK(hub_attach(w.hub, BYTES("garage"), NO_BYTES, PROOF_DEVICE_SAS, &waker, T0, &seat));
    CHECK(does("POST", EVENTS, NULL, "x") == 204);
    CHECK(does("GET", BOX V, NULL, NULL) == 204);
    CHECK_OK(seat_state(seat));
    hub_detach(seat, T0);
    CHECK(does("POST", EVENTS, NULL, "x") == 204);
    CHECK_OK(hub_device_get(w.hub, BYTES("garage"), &d));
    CHECK(!d.connected && d.activity_ms == T0);
}

/* ---- what it receives */

static const char *settle_path(const char *tail)
{
    static char path[256];
    struct bytes etag = heard(&c, "etag");

    CHECK(etag.len == 38 && etag.at[0] == '"' && etag.at[37] == '"');
    snprintf(path, sizeof path, BOX "/%.*s%s", 36, (const char *)etag.at + 1, tail);
    return path;
}

TEST(a_message_is_a_body_and_headers)
{
    struct prop props[] = {{BYTES("colour"), BYTES("red")}, {BYTES("n\xc3\xa4me"), BYTES("line\r\nbreak")}};
    const struct msg m = {.message_id = BYTES("m-1"),
                          .correlation_id = BYTES("c-1"),
                          .user_id = BYTES("me"),
                          .content_type = BYTES("text/plain"),
                          .content_encoding = BYTES("utf-8"),
                          .ack = BYTES("full"),
                          .props = props,
                          .n_props = 2,
                          .body = BYTES("\x00\xff"
                                        "open")};
    uint64_t at;

    CHECK(does("GET", BOX V, NULL, NULL) == 204 && !heard(&c, "etag").at);
    CHECK_OK(hub_post(w.hub, BYTES("garage"), &m, T0, &at));
    CHECK(does("GET", BOX V, NULL, NULL) == 200);
    CHECK_BYTES(buf_bytes(&c.in.body), m.body);
    CHECK_BYTES(heard(&c, "iothub-messageid"), BYTES("m-1"));
    CHECK_BYTES(heard(&c, "iothub-correlationid"), BYTES("c-1"));
    CHECK_BYTES(heard(&c, "iothub-userid"), BYTES("me"));
    CHECK_BYTES(heard(&c, "iothub-to"), BYTES("/devices/garage/messages/devicebound"));
    CHECK_BYTES(heard(&c, "iothub-ack"), BYTES("full"));
    CHECK_BYTES(heard(&c, "ContentType"), BYTES("text/plain"));
    CHECK_BYTES(heard(&c, "iothub-contentencoding"), BYTES("utf-8"));
    CHECK_BYTES(heard(&c, "iothub-sequencenumber"), BYTES("1"));
    CHECK_BYTES(heard(&c, "iothub-deliverycount"), BYTES("0"));
    CHECK(bytes_starts(heard(&c, "iothub-enqueuedtime"), BYTES("2026-11-23T05:25:00")));
    CHECK(bytes_starts(heard(&c, "iothub-expiry"), BYTES("2026-11-23T06:25:00")));
    CHECK_BYTES(heard(&c, "iothub-app-colour"), BYTES("red"));
    CHECK_BYTES(heard(&c, "iothub-app-n%C3%A4me"), BYTES("line%0D%0Abreak")); /* nothing breaks out of its line */
    CHECK(does("GET", BOX V, NULL, NULL) == 204);                             /* it is locked */
}

TEST(complete_reject_and_abandon)
{
    post("m-1", "one", "none");
    post("m-2", "two", "none");
    CHECK(does("GET", BOX V, NULL, NULL) == 200);
    CHECK(does("POST", settle_path("/abandon" V), NULL, NULL) == 204);
    CHECK(does("GET", BOX V, NULL, NULL) == 200);
    CHECK_BYTES(heard(&c, "iothub-deliverycount"), BYTES("1"));
    assert_string_equal(heard_body(&c), "one");
    uint64_t before = c.join.hub.talk->after;
    char path[256];
    snprintf(path, sizeof path, "%s", settle_path(V));
    CHECK(does("DELETE", path, "If-Match: \"whatever\"\r\n", NULL) == 204);
    CHECK(c.join.hub.talk->after > before && waiting() == 1);
    CHECK(does("DELETE", path, NULL, NULL) == 412); /* once */
    check_error(&c, 412, "DeviceMessageLockLost");
    for (int i = 0; i < 3; i++) {
        static const char *const flags[] = {V "&reject", V "&reject=true", V "&%3Freject=true"};
        CHECK(does("GET", BOX V, NULL, NULL) == 200);
        CHECK(does("DELETE", settle_path(flags[i]), NULL, NULL) == 204);
        post("m", "again", "none");
    }
    CHECK(does("DELETE", BOX "/nonsense" V, NULL, NULL) == 400);
    check_error(&c, 400, "ArgumentInvalid");
    CHECK(does("DELETE", BOX "/00000000-0000-0000-0000-000000000000" V, NULL, NULL) == 412);
}

TEST(a_lock_ends_after_a_minute)
{
    char path[256];

    post("m-1", "one", "none");
    CHECK(does("GET", BOX V, NULL, NULL) == 200);
    snprintf(path, sizeof path, "%s", settle_path(V));
    c.join.now_ms += C2D_LOCK_MS;
    hub_tick(w.hub, c.join.now_ms);
    CHECK(does("DELETE", path, NULL, NULL) == 412);
    CHECK(does("GET", BOX V, NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), "one");
}

TEST(nobody_looks_into_a_mailbox_with_head)
{
    post("m-1", "one", "none");
    c.in.answer_to_head = true;
    CHECK(does("HEAD", BOX V, NULL, NULL) == 405);
    CHECK(does("GET", BOX V, NULL, NULL) == 200);
}

/* ---- what a service does */

TEST(a_service_sends_over_rest)
{
    static char large[C2D_LEN_MAX + 1];

    CHECK(ask_as(&c, "service", "POST", BOX V, "iothub-app-k: v\r\niothub-ack: full\r\n", "open") == 204);
    CHECK(waiting() == 1);
    CHECK(does("GET", BOX V, NULL, NULL) == 200);
    CHECK_BYTES(heard(&c, "iothub-app-k"), BYTES("v"));
    CHECK_BYTES(heard(&c, "iothub-ack"), BYTES("full"));
    assert_string_equal(heard_body(&c), "open");
    CHECK(ask_as(&c, "device", "POST", BOX V, NULL, "open") == 401);
    CHECK(does("POST", BOX V, NULL, "open") == 401);
    ask_as(&c, "service", "POST", "/devices/nobody/messages/deviceBound" V, NULL, "open");
    check_error(&c, 404, "DeviceNotFound");
    ask_as(&c, "service", "POST", BOX V, "iothub-ack: loud\r\n", "open");
    check_error(&c, 400, "ArgumentInvalid");
    ask_as(&c, "service", "POST", BOX V, "iothub-expiry: 2020-01-01T00:00:00Z\r\n", "open");
    check_error(&c, 403, "InvalidMessageExpiryTime");
    memset(large, 'x', C2D_LEN_MAX);
    ask_as(&c, "service", "POST", BOX V, "iothub-app-k: v\r\n", large);
    check_error(&c, 413, "MessageTooLarge");
    for (int i = 1; i < MAILBOX_DEPTH_DEFAULT; i++)
        CHECK(ask_as(&c, "service", "POST", BOX V, NULL, "x") == 204);
    ask_as(&c, "service", "POST", BOX V, NULL, "x");
    check_error(&c, 403, "DeviceMaximumQueueDepthExceeded");
}

TEST(a_mailbox_is_purged)
{
    for (int i = 0; i < 3; i++)
        post("m", "x", "none");
    CHECK(does("GET", BOX V, NULL, NULL) == 200); /* locked ones go too */
    CHECK(ask_as(&c, "service", "DELETE", "/devices/garage/commands" V, NULL, NULL) == 200);
    assert_string_equal(heard_body(&c), "{\"totalMessagesPurged\":3,\"deviceId\":\"garage\",\"moduleId\":null}");
    CHECK(waiting() == 0);
    CHECK(ask_as(&c, "service", "DELETE", "/devices/garage/commands" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"totalMessagesPurged\":0"));
    CHECK(ask_as(&c, "service", "DELETE", "/devices/nobody/commands" V, NULL, NULL) == 404);
    CHECK(ask_as(&c, "registryRead", "DELETE", "/devices/garage/commands" V, NULL, NULL) == 401);
}

TEST(the_registry_says_how_many_wait)
{
    post("m", "x", "none");
    post("m", "x", "none");
    CHECK(ask(&c, "GET", "/devices/garage" V, NULL, NULL) == 200);
    CHECK(body_has(&c, "\"cloudToDeviceMessageCount\":2"));
}

/* ---- cut anywhere */

TEST(a_batch_may_be_cut_anywhere)
{
    char token[SAS_LEN_MAX];
    struct buf b = buf_max(1 << 16);
    const char *body = "[{\"body\":\"b3Blbg==\",\"properties\":{\"iothub-app-k\":\"v\"}},{\"body\":\"c2h1dA==\"}]";

    snprintf(token, sizeof token, "%s", token_of("garage", T0 + 3600000));
    buf_printf(&b, "POST " EVENTS " HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\n" BATCH "Content-Length: %zu\r\n\r\n%s",
               token, strlen(body), body);
    for (size_t cut = 1; cut < b.len; cut++) {
        int64_t before = world_stored(&w);
        client_say(&c, bytes_first(buf_bytes(&b), cut));
        CHECK(!client_hear(&c) && world_stored(&w) == before);
        client_say(&c, bytes_skip(buf_bytes(&b), cut));
        CHECK(client_hear(&c) && c.in.head.status == 204 && world_stored(&w) == before + 2);
    }
    buf_free(&b);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, client_stop)
TESTS(CASE(a_device_comes_with_its_token_or_one_of_a_policy_for_devices),
      CASE(unknown_and_disabled_devices_are_told_so), CASE(with_a_certificate_unknown_and_wrong_are_the_same),
      CASE(paths_of_a_device_come_in_every_spelling), CASE(headers_become_properties),
      CASE(what_is_no_message_is_refused), CASE(a_batch_is_as_many_messages),
      CASE(in_a_batch_null_is_a_value_and_refusals_are_named), CASE(of_a_batch_all_or_nothing_is_stored),
      CASE(requests_take_no_seat), CASE(a_message_is_a_body_and_headers), CASE(complete_reject_and_abandon),
      CASE(a_lock_ends_after_a_minute), CASE(nobody_looks_into_a_mailbox_with_head), CASE(a_service_sends_over_rest),
      CASE(a_mailbox_is_purged), CASE(the_registry_says_how_many_wait), CASE(a_batch_may_be_cut_anywhere))
