#include "server.h"

#include "certs.h"
#include "challenges.h"
#include "clock.h"
#include "commands.h"
#include "crowd.h"
#include "damage.h"
#include "facts.h"
#include "groups.h"
#include "limiter.h"
#include "memory.h"
#include "report.h"
#include "room.h"
#include "user_context.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static bool is_ready(void *ctx)
{
    const struct server *s = ctx;

    return s->ready && !s->stopping;
}

static uint64_t durable(void *ctx)
{
    return store_durable(ctx);
}

/* Asks the keeper for a round before its time: so much has come that the log may have to let go of some. */
static void hurry(struct server *s)
{
    if (store_durable(s->data.store) - s->kept_at < s->hurry_bytes || atomic_exchange(&s->hurried, true))
        return;
    pthread_mutex_lock(&s->lock);
    s->hurry = true;
    pthread_cond_broadcast(&s->stop);
    pthread_mutex_unlock(&s->lock);
}

/* From the sync thread: events became readable, answers may leave. */
static void grew(void *ctx)
{
    struct server *s = ctx;

    hurry(s);
    hub_grew(s->hub);
    for (int i = 0; i < s->n_loops; i++)
        net_loop_grew(s->loops[i]);
}

/* For /hub/status. */
static void tell_load(void *ctx, struct capacity_load *out)
{
    const struct server *s = ctx;
    struct net_gate_stats n;
    struct memory_stats m;

    net_gate_stats(s->gate, &n);
    memory_stats(&m);
    *out = (struct capacity_load){.connections = n.connections,
                                  .unproved = n.unproved,
                                  .refused = n.refused,
                                  .memory_used = m.used,
                                  .memory_limit = m.limit,
                                  .memory_short = m.is_short};
}

static int open_tls(struct server *s)
{
    struct certs files;
    char why[256] = "";
    int64_t now = hub_wall_ms(s->hub, net_steady_ms()), known = hub_last_ms(s->hub);
    bool renewed;
    enum err e = certs_renew(&s->config, known / 1000, now / 1000, &renewed);

    if (e)
        fprintf(stderr, "d2dhub run: a certificate in %s/tls could not be renewed with ca.pem and ca-key.pem: %s\n",
                s->config.data, err_text(e));
    certs_files(&s->config, &files);
    if (tls_server_new(files.pairs, files.n, &s->tls, why)) {
        fprintf(stderr, "d2dhub run: %s\n  `d2dhub check` checks the certificates\n", why);
        return 1;
    }
    return 0;
}

static void make_env(struct server *s)
{
    struct config *c = &s->config;

    config_names(c, s->names_text, s->names);
    s->capacity =
        (struct capacity){.ctx = s, .may_take = memory_may_take, .may_grow = memory_may_grow, .load = tell_load};
    s->env = (struct front_env){.hub = s->hub,
                                .aliases = s->names,
                                .random = random_bytes,
                                .ready = is_ready,
                                .ready_ctx = s,
                                .limiter = s->limiter,
                                .challenges = s->challenges,
                                .groups = s->groups,
                                .strangers = &s->strangers,
                                .queries = worker_queries(s->worker),
                                .configurations = worker_configurations(s->worker),
                                .capacity = &s->capacity,
                                .faults = c->fault_injection != 0,
                                .outside = outside_worker_table(s->outside)};
    snprintf(s->env.host, sizeof s->env.host, "%s", c->name);
    config_entity(c, s->env.entity);
    s->doors[0] = (struct door){"mqtts", &s->env, front_mqtt_new};
    s->doors[1] = (struct door){"amqps", &s->env, front_amqp_new};
    s->doors[2] = (struct door){"https", &s->env, front_http_new};
}

/* The file that `show` prints: written anew at each start, with the ports that the hub got. */
static void save_facts(struct server *s)
{
    struct policy policies[8] = {{.rights = 0}};
    struct config real = s->config;
    json_t *facts;

    real.mqtts_port = s->ports[0];
    real.amqps_port = s->ports[1];
    real.https_port = s->ports[2];
    facts = facts_make(&real, hub_birth(s->hub), policies, hub_policy_list(s->hub, policies, 8));

    if (!facts || facts_save(&s->config, facts))
        log_event(LOG_WARN, "facts-not-written", KVS("folder", s->config.data));
    if (facts && user_context_follow(&s->config, facts))
        log_event(LOG_INFO, "context-follows", KVN("mqtts", s->ports[0]), KVN("amqps", s->ports[1]),
                  KVN("https", s->ports[2]));
    json_decref(facts);
}

