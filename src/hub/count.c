/* Counts for the operator: what the hub has, and what came of it. */
#include "core.h"
#include "gap.h"

void hub_count(struct hub *h, struct hub_counts *out)
{
    uint64_t keep = h->options.retention_bytes ? h->options.retention_bytes : atomic_load(&h->log_keep);
    struct store_space space;
    struct gap_sums gaps;

    store_space(h->store, &space);
    gap_sum(h->store, &gaps);
    *out = (struct hub_counts){.devices = h->devices,
                               .disabled = h->disabled,
                               .connected = h->connected,
                               .received = h->received,
                               .received_bytes = h->received_bytes,
                               .refused_full = h->refused_full,
                               .refused_busy = h->refused_busy,
                               .refused_quota = h->refused_quota,
                               .log_bytes = space.log,
                               .log_bytes_max = keep,
                               .full = space.full,
                               .damaged = gaps.ranges,
                               .damaged_bytes = gaps.bytes};
}
