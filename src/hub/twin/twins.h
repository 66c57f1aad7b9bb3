/* Twins in memory. Under the shard's lock: all of it that is of an identity. They come there when somebody asks for one
 * and go when others need the room; what the checkpoint does not know yet stays. */
#pragma once

#include "core.h"

struct twin {
    struct twin_room *room;
    uint64_t changed_at; /* the place of the last record that changed it; 0: not since it was read */
    uint64_t desired_at; /* of the last one that changed what is desired */
    size_t len, cap;
    uint8_t run[]; /* twin_run.h */
};

/* The twins of a shard. */
struct twin_room {
    struct hub *hub;
    size_t bytes;       /* in memory */
    size_t hand;        /* where to look next for one that may go */
    struct buf scratch; /* the run that is being made */
};

enum { TWIN_LOOKS = 32 }; /* identities that twins_make_room() looks at, at most */

struct twins {
    uint32_t limit[TWIN_PARTS]; /* bytes of a section */
    _Atomic uint64_t bytes;     /* of all rooms */
    struct twin_room rooms[SHARDS];
    struct twin_index *index;
};

extern const struct part twin_part;

/* It is there when this succeeds, also where nobody has written it yet. */
enum err twin_get(struct hub *h, struct shard *s, struct identity *i, struct twin **out) MUST_CHECK;
/* The run in a value of the checkpoint; empty: it is of another device, which had that name before. */
enum err twin_of_value(const struct device *d, struct bytes value, struct bytes *run) MUST_CHECK;
/* The checkpoint's twin, behind nothing in `value`; *run is empty if it has none of this device. */
enum err twin_read(struct hub *h, const struct device *d, struct buf *value, struct bytes *run) MUST_CHECK;
/* Of hub_twin_copy(): the same under the lock. */
enum err twin_copy(struct hub *h, const struct shard *s, struct bytes id, struct buf *run, struct device *device,
                   uint64_t *at) MUST_CHECK;
/* Room for a run of so many bytes, so that what follows cannot fail; what is there stays, but may move. */
enum err twin_reserve(struct hub *h, struct shard *s, struct identity *i, size_t len) MUST_CHECK;
/* It becomes this one, for which there is room. */
void twin_become(struct hub *h, struct shard *s, struct identity *i, struct bytes run);
void twin_leave_memory(struct identity *i);
/* The checkpoint does not know it as it is. */
bool twin_is_dirty(const struct twin *t);
/* Some of those that the checkpoint knows go, if the shard has more than TWINS_IDLE. */
void twins_make_room(struct hub *h, struct shard *s);

struct twin_room *twin_room_of(struct hub *h, const struct shard *s);

static inline struct bytes twin_run(const struct twin *t)
{
    return bytes_of(t->run, t->len);
}

/* Of its value in the checkpoint: u64 generation, run. A value of another generation is of a device that is gone. */
struct bytes twin_key(char out[STATE_KEY_MAX], struct bytes id);
uint64_t generation_of(const struct device *d);
