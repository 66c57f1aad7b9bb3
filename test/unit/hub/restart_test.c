/* Random changes, checkpoints at random moments (with changes in the middle of them), power cuts at random places; then
 * the hub must know exactly what the surviving part of the log says. The model is a list of what was answered, with its
 * place. */
#include "birth.h"
#include "event.h"
#include "group.h"
#include "hub_world.h"
#include "partition.h"
#include "policy.h"
#include "registry.h"
#include "session.h"

#include <stdlib.h>

/* Devices from PLAIN on are modules of the first ones. */
enum { DEVICES = 14, PLAIN = 8, GROUPS = 5, CHANGES_MAX = 4096 };

enum what { PUT, GONE, SESSION, GROUPS_ARE, EVENT };

struct change {
    uint64_t at;
    enum what what;
    unsigned who; /* device */
    struct device device;
    bool has_session;
    struct session session;
    bool groups[GROUPS];
};

static struct world w;
static struct change changes[CHANGES_MAX];
static size_t n_changes;

/* The truth that all changes come to. */
struct truth {
    bool there[DEVICES], has_session[DEVICES], groups[GROUPS];
    struct device device[DEVICES];
    struct session session[DEVICES];
};

static unsigned device_of(unsigned who)
{
    return who < PLAIN ? who : who % 3;
}

static struct truth truth_now(void)
{
    struct truth t = {0};

    for (size_t i = 0; i < n_changes; i++) {
        const struct change *c = &changes[i];

        switch (c->what) {
        case PUT:
            t.there[c->who] = true;
            t.device[c->who] = c->device;
            break;
        case GONE:
            for (unsigned who = 0; who < DEVICES; who++)
                if (who == c->who || device_of(who) == c->who)
                    t.there[who] = t.has_session[who] = false;
            break;
        case SESSION:
            t.has_session[c->who] = c->has_session;
            t.session[c->who] = c->session;
            break;
        case GROUPS_ARE:
            memcpy(t.groups, c->groups, sizeof t.groups);
            break;
        case EVENT:
            break;
        }
    }
    return t;
}

static void name_of(unsigned who, char out[16])
{
    if (who < PLAIN)
        snprintf(out, 16, "d%02u", who);
    else
        snprintf(out, 16, "d%02u/m%02u", device_of(who), who);
}

static struct change *change_new(enum what what, unsigned who, uint64_t at)
{
    struct change *c = &changes[n_changes++];

    CHECK(n_changes < CHANGES_MAX);
    *c = (struct change){.what = what, .who = who, .at = at};
    return c;
}

