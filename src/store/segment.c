#include "segment.h"

#include "ceilings.h"
#include "crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

static uint32_t frame_crc(uint64_t base, const uint8_t *frame, size_t len)
{
    uint8_t start[8];

    put_le(start, base, 8);
    return crc32c(crc32c(0, bytes_of(start, sizeof start)), bytes_of(frame + 4, FRAME_HEAD - 4 + len));
}

void frame_seal(uint8_t *to, const struct segment *s, const struct frame *f)
{
    size_t whole = (size_t)frame_size(f->len);

    memset(to + FRAME_HEAD + f->len, 0, whole - FRAME_HEAD - f->len);
    put_le(to + 4, f->len, 4);
    put_le(to + 8, f->place, 8);
    to[16] = f->kind;
    to[17] = f->flags;
    put_le(to + 18, f->lane, 2);
    put_le(to + 20, 0, 4);
    put_le(to, frame_crc(s->base, to, f->len), 4);
}

bool frame_of(uint64_t base, uint64_t place, struct bytes from, struct frame *out)
{
    const uint8_t *at = from.at;

    if (place < base + SEGMENT_HEAD || (place - base) % 8 || from.len < FRAME_HEAD)
        return false;
    out->len = (uint32_t)get_le(at + 4, 4);
    out->place = get_le(at + 8, 8);
    if (out->place != place || out->len > RECORD_LEN_MAX || frame_size(out->len) > from.len)
        return false;
    if (frame_crc(base, at, out->len) != get_le(at, 4))
        return false;
    out->kind = at[16];
    out->flags = at[17];
    out->lane = (uint16_t)get_le(at + 18, 2);
    out->body = at + FRAME_HEAD;
    out->next = place + frame_size(out->len);
    return true;
}

bool frame_at(const struct segment *s, uint64_t place, struct frame *out)
{
    uint64_t offset = place - s->base;

    return offset < s->size && frame_of(s->base, place, bytes_of(s->map + offset, (size_t)(s->size - offset)), out);
}

bool frame_claims(const struct segment *s, uint64_t place)
{
    uint64_t offset = place - s->base;

    return offset + FRAME_HEAD <= s->size && get_le(s->map + offset + 8, 8) == place;
}

static void make_head(const struct segment *s, uint8_t head[SEGMENT_HEAD])
{
    memset(head, 0, SEGMENT_HEAD);
    memcpy(head, MAGIC, sizeof MAGIC);
    put_le(head + 8, s->base, 8);
    put_le(head + 16, s->size, 8);
    put_le(head + 24, s->has_id, 4);
    put_le(head + 28, crc32c(0, bytes_of(head, 28)), 4);
    if (!s->has_id)
        return;
    memcpy(head + 32, s->id, STORE_ID);
    put_le(head + 48, crc32c(0, bytes_of(s->id, STORE_ID)), 4);
}

int segment_make(const struct disk_io *io, struct segment *s)
{
    uint8_t head[SEGMENT_HEAD];
    struct iovec part = {head, sizeof head};

    s->fd = io->open(io->ctx, s->path, O_RDWR | O_CREAT);
    if (s->fd < 0)
        return -1;
    make_head(s, head);
    if (io->allocate(io->ctx, s->fd, (off_t)s->size) || io->write_synced(io->ctx, s->fd, &part, 1, 0)) {
        int error = errno;

        close(s->fd);
        s->fd = -1;
        errno = error;
        return -1;
    }
    return 0;
}

enum err segment_head(const uint8_t head[SEGMENT_HEAD], struct segment *s)
{
    uint8_t wanted[SEGMENT_HEAD];

    s->size = get_le(head + 16, 8);
    s->has_id = get_le(head + 24, 4) != 0;
    memcpy(s->id, head + 32, STORE_ID);
    make_head(s, wanted);
    return memcmp(head, wanted, SEGMENT_HEAD) || s->size < SEGMENT_HEAD + FRAME_HEAD || s->size % 8 ? ERR_DAMAGED : OK;
}

enum err segment_open(const struct disk_io *io, struct segment *s)
{
    uint8_t head[SEGMENT_HEAD];
    struct stat facts;

    s->fd = io->open(io->ctx, s->path, O_RDWR);
    if (s->fd < 0)
        return ERR_IO;
    if (pread(s->fd, head, sizeof head, 0) != (ssize_t)sizeof head || fstat(s->fd, &facts))
        return ERR_DAMAGED;
    return segment_head(head, s) || (uint64_t)facts.st_size < s->size ? ERR_DAMAGED : OK;
}

bool segment_map(struct segment *s)
{
    void *map;

    if (s->map)
        return true;
    if (s->size > SIZE_MAX)
        return false;
    map = mmap(NULL, (size_t)s->size, PROT_READ, MAP_SHARED, s->fd, 0);
    if (map == MAP_FAILED)
        return false;
    s->map = map;
    return true;
}

void segment_unmap(struct segment *s)
{
    if (s->map)
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
