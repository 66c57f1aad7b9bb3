/* Twins from a seed, in one thread: devices report and follow what is desired of them, a service patches and replaces,
 * configurations come and go, jobs go over all devices; devices are deleted and made again; the log becomes durable in
 * jumps, checkpoints and power cuts come in between. A naive model makes each change at the moment at which the hub's
 * trace tells of it, so after a power cut it knows which of them the hub must know. */
#include "hub_world.h"
#include "twin_model.h"

#include "configurations.h"
#include "hub_job.h"
#include "runner.h"
#include "settings.h"

enum { DEVICES = 5, STEPS = 500, VERSIONS = 3000, SETTINGS = 3 };

/* A device behind a change. */
struct version {
    uint64_t at;
    bool there;
    int64_t born_ms;
    struct model model;
    unsigned job, by_jobs; /* the last job that changed it, and how many changes were made by jobs */
};

static struct device_story {
    struct version versions[VERSIONS];
    size_t n;
    struct seat *seat;
    struct bell bell;
    json_t *has; /* what is desired, as the device knows it; NULL: it does not follow */
    int64_t has_version;
    unsigned phase; /* of the round that goes on: which changes of configurations were made */
} devices[DEVICES];

/* The change that is being made, by whomever. */
static struct {
    enum { BY_ONE, BY_JOB, BY_CONFIGURATIONS } side;
    json_t *patch[TWIN_PARTS];
    bool replace;
    unsigned job;
} making;

static struct world w;
static struct configurations *engine;
static struct job_runner *runner;
static struct waker waker;
static unsigned jobs, ranks, crashes, large;
static unsigned all_heard, all_jumped, all_configured, all_jobs, all_crashes;
static uint64_t seed_now;
static bool done;

static unsigned below(unsigned n)
{
    return world_below(&w, n);
}

static struct bytes name_of(unsigned device)
{
    static const char *const names[DEVICES] = {"d0", "d1", "d2", "d3", "d4"};

    return bytes_str(names[device]);
}

static struct version *now(unsigned device)
{
    return &devices[device].versions[devices[device].n - 1];
}

static struct version *next(unsigned device, uint64_t at)
{
    struct device_story *d = &devices[device];

    CHECK(d->n < VERSIONS && (!d->n || at > now(device)->at));
    d->versions[d->n] = (struct version){.at = at};
    return &d->versions[d->n++];
}

/* ---- the hub tells of a change ---------------------------------------------------------------------------------- */

static void make_change(unsigned device, long long version)
{
    json_t *of_configuration = NULL, *patch[TWIN_PARTS] = {NULL};
    const struct version before = *now(device);
    const char *by = NULL;
    struct version *v;

    if (making.side == BY_CONFIGURATIONS) {
        CHECK((of_configuration = settings_next(&before.model, &devices[device].phase, &by)));
        patch[TWIN_DESIRED] = of_configuration;
    } else {
        memcpy(patch, making.patch, sizeof patch);
    }
    v = next(device, store_end(w.store) - 1);
    v->there = true;
    v->model = model_copy(&before.model);
    v->born_ms = before.born_ms;
    v->job = making.side == BY_JOB ? making.job : before.job;
    all_configured += by != NULL;
    v->by_jobs = before.by_jobs + (making.side == BY_JOB);
    model_change(&v->model, patch, making.replace, by, w.now_ms);
    CHECK(v->model.version == version);
    json_decref(of_configuration);
}

static void on_trace(void *ctx, const char *sentence)
{
    unsigned device;
    long long version;

    (void)ctx;
    if (sscanf(sentence, "d%u: its twin is version %lld", &device, &version) == 2)
        make_change(device, version);
}

/* ---- each side -------------------------------------------------------------------------------------------------- */

static struct bytes text_of(json_t *patch, char **text)
{
    *text = json_dumps(patch, 0);
    return bytes_str(*text);
}

