/* A hub that was made from a backup. The hub that it replaces may have given numbers to events that are in no backup,
 * and their readers go on behind those: so they are not given again. The log leaves out places, this record numbers of
 * events. */
#include "restored.h"

#include "partition.h"

enum { RESTORED_MAX = 2 + 8 + 8 * PARTITIONS_MAX };

/* Version, when, how many partitions, the next number of each. */
static void encode(struct buf *b, struct hub *h, uint64_t skip, int64_t wall_ms)
{
    buf_put_u8(b, RECORD_VERSION);
    buf_put_u64(b, (uint64_t)wall_ms);
    buf_put_u8(b, (uint8_t)h->birth.partitions);
    for (unsigned n = 0; n < h->birth.partitions; n++) {
        struct partition_state *p = partition_at(h, n);

        mutex_lock(&p->lock);
        buf_put_u64(b, (uint64_t)p->next + skip);
        mutex_unlock(&p->lock);
    }
}

enum err restored_apply(struct hub *h, const struct record *record)
{
    struct rd r = rd_over(record->body);
    unsigned n;

    if (rd_u8(&r) < RECORD_VERSION)
        r.bad = true;
    rd_u64(&r);
    n = rd_u8(&r);
    if (r.bad || n > h->birth.partitions || rd_left(&r) < 8 * (size_t)n)
        return ERR_DAMAGED;
    for (unsigned i = 0; i < n; i++) {
        int64_t next = (int64_t)rd_u64(&r);

        partition_skip_to(partition_at(h, i), next, record->at);
    }
    return OK;
}

enum err hub_restored(struct hub *h, uint64_t skip, int64_t wall_ms)
{
    struct buf b = buf_max(RESTORED_MAX);
    struct record r = {.kind = REC_RESTORED};
    enum err e;

    encode(&b, h, skip, wall_ms);
    if (!(e = record_append(h, REC_RESTORED, &b, &r.at))) {
        r.body = buf_bytes(&b);
        if (!(e = restored_apply(h, &r)))
            e = store_sync(h->store, r.at);
    }
    buf_free(&b);
    return e;
}