/* A hub whose first records cannot be read is there: a new one must not take its place. */
static int say_no_birth(const struct config *c)
{
    fprintf(stderr,
            "d2dhub run: %s/log is damaged: the record that says which hub this is cannot be read, and there is no "
            "checkpoint that has it. Restore a backup of the folder; `d2dhub check` shows what is damaged\n",
            c->data);
    return 1;
}

static int say_no_hub(const struct config *c)
{
    bool service = strcmp(c->data, SERVICE_DATA) == 0;

    fprintf(stderr, "d2dhub run: there is no hub in %s; `%s%s --name HOST` makes one\n", c->data,
            service ? "sudo d2dhub init" : "d2dhub init --data ", service ? "" : c->data);
    return 4;
}

/* How long something waits is not a matter of the wall clock. */
static void stop_init(pthread_cond_t *stop)
{
    pthread_condattr_t by_monotonic;

    pthread_condattr_init(&by_monotonic);
    pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(stop, &by_monotonic);
    pthread_condattr_destroy(&by_monotonic);
}

/* False when the hub stops meanwhile. *nudge, if there is one, ends the wait, before it begins, too. */
static bool wait_ms(struct server *s, int64_t ms, bool *nudge)
{
    struct timespec until;
    bool goes_on;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&s->lock);
    if (!s->stopping && !(nudge && *nudge))
        pthread_cond_timedwait(&s->stop, &s->lock, &until);
    if (nudge)
        *nudge = false;
    goes_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

/* A checkpoint writes in small transactions and rests between them while connections are served: what they wait for is
 * the same disk. */
static size_t pace(void *ctx, unsigned pressure)
{
    struct server *s = ctx;
    int64_t now_us = clock_us(CLOCK_MONOTONIC), worked_us = now_us - s->paced_us;
    bool rests = s->ready && pressure < 100 && !s->full && !s->hurried && served_now(&s->served, now_us);

    if (rests)
        wait_ms(s, (SERVED_REST * worked_us * (100 - pressure) / 100 + 500) / 1000, NULL);
    s->paced_us = clock_us(CLOCK_MONOTONIC);
    return rests ? STATE_BATCH_SMALL : STATE_BATCH;
}

int server_open(struct server *s)
{
    struct net_loop_options options = {.durable = durable};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct gap gap;
    uint64_t seed;
    enum err e;

    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->certs, NULL);
    stop_init(&s->stop);
    crowd_raise_descriptors();
    if (!data_exists(&s->config))
        return say_no_hub(&s->config);
    if (data_open(&s->config, &s->data))
        return 1;
    s->data.store->grew = grew;
    s->data.store->grew_ctx = s;
    damage_tell(&s->config, s->data.store);
    log_flush(); /* what was cut or is damaged is told before anybody is served */
    s->data.options.pace = pace;
    s->data.options.pace_ctx = s;
    e = hub_open(&s->data.options, &s->hub);
    if (e == ERR_NOT_FOUND)
        return store_gap(s->data.store, 0, &gap) ? say_no_birth(&s->config) : say_no_hub(&s->config);
    if (e) {
        fprintf(stderr, "d2dhub run: %s: %s\n", s->config.data, err_text(e));
        return 1;
    }
    hub_time_begin(&s->time, s->hub, s->config.clock_wait);
    if ((e = hub_policies_complete(s->hub))) {
        fprintf(stderr, "d2dhub run: %s: %s\n", s->config.data, err_text(e));
        return 1;
    }
    if (!s->config.name[0])
        snprintf(s->config.name, sizeof s->config.name, "%s", hub_birth(s->hub)->name);
    random_bytes(NULL, (uint8_t *)&seed, sizeof seed);
    blobs_in(&s->blobs, &s->config);
    if (limiter_new(seed, &s->limiter) || challenges_new(&s->challenges) || enrollment_groups_new(&s->groups) ||
        outside_worker_open(s->config.linked_hubs_file, s->config.outside_ca_file, &s->outside) ||
        worker_new(s->hub, &s->blobs.files, &s->worker))
        return 1;
    make_env(s);
    if (open_tls(s))
        return 1;
    options.durable_ctx = s->data.store;
    s->n_loops = s->config.loops ? s->config.loops : cores < 1 ? 1 : cores > 8 ? 8 : (int)cores;
    for (int i = 0; i < s->n_loops; i++) {
        if (net_loop_open(&options, &s->loops[i])) {
            fprintf(stderr, "d2dhub run: an event loop cannot be made\n");
            s->n_loops = i;
            return 1;
        }
    }
    memory_open(s->config.memory_limit);
    random_bytes(NULL, (uint8_t *)&seed, sizeof seed);
    return crowd_gate(&s->config, (unsigned)s->n_loops * DOORS * 2, seed, &s->gate) ? 1 : 0;
}

