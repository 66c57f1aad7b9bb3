/* One file of the log: its form on disk, and how it is made, mapped, scanned. Numbers are little-endian.
 *
 *   0   "d2d-log1" | u64 base | u64 size | u32 1 | u32 crc of the 28 bytes before | id of the log, 16 bytes |
 *       u32 crc of the id | zeros up to SEGMENT_HEAD. Files of before have 0 for 1, and no id.
 *   64  frames, each at a multiple of 8
 *
 *   frame  u32 crc of all that follows, begun with the base | u32 body length | u64 place | u8 kind | u8 flags | u16
 *     lane |
 *          u32 0 | body | zeros up to a multiple of 8
 *
 * A place is base + offset of the frame in the file, so a frame that is left over from an earlier life of the file
 * never has the right one. FRAME_FIRST marks the first frame of each write: it is written only after everything before
 * it was synced. FRAME_END closes a segment; the next one begins where this one's size ends. */
#pragma once

#include "disk_io.h"
#include "list.h"
#include "store.h"

#include <stdatomic.h>

enum { SEGMENT_HEAD = 64, FRAME_HEAD = 24, FRAME_FIRST = 1, FRAME_END = 2, SEGMENT_PATH_CAP = 4096 };

struct segment {
    struct list in; /* of the log, by base */
    uint64_t base, size;
    bool has_id;
    uint8_t id[STORE_ID]; /* of the log */
    int fd;
    char path[SEGMENT_PATH_CAP];
    const uint8_t *map; /* while somebody reads in it */
    unsigned users;     /* cursors in it; under the log's lock */
    bool reserved;      /* made of the reserve: messages are not written here while the disk is full */
    bool trimmed;       /* out of the log; goes when the last user has left */
};

struct frame {
    uint64_t place, next; /* next: of the frame behind it */
    uint32_t len;
    uint8_t kind, flags;
    uint16_t lane;
    const uint8_t *body;
};

static inline uint64_t frame_size(size_t len)
{
    return (FRAME_HEAD + (uint64_t)len + 7) & ~(uint64_t)7;
}

/* Room for a frame and the one that closes the segment. */
static inline bool segment_fits(const struct segment *s, uint64_t place, size_t len)
{
    return place - s->base + frame_size(len) + FRAME_HEAD <= s->size;
}

/* Writes head and checksum around a body that stands at to + FRAME_HEAD already, and clears the padding. */
void frame_seal(uint8_t *to, const struct segment *s, const struct frame *f);
/* The frame at this place of a segment, of which `from` is what it has from there on; false when there is no valid one.
 * The body lies in `from`. */
bool frame_of(uint64_t base, uint64_t place, struct bytes from, struct frame *out);
/* The same of a mapped segment. */
bool frame_at(const struct segment *s, uint64_t place, struct frame *out);

/* Something was written for this place, whether or not it is whole. */
bool frame_claims(const struct segment *s, uint64_t place);

/* Makes the file at `path` into an empty segment: reserved space, synced head. ENOSPC and EDQUOT are for the caller to
 * bear. */
int segment_make(const struct disk_io *io, struct segment *s);
/* What the head says of a file whose base is known: size and id. ERR_DAMAGED. */
enum err segment_head(const uint8_t head[SEGMENT_HEAD], struct segment *s) MUST_CHECK;
/* Opens and checks the head. ERR_DAMAGED. */
enum err segment_open(const struct disk_io *io, struct segment *s) MUST_CHECK;
bool segment_map(struct segment *s);
void segment_unmap(struct segment *s);
void segment_free(struct segment *s);
