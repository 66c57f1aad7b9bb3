/* The partitions: what each has, and its index. */
#pragma once

#include "core.h"

enum {
    REC_RESTORED = 9, /* from a backup: which numbers are given from now on */
    /* Entries of a partition's index; when they run out every second one goes and the rest stand for twice as many. */
    INDEX_CAP = 4096,
    INDEX_STRIDE = 64, /* events an entry stands for, at first */
    INDEX_REACH =
        64 * 1024,     /* and what it may reach over in the log, where the partition is quiet and others are not */
    INDEX_SAVED = 512, /* entries in the checkpoint */
};

/* Every stride-th event of a partition, or more of them where they lie far apart. */
struct index_entry {
    int64_t sequence;
    uint64_t at;
    int64_t enqueued_ms;
};

struct partition_state {
    struct mutex lock;
    unsigned number;
    int64_t first, next; /* sequence numbers: the oldest that can be read, the next to be given */
    int64_t last;        /* of the last event; -1: there was none. Behind it some may have been left out */
    uint64_t skipped_at; /* the place of the record that did so last; 0: none did */
    uint64_t first_at;   /* place of the oldest */
    uint64_t last_at;
    int64_t last_ms;
    uint64_t stride, reach;
    size_t n_index;
    struct index_entry *index; /* INDEX_CAP of them */
    struct list readers;
    bool dirty, taken; /* the checkpoint does not have it as it is; it is being written */
};

struct events {
    struct partition_state partitions[PARTITIONS_MAX];
};

static inline struct partition_state *partition_at(const struct hub *h, unsigned number)
{
    return &h->events->partitions[number];
}

void partition_init(struct partition_state *p, unsigned number);
void partition_grow(struct partition_state *p, int64_t sequence, uint64_t at, int64_t enqueued_ms);
/* Under its lock: a place at or before the first event with that sequence number, place or time. */
uint64_t partition_seek(const struct partition_state *p, const struct position *position);
void partition_encode(struct buf *b, const struct partition_state *p);
enum err partition_decode(struct bytes value, struct partition_state *p) MUST_CHECK;
/* Records that cannot be read from `from` on, the checkpoint's place, may have been events: their numbers are not
 * given again. And the last event that there is may be such a one. */
enum err partition_damaged(struct hub *h, struct partition_state *p, uint64_t from) MUST_CHECK;
/* The log may have lost its beginning: what is the oldest event now? */
enum err partition_trimmed(struct hub *h, struct partition_state *p) MUST_CHECK;
/* Numbers below `next` are not given any more, as the record at that place says. Done twice it changes nothing. */
void partition_skip_to(struct partition_state *p, int64_t next, uint64_t at);
