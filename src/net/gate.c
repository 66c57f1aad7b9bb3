#include "gate.h"

#include "log.h"
#include "map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <uv.h>

enum { KEY = 8 + 8 /* an address of IPv4 as one of IPv6, or a network of IPv6 */ };

struct gate_place {
    uint8_t key[KEY];
    unsigned all, unproved;
    unsigned told; /* why some were refused, as the log knows: bits of enum why */
};

enum why { WHY_ALL, WHY_ADDRESS, WHY_UNPROVED, WHY_UNPROVED_OF_ADDRESS, WHY_MEMORY, WHYS };

struct net_gate {
    struct net_gate_options options;
    pthread_mutex_t lock;
    struct map places;
    struct net_gate_stats now;
    uint64_t refused_before; /* this time of refusals */
    int64_t refused_ms;      /* the latest one; 0: there is none that is not over */
    unsigned told;           /* as of places, of addresses that have no connections */
};

static void make_key(const struct sockaddr_storage *a, uint8_t key[KEY])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memset(key, 0, KEY);
    if (a->ss_family == AF_INET) {
        memcpy(key, mapped, sizeof mapped);
        memcpy(key + sizeof mapped, &((const struct sockaddr_in *)a)->sin_addr, 4);
    } else if (a->ss_family == AF_INET6) {
        const uint8_t *ip = ((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr;

        memcpy(key, ip, memcmp(ip, mapped, sizeof mapped) ? KEY / 2 : KEY);
    }
}

enum err net_gate_new(uint64_t seed, const struct net_gate_options *options, struct net_gate **out)
{
    struct net_gate *g = calloc(1, sizeof *g);

    if (!g)
        return ERR_MEMORY;
    g->options = *options;
    pthread_mutex_init(&g->lock, NULL);
    map_init(&g->places, seed);
    *out = g;
    return OK;
}

void net_gate_free(struct net_gate *g)
{
    struct gate_place *p;
    size_t at = 0;

    if (!g)
        return;
    while ((p = map_next(&g->places, &at)))
        free(p);
    map_free(&g->places);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* ---- refusals -------------------------------------------------------------------------------------------------- */

static void address_of(const struct sockaddr_storage *a, char out[INET6_ADDRSTRLEN])
{
    out[0] = 0;
    if (a->ss_family == AF_INET6)
        uv_ip6_name((const struct sockaddr_in6 *)a, out, INET6_ADDRSTRLEN);
    else if (a->ss_family == AF_INET)
        uv_ip4_name((const struct sockaddr_in *)a, out, INET6_ADDRSTRLEN);
}

/* Under the lock. True: the log is to be told, once for each reason and address that has connections. */
static bool count_refusal(struct net_gate *g, struct gate_place *p, enum why why, int64_t now_ms)
{
    unsigned *told = p && p->all ? &p->told : &g->told;
    bool tell = !(*told & 1u << why);

    assert(why < WHYS && g->now.unproved <= g->now.connections);
    *told |= 1u << why;
    if (!g->refused_ms)
        g->refused_before = g->now.refused;
    g->now.refused++;
    g->refused_ms = now_ms;
    return tell;
}

static void tell(const struct sockaddr_storage *a, enum why why, unsigned most)
{
    static const struct {
        const char *reason, *key;
    } whys[WHYS] = {
        [WHY_ALL] = {"too many connections", "connections"},
        [WHY_ADDRESS] = {"too many connections of this address", "connections_per_address"},
        [WHY_UNPROVED] = {"too many connections that have not authenticated", "unauthenticated"},
        [WHY_UNPROVED_OF_ADDRESS] = {"too many connections of this address that have not authenticated",
                                     "unauthenticated_per_address"},
        [WHY_MEMORY] = {"the hub is short of memory", "memory_limit"},
    };
    char address[INET6_ADDRSTRLEN];

    assert(why < WHYS);
    address_of(a, address);
    log_event(LOG_WARN, "connections-refused", KVS("address", address), KVS("reason", whys[why].reason),
              KVN("limit", most), KVS("key", whys[why].key));
}

void net_gate_tick(struct net_gate *g, int64_t now_ms)
{
    uint64_t count = 0;

    pthread_mutex_lock(&g->lock);
    if (g->refused_ms && (now_ms - g->refused_ms >= REFUSALS_MS || now_ms < g->refused_ms)) {
        struct gate_place *p;
        size_t at = 0;

        count = g->now.refused - g->refused_before;
        g->refused_ms = 0;
        g->told = 0;
        while ((p = map_next(&g->places, &at)))
            p->told = 0;
    }
    pthread_mutex_unlock(&g->lock);
    if (count)
        log_event(LOG_INFO, "connections-accepted-again", KVN("refused", count));
}

void net_gate_stats(struct net_gate *g, struct net_gate_stats *out)
{
    pthread_mutex_lock(&g->lock);
    *out = g->now;
    pthread_mutex_unlock(&g->lock);
}

/* ---- places ---------------------------------------------------------------------------------------------------- */

/* Under the lock. NULL: no memory. */
static struct gate_place *place_of(struct net_gate *g, const struct sockaddr_storage *a)
{
    uint8_t key[KEY];
    struct gate_place *p;

    make_key(a, key);
    if ((p = map_get(&g->places, bytes_of(key, KEY))) || !(p = calloc(1, sizeof *p)))
        return p;
    memcpy(p->key, key, KEY);
    if (map_put(&g->places, bytes_of(p->key, KEY), p)) {
        free(p);
        return NULL;
    }
    return p;
}

static void drop_if_empty(struct net_gate *g, struct gate_place *p)
{
    if (p->all)
        return;
    assert(p->unproved == 0);
    map_del(&g->places, bytes_of(p->key, KEY));
    free(p);
}

/* Why there is no place for one more; WHYS: there is. The last quarter of those who have not shown who they are is for
 * addresses that have none of them yet: a few who fill the rest keep nobody else out. */
static enum why over(const struct net_gate *g, const struct gate_place *p, unsigned *most)
{
    const struct net_gate_options *o = &g->options;
    const struct {
        uint64_t now;
        unsigned most;
    } ceilings[] = {
        [WHY_ALL] = {g->now.connections, o->connections},
        [WHY_ADDRESS] = {p->all, o->per_address},
        [WHY_UNPROVED] = {g->now.unproved, p->unproved ? o->unproved - o->unproved / 4 : o->unproved},
        [WHY_UNPROVED_OF_ADDRESS] = {p->unproved, o->unproved_per_address},
    };

    for (enum why i = WHY_ALL; i <= WHY_UNPROVED_OF_ADDRESS; i++)
        if (ceilings[i].now >= ceilings[i].most) {
            *most = ceilings[i].most;
            return i;
        }
    *most = 0;
    return o->may_take && !o->may_take(o->may_take_ctx, UNPROVED_COST) ? WHY_MEMORY : WHYS;
}

struct gate_place *gate_enter(struct net_gate *g, const struct sockaddr_storage *a, int64_t now_ms)
{
    unsigned most = 0;
    bool new = false;

    pthread_mutex_lock(&g->lock);
    struct gate_place *p = place_of(g, a);
    enum why why = p ? over(g, p, &most) : WHY_MEMORY;
    if (why != WHYS) {
        new = count_refusal(g, p, why, now_ms);
        if (p)
            drop_if_empty(g, p);
        p = NULL;
    } else {
        p->all++;
        p->unproved++;
        g->now.connections++;
        g->now.unproved++;
    }
    pthread_mutex_unlock(&g->lock);
    if (new)
        tell(a, why, most);
    return p;
}

void gate_proved(struct net_gate *g, struct gate_place *p)
{
    pthread_mutex_lock(&g->lock);
    assert(p->unproved > 0 && p->unproved <= p->all);
    p->unproved--;
    g->now.unproved--;
    pthread_mutex_unlock(&g->lock);
}

void gate_leave(struct net_gate *g, struct gate_place *p, bool proved)
{
    pthread_mutex_lock(&g->lock);
    assert(p->all > 0 && g->now.connections >= p->all);
    assert(proved || p->unproved > 0);
    p->unproved -= !proved;
    g->now.unproved -= !proved;
    p->all--;
    g->now.connections--;
    drop_if_empty(g, p);
    pthread_mutex_unlock(&g->lock);
}
