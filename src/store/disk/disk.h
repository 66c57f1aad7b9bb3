/* The disk engine's inside: what appending, syncing, reading and recovery share. */
#pragma once

#include "disk_hold.h"
#include "disk_store.h"
#include "mutex.h"
#include "segment.h"

enum {
    PIECES = 4,           /* of a buffer: it may go on in the next segment a few times */
    RESERVE = 1,          /* spare segments that are not for messages */
    SPARES = 2 + RESERVE, /* trimmed segments that are kept to be written again */
};

/* Records that go into one segment with one write. */
struct piece {
    struct segment *segment;
    uint64_t place;   /* of its first frame */
    size_t from, len; /* in the buffer */
};

struct tail {
    uint8_t *at;
    size_t len, cap;
    struct piece pieces[PIECES];
    int n;
    bool rolled; /* the end of a segment is in here, not yet on disk */
};

struct disk {
    struct store store;
    struct disk_io io;
    char folder[SEGMENT_PATH_CAP - 64];
    uint8_t id[STORE_ID];
    _Atomic bool has_id;    /* a file has it: those of before have none */
    uint64_t known;         /* below it everything had been on disk */
    const uint8_t *kept_id; /* as the checkpoint has it; of the opening */
    uint64_t segment_size, size_max;
    size_t tail_max;
    int lock_fd;
    struct trim_gate gate; /* of whoever trims */

    /* The tail lock. `open` is appended to, `busy` is being written; they change places. */
    struct mutex tail;
    pthread_cond_t work, room; /* for the sync thread; for appenders and those who wait for durability */
    struct tail tails[2];
    struct tail *open;
    struct segment *last; /* the segment that is appended to */
    struct segment *next; /* made ahead, empty; or NULL */
    uint64_t end;         /* the place that the next record gets */
    bool full;            /* there is no room for a next segment, or for the reserve */
    bool wanted;          /* an appender needs a next one, made of the reserve */
    bool used_up;         /* the reserve, too */
    bool stop;
    pthread_t syncer;
    bool syncing;

    _Atomic uint64_t durable, first;

    /* Ranges that cannot be read, by place; GAPS_MAX of them at most. */
    struct mutex gaps_lock;
    struct gap *gaps;
    size_t n_gaps, gaps_cap;

    /* Segments, by base; spares; users. Taken alone or inside the tail lock. */
    struct mutex segments_lock;
    struct list segments;
    struct segment *spares[SPARES];
    size_t n_spares;
    _Atomic uint64_t
        spare_number; /* the sync thread makes segments while another thread retires them: never one name twice */
};

static inline struct disk *disk_of(struct store *s)
{
    return (struct disk *)(void *)s;
}

static inline struct segment *segment_of(struct list *l)
{
    return LIST_OF(l, struct segment, in);
}

/* disk_recover.c: fills the list of segments, says where the log ends. */
enum err disk_recover(struct disk *d, char why[256]) MUST_CHECK;
/* disk_space.c: a segment for the place `base`: a spare one or a new one, in the folder under its name; not yet in the
 * list. ERR_DISK_FULL, or ERR_IO and errno. With `reserved` the reserve may be taken for it. */
enum err disk_segment_new(struct disk *d, uint64_t base, bool reserved, struct segment **out) MUST_CHECK;
/* Makes the reserve whole. As above. */
enum err disk_reserve_fill(struct disk *d) MUST_CHECK;
/* A file that an earlier life left over, by its name, becomes a spare; false: it is of no use. */
bool disk_spare_adopt(struct disk *d, const char *name);
uint64_t disk_older_than(struct store *s, uint64_t keep);
void disk_space(struct store *s, struct store_space *out);
/* It is out of the log: its file loses its name, on disk, before any younger one does, so that no hole is ever left. */
void disk_segment_retire(struct disk *d, struct segment *s);
/* Nobody reads in it any more: it becomes a spare or goes. */
void disk_segment_give_up(struct disk *d, struct segment *s);
void disk_segment_path(const struct disk *d, uint64_t base, char out[SEGMENT_PATH_CAP]);
/* disk_gaps.c: `s` NULL: the file is missing. True when it was not known before. */
bool disk_gap_add(struct disk *d, const struct segment *s, uint64_t at, uint64_t end);
void disk_gap_add_jump(struct disk *d, uint64_t at, uint64_t end);
/* The end of the gap that begins at this place; 0: none is known. */
uint64_t disk_gap_end(struct disk *d, uint64_t at);
void disk_gaps_trim(struct disk *d, uint64_t first);
bool disk_gap(struct store *s, size_t i, struct gap *out);
/* disk_read.c */
enum err disk_read(struct store *s, struct cursor *c, struct record *out) MUST_CHECK;
void disk_cursor_close(struct store *s, struct cursor *c);
