/* Configurations: desired properties for all devices that meet a condition. */
#include "json_argument.h"
#include "json_text.h"
#include "output.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct configuration_values {
    const char *where, *priority;
    int replace;
    struct opt_list labels;
    const char *id;
    json_t *given; /* the members that the command line tells of */
    char *json, *answer;
};

static const struct column columns[] = {{"id", "CONFIGURATION", 20},
                                        {"priority", "PRIORITY", 8},
                                        {"targetCondition", "WHERE", 32},
                                        {"lastUpdatedTimeUtc", "CHANGED", 0},
                                        {0}};

/* Prints what the hub answered: one, or a list of them. */
static enum status print(const struct cli *c, char *text)
{
    json_t *answer = out_parsed(text), *one;
    struct out out;
    size_t i;

    if (!answer)
        return FAILED;
    out_begin(&out, c->format, columns, "content");
    if (json_is_array(answer)) {
        json_array_foreach(answer, i, one) out_row(&out, json_incref(one));
        if (!json_array_size(answer))
            say("there are no configurations; `d2d configuration add` makes one");
    } else {
        out_row(&out, json_incref(answer));
    }
    json_decref(answer);
    return DONE;
}

/* ---- add ------------------------------------------------------------------------------------------------------- */

static enum status put_labels(const struct configuration_values *v, json_t *to)
{
    json_t *labels = json_object();

    for (size_t i = 0; i < v->labels.n; i++) {
        const char *value = strchr(v->labels.at[i], '=');

        if (!value || value == v->labels.at[i]) {
            json_decref(labels);
            return cli_usage(&command_configuration_add, "--label must be NAME=VALUE, not \"%s\"", v->labels.at[i]);
        }
        json_object_setn_new(labels, v->labels.at[i], (size_t)(value - v->labels.at[i]), json_string(value + 1));
    }
    json_object_set_new(to, "labels", labels);
    return DONE;
}

static enum status put_priority(const struct configuration_values *v, json_t *to)
{
    uint64_t n;
    char shown[100];

    if (!bytes_to_u64(bytes_str(v->priority), &n) || n > INT32_MAX)
        return cli_usage(&command_configuration_add, "--priority must be 0 to %d, not \"%s\"", INT32_MAX,
                         opt_shown(v->priority, shown));
    json_object_set_new(to, "priority", json_integer((json_int_t)n));
    return DONE;
}

static enum status take(struct configuration_values *v, const char *content)
{
    v->given = json_pack("{ss}", "id", v->id);
    if (v->where)
        json_object_set_new(v->given, "targetCondition", json_string(v->where));
    if (!json_argument_put(&command_configuration_add, v->given, "content", "JSON", content) ||
        (v->priority && put_priority(v, v->given)))
        return USAGE;
    return v->labels.n ? put_labels(v, v->given) : DONE;
}

/* One to change: what the command line does not tell of stays as it is at the hub. */
static enum d2d_err get_old(struct d2d_registry *registry, const char *id, json_t **out)
{
    char *text = NULL;
    enum d2d_err e = d2d_configuration_get(registry, id, &text);

    if (!e && !(*out = out_parsed(text)))
        e = D2D_FAILED;
    return e;
}

static enum d2d_err put(struct d2d_registry *registry, void *ctx)
{
    struct configuration_values *v = ctx;
    json_t *made = NULL;
    enum d2d_err e = D2D_OK;

    if (v->replace)
        e = get_old(registry, v->id, &made);
    else
        made = json_pack("{ss si s{}}", "targetCondition", "", "priority", 0, "labels");
    if (!e &&
        (json_object_update(made, v->given) || !(v->json = json_text(made, JSON_COMPACT | JSON_REAL_PRECISION(17)))))
        e = D2D_NO_MEMORY;
    if (!e)
        e = d2d_configuration_put(registry, v->id, v->json,
                                  v->replace ? json_string_value(json_object_get(made, "etag")) : NULL, &v->answer);
    json_decref(made);
    return e;
}

static enum status configuration_add(struct cli *c, void *values, int n, char **argv)
{
    struct configuration_values *v = values;
    enum status status;

    (void)n;
    v->id = argv[1];
    if (!(status = take(v, argv[2])) && !(status = cli_with_registry(c, put, v, A_CONFIGURATION, v->id)))
        status = print(c, v->answer);
    json_decref(v->given);
    free(v->json);
    return status;
}

#define AT(field) .offset = offsetof(struct configuration_values, field)

