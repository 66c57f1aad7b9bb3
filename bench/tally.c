#include "tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static unsigned slot_of(uint64_t us)
{
    unsigned power = 0;

    while (us >= HIST_SUB * 2 && power < HIST_POWERS - 2) {
        us >>= 1;
        power++;
    }
    return us < HIST_SUB * 2 ? power * HIST_SUB + (unsigned)us : HIST_SUB * HIST_POWERS - 1;
}

static uint64_t value_of(unsigned slot)
{
    unsigned power = slot < HIST_SUB * 2 ? 0 : slot / HIST_SUB - 1;

    return ((uint64_t)(slot - power * HIST_SUB + 1) << power) - 1;
}

void hist_add(struct hist *h, int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;

    h->counts[slot_of(value)]++;
    h->n++;
    if (value > h->most)
        h->most = value;
}

uint64_t hist_at(const struct hist *h, double share)
{
    uint64_t want = (uint64_t)((double)h->n * share), sum = 0;

    for (unsigned i = 0; i < HIST_SUB * HIST_POWERS; i++) {
        sum += h->counts[i];
        if (sum && sum >= want)
            return value_of(i) < h->most ? value_of(i) : h->most;
    }
    return 0;
}

void hist_json(const struct hist *h, const char *name, FILE *to)
{
    fprintf(to,
            "\"%s\":{\"n\":%" PRIu64 ",\"p50_us\":%" PRIu64 ",\"p90_us\":%" PRIu64 ",\"p99_us\":%" PRIu64
            ",\"p999_us\":%" PRIu64 ",\"most_us\":%" PRIu64 "}",
            name, h->n, hist_at(h, 0.5), hist_at(h, 0.9), hist_at(h, 0.99), hist_at(h, 0.999), h->most);
}

bool arrivals_note(struct arrivals *a, uint32_t number)
{
    if (number >= a->cap) {
        uint32_t cap = a->cap ? a->cap : 4096;
        uint8_t *seen;

        while (cap <= number && cap < 1u << 31)
            cap *= 2;
        if (cap <= number || !(seen = realloc(a->seen, cap / 8)))
            return false;
        memset(seen + a->cap / 8, 0, (cap - a->cap) / 8);
        a->seen = seen;
        a->cap = cap;
    }
    if (a->seen[number / 8] >> number % 8 & 1) {
        a->duplicates++;
        return true;
    }
    a->seen[number / 8] |= (uint8_t)(1 << number % 8);
    a->distinct++;
    if (number < a->next)
        a->disordered++;
    else
        a->next = number + 1;
    return true;
}

int64_t monotonic_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool process_file(int pid, const char *name, char *out, int cap)
{
    char path[64];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    if (pid <= 0 || !(f = fopen(path, "r")))
        return false;
    n = fread(out, 1, (size_t)cap - 1, f);
    fclose(f);
    out[n] = 0;
    return n > 0;
}

uint64_t process_cpu_us(int pid)
{
    char text[1024], *at;
    unsigned long user, system;

    /* The name in parentheses may hold anything, so the fields are counted from behind it. */
    if (!process_file(pid, "stat", text, sizeof text) || !(at = strrchr(text, ')')) ||
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (user + system) * 1000000 / (unsigned long)sysconf(_SC_CLK_TCK);
}

uint64_t process_rss(int pid)
{
    char text[256];
    unsigned long pages;

    if (!process_file(pid, "statm", text, sizeof text) || sscanf(text, "%*u %lu", &pages) != 1)
        return 0;
    return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}