static void forget_volatile(struct device *d)
{
    d->connected = false;
    d->connection_ms = d->activity_ms = 0;
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

static void put_some(unsigned who)
{
    struct truth t = truth_now();
    struct device d, made;
    char id[16];
    uint64_t at;
    enum err e;

    name_of(who, id);
    d = t.there[who] ? t.device[who] : device_named(id);
    d.disabled = who < PLAIN && world_below(&w, 4) == 0;
    if (world_below(&w, 3) == 0)
        d.primary.len = 0;
    snprintf(d.reason, sizeof d.reason, "r%u", world_below(&w, 1000));
    e = hub_device_put(w.hub, &d, (struct match){.how = t.there[who] ? MATCH_ANY : MATCH_NONE}, w.now_ms, &made, &at);
    CHECK_ERR(e, t.there[device_of(who)] || t.there[who] || who < PLAIN ? OK : ERR_NOT_FOUND);
    if (e)
        return;
    forget_volatile(&made);
    change_new(PUT, who, at)->device = made;
}

static void drop_some(unsigned who)
{
    struct truth t = truth_now();
    char id[16];
    uint64_t at;
    enum err e;

    name_of(who, id);
    e = hub_device_delete(w.hub, bytes_str(id), (struct match){.how = MATCH_ANY}, w.now_ms, &at);
    CHECK_ERR(e, t.there[who] ? OK : ERR_NOT_FOUND);
    if (!e)
        change_new(GONE, who, at);
}

static void sit_and_do(unsigned who, bool send)
{
    struct truth t = truth_now();
    struct bell bell = bell_new();
    struct session wishes = {.wants = {(uint8_t)world_below(&w, 3), (uint8_t)world_below(&w, 3)}};
    bool keeps = world_below(&w, 3) > 0;
    struct seat *seat;
    uint64_t at;
    char id[16];
    enum err e;

    name_of(who, id);
    e = hub_attach(w.hub, bytes_str(id), NO_BYTES, PROOF_DEVICE_SAS, &bell.waker, w.now_ms, &seat);
    CHECK_ERR(e, !t.there[who] ? ERR_NOT_FOUND : t.device[device_of(who)].disabled ? ERR_DISABLED : OK);
    if (e)
        return;
    if (send) {
        at = world_send(&w, seat, id);
        change_new(EVENT, who, at);
    } else {
        CHECK_OK(hub_session_set(seat, keeps ? &wishes : NULL, &at));
        if (at) {
            struct change *c = change_new(SESSION, who, at);

            c->has_session = keeps;
            c->session = keeps ? wishes : (struct session){0};
        }
    }
    hub_detach(seat, w.now_ms);
}

static void group_some(unsigned g)
{
    struct truth t = truth_now();
    struct change *c;
    char name[16];
    uint64_t at;

    snprintf(name, sizeof name, "group%u", g);
    if (t.groups[g])
        CHECK_OK(hub_group_del(w.hub, bytes_str(name), &at));
    else
        CHECK_OK(hub_group_add(w.hub, bytes_str(name), &at));
    c = change_new(GROUPS_ARE, 0, at);
    memcpy(c->groups, t.groups, sizeof t.groups);
    c->groups[g] = !t.groups[g];
}

static void change_some(void)
{
    unsigned who = world_below(&w, DEVICES), dice = world_below(&w, 10);

    w.now_ms += world_below(&w, 3);
    if (dice < 3)
        put_some(who);
    else if (dice < 5)
        drop_some(who);
    else if (dice < 6)
        group_some(world_below(&w, GROUPS));
    else
        sit_and_do(who, dice < 9);
}

/* ---- checkpoints with changes in the middle of them ------------------------------------------------------------ */

static const struct state_ops *real;
static struct state_ops hooked;
static bool commit_fails;

static enum err hooked_put(struct state *s, struct bytes key, struct bytes value)
{
    while (world_below(&w, 3) == 0)
        change_some();
    return real->put(s, key, value);
}

static enum err hooked_commit(struct state *s, uint64_t place)
{
    /* Words that are about to be said must be durable already: the power may go right behind it. */
    CHECK(place <= store_durable(w.store));
    if (!commit_fails)
        return real->commit(s, place);
    real->abort(s);
    return ERR_DISK_FULL;
}

static void checkpoint(void)
{
    enum err e;

    commit_fails = world_below(&w, 4) == 0;
    e = hub_checkpoint(w.hub, w.now_ms);
    CHECK(e == OK || (commit_fails && e == ERR_DISK_FULL));
}

static void hook(void)
{
    real = w.state->ops;
    hooked = *real;
    hooked.put = hooked_put;
    hooked.commit = hooked_commit;
    w.state->ops = &hooked;
}

/* ---- comparing ------------------------------------------------------------------------------------------------- */

static void check_device(const struct truth *t, unsigned who)
{
    struct bell bell = bell_new();
    struct session got = {0};
    struct seat *seat;
    struct device d;
    char id[16];
    enum err e;

    name_of(who, id);
    e = hub_device_get(w.hub, bytes_str(id), &d);
    CHECK_ERR(e, t->there[who] ? OK : ERR_NOT_FOUND);
    if (e)
        return;
    forget_volatile(&d);
    CHECK(strcmp(d.etag, t->device[who].etag) == 0 && strcmp(d.generation, t->device[who].generation) == 0);
    CHECK(strcmp(d.reason, t->device[who].reason) == 0 && d.disabled == t->device[who].disabled);
    CHECK(d.status_ms == t->device[who].status_ms);
    CHECK(d.primary.len == 32 && memcmp(d.primary.at, t->device[who].primary.at, 32) == 0);
    if (t->device[device_of(who)].disabled)
        return;
    seat = world_sit(&w, id, &bell);
    CHECK(hub_session_get(seat, &got) == t->has_session[who]);
    CHECK(!t->has_session[who] || memcmp(&got, &t->session[who], sizeof got) == 0);
    hub_detach(seat, w.now_ms);
}

static void check_list(const struct truth *t)
{
    struct device out[DEVICES + 1], modules[DEVICES + 1];
    uint64_t there = 0, disabled = 0, of_devices = 0;
    struct hub_counts counts;
    size_t n, n_modules;

    CHECK_OK(hub_device_list(w.hub, NO_BYTES, out, DEVICES + 1, &n));
    CHECK_OK(hub_modules_list(w.hub, NO_BYTES, modules, DEVICES + 1, &n_modules));
    for (unsigned who = 0; who < PLAIN; who++) {
        struct device own[MODULES_ROOM];
        size_t n_own = 0;
        char id[16];

        name_of(who, id);
        CHECK_ERR(hub_module_list(w.hub, bytes_str(id), own, &n_own), t->there[who] ? OK : ERR_NOT_FOUND);
        for (size_t i = 0; i < n_own; i++)
            CHECK(of_devices < n_modules && strcmp(own[i].id, modules[of_devices++].id) == 0);
        if (!t->there[who])
            continue;
        CHECK(there < n && strcmp(out[there].id, id) == 0);
        there++;
        disabled += t->device[who].disabled;
    }
    CHECK(n == there && n_modules == of_devices);
    for (unsigned who = PLAIN; who < DEVICES; who++)
        of_devices -= t->there[who];
    CHECK(of_devices == 0);
    hub_count(w.hub, &counts);
    CHECK(counts.devices == there && counts.disabled == disabled && counts.connected == 0);
}

/* Each surviving event once, in the order of the log, with numbers without gaps; nothing else. */
static void check_events(void)
{
    for (unsigned p = 0; p < hub_partitions(w.hub); p++) {
        struct bell bell = bell_new();
        struct read_options o = {.group = BYTES("$Default"), .partition = p, .waker = &bell.waker};
        int64_t sequence = 0;
        struct partition at_end;
        struct reader *r;
        struct event e;

        CHECK_OK(hub_reader_open(w.hub, &o, NULL, &r));
        for (size_t i = 0; i < n_changes; i++) {
            char id[16];

            name_of(changes[i].who, id);
            if (changes[i].what != EVENT || hub_partition_of(w.hub, bytes_str(id)) != p)
                continue;
            CHECK_OK(hub_read(r, &e));
            CHECK(e.offset == changes[i].at && e.sequence == sequence++);
            CHECK_BYTES(e.device, identity_device(bytes_str(id)));
        }
        CHECK_ERR(hub_read(r, &e), ERR_NOT_FOUND);
        CHECK_OK(hub_partition(w.hub, p, &at_end));
        CHECK(at_end.last_sequence == sequence - 1 && at_end.first_sequence == 0);
        hub_reader_close(r);
    }
}

static void check_all(void)
{
    struct truth t = truth_now();
    struct buf names = buf_max(1024);

    memory_store_settle(w.store, UINT64_MAX);
    check_list(&t);
    for (unsigned who = 0; who < DEVICES; who++)
        check_device(&t, who);
    CHECK_OK(hub_group_list(w.hub, &names));
    for (unsigned g = 0; g < GROUPS; g++) {
        char name[16];

        snprintf(name, sizeof name, "group%u", g);
        CHECK(hub_group_exists(w.hub, bytes_str(name)) == t.groups[g]);
        CHECK((bytes_find_bytes(buf_bytes(&names), bytes_str(name)) < names.len) == t.groups[g]);
    }
    CHECK(hub_policy_list(w.hub, (struct policy[8]){0}, 8) == 6);
    buf_free(&names);
    check_events();
}

static void crash(void)
{
    uint64_t durable = store_durable(w.store), end = store_end(w.store);

    memory_store_settle(w.store, durable + world_below(&w, (unsigned)(end - durable + 1)));
    durable = store_durable(w.store);
    while (n_changes && changes[n_changes - 1].at >= durable)
        n_changes--;
    world_crash(&w);
}

static void start(uint64_t seed)
{
    world_start(&w, seed);
    n_changes = 0;
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
}

TEST(after_any_power_cut_the_hub_knows_what_the_log_says)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        start(seed);
        hook();
        for (int round = 0; round < 5; round++) {
            for (unsigned n = 5 + world_below(&w, 40); n > 0; n--) {
                change_some();
                if (world_below(&w, 12) == 0)
                    checkpoint();
                if (world_below(&w, 12) == 0)
                    memory_store_settle(w.store, UINT64_MAX);
            }
            crash();
            check_all();
        }
        w.state->ops = real;
        world_end(&w);
    }
}

