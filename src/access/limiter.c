#include "limiter.h"

#include "map.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

enum { SETS = 1024, WAYS = 4 };

/* Free when it has all its tokens back: then it says nothing that a new one does not. */
struct bucket {
    uint64_t hash;
    int64_t
        full_ms; /* when all tokens will be back: the failures that still count, and those that wait, are the rest */
};

struct limiter {
    pthread_mutex_t lock;
    uint64_t seed;
    struct bucket addresses[SETS][WAYS], pairs[SETS][WAYS];
    struct bucket lines[SETS][WAYS]; /* of the log; apart, so that they push no failure out */
    unsigned left_out;
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

/* The bucket of this hash. Where a new one is needed, the one goes that has the fewest failures to tell of. */
static struct bucket *bucket_of(struct bucket buckets[SETS][WAYS], uint64_t hash, int64_t now_ms)
{
    struct bucket *set = buckets[hash % SETS], *b = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash && set[i].full_ms > now_ms)
            return &set[i];
        if (set[i].full_ms < b->full_ms)
            b = &set[i];
    }
    *b = (struct bucket){.hash = hash, .full_ms = now_ms};
    return b;
}

/* How long one more failure has to wait for its token. */
static int64_t wait_of(struct bucket *b, int burst, int64_t each_ms, int64_t now_ms)
{
    int64_t most_ms = now_ms + burst * each_ms + LIMITER_WAIT_MAX_MS, wait_ms;

    if (b->full_ms > most_ms) /* the clock was set back */
        b->full_ms = most_ms;
    wait_ms = b->full_ms + each_ms - burst * each_ms - now_ms;

    return wait_ms > 0 ? wait_ms : 0;
}

bool limiter_failed(struct limiter *l, struct bytes address, struct bytes identity, int64_t now_ms, int64_t *wait_ms)
{
    uint64_t place = hash_of_address(l, address);

    pthread_mutex_lock(&l->lock);
    struct bucket *a = bucket_of(l->addresses, place, now_ms);
    struct bucket *p = bucket_of(l->pairs, bytes_hash(identity, place ^ l->seed), now_ms);
    int64_t by_address = wait_of(a, LIMITER_ADDRESS_BURST, LIMITER_ADDRESS_MS, now_ms);
    int64_t by_pair = wait_of(p, LIMITER_PAIR_BURST, LIMITER_PAIR_MS, now_ms);
    *wait_ms = by_address > by_pair ? by_address : by_pair;
    bool told = *wait_ms <= LIMITER_WAIT_MAX_MS;
    if (told) {
        a->full_ms += LIMITER_ADDRESS_MS;
        p->full_ms += LIMITER_PAIR_MS;
    }
    pthread_mutex_unlock(&l->lock);
    return told;
}

bool limiter_may_tell(struct limiter *l, struct bytes address, struct bytes about, int64_t now_ms, unsigned *left_out)
{
    static const struct {
        int burst;
        int64_t each_ms;
    } rates[] = {{LIMITER_LINES_BURST, LIMITER_LINES_MS},
                 {LIMITER_LINES_OF_ADDRESS_BURST, LIMITER_LINES_OF_ADDRESS_MS},
                 {LIMITER_LINES_OF_PAIR_BURST, LIMITER_LINES_OF_PAIR_MS}};
    uint64_t place = hash_of_address(l, address);
    bool may = true;

    pthread_mutex_lock(&l->lock);
    struct bucket *const b[] = {bucket_of(l->lines, l->seed, now_ms), bucket_of(l->lines, place, now_ms),
                                bucket_of(l->lines, bytes_hash(about, place ^ l->seed), now_ms)};
    for (size_t i = 0; i < sizeof b / sizeof *b; i++)
        may = may && !wait_of(b[i], rates[i].burst, rates[i].each_ms, now_ms);
    for (size_t i = 0; may && i < sizeof b / sizeof *b; i++)
        b[i]->full_ms += rates[i].each_ms;
    *left_out = may ? l->left_out : 0;
    l->left_out = may ? 0 : l->left_out + 1;
    pthread_mutex_unlock(&l->lock);
    return may;
}
