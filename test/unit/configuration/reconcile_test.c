/* Writes of configurations into a twin (service 4.11): against a naive model of leaves, and as a device hears it. */
#include "reconcile.h"

#include "hub_world.h"
#include "twin_json.h"

enum { CONFIGURATIONS = 3, LEAVES = 200, PATH_CAP = 40, STEPS = 60, SEEDS = 60 };

static struct world w;
static struct seat *seat;
static struct bell bell;
static json_t *has; /* what is desired, as the device knows it */
static struct configuration by[CONFIGURATIONS];
static json_t *content[CONFIGURATIONS]; /* by rank; NULL: it is not there */

/* ---- leaves ----------------------------------------------------------------------------------------------------- */

struct leaf {
    char path[PATH_CAP]; /* "/a/b" */
    char by[8];
    char value[32]; /* "null" removes */
};

struct leaves {
    struct leaf at[LEAVES];
    size_t n;
};

static void leaf_add(struct leaves *l, const char *path, const char *writer, const char *value)
{
    CHECK(l->n < LEAVES);
    snprintf(l->at[l->n].path, PATH_CAP, "%s", path);
    snprintf(l->at[l->n].by, sizeof l->at->by, "%s", writer);
    snprintf(l->at[l->n++].value, sizeof l->at->value, "%s", value);
}

static void leaf_del(struct leaves *l, size_t i)
{
    l->at[i] = l->at[--l->n];
}

/* One is the other, or lies below it. */
static bool meet(const char *a, const char *b)
{
    size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

    return !strncmp(a, b, n) && (!a[n] || a[n] == '/') && (!b[n] || b[n] == '/');
}

/* A value takes the place of what stands above it, too; a null removes what it names. */
static bool covers(const struct leaf *wish, const char *path)
{
    return meet(wish->path, path) && (strcmp(wish->value, "null") != 0 || strlen(path) >= strlen(wish->path));
}

static void leaves_of(json_t *tree, const char *path, const char *writer, struct leaves *out)
{
    const char *key;
    json_t *value;

    json_object_foreach(tree, key, value)
    {
        char below[PATH_CAP], text[32] = "null";

        snprintf(below, sizeof below, "%.30s/%.4s", path, key);
        if (json_is_integer(value))
            snprintf(text, sizeof text, "%d", (int)json_integer_value(value));
        if (json_is_object(value))
            leaves_of(value, below, writer, out);
        else
            leaf_add(out, below, writer, text);
    }
}

static void leaves_in(const struct twin_node *node, const char *path, struct leaves *out)
{
    struct twin_node child;

    for (bool more = twin_first(node, &child); more; more = twin_next(node, &child)) {
        struct buf text = buf_max(64);
        char below[PATH_CAP], writer[8];

        snprintf(below, sizeof below, "%.30s/%.*s", path, BYTES_ARG(child.key));
        snprintf(writer, sizeof writer, "%.*s", BYTES_ARG(child.by));
        if (child.kind == TWIN_OBJECT) {
            leaves_in(&child, below, out);
        } else {
            twin_put_value(&text, &child);
            leaf_add(out, below, writer, buf_str(&text));
        }
        buf_free(&text);
    }
}

static struct leaves leaves_now(uint64_t *version)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    struct leaves out = {.n = 0};
    struct twin_facts facts;
    struct twin_node root;

    CHECK_OK(hub_twin_copy(w.hub, BYTES("d"), &run, NULL, NULL));
    twin_root(buf_bytes(&run), TWIN_DESIRED, &root);
    twin_facts_of(buf_bytes(&run), &facts);
    leaves_in(&root, "", &out);
    *version = facts.part_version[TWIN_DESIRED];
    buf_free(&run);
    return out;
}

static int leaf_order(const void *a, const void *b)
{
    return strcmp(((const struct leaf *)a)->path, ((const struct leaf *)b)->path);
}

static void leaves_check(struct leaves a, struct leaves b)
{
    qsort(a.at, a.n, sizeof *a.at, leaf_order);
    qsort(b.at, b.n, sizeof *b.at, leaf_order);
    CHECK(a.n == b.n);
    for (size_t i = 0; i < a.n; i++) {
        assert_string_equal(a.at[i].path, b.at[i].path);
        assert_string_equal(a.at[i].value, b.at[i].value);
        assert_string_equal(a.at[i].by, b.at[i].by);
    }
}

/* ---- the naive model --------------------------------------------------------------------------------------------- */

