/* How much of the disk a hub takes: of the file system on which its data folder is, looked at again and again, for
 * others fill it too. */
#pragma once

#include "config.h"
#include "hub.h"
#include "store.h"

struct disk_room {
    uint64_t disk; /* bytes of the file system */
    uint64_t left; /* of them free for us */
};

/* False: it cannot be known. */
bool room_look(const char *folder, struct disk_room *out);
/* The size of the log's files, where it is not configured. */
uint64_t room_segment_size(const struct config *);
/* Space that the log may take, where none is configured: at most half of the disk, and of what is free all but a
 * margin. It does not get less because others take more: then the oldest of it is written again. */
uint64_t room_for_log(const struct disk_room *, const struct store_space *);
/* The reserve of the checkpoint. */
uint64_t room_for_state(const struct disk_room *);
/* All that follows from both. */
void room_share(const struct config *, const struct disk_room *, const struct store_space *, struct hub_space *out);
/* So little is left that the checkpoints have to follow closely. */
bool room_is_tight(const struct disk_room *, const struct store_space *);
