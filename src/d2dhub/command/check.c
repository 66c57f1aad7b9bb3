#include "check.h"

#include "cert.h"
#include "certs.h"
#include "commands.h"
#include "damage.h"
#include "data.h"
#include "deep.h"
#include "facts.h"
#include "files.h"
#include "gap.h"
#include "net.h"
#include "owner.h"
#include "room.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PEM_MAX = 64 * 1024, DAY_S = 86400, SPACE_WANTED_MB = 1024, EXPIRY_DAYS = 30, WHY_CAP = 256, DAMAGE_LINES = 20 };

/* A line for each check: what was looked at, how it is, what to do. */
void check_say(struct checking *k, enum verdict v, const char *what, const char *remedy)
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

/* Whose is it? Root may look into everything; who else is not its owner may not, and the hub that he starts could not.
 */
static bool is_mine(struct checking *k, const char *what, const struct stat *st)
{
    const struct passwd *owner = getpwuid(st->st_uid);
    char remedy[512];

    if (geteuid() == 0 || st->st_uid == geteuid())
        return true;
    snprintf(remedy, sizeof remedy,
             "it belongs to %s: check and start that hub with sudo, or make your own with `d2dhub init --data DIR "
             "--name HOST`",
             owner ? owner->pw_name : "another user");
    check_say(k, PROBLEM, what, remedy);
    return false;
}

static bool check_folder(struct checking *k)
{
    struct stat st;
    char what[PATH_CAP + 64], remedy[PATH_CAP + 128];
    json_t *facts = NULL;
    enum err e = ERR_NOT_FOUND;

    snprintf(what, sizeof what, "data folder %s", k->config.data);
    if (stat(k->config.data, &st) == 0) {
        if (!is_mine(k, what, &st))
            return false;
        e = facts_load(&k->config, &facts);
    }
    if (e) {
        snprintf(remedy, sizeof remedy,
                 e == ERR_NOT_FOUND ? "there is no hub; `d2dhub init --data %s --name HOST` makes one"
                                    : "%s/hub.json cannot be read; starting the hub writes it again",
                 k->config.data);
        check_say(k, PROBLEM, what, remedy);
        return false;
    }
    if (!k->config.name[0])
        snprintf(k->config.name, sizeof k->config.name, "%.*s", HOST_LEN_MAX,
                 json_string_value(json_object_get(facts, "host_name"))
                     ? json_string_value(json_object_get(facts, "host_name"))
                     : "");
    json_decref(facts);
    snprintf(remedy, sizeof remedy, "other users can read it; chmod 700 %s", k->config.data);
    check_say(k, st.st_mode & 077 ? PROBLEM : FINE, what, remedy);
    return true;
}

static void check_clock(struct checking *k)
{
    enum { Y2026_S = 1767225600, Y2100_S = 4102444800 };
    int64_t now_s = net_wall_ms() / 1000;

    check_say(k, now_s < Y2026_S || now_s > Y2100_S ? PROBLEM : FINE, "clock",
              "this year is wrong; tokens and certificates need the right time: timedatectl set-ntp true");
}

/* A hub serves everything else; one by one as far as it helps. */
static void say_damage(struct checking *k, struct store *store)
{
    char text[DAMAGE_TEXT_CAP], rest[96];
    struct gap_sums sums;

    gap_sum(store, &sums);
    for (size_t i = 0; i < DAMAGE_LINES && damage_text(&k->config, store, i, text); i++)
        check_say(k, PROBLEM, text,
                  "the hub serves everything else; check the disk, and restore a backup if it is needed");
    if (sums.ranges <= DAMAGE_LINES)
        return;
    snprintf(rest, sizeof rest, "%llu more ranges of the log are damaged",
             (unsigned long long)(sums.ranges - DAMAGE_LINES));
    check_say(k, PROBLEM, rest, "replace the disk, and restore a backup");
}

static void check_log(struct checking *k)
{
    char why[DATA_WHY_CAP] = "";
    struct data data;
    enum err e = data_open_stores(&k->config, &data, why);

    k->running = e == ERR_BUSY;
    if (k->running)
        check_say(k, FINE, "log and checkpoint (a running hub has them)", "");
    else
        check_say(k, e ? PROBLEM : FINE, "log and checkpoint", why);
    if (!e)
        say_damage(k, data.store);
    data_close_stores(&data);
}

