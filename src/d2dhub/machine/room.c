#include "room.h"

#include <sys/statvfs.h>

enum {
    LOG_PART = 2,      /* of the disk: half of it */
    MARGIN_PART = 10,  /* of the disk: so much stays free for others, */
    DEVICE_PART = 4,   /* of the log: what one device may send in a day, so that the rest is left to the others */
    STATE_PART = 32,   /* of the disk: the reserve of the checkpoint, */
    MAIL_PART = 4,     /* of that: what comes between two checkpoints, whose pages are half full at worst */
    SEGMENT_PART = 64, /* of the disk: a file of the log */
    FILES_READY = 3,   /* the reserve, the next file, and one that is ready when that is used */
    FILES_TIGHT = 8
};
#define MARGIN_MAX (4ULL << 30) /* but not more than this, */
#define STATE_LEAST (64ULL << 10)
#define STATE_MAX (64ULL << 20) /* nor this */
#define SEGMENT_MAX (64ULL << 20)
#define SEGMENT_LEAST (1ULL << 20) /* a record of RECORD_LEN_MAX fits */
#define DEVICE_LEAST (16ULL << 20)

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

bool room_look(const char *folder, struct disk_room *out)
{
    struct statvfs fs;

    if (statvfs(folder, &fs) || !fs.f_blocks)
        return false;
    out->disk = (uint64_t)fs.f_blocks * fs.f_frsize;
    out->left = (uint64_t)fs.f_bavail * fs.f_frsize;
    return true;
}

uint64_t room_segment_size(const struct config *c)
{
    uint64_t size = SEGMENT_MAX;
    struct disk_room room;

    if (c->segment_size)
        return c->segment_size;
    if (!room_look(c->data, &room))
        return size;
    while (size > SEGMENT_LEAST && size > room.disk / SEGMENT_PART)
        size /= 2;
    return size;
}

static uint64_t margin_of(const struct disk_room *room)
{
    return smaller(room->disk / MARGIN_PART, MARGIN_MAX);
}

uint64_t room_for_log(const struct disk_room *room, const struct store_space *space)
{
    uint64_t margin = margin_of(room), ready = FILES_READY * space->file;
    uint64_t grows = room->left > margin ? room->left - margin : 0;
    uint64_t all = smaller(room->disk / LOG_PART, space->held + grows);

    return all > ready + space->file ? all - ready : space->file;
}

uint64_t room_for_state(const struct disk_room *room)
{
    return larger(STATE_LEAST, smaller(room->disk / STATE_PART, STATE_MAX));
}

void room_share(const struct config *c, const struct disk_room *room, const struct store_space *space,
                struct hub_space *out)
{
    uint64_t log = c->retention_size ? c->retention_size : room_for_log(room, space);
    uint64_t margin = margin_of(room);

    out->log_bytes = log;
    out->state_bytes = room_for_state(room);
    out->mail_bytes = (out->state_bytes + (room->left > margin ? room->left - margin : 0)) / MAIL_PART;
    out->device_bytes = c->device_bytes_per_day ? c->device_bytes_per_day : larger(log / DEVICE_PART, DEVICE_LEAST);
}

bool room_is_tight(const struct disk_room *room, const struct store_space *space)
{
    return room->left < margin_of(room) + FILES_TIGHT * space->file ||
           space->log + FILES_TIGHT * space->file > room_for_log(room, space);
}
