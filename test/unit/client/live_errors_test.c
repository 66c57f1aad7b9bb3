/* Errors are told apart, and those that cannot heal end at once. */
#include "device.h"
#include "http.h"
#include "live_hub.h"

/* ---- a hub that says what it is told to ------------------------------------------------------------------------ */

struct fake {
    struct net_loop *loop;
    struct tls *tls;
    pthread_t thread;
    int mqtt, https;
    struct bytes connack; /* and that is all: it closes then */
    int64_t date_off_ms;
    atomic_uint dialled;
};

struct fake_talk {
    struct talk talk; /* first */
    struct fake *fake;
    bool https;
};

static size_t fake_input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct fake_talk *f = (struct fake_talk *)(void *)t;

    if (!f->https) {
        buf_put(t->out, f->fake->connack);
        talk_end(t, OK);
    } else if (bytes_find_bytes(in, BYTES("\r\n\r\n")) < in.len) {
        CHECK(bytes_find_bytes(in, BYTES("uthorization")) == in.len);
        http_put_status(t->out, 401);
        http_put_date(t->out, now_ms + f->fake->date_off_ms);
        http_put_body(t->out, NO_BYTES, false);
        talk_end(t, OK);
    }
    return in.len;
}

static void fake_wake(struct talk *t, int64_t now_ms)
{
    (void)t;
    (void)now_ms;
}

static int64_t fake_tick(struct talk *t, int64_t now_ms)
{
    (void)t;
    (void)now_ms;
    return INT64_MAX;
}

static void fake_closed(struct talk *t, enum err why, int64_t now_ms)
{
    (void)why;
    (void)now_ms;
    free(t);
}

static enum err fake_accept(struct fake *f, struct talk **talk, bool https)
{
    static const struct talk_ops ops = {
        .input = fake_input, .wake = fake_wake, .tick = fake_tick, .close = fake_closed, .name = "fake"};
    struct fake_talk *t = calloc(1, sizeof *t);

    CHECK(t);
    *t = (struct fake_talk){.talk = {.ops = &ops, .proved = true}, .fake = f, .https = https};
    *talk = &t->talk;
    return OK;
}

static enum err accept_mqtt(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms,
                            struct talk **talk)
{
    struct fake *f = ctx;

    (void)conn;
    (void)peer;
    (void)now_ms;
    atomic_fetch_add(&f->dialled, 1);
    return fake_accept(f, talk, false);
}

static enum err accept_https(void *ctx, struct net_conn *conn, const struct peer *peer, int64_t now_ms,
                             struct talk **talk)
{
    (void)conn;
    (void)peer;
    (void)now_ms;
    return fake_accept(ctx, talk, true);
}

static void fake_open(struct fake *f)
{
    static const char *const names[] = {"localhost", NULL};
    struct net_listen_options o = {.address = "127.0.0.1", .accept_ctx = f};
    const char *cert, *key;
    char why[256];

    certs_server(names, &cert, &key);
    CHECK_OK(tls_server_new(&(struct tls_pair){cert, key}, 1, &f->tls, why));
    CHECK_OK(net_loop_open(&(struct net_loop_options){0}, &f->loop));
    o.tls = f->tls;
    o.accept = accept_mqtt;
    CHECK_OK(net_listen(f->loop, &o, &f->mqtt));
    o.accept = accept_https;
    CHECK_OK(net_listen(f->loop, &o, &f->https));
    CHECK(pthread_create(&f->thread, NULL, live_run, f->loop) == 0);
}

static void fake_close(struct fake *f)
{
    net_loop_stop(f->loop, 0);
    pthread_join(f->thread, NULL);
    net_loop_close(f->loop);
    tls_free(f->tls);
}

/* ---- a device -------------------------------------------------------------------------------------------------- */

struct party {
    struct d2d_device *device;
    unsigned ends;
    enum d2d_err why;
    bool final;
};

static struct d2d_loop *loop;

static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    struct party *p = ctx;

    (void)device;
    p->ends++;
    p->why = why;
    p->final = final;
}

static void join(struct party *p, struct d2d_options common)
{
    struct d2d_device_options o = {
        .size = sizeof o, .common = common, .backoff_first_ms = 1, .disconnected = on_disconnected, .ctx = p};
    const struct d2d_message m = {.body = "x", .body_len = 1};

    *p = (struct party){.device = NULL};
    CHECK(d2d_device_new(loop, &o, &p->device) == D2D_OK);
    CHECK(d2d_device_send(p->device, &m, D2D_AT_LEAST_ONCE, NULL, NULL) == D2D_OK);
}

static void check_says(const char *got, const char *part)
{
    if (!strstr(got, part))
        fail_msg("\"%s\" does not say \"%s\"", got, part);
}