/* Bytes that the files of the log take. */
static uint64_t log_bytes(const struct config *c)
{
    char log[PATH_CAP];
    const struct dirent *e;
    struct stat st;
    uint64_t n = 0;
    DIR *d;

    config_path(c, "log", log);
    if (!(d = opendir(log)))
        return 0;
    while ((e = readdir(d)))
        if (!fstatat(dirfd(d), e->d_name, &st, 0) && S_ISREG(st.st_mode))
            n += (uint64_t)st.st_size;
    closedir(d);
    return n;
}

/* Of the file system; the log's own files are there already. */
static void check_space(struct checking *k, const struct disk_room *room)
{
    uint64_t mb = room->left >> 20, wanted = SPACE_WANTED_MB;
    char remedy[192];

    if (wanted > room->disk >> 24)
        wanted = room->disk >> 24;
    snprintf(remedy, sizeof remedy,
             "%llu MiB of %llu MiB are free; free some space, or keep fewer events (retention, retention_size)",
             (unsigned long long)mb, (unsigned long long)(room->disk >> 20));
    check_say(k, mb < wanted / 4 ? PROBLEM : mb < wanted ? WARNING : FINE, "disk", remedy);
}

/* Bytes that the log may take: as configured, which may be more than there is. */
static void check_retention(struct checking *k, const struct disk_room *room)
{
    struct store_space space = {.held = log_bytes(&k->config), .file = room_segment_size(&k->config)};
    uint64_t most = k->config.retention_size ? k->config.retention_size : room_for_log(room, &space);
    char what[128], remedy[192];

    snprintf(what, sizeof what, "events: at most %llu MiB%s, at most %lld hours; the log has %llu MiB now",
             (unsigned long long)(most >> 20), k->config.retention_size ? "" : " (by the size of the disk)",
             (long long)(k->config.retention_ms / 3600000), (unsigned long long)(space.held >> 20));
    snprintf(remedy, sizeof remedy,
             "there are only %llu MiB for it; when they are used up, new messages are refused: make retention_size "
             "smaller (0: at most half of the disk)",
             (unsigned long long)((space.held + room->left) >> 20));
    check_say(k, most > space.held + room->left ? WARNING : FINE, what, remedy);
}

static void check_disk(struct checking *k)
{
    char path[PATH_CAP], remedy[128];
    struct disk_room room;

    config_path(&k->config, "check.tmp", path);
    if (file_write(path, BYTES("d2dhub check\n"), 0600)) {
        snprintf(remedy, sizeof remedy, "writing failed (%s); is it yours, mounted read-only, or full?",
                 strerror(errno));
        check_say(k, PROBLEM, "disk", remedy);
        return;
    }
    unlink(path);
    if (!room_look(k->config.data, &room))
        return;
    check_space(k, &room);
    check_retention(k, &room);
}

/* A certificate in its time: with a month before its end to do something. */
enum age { TOO_YOUNG, IN_TIME, ENDS_SOON, HAS_ENDED };

static enum age age_of(const struct cert_facts *facts)
{
    int64_t now_s = net_wall_ms() / 1000;

    if (now_s < facts->from_s)
        return TOO_YOUNG;
    if (now_s > facts->to_s)
        return HAS_ENDED;
    return facts->to_s - now_s < EXPIRY_DAYS * (int64_t)DAY_S ? ENDS_SOON : IN_TIME;
}

/* The remedy for its age. */
static void age_remedy(const struct cert_facts *facts, const char *renewal, char out[WHY_CAP])
{
    enum age age = age_of(facts);
    char when[ISO_TIME_CAP];

    iso_time(facts->to_s * 1000, when);
    if (age == TOO_YOUNG)
        snprintf(out, WHY_CAP, "it is not valid yet: is the clock right?");
    else
        snprintf(out, WHY_CAP, "it %s on %.10s: %s", age == HAS_ENDED ? "expired" : "expires", when, renewal);
}

static enum verdict age_verdict(const struct cert_facts *facts)
{
    static const enum verdict verdicts[] = {
        [TOO_YOUNG] = PROBLEM, [IN_TIME] = FINE, [ENDS_SOON] = WARNING, [HAS_ENDED] = PROBLEM};

    return verdicts[age_of(facts)];
}