static void listen_failed(const struct server *s, const struct door *door, int port, enum err e)
{
    fprintf(stderr, "d2dhub run: %s on %s port %d: ", door->protocol, s->config.listen, port);
    if (e == ERR_DENIED)
        fprintf(stderr, "not permitted. Ports below 1024 need root or the capability:\n"
                        "  sudo setcap cap_net_bind_service=+ep $(command -v d2dhub)\n");
    else if (e == ERR_BUSY)
        fprintf(stderr, "another program uses it. `ss -ltnp sport = :%d` shows which; --%s-port selects another port\n",
                port, door->protocol);
    else
        fprintf(stderr, "%s\n", err_text(e));
}

static enum err accept_at(void *door, struct net_conn *conn, const struct peer *peer, int64_t now_ms, struct talk **out)
{
    const struct door *d = door;

    (void)conn;
    return d->make(d->env, peer, now_ms, out);
}

static enum err listen_on_all(struct server *s, struct door *door, int *port)
{
    struct net_listen_options options = {
        .address = s->config.listen, .tls = s->tls, .accept = accept_at, .accept_ctx = door, .gate = s->gate};

    for (int i = 0; i < s->n_loops; i++) {
        enum err e;

        options.port = *port;
        options.first = i == 0;
        if ((e = net_listen(s->loops[i], &options, port)))
            return e;
    }
    return OK;
}

static void say_listening(const struct server *s, const struct door *door, int port)
{
    if (s->config.json)
        printf("{\"event\":\"listening\",\"protocol\":\"%s\",\"address\":\"%s\",\"port\":%d}\n", door->protocol,
               s->config.listen, port);
    else
        printf("%s on %s port %d\n", door->protocol, s->config.listen, port);
    fflush(stdout);
    log_event(LOG_INFO, "listening", KVS("protocol", door->protocol), KVS("address", s->config.listen),
              KVN("port", port));
}

int server_listen(struct server *s)
{
    s->ports[0] = s->config.mqtts_port;
    s->ports[1] = s->config.amqps_port;
    s->ports[2] = s->config.https_port;
    for (int i = 0; i < DOORS; i++) {
        enum err e = listen_on_all(s, &s->doors[i], &s->ports[i]);

        if (e == ERR_DENIED && s->ports[i] == 443) {
            listen_failed(s, &s->doors[i], s->ports[i], e);
            fprintf(stderr, "  continuing with 8443; clients that always use 443 do not find it\n");
            s->ports[i] = 8443;
            e = listen_on_all(s, &s->doors[i], &s->ports[i]);
        }
        if (e) {
            listen_failed(s, &s->doors[i], s->ports[i], e);
            return 1;
        }
        say_listening(s, &s->doors[i], s->ports[i]);
    }
    s->env.amqps_port = s->ports[1];
    save_facts(s);
    return 0;
}

static void *run_loop(void *loop)
{
    net_loop_run(loop);
    return NULL;
}

/* The lock `certs` is held. */
static void reload_certificate(struct server *s)
{
    struct certs files;
    char why[256] = "";

    certs_files(&s->config, &files);
    if (tls_server_reload(s->tls, files.pairs, files.n, why)) {
        log_event(LOG_ERROR, "certificate-not-reloaded", KVS("file", files.cert[0]), KVS("reason", why));
        return;
    }
    for (size_t i = 0; i < files.n; i++)
        log_event(LOG_INFO, "certificate-reloaded", KVS("file", files.cert[i]));
}

