#include "limiter.h"

#include "map.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

enum { SETS = 1024, WAYS = 4 };

/* Free when it has all its tokens back: then it says nothing that a new one does not. */
struct bucket {
    uint64_t hash;
    int64_t full_ms; /* when all tokens will be back; the failures that still count are the rest of that time */
};

struct limiter {
    pthread_mutex_t lock;
    uint64_t seed;
    struct bucket buckets[SETS][WAYS];
};

enum err limiter_new(uint64_t seed, struct limiter **out)
{
    struct limiter *l = calloc(1, sizeof *l);

    if (!l)
        return ERR_MEMORY;
    if (pthread_mutex_init(&l->lock, NULL)) {
        free(l);
        return ERR_MEMORY;
    }
    l->seed = seed;
    *out = l;
    return OK;
}

void limiter_free(struct limiter *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* "192.0.2.7:51234" → "192.0.2.7"; "[2001:db8::1]:51234" → its first eight bytes. */
static uint64_t hash_of_address(const struct limiter *l, struct bytes address)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr six;

    if (!address.len || address.at[0] != '[')
        return bytes_hash(bytes_first(address, bytes_find(address, ':')), l->seed);
    address = bytes_skip(address, 1);
    address = bytes_first(address, bytes_find(address, ']'));
    if (bytes_to_str(address, text, sizeof text) && inet_pton(AF_INET6, text, &six) == 1)
        return bytes_hash(bytes_of(&six, 8), l->seed);
    return bytes_hash(address, l->seed);
}

/* The bucket of this hash, or NULL when it would be full. */
static struct bucket *find(struct limiter *l, uint64_t hash, int64_t now_ms)
{
    struct bucket *set = l->buckets[hash % SETS];

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].hash == hash && set[i].full_ms > now_ms)
            return &set[i];
    return NULL;
}

static bool is_empty(const struct bucket *b, int burst, int64_t now_ms)
{
    return b && b->full_ms - now_ms > (int64_t)(burst - 1) * LIMITER_REFILL_MS;
}

bool limiter_allows(struct limiter *l, struct bytes address, struct bytes identity, int64_t now_ms)
{
    uint64_t by_address = hash_of_address(l, address), by_identity = bytes_hash(identity, ~l->seed);

    pthread_mutex_lock(&l->lock);
    const struct bucket *a = find(l, by_address, now_ms);
    bool allows = !is_empty(a, LIMITER_ADDRESS_BURST, now_ms) &&
                  !(a && is_empty(find(l, by_identity, now_ms), LIMITER_IDENTITY_BURST, now_ms));
    pthread_mutex_unlock(&l->lock);
    return allows;
}

/* Where a new one is needed, the one goes that has the fewest failures to tell of. */
static void take_token(struct limiter *l, uint64_t hash, int burst, int64_t now_ms)
{
    struct bucket *b = find(l, hash, now_ms);

    if (!b) {
        struct bucket *set = l->buckets[hash % SETS];
        b = set;
        for (size_t i = 1; i < WAYS; i++)
            if (set[i].full_ms < b->full_ms)
                b = &set[i];
        *b = (struct bucket){.hash = hash, .full_ms = now_ms};
    }
    b->full_ms += LIMITER_REFILL_MS;
    if (b->full_ms > now_ms + (int64_t)burst * LIMITER_REFILL_MS)
        b->full_ms = now_ms + (int64_t)burst * LIMITER_REFILL_MS;
}

void limiter_failed(struct limiter *l, struct bytes address, struct bytes identity, int64_t now_ms)
{
    pthread_mutex_lock(&l->lock);
    take_token(l, hash_of_address(l, address), LIMITER_ADDRESS_BURST, now_ms);
    take_token(l, bytes_hash(identity, ~l->seed), LIMITER_IDENTITY_BURST, now_ms);
    pthread_mutex_unlock(&l->lock);
}