/* The first failure is the end of it, and why. */
static void check_final(struct d2d_options common, enum d2d_err wanted, const char *says)
{
    struct party p;
    enum d2d_err e;

    join(&p, common);
    if ((e = d2d_device_flush_wait(p.device, 60000)) != wanted)
        fail_msg("%s (%s), not %s", d2d_err_text(e), d2d_device_detail(p.device), d2d_err_text(wanted));
    CHECK(p.ends == 1 && p.why == wanted && p.final);
    check_says(d2d_device_detail(p.device), says);
    d2d_device_free(p.device);
}

static void check_works(struct d2d_options common)
{
    struct party p;
    enum d2d_err e;

    join(&p, common);
    if ((e = d2d_device_flush_wait(p.device, 60000)))
        fail_msg("%s (%s)", d2d_err_text(e), d2d_device_detail(p.device));
    d2d_device_free(p.device);
}

static struct d2d_options over(enum d2d_transport transport, const char *string)
{
    struct d2d_options o = live_options(string);

    o.transport = transport;
    return o;
}

#define PHONE "DeviceId=phone;SharedAccessKey=" LIVE_KEY
#define WRONG_KEY "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9u"

/* ---- tests ----------------------------------------------------------------------------------------------------- */

TEST(a_certificate_that_is_not_trusted_is_final)
{
    struct d2d_options o = live_options("HostName=localhost;" PHONE);
    struct buf ca = buf_max(8192), key = buf_max(8192);

    CHECK_OK(cert_make_authority(KEY_EC, "another CA", time(NULL) - 60, time(NULL) + 3600, &ca, &key));
    o.ca_file = certs_write(buf_bytes(&ca), "other-ca");
    check_final(o, D2D_UNTRUSTED, "it was signed by \"test authority\"");
    check_final(live_options("HostName=hub.example;" PHONE), D2D_UNTRUSTED,
                "is for localhost, 127.0.0.1, 0:0:0:0:0:0:0:1, gateway.test, and not for \"hub.example\"; the host "
                "name must be one of these");
    buf_free(&ca);
    buf_free(&key);
}

TEST(a_wrong_key_is_not_a_wrong_hub)
{
    for (enum d2d_transport t = D2D_MQTT; t <= D2D_AMQP_WS; t++) {
        check_final(over(t, "HostName=localhost;DeviceId=phone;SharedAccessKey=" WRONG_KEY), D2D_NOT_AUTHORISED, "");
        check_final(over(t, "HostName=gateway.test;" PHONE), D2D_WRONG_HUB,
                    "this hub is called \"localhost\", and the HostName of the connection string is \"gateway.test\"");
    }
    live_device("off", true);
    check_final(live_options("HostName=localhost;DeviceId=off;SharedAccessKey=" LIVE_KEY), D2D_NOT_AUTHORISED, "off");
}

TEST(a_device_is_freed_while_the_hub_is_asked_why)
{
    struct party p;

    join(&p, live_options("HostName=localhost;DeviceId=phone;SharedAccessKey=" WRONG_KEY));
    for (int turns = 0; !p.device->connection.inquiry.conn && turns < 60000; turns++)
        d2d_loop_run(loop, 1);
    CHECK(p.device->connection.inquiry.conn && !p.ends);
    d2d_device_free(p.device);
    d2d_loop_run(loop, 20);
    CHECK(!p.ends);
}

TEST(services_are_told_too)
{
    struct d2d_options o =
        live_options("HostName=gateway.test;SharedAccessKeyName=iothubowner;SharedAccessKey=" LIVE_KEY);
    struct d2d_operator_options p = {.size = sizeof p, .common = o};
    const struct d2d_message m = {.body = "x", .body_len = 1};
    struct d2d_identity identity;
    struct d2d_registry *registry;
    struct d2d_operator *op;

    CHECK(d2d_registry_new(loop, &o, &registry) == D2D_OK);
    CHECK(d2d_registry_get(registry, "phone", &identity) == D2D_WRONG_HUB);
    check_says(d2d_registry_detail(registry), "this hub is called \"localhost\"");
    d2d_registry_free(registry);
    CHECK(d2d_operator_new(loop, &p, &op) == D2D_OK);
    CHECK(d2d_operator_send_wait(op, "phone", &m, 60000) == D2D_WRONG_HUB);
    check_says(d2d_operator_detail(op), "this hub is called \"localhost\"");
    d2d_operator_free(op);
    p.common.connection_string = "HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey=" LIVE_KEY;
    CHECK(d2d_operator_new(loop, &p, &op) == D2D_OK);
    CHECK(d2d_operator_send_wait(op, "phone", &m, 60000) == D2D_NOT_AUTHORISED);
    d2d_operator_free(op);
}

