/* How a checkpoint is written: in transactions that whoever runs the hub paces, and only what is another. */
#include "identities.h"
#include "twins.h"

#include "hub_world.h"

static struct world w;

/* Of the state: what reaches it. */
static struct state_ops counting;
static const struct state_ops *real;
static unsigned commits, identities;
static size_t bytes, most;

static enum err count_put(struct state *s, struct bytes key, struct bytes value)
{
    char name[STATE_KEY_MAX];

    bytes += key.len + value.len;
    most = bytes > most ? bytes : most;
    identities += bytes_eq(key, identity_key(name, BYTES("door-0")));
    return real->put(s, key, value);
}

static enum err count_commit(struct state *s, uint64_t place)
{
    commits++;
    bytes = 0;
    return real->commit(s, place);
}

static int start(void **state)
{
    (void)state;
    world_start(&w, 31);
    real = w.options.state->ops;
    counting = *real;
    counting.put = count_put;
    counting.commit = count_commit;
    w.options.state->ops = &counting;
    commits = identities = 0;
    bytes = most = 0;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    w.options.state->ops = real;
    world_end(&w);
    return 0;
}

static void start_again(void)
{
    hub_close(w.hub);
    w.hub = NULL;
    CHECK_OK(hub_open(&w.options, &w.hub));
}

static void tag(const char *id, const char *tags)
{
    struct twin_change c = {.part = {bytes_str(tags)}, .match = {.how = MATCH_NONE}};
    struct twin_fault fault;
    uint64_t at;

    CHECK_OK(hub_twin_change(w.hub, bytes_str(id), &c, w.now_ms, &fault, &at));
}

static void checkpoint(void)
{
    commits = identities = 0;
    bytes = most = 0;
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
}

struct pacer {
    size_t batch;
    unsigned asked, pressure; /* the last one */
};

static size_t pace(void *ctx, unsigned pressure)
{
    struct pacer *p = ctx;

    p->asked++;
    p->pressure = pressure;
    return p->batch;
}

static void tag_all(unsigned n, unsigned value)
{
    char id[16], tags[64];

    for (unsigned i = 0; i < n; i++) {
        snprintf(id, sizeof id, "door-%u", i);
        snprintf(tags, sizeof tags, "{\"floor\":%u,\"place\":\"a house in a long street\"}", value);
        tag(id, tags);
    }
}

TEST(each_transaction_is_as_large_as_whoever_is_asked_before_it_says)
{
    enum { DEVICES = 60, BATCH = 2000, ONE = 500 };
    struct pacer p = {.batch = BATCH};
    struct buf json = buf_max(4096);
    char id[16];

    w.options.pace = pace;
    w.options.pace_ctx = &p;
    start_again();
    for (unsigned i = 0; i < DEVICES; i++) {
        snprintf(id, sizeof id, "door-%u", i);
        world_add(&w, id);
    }
    tag_all(DEVICES, 7);
    checkpoint();
    CHECK(commits > 5);
    CHECK(p.asked == commits);
    CHECK(most < BATCH + ONE);
    CHECK(p.pressure == 0);
    p.batch = 1 << 20;
    tag_all(DEVICES, 8);
    checkpoint();
    CHECK(commits == 1);
    start_again();
    CHECK_OK(hub_twin_read(w.hub, BYTES("door-59"), TWIN_FOR_SERVICE, &json, NULL, NULL));
    CHECK(bytes_find_bytes(buf_bytes(&json), BYTES("\"floor\":8")) < json.len);
    buf_free(&json);
}

TEST(whoever_is_asked_hears_how_much_waits_in_memory)
{
    struct pacer p = {.batch = 1 << 20};

    w.options.pace = pace;
    w.options.pace_ctx = &p;
    start_again();
    world_add(&w, "door-0");
    for (unsigned quarters = 0; quarters < 6; quarters++) {
        uint64_t more = quarters * TWINS_MEMORY_SPARE / 4;

        tag_all(1, quarters);
        w.hub->twins->bytes += more;
        checkpoint();
        w.hub->twins->bytes -= more;
        CHECK(p.pressure == (quarters < 4 ? 25 * quarters : 100));
    }
}

TEST(a_change_of_a_twin_writes_the_twin_and_not_its_device)
{
    world_add(&w, "door-0");
    checkpoint();
    CHECK(identities == 1);
    tag("door-0", "{\"floor\":1}");
    checkpoint();
    CHECK(identities == 0);
    CHECK(most > 0);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, start, stop)
TESTS(WORLD(each_transaction_is_as_large_as_whoever_is_asked_before_it_says),
      WORLD(whoever_is_asked_hears_how_much_waits_in_memory),
      WORLD(a_change_of_a_twin_writes_the_twin_and_not_its_device))
