/* Shared by tests of jobs: a hub, whoever does its jobs, and devices that answer. */
#pragma once

#include "http_peer.h"
#include "hub_job.h"
#include "memory_files.h"
#include "runner.h"

static struct job_runner *runner;
static struct waker nobody = {quiet_wake};

static inline void runner_open(void)
{
    CHECK_OK(job_runner_new(w.hub, &nobody, &memory_files, &runner));
}

static inline int start(void **state)
{
    client_start(state);
    memory_files_clear();
    runner_open();
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    job_runner_free(runner);
    client_close(&c);
    world_close();
    return 0;
}

/* All that there is to do now. */
static inline void work(void)
{
    for (int64_t next_ms = c.join.now_ms; next_ms <= c.join.now_ms;)
        next_ms = job_runner_turn(runner, c.join.now_ms);
}

static inline void after(int64_t ms)
{
    c.join.now_ms += ms;
    work();
}

static inline void add_devices(unsigned n)
{
    struct device d = {.id = ""}, made;
    uint64_t at;

    for (unsigned i = 0; i < n; i++) {
        snprintf(d.id, sizeof d.id, "dev%04u", i);
        CHECK_OK(hub_device_put(w.hub, &d, (struct match){.how = MATCH_NONE}, c.join.now_ms, &made, &at));
    }
}

/* A member of the answer as text: "completed", 3, {…}; "" where there is none. A path has dots. */
static inline const char *said(const char *path)
{
    static char text[4096];
    json_t *root = json_loadb(heard_body(&c), c.in.body.len, JSON_DECODE_ANY, NULL);
    const json_t *at = json_is_array(root) ? json_array_get(root, 0) : root;
    struct bytes rest = bytes_str(path);

    while (rest.at && at) {
        struct bytes name = bytes_cut(&rest, '.');

        at = json_object_getn(at, (const char *)name.at, name.len);
    }
    text[0] = 0;
    if (json_is_string(at))
        snprintf(text, sizeof text, "%s", json_string_value(at));
    else if (at)
        text[json_dumpb(at, text, sizeof text - 1, JSON_ENCODE_ANY | JSON_COMPACT)] = 0;
    json_decref(root);
    return text;
}

static inline void check_said(const char *path, const char *wanted)
{
    CHECK_BYTES(bytes_str(said(path)), bytes_str(wanted));
}

static inline int put(const char *id, const char *body)
{
    char path[200];

    snprintf(path, sizeof path, "/jobs/v2/%s" V, id);
    return ask(&c, "PUT", path, NULL, body);
}

static inline void get(const char *id)
{
    char path[200];

    snprintf(path, sizeof path, "/jobs/v2/%s" V, id);
    CHECK(ask(&c, "GET", path, NULL, NULL) == 200);
}

static inline int cancel(const char *id)
{
    char path[200];

    snprintf(path, sizeof path, "/jobs/v2/%s/cancel" V, id);
    return ask(&c, "POST", path, NULL, NULL);
}

static inline void check_fault(int status, const char *name)
{
    CHECK(c.in.head.status == status);
    CHECK_BYTES(heard(&c, "iothub-errorcode"), bytes_str(name));
}

#define CALL_ALL(more)                                                                      \
    "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"*\",\"cloudToDeviceMethod\":{" \
    "\"methodName\":\"reboot\",\"payload\":{\"a\":1.50},\"responseTimeoutInSeconds\":30}" more "}"
#define LATER ",\"startTime\":\"2026-11-23T06:25:00.0000000Z\""

static inline struct seat *sit(const char *id)
{
    struct seat *seat = NULL;

    CHECK_OK(hub_attach(w.hub, bytes_str(id), NO_BYTES, PROOF_DEVICE_SAS, &nobody, c.join.now_ms, &seat));
    hub_calls_take(seat, true, c.join.now_ms);
    return seat;
}

/* False: nobody has called it. */
static inline bool answer(struct seat *seat, int64_t status, const char *payload)
{
    struct buf room = buf_max(CALL_NAME_MAX + CALL_PAYLOAD_MAX);
    struct call_request r;
    bool called = !hub_call_next(seat, c.join.now_ms, &room, &r);

    if (called) {
        CHECK_BYTES(r.method, BYTES("reboot"));
        CHECK_BYTES(r.payload, BYTES("{\"a\":1.50}"));
        CHECK_OK(hub_call_answer(seat, r.id, status, bytes_str(payload)));
    }
    buf_free(&room);
    return called;
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, start, stop)
