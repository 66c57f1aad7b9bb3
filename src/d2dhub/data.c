#include "data.h"

#include "engines.h"
#include "files.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t now_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t monotonic_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

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
    char log[PATH_CAP];

    config_path(c, "log", log);
    return access(log, F_OK) == 0 || errno != ENOENT;
}

enum { OUR_BITS = 8 * sizeof(void *) };

/* The checkpoint of a machine of another word size cannot be read here. Where the log still has it all, it makes a new one;
 * otherwise it can be carried over by hand. */
static enum err replace_foreign(const char *state, int bits, struct store *store)
{
    if (!disk_store_is_whole(store)) {
        fprintf(stderr,
                "d2dhub: %s: written on a %d-bit machine; this one is %d-bit and could only make it anew from the log, "
                "which no "
                "longer reaches back to its beginning. It can be carried over with mdb_dump and mdb_load (package "
                "lmdb-utils):\n"
                "  there: mdb_dump -a state | sed 's/^mapsize=.*/mapsize=%llu/' >state.dump\n"
                "  here:  mv state state-%d-bit && mkdir -m 700 state && mdb_load -f state.dump state\n",
                state, bits, OUR_BITS, (unsigned long long)LMDB_MAP_DEFAULT, bits);
        return ERR_UNSUPPORTED;
    }
    if (lmdb_state_drop(state)) {
        fprintf(stderr, "d2dhub: %s: written on a %d-bit machine, and cannot be removed: %m\n", state, bits);
        return ERR_IO;
    }
    log_event(LOG_WARN, "checkpoint-made-anew", KVS("folder", state), KVN("written_with_bits", (uint64_t)bits));
    return OK;
}

static enum err open_state(const char *state, struct store *store, struct state **out)
{
    int bits = lmdb_state_bits(state);
    enum err e;

    if (bits && bits != OUR_BITS && (e = replace_foreign(state, bits, store)))
        return e;
    if ((e = lmdb_state_open(state, 0, out))) {
        fprintf(stderr, "d2dhub: %s: %s\n", state, err_text(e));
        return e;
    }
    if (!state_place(*out) && !disk_store_is_whole(store)) {
        fprintf(
            stderr,
            "d2dhub: %s: the checkpoint is missing, and the log no longer reaches back to its beginning: put back the "
            "folder that belongs to the log\n",
            state);
        state_close(*out);
        return ERR_DAMAGED;
    }
    return OK;
}

enum err data_open(const struct config *c, struct data *out)
{
    char log[PATH_CAP], state[PATH_CAP], why[256] = "";
    struct disk_options disk = {.folder = log, .segment_size = c->segment_size};
    enum err e;

    *out = (struct data){0};
    config_path(c, "log", log);
    config_path(c, "state", state);
    if ((e = folder_make(log, 0700)) || (e = folder_make(state, 0700))) {
        fprintf(stderr, "d2dhub: %s: the folder cannot be made: %m\n", c->data);
        return e;
    }
    if ((e = disk_store_open(&disk, &out->store, why))) {
        fprintf(stderr, "d2dhub: %s: %s%s%s\n", log, err_text(e), why[0] ? ": " : "", why);
        return e;
    }
    if ((e = open_state(state, out->store, &out->state))) {
        store_close(out->store);
        *out = (struct data){0};
        return e;
    }
    out->options = (struct hub_options){.store = out->store,
                                        .state = out->state,
                                        .random = random_bytes,
                                        .retention_ms = c->retention_ms,
                                        .retention_bytes = c->retention_size,
                                        .c2d = {.depth = (unsigned)c->c2d_depth,
                                                .ttl_ms = c->c2d_ttl,
                                                .deliveries = (unsigned)c->c2d_deliveries,
                                                .feedback_ttl_ms = c->feedback_ttl,
                                                .feedback_deliveries = (unsigned)c->feedback_deliveries}};
    random_bytes(NULL, (uint8_t *)&out->options.hash_seed, sizeof out->options.hash_seed);
    return OK;
}