/* All that happened, once more, over the hub that came out of it; and each record twice in a row. */
TEST(applying_everything_twice_changes_nothing)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct record r;
        enum err e;

        start(seed);
        for (int i = 0; i < 120; i++) {
            change_some();
            if (i == 60 && seed % 2)
                CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
        }
        memory_store_settle(w.store, UINT64_MAX);
        for (int times = 1; times <= 2; times++) {
            struct cursor c = {.kind = -1, .lane = -1};

            while (!(e = store_read(w.store, &c, &r)))
                for (int n = 0; n < times; n++)
                    CHECK_OK(hub_apply(w.hub, &r));
            CHECK_ERR(e, ERR_NOT_FOUND);
            store_cursor_close(w.store, &c);
            check_all();
        }
        crash();
        check_all();
        world_end(&w);
    }
}

TEST(an_index_grows_by_each_event_once)
{
    struct bell bell = bell_new();
    struct cursor c = {.kind = -1, .lane = -1};
    const struct partition_state *p;
    struct seat *seat;
    struct record r;
    size_t n_index;

    world_start(&w, 2);
    world_add(&w, "d00");
    seat = world_sit(&w, "d00", &bell);
    for (int i = 0; i < 1000; i++)
        world_send(&w, seat, "x");
    hub_detach(seat, w.now_ms);
    p = partition_at(w.hub, hub_partition_of(w.hub, BYTES("d00")));
    n_index = p->n_index;
    CHECK(n_index == (1000 + INDEX_STRIDE - 1) / INDEX_STRIDE);
    while (!store_read(w.store, &c, &r))
        CHECK_OK(hub_apply(w.hub, &r));
    store_cursor_close(w.store, &c);
    CHECK(p->n_index == n_index && p->next == 1000 && p->first == 0);
    for (size_t i = 1; i < p->n_index; i++)
        CHECK(p->index[i].sequence > p->index[i - 1].sequence && p->index[i].at > p->index[i - 1].at);
    world_end(&w);
}

