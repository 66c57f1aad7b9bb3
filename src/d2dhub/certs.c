#include "certs.h"

#include "cert.h"
#include "files.h"

#include <stdio.h>
#include <unistd.h>

enum { PEM_MAX = 64 * 1024, DAY_S = 86400, AUTHORITY_DAYS = 7300, SERVER_DAYS = 365 };

/* In the order in which they are served to whoever can verify several. */
static const struct made {
    const char *cert, *key;
    enum key_kind kind;
} made[CERTS_MAX] = {
    {"tls/server.pem", "tls/server-key.pem", KEY_EC},
    {"tls/server-rsa.pem", "tls/server-rsa-key.pem", KEY_RSA},
};

static void add_pair(struct certs *out)
{
    out->pairs[out->n] = (struct tls_pair){out->cert[out->n], out->key[out->n]};
    out->n++;
}

void certs_files(const struct config *c, struct certs *out)
{
    out->n = 0;
    if (c->cert_file[0]) {
        snprintf(out->cert[0], PATH_CAP, "%s", c->cert_file);
        snprintf(out->key[0], PATH_CAP, "%s", c->key_file);
        add_pair(out);
        snprintf(out->cert[1], PATH_CAP, "%s", c->other_cert_file);
        snprintf(out->key[1], PATH_CAP, "%s", c->other_key_file);
        if (c->other_cert_file[0])
            add_pair(out);
        return;
    }
    for (size_t i = 0; i < CERTS_MAX; i++) {
        config_path(c, made[i].cert, out->cert[out->n]);
        config_path(c, made[i].key, out->key[out->n]);
        /* Without the first there is something to say; the second may not be made yet. */
        if (i == 0 || access(out->cert[out->n], F_OK) == 0)
            add_pair(out);
    }
}

void certs_ca_file(const struct config *c, char out[PATH_CAP])
{
    config_path(c, "tls/ca.pem", out);
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

/* With an RSA key, as the clouds' own authorities: who verifies only one kind verifies this one. */
static enum err make_authority(const struct config *c, int64_t now_s, struct buf *cert, struct buf *key)
{
    int64_t to_s = now_s + (int64_t)AUTHORITY_DAYS * DAY_S;
    char name[HOST_LEN_MAX + 32], path[PATH_CAP];
    enum err e;

    snprintf(name, sizeof name, "d2d hub %.*s CA", HOST_LEN_MAX, c->name);
    if ((e = cert_make_authority(KEY_RSA, name, now_s - DAY_S, to_s, cert, key)))
        return e;
    config_path(c, "tls/ca-key.pem", path);
    if ((e = file_write(path, buf_bytes(key), 0600)))
        return e;
    certs_ca_file(c, path);
    return file_write(path, buf_bytes(cert), 0644);
}

static enum err make_server(const struct config *c, const struct made *m, int64_t known_s, int64_t now_s,
                            struct bytes ca, struct bytes ca_key)
{
    int64_t from_s = (known_s < now_s ? known_s : now_s) - DAY_S, to_s = now_s + (int64_t)SERVER_DAYS * DAY_S;
    const char *names[NAMES_CAP + 8];
    char short_name[HOST_LEN_MAX + 1], machine[HOST_LEN_MAX + 1], copy[VALUE_CAP], path[PATH_CAP];
    struct buf cert = buf_max(PEM_MAX), key = buf_max(PEM_MAX);
    enum err e;

    all_names(c, names, short_name, machine, copy);
    e = cert_make_server(ca, ca_key, m->kind, &(struct cert_names){names}, from_s, to_s, &cert, &key);
    if (e)
        goto done;
    buf_put(&cert, ca); /* the chain */
    config_path(c, m->key, path);
    if ((e = buf_check(&cert)) || (e = file_write(path, buf_bytes(&key), 0600)))
        goto done;
    config_path(c, m->cert, path);
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

    certs_ca_file(c, path);
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
    e = make_authority(c, now_s, &cert, &key);
    for (size_t i = 0; i < CERTS_MAX && !e; i++)
        e = make_server(c, &made[i], now_s, now_s, buf_bytes(&cert), buf_bytes(&key));
    buf_free(&cert);
    buf_free(&key);
    return e;
}

/* It and its key are there, fit, and have more than a third of their life left. */
static bool is_good(const struct config *c, const struct made *m, int64_t now_s)
{
    struct buf cert = buf_max(PEM_MAX), key = buf_max(PEM_MAX);
    char path[PATH_CAP];
    struct cert_facts facts;
    bool good;

    config_path(c, m->cert, path);
    good = !file_read(path, &cert) && !cert_read(buf_bytes(&cert), &facts) &&
           facts.to_s - now_s > (facts.to_s - facts.from_s) / 3;
    config_path(c, m->key, path);
    good = good && !file_read(path, &key) && cert_fits_key(buf_bytes(&cert), buf_bytes(&key));
    buf_free(&cert);
    buf_free(&key);
    return good;
}

enum err certs_renew(const struct config *c, int64_t known_s, int64_t now_s, bool *renewed)
{
    struct buf ca = buf_max(PEM_MAX), ca_key = buf_max(PEM_MAX);
    enum err e = OK;

    *renewed = false;
    for (size_t i = 0; i < CERTS_MAX && !e && !c->cert_file[0]; i++) { /* an operator's own are not ours to renew */
        if (is_good(c, &made[i], now_s))
            continue;
        if (!*renewed && (e = read_authority(c, &ca, &ca_key)))
            break;
        if (!(e = make_server(c, &made[i], known_s, now_s, buf_bytes(&ca), buf_bytes(&ca_key))))
            *renewed = true;
    }
    buf_free(&ca);
    buf_free(&ca_key);
    return e;
}