static json_t *some_patch(bool may_null)
{
    static const char *const keys[SETTINGS] = {"ca", "cb", "cc"};
    static char long_text[4000];
    json_t *patch = model_random(may_null);

    if (below(3) == 0)
        json_object_set_new(patch, keys[below(SETTINGS)],
                            below(3) ? json_integer(below(9)) : json_pack("{s:i}", "x", 1));
    for (int i = 0; large && below(2) && i < 4; i++) {
        memset(long_text, 'x', sizeof long_text - 1);
        json_object_set_new(patch, (const char *const[]){"a", "b", "B", "zz"}[i], json_string(long_text));
    }
    return patch;
}

static void change_by_service(unsigned device)
{
    struct twin_change c = {.replace = below(5) == 0};
    char *text[TWIN_PARTS] = {NULL};
    struct twin_fault fault;
    uint64_t at;
    enum err e;

    making.side = BY_ONE;
    making.replace = c.replace;
    for (int part = TWIN_TAGS; part <= TWIN_DESIRED; part++) {
        if (below(3) == 0)
            continue;
        making.patch[part] = some_patch(!c.replace);
        c.part[part] = text_of(making.patch[part], &text[part]);
        if (!c.replace && !json_object_size(making.patch[part])) { /* it says nothing */
            json_decref(making.patch[part]);
            making.patch[part] = NULL;
        }
    }
    e = hub_twin_change(w.hub, name_of(device), &c, w.now_ms, &fault, &at);
    CHECK_ERR(e, now(device)->there ? OK : ERR_NOT_FOUND);
    for (int part = 0; part < TWIN_PARTS; part++) {
        json_decref(making.patch[part]);
        making.patch[part] = NULL;
        free(text[part]);
    }
    making.replace = false;
}

static void report(unsigned device)
{
    struct seat *seat = devices[device].seat;
    struct twin_fault fault;
    int64_t version;
    uint64_t at;
    char *text;

    if (!seat)
        return;
    making.side = BY_ONE;
    making.patch[TWIN_REPORTED] = model_random(true);
    CHECK_OK(hub_twin_report(seat, text_of(making.patch[TWIN_REPORTED], &text), -1, w.now_ms, &fault, &version, &at));
    CHECK(version == now(device)->model.part_version[TWIN_REPORTED]);
    json_decref(making.patch[TWIN_REPORTED]);
    making.patch[TWIN_REPORTED] = NULL;
    free(text);
}

static void change_configurations(void)
{
    static const char *const keys[SETTINGS] = {"ca", "cb", "cc"};
    struct buf body = buf_max(1000);
    struct doc out;
    char id[16];
    uint64_t at;

    settings_load(w.hub);
    if (settings_n() && (settings_n() > 3 || below(2))) {
        struct bytes gone = bytes_str(settings_id(below((unsigned)settings_n())));

        CHECK_OK(hub_doc_put(w.hub, DOC_CONFIGURATION, gone, NO_BYTES, (struct match){.how = MATCH_ANY}, w.now_ms, &out,
                             &at));
    } else {
        snprintf(id, sizeof id, "p%05u", ++ranks);
        buf_printf(&body, "{\"priority\":%u,\"targetCondition\":\"*\",\"content\":{\"deviceContent\":{", ranks);
        for (unsigned i = below(SETTINGS), first = i; i < SETTINGS; i++)
            buf_printf(&body, "%s\"properties.desired.%s\":%u", i > first ? "," : "", keys[i], below(4));
        buf_puts(&body, "}}}");
        CHECK_OK(hub_doc_put(w.hub, DOC_CONFIGURATION, bytes_str(id), buf_bytes(&body),
                             (struct match){.how = MATCH_NONE}, w.now_ms, &out, &at));
    }
    settings_forget();
    buf_free(&body);
    configurations_changed(engine);
}

/* A round: then each twin is as configurations want it. */
static void carry_out(void)
{
    configurations_changed(engine);
    settings_load(w.hub);
    making.side = BY_CONFIGURATIONS;
    for (unsigned k = 0; k < DEVICES; k++)
        devices[k].phase = 0;
    while (configurations_turn(engine, w.now_ms) == w.now_ms)
        ;
    for (unsigned k = 0; k < DEVICES; k++) {
        const char *by;

        CHECK(!now(k)->there || !settings_next(&now(k)->model, &devices[k].phase, &by));
    }
    settings_forget();
}

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

