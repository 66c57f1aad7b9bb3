/* A certificate for a device that has no authority: self-signed, known to the hub by its thumbprint. */
#include "chip.h"
#include "secret.h"

#include "cert.h"
#include "files.h"
#include "openssl_cert.h"
#include "text.h"
#include "tls_key.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

enum { DAYS_DEFAULT = 3650, DAYS_MAX = 36500, PEM_MAX = 8192, PATH_CAP = 4096 };

struct cert_job {
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
static enum status make_key_in_chip(struct cert_job *job, unsigned slot)
{
    struct tpm *t;
    enum status status = chip_open(&t);
    uint32_t handle;
    enum err e;

    if (status)
        return status;
    if (!tpm_x509_key(t, slot, false, &handle)) {
        complain("slot %u has such a key already, which may be in use; `d2d tpm erase --slot %u` destroys it", slot,
                 slot);
        status = REFUSED;
    } else if ((e = tpm_x509_key(t, slot, true, &handle))) {
        status = chip_failed(t, "a key", e);
    } else {
        snprintf(job->key_path, PATH_CAP, "handle:0x%08x", handle);
    }
    tpm_close(t);
    return status;
}

static enum err make_for_chip(const struct cert_job *job, struct cert_facts *facts)
{
    struct buf cert = buf_max(PEM_MAX);
    int64_t now_s = time(NULL);
    struct tls_key key;
    char why[256];
    enum err e = tls_key_open(job->key_path, &key, why);

    if (e) {
        complain("%s", why);
        return e;
    }
    if (!(e = cert_make_device_for(key.key, job->id, now_s - 3600, now_s + (int64_t)job->days * 86400, &cert)) &&
        !(e = cert_read(buf_bytes(&cert), facts)) && !(e = folder_make(job->folder, 0700)))
        e = file_write(job->cert_path, buf_bytes(&cert), 0644);
    tls_key_close(&key);
    buf_free(&cert);
    return e;
}

static enum err make(const struct cert_job *job, struct cert_facts *facts)
{
    struct buf cert = buf_max(PEM_MAX), key = buf_max(PEM_MAX);
    struct secret secret = {.to_file = false};
    int64_t now_s = time(NULL);
    enum err e;

    /* An hour back: the clock of the hub may be behind. */
    if (!(e = cert_make_device(job->id, now_s - 3600, now_s + (int64_t)job->days * 86400, &cert, &key)) &&
        !(e = cert_read(buf_bytes(&cert), facts)) && !(e = folder_make(job->folder, 0700)) &&
        !(e = secret_open(&secret, job->key_path, job->replace) || secret_put(&secret, buf_str(&key)) ? ERR_IO : OK))
        e = file_write(job->cert_path, buf_bytes(&cert), 0644);
    secret_close(&secret);
    if (key.at)
        explicit_bzero(key.at, key.cap);
    buf_free(&key);
    buf_free(&cert);
    return e;
}

static enum status show(const struct cli *c, const struct cert_job *job, const struct cert_facts *facts)
{
    static const struct column columns[] = {{"thumbprint", "THUMBPRINT", 64}, {"cert_file", "CERTIFICATE", 0}, {0}};
    struct buf hex = buf_max(sizeof facts->sha256 * 2 + 1);
    struct out out;

    for (size_t i = 0; i < sizeof facts->sha256; i++)
        buf_printf(&hex, "%02X", facts->sha256[i]);
    out_begin(&out, c->format, columns, "thumbprint");
    out_row(&out, json_pack("{ss ss ss ss}", "deviceId", job->id, "thumbprint", buf_str(&hex), "cert_file",
                            job->cert_path, "key_file", job->key_path));
    say("now tell the hub: d2d device add %s --x509-thumbprint %s", job->id, buf_str(&hex));
    buf_free(&hex);
    return DONE;
}

static const struct opt options[] = {
    {"out", "DIR", "where the files go", OPT_TEXT, .offset = offsetof(struct cert_job, folder), .what = OPT_FOLDER},
    {"tpm", NULL, "the key is made in --slot (0) of the TPM, and stays there", OPT_FLAG,
     .offset = offsetof(struct cert_job, tpm)},
    {"days", "N", "expires after so many days (3650)", OPT_INT, .offset = offsetof(struct cert_job, days), .least = 1,
     .most = DAYS_MAX},
    {"replace", NULL, "overwrite the files that are there", OPT_FLAG, .offset = offsetof(struct cert_job, replace)},
    {0}};

static enum status device_cert(struct cli *c, void *values, int n, char **argv)
{
    struct cert_job *job = values;
    struct cert_facts facts;
    enum status status;
    enum err e;

    if (!job->folder)
        return cli_usage(&command_device_cert, "--out is missing: the folder that the certificate and its key go to");
    job->id = argv[n];
    job->days = job->days ? job->days : DAYS_DEFAULT;
    if ((size_t)snprintf(job->cert_path, PATH_CAP, "%s/cert.pem", job->folder) >= PATH_CAP ||
        (size_t)snprintf(job->key_path, PATH_CAP, "%s/key.pem", job->folder) >= PATH_CAP)
        return cli_usage(&command_device_cert, "--out is longer than a path may be");
    if (!job->replace && (is_there(job->cert_path) || (!job->tpm && is_there(job->key_path)))) {
        complain("%s exists already, and may be in use; --replace overwrites it",
                 is_there(job->cert_path) ? job->cert_path : job->key_path);
        return REFUSED;
    }
    if (job->tpm && (status = make_key_in_chip(job, chip_slot(c))))
        return status;
    if ((e = job->tpm ? make_for_chip(job, &facts) : make(job, &facts))) {
        complain("%s: %s", job->folder, err_text(e));
        return FAILED;
    }
    return show(c, job, &facts);
}

const struct command command_device_cert = {{.name = "device cert",
                                             .usage = "DEVICE --out DIR [--days N] [--tpm]",
                                             .summary = "make a certificate and its key for a device",
                                             .examples = "d2d device cert meter --out meter\n"
                                                         "d2d device cert pump --out pump --tpm --slot 1\n",
                                             .options = options,
                                             .least = 1,
                                             .most = 1},
                                            device_cert,
                                            sizeof(struct cert_job)};
