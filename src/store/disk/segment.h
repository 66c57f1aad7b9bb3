/* A file of the log: its form on disk, and how it is made, mapped, scanned. Numbers are little-endian.
 *
 *   0   "d2d-log1" | u64 base | u64 size | u32 2 | u32 crc of the 28 bytes before | id of the log, 16 bytes |
 *       u64 end of the log before this file, 0: its base | u32 crc of the 24 bytes before | u32 1: the file was
 *       another segment before, and what that held may be behind the end of the log.
 *       Files of before have 1 for 2, and the crc of the id straight behind it; or 0, and no id.
 *   64  frames, each at a multiple of 8
 *
 *   frame  u32 crc of id, base and all that follows | u32 body length | u64 place | u8 kind | u8 flags | u16
 *     lane |
 *          u32 0 | body | zeros up to a multiple of 8
 *
 * A place is base + offset of the frame in the file, so a frame that is left over from an earlier life of the file
 * never has the right one. FRAME_FIRST marks the first frame of each write: it is written only after everything before
 * it was synced. FRAME_END closes a segment; the next one begins where this one's size ends. The id, which no peer
 * knows, is in the checksum (from form 2 on) because recovery looks for frames behind a damaged one: nobody may write
 * something into a message that could be taken for a frame. */
#pragma once

#include "disk_io.h"
#include "list.h"
#include "store.h"

#include <stdatomic.h>

enum {
    SEGMENT_HEAD = 64,
    FRAME_HEAD = 24,
    SEGMENT_LEAST = SEGMENT_HEAD + 2 * FRAME_HEAD,
    FRAME_FIRST = 1,
    FRAME_END = 2,
    SEGMENT_PATH_CAP = 4096,
};

/* No log gets so far: a place below it and the size of a file make a number of 64 bits. */
#define SEGMENT_BASE_MAX (UINT64_MAX / 4)

enum segment_form { FORM_PLAIN, FORM_ID, FORM_SEALED, FORMS };

struct segment {
    struct list in; /* of the log, by base */
    uint64_t base, size;
    uint64_t there;        /* bytes of the file, at most its size: fewer where it was cut short */
    bool reused;           /* what was in an earlier life of the file may still be behind the end of the log */
    uint64_t after;        /* where the log ended before this file; its base but for a log that was restored */
    bool head_bad, id_bad; /* what the head says of base, size and form, or of id and `after`, is damaged */
    enum segment_form form;
    bool has_id;
    uint8_t id[STORE_ID]; /* of the log */
    uint32_t seed;        /* what the checksums of its frames begin with */
    int fd;
    char path[SEGMENT_PATH_CAP];
    const uint8_t *map; /* while somebody reads in it */
    unsigned users;     /* cursors in it; under the log's lock */
    bool reserved;      /* made of the reserve: messages are not written here while the disk is full */
    bool used;          /* the file was a segment; of a spare one */
    bool trimmed;       /* out of the log; goes when the last user has left */
    uint64_t sound;     /* at the opening: from the first frame up to here all frames are whole */
    bool closed;        /* and the last of them is a FRAME_END */
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
bool frame_of(uint64_t base, uint32_t seed, uint64_t place, struct bytes from, struct frame *out);
/* The same of a mapped segment. */
bool frame_at(const struct segment *s, uint64_t place, struct frame *out);

/* Reads the head of a frame, if it may be true: enough to go over it. */
bool frame_head_at(const struct segment *s, uint64_t place, struct frame *out);
/* The next valid frame behind this place that begins below `limit`. */
bool frame_after(const struct segment *s, uint64_t place, uint64_t limit, struct frame *out);

/* Something was written for this place, whether or not it is whole: its head says so. `out` is what it says, `body` as
 * far as it is in the file. */
bool frame_claims(const struct segment *s, uint64_t place, struct frame *out);

/* Whether a file has the name of a segment: 16 hexadecimal digits and ".log". */
bool segment_is_name(const char *name);
/* The base that such a name says. False: no segment begins there. */
bool segment_base_of(const char *name, uint64_t *out);
/* Makes the file at `path` into an empty segment: reserved space, synced head. ENOSPC and EDQUOT are for the caller to
 * bear. */
int segment_make(const struct disk_io *io, struct segment *s);
/* Reads the head of a file whose base is known. Of a damaged one head_bad and id_bad say what is true; the caller
 * has to find out the rest, and call segment_known(). */
void segment_head(const uint8_t head[SEGMENT_HEAD], struct segment *s);
/* Opens the file and reads its head. ERR_IO. */
enum err segment_open(const struct disk_io *io, struct segment *s) MUST_CHECK;
/* Base, form and id are right: what the checksums begin with follows. */
void segment_known(struct segment *s);
bool segment_map(struct segment *s);
void segment_unmap(struct segment *s);
void segment_free(struct segment *s);
