/* d2dhub backup: a copy of a hub, whether it runs or not, of which a second one copies only what is new. */
#include "backup.h"

#include "commands.h"
#include "data.h"
#include "facts.h"
#include "files.h"
#include "net.h"
#include "verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { HOLD_TRIES = 3000, HOLD_PAUSE_NS = 10 * 1000 * 1000 }; /* trimming takes no half minute */

bool backup_damage(struct backup *b, const char *file, uint64_t offset, uint64_t length, const char *what)
{
    struct kept_damage *d = manifest_add_damage(&b->now, file, offset, length, what);

    if (!d)
        return errand_fail(&b->errand, file, err_text(ERR_MEMORY));
    damage_print(b->config, d);
    return true;
}

/* ---- the folder ------------------------------------------------------------------------------------------------ */

static bool is_ours(const char *name)
{
    static const char *const names[] = {"lock", "log", "manifest", "manifest.new", "lost+found"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return name[0] == '.' || strncmp(name, "set-", 4) == 0;
}

/* Nothing of somebody else's is there. */
static bool has_only_ours(struct backup *b)
{
    DIR *dir = opendir(b->to);
    char what[400] = "";

    if (!dir)
        return errand_fail_errno(&b->errand, b->to);
    for (const struct dirent *d; !what[0] && (d = readdir(dir));)
        if (!is_ours(d->d_name))
            snprintf(what, sizeof what, "there is \"%.100s\", which is not of a backup: name an empty or a new folder",
                     d->d_name);
    closedir(dir);
    return what[0] ? errand_fail(&b->errand, b->to, what) : true;
}

static bool lock_folder(struct backup *b)
{
    char path[PATH_CAP];

    if (!errand_path(&b->errand, b->to, "lock", path))
        return false;
    b->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (b->lock < 0)
        return errand_fail_errno(&b->errand, path);
    if (flock(b->lock, LOCK_EX | LOCK_NB))
        return errand_fail(&b->errand, b->to, "another backup into this folder is running");
    return true;
}

static bool load_before(struct backup *b)
{
    enum err e = manifest_load(b->to, &b->before);

    if (e == ERR_NOT_FOUND)
        return true;
    if (e == ERR_UNSUPPORTED)
        return errand_fail(&b->errand, b->to, "a newer version of d2dhub made this backup: use that version");
    if (e == ERR_DAMAGED)
        return errand_fail(&b->errand, b->to,
                           "the manifest is damaged: remove that file, and everything is copied again");
    return e ? errand_fail_errno(&b->errand, b->to) : true;
}

static bool open_folder(struct backup *b)
{
    char path[PATH_CAP];

    return errand_is_apart(&b->errand, b->to, b->config->data) && errand_folder(&b->errand, b->to) &&
           has_only_ours(b) && lock_folder(b) && load_before(b) && errand_path(&b->errand, b->to, "log", path) &&
           errand_folder(&b->errand, path);
}

/* A set is made from nothing: what an interrupted backup left there goes. */
static bool make_set(struct backup *b)
{
    static const char *const folders[] = {"", "/state", "/tls"};
    char path[PATH_CAP], name[64];

    b->now.set = b->before.set + 1;
    snprintf(b->set, sizeof b->set, "set-%llu", (unsigned long long)b->now.set);
    if (!errand_path(&b->errand, b->to, b->set, path))
        return false;
    remove_all(path);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(name, sizeof name, "%s%s", b->set, folders[i]);
        if (!errand_path(&b->errand, b->to, name, path) || !errand_folder(&b->errand, path))
            return false;
    }
    return true;
}

/* ---- the source ------------------------------------------------------------------------------------------------ */

/* Files of the log do not go while they are copied. */
static bool hold(struct backup *b)
{
    const struct timespec pause = {.tv_nsec = HOLD_PAUSE_NS};
    char folder[PATH_CAP];
    bool taken = false;

    config_path(b->config, "log", folder);
    for (int i = 0; !taken && i < HOLD_TRIES && !errand_is_interrupted(&b->errand); i++) {
        int error = EACCES;

        if (!owner_begin(&b->errand.owner)) {
            taken = hold_take(&b->errand.hold, folder);
            error = errno;
            owner_end(&b->errand.owner);
        }
        errno = error;
        if (!taken && error != EAGAIN)
            return errand_fail_errno(&b->errand, folder);
        if (!taken)
            nanosleep(&pause, NULL);
    }
    return taken ? true : errand_fail(&b->errand, folder, "the hub is removing old files all the time: try again");
}

static bool is_same_hub(struct backup *b)
{
    static const uint8_t none[STORE_ID];

    if (!b->before.set || memcmp(b->before.id, b->now.id, STORE_ID) == 0 || memcmp(b->before.id, none, STORE_ID) == 0)
        return true;
    return errand_fail(&b->errand, b->to, "this is the backup of another hub: name a folder for each hub");
}

static void take_name(struct backup *b)
{
    json_t *facts = NULL;

    snprintf(b->now.hub, sizeof b->now.hub, "%s", b->config->name);
    if (!b->now.hub[0] && !facts_load(b->config, &facts))
        snprintf(b->now.hub, sizeof b->now.hub, "%.253s",
                 json_string_value(json_object_get(facts, "host_name"))
                     ? json_string_value(json_object_get(facts, "host_name"))
                     : "");
    json_decref(facts);
}

