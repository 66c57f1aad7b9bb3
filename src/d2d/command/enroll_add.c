/* New enrollments. */
#include "enroll.h"

#include "ceilings.h"
#include "files.h"
#include "json_text.h"
#include "key_file.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024, ENDORSEMENT_MAX = 4096 };

struct enrollment {
    const char *key_file, *cert_file, *endorsement, *device;
    int disabled, group;
};

/* Services want both keys or none. */
static json_t *attested_by_keys(const struct enrollment *from)
{
    char first[KEY_CAP], second[KEY_CAP];
    json_t *made;

    if (!from->key_file)
        return json_pack("{ss}", "type", "symmetricKey");
    if (key_file_read(from->key_file, first, second) || (!second[0] && !key_make(second)))
        return NULL;
    made =
        json_pack("{ss s{ss ss}}", "type", "symmetricKey", "symmetricKey", "primaryKey", first, "secondaryKey", second);
    explicit_bzero(first, sizeof first);
    explicit_bzero(second, sizeof second);
    return made;
}

static json_t *attested_by_certificate(const struct enrollment *from, bool group)
{
    struct buf file = buf_max(FILE_MAX), text = buf_max(2 * CA_LEN_MAX);
    enum err e = file_read(from->cert_file, &file);
    json_t *made = NULL;
    void *der = NULL;
    size_t len;

    if (!e && d2d_certificate_der(file.at, file.len, &der, &len))
        e = ERR_MALFORMED;
    if (!e) {
        buf_put_base64(&text, bytes_of(der, len));
        made =
            json_pack("{ss s{s{s{ss}}}}", "type", "x509", "x509", group ? "signingCertificates" : "clientCertificates",
                      "primary", "certificate", buf_str(&text));
    } else {
        complain("%s: %s", from->cert_file, err_text(e));
    }
    buf_free(&file);
    free(der);
    buf_free(&text);
    return made;
}

/* Text without its white space when it is base64, and as base64 when it is not. */
static bool put_endorsement(struct bytes given, struct buf *out)
{
    uint8_t raw[ENDORSEMENT_MAX];
    struct buf text = buf_max(ENDORSEMENT_MAX);
    size_t len;
    bool is_text;

    for (size_t i = 0; i < given.len; i++)
        if (!strchr(" \t\r\n", given.at[i]) || !given.at[i])
            buf_put_u8(&text, given.at[i]);
    is_text = !text.bad && text.len && !base64_decode(buf_bytes(&text), raw, sizeof raw, &len);
    if (is_text)
        buf_put(out, buf_bytes(&text));
    else
        buf_put_base64(out, given);
    buf_free(&text);
    return given.len && !out->bad;
}

static json_t *by_tpm(const struct enrollment *from)
{
    struct buf file = buf_max(ENDORSEMENT_MAX), text = buf_max(2 * ENDORSEMENT_MAX);
    bool is_file = access(from->endorsement, R_OK) == 0;
    enum err e = is_file ? file_read(from->endorsement, &file) : OK;
    struct bytes given = is_file ? buf_bytes(&file) : bytes_str(from->endorsement);
    json_t *made = NULL;

    if (!e && put_endorsement(given, &text))
        made = json_pack("{ss s{ss}}", "type", "tpm", "tpm", "endorsementKey", buf_str(&text));
    else
        complain("%s: %s", from->endorsement, e ? err_text(e) : "an endorsement key must be base64 text or a file");
    buf_free(&file);
    buf_free(&text);
    return made;
}

static enum status put_json(const struct enrollment *from, struct enroll_call *call)
{
    json_t *attestation = from->cert_file     ? attested_by_certificate(from, call->group)
                          : from->endorsement ? by_tpm(from)
                                              : attested_by_keys(from);
    json_t *all = attestation ? json_pack("{ss so ss}", call->group ? "enrollmentGroupId" : "registrationId",
                                          call->name, "attestation", attestation, "provisioningStatus",
                                          from->disabled ? "disabled" : "enabled")
                              : NULL;