/* Leaves that each has won, the first in rank first. */
static struct leaves won_all(void)
{
    struct leaves won = {.n = 0};

    for (int k = 0; k < CONFIGURATIONS; k++) {
        struct leaves wish = {.n = 0};
        size_t before = won.n;

        if (content[k])
            leaves_of(content[k], "", by[k].doc.id, &wish);
        for (size_t i = 0; i < wish.n; i++) {
            bool taken = false;

            for (size_t j = 0; j < before; j++)
                taken |= meet(won.at[j].path, wish.at[i].path);
            if (!taken)
                leaf_add(&won, wish.at[i].path, wish.at[i].by, wish.at[i].value);
        }
    }
    return won;
}

static const struct leaf *leaf_at(const struct leaves *l, const char *path)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->at[i].path, path))
            return &l->at[i];
    return NULL;
}

/* The leaves become those of after the round; gives how many changes that takes at most. */
static unsigned expect(struct leaves *l)
{
    const struct leaves won = won_all(), before = *l;
    bool writes[CONFIGURATIONS] = {false}, removes = false;
    unsigned n = 0;

    for (size_t i = 0; i < won.n; i++) {
        const struct leaf *there = leaf_at(&before, won.at[i].path), *want = &won.at[i];
        bool is_null = !strcmp(want->value, "null"), met = false;

        for (size_t j = 0; j < before.n; j++)
            met |= covers(want, before.at[j].path);
        if (is_null ? met : !there || strcmp(there->by, want->by) != 0 || strcmp(there->value, want->value) != 0)
            writes[want->by[1] - '0'] = true;
    }
    for (size_t i = l->n; i-- > 0;) {
        const struct leaf *mine = l->at[i].by[0] ? leaf_at(&won, l->at[i].path) : NULL;

        if (l->at[i].by[0] && (!mine || strcmp(mine->by, l->at[i].by) != 0 || !strcmp(mine->value, "null"))) {
            removes = true;
            leaf_del(l, i);
        }
    }
    for (size_t i = 0; i < won.n; i++) {
        for (size_t j = l->n; j-- > 0;)
            if (covers(&won.at[i], l->at[j].path))
                leaf_del(l, j);
        if (strcmp(won.at[i].value, "null") != 0)
            leaf_add(l, won.at[i].path, won.at[i].by, won.at[i].value);
    }
    for (int k = 0; k < CONFIGURATIONS; k++)
        n += writes[k];
    return n ? n : removes;
}

/* ---- the hub and the device -------------------------------------------------------------------------------------- */

static void merge(json_t *value, json_t *patch)
{
    const char *key;
    json_t *to;

    json_object_foreach(patch, key, to)
    {
        if (json_is_null(to)) {
            json_object_del(value, key);
        } else if (json_is_object(to)) {
            if (!json_is_object(json_object_get(value, key)))
                json_object_set_new(value, key, json_object());
            merge(json_object_get(value, key), to);
        } else {
            json_object_set(value, key, to);
        }
    }
}

/* How many patches the device hears. In a round no place is removed by one and set by a later one. */
static unsigned hear(bool of_round)
{
    struct buf room = buf_max(TWIN_JSON_MAX);
    struct leaves removed = {.n = 0};
    struct desired told;
    unsigned n = 0;

    for (; !hub_desired_next(seat, &room, &told); n++) {
        json_t *patch = json_loadb((const char *)told.json.at, told.json.len, 0, NULL);
        struct leaves said = {.n = 0};

        CHECK(patch);
        json_object_del(patch, "$version");
        leaves_of(patch, "", "", &said);
        for (size_t i = 0; i < said.n; i++)
            for (size_t j = 0; j < removed.n; j++)
                CHECK(!of_round || !meet(said.at[i].path, removed.at[j].path) || !strcmp(said.at[i].value, "null"));
        for (size_t i = 0; i < said.n; i++)
            if (!strcmp(said.at[i].value, "null"))
                leaf_add(&removed, said.at[i].path, "", "null");
        merge(has, patch);
        json_decref(patch);
    }
    buf_free(&room);
    return n;
}

