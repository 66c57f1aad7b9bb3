/* d2dhub restore: a backup becomes a hub again. Everything is written into DATA/restoring first; the log gets its name
 * last, and without it there is no hub. */
#include "commands.h"
#include "data.h"
#include "files.h"
#include "hub.h"
#include "log_jump.h"
#include "net.h"
#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE "restoring"

struct restore {
    struct errand errand;
    const struct config *config;
    char from[PATH_CAP], aside[PATH_CAP];
    struct manifest manifest;
};

/* Only what a backup can hold: "log/….log", "state/data.mdb", "tls/…" and files of the folder itself. */
static bool is_place_for(const char *name)
{
    static const char *const folders[] = {"log/", "state/", "tls/"};

    if (!strchr(name, '/'))
        return strcmp(name, "log") != 0 && strcmp(name, "state") != 0 && strcmp(name, "tls") != 0 &&
               strcmp(name, ASIDE) != 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (strncmp(name, folders[i], strlen(folders[i])) == 0)
            return !strchr(name + strlen(folders[i]), '/');
    return false;
}

static bool has_names(struct restore *r)
{
    for (size_t i = 0; i < r->manifest.n_files; i++)
        if (!is_place_for(r->manifest.files[i].name))
            return errand_fail(&r->errand, r->from, "the manifest names a file that is not of a hub");
    return manifest_find(&r->manifest, "state/data.mdb") ? true
                                                         : errand_fail(&r->errand, r->from, "it has no checkpoint");
}

static bool exists(const struct restore *r, const char *name)
{
    char path[PATH_CAP];
    struct stat st;

    config_path(r->config, name, path);
    return lstat(path, &st) == 0 || errno != ENOENT;
}

/* An interrupted restore may be done again; a hub is never written over. */
static bool is_free(struct restore *r)
{
    static const char *const names[] = {"state", "hub.json", "d2dhub.ini", "tls"};
    bool taken = exists(r, "log");

    for (size_t i = 0; i < sizeof names / sizeof *names && !exists(r, ASIDE); i++)
        taken |= exists(r, names[i]);
    return taken ? errand_fail(&r->errand, r->config->data,
                               "there is already a hub in this folder: move it away, or name another one with --data")
                 : true;
}

/* ---- writing, as the owner of the data folder ------------------------------------------------------------------- */

static int open_new(struct restore *r, const char *path)
{
    int fd = -1, error = EACCES;

    if (!owner_begin(&r->errand.owner)) {
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        error = errno;
        owner_end(&r->errand.owner);
    }
    errno = error;
    return fd;
}

/* Segments have their whole size, so that writing there never runs out of disk. */
static bool give_size(struct restore *r, int fd, const char *path, const struct kept *f)
{
    int error = f->size > f->bytes ? posix_fallocate(fd, 0, (off_t)f->size) : 0;

    errno = error;
    return error ? errand_fail_errno(&r->errand, path) : true;
}

static bool write_one(struct restore *r, const struct kept *f)
{
    char source[PATH_CAP], path[PATH_CAP], sum[SUM_HEX + 1];
    bool done = false;
    int in, out;

    if (!errand_path(&r->errand, r->from, f->from, source) || !errand_path(&r->errand, r->aside, f->name, path))
        return false;
    if ((in = open(source, O_RDONLY | O_CLOEXEC)) < 0)
        return errand_fail_errno(&r->errand, source);
    if ((out = open_new(r, path)) < 0) {
        errand_fail_errno(&r->errand, path);
    } else {
        sum_begin(&r->errand);
        done = errand_copy(&r->errand, in, out, path, 0, f->bytes) && give_size(r, out, path, f);
        sum_text(&r->errand, sum);
        if (done && strcmp(sum, f->sum) != 0)
            done = errand_fail(&r->errand, source, "it changed while it was read");
        done = errand_finish(&r->errand, out, path) && done;
    }
    close(in);
    return done;
}

static bool make_folders(struct restore *r)
{
    static const char *const names[] = {"log", "state", "tls"};
    char path[PATH_CAP];
    bool done = true;

    if (owner_begin(&r->errand.owner))
        return errand_fail(&r->errand, r->config->data, "this program cannot become its owner");
    remove_all(r->aside);
    done = errand_folder(&r->errand, r->aside);
    for (size_t i = 0; done && i < sizeof names / sizeof *names; i++)
        done = errand_path(&r->errand, r->aside, names[i], path) && errand_folder(&r->errand, path);
    owner_end(&r->errand.owner);
    return done;
}

static bool move_one(struct restore *r, const char *name)
{
    char from[PATH_CAP], to[PATH_CAP];

    config_path(r->config, name, to);
    if (!errand_path(&r->errand, r->aside, name, from))
        return false;
    /* An interrupted restore may have moved it already. */
    remove_all(to);
    return rename(from, to) ? errand_fail_errno(&r->errand, to) : true;
}

/* The log last. */
static bool move_all(struct restore *r)
{
    char path[PATH_CAP];
    bool done;

    if (owner_begin(&r->errand.owner))
        return errand_fail(&r->errand, r->config->data, "this program cannot become its owner");
    done = move_one(r, "tls") && move_one(r, "state");
    for (size_t i = 0; done && i < r->manifest.n_files; i++)
        if (!strchr(r->manifest.files[i].name, '/'))
            done = move_one(r, r->manifest.files[i].name);
    config_path(r->config, "log", path);
    file_sync_folder(path);
    done = done && move_one(r, "log");
    if (done)
        remove_all(r->aside);
    file_sync_folder(path);
    owner_end(&r->errand.owner);
    return done;
}