TEST(a_ready_token_that_has_expired_is_told)
{
    struct buf token = buf_max(SAS_LEN_MAX), string = buf_max(SAS_LEN_MAX + 128);
    struct device d;

    CHECK_OK(hub_device_get(live.hub, BYTES("phone"), &d));
    CHECK_OK(sas_make(BYTES("localhost/devices/phone"), NO_BYTES, 1700000000, bytes_of(d.primary.at, d.primary.len),
                      &token));
    buf_printf(&string, "HostName=localhost;DeviceId=phone;SharedAccessSignature=%s", buf_str(&token));
    check_final(live_options(buf_str(&string)), D2D_EXPIRED, "has expired at 2023-11-14T22:13:20Z");
    buf_free(&token);
    buf_free(&string);
}

/* It is set sooner or later: this is tried again. */
TEST(a_clock_that_is_wrong_is_told)
{
    static const struct {
        int64_t off_ms;
        const char *says;
    } cases[] = {{3 * 3600000 + 60000, "3 hours behind that of the hub"},
                 {400LL * 86400000, "400 days behind that of the hub"},
                 /* These do not make a token expire: something else is wrong. */
                 {1800000, NULL},
                 {-400LL * 86400000, NULL}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake f = {.connack = BYTES("\x20\x02\x00\x05"), .date_off_ms = cases[i].off_ms};
        struct d2d_options o = live_options("HostName=localhost;" PHONE);
        struct party p;

        fake_open(&f);
        o.mqtts_port = f.mqtt;
        o.https_port = f.https;
        join(&p, o);
        for (int turns = 0; !p.ends && turns < 60000; turns++)
            d2d_loop_run(loop, 1);
        CHECK(p.why == (cases[i].says ? D2D_CLOCK : D2D_NOT_AUTHORISED) && p.final == !cases[i].says);
        check_says(d2d_device_detail(p.device), cases[i].says ? cases[i].says : "CONNACK 5");
        d2d_device_free(p.device);
        fake_close(&f);
    }
}

TEST(pauses_grow_until_something_is_acknowledged)
{
    struct fake f = {.connack = BYTES("\x20\x02\x00\x00")};
    struct d2d_options o = live_options("HostName=localhost;" PHONE);
    struct party p;
    unsigned tries = 0;

    fake_open(&f);
    o.mqtts_port = f.mqtt;
    join(&p, o);
    for (int turns = 0; p.ends < 8 && turns < 60000; turns++)
        d2d_loop_run(loop, 1);
    CHECK(p.ends == 8 && p.why == D2D_CLOSED && !p.final);
    CHECK(p.device->connection.redial.backoff.tries == 8 && atomic_load(&f.dialled) == 8);
    d2d_device_free(p.device);
    fake_close(&f);
    /* The real hub acknowledges: afterwards they begin anew. */
    join(&p, live_options("HostName=localhost;" PHONE));
    tries = p.device->connection.redial.backoff.tries = 5;
    CHECK(d2d_device_flush_wait(p.device, 60000) == D2D_OK && tries == 5 &&
          p.device->connection.redial.backoff.tries == 0);
    d2d_device_free(p.device);
}

TEST(of_two_with_one_identity_one_gives_in)
{
    static const enum d2d_transport transports[] = {D2D_MQTT, D2D_AMQP, D2D_MQTT_WS};

    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++) {
        struct party a, b, *stays;

        join(&a, over(transports[i], "HostName=localhost;" PHONE));
        join(&b, over(transports[i], "HostName=localhost;" PHONE));
        for (int turns = 0; !a.final && !b.final && turns < 60000; turns++)
            d2d_loop_run(loop, 1);
        CHECK(a.final != b.final && (a.final ? a : b).why == D2D_TAKEN_OVER && (a.final ? a : b).ends == 5);
        stays = a.final ? &b : &a;
        CHECK(stays->ends <= 5);
        CHECK(d2d_device_flush_wait(stays->device, 60000) == D2D_OK);
        d2d_device_free(a.device);
        d2d_device_free(b.device);
    }
}

TEST(a_port_of_another_protocol_is_told)
{
    for (enum d2d_transport t = D2D_MQTT; t <= D2D_AMQP; t = t == D2D_MQTT ? D2D_AMQP : D2D_HTTPS) {
        struct d2d_options o = over(t, "HostName=localhost;" PHONE);
        struct party p;

        o.mqtts_port = o.amqps_port = o.https_port;
        join(&p, o);
        for (int turns = 0; !p.ends && turns < 60000; turns++)
            d2d_loop_run(loop, 1);
        CHECK(p.why == D2D_NO_CONNECTION && !p.final);
        check_says(d2d_device_detail(p.device), "another protocol is spoken there; is the port right?");
        d2d_device_free(p.device);
    }
    struct d2d_options o = live_options(live_owner_string());
    struct d2d_identity identity;
    struct d2d_registry *registry;

    o.https_port = o.amqps_port;
    CHECK(d2d_registry_new(loop, &o, &registry) == D2D_OK);
    CHECK(d2d_registry_get(registry, "phone", &identity) == D2D_NO_CONNECTION);
    check_says(d2d_registry_detail(registry), "another protocol is spoken there; is the port right?");
    d2d_registry_free(registry);
}

