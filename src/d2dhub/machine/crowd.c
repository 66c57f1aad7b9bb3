#include "crowd.h"

#include "log.h"
#include "memory.h"

#include <dirent.h>
#include <sys/resource.h>

void crowd_raise_descriptors(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t descriptors_in_use(void)
{
    DIR *d = opendir("/proc/self/fd");
    uint64_t n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* Descriptors that are left for connections when everything else has its descriptors. */
static uint64_t descriptors_left(unsigned to_come)
{
    uint64_t needed = descriptors_in_use() + to_come + DESCRIPTORS_KEPT;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= CONNECTIONS_MOST)
        return CONNECTIONS_MOST;
    if (files.rlim_cur >= needed + CONNECTIONS_LEAST)
        return files.rlim_cur - needed;
    log_event(LOG_WARN, "few-descriptors", KVN("limit", (int64_t)files.rlim_cur),
              KVN("needed", (int64_t)(needed + CONNECTIONS_LEAST)),
              KVS("remedy", "a higher ulimit -n, or LimitNOFILE= of the service"));
    return CONNECTIONS_LEAST;
}

/* The configured ceiling, or else a derived one. */
static unsigned either(int configured, uint64_t derived)
{
    return configured ? (unsigned)configured : derived ? (unsigned)derived : 1;
}

enum err crowd_gate(const struct config *c, unsigned to_come, uint64_t seed, struct net_gate **out)
{
    uint64_t files = descriptors_left(to_come), all, unproved;
    struct net_gate_options o = {.may_take = memory_may_take};
    struct memory_stats m;

    memory_stats(&m);
    all = smaller(files, m.limit ? m.limit / 4 * 3 / CONNECTION_COST : files);
    o.connections = either(c->connections, all > CONNECTIONS_LEAST ? all : CONNECTIONS_LEAST);
    if (o.connections > files) {
        log_event(LOG_WARN, "connections-lowered", KVN("configured", o.connections), KVN("to", (int64_t)files),
                  KVS("reason", "the limit of descriptors (ulimit -n) does not allow more"));
        o.connections = (unsigned)files;
    }
    unproved =
        smaller(smaller(o.connections / 2, UNPROVED_MOST), m.limit ? m.limit / 8 / UNPROVED_COST : UNPROVED_MOST);
    o.per_address = either(c->connections_per_address, o.connections - o.connections / 4);
    o.unproved = either(c->unauthenticated, unproved > CONNECTIONS_LEAST ? unproved : CONNECTIONS_LEAST);
    o.unproved_per_address = either(c->unauthenticated_per_address, o.unproved / UNPROVED_SHARE > CONNECTIONS_LEAST / 2
                                                                        ? o.unproved / UNPROVED_SHARE
                                                                        : CONNECTIONS_LEAST / 2);
    log_event(LOG_INFO, "limits", KVN("connections", o.connections), KVN("connections_per_address", o.per_address),
              KVN("unauthenticated", o.unproved), KVN("unauthenticated_per_address", o.unproved_per_address),
              KVN("memory", (int64_t)(m.limit < INT64_MAX ? m.limit : INT64_MAX)));
    return net_gate_new(seed, &o, out);
}
