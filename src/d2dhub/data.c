#include "data.h"

#include "bond.h"
#include "disk_store.h"
#include "files.h"
#include "log.h"
#include "memory.h"
#include "room.h"
#include "state_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* Keys come from here: without random bytes there is no going on. */
void random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    while (len) {
        ssize_t n = getrandom(out, len, 0);

        if (n < 0 && errno != EINTR)
            abort();
        if (n > 0) {
            out += n;
            len -= (size_t)n;
        }
    }
}

bool data_exists(const struct config *c)
{
    static const char *const parts[] = {"log", "state/data.mdb"};
    char path[PATH_CAP];

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        config_path(c, parts[i], path);
        if (access(path, F_OK) == 0 || errno != ENOENT)
            return true;
    }
    return false;
}

enum { OUR_BITS = 8 * sizeof(void *) };

#define PUT_BACK                                                                                                       \
    ". The data is damaged, or parts of it are of another time. Nothing was changed: put back the whole folder from "  \
    "a "                                                                                                               \
    "copy that was made while the hub did not run, or from a backup (`d2dhub restore`); or save what is whole into a " \
    "new folder (`d2dhub repair`)"

#define REMEDY                                                                                                    \
    ". Nothing was changed: `d2dhub check --deep` lists what is damaged, `d2dhub restore` makes a folder from a " \
    "backup"

/* The checkpoint that is there gets out of the way: the log holds everything, and a new one is made from it. */
static enum err set_aside(const char *state, const char *what, const char *reason, char why[DATA_WHY_CAP])
{
    char name[STATE_ASIDE_CAP];

    if (lmdb_state_set_aside(state, what, name)) {
        snprintf(why, DATA_WHY_CAP, "%s/data.mdb: %s, and it cannot be renamed: %s", state, reason, strerror(errno));
        return ERR_IO;
    }
    log_event(LOG_WARN, "checkpoint-made-anew", KVS("folder", state), KVS("reason", reason), KVS("kept_as", name));
    return OK;
}

/* The checkpoint of a machine of another word size cannot be read here. Where the log still has it all, it makes a new
 * one; otherwise it can be carried over by hand. */
static enum err replace_foreign(const char *state, int bits, struct store *store, char why[DATA_WHY_CAP])
{
    char what[16], reason[64];

    if (!disk_store_is_whole(store)) {
        snprintf(why, DATA_WHY_CAP,
                 "%s: written on a %d-bit machine; this one is %d-bit and can only make it again from the log, whose "
                 "beginning is no longer kept. Convert it with mdb_dump and mdb_load (package lmdb-utils):\n  there: "
                 "mdb_dump -a state | sed 's/^mapsize=.*/mapsize=%llu/' >state.dump\n  here:  mv state state-%d-bit && "
                 "mkdir -m 700 state && mdb_load -f state.dump state",
                 state, bits, OUR_BITS, (unsigned long long)LMDB_MAP_DEFAULT, bits);
        return ERR_UNSUPPORTED;
    }
    snprintf(what, sizeof what, "%d-bit", bits);
    snprintf(reason, sizeof reason, "it was written on a %d-bit machine", bits);
    return set_aside(state, what, reason, why);
}

static enum err replace_damaged(const char *state, const char *reason, struct store *store, char why[DATA_WHY_CAP])
{
    char full[STATE_WHY_CAP + 32];

    if (!disk_store_is_whole(store)) {
        snprintf(why, DATA_WHY_CAP,
                 "%s/data.mdb is damaged: %s. It cannot be made again from the log, whose beginning is no longer "
                 "kept" REMEDY,
                 state, reason);
        return ERR_DAMAGED;
    }
    snprintf(full, sizeof full, "data.mdb is damaged: %s", reason);
    return set_aside(state, "damaged", full, why);
}

static enum err open_state(const char *state, struct state **out, char unfit[STATE_WHY_CAP], char why[DATA_WHY_CAP])
{
    enum err e = lmdb_state_open(state, memory_map_size(), out, unfit);

    if (e)
        snprintf(why, DATA_WHY_CAP, "%s/data.mdb: %s", state, unfit[0] ? unfit : err_text(e));
    return e;
}

/* From now on the checkpoint knows this log. */
static enum err bind(const char *state_folder, const char *log, struct state *state, struct store *store,
                     char why[DATA_WHY_CAP])
{
    char unfit[BOND_WHY_CAP];
    enum err e;

    if (!state_place(state) && !disk_store_is_whole(store)) {
        snprintf(why, DATA_WHY_CAP,
                 "%s is damaged: its data.mdb is missing or empty, and cannot be made again from the log, whose "
                 "beginning is no longer kept" REMEDY,
                 state_folder);
        return ERR_DAMAGED;
    }
    if ((e = bond_check(state, store, unfit)))
        snprintf(why, DATA_WHY_CAP, "%s and %s do not belong together: %s" PUT_BACK, state_folder, log,
                 unfit[0] ? unfit : err_text(e));
    else if ((e = bond_keep(state, store, store_first(store))))
        snprintf(why, DATA_WHY_CAP, "%s: %s", state_folder, err_text(e));
    return e;
}

