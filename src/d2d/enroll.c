#include "enroll.h"

#include <stdio.h>
#include <stdlib.h>

static enum d2d_err make_call(struct d2d_registry *registry, void *ctx)
{
    struct enroll_call *call = ctx;

    return call->make(registry, call);
}

enum status enroll_do(struct cli *c, struct enroll_call *call)
{
    return cli_with_registry(c, make_call, call, call->name);
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

/* ---- all of them ------------------------------------------------------------------------------------------------------ */

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

static enum status enroll_list(struct cli *c, int argc, char **argv)
{
    struct enroll_call call = {.make = make_list, .name = "the enrollments"};
    const struct opt opts[] = {{"groups", NULL, "those of groups", NULL, &call.group, NULL, NULL}, {0}};
    enum status status;
    bool stop;
    int n;

    if ((status = cli_options(c, &command_enroll_list, opts, argc, argv, &n, &stop)) || stop)
        return status;
    if (n > 0)
        return cli_usage(&command_enroll_list, "it takes no arguments");
    return list_all(c, &call);
}

const struct command command_enroll_list = {"enroll list", "[--groups]", "the enrollments",
                                            "d2d enroll list\nd2d enroll list --groups -o table\n", enroll_list};

/* ---- one of them ------------------------------------------------------------------------------------------------------ */

static enum status take_name(struct cli *c, struct enroll_call *call, const struct command *command,
                             const struct opt *opts, int argc, char **argv, bool *stop)
{
    enum status status;
    int n;

    if ((status = cli_options(c, command, opts, argc, argv, &n, stop)) || *stop)
        return status;
    if (n != 1)
        return cli_usage(command, "which enrollment?");
    call->name = argv[1];
    return DONE;
}

static enum d2d_err make_show(struct d2d_registry *registry, struct enroll_call *call)
{
    return d2d_enrollment_get(registry, enroll_kind(call), call->name, &call->text);
}

static enum status enroll_show(struct cli *c, int argc, char **argv)
{
    struct enroll_call call = {.make = make_show};
    const struct opt opts[] = {{"group", NULL, "the one of a group", NULL, &call.group, NULL, NULL}, {0}};
    enum status status;
    bool stop;

    if ((status = take_name(c, &call, &command_enroll_show, opts, argc, argv, &stop)) || stop)
        return status;
    return (status = enroll_do(c, &call)) ? status : enroll_print(c, &call, true);
}

const struct command command_enroll_show = {"enroll show", "NAME [--group]", "what the service knows of an enrollment",
                                            "d2d enroll show pump-1\nd2d enroll show pumps --group\n", enroll_show};

static enum d2d_err make_rm(struct d2d_registry *registry, struct enroll_call *call)
{
    return d2d_enrollment_remove(registry, enroll_kind(call), call->name);
}

static enum status enroll_rm(struct cli *c, int argc, char **argv)
{
    struct enroll_call call = {.make = make_rm};
    const struct opt opts[] = {{"group", NULL, "the one of a group", NULL, &call.group, NULL, NULL}, {0}};
    enum status status;
    bool stop;

    if ((status = take_name(c, &call, &command_enroll_rm, opts, argc, argv, &stop)) || stop)
        return status;
    if (!(status = enroll_do(c, &call)))
        say("%s is gone; devices that registered stay in the hub until `d2d device rm`", call.name);
    return status;
}

const struct command command_enroll_rm = {"enroll rm", "NAME [--group]", "delete an enrollment",
                                          "d2d enroll rm pump-1\n", enroll_rm};

/* ---- its keys --------------------------------------------------------------------------------------------------------- */

static enum d2d_err make_key(struct d2d_registry *registry, struct enroll_call *call)
{
    return d2d_enrollment_keys(registry, enroll_kind(call), call->name, &call->text);
}

static enum status print_key(const struct enroll_call *call, const char *which, const char *device)
{
    json_t *mechanism = out_parsed(call->text);
    const char *key = json_string_value(json_object_get(json_object_get(mechanism, "symmetricKey"), which));
    char derived[64];
    enum status status = DONE;
    enum d2d_err e;

    if (!mechanism)
        return FAILED;
    if (!key) {
        fprintf(stderr, "d2d: %s has no keys: its devices prove in another way who they are\n", call->name);
        status = NOT_FOUND;
    } else if (!device) {
        puts(key);
    } else if ((e = d2d_derive_key(key, device, derived, sizeof derived))) {
        status = cli_failed(device, e, "");
    } else {
        puts(derived);
        explicit_bzero(derived, sizeof derived);
    }
    json_decref(mechanism);
    return status;
}

static enum status enroll_key(struct cli *c, int argc, char **argv)
{
    struct enroll_call call = {.make = make_key};
    const char *device = NULL;
    int secondary = 0;
    const struct opt opts[] = {
        {"group", NULL, "the one of a group", NULL, &call.group, NULL, NULL},
        {"for", "REGISTRATION", "the key of this device, made from the group's", &device, NULL, NULL, NULL},
        {"secondary", NULL, "the second key", NULL, &secondary, NULL, NULL},
        {0}};
    enum status status;
    bool stop;

    if ((status = take_name(c, &call, &command_enroll_key, opts, argc, argv, &stop)) || stop)
        return status;
    if (device && !call.group)
        return cli_usage(&command_enroll_key, "--for goes with --group");
    status = enroll_do(c, &call);
    return status ? status : print_key(&call, secondary ? "secondaryKey" : "primaryKey", device);
}

const struct command command_enroll_key = {
    "enroll key", "NAME [--group] [--for REGISTRATION]", "the key that an enrollment's devices register with",
    "d2d enroll key pump-1 > pump-1.key\nd2d enroll key pumps --group --for pump-2 > pump-2.key\n", enroll_key};