/* Without its end. */
static struct bytes first_line(const struct buf *said)
{
    struct bytes text = buf_bytes(said);
    const uint8_t *end = text.len ? memchr(text.at, '\n', text.len) : NULL;

    return end ? bytes_first(text, (size_t)(end - text.at)) : text;
}

void server_reload(struct server *s)
{
    struct config *fresh = malloc(sizeof *fresh);
    struct buf why = buf_max(16 * 1024);

    if (fresh && config_load(fresh, &command_run.told, s->argc, s->argv, &why) == 0) {
        pthread_mutex_lock(&s->certs);
        memcpy(s->config.cert_file, fresh->cert_file, sizeof fresh->cert_file);
        memcpy(s->config.key_file, fresh->key_file, sizeof fresh->key_file);
        memcpy(s->config.other_cert_file, fresh->other_cert_file, sizeof fresh->other_cert_file);
        memcpy(s->config.other_key_file, fresh->other_key_file, sizeof fresh->other_key_file);
        reload_certificate(s);
        pthread_mutex_unlock(&s->certs);
        report_change(fresh);
    } else {
        log_event(LOG_ERROR, "configuration-not-reloaded", KVS("file", s->config.file), KV("reason", first_line(&why)));
    }
    hub_time_believe(&s->time);
    buf_free(&why);
    free(fresh);
}

static void renew(struct server *s)
{
    int64_t now_s = hub_wall_ms(s->hub, net_steady_ms()) / 1000;
    bool renewed;

    pthread_mutex_lock(&s->certs);
    if (certs_renew(&s->config, now_s, now_s, &renewed))
        log_event(LOG_ERROR, "certificate-not-renewed", KVS("folder", s->config.data));
    else if (renewed)
        reload_certificate(s);
    pthread_mutex_unlock(&s->certs);
}

/* Not on a loop: what is due may have to be read from the checkpoint. */
static void *tick(void *ctx)
{
    struct server *s = ctx;
    int64_t now = net_steady_ms();

    while (wait_ms(s, hub_tick(s->hub, now) - now, &s->nudge)) {
        now = net_steady_ms();
        hub_time_look(&s->time);
        atomic_fetch_add(&s->ticks, 1);
    }
    return NULL;
}

/* Sets what there is room for until the next look. True: there is none, and a checkpoint may make some. */
static bool look_for_room(struct server *s)
{
    struct hub_space share;
    struct store_space space;
    struct disk_room room;

    store_space(s->data.store, &space);
    s->kept_at = store_durable(s->data.store);
    atomic_store(&s->hurried, false);
    if (!room_look(s->config.data, &room))
        return space.full;
    room_share(&s->config, &room, &space, &share);
    hub_space_set(s->hub, &share);
    s->hurry_bytes = room_is_tight(&room, &space) ? space.file / 2 : HURRY_FILES * space.file;
    return space.full;
}

/* Checkpoints every few seconds; certificates once a day. */
static void *keep_house(void *ctx)
{
    struct server *s = ctx;
    int64_t renewed_ms = net_steady_ms();
    enum err last = OK, e;

    while (wait_ms(s, s->full && !last ? FULL_CHECKPOINT_MS : CHECKPOINT_MS, &s->hurry)) {
        s->kept_ms = net_steady_ms();
        s->full = look_for_room(s);
        s->paced_us = clock_us(CLOCK_MONOTONIC);
        e = hub_checkpoint(s->hub, net_steady_ms());
        if (e != last)
            log_event(e ? LOG_ERROR : LOG_INFO, e ? "checkpoint-failed" : "checkpoint-works-again",
                      KVS("reason", err_text(e)));
        last = e;
        if (net_steady_ms() - renewed_ms > DAY_MS) {
            renewed_ms = net_steady_ms();
            renew(s);
        }
    }
    return NULL;
}

/* Whether there is memory for something new. It asks nobody who might be stuck. */
static void *watch(void *ctx)
{
    struct server *s = ctx;

    while (wait_ms(s, MEMORY_LOOK_MS, NULL)) {
        memory_look(net_steady_ms());
        net_gate_tick(s->gate, net_steady_ms());
    }
    return NULL;
}