static void round_of_all(bool *applied)
{
    struct buf run = buf_max(TWIN_RUN_MAX);
    struct claim claims[CONFIGURATIONS];
    json_t *settings[CONFIGURATIONS];
    size_t n = 0;
    bool done;

    for (int k = 0; k < CONFIGURATIONS; k++) {
        if (!content[k])
            continue;
        settings[n] = json_pack("{s:O}", "properties.desired", content[k]);
        claims[n] = (struct claim){.by = &by[k], .settings = settings[n]};
        n++;
    }
    CHECK_OK(hub_twin_copy(w.hub, BYTES("d"), &run, NULL, NULL));
    CHECK_OK(reconcile(w.hub, BYTES("d"), buf_bytes(&run), claims, n, w.now_ms, &done));
    *applied = done;
    for (size_t i = 0; i < n; i++) {
        *applied = *applied && claims[i].applied;
        CHECK(!claims[i].won && !claims[i].patch);
        json_decref(settings[i]);
    }
    buf_free(&run);
}

static void by_hand(const char *json)
{
    const struct twin_change change = {.part[TWIN_DESIRED] = bytes_str(json)};
    struct twin_fault fault;
    uint64_t at;

    CHECK_OK(hub_twin_change(w.hub, BYTES("d"), &change, w.now_ms, &fault, &at));
}

static void start(uint64_t seed)
{
    world_start(&w, seed);
    world_add(&w, "d");
    bell = bell_new();
    seat = world_sit(&w, "d", &bell);
    hub_desired_take(seat, true);
    has = json_object();
    for (int k = 0; k < CONFIGURATIONS; k++) {
        by[k] = (struct configuration){.digest = "1"};
        snprintf(by[k].doc.id, sizeof by[k].doc.id, "c%d", k);
    }
}

static void stop(void)
{
    for (int k = 0; k < CONFIGURATIONS; k++) {
        json_decref(content[k]);
        content[k] = NULL;
    }
    json_decref(has);
    hub_detach(seat, w.now_ms);
    world_end(&w);
}

static void want(int k, const char *json)
{
    json_decref(content[k]);
    content[k] = json ? json_loads(json, 0, NULL) : NULL;
    CHECK(!json || content[k]);
}

/* The patch that the round makes, which must be one; "": it makes none. */
static void check_told(const char *wanted)
{
    struct buf room = buf_max(TWIN_JSON_MAX);
    struct desired told = {.json = NO_BYTES};
    bool applied;

    (void)hear(false);
    round_of_all(&applied);
    if (hub_desired_next(seat, &room, &told))
        CHECK(!wanted[0]);
    else
        assert_string_equal(buf_str(&room), wanted);
    CHECK(hear(true) == 0);
    buf_free(&room);
}

/* ---- what is told ------------------------------------------------------------------------------------------------ */

TEST(whoever_is_displaced_is_so_by_one_patch)
{
    start(1);
    want(2, "{\"x\":1,\"y\":1,\"deep\":{\"a\":1,\"b\":1},\"was\":{\"a\":1}}");
    check_told("{\"deep\":{\"a\":1,\"b\":1},\"was\":{\"a\":1},\"x\":1,\"y\":1,\"$version\":2}");
    /* It leaves, and another comes: what that one lacks is removed by the same patch. */
    want(2, NULL);
    want(0, "{\"x\":2,\"deep\":{\"b\":2,\"c\":2}}");
    check_told("{\"deep\":{\"a\":null,\"b\":2,\"c\":2},\"was\":null,\"x\":2,\"y\":null,\"$version\":3}");
    /* It is there still: what the higher one does not say stays. */
    want(2, "{\"x\":1,\"y\":1}");
    check_told("{\"y\":1,\"$version\":4}");
    want(1, "{\"y\":3}");
    check_told("{\"y\":3,\"$version\":5}");
    want(1, NULL);
    check_told("{\"y\":1,\"$version\":6}");
    want(0, NULL);
    want(2, NULL);
    by_hand("{\"mine\":1,\"deep\":{\"mine\":1}}");
    check_told("{\"deep\":{\"b\":null,\"c\":null},\"x\":null,\"y\":null,\"$version\":8}");
    check_told("");
    stop();
}

TEST(an_object_takes_the_place_of_a_value_and_the_other_way_round)
{
    start(2);
    want(1, "{\"x\":{\"a\":1,\"b\":1},\"y\":1}");
    check_told("{\"x\":{\"a\":1,\"b\":1},\"y\":1,\"$version\":2}");
    want(1, NULL);
    want(0, "{\"x\":5,\"y\":{\"a\":1}}");
    check_told("{\"x\":5,\"y\":{\"a\":1},\"$version\":3}");
    want(0, "{\"x\":null,\"y\":{\"b\":1}}");
    check_told("{\"x\":null,\"y\":{\"a\":null,\"b\":1},\"$version\":4}");
    stop();
}