/* The one that has not ended. */
static bool active_job(struct job *out)
{
    for (out->serial = 0; !hub_job_next(w.hub, out->serial, NULL, out);)
        if (!job_has_ended(out))
            return true;
    return false;
}

static void begin_job(void)
{
    struct buf body = buf_max(1000);
    struct job wanted = {.kind = JOB_TWIN, .start_ms = w.now_ms, .limit_ms = 1000000}, made;
    char document[80];
    uint64_t at;

    if (active_job(&made))
        return;
    jobs++;
    snprintf(wanted.id, sizeof wanted.id, "job-%u", jobs);
    snprintf(document, sizeof document, "{\"properties\":{\"desired\":{\"j\":%u}}}", jobs);
    job_body_put(&body, BYTES("*"), bytes_str(document));
    CHECK_OK(hub_job_put(w.hub, &wanted, buf_bytes(&body), w.now_ms, &made, &at));
    buf_free(&body);
}

/* Each device has one row, and was changed if it is there still. */
static void check_job(const struct job *job, unsigned number)
{
    bool seen[DEVICES] = {false};

    for (uint32_t i = 0; i < job->n_rows; i++) {
        struct buf room = buf_max(1000);
        unsigned device;
        struct job_row row;

        CHECK_OK(hub_job_row(w.hub, job->serial, i, &room, &row));
        device = row.device.at[1] - (unsigned)'0';
        CHECK(device < DEVICES && !seen[device]);
        seen[device] = true;
        CHECK(row.state == JOB_ROW_COMPLETED || row.state == JOB_ROW_FAILED);
        if (row.state == JOB_ROW_COMPLETED && now(device)->there && now(device)->born_ms < job->created_ms)
            CHECK(now(device)->job >= number);
        buf_free(&room);
    }
}

static void work_on_jobs(void)
{
    struct job job, ended;

    if (!active_job(&job))
        return;
    making.side = BY_JOB;
    making.job = (unsigned)atoi(job.id + strlen("job-"));
    making.patch[TWIN_DESIRED] = json_pack("{s:i}", "j", making.job);
    w.now_ms += 500;
    for (unsigned turns = 1 + below(6); turns > 0; turns--)
        job_runner_turn(runner, w.now_ms);
    json_decref(making.patch[TWIN_DESIRED]);
    making.patch[TWIN_DESIRED] = NULL;
    CHECK_OK(hub_job_get(w.hub, bytes_str(job.id), NULL, &ended));
    CHECK(ended.state != JOB_FAILED);
    if (ended.state == JOB_COMPLETED)
        check_job(&ended, making.job);
}

/* ---- devices ---------------------------------------------------------------------------------------------------- */

static void leave(unsigned device)
{
    hub_detach(devices[device].seat, w.now_ms);
    devices[device].seat = NULL;
    json_decref(devices[device].has);
    devices[device].has = NULL;
}

static void come_or_go(unsigned device)
{
    bool had = devices[device].seat;

    leave(device);
    if (had || !now(device)->there)
        return;
    devices[device].seat = world_sit(&w, (const char *)name_of(device).at, &devices[device].bell);
}

/* It subscribes, and reads what is desired now; that answer has come when all of it is durable. */
static void begin_to_follow(unsigned device)
{
    struct device_story *d = &devices[device];

    if (!d->seat)
        come_or_go(device);
    if (!d->seat || d->has)
        return;
    hub_desired_take(d->seat, true);
    memory_store_settle(w.store, UINT64_MAX);
    d->has = json_deep_copy(now(device)->model.value[TWIN_DESIRED]);
    d->has_version = now(device)->model.part_version[TWIN_DESIRED];
}

static const struct version *version_of(unsigned device, int64_t desired)
{
    for (size_t i = devices[device].n; i-- > 0 && devices[device].versions[i].there;)
        if (devices[device].versions[i].model.part_version[TWIN_DESIRED] == desired)
            return &devices[device].versions[i];
    return NULL;
}

