#include "machine_inside.h"

#include "bond.h"
#include "disk.h"
#include "state_open.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t seed_now;

void machine_must(bool holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "again with D2D_SEED=%llu: %s:%d: %s does not hold\n", (unsigned long long)seed_now, file, line,
            what);
    abort();
}

uint64_t machine_random(struct machine *m, uint64_t below)
{
    m->chance = m->chance * 6364136223846793005ULL + 1442695040888963407ULL;
    return (m->chance >> 33) % below;
}

/* ---- the log's thread ------------------------------------------------------------------------------------------ */

static bool at_rest(struct machine *m)
{
    struct disk *d = disk_of(m->store);
    bool rests;

    mutex_lock(&d->tail);
    rests = !d->open->len && d->next && store_durable(m->store) == d->end;
    mutex_unlock(&d->tail);
    return rests;
}

static bool at_gate(struct machine *m)
{
    bool waits;

    pthread_mutex_lock(&m->files);
    waits = m->waits && !m->permits && !m->open;
    pthread_mutex_unlock(&m->files);
    return waits;
}

static void pause_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

void machine_settle(struct machine *m)
{
    while (!at_gate(m) && !at_rest(m))
        pause_a_little();
}

static void let(struct machine *m, bool open, unsigned permits)
{
    pthread_mutex_lock(&m->files);
    m->open = open;
    m->permits = permits;
    pthread_cond_broadcast(&m->gate);
    pthread_mutex_unlock(&m->files);
}

void machine_write(struct machine *m)
{
    if (!at_gate(m))
        return;
    let(m, false, 1);
    machine_settle(m);
}

void machine_rest(struct machine *m)
{
    let(m, true, 0);
    while (!at_rest(m))
        pause_a_little();
    let(m, false, 0);
}

void machine_make_room(struct machine *m)
{
    struct disk *d = disk_of(m->store);
    bool tight;

    mutex_lock(&d->tail);
    tight = !d->next && d->last->base + d->last->size - d->end < OP_MAX;
    mutex_unlock(&d->tail);
    if (tight)
        machine_rest(m);
}

/* A caller that waits for the disk waits for one write after the other. */
static enum err sync_to(struct store *s, uint64_t at)
{
    struct machine *m = s->grew_ctx;

    machine_settle(m);
    while (store_durable(s) <= at && at < store_end(s))
        machine_write(m);
    return OK;
}

/* ---- lives ----------------------------------------------------------------------------------------------------- */

static void grew(void *ctx)
{
    struct machine *m = ctx;
    struct hub *h = atomic_load(&m->hub);

    if (h)
        hub_grew(h);
}

static void open_state(struct machine *m)
{
    char path[PATH_ROOM], why[STATE_WHY_CAP] = "";
    enum err e;

    path_to(m, m->life, "state", "", path);
    if ((e = lmdb_state_open(path, 64 << 20, &m->kept, why)))
        fprintf(stderr, "%s: %s\n", err_name(e), why);
    MUST_HOLD(!e);
}

static void open_log(struct machine *m)
{
    struct disk_options o = {.segment_size = m->segment_size, .tail_max = 256 << 10};
    char path[PATH_ROOM], why[256] = "";
    uint8_t id[STORE_ID];
    uint64_t first;
    struct gap g;
    struct store *s;
    enum err e;

    path_to(m, m->life, "log", "", path);
    o.folder = path;
    o.known = state_place(m->kept);
    o.id = bond_get(m->kept, id, &first) ? NULL : id;
    if ((e = disk_store_open_on(&o, &m->io, &s, why)))
        fprintf(stderr, "%s: %s\n", err_name(e), why);
    MUST_HOLD(!e);
    MUST_HOLD(!store_gap(s, 0, &g));
    MUST_HOLD(store_end(s) >= m->promised);
    s->grew = grew;
    s->grew_ctx = m;
    m->store_ops = *s->ops;
    m->store_ops.sync = sync_to;
    s->ops = &m->store_ops;
    pthread_mutex_lock(&m->files);
    m->store = s;
    pthread_mutex_unlock(&m->files);
}

/* As d2dhub does it. */
static void open_stores(struct machine *m)
{
    char why[BOND_WHY_CAP];
    enum err e;

    open_state(m);
    open_log(m);
    if ((e = bond_check(&m->state, m->store, why)))
        fprintf(stderr, "%s: %s\n", err_name(e), why);
    MUST_HOLD(!e);
    MUST_HOLD(bond_keep(&m->state, m->store, store_first(m->store)) == OK);
    m->options.store = m->store;
    m->options.state = &m->state;
    machine_rest(m);
}

