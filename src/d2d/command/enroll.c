#include "enroll.h"
#include "key_file.h"
#include "secret.h"

#include <stdio.h>
#include <stdlib.h>

static enum d2d_err make_call(struct d2d_registry *registry, void *ctx)
{
    struct enroll_call *call = ctx;

    return call->make(registry, call);
}

enum status enroll_do(struct cli *c, struct enroll_call *call)
{
    return cli_with_registry(c, make_call, call,
                             !call->name   ? A_THING
                             : call->group ? AN_ENROLLMENT_GROUP
                                           : AN_ENROLLMENT,
                             call->name ? call->name : "the enrollments");
}

enum d2d_enrollment enroll_kind(const struct enroll_call *call)
{
    return call->group ? D2D_ENROLLMENT_GROUP : D2D_ENROLLMENT_DEVICE;
}

const struct column enroll_columns[] = {{"name", "NAME", 24},
                                        {"type", "ATTESTATION", 12},
                                        {"provisioningStatus", "STATUS", 8},
                                        {"state", "REGISTRATION", 12},
                                        {"deviceId", "DEVICE", 24},
                                        {"assignedHub", "HUB", 0},
                                        {0}};

static void copy(json_t *row, const char *key, const json_t *from, const char *name)
{
    json_t *value = json_object_get(from, name);

    if (value && !json_is_null(value))
        json_object_set(row, key, value);
}

json_t *enroll_row(json_t *enrollment, bool whole)
{
    const json_t *state = json_object_get(enrollment, "registrationState");
    json_t *row = whole ? json_copy(enrollment) : json_object();

    copy(row, "name", enrollment, "registrationId");
    copy(row, "name", enrollment, "enrollmentGroupId");
    copy(row, "type", json_object_get(enrollment, "attestation"), "type");
    copy(row, "provisioningStatus", enrollment, "provisioningStatus");
    copy(row, "deviceId", enrollment, "deviceId");
    copy(row, "state", state, "status");
    copy(row, "deviceId", state, "deviceId");
    copy(row, "assignedHub", state, "assignedHub");
    copy(row, "created", enrollment, "createdDateTimeUtc");
    copy(row, "updated", enrollment, "lastUpdatedDateTimeUtc");
    copy(row, "etag", enrollment, "etag");
    return row;
}

enum status enroll_print(const struct cli *c, struct enroll_call *call, bool whole)
{
    json_t *enrollment = out_parsed(call->text);
    struct out out;

    if (!enrollment)
        return FAILED;
    out_begin(&out, c->format, enroll_columns, "name");
    out_row(&out, enroll_row(enrollment, whole));
    json_decref(enrollment);
    return DONE;
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

static enum d2d_err make_list(struct d2d_registry *registry, struct enroll_call *call)
{
    return d2d_enrollment_list(registry, enroll_kind(call), call->after, &call->text);
}

static enum status list_all(struct cli *c, struct enroll_call *call)
{
    enum status status;
    struct out out;
    json_t *page, *one;
    size_t i, n = 0;

    out_begin(&out, c->format, enroll_columns, "name");
    do {
        if ((status = enroll_do(c, call)))
            return status;
        if (!(page = out_parsed(call->text)))
            return FAILED;
        json_array_foreach(page, i, one) out_row(&out, enroll_row(one, false));
        n += json_array_size(page);
        json_decref(page);
    } while (call->after[0] && !cli_interrupted);
    if (!n)
        say("there are none yet; `d2d enroll add NAME%s` makes one", call->group ? " --group" : "");
    return cli_interrupted ? INTERRUPTED : DONE;
}

/* Which ones: those of groups, or those of single devices. */
struct list_values {
    int groups;
};

static const struct opt list_options[] = {
    {"groups", NULL, "list enrollment groups", OPT_FLAG, .offset = offsetof(struct list_values, groups)}, {0}};

static enum status enroll_list(struct cli *c, void *values, int n, char **argv)
{
    struct enroll_call call = {.make = make_list, .group = ((struct list_values *)values)->groups};

    (void)n;
    (void)argv;
    return list_all(c, &call);
}

const struct command command_enroll_list = {{.name = "enroll list",
                                             .usage = "[--groups]",
                                             .summary = "list the enrollments",
                                             .examples = "d2d enroll list\nd2d enroll list --groups -o table\n",
                                             .options = list_options},
                                            enroll_list,
                                            sizeof(struct list_values)};

/* ---- one of them ----------------------------------------------------------------------------------------------- */

struct one_values {
    int group, secondary, replace;
    const char *member, *out;
};

#define GROUP_OPTION                                                                                 \
    {                                                                                                \
        "group", NULL, "an enrollment group", OPT_FLAG, .offset = offsetof(struct one_values, group) \
    }

static const struct opt one_options[] = {GROUP_OPTION, {0}};

static enum d2d_err make_show(struct d2d_registry *registry, struct enroll_call *call)
{
    return d2d_enrollment_get(registry, enroll_kind(call), call->name, &call->text);
}

static enum status enroll_show(struct cli *c, void *values, int n, char **argv)
{
    struct enroll_call call = {.make = make_show, .name = argv[n], .group = ((struct one_values *)values)->group};
    enum status status = enroll_do(c, &call);

