/* `device export` and `device import`: all devices as lines of a file. The hub reads and writes it: a d2dhub in the
 * folder blobs of its data folder, a hub in the cloud in a container of a blob store. */
#include "cli.h"
#include "json_text.h"

#include "clock.h"
#include "text.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 100, LOOKS = 5 /* before the hub is asked again */ };

struct transfer_values {
    const char *container, *file;
    int without_keys, configurations, no_wait;
    const char *type;
    int64_t until_ms; /* 0: until it has ended */
    char *json, *answer;
    char id[80];
};

static const struct column columns[] = {
    {"jobId", "JOB", 36}, {"type", "TYPE", 6}, {"status", "STATUS", 10}, {"progress", "PERCENT", 0}, {0}};

/* ---- what is asked for ------------------------------------------------------------------------------------------- */

static bool is_uri(const char *container)
{
    return strstr(container, "://") != NULL;
}

/* Names as a d2dhub takes them (service 4.10): never a path. */
static bool is_container(const char *name)
{
    size_t len = strlen(name);

    return len >= 3 && len <= 63 && name[0] != '-' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static char *request(const struct transfer_values *v)
{
    bool imports = strcmp(v->type, "import") == 0, uri = is_uri(v->container);
    struct buf text = buf_max(4096);
    json_t *job;
    char *json;

    buf_printf(&text, uri ? "%s" : "https://blobs/%s", v->container);
    job = json_pack("{ss ss ss sb}", "type", v->type, "outputBlobContainerUri", buf_str(&text),
                    "storageAuthenticationType", uri ? "identityBased" : "keyBased", "excludeKeysInExport",
                    v->without_keys);
    if (imports)
        json_object_set_new(job, "inputBlobContainerUri", json_string(buf_str(&text)));
    if (v->configurations)
        json_object_set_new(job, "includeConfigurations", json_true());
    if (v->file)
        json_object_set_new(job, imports ? "inputBlobName" : "outputBlobName", json_string(v->file));
    json = json_text(job, JSON_COMPACT);
    json_decref(job);
    buf_free(&text);
    return json;
}

/* ---- how far it is ----------------------------------------------------------------------------------------------- */

static bool has_ended(const char *answer, char *id, size_t cap)
{
    static const char *const ends[] = {"completed", "failed", "cancelled"};
    json_t *job = json_loads(answer, 0, NULL);
    const char *status = json_string_value(json_object_get(job, "status"));
    const char *its = json_string_value(json_object_get(job, "jobId"));
    bool ended = !status;

    for (size_t i = 0; i < sizeof ends / sizeof *ends && !ended; i++)
        ended = strcmp(status, ends[i]) == 0;
    snprintf(id, cap, "%s", its ? its : "");
    json_decref(job);
    return ended;
}

static bool is_over(const struct transfer_values *v)
{
    return cli_interrupted || (v->until_ms && clock_ms(CLOCK_MONOTONIC) >= v->until_ms);
}

static enum d2d_err start(struct d2d_registry *registry, void *ctx)
{
    struct transfer_values *v = ctx;
    enum d2d_err e = d2d_transfer_start(registry, v->json, &v->answer);

    while (!e && !has_ended(v->answer, v->id, sizeof v->id) && !v->no_wait && !is_over(v)) {
        char *now = NULL;

        for (int i = 0; i < LOOKS && !is_over(v); i++)
            poll(NULL, 0, LOOK_MS);
        if (is_over(v) || (e = d2d_transfer_get(registry, v->id, &now)))
            break;
        free(v->answer);
        v->answer = now;
    }
    return e;
}

static const char *name_in(const json_t *job, const char *member, const char *otherwise)
{
    const char *name = json_string_value(json_object_get(job, member));

    return name ? name : otherwise;
}

/* The files that it has written. */
static void tell_files(const struct transfer_values *v, const json_t *job, const char *where)
{
    bool imports = strcmp(v->type, "import") == 0;
    const char *file = imports ? "importErrors.log" : name_in(job, "outputBlobName", "devices.txt");
    const char *other =
        imports ? "importConfigErrors.log" : name_in(job, "configurationsBlobName", "configurations.txt");

    say("%s%s%s%s%s in %s; %s", where, file, v->configurations ? ", " : "", v->configurations ? where : "",
        v->configurations ? other : "", is_uri(v->container) ? "that container" : "the hub's data folder",
        imports             ? (v->configurations ? "they list the lines that failed" : "it lists the lines that failed")
        : v->configurations ? "they are readable by the owner of the hub alone"
                            : "it is readable by the owner of the hub alone");
}

/* A hub in the cloud does not say how many lines failed: then its log is only named. */
static enum status tell_end(const struct transfer_values *v, const json_t *job, const char *where)
{
    json_int_t failed = json_integer_value(json_object_get(job, "failedLines"));

    if (!failed) {
        tell_files(v, job, where);
        return DONE;
    }
    complain("device import: %lld line%s failed; the reasons are in %simportErrors.log%s%s%s in %s", (long long)failed,
             failed == 1 ? "" : "s", where, v->configurations ? " and " : "", v->configurations ? where : "",
             v->configurations ? "importConfigErrors.log" : "",
             is_uri(v->container) ? "that container" : "the hub's data folder");
    return PARTLY;
}

/* The folder of the files, and what is to be known of how it ended. */
static enum status tell(const struct transfer_values *v, const json_t *job)
{
    const char *status = json_string_value(json_object_get(job, "status"));
    const char *why = json_string_value(json_object_get(job, "failureReason"));
    char where[400] = "";

    if (!is_uri(v->container))
        snprintf(where, sizeof where, "blobs/%s/", v->container);
    if (status && strcmp(status, "completed") == 0)
        return tell_end(v, job, where);
    if (status && (strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0)) {
        complain("device %s: the job %s%s%s%s", v->type, strcmp(status, "failed") == 0 ? "" : "was ", status,
                 why ? ": " : "", why ? why : "");
        return FAILED;
    }
    say("it continues at the hub; `d2d job show %s` shows its progress", v->id);
    return cli_interrupted ? INTERRUPTED : v->no_wait ? DONE : ACCEPTED;
}

static enum status run(struct cli *c, struct transfer_values *v, const struct command *command, const char *type,
                       const char *container)
{
    enum status status;
    struct out out;
    json_t *job;

    v->type = type;
    v->container = container;
    if (strchr(container, '?'))
        return cli_usage(command,
                         "a URI with a signature is a secret: give it without, and let the hub have an identity");
    if (!is_uri(container) && !is_container(container))
        return cli_usage(command, "CONTAINER must be 3 to 63 small letters, digits or \"-\", and begin with a letter "
                                  "or digit, or be the URI of a container");
    if (c->timeout_ms)
        v->until_ms = clock_ms(CLOCK_MONOTONIC) + c->timeout_ms;
    if (!(v->json = request(v)))
        return FAILED;
    status = cli_with_registry(c, start, v, A_THING, container);
    free(v->json);
    if (status) {
        free(v->answer);
        return status;
    }
    if (!(job = out_parsed(v->answer)))
        return FAILED;
    cli_done(A_JOB, v->id);
    out_begin(&out, c->format, columns, "status");
    out_row(&out, json_incref(job));
    status = tell(v, job);
    json_decref(job);
    return status;
}

/* ---- the commands ------------------------------------------------------------------------------------------------ */

#define AT(field) .offset = offsetof(struct transfer_values, field)
#define FILE_HELP "the file in it (devices.txt)"
#define WAIT_HELP "do not wait for its end"
#define CONFIGURATIONS_OPTION(help)                                \
    {                                                              \
        "configurations", NULL, help, OPT_FLAG, AT(configurations) \
    }

static enum status device_export(struct cli *c, void *values, int n, char **argv)
{
    (void)n;
    return run(c, values, &command_device_export, "export", argv[1]);
}

static const struct opt export_options[] = {
    {"file", "NAME", FILE_HELP, OPT_TEXT, AT(file)},
    {"without-keys", NULL, "leave the keys of devices out", OPT_FLAG, AT(without_keys)},
    CONFIGURATIONS_OPTION("write all configurations, too, to configurations.txt beside it"),
    {"no-wait", NULL, WAIT_HELP, OPT_FLAG, AT(no_wait)},
    {0}};

const struct command command_device_export = {
    {.name = "device export",
     .deed = "was started",
     .usage = "CONTAINER",
     .summary = "write all devices to CONTAINER/devices.txt in the folder blobs of the hub's data folder",
     .examples = "d2d device export backup\n"
                 "d2d device export backup --configurations\n"
                 "d2d device export backup --file phones.txt --without-keys\n",
     .options = export_options,
     .least = 1,
     .most = 1},
    device_export,
    sizeof(struct transfer_values)};

static enum status device_import(struct cli *c, void *values, int n, char **argv)
{
    (void)n;
    return run(c, values, &command_device_import, "import", argv[1]);
}

static const struct opt import_options[] = {
    {"file", "NAME", FILE_HELP, OPT_TEXT, AT(file)},
    CONFIGURATIONS_OPTION("after the devices, make, change and delete configurations by configurations.txt beside it"),
    {"no-wait", NULL, WAIT_HELP, OPT_FLAG, AT(no_wait)},
    {0}};

const struct command command_device_import = {
    {.name = "device import",
     .deed = "was started",
     .usage = "CONTAINER",
     .summary =
         "make, change and delete devices by the lines of CONTAINER/devices.txt in blobs of the hub's data folder",
     .examples = "sudo cp devices.txt /var/lib/d2dhub/blobs/backup/\n"
                 "d2d device import backup\n",
     .options = import_options,
     .least = 1,
     .most = 1},
    device_import,
    sizeof(struct transfer_values)};
