/* The AMQP front on a hub in memory. The first byte says how far the peer has come when the bytes begin, and whether
 * they are put into frames. Must reach: SASL, put-token, management, attach of receivers with filters, flow, detach,
 * end; events and batches of devices, their mailboxes with every outcome, their twins and methods; what services post,
 * and feedback. */
#include "front.h"
#include "hub_reset.h"
#include "sas.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOGGED_IN = 1, OPENED = 2, FRAMED = 4, IN_SLICES = 8, AS_DEVICE = 16 };

static struct fuzz_hub world;
static struct front_env env;
static struct buf service_login, device_login;

static void no_wake(struct waker *waker)
{
    (void)waker;
}

static void send_one(struct hub *hub)
{
    static struct waker waker = {no_wake};
    struct device wanted = {.id = "garage", .auth = AUTH_SAS}, made;
    struct seat *seat;
    uint64_t at;
    const struct msg m = {.body = BYTES("open")};

    must(hub_device_put(hub, &wanted, (struct match){.how = MATCH_NONE}, NOW_MS, &made, &at));
    must(hub_attach(hub, BYTES("garage"), NO_BYTES, PROOF_DEVICE_SAS, &waker, NOW_MS, &seat));
    must(hub_send(seat, &m, NOW_MS, &at));
    hub_detach(seat, NOW_MS);
}

/* SASL PLAIN, and what comes behind it. */
static void put_login(struct buf *b, const char *user, struct bytes password)
{
    size_t response = 2 + strlen(user) + password.len;

    buf_put(b, BYTES("AMQP\x03\x01\x00\x00"));
    buf_put_u32(b, (uint32_t)(8 + 12 + 7 + 5 + response));
    buf_put(b, BYTES("\x02\x01\x00\x00\x00\x53\x41\xd0"));
    buf_put_u32(b, (uint32_t)(4 + 7 + 5 + response));
    buf_put_u32(b, 2);
    buf_put(b, BYTES("\xa3\x05PLAIN\xb0"));
    buf_put_u32(b, (uint32_t)response);
    buf_put_u8(b, 0);
    buf_puts(b, user);
    buf_put_u8(b, 0);
    buf_put(b, password);
    buf_put(b, BYTES("AMQP\x00\x01\x00\x00"));
}

/* The first words of a service and of a device. */
static void make_logins(struct hub *hub)
{
    struct policy p;
    struct device d;
    struct buf key = buf_max(128), token = buf_max(SAS_LEN_MAX);

    must(hub_policy_get(hub, BYTES("service"), &p));
    buf_put_base64(&key, bytes_of(p.primary.at, p.primary.len));
    buf_free(&service_login);
    buf_free(&device_login);
    service_login = buf_max(1024);
    put_login(&service_login, "service", buf_bytes(&key));
    must(hub_device_get(hub, BYTES("garage"), &d));
    must(sas_make(BYTES("hub.test/devices/garage"), NO_BYTES, NOW_MS / 1000 + 3600,
                  bytes_of(d.primary.at, d.primary.len), &token));
    device_login = buf_max(4096);
    put_login(&device_login, "garage@sas.hub", buf_bytes(&token));
    buf_free(&key);
    buf_free(&token);
}

/* Something to receive and something to hear of is always there. */
static void fill_mailbox(struct hub *hub)
{
    const struct msg m = {.message_id = BYTES("m-1"), .body = BYTES("open"), .ack = BYTES("full")};
    struct device d;
    uint64_t at;

    must(hub_device_get(hub, BYTES("garage"), &d));
    for (unsigned n = d.c2d_count; n < 3; n++)
        must(hub_post(hub, BYTES("garage"), &m, NOW_MS, &at));
}