/* For whoever asks whether connections are served. */
static uint64_t reads(void *ctx)
{
    const struct server *s = ctx;
    uint64_t n = 0;

    for (int i = 0; i < s->n_loops; i++) {
        struct net_stats stats;

        net_loop_stats(s->loops[i], &stats);
        n += stats.reads;
    }
    return n;
}

int server_start(struct server *s)
{
    s->served = (struct served){.reads = reads, .ctx = s};
    look_for_room(s);
    for (int i = 0; i < s->n_loops; i++) {
        if (pthread_create(&s->threads[i], NULL, run_loop, s->loops[i])) {
            fprintf(stderr, "d2dhub run: a thread cannot be made\n");
            return 1;
        }
        s->n_threads++;
    }
    if (pthread_create(&s->ticker, NULL, tick, s) == 0) {
        s->n_threads++;
        if (pthread_create(&s->keeper, NULL, keep_house, s) == 0) {
            s->n_threads++;
            s->n_threads += pthread_create(&s->watcher, NULL, watch, s) == 0;
        }
    }
    if (s->n_threads < s->n_loops + 3 || outside_worker_start(s->outside, &s->env) ||
        worker_start(s->worker, &s->served)) {
        fprintf(stderr, "d2dhub run: a thread cannot be made\n");
        return 1;
    }
    s->kept_ms = net_steady_ms();
    s->ready = true;
    return 0;
}

bool server_moves(struct server *s, struct server_moved *since, const char **stuck)
{
    struct server_moved now = {.looked = true, .ticks = s->ticks, .end = store_end(s->data.store)};

    now.durable = store_durable(s->data.store);
    *stuck = NULL;
    /* A checkpoint of a large hub on a slow disk takes its time. */
    if (net_steady_ms() - s->kept_ms > KEEPING_MAX_MS)
        *stuck = "the thread that writes checkpoints";
    if (since->looked && now.ticks == since->ticks)
        *stuck = "the thread that keeps the time";
    for (int i = 0; i < s->n_loops; i++) {
        now.turns[i] = net_loop_turns(s->loops[i]);
        if (since->looked && now.turns[i] == since->turns[i])
            *stuck = "an event loop";
    }
    /* Answers that waited for the disk then may leave now, or at least some of them. */
    if (now.durable < since->end && now.durable == since->durable)
        *stuck = "writing to the disk";
    pthread_mutex_lock(&s->lock);
    s->nudge = true;
    pthread_cond_broadcast(&s->stop);
    pthread_mutex_unlock(&s->lock);
    *since = now;
    return !*stuck;
}

static void end_threads(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->stop);
    pthread_mutex_unlock(&s->lock);
    if (s->n_threads > s->n_loops)
        pthread_join(s->ticker, NULL);
    if (s->n_threads > s->n_loops + 1)
        pthread_join(s->keeper, NULL);
    if (s->n_threads > s->n_loops + 2)
        pthread_join(s->watcher, NULL);
    for (int i = 0; i < s->n_threads && i < s->n_loops; i++)
        net_loop_stop(s->loops[i], GRACE_MS);
    for (int i = 0; i < s->n_threads && i < s->n_loops; i++)
        pthread_join(s->threads[i], NULL);
}

void server_close(struct server *s)
{
    if (s->n_threads)
        end_threads(s);
    outside_worker_close(s->outside);
    worker_free(s->worker);
    /* A checkpoint that fails costs time at the next start, nothing else: the log has it all. */
    if (s->hub)
        hub_remember(s->hub);
    if (s->hub && hub_checkpoint(s->hub, net_steady_ms()))
        log_event(LOG_WARN, "checkpoint-failed", KVS("data", s->config.data));
    /* Its thread tells hub and loops that the log grew: they must be there until it has ended. */
    store_close(s->data.store);
    hub_close(s->hub);
    state_close(s->data.state);
    for (int i = 0; i < s->n_loops; i++)
        net_loop_close(s->loops[i]);
    tls_free(s->tls);
    limiter_free(s->limiter);
    challenges_free(s->challenges);
    enrollment_groups_free(s->groups);
    net_gate_free(s->gate);
    memory_close();
}
