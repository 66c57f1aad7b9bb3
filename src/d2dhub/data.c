#include "data.h"

#include "engines.h"
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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
    if ((e = lmdb_state_open(state, 0, &out->state))) {
        fprintf(stderr, "d2dhub: %s: %s\n", state, err_text(e));
        store_close(out->store);
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
