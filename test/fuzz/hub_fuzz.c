/* A hub starts from what it finds: the first half of the input is values of a checkpoint, the second records of a log.
 * Each piece: a byte that says what it is, two of its length, the bytes. Must reach: every kind of record and of value,
 * whole, cut and with an unknown version. A hub that starts does a checkpoint, and starts on it again. */
#include "hub.h"
#include "memory_engines.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS 1795411500000LL

static const char *const keys[] = {"birth",
                                   "counts",
                                   "policies",
                                   "groups",
                                   "cas",
                                   "ages",
                                   "p/00",
                                   "p/01",
                                   "d/phone",
                                   "m/phone",
                                   "b/phone/1",
                                   "f/1",
                                   "x/0000018bcfe56800/phone",
                                   "o/0/phone",
                                   "o/2/phone"};

static void fixed_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 7, len);
}

static void must(enum err e)
{
    if (e && e != ERR_ARGUMENT && e != ERR_TOO_LARGE && e != ERR_LIMIT)
        abort();
}

static struct bytes piece(struct rd *r, uint8_t *kind)
{
    *kind = rd_u8(r);
    return rd_bytes(r, rd_u16(r));
}

static void put_values(struct state *state, struct bytes in)
{
    struct rd r = rd_over(in);

    must(state_begin(state));
    while (rd_left(&r) && !r.bad) {
        uint8_t kind;
        struct bytes value = piece(&r, &kind);

        if (!r.bad)
            must(state_put(state, bytes_str(keys[kind % (sizeof keys / sizeof *keys)]), value));
    }
    must(state_commit(state, 0));
}

static void put_records(struct store *store, struct bytes in)
{
    struct rd r = rd_over(in);

    while (rd_left(&r) && !r.bad) {
        uint8_t kind;
        struct bytes body = piece(&r, &kind);
        struct draft d = {.kind = kind, .parts = &body, .n_parts = 1};
        uint64_t at;

        if (!r.bad)
            must(store_append(store, &d, &at));
    }
}

static void look(struct hub *hub)
{
    struct device found[4];
    struct hub_counts counts;
    size_t n;

    hub_count(hub, &counts);
    if (!hub_device_list(hub, NO_BYTES, found, 4, &n))
        for (size_t i = 0; i < n; i++)
            if (!memchr(found[i].id, 0, sizeof found[i].id))
                abort();
    hub_tick(hub, NOW_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes all = bytes_of(data, size), values;
    struct store *store;
    struct state *state;
    struct hub *hub;

    if (size < 2)
        return 0;
    values = bytes_first(bytes_skip(all, 2), (size_t)(data[0] << 8 | data[1]));
    must(memory_store_open(&store));
    must(memory_state_open(&state));
    const struct hub_options options = {.store = store, .state = state, .hash_seed = 5, .random = fixed_random};
    put_values(state, values);
    put_records(store, bytes_skip(all, 2 + values.len));
    if (!hub_open(&options, &hub)) {
        look(hub);
        if (!hub_checkpoint(hub, NOW_MS)) {
            hub_close(hub);
            must(hub_open(&options, &hub));
            look(hub);
        }
        hub_close(hub);
    }
    store_close(store);
    state_close(state);
    return 0;
}
