/* `twin get`, `twin set` and `twin report`: a twin as it is, what is wanted of a device, and what a device tells. */
#include "twin_row.h"

#include "json_argument.h"
#include "json_text.h"
#include "with_device.h"

#include <stdlib.h>
#include <string.h>

struct twin_values {
    const char *tags, *etag;
    int replace;
    const char *id;
    char *json, *answer;
    int64_t version;
};

static enum subject subject_of(const char *id)
{
    return strchr(id, '/') ? A_MODULE : A_DEVICE;
}

static enum status print(const struct cli *c, char *text)
{
    json_t *twin = out_parsed(text);
    struct out out;

    if (!twin)
        return FAILED;
    out_begin(&out, c->format, twin_columns, "properties");
    out_row(&out, twin_row(out.format, twin));
    return DONE;
}

/* ---- get ------------------------------------------------------------------------------------------------------- */

static enum d2d_err get_twin(struct d2d_registry *registry, void *ctx)
{
    struct twin_values *v = ctx;

    return d2d_twin_get(registry, v->id, &v->answer);
}

static enum d2d_err get_own(struct cli *c, struct d2d_device *device, void *ctx)
{
    struct twin_values *v = ctx;
    json_t *twin;
    struct out out;
    enum d2d_err e = d2d_device_twin_wait(device, &v->answer, c->timeout_ms);

    if (e)
        return e;
    if (!(twin = out_parsed(v->answer)))
        return D2D_FAILED;
    out_begin(&out, c->format, twin_columns, "reported");
    out_row(&out, twin_row_own(d2d_device_id(device), twin));
    return D2D_OK;
}

static enum status twin_get(struct cli *c, void *values, int n, char **argv)
{
    struct twin_values *v = values;
    enum status status;

    if (!n)
        return cli_with_device(c, get_own, v, "the twin");
    v->id = argv[1];
    if ((status = cli_with_registry(c, get_twin, v, subject_of(v->id), v->id)))
        return status;
    return print(c, v->answer);
}

const struct command command_twin_get = {{.name = "twin get",
                                          .usage = "[DEVICE[/MODULE]]",
                                          .summary = "show a twin; without DEVICE, as a device its own",
                                          .examples = "d2d twin get garage\n"
                                                      "d2d twin get --as garage\n",
                                          .most = 1,
                                          .first = OPT_DEVICE},
                                         twin_get,
                                         sizeof(struct twin_values)};

/* ---- set ------------------------------------------------------------------------------------------------------- */

static enum d2d_err set_twin(struct d2d_registry *registry, void *ctx)
{
    struct twin_values *v = ctx;

    return v->replace ? d2d_twin_replace(registry, v->id, v->json, v->etag, &v->answer)
                      : d2d_twin_patch(registry, v->id, v->json, v->etag, &v->answer);
}

static char *change_of(const struct twin_values *v, const char *desired)
{
    json_t *change = json_object(), *properties = json_object();
    char *text = NULL;

    if (json_argument_put(&command_twin_set, properties, "desired", "JSON", desired) &&
        json_argument_put(&command_twin_set, change, "tags", "--tags", v->tags)) {
        json_object_set(change, "properties", properties);
        text = json_text(change, JSON_COMPACT | JSON_REAL_PRECISION(17));
    }
    json_decref(properties);
    json_decref(change);
    return text;
}

static enum status twin_set(struct cli *c, void *values, int n, char **argv)
{
    struct twin_values *v = values;
    enum status status;

    if (n < 2 && !v->tags)
        return cli_usage(&command_twin_set, "nothing to change: give JSON, the desired properties, or --tags JSON");
    if (!(v->json = change_of(v, n > 1 ? argv[2] : NULL)))
        return USAGE;
    v->id = argv[1];
    if (!(status = cli_with_registry(c, set_twin, v, subject_of(v->id), v->id)))
        status = print(c, v->answer);
    free(v->json);
    return status;
}

static const struct opt set_options[] = {
    {"tags", "JSON", "merge this into the tags, which devices do not see", OPT_TEXT,
     .offset = offsetof(struct twin_values, tags)},
    {"replace", NULL, "replace tags and desired properties, instead of merging", OPT_FLAG,
     .offset = offsetof(struct twin_values, replace)},
    {"etag", "ETAG", "only if the twin still has this ETag", OPT_TEXT, .offset = offsetof(struct twin_values, etag)},
    {0}};

const struct command command_twin_set = {{.name = "twin set",
                                          .deed = "was changed",
                                          .usage = "DEVICE[/MODULE] [JSON] [--tags JSON]",
                                          .summary = "change the desired properties or tags of a twin; null deletes",
                                          .examples = "d2d twin set garage '{\"closeAfterSeconds\":120}'\n"
                                                      "d2d twin set garage --tags '{\"floor\":0}'\n"
                                                      "d2d twin set garage '{\"closeAfterSeconds\":null}'\n",
                                          .options = set_options,
                                          .least = 1,
                                          .most = 2,
                                          .first = OPT_DEVICE},
                                         twin_set,
                                         sizeof(struct twin_values)};

/* ---- report ---------------------------------------------------------------------------------------------------- */

static enum d2d_err report(struct cli *c, struct d2d_device *device, void *ctx)
{
    static const struct column columns[] = {{"deviceId", "DEVICE", 16}, {"version", "VERSION", 0}, {0}};
    struct twin_values *v = ctx;
    struct out out;
    json_t *row;
    enum d2d_err e = d2d_device_report_wait(device, v->json, strlen(v->json), &v->version, c->timeout_ms);

    if (e)
        return e;
    cli_done(A_DEVICE, d2d_device_id(device));
    row = twin_row_own(d2d_device_id(device), json_object());
    if (v->version >= 0)
        json_object_set_new(row, "version", json_integer(v->version));
    out_begin(&out, c->format, columns, "version");
    out_row(&out, row);
    return D2D_OK;
}

static enum status twin_report(struct cli *c, void *values, int n, char **argv)
{
    struct twin_values *v = values;
    json_t *object = json_argument(&command_twin_report, "JSON", argv[1]);

    (void)n;
    if (!object)
        return USAGE;
    json_decref(object);
    v->json = argv[1];
    return cli_with_device(c, report, v, "the reported properties");
}

const struct command command_twin_report = {{.name = "twin report",
                                             .deed = "was changed",
                                             .usage = "JSON",
                                             .summary = "as a device, merge JSON into its reported properties",
                                             .examples = "d2d twin report --as garage '{\"door\":\"open\"}'\n",
                                             .least = 1,
                                             .most = 1},
                                            twin_report,
                                            sizeof(struct twin_values)};
