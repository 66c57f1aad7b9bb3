#include "cert.h"
#include "certs.h"
#include "commands.h"
#include "data.h"
#include "engines.h"
#include "facts.h"
#include "files.h"
#include "owner.h"
#include "port_owner.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PEM_MAX = 64 * 1024, DAY_S = 86400, SPACE_MIN_MB = 256, SPACE_WANTED_MB = 1024 };

struct checking {
    struct config config;
    bool running; /* a hub holds the log: its ports are taken, and rightly so */
    bool problem;
};

enum verdict { FINE, WARNING, PROBLEM };

/* One line a check: what was looked at, how it is, what to do. */
static void say(struct checking *k, enum verdict v, const char *what, const char *remedy)
{
    static const char *const words[] = {"ok", "warning", "problem"};
    struct buf line = buf_max(16 * 1024);

    k->problem |= v == PROBLEM;
    if (k->config.json) {
        buf_printf(&line, "{\"result\":\"%s\",\"check\":", words[v]);
        buf_put_json(&line, bytes_str(what));
        if (v != FINE) {
            buf_puts(&line, ",\"remedy\":");
            buf_put_json(&line, bytes_str(remedy));
        }
        buf_puts(&line, "}");
    } else {
        buf_printf(&line, "%-8s %s%s%s", words[v], what, v == FINE ? "" : ": ", v == FINE ? "" : remedy);
    }
    puts(buf_str(&line));
    buf_free(&line);
}

static bool check_folder(struct checking *k)
{
    struct stat st;
    char what[PATH_CAP + 64], remedy[PATH_CAP + 128];
    json_t *facts = NULL;

    snprintf(what, sizeof what, "data folder %s", k->config.data);
    if (stat(k->config.data, &st) || facts_load(&k->config, &facts)) {
        snprintf(remedy, sizeof remedy,
                 "there is no hub that can be read; `d2dhub init --data %s --name HOST` makes one", k->config.data);
        say(k, PROBLEM, what, remedy);
        return false;
    }
    json_decref(facts);
    snprintf(remedy, sizeof remedy, "others can look into it; chmod 700 %s", k->config.data);
    say(k, st.st_mode & 077 ? PROBLEM : FINE, what, remedy);
    return true;
}

static void check_clock(struct checking *k)
{
    enum { Y2026_S = 1767225600, Y2100_S = 4102444800 };
    int64_t now_s = now_ms() / 1000;

    say(k, now_s < Y2026_S || now_s > Y2100_S ? PROBLEM : FINE, "clock",
        "this year cannot be; tokens and certificates need the time: timedatectl set-ntp true");
}

static void check_log(struct checking *k)
{
    char log[PATH_CAP], why[256] = "";
    struct disk_options options = {.folder = log, .segment_size = k->config.segment_size};
    struct store *store = NULL;
    enum err e;

    config_path(&k->config, "log", log);
    e = disk_store_open(&options, &store, why);
    k->running = e == ERR_BUSY;
    store_close(store);
    if (k->running)
        say(k, FINE, "log (a running hub has it)", "");
    else
        say(k, e ? PROBLEM : FINE, "log", why[0] ? why : err_text(e));
}

static void check_disk(struct checking *k)
{
    char path[PATH_CAP], remedy[128];
    struct statvfs fs;
    uint64_t mb;

    config_path(&k->config, "check.tmp", path);
    if (file_write(path, BYTES("d2dhub check\n"), 0600)) {
        snprintf(remedy, sizeof remedy, "writing failed (%s); is it yours, mounted read-only, or full?",
                 strerror(errno));
        say(k, PROBLEM, "disk", remedy);
        return;
    }
    unlink(path);
    if (statvfs(k->config.data, &fs))
        return;
    mb = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
    snprintf(remedy, sizeof remedy, "%llu MiB are free; make room, or keep less (retention, retention_size)",
             (unsigned long long)mb);
    say(k, mb < SPACE_MIN_MB ? PROBLEM : mb < SPACE_WANTED_MB ? WARNING : FINE, "disk", remedy);
}