/* A reason for which clients refuse it, whatever its age; NULL: there is none. */
static const char *certificate_flaw(const struct checking *k, struct bytes pem, struct bytes key,
                                    struct cert_facts *facts)
{
    if (cert_read(pem, facts))
        return "this is not a certificate in PEM form";
    if (!cert_fits_key(pem, key))
        return "the private key belongs to another certificate";
    if (!cert_is_for(pem, k->config.name))
        return "it is not for the name of this hub: clients will refuse it";
    return NULL;
}

/* The hub's own certificates are renewed when it starts, so that one that has ended is no problem yet. */
static enum verdict certificate_verdict(const struct checking *k, struct bytes pem, struct bytes key, char out[WHY_CAP])
{
    bool is_own = !k->config.cert_file[0];
    struct cert_facts facts;
    const char *flaw = certificate_flaw(k, pem, key, &facts);

    if (flaw) {
        snprintf(out, WHY_CAP, "%s", flaw);
        return PROBLEM;
    }
    age_remedy(&facts, is_own ? "(re)starting d2dhub renews it" : "renew it, then send SIGHUP to d2dhub", out);
    return is_own && age_of(&facts) == HAS_ENDED ? WARNING : age_verdict(&facts);
}

/* The hub cannot renew it alone: all that trust it have to get the new one. */
static void check_authority(struct checking *k)
{
    char path[PATH_CAP], what[PATH_CAP + 64], why[WHY_CAP] = "it cannot be read";
    struct buf pem = buf_max(PEM_MAX);
    struct cert_facts facts;
    enum verdict v = PROBLEM;

    if (k->config.cert_file[0])
        return; /* whoever signed that is not known here */
    certs_ca_file(&k->config, path);
    snprintf(what, sizeof what, "certificate authority (CA) %s", path);
    if (!file_read(path, &pem) && !cert_read(buf_bytes(&pem), &facts)) {
        age_remedy(&facts,
                   "before that, serve with a certificate of another CA (cert_file, key_file) and give that CA to "
                   "devices and receivers",
                   why);
        v = age_verdict(&facts);
    }
    check_say(k, v, what, why);
    buf_free(&pem);
}

static void check_pair(struct checking *k, const struct tls_pair *pair)
{
    char what[PATH_CAP + 32];
    struct buf pem = buf_max(PEM_MAX), key_pem = buf_max(PEM_MAX);
    char remedy[WHY_CAP] = "it cannot be read; `ls -l` shows its owner";
    enum verdict v = PROBLEM;
    struct stat st;

    snprintf(what, sizeof what, "certificate %s", pair->cert_file);
    if (!file_read(pair->cert_file, &pem) && !file_read(pair->key_file, &key_pem))
        v = certificate_verdict(k, buf_bytes(&pem), buf_bytes(&key_pem), remedy);
    check_say(k, v, what, remedy);
    snprintf(what, sizeof what, "private key %s", pair->key_file);
    if (stat(pair->key_file, &st) == 0)
        check_say(k, st.st_mode & 077 ? WARNING : FINE, what, "other users can read it; chmod 600");
    buf_free(&pem);
    buf_free(&key_pem);
}

static void check_certificates(struct checking *k)
{
    struct certs files;

    certs_files(&k->config, &files);
    for (size_t i = 0; i < files.n; i++)
        check_pair(k, &files.pairs[i]);
    check_authority(k);
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
    if (c->deep) {
        if (owner_begin(&owner)) {
            fprintf(stderr, "d2dhub check: this program cannot become the user %s: %m\n", owner.name);
            return 1;
        }
        status = check_deep(c);
        owner_end(&owner);
        return status;
    }
    check_say(&k, FINE, "configuration", "");
    check_clock(&k);
    /* Nothing may be possible here that the owner cannot do, and no file of root's be left. */
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
    check_ports(&k);
    if (k.config.name[0])
        check_name(&k);
    return k.problem;
}

static const struct opt check_options[] = {{"deep", NULL,
                                            "only read all of the log and of the checkpoint, also while the hub runs",
                                            OPT_FLAG, .offset = offsetof(struct config, deep)},
                                           {0}};

const struct command command_check = {{.name = "check",
                                       .usage = "[--data DIR]",
                                       .summary = "check configuration, clock, disk, certificates, ports and the name",
                                       .examples =
                                           "d2dhub check\n"
                                           "d2dhub check --data DIR -o json   # for a monitor: exit status 0 or 1\n",
                                       .options = check_options,
                                       .more = config_keys},
                                      check_run};
