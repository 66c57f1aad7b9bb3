/* The message path allocates nothing: from the bytes of a PUBLISH to its PUBACK, in a WebSocket too, over a log on
 * disk. What the programs' own code asks the C library for is counted, on all threads. */
#include "check.h"

#include "disk_store.h"
#include "mqtt_world.h"
#include "ws_peer.h"

#include <dirent.h>
#include <stdatomic.h>
#include <unistd.h>

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);

static _Atomic size_t allocations;

void *__wrap_malloc(size_t n)
{
    allocations++;
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    allocations++;
    return __real_realloc(p, n);
}

static struct world w;
static char folder[32];

/* The world's hub, but on a log on disk. */
static void open_on_disk(void)
{
    struct hub_birth birth = {.name = WORLD_HOST, .partitions = 2};
    struct hub_options options = {.hash_seed = 5, .random = world_known_bytes, .random_ctx = &w};
    char why[256];

    w = (struct world){0};
    snprintf(folder, sizeof folder, "/tmp/d2d-allocation-XXXXXX");
    CHECK(mkdtemp(folder));
    CHECK_OK(disk_store_open(&(struct disk_options){.folder = folder, .segment_size = 1 << 20}, &w.store, why));
    CHECK_OK(memory_state_open(&w.state));
    options.store = w.store;
    options.state = w.state;
    CHECK_OK(hub_init(&options, &birth, WORLD_T0));
    CHECK_OK(hub_open(&options, &w.hub));
    w.env = (struct front_env){
        .hub = w.hub, .host = WORLD_HOST, .entity = "hub", .random = world_known_bytes, .random_ctx = &w};
    CHECK_OK(limiter_new(3, &w.env.limiter));
}

static void remove_folder(void)
{
    DIR *d = opendir(folder);

    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(folder);
}

/* `frame`: what the packet is wrapped in; or NULL. */
static void publish(struct join *c, struct buf *say, struct buf *frame, uint16_t id)
{
    size_t head = frame ? 2 : 0; /* of the answer's frame */
    static const char body[300];
    struct mqtt_publish p = {
        .qos = 1,
        .id = id,
        .topic = BYTES("devices/dev-1/messages/events/%24.ct=application%2Fjson&%24.mid=m&k=v%20w&u=%C3%BC"),
        .body = bytes_of(body, sizeof body)};

    buf_clear(say);
    mqtt_put_publish(say, &p);
    buf_clear(&c->client.in);
    if (frame) {
        buf_clear(frame);
        put_frame(frame, 0x82, buf_bytes(say));
    }
    join_say_at(c, buf_bytes(frame ? frame : say), WORLD_T0 + id);
    CHECK(c->hub.talk != NULL);
    /* Waits for the disk, as the connection would. */
    while (c->client.in.len == 0) {
        usleep(50);
        join_run_at(c, WORLD_T0 + id);
    }
    CHECK(c->client.in.len == head + 4 && c->client.in.at[head] == 0x40 && c->client.in.at[head + 3] == (uint8_t)id);
}

static void close_all(struct join *c)
{
    join_close(c);
    store_close(w.store);
    hub_close(w.hub);
    state_close(w.state);
    limiter_free(w.env.limiter);
    remove_folder();
}

TEST(a_publish_and_its_puback_allocate_nothing)
{
    struct buf say = buf_max(PACKET_LEN_MAX);
    struct join c;
    size_t before;

    open_on_disk();
    world_device(&w, "dev-1");
    world_join_mqtt_from(&w, &c, "192.0.2.1:1", WORLD_T0);
    world_connect(&w, "dev-1", true, &say);
    join_say_at(&c, buf_bytes(&say), WORLD_T0);
    publish(&c, &say, NULL, 1); /* buffers get their size */
    before = allocations;
    for (uint16_t id = 2; id < 500; id++)
        publish(&c, &say, NULL, id);
    assert_int_equal(allocations - before, 0);
    close_all(&c);
    buf_free(&say);
}