    return status ? status : enroll_print(c, &call, true);
}

const struct command command_enroll_show = {{.name = "enroll show",
                                             .usage = "NAME [--group]",
                                             .summary = "show an enrollment",
                                             .examples = "d2d enroll show pump-1\nd2d enroll show pumps --group\n",
                                             .options = one_options,
                                             .least = 1,
                                             .most = 1},
                                            enroll_show,
                                            sizeof(struct one_values)};

static enum d2d_err make_rm(struct d2d_registry *registry, struct enroll_call *call)
{
    return d2d_enrollment_remove(registry, enroll_kind(call), call->name);
}

static enum status enroll_rm(struct cli *c, void *values, int n, char **argv)
{
    struct enroll_call call = {.make = make_rm, .name = argv[n], .group = ((struct one_values *)values)->group};
    enum status status = enroll_do(c, &call);

    if (!status)
        say("enrollment \"%s\" is deleted; devices that registered stay in the hub until `d2d device rm`", call.name);
    return status;
}

const struct command command_enroll_rm = {{.name = "enroll rm",
                                           .usage = "NAME [--group]",
                                           .summary = "delete an enrollment",
                                           .examples = "d2d enroll rm pump-1\n",
                                           .options = one_options,
                                           .least = 1,
                                           .most = 1},
                                          enroll_rm,
                                          sizeof(struct one_values)};

/* ---- its keys -------------------------------------------------------------------------------------------------- */

static enum d2d_err make_key(struct d2d_registry *registry, struct enroll_call *call)
{
    return d2d_enrollment_keys(registry, enroll_kind(call), call->name, &call->text);
}

static const struct column key_columns[] = {
    {"name", "ENROLLMENT", 24}, {"registrationId", "REGISTRATION", 24}, {"key", "KEY", 0}, {0}};

static enum status put_key(const struct enroll_call *call, const char *device, const char *key, struct secret *secret)
{
    json_t *row = json_pack("{ss ss}", "name", call->name, "key", key);

    if (row && device)
        json_object_set_new(row, "registrationId", json_string(device));
    return secret_put(secret, row);
}

static enum status print_key(const struct enroll_call *call, const char *which, const char *device,
                             struct secret *secret)
{
    json_t *mechanism = out_parsed(call->text);
    const char *key = json_string_value(json_object_get(json_object_get(mechanism, "symmetricKey"), which));
    char derived[64];
    enum status status = DONE;
    enum d2d_err e;

    if (!mechanism)
        return FAILED;
    if (!key) {
        complain("%s has no keys: its devices authenticate in another way", call->name);
        status = NOT_FOUND;
    } else if (!device) {
        status = put_key(call, NULL, key, secret);
    } else if ((e = d2d_derive_key(key, device, derived, sizeof derived))) {
        status = cli_failed(device, e, "");
    } else {
        status = put_key(call, device, derived, secret);
        explicit_bzero(derived, sizeof derived);
    }
    json_decref(mechanism);
    return status;
}

static const struct opt key_options[] = {
    GROUP_OPTION,
    {"for", "REGISTRATION", "the key of this device, derived from the group's", OPT_TEXT,
     .offset = offsetof(struct one_values, member)},
    {"secondary", NULL, "the secondary key", OPT_FLAG, .offset = offsetof(struct one_values, secondary)},
    {"out", "FILE", "write it to this file, readable by you only (standard output)", OPT_TEXT,
     .offset = offsetof(struct one_values, out), .what = OPT_FILE},
    {"replace", NULL, "overwrite that file", OPT_FLAG, .offset = offsetof(struct one_values, replace)},
    {0}};

static enum status enroll_key(struct cli *c, void *values, int n, char **argv)
{
    const struct one_values *v = values;
    struct enroll_call call = {.make = make_key, .name = argv[n], .group = v->group};
    struct secret secret;
    enum status status;

    if (v->member && !v->group)
        return cli_usage(&command_enroll_key, "--for is for an enrollment group: give --group too");
    if (!(status = secret_open(&secret, v->out, v->replace)) && !(status = enroll_do(c, &call))) {
        secret_form(&secret, c->format, key_columns, "key");
        status = print_key(&call, v->secondary ? "secondaryKey" : "primaryKey", v->member, &secret);
    }
    secret_close(&secret);
    return status;
}

const struct command command_enroll_key = {
    {.name = "enroll key",
     .usage = "NAME [--group] [--for REGISTRATION]",
     .summary = "print the key that an enrollment's devices register with",
     .examples = "d2d enroll key pump-1 --out pump-1.key\nd2d enroll key pumps --group --for pump-2 --out pump-2.key\n",
     .options = key_options,
     .least = 1,
     .most = 1},
    enroll_key,
    sizeof(struct one_values)};