/* A change and a call come to the device while it is there. */
static struct call *want_something(struct hub *hub)
{
    static struct waker waker = {no_wake};
    const struct twin_change change = {.part = {[TWIN_DESIRED] = BYTES("{\"level\":1,\"was\":null}")}};
    const struct call_question question = {.device = BYTES("garage"),
                                           .method = BYTES("open"),
                                           .payload = BYTES("{}"),
                                           .response_ms = CALL_RESPONSE_MS,
                                           .waker = &waker};
    struct call *call = NULL;
    struct twin_fault fault;
    uint64_t at;
    enum err e;

    must(hub_twin_change(hub, BYTES("garage"), &change, NOW_MS, &fault, &at));
    if ((e = hub_call_open(hub, &question, NOW_MS, &call)) != ERR_UNREACHABLE)
        must(e);
    return call;
}

static void start(void)
{
    fuzz_hub_open(&world);
    env = (struct front_env){.hub = world.hub,
                             .host = "hub.test",
                             .entity = "hub",
                             .amqps_port = 5671,
                             .random = fixed_random,
                             .random_ctx = &world.seed};
    send_one(world.hub);
    make_logins(world.hub);
}

/* Chunks of one length byte and a performative get the head that makes a frame of them. */
static void put_frames(struct buf *b, struct bytes in)
{
    while (in.len) {
        size_t n = *in.at < in.len ? *in.at : in.len - 1;
        buf_put_u32(b, (uint32_t)n + 8);
        buf_put(b, BYTES("\x02\x00\x00\x00"));
        buf_put(b, bytes_first(bytes_skip(in, 1), n));
        in = bytes_skip(in, n + 1);
    }
}

static void give(struct talk *f, struct bytes in, size_t slice)
{
    struct buf pending = buf_max(1 << 22);
    while (in.len) {
        size_t n = slice < in.len ? slice : in.len;
        buf_put(&pending, bytes_first(in, n));
        in = bytes_skip(in, n);
        buf_drop(&pending, f->ops->input(f, buf_bytes(&pending), NOW_MS));
        if (f->out->len > CONN_OUT_SOFT)
            buf_clear(f->out);
    }
    buf_free(&pending);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct peer peer = {.address = "192.0.2.7:1", .has_certificate = true};
    static struct waker waker = {no_wake};
    struct buf in = buf_max(1 << 22), out = buf_max(CONN_OUT_MAX);
    struct call *call;
    struct talk *f;

    if (!world.hub)
        start();
    if (!size)
        return 0;
    fill_mailbox(env.hub);
    struct bytes rest = bytes_of(data + 1, size - 1);
    if (*data & LOGGED_IN)
        buf_put(&in, buf_bytes(*data & AS_DEVICE ? &device_login : &service_login));
    if (*data & OPENED) /* open, begin */
        buf_put(&in,
                BYTES("\x00\x00\x00\x11\x02\x00\x00\x00\x00\x53\x10\xc0\x04\x01\xa1\x01x"
                      "\x00\x00\x00\x1b\x02\x00\x00\x00\x00\x53\x11\xc0\x0e\x04\x40\x52\x00\x70\x00\x00\x08\x00\x70"
                      "\x00\x00\x08\x00"));
    if (*data & FRAMED)
        put_frames(&in, rest);
    else
        buf_put(&in, rest);
    must(front_amqp_new(&env, &peer, NOW_MS, &f));
    f->out = &out;
    f->waker = &waker;
    give(f, buf_bytes(&in), *data & IN_SLICES ? 7 : SIZE_MAX);
    call = want_something(env.hub);
    f->ops->wake(f, NOW_MS + 1);
    f->ops->tick(f, NOW_MS + 1000);
    hub_tick(env.hub, NOW_MS + FEEDBACK_REST_MS);
    f->ops->wake(f, NOW_MS + FEEDBACK_REST_MS);
    f->ops->tick(f, NOW_MS + CONNECT_MS);
    f->ops->close(f, ERR_CLOSED, NOW_MS + CONNECT_MS);
    hub_call_close(call);
    fuzz_hub_reset(&world, "garage");
    buf_free(&in);
    buf_free(&out);
    return 0;
}