static const struct opt add_options[] = {
    {"where", "CONDITION", "for devices that meet it (none): \"tags.floor = 2\", \"*\" for all", OPT_TEXT, AT(where)},
    {"priority", "N", "of two that set the same property, the higher one counts (0)", OPT_TEXT, AT(priority)},
    {"label", "NAME=VALUE", "note this with it", OPT_LIST, AT(labels)},
    {"replace", NULL, "change the existing one: its content, and options that are not given, stay as they are",
     OPT_FLAG, AT(replace)},
    {0}};

const struct command command_configuration_add = {
    {.name = "configuration add",
     .deed = "was saved",
     .usage = "ID JSON [--where CONDITION]",
     .summary = "set desired properties of all devices that meet a condition",
     .examples = "d2d configuration add doors '{\"deviceContent\":{\"properties.desired.closeAfterSeconds\":120}}' \\\n"
                 "    --where \"tags.role = 'door'\" --priority 10\n",
     .options = add_options,
     .least = 2,
     .most = 2},
    configuration_add,
    sizeof(struct configuration_values)};

/* ---- the others ------------------------------------------------------------------------------------------------ */

static enum d2d_err get_all(struct d2d_registry *registry, void *ctx)
{
    return d2d_configurations(registry, ctx);
}

static enum status configuration_list(struct cli *c, void *values, int n, char **argv)
{
    char *text = NULL;
    enum status status = cli_with_registry(c, get_all, &text, A_THING, "the configurations");

    (void)values, (void)n, (void)argv;
    return status ? status : print(c, text);
}

const struct command command_configuration_list = {{.name = "configuration list",
                                                    .usage = "",
                                                    .summary = "list the configurations",
                                                    .examples = "d2d configuration list\n"},
                                                   configuration_list,
                                                   0};

static enum d2d_err get(struct d2d_registry *registry, void *ctx)
{
    struct configuration_values *v = ctx;

    return d2d_configuration_get(registry, v->id, &v->answer);
}

static enum status configuration_show(struct cli *c, void *values, int n, char **argv)
{
    struct configuration_values *v = values;
    enum status status;

    (void)n;
    v->id = argv[1];
    status = cli_with_registry(c, get, v, A_CONFIGURATION, v->id);
    return status ? status : print(c, v->answer);
}

const struct command command_configuration_show = {{.name = "configuration show",
                                                    .usage = "ID",
                                                    .summary = "show a configuration, with its content and metrics",
                                                    .examples = "d2d configuration show doors -o json\n",
                                                    .least = 1,
                                                    .most = 1},
                                                   configuration_show,
                                                   sizeof(struct configuration_values)};

static enum d2d_err take_away(struct d2d_registry *registry, void *ctx)
{
    return d2d_configuration_remove(registry, ctx);
}

static enum status configuration_rm(struct cli *c, void *values, int n, char **argv)
{
    enum status status = cli_with_registry(c, take_away, argv[1], A_CONFIGURATION, argv[1]);

    (void)values, (void)n;
    if (!status)
        say("configuration \"%s\" is deleted", argv[1]);
    return status;
}

const struct command command_configuration_rm = {{.name = "configuration rm",
                                                  .usage = "ID",
                                                  .summary = "delete a configuration, and what it has set",
                                                  .examples = "d2d configuration rm doors\n",
                                                  .least = 1,
                                                  .most = 1},
                                                 configuration_rm,
                                                 0};

static enum d2d_err apply(struct d2d_registry *registry, void *ctx)
{
    const struct configuration_values *v = ctx;

    return d2d_configuration_apply(registry, v->id, v->json);
}

static enum status configuration_apply(struct cli *c, void *values, int n, char **argv)
{
    struct configuration_values *v = values;
    json_t *content = json_argument(&command_configuration_apply, "JSON", argv[2]);
    enum status status;

    (void)n;
    if (!content)
        return USAGE;
    json_decref(content);
    v->id = argv[1];
    v->json = argv[2];
    if (!(status = cli_with_registry(c, apply, v, A_DEVICE, v->id)))
        say("the content is applied to device \"%s\"", v->id);
    return status;
}

const struct command command_configuration_apply = {
    {.name = "configuration apply",
     .usage = "DEVICE JSON",
     .summary = "set the manifest of an edge device, once",
     .examples =
         "d2d configuration apply garage '{\"modulesContent\":{\"camera\":{\"properties.desired\":{\"fps\":5}}}}'\n",
     .least = 2,
     .most = 2,
     .first = OPT_DEVICE},
    configuration_apply,
    sizeof(struct configuration_values)};