/* All that it is told of is durable, in order and without a gap, and makes what was desired in that version. */
static void hear(unsigned device, unsigned most)
{
    struct device_story *d = &devices[device];
    struct buf room = buf_max(TWIN_JSON_MAX);
    struct desired told;
    enum err e = OK;

    while (d->has && most-- > 0 && !(e = hub_desired_next(d->seat, &room, &told))) {
        const struct version *v = version_of(device, told.version);
        json_t *patch = model_loaded(&room), *meta = json_object();

        CHECK(told.version == d->has_version + 1 || (large && told.version > d->has_version));
        all_heard++;
        all_jumped += told.version > d->has_version + 1;
        CHECK(v);
        while (v > d->versions && v[-1].there && v[-1].model.part_version[TWIN_DESIRED] == told.version)
            v--;
        CHECK(v->at < store_durable(w.store));
        json_object_del(patch, "$version");
        model_merge(d->has, meta, patch, &(struct stamp){0});
        CHECK(json_equal(d->has, v->model.value[TWIN_DESIRED]));
        d->has_version = told.version;
        json_decref(patch);
        json_decref(meta);
    }
    if (d->has && e == ERR_NOT_FOUND && store_durable(w.store) == store_end(w.store))
        CHECK(d->has_version == now(device)->model.part_version[TWIN_DESIRED]);
    buf_free(&room);
}

static void make_or_drop(unsigned device)
{
    struct device wanted = {0}, made;
    struct version *v;
    uint64_t at;

    CHECK(bytes_to_str(name_of(device), wanted.id, sizeof wanted.id));
    if (devices[device].n && now(device)->there) {
        leave(device);
        CHECK_OK(hub_device_delete(w.hub, name_of(device), (struct match){.how = MATCH_ANY}, w.now_ms, &at));
        v = next(device, at);
    } else {
        CHECK_OK(hub_device_put(w.hub, &wanted, (struct match){.how = MATCH_NONE}, w.now_ms, &made, &at));
        v = next(device, at);
        v->there = true;
    }
    v->born_ms = w.now_ms;
    model_start(&v->model);
}

/* ---- the world -------------------------------------------------------------------------------------------------- */

static void check_all(void)
{
    struct buf run = buf_max(TWIN_RUN_MAX);

    for (unsigned k = 0; k < DEVICES; k++) {
        buf_clear(&run);
        CHECK_ERR(hub_twin_copy(w.hub, name_of(k), &run, NULL, NULL), now(k)->there ? OK : ERR_NOT_FOUND);
        if (now(k)->there && (run.len || now(k)->model.version != 2))
            model_check(&now(k)->model, buf_bytes(&run));
    }
    buf_free(&run);
}

static void workers_begin(void)
{
    CHECK_OK(configurations_new(w.hub, &waker, &engine));
    CHECK_OK(job_runner_new(w.hub, &waker, NULL, &runner));
}

static void workers_end(void)
{
    configurations_free(engine);
    job_runner_free(runner);
    for (unsigned k = 0; k < DEVICES; k++)
        leave(k);
}

static void start_again(bool crash)
{
    uint64_t durable;

    workers_end();
    if (!crash)
        memory_store_settle(w.store, UINT64_MAX);
    durable = store_durable(w.store);
    if (crash)
        world_crash(&w);
    else
        world_restart(&w);
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
    crashes += crash;
    for (unsigned k = 0; k < DEVICES; k++)
        while (devices[k].n && now(k)->at >= durable)
            model_end(&devices[k].versions[--devices[k].n].model);
    workers_begin();
    check_all();
}

/* Of several transactions, some may happen and the rest not; then the hub goes on, or the power is cut. */
static void checkpoint(void)
{
    bool cut = below(3) == 0;
    enum err e;

    if (cut)
        memory_state_fails(w.state, true, below(12));
    e = hub_checkpoint(w.hub, w.now_ms);
    CHECK(!e || (cut && e == ERR_DISK_FULL));
    memory_state_fails(w.state, false, 0);
    if (cut && below(2))
        start_again(below(2));
}