static void open_hub(struct machine *m)
{
    struct hub *h = NULL;
    enum err e = hub_open(&m->options, &h);

    if (e)
        fprintf(stderr, "%s\n", err_name(e));
    MUST_HOLD(!e);
    atomic_store(&m->hub, h);
}

static void close_all(struct machine *m)
{
    let(m, true, 0);
    store_close(m->store);
    m->store = NULL;
    hub_close(atomic_exchange(&m->hub, NULL));
    state_close(m->kept);
    m->open = false;
}

void machine_cut_soon(struct machine *m, unsigned events)
{
    pthread_mutex_lock(&m->files);
    if (!m->is_cut)
        m->countdown = events;
    pthread_mutex_unlock(&m->files);
}

void machine_cut(struct machine *m)
{
    pthread_mutex_lock(&m->files);
    m->countdown = 0;
    if (!m->is_cut)
        cut_all(m, m->waiting);
    pthread_mutex_unlock(&m->files);
}

bool machine_is_cut(struct machine *m)
{
    bool was;

    pthread_mutex_lock(&m->files);
    was = m->is_cut;
    pthread_mutex_unlock(&m->files);
    return was;
}

static void go_on_from_cut(struct machine *m)
{
    close_all(m);
    if (m->is_cut)
        remove_life(m, m->life++);
    m->is_cut = false;
}

void machine_start_again(struct machine *m)
{
    bool again = true;

    while (again) {
        go_on_from_cut(m);
        m->countdown = machine_random(m, 3) ? 0 : 1 + (unsigned)machine_random(m, 12);
        open_stores(m);
        open_hub(m);
        pthread_mutex_lock(&m->files);
        m->countdown = 0;
        pthread_mutex_unlock(&m->files);
        again = machine_is_cut(m);
    }
}

/* Of what a cut leaves of a hub in the making another one can be made, or it is there. */
static void make_hub(struct machine *m)
{
    bool begun = false;

    for (;; begun = true) {
        struct hub_birth birth = {.name = "hub.test", .partitions = 4};
        enum err e;

        machine_cut_soon(m, machine_random(m, 2) ? 0 : 1 + (unsigned)machine_random(m, 6));
        e = hub_init(&m->options, &birth, 1767225600000);
        MUST_HOLD(!e || (begun && e == ERR_EXISTS));
        machine_cut_soon(m, 0);
        if (!machine_is_cut(m))
            return;
        go_on_from_cut(m);
        open_stores(m);
    }
}

static void random_bytes(void *ctx, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)machine_random(ctx, 256);
}

void machine_on(struct machine *m, uint64_t seed)
{
    const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    char path[PATH_ROOM];

    m->seed = m->chance = m->fates = seed_now = seed;
    for (int i = 0; i < 3; i++)
        machine_random(m, 2);
    m->segment_size = (24 << 10) + 512 * machine_random(m, 64);
    m->main = pthread_self();
    pthread_mutex_init(&m->files, NULL);
    pthread_cond_init(&m->gate, NULL);
    m->state.ops = &machine_state;
    m->io = machine_io;
    m->io.ctx = m;
    snprintf(m->base, sizeof m->base, "%s/d2d-machine-XXXXXX", memory);
    MUST_HOLD(mkdtemp(m->base));
    snprintf(path, sizeof path, "%s/stash", m->base);
    MUST_HOLD(mkdir(path, 0700) == 0);
    make_life(m, 0);
    m->options.hash_seed = seed;
    m->options.random = random_bytes;
    m->options.random_ctx = m;
    open_stores(m);
    make_hub(m);
    open_hub(m);
}

void machine_off(struct machine *m)
{
    char path[PATH_ROOM];

    close_all(m);
    remove_life(m, m->life);
    if (m->is_cut)
        remove_life(m, m->life + 1);
    for (size_t i = 0; i < m->n_unsynced; i++)
        write_free(&m->unsynced[i]);
    snprintf(path, sizeof path, "%s/stash", m->base);
    remove_folder(path);
    rmdir(m->base);
    pthread_cond_destroy(&m->gate);
    pthread_mutex_destroy(&m->files);
}
