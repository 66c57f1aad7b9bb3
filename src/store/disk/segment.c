#include "segment.h"

#include "ceilings.h"
#include "crc32c.h"
#include "fault.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HALF = 32 }; /* of a segment's head: base, size and form with a checksum, then the id with another */

static const char MAGIC[8] = {'d', '2', 'd', '-', 'l', 'o', 'g', '1'};

static void put_le(uint8_t *to, uint64_t v, int n)
{
    for (int i = 0; i < n; i++, v >>= 8)
        to[i] = (uint8_t)v;
}

static uint64_t get_le(const uint8_t *from, int n)
{
    uint64_t v = 0;

    while (n--)
        v = v << 8 | from[n];
    return v;
}

/* ---- frames ---------------------------------------------------------------------------------------------------- */

static uint32_t frame_crc(uint32_t seed, const uint8_t *frame, size_t len)
{
    return crc32c(seed, bytes_of(frame + 4, FRAME_HEAD - 4 + len));
}

void frame_seal(uint8_t *to, const struct segment *s, const struct frame *f)
{
    size_t whole = (size_t)frame_size(f->len);

    assert(f->place >= s->base + SEGMENT_HEAD && f->place % 8 == 0);
    assert(f->len <= s->size);
    memset(to + FRAME_HEAD + f->len, 0, whole - FRAME_HEAD - f->len);
    put_le(to + 4, f->len, 4);
    put_le(to + 8, f->place, 8);
    to[16] = f->kind;
    to[17] = f->flags;
    put_le(to + 18, f->lane, 2);
    put_le(to + 20, 0, 4);
    put_le(to, frame_crc(s->seed, to, f->len), 4);
}

/* Reads the head of a frame; false when nothing was written for this place. */
static bool read_head(struct bytes from, uint64_t place, struct frame *out)
{
    const uint8_t *at = from.at;

    if (from.len < FRAME_HEAD || get_le(at + 8, 8) != place)
        return false;
    *out = (struct frame){.place = place,
                          .len = (uint32_t)get_le(at + 4, 4),
                          .kind = at[16],
                          .flags = at[17],
                          .lane = (uint16_t)get_le(at + 18, 2),
                          .body = at + FRAME_HEAD};
    out->next = place + frame_size(out->len);
    return true;
}

bool frame_of(uint64_t base, uint32_t seed, uint64_t place, struct bytes from, struct frame *out)
{
    if (place < base + SEGMENT_HEAD || (place - base) % 8 || !read_head(from, place, out))
        return false;
    return out->len <= RECORD_LEN_MAX && frame_size(out->len) <= from.len &&
           frame_crc(seed, from.at, out->len) == get_le(from.at, 4);
}

/* The bytes of a mapped segment from a place on. */
static struct bytes bytes_at(const struct segment *s, uint64_t place)
{
    uint64_t offset = place - s->base;

    assert(s->map && place >= s->base);
    return offset < s->there ? bytes_of(s->map + offset, (size_t)(s->there - offset)) : NO_BYTES;
}

bool frame_at(const struct segment *s, uint64_t place, struct frame *out)
{
    return frame_of(s->base, s->seed, place, bytes_at(s, place), out);
}

bool frame_head_at(const struct segment *s, uint64_t place, struct frame *out)
{
    return read_head(bytes_at(s, place), place, out) && out->len <= RECORD_LEN_MAX && out->next <= s->base + s->there;
}

bool frame_after(const struct segment *s, uint64_t place, uint64_t limit, struct frame *out)
{
    uint64_t end = s->base + s->there;

    for (place += 8; place < limit && place + FRAME_HEAD <= end; place += 8)
        if (frame_at(s, place, out))
            return true;
    return false;
}

