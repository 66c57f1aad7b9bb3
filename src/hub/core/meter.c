#include "meter.h"

#define PS_PER_MS 1000000000ULL
#define NS_PER_MS 1000000LL

void rate_set(struct rate *r, uint64_t n, int64_t window_ms)
{
    uint64_t unit_ps = n ? (uint64_t)window_ms * PS_PER_MS / n : 0;

    r->window_ns = window_ms * NS_PER_MS;
    atomic_store(&r->unit_ps, n && !unit_ps ? 1 : unit_ps);
}

static int64_t cost_ns(const struct rate *r, uint64_t n)
{
    return (int64_t)(n * atomic_load_explicit(&r->unit_ps, memory_order_relaxed) / 1000);
}

/* From when on what is taken now counts. A clock that went back must not make the debt longer than the window. */
static int64_t base_ns(int64_t paid_ns, const struct rate *r, int64_t now_ns)
{
    if (paid_ns < now_ns)
        return now_ns;
    return paid_ns > now_ns + r->window_ns ? now_ns + r->window_ns : paid_ns;
}

static bool lets(int64_t paid_ns, const struct rate *r, uint64_t n, int64_t now_ms)
{
    int64_t now_ns = now_ms * NS_PER_MS, base = base_ns(paid_ns, r, now_ns);

    return base == now_ns || base + cost_ns(r, n) <= now_ns + r->window_ns;
}

bool meter_lets(const struct meter *m, const struct rate *r, uint64_t n, int64_t now_ms)
{
    return !atomic_load_explicit(&r->unit_ps, memory_order_relaxed) || lets(m->paid_ns, r, n, now_ms);
}

void meter_take(struct meter *m, const struct rate *r, uint64_t n, int64_t now_ms)
{
    m->paid_ns = base_ns(m->paid_ns, r, now_ms * NS_PER_MS) + cost_ns(r, n);
}

unsigned meter_used(const struct meter *m, const struct rate *r, int64_t now_ms)
{
    int64_t now_ns = now_ms * NS_PER_MS, base = base_ns(m->paid_ns, r, now_ns);

    return r->window_ns ? (unsigned)((base - now_ns) / (r->window_ns / 1000)) : 0;
}

bool shared_meter_lets(const struct shared_meter *m, const struct rate *r, uint64_t n, int64_t now_ms)
{
    return !atomic_load_explicit(&r->unit_ps, memory_order_relaxed) || lets(atomic_load(&m->paid_ns), r, n, now_ms);
}

/* Only where there is a limit: else nothing is written that all threads share. */
void shared_meter_take(struct shared_meter *m, const struct rate *r, uint64_t n, int64_t now_ms)
{
    int64_t before, after;

    if (!atomic_load_explicit(&r->unit_ps, memory_order_relaxed))
        return;
    before = atomic_load(&m->paid_ns);
    do {
        after = base_ns(before, r, now_ms * NS_PER_MS) + cost_ns(r, n);
    } while (!atomic_compare_exchange_weak(&m->paid_ns, &before, after));
}
