/* Twins of devices and of modules, which are made and deleted: the run that each change made, and its place. */
#include "hub_power.h"
#include "map.h"
#include "twin_run.h"

enum { TWINS = 2 * DEVICES, CHANGES = 500, NAME_ROOM = 16, PATCH_ROOM = 2000 };

struct change {
    uint64_t at, version, desired, hash;
    size_t len;
};

/* Of a device, or of its module, which has a number DEVICES higher. */
static struct story {
    struct change changes[CHANGES];
    size_t n;
    struct {
        uint64_t at;
        bool there;
    } lives[CHANGES]; /* of a module */
    size_t n_lives;
    struct seat *follows; /* it takes what is desired: of the changes, from this one on */
    size_t told;
} stories[TWINS];

static const char *name_of(unsigned twin)
{
    static char name[NAME_ROOM];

    snprintf(name, sizeof name, twin < DEVICES ? "%s" : "%s/m", device_name(twin % DEVICES));
    return name;
}

static bool is_there(unsigned twin)
{
    const struct story *s = &stories[twin];

    if (twin < DEVICES || !device_is_there(twin % DEVICES))
        return device_is_there(twin % DEVICES);
    return s->n_lives && s->lives[s->n_lives - 1].there && s->lives[s->n_lives - 1].at > device_born_at(twin % DEVICES);
}

static uint64_t born_at(unsigned twin)
{
    const struct story *s = &stories[twin];

    return twin < DEVICES ? device_born_at(twin) : s->lives[s->n_lives - 1].at;
}

/* NULL: nobody has written it in this life. */
static const struct change *last(unsigned twin)
{
    const struct story *s = &stories[twin];

    return s->n && s->changes[s->n - 1].at > born_at(twin) ? &s->changes[s->n - 1] : NULL;
}

static struct change look(unsigned twin)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    struct twin_facts facts;
    struct change c;

    CHECK_OK(hub_twin_copy(hub(), bytes_str(name_of(twin)), &run, NULL, NULL));
    CHECK_OK(twin_check(buf_bytes(&run)));
    twin_facts_of(buf_bytes(&run), &facts);
    c = (struct change){.version = facts.version,
                        .desired = facts.part_version[TWIN_DESIRED],
                        .hash = bytes_hash(buf_bytes(&run), 0),
                        .len = run.len};
    buf_free(&run);
    return c;
}

/* ---- changes ---------------------------------------------------------------------------------------------------- */

/* A few members, of which some go; now and then a long text, so that runs grow and shrink. */
static struct bytes patch(char out[PATCH_ROOM])
{
    struct buf b = buf_over(out, PATCH_ROOM);

    buf_printf(&b, "{\"n\":%u", below(1000));
    for (char key = 'a'; key < 'e'; key++) {
        unsigned dice = below(6);

        if (dice < 2)
            buf_printf(&b, ",\"%c\":%s", key, dice ? "null" : "{\"x\":[1,\"y\"],\"z\":{\"deep\":true}}");
        else if (dice == 2)
            buf_printf(&b, ",\"%c\":\"%0*u\"", key, (int)below(400), below(100));
        else if (dice == 3)
            buf_printf(&b, ",\"%c\":{\"z\":null,\"w\":%u.5}", key, below(50));
    }
    buf_puts(&b, "}");
    CHECK(!b.bad);
    return buf_bytes(&b);
}

static void changed(unsigned twin, uint64_t at, bool counts)
{
    struct story *s = &stories[twin];
    const struct change *before = last(twin);
    struct change now = look(twin);
    uint64_t version = before ? before->version : 2;

    now.at = at;
    CHECK(now.version == version + counts);
    CHECK(!s->n || at > s->changes[s->n - 1].at);
    CHECK(s->n < CHANGES);
    s->changes[s->n++] = now;
}

static void change(unsigned twin)
{
    char tags[PATCH_ROOM], desired[PATCH_ROOM];
    struct twin_change c = {.replace = below(4) == 0, .by = below(5) ? NO_BYTES : BYTES("lamps")};
    struct twin_fault fault;
    uint64_t at;

    if (stories[twin].n == CHANGES)
        return;
    if (below(2))
        c.part[TWIN_TAGS] = c.replace ? BYTES("{\"only\":1}") : patch(tags);
    if (!c.part[TWIN_TAGS].at || below(2))
        c.part[TWIN_DESIRED] = c.replace ? BYTES("{\"only\":[true]}") : patch(desired);
    CHECK_OK(hub_twin_change(hub(), bytes_str(name_of(twin)), &c, now_ms, &fault, &at));
    changed(twin, at, true);
}

