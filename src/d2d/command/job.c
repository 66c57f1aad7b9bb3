/* Jobs: a direct method, or a change of twins, for all devices that meet a condition. */
#include "json_argument.h"
#include "json_text.h"
#include "output.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct job_values {
    const char *method, *payload, *desired, *tags, *where, *type, *status;
    int64_t in_ms, within_ms;
    int devices;
    const char *id;
    char *json, *answer;
    struct out out;
    size_t shown;
};

static const struct column columns[] = {
    {"jobId", "JOB", 20},        {"type", "TYPE", 20},           {"status", "STATUS", 10},
    {"devices", "DEVICES", 8},   {"succeeded", "DONE", 8},       {"failed", "FAILED", 8},
    {"startTime", "STARTS", 28}, {"queryCondition", "WHERE", 0}, {0}};

/* For people the counts stand beside the rest. */
static json_t *row_of(enum out_format format, json_t *job)
{
    static const struct {
        const char *name, *from;
    } counts[] = {{"devices", "deviceCount"}, {"succeeded", "succeededCount"}, {"failed", "failedCount"}};
    const json_t *statistics = json_object_get(job, "deviceJobStatistics");

    for (size_t i = 0; format != OUT_JSON && i < sizeof counts / sizeof *counts; i++)
        json_object_set(job, counts[i].name, json_object_get(statistics, counts[i].from));
    return job;
}

static enum status print(const struct cli *c, char *text)
{
    json_t *job = out_parsed(text);
    struct out out;

    if (!job)
        return FAILED;
    out_begin(&out, c->format, columns, "status");
    out_row(&out, row_of(out.format, job));
    return DONE;
}

/* ---- start ----------------------------------------------------------------------------------------------------- */

/* The deed of the job: one of the two. */
static enum status put_deed(const struct job_values *v, json_t *job)
{
    json_t *payload = NULL, *twin, *properties;
    bool good;

    if (v->method) {
        if (v->payload && !(payload = json_argument_value(&command_job_start, "--payload", v->payload)))
            return USAGE;
        json_object_set_new(job, "type", json_string("scheduleDeviceMethod"));
        json_object_set_new(job, "cloudToDeviceMethod",
                            json_pack("{ss so}", "methodName", v->method, "payload", payload ? payload : json_null()));
        return DONE;
    }
    twin = json_pack("{ss}", "etag", "*");
    properties = json_object();
    good = json_argument_put(&command_job_start, properties, "desired", "--desired", v->desired) &&
           json_argument_put(&command_job_start, twin, "tags", "--tags", v->tags);
    json_object_set_new(twin, "properties", properties);
    json_object_set_new(job, "type", json_string("scheduleUpdateTwin"));
    json_object_set_new(job, "updateTwin", twin);
    return good ? DONE : USAGE;
}

static enum status make(struct job_values *v)
{
    json_t *job = json_pack("{ss ss sI}", "jobId", v->id, "queryCondition", v->where, "maxExecutionTimeInSeconds",
                            (json_int_t)(v->within_ms ? v->within_ms / 1000 : 3600));
    char start[ISO_TIME_CAP];
    enum status status = put_deed(v, job);

    iso_time((int64_t)time(NULL) * 1000 + v->in_ms, start);
    json_object_set_new(job, "startTime", json_string(start));
    if (!status && !(v->json = json_text(job, JSON_COMPACT | JSON_REAL_PRECISION(17))))
        status = FAILED;
    json_decref(job);
    return status;
}

/* A hub takes a job with any condition, and the job fails later. Whether it can be read is what a query tells; all else
 * that may be wrong with that is not the job's. */
static enum d2d_err check_condition(struct d2d_registry *registry, const char *where)
{
    struct buf query = buf_max(64 * 1024);
    char after[D2D_AFTER_CAP] = "", *found = NULL;
    enum d2d_err e = D2D_OK;

    buf_printf(&query, "SELECT deviceId FROM devices WHERE %s", where);
    if (strcmp(where, "*") != 0 && !query.bad)
        e = d2d_query(registry, buf_str(&query), 1, after, &found);
    buf_free(&query);
    free(found);
    return e == D2D_ARGUMENT ? e : D2D_OK;
}

static enum d2d_err start(struct d2d_registry *registry, void *ctx)
{
    struct job_values *v = ctx;
    enum d2d_err e = check_condition(registry, v->where);

    return e ? e : d2d_job_start(registry, v->id, v->json, &v->answer);
}