bool frame_claims(const struct segment *s, uint64_t place, struct frame *out)
{
    struct bytes from = bytes_at(s, place);

    if (!read_head(from, place, out))
        return false;
    if (out->len > from.len - FRAME_HEAD)
        out->len = (uint32_t)(from.len - FRAME_HEAD);
    return true;
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

bool segment_is_name(const char *name)
{
    return strlen(name) == 20 && strspn(name, "0123456789abcdef") == 16 && strcmp(name + 16, ".log") == 0;
}

bool segment_base_of(const char *name, uint64_t *out)
{
    *out = strtoull(name, NULL, 16);
    return *out % 8 == 0 && *out <= SEGMENT_BASE_MAX;
}

/* ---- heads ----------------------------------------------------------------------------------------------------- */

void segment_known(struct segment *s)
{
    uint8_t base[8];

    assert(s->form < FORMS);
    put_le(base, s->base, 8);
    s->seed = s->form == FORM_SEALED ? crc32c(0, bytes_of(s->id, STORE_ID)) : 0;
    s->seed = crc32c(s->seed, bytes_of(base, sizeof base));
}

/* The range of the second checksum. */
static size_t id_len(enum segment_form form)
{
    return form == FORM_SEALED ? STORE_ID + 8 : STORE_ID;
}

static void make_head(const struct segment *s, uint8_t head[SEGMENT_HEAD])
{
    size_t len = id_len(s->form);

    assert(s->form < FORMS && s->after <= s->base);
    memset(head, 0, SEGMENT_HEAD);
    memcpy(head, MAGIC, sizeof MAGIC);
    put_le(head + 8, s->base, 8);
    put_le(head + 16, s->size, 8);
    put_le(head + 24, s->form, 4);
    put_le(head + HALF - 4, crc32c(0, bytes_of(head, HALF - 4)), 4);
    if (s->form == FORM_PLAIN)
        return;
    memcpy(head + HALF, s->id, STORE_ID);
    if (s->form == FORM_SEALED && s->after != s->base)
        put_le(head + HALF + STORE_ID, s->after, 8);
    if (s->form == FORM_SEALED)
        put_le(head + HALF + len + 4, s->reused, 4);
    put_le(head + HALF + len, crc32c(0, bytes_of(head + HALF, len)), 4);
}

static bool first_half(struct segment *s, const uint8_t *head)
{
    uint64_t form = get_le(head + 24, 4);

    s->size = get_le(head + 16, 8);
    s->form = form < FORMS ? (enum segment_form)form : FORM_PLAIN;
    return memcmp(head, MAGIC, sizeof MAGIC) == 0 && get_le(head + 8, 8) == s->base && form < FORMS &&
           s->size % 8 == 0 && s->size >= SEGMENT_LEAST && s->size <= SEGMENT_BASE_MAX &&
           get_le(head + HALF - 4, 4) == crc32c(0, bytes_of(head, HALF - 4));
}

/* By itself it says of which form it is. */
static bool second_half(struct segment *s, const uint8_t *head, enum segment_form *form)
{
    const uint8_t *at = head + HALF;

    s->after = s->base;
    for (*form = FORM_SEALED; *form > FORM_PLAIN; (*form)--) {
        size_t len = id_len(*form);

        if (get_le(at + len, 4) && get_le(at + len, 4) == crc32c(0, bytes_of(at, len)))
            break;
    }
    if (*form == FORM_PLAIN)
        return false;
    if (*form == FORM_SEALED && get_le(at + STORE_ID, 8))
        s->after = get_le(at + STORE_ID, 8);
    memcpy(s->id, at, STORE_ID);
    return true;
}

void segment_head(const uint8_t head[SEGMENT_HEAD], struct segment *s)
{
    enum segment_form form;

    s->head_bad = !first_half(s, head);
    s->id_bad = !second_half(s, head, &form);
    if (s->head_bad)
        s->form = form;
    else
        s->id_bad = s->form != FORM_PLAIN && (s->id_bad || form != s->form);
    s->has_id = s->form != FORM_PLAIN && !s->id_bad;
    s->reused = s->form != FORM_SEALED || s->head_bad || s->id_bad || get_le(head + HALF + id_len(s->form) + 4, 4);
    segment_known(s);
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

int segment_make(const struct disk_io *io, struct segment *s)
{
    uint8_t head[SEGMENT_HEAD];
    struct iovec part = {head, sizeof head};

    assert(s->size % 8 == 0 && s->size >= SEGMENT_LEAST);
    s->fd = io->open(io->ctx, s->path, O_RDWR | O_CREAT);
    if (s->fd < 0)
        return -1;
    make_head(s, head);
    segment_known(s);
    s->there = s->size;
    s->head_bad = s->id_bad = false;
    if (io->allocate(io->ctx, s->fd, (off_t)s->size) || io->write_synced(io->ctx, s->fd, &part, 1, 0)) {
        int error = errno;

        close(s->fd);
        s->fd = -1;
        errno = error;
        return -1;
    }
    return 0;
}

enum err segment_open(const struct disk_io *io, struct segment *s)
{
    uint8_t head[SEGMENT_HEAD] = {0};
    struct stat facts;

    s->used = true;
    s->fd = io->open(io->ctx, s->path, O_RDWR);
    if (s->fd < 0 || fstat(s->fd, &facts))
        return ERR_IO;
    if (pread(s->fd, head, sizeof head, 0) < 0)
        memset(head, 0, sizeof head); /* a sector that cannot be read */
    segment_head(head, s);
    if (s->head_bad)
        s->size = (uint64_t)facts.st_size & ~(uint64_t)7;
    s->there = (uint64_t)facts.st_size < s->size ? (uint64_t)facts.st_size : s->size;
    return OK;
}

bool segment_map(struct segment *s)
{
    assert(s->fd >= 0 && s->there <= s->size);
    void *map;

    if (s->map)
        return true;
    if (s->size > SIZE_MAX)
        return false;
    map = mmap(NULL, (size_t)s->size, PROT_READ, MAP_SHARED, s->fd, 0);
    if (map == MAP_FAILED)
        return false;
    if (!fault_region_add(map, (size_t)s->size, NULL)) {
        munmap(map, (size_t)s->size);
        errno = ENOMEM;
        return false;
    }
    s->map = map;
    return true;
}

void segment_unmap(struct segment *s)
{
    assert(!s->users || s->map);
    if (!s->map)
        return;
    fault_region_drop(s->map);
    munmap((void *)(uintptr_t)s->map, (size_t)s->size);
    s->map = NULL;
}

void segment_free(struct segment *s)
{
    if (!s)
        return;
    segment_unmap(s);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}