/* The checkpoint comes first: it tells how far the log was on disk. One that cannot be used has no place to tell. */
static enum err open_both(const struct config *c, const char *state, const char *log, struct data *d,
                          char why[DATA_WHY_CAP])
{
    struct disk_options disk = {.folder = log, .segment_size = room_segment_size(c)};
    int bits = lmdb_state_bits(state);
    bool foreign = bits && bits != OUR_BITS;
    uint8_t id[STORE_ID];
    uint64_t first;
    char file[256] = "", unfit[STATE_WHY_CAP] = "";
    enum err e = foreign ? ERR_UNSUPPORTED : open_state(state, &d->state, unfit, why);

    if (e && !foreign && e != ERR_DAMAGED)
        return e;
    if (d->state) {
        disk.known = state_place(d->state);
        disk.id = bond_get(d->state, id, &first) ? NULL : id;
    }
    if ((e = disk_store_open(&disk, &d->store, file))) {
        snprintf(why, DATA_WHY_CAP, "%s: %s%s", log, file[0] ? file : err_text(e), e == ERR_DAMAGED ? PUT_BACK : "");
        return e;
    }
    if (!d->state &&
        ((e = foreign ? replace_foreign(state, bits, d->store, why) : replace_damaged(state, unfit, d->store, why)) ||
         (e = open_state(state, &d->state, unfit, why))))
        return e;
    return bind(state, log, d->state, d->store, why);
}

enum err data_open_stores(const struct config *c, struct data *out, char why[DATA_WHY_CAP])
{
    char log[PATH_CAP], state[PATH_CAP];
    enum err e;

    *out = (struct data){0};
    config_path(c, "log", log);
    config_path(c, "state", state);
    if ((e = folder_make(log, 0700)) || (e = folder_make(state, 0700))) {
        snprintf(why, DATA_WHY_CAP, "%s: the folder cannot be made: %s", c->data, strerror(errno));
        return e;
    }
    if ((e = open_both(c, state, log, out, why)))
        data_close_stores(out);
    return e;
}

void data_close_stores(struct data *d)
{
    store_close(d->store);
    state_close(d->state);
    *d = (struct data){0};
}

/* From the beginning, so that a hub that was just made starts on a disk that is full by then. Where there is none, the
 * log tells of it later. */
static void make_reserve(const struct config *c, struct state *state)
{
    struct disk_room room;

    if (room_look(c->data, &room) && state_reserve(state, room_for_state(&room)))
        log_event(LOG_WARN, "no-reserve", KVS("folder", c->data),
                  KVS("remedy", "free some space: on a full disk there are no checkpoints now"));
}

enum err data_open(const struct config *c, struct data *out)
{
    char why[DATA_WHY_CAP] = "";
    enum err e = data_open_stores(c, out, why);

    if (e) {
        fprintf(stderr, "d2dhub: %s\n", why);
        return e;
    }
    make_reserve(c, out->state);
    out->options = (struct hub_options){.store = out->store,
                                        .state = out->state,
                                        .random = random_bytes,
                                        .life = (c->lifecycle_events ? LIFE_IDENTITIES : 0U) |
                                                (c->connection_events ? LIFE_CONNECTIONS : 0U) |
                                                (c->twin_events ? LIFE_TWINS : 0U) | (c->job_events ? LIFE_JOBS : 0U),
                                        .retention_ms = c->retention_ms,
                                        .retention_bytes = c->retention_size,
                                        .ceilings = {.device_messages = (uint64_t)c->device_messages_per_second,
                                                     .device_bytes = c->device_bytes_per_day,
                                                     .hub_messages = (uint64_t)c->hub_messages_per_second,
                                                     .hub_bytes = c->hub_bytes_per_day},
                                        .twin_bytes = (uint32_t)c->twin_size,
                                        .c2d = {.depth = (unsigned)c->c2d_depth,
                                                .ttl_ms = c->c2d_ttl,
                                                .deliveries = (unsigned)c->c2d_deliveries,
                                                .feedback_ttl_ms = c->feedback_ttl,
                                                .feedback_deliveries = (unsigned)c->feedback_deliveries}};
    random_bytes(NULL, (uint8_t *)&out->options.hash_seed, sizeof out->options.hash_seed);
    return OK;
}