/* The body in a block of its own, so that reading behind its end is seen. */
static enum err apply_copy(const struct record *r, size_t len)
{
    uint8_t *copy = calloc(1, len ? len : 1);
    struct record cut = *r;
    enum err e;

    CHECK(copy != NULL);
    memcpy(copy, r->body.at, len < r->body.len ? len : r->body.len);
    cut.body = bytes_of(copy, len);
    e = hub_apply(w.hub, &cut);
    free(copy);
    return e;
}

TEST(a_record_that_is_cut_is_damaged_and_one_with_more_fields_is_fine)
{
    struct cursor c = {.kind = -1, .lane = -1};
    unsigned seen = 0;
    struct record r;

    start(1);
    for (int i = 0; i < 300; i++)
        change_some();
    memory_store_settle(w.store, UINT64_MAX);
    while (!store_read(w.store, &c, &r)) {
        seen |= 1u << r.kind;
        for (size_t len = 0; r.kind != REC_EVENT && len < r.body.len; len++)
            CHECK_ERR(apply_copy(&r, len), ERR_DAMAGED);
        for (size_t len = 0; r.kind == REC_EVENT && len < 18; len++)
            CHECK_ERR(apply_copy(&r, len), ERR_DAMAGED);
        CHECK_OK(apply_copy(&r, r.body.len + 5));
    }
    CHECK(seen == (1u << REC_BIRTH | 1u << REC_POLICY | 1u << REC_DEVICE | 1u << REC_DEVICE_GONE | 1u << REC_SESSION |
                   1u << REC_GROUPS | 1u << REC_EVENT));
    store_cursor_close(w.store, &c);
    check_all();
    CHECK_ERR(hub_apply(w.hub, &(struct record){.at = 1, .kind = 200}), ERR_UNSUPPORTED);
    world_end(&w);
}

TESTS(RUN(after_any_power_cut_the_hub_knows_what_the_log_says), RUN(applying_everything_twice_changes_nothing),
      RUN(an_index_grows_by_each_event_once), RUN(a_record_that_is_cut_is_damaged_and_one_with_more_fields_is_fine))
