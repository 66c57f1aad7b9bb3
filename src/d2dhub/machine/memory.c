#include "memory.h"

#include "ceilings.h"
#include "config.h"
#include "last_memory.h"
#include "log.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAP_LEAST (16ULL << 20)

/* The memory in use, as it is compared with a limit. */
enum measure {
    USED_ADDRESSES, /* all that is mapped */
    USED_DATA,      /* what is mapped to be written, and private */
    USED_MEMORY,    /* what is in memory and of this process alone: pages of files can be had again */
    MEASURES
};

static struct {
    int statm; /* held open: there may be no descriptor when it is needed */
    int64_t page;
    uint64_t configured;      /* the lowest of the limits that stay as they are, USED_MEMORY */
    pthread_mutex_t lock;     /* of looking */
    _Atomic int64_t promised; /* bytes that may still be begun before the next look */
    _Atomic int64_t kept;     /* bytes above these, for what is there */
    _Atomic int64_t looked_ms;
    _Atomic uint64_t used, limit;
    atomic_bool is_short;
} memory = {.statm = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- limits ---------------------------------------------------------------------------------------------------- */

/* 0 is no limit. */
static uint64_t lower_of(uint64_t limit, uint64_t other)
{
    return other && other < limit ? other : limit;
}

/* A number in a file; 0: there is none, or "max". */
static uint64_t read_number(const char *path)
{
    FILE *f = fopen(path, "re");
    uint64_t n = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%" SCNu64, &n) != 1)
        n = 0;
    fclose(f);
    return n;
}

/* The lowest limit of a control group and of those above it: of /a/b, /a, and the root. Cuts `group`. */
static uint64_t lowest_upwards(char *group, const char *mount, const char *file)
{
    uint64_t lowest = UINT64_MAX;
    char path[PATH_CAP];

    for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
        *end = 0;
        if (snprintf(path, sizeof path, "%s%s/%s", mount, group, file) < (int)sizeof path)
            lowest = lower_of(lowest, read_number(path));
    }
    return lowest;
}

/* The limit of the control group in which this process is, of either version: "0::/a/b" or "4:memory:/a/b". */
static uint64_t control_group_limit(void)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    uint64_t limit = UINT64_MAX;
    char line[PATH_CAP], *group;

    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "0::", 3))
            limit = lower_of(limit, lowest_upwards(line + 3, "/sys/fs/cgroup", "memory.max"));
        else if ((group = strstr(line, ":memory:")))
            limit = lower_of(limit, lowest_upwards(group + 8, "/sys/fs/cgroup/memory", "memory.limit_in_bytes"));
    }
    if (f)
        fclose(f);
    return limit;
}

static uint64_t limit_of(int resource)
{
    struct rlimit r;

    return getrlimit(resource, &r) || r.rlim_cur == RLIM_INFINITY ? UINT64_MAX : r.rlim_cur;
}

uint64_t memory_map_size(void)
{
    uint64_t limit = limit_of(RLIMIT_AS), pages = read_number("/proc/self/statm"),
             page = (uint64_t)sysconf(_SC_PAGESIZE);

    if (limit == UINT64_MAX)
        return 0;
    uint64_t map = limit > pages * page ? (limit - pages * page) / 4 : 0;
    return map > MAP_LEAST ? map / page * page : MAP_LEAST;
}

void memory_open(uint64_t configured)
{
    memory.page = sysconf(_SC_PAGESIZE);
    memory.configured = lower_of(control_group_limit(), configured);
    memory.configured = lower_of(memory.configured, (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)memory.page);
    memory.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (memory.statm < 0)
        log_event(LOG_WARN, "memory-not-watched", KVS("file", "/proc/self/statm"), KVS("reason", strerror(errno)));
    (void)last_memory_hold();
    memory_look(net_steady_ms());
}

void memory_close(void)
{
    if (memory.statm >= 0)
        close(memory.statm);
    memory.statm = -1;
}

/* ---- looking --------------------------------------------------------------------------------------------------- */

static bool read_use(uint64_t used[MEASURES])
{
    char text[256];
    uint64_t size, resident, shared, code, data;
    ssize_t n = pread(memory.statm, text, sizeof text - 1, 0);

    if (n <= 0)
        return false;
    text[n] = 0;
    if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %" SCNu64, &size, &resident, &shared, &code,
               &data) != 5)
        return false;
    used[USED_ADDRESSES] = size * (uint64_t)memory.page;
    used[USED_DATA] = data * (uint64_t)memory.page;
    used[USED_MEMORY] = (resident > shared ? resident - shared : 0) * (uint64_t)memory.page;
    return true;
}

static int64_t kept_of(enum measure which, uint64_t limit)
{
    if (which != USED_MEMORY)
        return MEMORY_KEPT_MAPPED;
    int64_t kept =
        limit / MEMORY_KEPT_SHARE > MEMORY_KEPT_MOST ? MEMORY_KEPT_MOST : (int64_t)(limit / MEMORY_KEPT_SHARE);

    return kept < MEMORY_KEPT_LEAST ? MEMORY_KEPT_LEAST : kept;
}

