/* The checkpoint: LMDB, and what a commit leaves that did not come to its end. */
#include "machine_inside.h"

#include "list.h"

#include <fcntl.h>
#include <unistd.h>

enum { PAGE = 4096 };

static struct machine *machine_of(struct state *s)
{
    return LIST_OF(s, struct machine, state);
}

static uint64_t state_of_place(struct state *s)
{
    return state_place(machine_of(s)->kept);
}

static enum err on_get(struct state *s, struct bytes key, struct buf *out)
{
    return state_get(machine_of(s)->kept, key, out);
}

static enum err on_each(struct state *s, struct bytes prefix, struct bytes after, state_visit *visit, void *ctx)
{
    return state_each(machine_of(s)->kept, prefix, after, visit, ctx);
}

static enum err on_pairs(struct state *s, struct bytes prefix, struct bytes beside, struct bytes after,
                         state_visit_pair *visit, void *ctx)
{
    return state_pairs(machine_of(s)->kept, prefix, beside, after, visit, ctx);
}

static enum err on_begin(struct state *s)
{
    return state_begin(machine_of(s)->kept);
}

static enum err on_put(struct state *s, struct bytes key, struct bytes value)
{
    return state_put(machine_of(s)->kept, key, value);
}

static enum err on_del(struct state *s, struct bytes key)
{
    return state_del(machine_of(s)->kept, key);
}

/* LMDB writes pages that no commit before uses, syncs them, and then one of its two first pages: some of the pages came
 * to the disk. */
static void mix_pages(struct machine *m)
{
    char path[PATH_ROOM];
    uint8_t page[PAGE];
    int old, new;

    path_to(m, m->life, "state", "data.mdb", path);
    MUST_HOLD((new = open(path, O_RDONLY | O_CLOEXEC)) >= 0);
    path_to(m, m->life + 1, "state", "data.mdb", path);
    MUST_HOLD((old = open(path, O_RDWR | O_CLOEXEC)) >= 0);
    for (off_t at = 2 * PAGE; pread(new, page, PAGE, at) == PAGE; at += PAGE)
        if (fate(m, 2))
            MUST_HOLD(pwrite(old, page, PAGE, at) == PAGE);
    close(old);
    close(new);
}

static enum err cut_commit(struct machine *m, uint64_t place)
{
    enum { BEFORE, BETWEEN, AFTER } when = (int)fate(m, 3);
    enum err e;

    make_life(m, m->life + 1);
    cut_log(m, m->waiting);
    copy_folder(m, "state");
    e = state_commit(m->kept, place);
    if (when == BETWEEN)
        mix_pages(m);
    else if (when == AFTER)
        copy_folder(m, "state");
    return e;
}

static enum err on_commit(struct state *s, uint64_t place)
{
    struct machine *m = machine_of(s);
    enum err e;

    pthread_mutex_lock(&m->files);
    if (!m->is_cut && m->countdown == 1) {
        m->countdown = 0;
        e = cut_commit(m, place);
    } else {
        m->countdown -= m->countdown > 0;
        e = state_commit(m->kept, place);
    }
    pthread_mutex_unlock(&m->files);
    return e;
}

static void on_abort(struct state *s)
{
    state_abort(machine_of(s)->kept);
}

static enum err on_reserve(struct state *s, uint64_t bytes)
{
    return state_reserve(machine_of(s)->kept, bytes);
}

static void on_close(struct state *s)
{
    (void)s;
}

const struct state_ops machine_state = {.place = state_of_place,
                                        .get = on_get,
                                        .each = on_each,
                                        .pairs = on_pairs,
                                        .begin = on_begin,
                                        .put = on_put,
                                        .del = on_del,
                                        .commit = on_commit,
                                        .abort = on_abort,
                                        .reserve = on_reserve,
                                        .close = on_close};