/* An object has no writer of its own. */
TEST(an_empty_object_is_written_once)
{
    start(4);
    want(0, "{\"x\":{},\"y\":{\"z\":{}}}");
    check_told("{\"x\":{},\"y\":{\"z\":{}},\"$version\":2}");
    check_told("");
    by_hand("{\"x\":{\"mine\":1}}");
    check_told("");
    want(0, NULL);
    check_told("");
    want(1, "{\"v\":{\"a\":1}}");
    check_told("{\"v\":{\"a\":1},\"$version\":4}");
    want(1, NULL);
    want(0, "{\"v\":{}}");
    check_told("{\"v\":{\"a\":null},\"$version\":5}");
    check_told("");
    stop();
}

/* The values of the newcomer have no room: stale ones go all the same, and then there may be. */
TEST(what_is_stale_goes_where_the_new_value_cannot_come)
{
    static char large[40000], json[41000];
    bool applied;

    start(3);
    want(2, "{\"x\":1}");
    round_of_all(&applied);
    want(2, NULL);
    memset(large, 'x', sizeof large - 1);
    for (int part = 0, at = snprintf(json, sizeof json, "{\"y\":["); part < 10; part++)
        at += snprintf(json + at, sizeof json - (size_t)at, "\"%.3900s\"%s", large, part < 9 ? "," : "]}");
    want(0, json);
    round_of_all(&applied);
    CHECK(!applied);
    (void)hear(false);
    CHECK(json_object_size(has) == 0);
    want(0, "{\"x\":2}");
    round_of_all(&applied);
    CHECK(applied);
    stop();
}

/* ---- whatever comes ---------------------------------------------------------------------------------------------- */

static json_t *random_tree(unsigned depth, bool may_null)
{
    static const char *const names[] = {"a", "b", "c"};
    json_t *o = json_object();

    for (unsigned n = 1 + world_below(&w, 3); n > 0; n--) {
        unsigned kind = world_below(&w, depth < 2 ? 8 : 5);

        json_object_set_new(o, names[world_below(&w, 3)],
                            kind > 4            ? random_tree(depth + 1, may_null)
                            : kind || !may_null ? json_integer((json_int_t)world_below(&w, 4))
                                                : json_null());
    }
    return o;
}

static void change_something(void)
{
    int k = (int)world_below(&w, CONFIGURATIONS);
    json_t *patch;
    char *text;

    switch (world_below(&w, 5)) {
    case 0:
        patch = random_tree(0, true);
        text = json_dumps(patch, 0);
        by_hand(text);
        free(text);
        json_decref(patch);
        break;
    case 1:
        want(k, NULL);
        break;
    case 2: /* one leaves as another comes */
        want(k, NULL);
        k = (k + 1) % CONFIGURATIONS;
        /* fall through */
    default:
        json_decref(content[k]);
        content[k] = random_tree(0, world_below(&w, 3) == 0);
    }
}

static void check_device(const struct leaves *now)
{
    struct leaves heard = {.n = 0}, bare = *now;

    for (size_t i = 0; i < bare.n; i++)
        bare.at[i].by[0] = 0;
    leaves_of(has, "", "", &heard);
    leaves_check(heard, bare);
}

TEST(a_twin_is_what_the_configurations_want_in_as_few_changes_as_there_are_writers)
{
    unsigned changes = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        start(seed);
        for (int step = 0; step < STEPS; step++) {
            struct leaves wanted, now;
            uint64_t before, after;
            unsigned n;
            bool applied;

            for (unsigned i = world_below(&w, 3); i > 0; i--)
                change_something();
            w.now_ms += 1000;
            (void)hear(false);
            wanted = leaves_now(&before);
            n = expect(&wanted);
            round_of_all(&applied);
            now = leaves_now(&after);
            leaves_check(now, wanted);
            if (after - before > n)
                fail_msg("seed %u, step %d: %u changes, not %u", (unsigned)seed, step, (unsigned)(after - before), n);
            CHECK(hear(true) == after - before);
            check_device(&now);
            changes += (unsigned)(after - before);
            round_of_all(&applied);
            CHECK(hear(true) == 0);
        }
        stop();
    }
    CHECK(changes > SEEDS * STEPS / 4);
}

TESTS(RUN(whoever_is_displaced_is_so_by_one_patch), RUN(an_object_takes_the_place_of_a_value_and_the_other_way_round),
      RUN(an_empty_object_is_written_once), RUN(what_is_stale_goes_where_the_new_value_cannot_come),
      RUN(a_twin_is_what_the_configurations_want_in_as_few_changes_as_there_are_writers))