TEST(the_gateway_is_who_has_to_show_a_certificate)
{
    check_works(live_options("HostName=localhost;GatewayHostName=gateway.test;" PHONE));
    check_works(over(D2D_AMQP_WS, "HostName=localhost;GatewayHostName=gateway.test;" PHONE));
    check_final(live_options("HostName=localhost;GatewayHostName=other.test;" PHONE), D2D_UNTRUSTED, "\"other.test\"");
}

TEST(names_may_end_with_a_dot_or_be_addresses)
{
    check_works(live_options("HostName=localhost.;" PHONE));
    for (enum d2d_transport t = D2D_MQTT; t <= D2D_AMQP_WS && live.ports6[0]; t++) {
        struct d2d_options o = over(t, "HostName=[::1];" PHONE);

        o.host = NULL;
        o.mqtts_port = live.ports6[0];
        o.amqps_port = live.ports6[1];
        o.https_port = live.ports6[2];
        check_works(o);
    }
}

TEST(ids_that_cannot_be_carried_are_refused_with_the_reason)
{
    static const struct {
        const char *id, *says;
        enum d2d_transport transport;
    } cases[] = {{"a+b", "which topics of MQTT cannot carry", D2D_MQTT},
                 {"a#b", "which topics of MQTT cannot carry", D2D_MQTT_WS},
                 {"a b", "has a character that ids cannot have", D2D_MQTT},
                 {"a/b", "has a character that ids cannot have", D2D_AMQP},
                 {"\xC3\xA4", "has a character that ids cannot have", D2D_AMQP}};
    struct d2d_operator_options p = {.size = sizeof p, .common = live_options(live_owner_string())};
    const struct d2d_message m = {.body = "x", .body_len = 1};
    struct d2d_identity identity = {.id = "a;b"};
    struct d2d_registry *registry;
    struct d2d_operator *op;
    char string[128];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct d2d_device_options o = {.size = sizeof o, .common = over(cases[i].transport, string)};
        struct d2d_device *device;

        snprintf(string, sizeof string, "HostName=localhost;DeviceId=%s;SharedAccessKey=" LIVE_KEY, cases[i].id);
        CHECK(d2d_device_new(loop, &o, &device) == D2D_ARGUMENT);
        check_says(d2d_loop_detail(loop), cases[i].says);
    }
    live_device("a+b", false);
    check_works(over(D2D_AMQP, "HostName=localhost;DeviceId=a+b;SharedAccessKey=" LIVE_KEY));
    CHECK(d2d_registry_new(loop, &p.common, &registry) == D2D_OK);
    CHECK(d2d_registry_add(registry, &identity) == D2D_ARGUMENT);
    check_says(d2d_registry_detail(registry), "\"a;b\" has a character that ids cannot have");
    d2d_registry_free(registry);
    CHECK(d2d_operator_new(loop, &p, &op) == D2D_OK);
    CHECK(d2d_operator_send(op, "a/b", &m, NULL, NULL) == D2D_ARGUMENT);
    check_says(d2d_operator_detail(op), "\"a/b\" has a character that ids cannot have");
    d2d_operator_free(op);
}

static int open_all(void **state)
{
    (void)state;
    live_open();
    live_device("phone", false);
    return d2d_loop_new(&loop);
}

static int close_all(void **state)
{
    d2d_loop_free(loop);
    live_close();
    return certs_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(a_certificate_that_is_not_trusted_is_final),   RUN(a_wrong_key_is_not_a_wrong_hub),
        RUN(a_device_is_freed_while_the_hub_is_asked_why), RUN(services_are_told_too),
        RUN(a_ready_token_that_has_expired_is_told),       RUN(a_clock_that_is_wrong_is_told),
        RUN(pauses_grow_until_something_is_acknowledged),  RUN(of_two_with_one_identity_one_gives_in),
        RUN(a_port_of_another_protocol_is_told),           RUN(the_gateway_is_who_has_to_show_a_certificate),
        RUN(names_may_end_with_a_dot_or_be_addresses),     RUN(ids_that_cannot_be_carried_are_refused_with_the_reason)};

    return cmocka_run_group_tests(tests, open_all, close_all);
}