/* A device reports, or says which model it is; that of a module sits down for it. */
static void report(unsigned twin)
{
    struct bell bell = bell_new();
    struct seat *seat = NULL;
    struct twin_fault fault;
    bool model = below(4) == 0;
    char text[PATCH_ROOM];
    int64_t version;
    uint64_t at;

    if (stories[twin].n == CHANGES || !device_is_enabled(twin % DEVICES))
        return;
    if (twin < DEVICES)
        seat = seat_of(twin);
    else
        CHECK_OK(hub_attach(hub(), bytes_str(name_of(twin)), NO_BYTES, PROOF_DEVICE_SAS, &bell.waker, now_ms, &seat));
    if (model)
        CHECK_OK(hub_model_set(seat, bytes_str(below(2) ? "dtmi:lamp;1" : "dtmi:door;2"), now_ms, &at));
    else
        CHECK_OK(hub_twin_report(seat, patch(text), -1, now_ms, &fault, &version, &at));
    if (at)
        changed(twin, at, !model);
    if (twin >= DEVICES)
        hub_detach(seat, now_ms);
}

static void make_or_drop(unsigned twin)
{
    struct device wanted = device_named(name_of(twin)), made;
    struct match any = {.how = MATCH_ANY};
    struct story *s = &stories[twin];
    bool there = is_there(twin);
    uint64_t at;

    if (twin < DEVICES || !device_is_there(twin % DEVICES) || s->n_lives == CHANGES || (there && below(3)))
        return;
    if (there)
        CHECK_OK(hub_device_delete(hub(), bytes_str(wanted.id), any, now_ms, &at));
    else
        CHECK_OK(hub_device_put(hub(), &wanted, (struct match){.how = MATCH_NONE}, now_ms, &made, &at));
    s->lives[s->n_lives].at = at;
    s->lives[s->n_lives++].there = !there;
}

/* ---- whoever follows what is desired ----------------------------------------------------------------------------- */

void twins_seat_gone(const struct seat *seat)
{
    for (unsigned k = 0; k < DEVICES; k++)
        if (stories[k].follows == seat)
            stories[k].follows = NULL;
}

static bool changes_desired(unsigned device, size_t i)
{
    const struct change *c = stories[device].changes;
    bool first = !i || c[i - 1].at < born_at(device);

    return c[i].desired != (first ? 1 : c[i - 1].desired);
}

/* The next change of what is desired that the device was not told of, or where the story ends. */
static size_t next_told(unsigned device)
{
    size_t i = stories[device].told;

    while (i < stories[device].n && !changes_desired(device, i))
        i++;
    return i;
}

/* It is told of each change of its section once it is durable, of all of them and in order. */
static void follow(unsigned device)
{
    struct buf room = buf_max(1 << 20);
    struct story *s = &stories[device];
    struct seat *seat = seat_of(device);
    struct desired got;

    if (!seat)
        return;
    if (s->follows != seat) {
        hub_desired_take(seat, true);
        s->follows = seat;
        s->told = s->n;
    }
    while (!hub_desired_next(seat, &room, &got)) {
        size_t i = next_told(device);

        CHECK(i < s->n && got.version == (int64_t)s->changes[i].desired && is_durable(s->changes[i].at));
        s->told = i + 1;
    }
    CHECK(next_told(device) == s->n || !is_durable(s->changes[next_told(device)].at));
    buf_free(&room);
}

/* ---- the part ---------------------------------------------------------------------------------------------------- */

void twins_begin(void)
{
    memset(stories, 0, sizeof stories);
}

void twins_step(void)
{
    unsigned twin = below(TWINS), dice = below(10);

    if (dice < 2)
        make_or_drop(DEVICES + below(DEVICES));
    else if (dice < 4)
        follow(below(DEVICES));
    else if (!is_there(twin))
        return;
    else if (dice < 7)
        change(twin);
    else
        report(twin);
}

void twins_forget(uint64_t end)
{
    for (unsigned k = 0; k < TWINS; k++) {
        struct story *s = &stories[k];

        while (s->n && s->changes[s->n - 1].at >= end)
            s->n--;
        while (s->n_lives && s->lives[s->n_lives - 1].at >= end)
            s->n_lives--;
        s->told = 0;
    }
}

void twins_check(void)
{
    for (unsigned k = 0; k < TWINS; k++) {
        const struct change *c;
        struct change now;

        if (!is_there(k)) {
            struct buf run = buf_max(TWIN_RUN_MAX);

            CHECK_ERR(hub_twin_copy(hub(), bytes_str(name_of(k)), &run, NULL, NULL), ERR_NOT_FOUND);
            buf_free(&run);
            continue;
        }
        c = last(k);
        now = look(k);
        CHECK(c ? now.version == c->version && now.len == c->len && now.hash == c->hash : now.len == 0);
    }
}