static enum status job_start(struct cli *c, void *values, int n, char **argv)
{
    struct job_values *v = values;
    enum status status;

    (void)n;
    v->id = argv[1];
    if (!v->where)
        return cli_usage(&command_job_start, "--where is missing: the CONDITION that devices meet, or \"*\" for all");
    if (!v->method == (!v->desired && !v->tags))
        return cli_usage(&command_job_start, "give --method, or --desired and --tags");
    if (v->payload && !v->method)
        return cli_usage(&command_job_start, "--payload is for --method");
    if (!(status = make(v)) && !(status = cli_with_registry(c, start, v, A_JOB, v->id)))
        status = print(c, v->answer);
    free(v->json);
    return status;
}

#define AT(field) .offset = offsetof(struct job_values, field)

static const struct opt start_options[] = {
    {"where", "CONDITION", "for devices that meet it: \"tags.floor = 2\", \"*\" for all", OPT_TEXT, AT(where)},
    {"method", "METHOD", "call this direct method of each", OPT_TEXT, AT(method)},
    {"payload", "JSON", "with this payload", OPT_TEXT, AT(payload)},
    {"desired", "JSON", "merge this into the desired properties of each", OPT_TEXT, AT(desired)},
    {"tags", "JSON", "merge this into the tags of each", OPT_TEXT, AT(tags)},
    {"in", "T", "start after this time (now)", OPT_DURATION, AT(in_ms)},
    {"within", "T", "and end after this time (1h)", OPT_DURATION, AT(within_ms), .least = 1000},
    {0}};

const struct command command_job_start = {
    {.name = "job start",
     .deed = "was started",
     .usage = "ID --where CONDITION (--method METHOD | --desired JSON)",
     .summary = "call a method of many devices, or change their twins",
     .examples = "d2d job start close-all --where \"tags.role = 'door'\" --method close\n"
                 "d2d job start slower --where '*' --desired '{\"interval\":60}' --in 2h\n",
     .options = start_options,
     .least = 1,
     .most = 1},
    job_start,
    sizeof(struct job_values)};

/* ---- list ------------------------------------------------------------------------------------------------------ */

static enum d2d_err print_page(struct job_values *v, char *text)
{
    json_t *jobs = out_parsed(text), *job;
    size_t i;

    if (!jobs)
        return D2D_FAILED;
    json_array_foreach(jobs, i, job)
    {
        if (cli_interrupted || !out_row(&v->out, row_of(v->out.format, json_incref(job))))
            break;
        v->shown++;
    }
    json_decref(jobs);
    return D2D_OK;
}

static bool is_wanted(const struct job_values *v, const json_t *job)
{
    const char *type = json_string_value(json_object_get(job, "type"));
    const char *status = json_string_value(json_object_get(job, "status"));

    return type && status && (!v->type || strcasecmp(v->type, type) == 0) &&
           (!v->status || strcasecmp(v->status, status) == 0);
}

/* Imports and exports, which the hub tells apart and whole. */
static enum d2d_err list_transfers(struct d2d_registry *registry, struct job_values *v)
{
    json_t *all, *job;
    char *text = NULL;
    enum d2d_err e = d2d_transfers(registry, &text);
    size_t i;

    if (e || !(all = out_parsed(text)))
        return e ? e : D2D_FAILED;
    json_array_foreach(all, i, job)
    {
        if (!is_wanted(v, job))
            continue;
        if (cli_interrupted || !out_row(&v->out, json_incref(job)))
            break;
        v->shown++;
    }
    json_decref(all);
    return D2D_OK;
}

static enum d2d_err list(struct d2d_registry *registry, void *ctx)
{
    struct job_values *v = ctx;
    char after[D2D_AFTER_CAP] = "";

    do {
        char *text = NULL;
        enum d2d_err e = d2d_jobs(registry, v->type, v->status, after, &text);

        if (e || (e = print_page(v, text)))
            return e;
    } while (after[0] && !cli_interrupted && output_flush());
    return cli_interrupted || !output_flush() ? D2D_OK : list_transfers(registry, v);
}

static enum status job_list(struct cli *c, void *values, int n, char **argv)
{
    struct job_values *v = values;
    enum status status;

    (void)n, (void)argv;
    out_begin(&v->out, c->format, columns, "jobId");
    status = cli_with_registry(c, list, v, A_THING, "the jobs");
    if (!status && !v->shown)
        say("there are no jobs");
    return cli_interrupted ? INTERRUPTED : status;
}