TEST(nor_do_they_in_a_websocket)
{
    struct buf say = buf_max(PACKET_LEN_MAX), frame = buf_max(PACKET_LEN_MAX + 16);
    const struct peer peer = {.address = "192.0.2.1:1"};
    struct join c;
    size_t before;

    open_on_disk();
    world_device(&w, "dev-1");
    world_join_https(&w, &c, &peer, WORLD_T0);
    join_say_at(&c, BYTES("GET " WS_HUB " HTTP/1.1\r\n" WS_UPGRADE WS_KEY_13 "Sec-WebSocket-Protocol: mqtt\r\n\r\n"),
                WORLD_T0);
    world_connect(&w, "dev-1", true, &say);
    put_frame(&frame, 0x82, buf_bytes(&say));
    join_say_at(&c, buf_bytes(&frame), WORLD_T0);
    publish(&c, &say, &frame, 1);
    before = allocations;
    for (uint16_t id = 2; id < 500; id++)
        publish(&c, &say, &frame, id);
    assert_int_equal(allocations - before, 0);
    close_all(&c);
    buf_free(&say);
    buf_free(&frame);
}

/* A request over HTTPS and its answer: how often it allocates. */
static size_t request(struct join *c, const char *method, const char *path, const char *headers, struct bytes body)
{
    struct buf say = buf_max(PACKET_LEN_MAX), token = buf_max(SAS_LEN_MAX);
    size_t n;

    world_token(&w, "dev-1", false, WORLD_T0 + 3600000, &token);
    buf_printf(&say, "%s /devices/dev-1/messages/%s?api-version=2021-04-12 HTTP/1.1\r\nHost: h\r\n%s", method, path,
               headers);
    buf_printf(&say, "Authorization: %.*s\r\nContent-Length: %zu\r\n\r\n", BYTES_ARG(buf_bytes(&token)), body.len);
    buf_put(&say, body);
    CHECK(!say.bad);
    buf_clear(&c->client.in);
    n = allocations;
    join_say_at(c, buf_bytes(&say), WORLD_T0);
    while (c->client.in.len == 0) {
        usleep(50);
        join_run_at(c, WORLD_T0);
    }
    n = allocations - n;
    CHECK(bytes_starts(buf_bytes(&c->client.in), BYTES("HTTP/1.1 204 ")));
    buf_free(&say);
    buf_free(&token);
    return n;
}

TEST(a_message_over_https_costs_what_its_request_does)
{
    static const char small[16], large[4000];
    static const char headers[] = "iothub-messageid: m\r\niothub-app-a: 1\r\niothub-app-b: 2\r\niothub-app-c: 3\r\n";
    const struct peer peer = {.address = "192.0.2.1:1"};
    struct join c;
    struct buf batch = buf_max(1 << 16);
    size_t plain;

    open_on_disk();
    world_device(&w, "dev-1");
    world_join_https(&w, &c, &peer, WORLD_T0);
    request(&c, "POST", "events", headers, bytes_of(large, sizeof large)); /* buffers get their size */
    plain = request(&c, "GET", "devicebound", "", NO_BYTES);
    CHECK(plain <= 2);             /* the exchange, and the head in it */
    for (int i = 0; i < 50; i++) { /* all in one segment */
        CHECK(request(&c, "POST", "events", "", NO_BYTES) == plain);
        CHECK(request(&c, "POST", "events", "", bytes_of(small, sizeof small)) == plain + 1); /* the body */
        CHECK(request(&c, "POST", "events", headers, bytes_of(large, sizeof large)) == plain + 1);
    }
    buf_puts(&batch, "[{\"body\":\"\"}");
    for (int i = 0; i < 100; i++)
        buf_puts(&batch, ",{\"body\":\"b3Blbg==\",\"properties\":{\"iothub-app-a\":\"1\"}}");
    buf_puts(&batch, "]");
    /* The body, and one place for what was base64; the tree of the JSON is its library's. */
    CHECK(request(&c, "POST", "events", "Content-Type: application/vnd.microsoft.iothub.json\r\n", buf_bytes(&batch)) <=
          plain + 3);
    buf_free(&batch);
    close_all(&c);
}

TESTS(RUN(a_publish_and_its_puback_allocate_nothing), RUN(nor_do_they_in_a_websocket),
      RUN(a_message_over_https_costs_what_its_request_does))
