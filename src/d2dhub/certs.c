#include "certs.h"

#include "cert.h"
#include "files.h"

#include <stdio.h>
#include <unistd.h>

enum { PEM_MAX = 64 * 1024, DAY_S = 86400, AUTHORITY_DAYS = 7300, SERVER_DAYS = 365 };

void certs_files(const struct config *c, char cert[PATH_CAP], char key[PATH_CAP], char ca[PATH_CAP])
{
    config_path(c, "tls/server.pem", cert);
    config_path(c, "tls/server-key.pem", key);
    config_path(c, "tls/ca.pem", ca);
    if (c->cert_file[0]) {
        snprintf(cert, PATH_CAP, "%s", c->cert_file);
        snprintf(key, PATH_CAP, "%s", c->key_file);
    }
}

/* The hub's name, its short name, this machine, the loopback, and what the operator added. */
static size_t all_names(const struct config *c, const char *out[NAMES_CAP + 8], char short_name[HOST_LEN_MAX + 1],
                        char machine[HOST_LEN_MAX + 1], char copy[VALUE_CAP])
{
    const char *further[NAMES_CAP + 1];
    size_t n = 0, m;

    out[n++] = c->name;
    config_entity(c, short_name);
    if (strcmp(short_name, c->name))
        out[n++] = short_name;
    if (gethostname(machine, HOST_LEN_MAX + 1) == 0 && machine[0] && strcmp(machine, c->name))
        out[n++] = machine;
    if (strcmp(c->name, "localhost"))
        out[n++] = "localhost";
    out[n++] = "127.0.0.1";
    out[n++] = "::1";
    m = config_names(c, copy, further);
    for (size_t i = 0; i < m; i++)
        out[n++] = further[i];
    out[n] = NULL;
    return n;
}

static enum err make_authority(const struct config *c, int64_t now_s, struct buf *cert, struct buf *key)
{
    char name[HOST_LEN_MAX + 32], path[PATH_CAP];
    enum err e;

    snprintf(name, sizeof name, "d2d hub %.*s authority", HOST_LEN_MAX, c->name);
    if ((e = cert_make_authority(name, now_s - DAY_S, now_s + (int64_t)AUTHORITY_DAYS * DAY_S, cert, key)))
        return e;
    config_path(c, "tls/ca-key.pem", path);
    if ((e = file_write(path, buf_bytes(key), 0600)))
        return e;
    config_path(c, "tls/ca.pem", path);
    return file_write(path, buf_bytes(cert), 0644);
}

static enum err make_server(const struct config *c, int64_t now_s, struct bytes ca, struct bytes ca_key)
{
    const char *names[NAMES_CAP + 8];
    char short_name[HOST_LEN_MAX + 1], machine[HOST_LEN_MAX + 1], copy[VALUE_CAP], path[PATH_CAP];
    struct buf cert = buf_max(PEM_MAX), key = buf_max(PEM_MAX);
    enum err e;

    all_names(c, names, short_name, machine, copy);
    e = cert_make_server(ca, ca_key, &(struct cert_names){names}, now_s - DAY_S, now_s + (int64_t)SERVER_DAYS * DAY_S,
                         &cert, &key);
    if (e)
        goto done;
    buf_put(&cert, ca); /* the chain */
    config_path(c, "tls/server-key.pem", path);
    if ((e = buf_check(&cert)) || (e = file_write(path, buf_bytes(&key), 0600)))
        goto done;
    config_path(c, "tls/server.pem", path);
    e = file_write(path, buf_bytes(&cert), 0644);
done:
    buf_free(&cert);
    buf_free(&key);
    return e;
}

static enum err read_authority(const struct config *c, struct buf *cert, struct buf *key)
{
    char path[PATH_CAP];
    enum err e;

    config_path(c, "tls/ca.pem", path);
    if ((e = file_read(path, cert)))
        return e;
    config_path(c, "tls/ca-key.pem", path);
    return file_read(path, key);
}

enum err certs_make(const struct config *c, int64_t now_s)
{
    struct buf cert = buf_max(PEM_MAX), key = buf_max(PEM_MAX);
    char path[PATH_CAP];
    enum err e;

    config_path(c, "tls", path);
    if ((e = folder_make(path, 0700)))
        return e;
    if (!(e = make_authority(c, now_s, &cert, &key)))
        e = make_server(c, now_s, buf_bytes(&cert), buf_bytes(&key));
    buf_free(&cert);
    buf_free(&key);
    return e;
}

enum err certs_renew(const struct config *c, int64_t now_s, bool *renewed)
{
    struct buf server = buf_max(PEM_MAX), ca = buf_max(PEM_MAX), ca_key = buf_max(PEM_MAX);
    struct cert_facts facts;
    char path[PATH_CAP];
    enum err e = OK;

    *renewed = false;
    if (c->cert_file[0])
        return OK; /* not ours to renew */
    config_path(c, "tls/server.pem", path);
    if ((e = file_read(path, &server)) || (e = cert_read(buf_bytes(&server), &facts)))
        goto done;
    if (facts.to_s - now_s > (facts.to_s - facts.from_s) / 3)
        goto done;
    if (!(e = read_authority(c, &ca, &ca_key)) && !(e = make_server(c, now_s, buf_bytes(&ca), buf_bytes(&ca_key))))
        *renewed = true;
done:
    buf_free(&server);
    buf_free(&ca);
    buf_free(&ca_key);
    return e;
}