static bool copy_all(struct backup *b)
{
    if (!hold(b) || !backup_state(b) || !is_same_hub(b) || !backup_log(b) || !is_same_hub(b))
        return false;
    if (!hold_is_kept(&b->errand.hold))
        return errand_fail(&b->errand, b->config->data,
                           "the hub did not wait any longer and removed old files of its log: start the backup again");
    hold_drop(&b->errand.hold);
    return backup_rest(b);
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

/* The names of the files are on the disk before the manifest is. */
static void sync_folders(const struct backup *b)
{
    static const char *const below[] = {"log/x", "set/x", "set/state/x", "set/tls/x", "x"};
    char path[PATH_CAP + 64];

    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        bool in_set = strncmp(below[i], "set", 3) == 0;

        snprintf(path, sizeof path, "%s/%s%s", b->to, in_set ? b->set : "", below[i] + (in_set ? 3 : 0));
        file_sync_folder(path);
    }
}

static bool is_used(const struct backup *b, const char *from)
{
    for (size_t i = 0; i < b->now.n_files; i++)
        if (strcmp(b->now.files[i].from, from) == 0)
            return true;
    return false;
}

/* Files that no manifest names any more. */
static void remove_old(const struct backup *b)
{
    char path[PATH_CAP + 300], from[KEPT_NAME_CAP];
    DIR *dir;

    snprintf(path, sizeof path, "%s/log", b->to);
    dir = opendir(path);
    for (const struct dirent *d; dir && (d = readdir(dir));) {
        snprintf(from, sizeof from, "log/%.200s", d->d_name);
        if (d->d_name[0] != '.' && !is_used(b, from))
            unlinkat(dirfd(dir), d->d_name, 0);
    }
    if (dir)
        closedir(dir);
    dir = opendir(b->to);
    for (const struct dirent *d; dir && (d = readdir(dir));) {
        snprintf(path, sizeof path, "%s/%.200s", b->to, d->d_name);
        if (strncmp(d->d_name, "set-", 4) == 0 && strcmp(d->d_name, b->set) != 0)
            remove_all(path);
    }
    if (dir)
        closedir(dir);
}

static void say_done(const struct backup *b)
{
    if (b->config->json)
        printf("{\"event\":\"complete\",\"copied\":%llu,\"copied_bytes\":%llu,\"unchanged\":%llu,\"damages\":%zu,"
               "\"place\":"
               "%llu,\"end\":%llu}\n",
               (unsigned long long)b->copied, (unsigned long long)b->copied_bytes, (unsigned long long)b->kept,
               b->now.n_damage, (unsigned long long)b->now.place, (unsigned long long)b->now.end);
    else
        printf("%llu file%s of the log copied, %llu unchanged; %llu KiB written\nThe backup in %s is complete%s\n",
               (unsigned long long)b->copied, b->copied == 1 ? "" : "s", (unsigned long long)b->kept,
               (unsigned long long)b->copied_bytes / 1024, b->to,
               b->now.n_damage ? ", but the hub is damaged: `d2dhub check --deep` shows what is lost" : "");
}

static bool make(struct backup *b)
{
    if (!open_folder(b))
        return false;
    b->errand.after = b->before.set ? "The backup that was there before is still whole" : "This is not a backup yet";
    if (!make_set(b) || !copy_all(b))
        return false;
    b->now.made_ms = net_wall_ms();
    snprintf(b->now.version, sizeof b->now.version, "%s", D2D_VERSION);
    take_name(b);
    sync_folders(b);
    if (manifest_save(b->to, &b->now))
        return errand_fail_errno(&b->errand, b->to);
    remove_old(b);
    return true;
}

static int make_backup(const struct config *c, const char *to)
{
    struct backup b = {.config = c, .lock = -1, .first = UINT64_MAX};
    int status;
    bool done;

    if (!data_exists(c)) {
        fprintf(stderr, "d2dhub backup: there is no hub in %s; --data names its folder\n", c->data);
        return 4;
    }
    snprintf(b.to, sizeof b.to, "%s", to);
    if (!errand_begin(&b.errand, "backup"))
        return 1;
    if ((status = owner_of(c, "backup", &b.errand.owner))) {
        errand_end(&b.errand);
        return status;
    }
    done = make(&b);
    status = errand_status(&b.errand, done && !b.now.n_damage);
    if (done)
        say_done(&b);
    errand_end(&b.errand);
    manifest_free(&b.before);
    manifest_free(&b.now);
    if (b.lock >= 0)
        close(b.lock);
    return status;
}

static int backup_run(struct config *c, int argc, char **argv)
{
    (void)argc;
    if (c->list && c->verify) {
        fprintf(stderr, "d2dhub backup: --list and --verify exclude each other; give one of them\n");
        return 2;
    }
    return c->list ? backup_list(c, argv[1]) : c->verify ? backup_verify(c, argv[1]) : make_backup(c, argv[1]);
}

static const struct opt backup_options[] = {
    {"list", NULL, "only print what the backup in this folder holds", OPT_FLAG,
     .offset = offsetof(struct config, list)},
    {"verify", NULL, "only read the whole backup in this folder, and check each file and record", OPT_FLAG,
     .offset = offsetof(struct config, verify)},
    {0}};

const struct command command_backup = {
    {.name = "backup",
     .deed = "the backup was made",
     .usage = "TO [--data DIR]",
     .summary = "copy a hub, which may run, into a folder; the next time only what is new",
     .examples = "d2dhub backup /mnt/backup/hub\n"
                 "d2dhub backup --verify /mnt/backup/hub\n"
                 "d2dhub backup --list /mnt/backup/hub -o json\n",
     .options = backup_options,
     .least = 1,
     .most = 1,
     .first = OPT_FOLDER},
    backup_run};