static const struct opt list_options[] = {
    {"status", "STATUS", "only those: queued, scheduled, running, completed, failed, cancelled", OPT_TEXT, AT(status)},
    {"type", "TYPE", "only those: scheduleDeviceMethod, scheduleUpdateTwin, export, import", OPT_TEXT, AT(type)},
    {0}};

const struct command command_job_list = {{.name = "job list",
                                          .usage = "[--status STATUS]",
                                          .summary = "list the jobs",
                                          .examples = "d2d job list --status running\n",
                                          .options = list_options},
                                         job_list,
                                         sizeof(struct job_values)};

/* ---- show, cancel ---------------------------------------------------------------------------------------------- */

static enum d2d_err get(struct d2d_registry *registry, void *ctx)
{
    struct job_values *v = ctx;
    enum d2d_err e = d2d_job_get(registry, v->id, &v->answer);

    return e == D2D_NOT_FOUND ? d2d_transfer_get(registry, v->id, &v->answer) : e;
}

/* A quote in an id is written twice. */
static void put_query(const char *id, struct buf *out)
{
    buf_puts(out, "SELECT * FROM devices.jobs WHERE devices.jobs.jobId = '");
    for (; *id; id++) {
        if (*id == '\'' || *id == '\\')
            buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)*id);
    }
    buf_puts(out, "'");
}

static enum d2d_err get_devices(struct d2d_registry *registry, void *ctx)
{
    struct job_values *v = ctx;
    struct buf query = buf_max(4096);
    char after[D2D_AFTER_CAP] = "";
    enum d2d_err e = D2D_OK;

    put_query(v->id, &query);
    do {
        char *text = NULL;

        if (!(e = d2d_query(registry, buf_str(&query), 0, after, &text)))
            e = print_page(v, text);
    } while (!e && after[0] && !cli_interrupted && output_flush());
    buf_free(&query);
    return e;
}

static enum status show_devices(struct cli *c, struct job_values *v)
{
    static const struct column device_columns[] = {{"deviceId", "DEVICE", 24},  {"status", "STATUS", 10},
                                                   {"endTimeUtc", "ENDED", 28}, {"outcome", "OUTCOME", 24},
                                                   {"error", "ERROR", 0},       {0}};
    enum status status = cli_with_registry(c, get, v, A_JOB, v->id);

    if (status)
        return status;
    free(v->answer);
    out_begin(&v->out, c->format, device_columns, "deviceId");
    return cli_with_registry(c, get_devices, v, A_JOB, v->id);
}

static enum status job_show(struct cli *c, void *values, int n, char **argv)
{
    struct job_values *v = values;
    enum status status;

    (void)n;
    v->id = argv[1];
    if (v->devices)
        return show_devices(c, v);
    status = cli_with_registry(c, get, v, A_JOB, v->id);
    return status ? status : print(c, v->answer);
}

static const struct opt show_options[] = {{"devices", NULL, "what became of each device", OPT_FLAG, AT(devices)}, {0}};

const struct command command_job_show = {{.name = "job show",
                                          .usage = "ID [--devices]",
                                          .summary = "show how far a job is",
                                          .examples = "d2d job show close-all\n"
                                                      "d2d job show close-all --devices -o table\n",
                                          .options = show_options,
                                          .least = 1,
                                          .most = 1},
                                         job_show,
                                         sizeof(struct job_values)};

static enum d2d_err cancel(struct d2d_registry *registry, void *ctx)
{
    struct job_values *v = ctx;
    enum d2d_err e = d2d_job_cancel(registry, v->id, &v->answer);

    if (e != D2D_NOT_FOUND)
        return e;
    e = d2d_transfer_cancel(registry, v->id);
    return e ? e : d2d_transfer_get(registry, v->id, &v->answer);
}

static enum status job_cancel(struct cli *c, void *values, int n, char **argv)
{
    struct job_values *v = values;
    enum status status;

    (void)n;
    v->id = argv[1];
    status = cli_with_registry(c, cancel, v, A_JOB, v->id);
    return status ? status : print(c, v->answer);
}

const struct command command_job_cancel = {{.name = "job cancel",
                                            .deed = "was cancelled",
                                            .usage = "ID",
                                            .summary = "cancel a job",
                                            .examples = "d2d job cancel close-all\n",
                                            .least = 1,
                                            .most = 1},
                                           job_cancel,
                                           sizeof(struct job_values)};
