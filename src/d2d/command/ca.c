/* CA certificates of the hub: whoever has the key of one makes devices (d2d device add --x509-ca). */
#include "cli.h"

#include "files.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 64 * 1024 };

/* The data of a call of the library; `text` is what the hub answered. */
struct call {
    const char *name;
    struct buf file;
    bool verified;
    char *text; /* given to whoever prints it */
};

static bool read_file(const char *path, struct buf *out)
{
    enum err e;

    *out = buf_max(FILE_MAX);
    if (!(e = file_read(path, out)) && out->len)
        return true;
    complain("%s: %s", path, e ? err_text(e) : "it is empty");
    return false;
}

static const struct column columns[] = {
    {"name", "CA", 16},         {"isVerified", "VERIFIED", 8},   {"expiry", "EXPIRES", 28},
    {"subject", "SUBJECT", 32}, {"thumbprint", "THUMBPRINT", 0}, {0}};

static const char *text_of(const json_t *from, const char *name)
{
    const char *text = json_string_value(json_object_get(from, name));

    return text ? text : "";
}

/* The certificate itself stays out: whoever put it has it. */
static json_t *ca_row(const json_t *ca)
{
    const json_t *p = json_object_get(ca, "properties");
    json_t *row = json_pack("{ss sb ss ss ss ss ss}", "name", text_of(ca, "name"), "isVerified",
                            json_is_true(json_object_get(p, "isVerified")), "subject", text_of(p, "subject"), "expiry",
                            text_of(p, "expiry"), "thumbprint", text_of(p, "thumbprint"), "created",
                            text_of(p, "created"), "updated", text_of(p, "updated"));

    if (row && text_of(p, "verificationCode")[0])
        json_object_set(row, "verificationCode", json_object_get(p, "verificationCode"));
    return row;
}

/* Prints the one that the hub answered with, and says what is still to be done. */
static enum status show(const struct cli *c, struct call *call)
{
    json_t *ca = out_parsed(call->text);
    const json_t *properties = json_object_get(ca, "properties");
    const char *code = text_of(properties, "verificationCode");
    struct out out;

    if (!ca)
        return FAILED;
    out_begin(&out, c->format, columns, "verificationCode");
    out_row(&out, ca_row(ca));
    if (!json_is_true(json_object_get(properties, "isVerified")) && code[0])
        say("now prove that you have the CA's key: sign with it a certificate with the common name\n  %s\nand run\n  "
            "d2d ca verify %s PROOF.pem",
            code, call->name);
    json_decref(ca);
    return DONE;
}

static enum d2d_err make_add(struct d2d_registry *registry, void *ctx)
{
    struct call *call = ctx;
    enum d2d_err e =
        d2d_registry_ca_add(registry, call->name, call->file.at, call->file.len, call->verified, &call->text);

    if (e || call->verified)
        return e;
    free(call->text); /* the second answer has all of the first */
    call->text = NULL;
    return d2d_registry_ca_code(registry, call->name, &call->text);
}

struct add_values {
    int verified;
};

static const struct opt add_options[] = {{"verified", NULL, "without a proof that you have the CA's key", OPT_FLAG,
                                          .offset = offsetof(struct add_values, verified)},
                                         {0}};

static enum status ca_add(struct cli *c, void *values, int n, char **argv)
{
    struct call call = {.name = argv[1], .verified = ((struct add_values *)values)->verified > 0};
    enum status status = read_file(argv[n], &call.file) ? cli_with_registry(c, make_add, &call, A_CA, argv[1]) : USAGE;

    if (!status)
        status = show(c, &call);
    buf_free(&call.file);
    return status;
}

const struct command command_ca_add = {
    {.name = "ca add",
     .deed = "was added",
     .usage = "NAME FILE [--verified]",
     .summary = "add a CA certificate, to accept the device certificates that it signed",
     .examples = "d2d ca add factory ca.pem\n",
     .options = add_options,
     .least = 2,
     .most = 2,
     .rest = OPT_FILE},
    ca_add,
    sizeof(struct add_values)};

static enum d2d_err make_verify(struct d2d_registry *registry, void *ctx)
{
    struct call *call = ctx;

    return call->file.len ? d2d_registry_ca_verify(registry, call->name, call->file.at, call->file.len, &call->text)
                          : d2d_registry_ca_code(registry, call->name, &call->text);
}

static enum status ca_verify(struct cli *c, void *values, int n, char **argv)
{
    struct call call = {.name = argv[1]};
    enum status status = USAGE;

    (void)values;
    if (n == 1 || read_file(argv[2], &call.file))
        status = cli_with_registry(c, make_verify, &call, A_CA, argv[1]);
    if (!status)
        status = show(c, &call);
    buf_free(&call.file);
    return status;
}

const struct command command_ca_verify = {
    {.name = "ca verify",
     .deed = "was changed",
     .usage = "NAME [PROOF]",
     .summary = "prove that you have a CA's key, by PROOF signed with it; without PROOF: print a new code",
     .examples = "d2d ca verify factory proof.pem\nd2d ca verify factory -o raw\n",
     .least = 1,
     .most = 2,
     .rest = OPT_FILE},
    ca_verify,
    0};

static enum d2d_err make_list(struct d2d_registry *registry, void *ctx)
{
    struct call *call = ctx;

    return d2d_registry_cas(registry, &call->text);
}

static enum status ca_list(struct cli *c, void *values, int n, char **argv)
{
    struct call call = {0};
    enum status status;
    struct out out;
    json_t *all, *ca;
    size_t i;

    (void)values;
    (void)n;
    (void)argv;
    if (!(status = cli_with_registry(c, make_list, &call, A_THING, "the CA certificates"))) {
        all = out_parsed(call.text);
        status = all ? DONE : FAILED;
        out_begin(&out, c->format, columns, "name");
        json_array_foreach(json_object_get(all, "value"), i, ca) out_row(&out, ca_row(ca));
        json_decref(all);
    }
    return status;
}

const struct command command_ca_list = {
    {.name = "ca list", .usage = "", .summary = "list the CA certificates of the hub", .examples = "d2d ca list\n"},
    ca_list,
    0};

static enum d2d_err make_rm(struct d2d_registry *registry, void *ctx)
{
    struct call *call = ctx;

    return d2d_registry_ca_remove(registry, call->name);
}

static enum status ca_rm(struct cli *c, void *values, int n, char **argv)
{
    struct call call = {.name = argv[n]};
    enum status status = cli_with_registry(c, make_rm, &call, A_CA, call.name);

    (void)values;
    if (!status)
        say("CA \"%s\" is deleted; devices with certificates of a CA must authenticate again", call.name);
    return status;
}

const struct command command_ca_rm = {{.name = "ca rm",
                                       .usage = "NAME",
                                       .summary = "delete a CA certificate",
                                       .examples = "d2d ca rm factory\n",
                                       .least = 1,
                                       .most = 1},
                                      ca_rm,
                                      0};
