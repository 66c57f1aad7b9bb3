/* old_cert DATA: gives the hub in this folder a server certificate that has lived most of its life. */
#include "cert.h"

#include <stdio.h>
#include <time.h>

enum { PEM_MAX = 65536, DAY_S = 86400 };

static struct buf load(const char *folder, const char *name)
{
    struct buf b = buf_max(PEM_MAX);
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/tls/%s", folder, name);
    f = fopen(path, "r");
    for (int c; f && (c = getc(f)) != EOF;)
        buf_put_u8(&b, (uint8_t)c);
    if (f)
        fclose(f);
    return b;
}

static int save(const char *folder, const char *name, struct bytes text)
{
    char path[4096];
    FILE *f;
    int failed;

    snprintf(path, sizeof path, "%s/tls/%s", folder, name);
    f = fopen(path, "w");
    if (!f)
        return 1;
    failed = fwrite(text.at, 1, text.len, f) != text.len;
    return fclose(f) || failed;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"localhost", "127.0.0.1", NULL};
    struct buf ca, ca_key, cert = buf_max(PEM_MAX), key = buf_max(PEM_MAX);
    int64_t now = (int64_t)time(NULL);
    int status;

    if (argc != 2)
        return 2;
    ca = load(argv[1], "ca.pem");
    ca_key = load(argv[1], "ca-key.pem");
    status = cert_make_server(buf_bytes(&ca), buf_bytes(&ca_key), KEY_EC, &(struct cert_names){names},
                              now - 300 * DAY_S, now + 10 * DAY_S, &cert, &key) ||
             save(argv[1], "server.pem", buf_bytes(&cert)) || save(argv[1], "server-key.pem", buf_bytes(&key));
    buf_free(&ca);
    buf_free(&ca_key);
    buf_free(&cert);
    buf_free(&key);
    return status;
}
