/* The message path allocates nothing: the way to the C library is counted, and the log is an array. */
#include "core.h"
#include "hub_world.h"

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);

static size_t allocations;

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

/* ---- a log of one record: the last one ------------------------------------------------------------------------- */

static uint8_t last[RECORD_LEN_MAX];
static uint64_t next_at;

static enum err array_append(struct store *s, const struct draft *d, uint64_t *at)
{
    size_t len = 0;

    (void)s;
    for (size_t i = 0; i < d->n_parts; i++) {
        memcpy(last + len, d->parts[i].at, d->parts[i].len);
        len += d->parts[i].len;
    }
    *at = next_at++;
    if (d->stamp)
        d->stamp(d->ctx, last, len, *at);
    return OK;
}

static struct world w;

TEST(sending_allocates_nothing_from_the_first_message_on)
{
    static char text[TOPIC_LEN_MAX];
    struct store_ops ops;
    struct prop props[PROPS_MAX];
    struct msg m = {.message_id = BYTES("id"), .content_type = BYTES("application/json"), .body = BYTES("hello")};
    struct bell bell = bell_new();
    struct seat *seat;
    uint64_t at;

    world_start(&w, 1);
    world_add(&w, "phone");
    seat = world_sit(&w, "phone", &bell);
    next_at = store_end(w.store);
    ops = *w.store->ops;
    ops.append = array_append;
    w.store->ops = &ops;
    allocations = 0;
    CHECK_OK(hub_send(seat, &m, w.now_ms, &at));
    CHECK(allocations == 0);
    /* The most that one MQTT topic can say, in as many properties as it may. */
    memset(text, 'p', sizeof text);
    for (size_t i = 0; i < PROPS_MAX; i++)
        props[i] = (struct prop){bytes_of(text, 1), bytes_of(text, sizeof text / PROPS_MAX - 1)};
    m = (struct msg){.model_id = bytes_of(text, MODEL_LEN_MAX), .props = props, .n_props = PROPS_MAX};
    m.body = bytes_of(text, sizeof text);
    for (int i = 0; i < 10000; i++)
        CHECK_OK(hub_send(seat, &m, w.now_ms, &at));
    CHECK(allocations == 0);
    CHECK(hub_partitions(w.hub) == 4 && at == next_at - 1);
    hub_detach(seat, w.now_ms);
    world_add(&w, "garage");
    CHECK(allocations > 0); /* the counter counts */
    world_end(&w);
}

TESTS(RUN(sending_allocates_nothing_from_the_first_message_on))
