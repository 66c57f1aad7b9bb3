/* The kill test's work on a data folder while no hub runs: kill9_store add DATA ID… makes devices and prints "id
 * key"; kill9_store events DATA prints "id body" of every event in the log, partition by partition, in their order. */
#include "disk_store.h"
#include "hub.h"
#include "state_open.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static void random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    if (getrandom(out, len, 0) != (ssize_t)len)
        abort();
}

static int64_t now_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

static bool add(struct hub *hub, struct store *store, const char *id)
{
    struct device wanted = {0}, made;
    struct buf key = buf_max(KEY_TEXT_MAX + 1);
    uint64_t at;
    bool added;

    snprintf(wanted.id, sizeof wanted.id, "%s", id);
    added = !hub_device_put(hub, &wanted, (struct match){.how = MATCH_NONE, .etag = NO_BYTES}, now_ms(), &made, &at) &&
            !store_sync(store, at);
    if (added) {
        buf_put_base64(&key, bytes_of(made.primary.at, made.primary.len));
        printf("%s %s\n", id, buf_str(&key));
    }
    buf_free(&key);
    return added;
}

/* The body is the last section, and the driver makes it "<number": all behind the last "<" is the number. */
static void print_body(struct bytes sections)
{
    size_t from = sections.len;

    while (from && sections.at[from - 1] != '<')
        from--;
    printf("%.*s\n", (int)(sections.len - from), (const char *)sections.at + from);
}

static void no_wake(struct waker *w)
{
    (void)w;
}

static bool events(struct hub *hub)
{
    for (unsigned i = 0; i < hub_partitions(hub); i++) {
        struct waker waker = {no_wake};
        struct read_options options = {
            .group = BYTES("$Default"), .partition = i, .position = {.from = FROM_EARLIEST}, .waker = &waker};
        struct reader *reader;
        struct event event;
        enum err e;

        if (hub_reader_open(hub, &options, NULL, &reader))
            return false;
        while (!(e = hub_read(reader, &event)) || e == ERR_BUSY) {
            if (e)
                continue;
            printf("%.*s ", (int)event.device.len, (const char *)event.device.at);
            print_body(event.sections);
        }
        hub_reader_close(reader);
        if (e != ERR_NOT_FOUND)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    char log[4096], state[4096], why[256] = "";
    struct disk_options disk = {.folder = log};
    struct hub_options options = {.random = random_bytes, .hash_seed = 1};
    struct hub *hub = NULL;
    bool good = true;
    enum err e;

    if (argc < 3)
        return 2;
    snprintf(log, sizeof log, "%s/log", argv[2]);
    snprintf(state, sizeof state, "%s/state", argv[2]);
    if ((e = disk_store_open(&disk, &options.store, why)) || (e = lmdb_state_open(state, 0, &options.state, why)) ||
        (e = hub_open(&options, &hub))) {
        fprintf(stderr, "%s: %s %s\n", argv[2], err_text(e), why);
        return 1;
    }
    if (strcmp(argv[1], "add") == 0)
        for (int i = 3; good && i < argc; i++)
            good = add(hub, options.store, argv[i]);
    else
        good = events(hub);
    store_close(options.store);
    hub_close(hub);
    state_close(options.state);
    return good ? 0 : 1;
}