/* The limit that is nearest, and what is left of it above what is kept. */
static int64_t nearest(const uint64_t used[MEASURES], size_t *out, const uint64_t limits[MEASURES])
{
    int64_t least = INT64_MAX;

    *out = USED_MEMORY;
    for (size_t i = 0; i < MEASURES; i++) {
        if (limits[i] >= INT64_MAX)
            continue;
        int64_t left = (int64_t)limits[i] - (int64_t)used[i] - kept_of((enum measure)i, limits[i]);
        if (left < least) {
            least = left;
            *out = i;
        }
    }
    return least;
}

/* Memory that the allocator has and nobody uses counts by half: it is there, in pieces. */
static int64_t unused(void)
{
    return (int64_t)(mallinfo2().fordblks / 2);
}

/* Every arena of the allocator reserves 64 MB of addresses, which nobody can tell from those in use: where addresses
 * are limited there are no more of them. */
static void spare_addresses(uint64_t limit)
{
    static bool done;

    if (!done && limit != UINT64_MAX)
        done = mallopt(M_ARENA_MAX, 1);
}

/* The lock is held. */
static void look(int64_t now_ms)
{
    /* ulimit can be changed from outside (prlimit). */
    const uint64_t limits[MEASURES] = {limit_of(RLIMIT_AS), limit_of(RLIMIT_DATA), memory.configured};
    uint64_t used[MEASURES];
    size_t which;

    spare_addresses(limits[USED_ADDRESSES]);
    if (!read_use(used)) {
        atomic_store(&memory.promised, INT64_MAX);
        return;
    }
    int64_t left = nearest(used, &which, limits), kept = kept_of((enum measure)which, limits[which]);
    if (left < kept) /* near enough to look closer */
        left += unused();
    if (last_memory_given() && left > 0)
        left = 0;
    atomic_store(&memory.kept, kept);
    atomic_store(&memory.promised, left);
    atomic_store(&memory.used, used[which]);
    atomic_store(&memory.limit, limits[which]);
    atomic_store(&memory.looked_ms, now_ms);
}

void memory_look(int64_t now_ms)
{
    bool was_short = atomic_load(&memory.is_short), is_short;

    pthread_mutex_lock(&memory.lock);
    if (last_memory_given() && atomic_load(&memory.promised) >= 0)
        (void)last_memory_hold(); /* what was given comes back once there is room */
    look(now_ms);
    pthread_mutex_unlock(&memory.lock);
    int64_t left = atomic_load(&memory.promised);
    if (was_short)
        malloc_trim(0);
    /* Not to and fro: it is over when a quarter of what is kept is free again. */
    is_short = left <= (was_short ? atomic_load(&memory.kept) / 4 : 0);
    atomic_store(&memory.is_short, is_short);
    if (is_short && !was_short)
        log_event(LOG_WARN, "memory-short", KVN("used", (int64_t)atomic_load(&memory.used)),
                  KVN("limit", (int64_t)atomic_load(&memory.limit)),
                  KVS("detail", "new connections, links and large bodies are refused; what is connected continues"),
                  KVS("remedy", "more memory, a higher memory_limit or ulimit -v, or fewer connections"));
    else if (was_short && !is_short)
        log_event(LOG_INFO, "memory-suffices-again", KVN("used", (int64_t)atomic_load(&memory.used)),
                  KVN("limit", (int64_t)atomic_load(&memory.limit)));
}

/* ---- promises -------------------------------------------------------------------------------------------------- */

/* Room that was seen is promised away: it may have been given back meanwhile. */
static void look_again(void)
{
    int64_t now = net_steady_ms();

    if (now - atomic_load(&memory.looked_ms) < MEMORY_LOOK_AGAIN_MS || pthread_mutex_trylock(&memory.lock))
        return;
    look(now);
    pthread_mutex_unlock(&memory.lock);
}

/* Down to `least`, which is below zero for what may use what is kept. */
static bool promise(size_t bytes, int64_t least)
{
    for (int i = 0; i < 2; i++) {
        if (atomic_fetch_sub(&memory.promised, (int64_t)bytes) - (int64_t)bytes >= least)
            return true;
        atomic_fetch_add(&memory.promised, (int64_t)bytes);
        if (!i)
            look_again();
    }
    return false;
}

bool memory_may_take(void *ctx, size_t bytes)
{
    (void)ctx;
    return !atomic_load_explicit(&memory.is_short, memory_order_relaxed) && promise(bytes, 0);
}

bool memory_may_grow(void *ctx, size_t bytes)
{
    (void)ctx;
    return promise(bytes, -atomic_load_explicit(&memory.kept, memory_order_relaxed) * 3 / 4);
}

void memory_stats(struct memory_stats *out)
{
    *out = (struct memory_stats){.used = atomic_load(&memory.used),
                                 .limit = atomic_load(&memory.limit),
                                 .is_short = atomic_load(&memory.is_short)};
}
