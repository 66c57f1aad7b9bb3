/* A folder with an authority, and server and client certificates that it signed, for one test program. */
#pragma once

#include "cert.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct {
    char folder[64];
    struct buf ca, ca_key;
    int n;
} certs;

static inline const char *certs_write(struct bytes text, const char *kind)
{
    static char paths[16][128];
    char *path = paths[certs.n % 16];
    FILE *f;

    snprintf(path, sizeof paths[0], "%s/%d-%s.pem", certs.folder, certs.n++, kind);
    f = fopen(path, "w");
    CHECK(f && fwrite(text.at, 1, text.len, f) == text.len);
    fclose(f);
    return path;
}

/* Paths are lent until 16 more were written. */
static inline const char *certs_authority(void)
{
    int64_t now_s = time(NULL);

    if (!certs.folder[0]) {
        snprintf(certs.folder, sizeof certs.folder, "/tmp/d2d-net-XXXXXX");
        CHECK(mkdtemp(certs.folder));
        certs.ca = certs.ca_key = buf_max(8192);
        CHECK_OK(cert_make_authority(KEY_EC, "test authority", now_s - 60, now_s + 3600, &certs.ca, &certs.ca_key));
    }
    return certs_write(buf_bytes(&certs.ca), "ca");
}

static inline void certs_of(enum key_kind kind, const char *const *names, const char **cert_file, const char **key_file)
{
    struct buf cert = buf_max(8192), key = buf_max(8192);
    struct cert_names all = {names};
    int64_t now_s = time(NULL);

    certs_authority();
    CHECK_OK(cert_make_server(buf_bytes(&certs.ca), buf_bytes(&certs.ca_key), kind, &all, now_s - 60, now_s + 3600,
                              &cert, &key));
    *cert_file = certs_write(buf_bytes(&cert), "cert");
    *key_file = certs_write(buf_bytes(&key), "key");
    buf_free(&cert);
    buf_free(&key);
}

static inline void certs_server(const char *const *names, const char **cert_file, const char **key_file)
{
    certs_of(KEY_EC, names, cert_file, key_file);
}

static int certs_remove(void **state)
{
    char command[128];

    (void)state;
    if (!certs.folder[0])
        return 0;
    snprintf(command, sizeof command, "rm -r '%s'", certs.folder);
    buf_free(&certs.ca);
    buf_free(&certs.ca_key);
    return system(command);
}

/* As TESTS(), and the folder is removed. */
#define CERT_TESTS(...)                                            \
    int main(void)                                                 \
    {                                                              \
        const struct CMUnitTest tests_[] = {__VA_ARGS__};          \
        return cmocka_run_group_tests(tests_, NULL, certs_remove); \
    }