static enum verdict certificate_verdict(const struct checking *k, struct bytes pem, struct bytes key,
                                        const char **remedy)
{
    const struct config *c = &k->config;
    int64_t now_s = now_ms() / 1000;
    struct cert_facts facts;

    if (cert_read(pem, &facts))
        return *remedy = "this is not a certificate in PEM form", PROBLEM;
    if (!cert_fits_key(pem, key))
        return *remedy = "the private key belongs to another one", PROBLEM;
    if (!cert_is_for(pem, c->name))
        return *remedy = "it is not for the name of this hub: clients will refuse it", PROBLEM;
    if (now_s < facts.from_s)
        return *remedy = "it is not valid yet: is the clock right?", PROBLEM;
    if (now_s > facts.to_s)
        return *remedy = c->cert_file[0] ? "it has expired: renew it, then SIGHUP"
                                         : "it has expired: restarting d2dhub renews it",
               c->cert_file[0] ? PROBLEM : WARNING;
    *remedy = "it expires within two weeks: renew it, then SIGHUP";
    return c->cert_file[0] && facts.to_s - now_s < 14 * DAY_S ? WARNING : FINE;
}

static void check_pair(struct checking *k, const struct tls_pair *pair)
{
    char what[PATH_CAP + 32];
    struct buf pem = buf_max(PEM_MAX), key_pem = buf_max(PEM_MAX);
    const char *remedy = "it cannot be read; `ls -l` tells whose it is";
    enum verdict v = PROBLEM;
    struct stat st;

    snprintf(what, sizeof what, "certificate %s", pair->cert_file);
    if (!file_read(pair->cert_file, &pem) && !file_read(pair->key_file, &key_pem))
        v = certificate_verdict(k, buf_bytes(&pem), buf_bytes(&key_pem), &remedy);
    say(k, v, what, remedy);
    snprintf(what, sizeof what, "private key %s", pair->key_file);
    if (stat(pair->key_file, &st) == 0)
        say(k, st.st_mode & 077 ? WARNING : FINE, what, "others can read it; chmod 600");
    buf_free(&pem);
    buf_free(&key_pem);
}

static void check_certificates(struct checking *k)
{
    struct certs files;

    certs_files(&k->config, &files);
    for (size_t i = 0; i < files.n; i++)
        check_pair(k, &files.pairs[i]);
}

/* 0, or the errno with which the port was refused. */
static int try_port(const char *address, int port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
    const int on = 1;
    int fd, error;

    if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
        return EINVAL;
    fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* connections that linger are no obstacle */
    error = bind(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is_v4 ? sizeof v4 : sizeof v6) ||
                    listen(fd, 1)
                ? errno
                : 0;
    close(fd);
    return error;
}

static void check_port(struct checking *k, const char *protocol, int port)
{
    int error = port ? try_port(k->config.listen, port) : 0;
    char what[64], owner[128] = "another program", remedy[256];

    snprintf(what, sizeof what, "%s port %d", protocol, port);
    if (!error) {
        say(k, FINE, what, "");
    } else if (error == EADDRINUSE && k->running) {
        say(k, FINE, what, "");
    } else if (error == EADDRINUSE) {
        port_owner(port, owner, sizeof owner);
        snprintf(remedy, sizeof remedy, "%s has it; stop that, or choose another one with %s_port", owner, protocol);
        say(k, PROBLEM, what, remedy);
    } else if (error == EACCES && port == 443) {
        say(k, WARNING, what, "not permitted, 8443 is used; setcap cap_net_bind_service=+ep $(command -v d2dhub)");
    } else if (error == EACCES) {
        say(k, PROBLEM, what, "not permitted; setcap cap_net_bind_service=+ep $(command -v d2dhub)");
    } else {
        snprintf(remedy, sizeof remedy, "%s on %s; the key is listen", strerror(error), k->config.listen);
        say(k, PROBLEM, what, remedy);
    }
}

static int check_run(struct config *c, int argc, char **argv)
{
    struct checking k = {.config = *c};
    struct owner owner;
    int status = owner_of(c, "check", &owner);

    (void)argc;
    (void)argv;
    if (status)
        return status;
    say(&k, FINE, "configuration", "");
    check_clock(&k);
    /* What the owner cannot do must not be possible here, and no file of root's be left. */
    if (owner_begin(&owner)) {
        fprintf(stderr, "d2dhub check: this program cannot become the user %s: %m\n", owner.name);
        return 1;
    }
    if (check_folder(&k)) {
        check_log(&k);
        check_disk(&k);
        check_certificates(&k);
    }
    owner_end(&owner);
    check_port(&k, "mqtts", k.config.mqtts_port);
    check_port(&k, "amqps", k.config.amqps_port);
    check_port(&k, "https", k.config.https_port);
    return k.problem;
}

const struct command command_check = {{.name = "check",
                                       .usage = "[--data DIR]",
                                       .summary = "look at configuration, clock, ports, certificates, disk",
                                       .examples =
                                           "d2dhub check\n"
                                           "d2dhub check --data DIR -o json   # for a monitor: exit status 0 or 1\n",
                                       .more = config_keys},
                                      check_run};
