/* A certificate for a device that has no authority: self-signed, known to the hub by its thumbprint. */
#include "secret.h"
#include "tpm_slot.h"

#include "files.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum { DAYS_DEFAULT = 3650, DAYS_MAX = 36500, PATH_CAP = 4096 };

struct cert_values {
    const char *id, *folder;
    int days; /* 0: ten years */
    int replace;
    int tpm; /* the key is made there, and stays; key_path is its handle */
    char cert_path[PATH_CAP], key_path[PATH_CAP];
};

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* OpenSSL's provider opens the TPM itself, for which it may have to be free. */
static enum status make_key_in_tpm(struct cert_values *v, unsigned slot)
{
    struct d2d_tpm *t;
    enum status status = tpm_slot_open(&t);
    enum d2d_err e;

    if (status)
        return status;
    e = d2d_tpm_x509_make(t, slot, v->key_path, PATH_CAP);
    if (e == D2D_EXISTS && v->replace && !(e = d2d_tpm_x509_erase(t, slot)))
        e = d2d_tpm_x509_make(t, slot, v->key_path, PATH_CAP);
    if (e == D2D_EXISTS) {
        complain("slot %u already holds such a key, which may be in use; --replace destroys it", slot);
        status = REFUSED;
    } else if (e) {
        status = tpm_slot_failed(t, "a key", e);
    }
    d2d_tpm_close(t);
    return status;
}

static enum err save(const struct cert_values *v, const struct d2d_certificate *made)
{
    struct secret secret = {.to_file = false};
    enum err e = OK;

    if (made->key && (secret_open(&secret, v->key_path, v->replace) || secret_put_text(&secret, made->key)))
        e = ERR_IO;
    if (!e)
        e = file_write(v->cert_path, bytes_str(made->certificate), 0644);
    secret_close(&secret);
    return e;
}

/* DONE, or a message. */
static enum status make(const struct cert_values *v, struct d2d_certificate *made)
{
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    /* An hour back: the clock of the hub may be behind. */
    const struct d2d_certificate_options options = {.size = sizeof options,
                                                    .device = v->id,
                                                    .from_ms = now_ms - 3600000,
                                                    .to_ms = now_ms + (int64_t)v->days * 86400000,
                                                    .key_in_tpm = v->tpm ? v->key_path : NULL};
    char why[D2D_WHY_CAP];
    enum d2d_err e = d2d_certificate_make(&options, made, why);
    enum err not_saved;

    if (e) {
        complain("%s", why);
        return cli_status(e);
    }
    if (folder_make(v->folder, 0700)) {
        complain("--out: the folder \"%s\" cannot be made: %m", v->folder);
        not_saved = ERR_IO;
    } else if ((not_saved = save(v, made))) {
        complain("--out: the files cannot be written to \"%s\"", v->folder);
    }
    if (made->key)
        explicit_bzero(made->key, strlen(made->key));
    free(made->key);
    free(made->certificate);
    return not_saved ? FAILED : DONE;
}

static enum status show(const struct cli *c, const struct cert_values *v, const struct d2d_certificate *made)
{
    static const struct column columns[] = {{"thumbprint", "THUMBPRINT", 64}, {"certFile", "CERTIFICATE", 0}, {0}};
    struct out out;

    cli_done(A_THING, v->cert_path);
    out_begin(&out, c->format, columns, "thumbprint");
    out_row(&out, json_pack("{ss ss ss ss}", "deviceId", v->id, "thumbprint", made->thumbprint, "certFile",
                            v->cert_path, "keyFile", v->key_path));
    say("now tell the hub: d2d device add %s --x509-thumbprint %s\n(`d2d device auth` for a device that exists)", v->id,
        made->thumbprint);
    return DONE;
}

static const struct opt options[] = {{"out", "DIR", "folder for the files", OPT_TEXT,
                                      .offset = offsetof(struct cert_values, folder), .what = OPT_FOLDER},
                                     {"tpm", NULL, "make the key in --slot (0) of the TPM, where it stays", OPT_FLAG,
                                      .offset = offsetof(struct cert_values, tpm)},
                                     {"days", "N", "expires after this many days (3650)", OPT_INT,
                                      .offset = offsetof(struct cert_values, days), .least = 1, .most = DAYS_MAX},
                                     {"replace", NULL,
                                      "overwrite the files that are there; destroy such a key in the slot", OPT_FLAG,
                                      .offset = offsetof(struct cert_values, replace)},
                                     {0}};

static enum status device_cert(struct cli *c, void *values, int n, char **argv)
{
    struct cert_values *v = values;
    struct d2d_certificate made;
    enum status status;

    if (!v->folder)
        return cli_usage(&command_device_cert, "--out is missing: the folder for the certificate and its key");
    v->id = argv[n];
    v->days = v->days ? v->days : DAYS_DEFAULT;
    if ((size_t)snprintf(v->cert_path, PATH_CAP, "%s/cert.pem", v->folder) >= PATH_CAP ||
        (size_t)snprintf(v->key_path, PATH_CAP, "%s/key.pem", v->folder) >= PATH_CAP)
        return cli_usage(&command_device_cert, "--out is longer than a path may be");
    if (!v->replace && (is_there(v->cert_path) || (!v->tpm && is_there(v->key_path)))) {
        complain("%s already exists, and may be in use; --replace overwrites it",
                 is_there(v->cert_path) ? v->cert_path : v->key_path);
        return REFUSED;
    }
    if (v->tpm && (status = make_key_in_tpm(v, tpm_slot_chosen(c))))
        return status;
    if ((status = make(v, &made)))
        return status;
    return show(c, v, &made);
}

const struct command command_device_cert = {{.name = "device cert",
                                             .deed = "was written",
                                             .usage = "DEVICE --out DIR [--days N] [--tpm]",
                                             .summary = "make a certificate and its key for a device",
                                             .examples = "d2d device cert meter --out meter\n"
                                                         "d2d device cert pump --out pump --tpm --slot 1\n",
                                             .options = options,
                                             .least = 1,
                                             .most = 1,
                                             .first = OPT_DEVICE},
                                            device_cert,
                                            sizeof(struct cert_values)};