    if (!all)
        return USAGE; /* which file it is was said */
    if (from->device)
        json_object_set_new(all, "deviceId", json_string(from->device));
    call->json = json_text(all, JSON_COMPACT);
    json_decref(all);
    return call->json ? DONE : FAILED;
}

static enum d2d_err make_add(struct d2d_registry *registry, struct enroll_call *call)
{
    return d2d_enrollment_put(registry, enroll_kind(call), call->name, call->json, NULL, &call->text);
}

static void say_next(const struct enrollment *from, const struct enroll_call *call)
{
    if (from->cert_file && call->group)
        say("now each device: d2d register --cert-file FILE --key-file FILE");
    else if (from->cert_file)
        say("now the device: d2d register --id %s --cert-file FILE --key-file FILE", call->name);
    else if (call->group)
        say("now each device: d2d register --id ID --key-file FILE, with what `d2d enroll key %s --group --for ID` "
            "prints",
            call->name);
    else if (!from->endorsement)
        say("now the device: d2d register --id %s --key-file FILE, with what `d2d enroll key %s` prints", call->name,
            call->name);
}

static enum status check(const struct enrollment *from)
{
    if ((from->key_file != NULL) + (from->cert_file != NULL) + (from->endorsement != NULL) > 1)
        return cli_usage(&command_enroll_add, "--key-file, --cert and --endorsement-key exclude each other");
    if (from->group && (from->endorsement || from->device))
        return cli_usage(&command_enroll_add,
                         "--group and %s exclude each other: each device of a group has its own device id",
                         from->device ? "--device" : "--endorsement-key");
    return DONE;
}

static const struct opt options[] = {
    {"group", NULL, "an enrollment group: many devices, each with its own id", OPT_FLAG,
     .offset = offsetof(struct enrollment, group)},
    {"key-file", "FILE", "by the key in this file (base64; a second line: the secondary key)", OPT_INPUT,
     .offset = offsetof(struct enrollment, key_file), .what = OPT_FILE},
    {"cert", "FILE", "by this certificate; with --group: by certificates that it signed", OPT_INPUT,
     .offset = offsetof(struct enrollment, cert_file), .what = OPT_FILE},
    {"endorsement-key", "KEY", "by the TPM with this endorsement key, in base64 or a file", OPT_TEXT,
     .offset = offsetof(struct enrollment, endorsement), .what = OPT_FILE},
    {"device", "ID", "id of the device in the hub (NAME)", OPT_TEXT, .offset = offsetof(struct enrollment, device),
     .what = OPT_DEVICE},
    {"disabled", NULL, "add it disabled: it cannot register", OPT_FLAG,
     .offset = offsetof(struct enrollment, disabled)},
    {0}};

static enum status enroll_add(struct cli *c, void *values, int n, char **argv)
{
    const struct enrollment *from = values;
    struct enroll_call call = {.make = make_add, .name = argv[n], .group = from->group};
    enum status status = check(from);

    if (status)
        return status;
    if (!(status = put_json(from, &call)) && !(status = enroll_do(c, &call)) &&
        !(status = enroll_print(c, &call, false)))
        say_next(from, &call);
    if (call.json)
        explicit_bzero(call.json, strlen(call.json));
    free(call.json);
    return status;
}

const struct command command_enroll_add = {
    {.name = "enroll add",
     .deed = "was added",
     .usage = "NAME [--group] [--key-file FILE | --cert FILE | --endorsement-key KEY]",
     .summary = "let a device or a group of devices register; without a file the service makes the keys",
     .examples = "d2d enroll add pump-1\nd2d enroll add pumps --group\n"
                 "d2d enroll add pumps --group --cert factory-ca.pem\n"
                 "d2d enroll add meter --cert meter/cert.pem --device meter-7\n",
     .options = options,
     .least = 1,
     .most = 1},
    enroll_add,
    sizeof(struct enrollment)};