static void step(void)
{
    unsigned device = below(DEVICES), dice = below(100);

    w.now_ms += below(100);
    if (dice < 25)
        change_by_service(device);
    else if (dice < 40)
        report(device);
    else if (dice < 48)
        begin_to_follow(device);
    else if (dice < 60)
        hear(device, large && below(8) ? 0 : 1 + below(20));
    else if (dice < 61)
        come_or_go(device);
    else if (dice < 66)
        change_by_service(device);
    else if (dice < 72)
        change_configurations();
    else if (dice < 78)
        carry_out();
    else if (dice < 80)
        begin_job();
    else if (dice < 84)
        work_on_jobs();
    else if (dice < 94)
        memory_store_settle(w.store, store_durable(w.store) + below(8));
    else if (dice < 97)
        checkpoint();
    else if (dice < 99)
        check_all();
    else if (below(2))
        make_or_drop(device);
    else if (below(2))
        start_again(below(2));
}

static void begin(uint64_t seed)
{
    memset(devices, 0, sizeof devices);
    jobs = ranks = crashes = 0;
    large = seed % 4 == 0;
    model_seed(seed);
    world_make(&w, seed);
    w.options.trace = on_trace;
    w.options.checkpoint_batch = below(4) ? 1 + below(400) : 0;
    CHECK_OK(hub_init(&w.options, &w.birth, w.now_ms));
    CHECK_OK(hub_open(&w.options, &w.hub));
    workers_begin();
    for (unsigned k = 0; k < DEVICES; k++) {
        devices[k].bell = bell_new();
        make_or_drop(k);
    }
    memory_store_settle(w.store, UINT64_MAX);
    memory_store_faults(w.store, &(struct memory_faults){.manual = true});
}

/* Jobs come to their end, whoever follows has what is desired, and both the checkpoint and the log know it. */
static void finish(void)
{
    unsigned by_jobs = 0;
    struct job job;

    memory_store_settle(w.store, UINT64_MAX);
    for (int turn = 0; active_job(&job); turn++) {
        CHECK(turn < 100);
        work_on_jobs();
    }
    carry_out();
    memory_store_settle(w.store, UINT64_MAX);
    for (unsigned k = 0; k < DEVICES; k++) {
        hear(k, UINT32_MAX);
        by_jobs += now(k)->by_jobs;
    }
    all_jobs += jobs;
    all_crashes += crashes;
    CHECK(by_jobs <= DEVICES * jobs + crashes); /* a row that was lost is done again */
    start_again(true);
    CHECK_OK(hub_checkpoint(w.hub, w.now_ms));
    start_again(true);
    workers_end();
    for (unsigned k = 0; k < DEVICES; k++)
        while (devices[k].n)
            model_end(&devices[k].versions[--devices[k].n].model);
    world_end(&w);
}

static void no_wake(struct waker *who)
{
    (void)who;
}

TEST(whoever_changes_a_twin_it_is_what_a_naive_model_makes_of_it)
{
    const char *given = getenv("D2D_SEED"), *count = getenv("D2D_SEEDS");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1, n = given ? 1 : count ? strtoull(count, NULL, 0) : 150;

    json_object_seed(1);
    waker.wake = no_wake;
    for (seed_now = first; seed_now < first + n; seed_now++) {
        begin(seed_now);
        for (int i = 0; i < STEPS; i++)
            step();
        finish();
    }
    /* The stories were about what they are meant to be about. */
    CHECK(n < 20 || (all_heard > 10 * n && all_jumped && all_configured > 10 * n && all_jobs > n && all_crashes > n));
    done = true;
}

static int say_seed(void **state)
{
    (void)state;
    if (!done)
        print_error("again with D2D_SEED=%llu\n", (unsigned long long)seed_now);
    return 0;
}

TESTS(cmocka_unit_test_teardown(whoever_changes_a_twin_it_is_what_a_naive_model_makes_of_it, say_seed))