/* How long the lost hub may have gone on. */
static uint64_t seconds_since(const struct manifest *m)
{
    int64_t s = (net_wall_ms() - m->made_ms) / 1000;

    return (uint64_t)(s < LOST_S_MIN ? LOST_S_MIN : s);
}

/* Places that the lost hub may have given are left out. Before the log gets its name. */
static bool leave_out_places(struct restore *r)
{
    char path[PATH_CAP], why[256] = "";
    enum err e = ERR_DENIED;

    if (!errand_path(&r->errand, r->aside, "log", path))
        return false;
    if (!owner_begin(&r->errand.owner)) {
        e = log_jump(path, seconds_since(&r->manifest) * LOST_BYTES_PER_S, why);
        owner_end(&r->errand.owner);
    }
    return e ? errand_fail(&r->errand, why[0] ? "" : path, why[0] ? why : err_text(e)) : true;
}

static bool write_all(struct restore *r)
{
    umask(077);
    if (folder_make(r->config->data, 0700) || owner_take_folder(&r->errand.owner, r->config->data))
        return errand_fail_errno(&r->errand, r->config->data);
    if (!make_folders(r))
        return false;
    for (size_t i = 0; i < r->manifest.n_files; i++)
        if (!write_one(r, &r->manifest.files[i]))
            return false;
    return leave_out_places(r) && move_all(r);
}

/* ---- the hub ---------------------------------------------------------------------------------------------------- */

static bool open_hub(struct restore *r, const struct config *c)
{
    struct hub *hub = NULL;
    struct data data;
    enum err e = owner_begin(&r->errand.owner);

    if (e)
        return errand_fail(&r->errand, c->data, "this program cannot become its owner");
    if (!(e = data_open(c, &data))) {
        e = hub_open(&data.options, &hub);
        if (!e)
            e = hub_restored(hub, seconds_since(&r->manifest) * LOST_EVENTS_PER_S, net_wall_ms());
        if (!e)
            e = hub_checkpoint(hub, net_steady_ms());
        store_close(data.store);
        hub_close(hub);
        state_close(data.state);
    }
    owner_end(&r->errand.owner);
    return e ? errand_fail(&r->errand, c->data, err_text(e)) : true;
}

/* As configured in the backup. */
static bool begin_hub(struct restore *r, int argc, char **argv)
{
    static struct config fresh;
    struct buf said = buf_max(16 * 1024);
    bool done = config_load(&fresh, &command_restore.told, argc, argv, &said) == 0;

    if (done)
        done = open_hub(r, &fresh);
    else
        fputs(buf_str(&said), stderr);
    buf_free(&said);
    return done;
}

static void say_done(const struct restore *r)
{
    if (r->config->json)
        printf("{\"event\":\"restored\",\"hub\":\"%s\",\"folder\":\"%s\",\"files\":%zu}\n", r->manifest.hub,
               r->config->data, r->manifest.n_files);
    else
        printf("The hub %s is in %s\n\nNext:\n  d2dhub run --data %s\n", r->manifest.hub, r->config->data,
               r->config->data);
}

static bool restore(struct restore *r, int argc, char **argv)
{
    char path[PATH_CAP];

    config_path(r->config, ASIDE, r->aside);
    if (!verify_load(&r->errand, r->from, &r->manifest) || !has_names(r) || !is_free(r))
        return false;
    if (!verify_all(&r->errand, r->from, &r->manifest))
        return errand_fail(&r->errand, r->from, "this backup is damaged; nothing was written");
    if (!write_all(r)) {
        config_path(r->config, "log", path);
        if (!owner_begin(&r->errand.owner)) {
            remove_all(r->aside);
            owner_end(&r->errand.owner);
        }
        return false;
    }
    for (size_t i = 0; i < r->manifest.n_damage; i++)
        damage_print(r->config, &r->manifest.damage[i]);
    return begin_hub(r, argc, argv);
}

static int restore_run(struct config *c, int argc, char **argv)
{
    struct restore r = {.config = c};
    int status;
    bool done;

    snprintf(r.from, sizeof r.from, "%s", argv[1]);
    if (!errand_begin(&r.errand, "restore"))
        return 1;
    if ((status = owner_of(c, "restore", &r.errand.owner))) {
        errand_end(&r.errand);
        return status;
    }
    done = restore(&r, argc, argv);
    status = errand_status(&r.errand, done);
    if (done)
        say_done(&r);
    manifest_free(&r.manifest);
    errand_end(&r.errand);
    return status;
}

const struct command command_restore = {{.name = "restore",
                                         .deed = "the hub was restored",
                                         .usage = "FROM [--data DIR]",
                                         .summary = "make a hub from a backup",
                                         .examples =
                                             "d2dhub restore /mnt/backup/hub\n"
                                             "d2dhub restore /mnt/backup/hub --data DIR   # beside another one\n",
                                         .least = 1,
                                         .most = 1,
                                         .first = OPT_FOLDER},
                                        restore_run};
