/* d2dhub repair: what is whole of a damaged data folder becomes a new one, and what is not is told. The old one is only
 * read. Everything is made in TO/repairing first; the log gets its name last, and without it there is no hub. */
#include "repair.h"

#include "commands.h"
#include "facts.h"
#include "files.h"
#include "net.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE "repairing"

enum { LINE_MAX_LEN = 16 * 1024, POLICIES_CAP = 8 };

/* ---- telling --------------------------------------------------------------------------------------------------- */

static void put_json(struct buf *b, const struct loss *l)
{
    buf_printf(b, "{\"event\":\"%s\",\"file\":", l->is_lost ? "lost" : "damage");
    buf_put_json(b, bytes_str(l->file));
    buf_printf(b, ",\"offset\":%llu,\"length\":%llu,\"what\":", (unsigned long long)l->offset,
               (unsigned long long)l->length);
    buf_put_json(b, bytes_str(l->what));
    if (l->device[0]) {
        buf_puts(b, ",\"device\":");
        buf_put_json(b, bytes_str(l->device));
    }
    if (l->partition >= 0)
        buf_printf(b, ",\"partition\":%d", l->partition);
    if (l->sequence >= 0)
        buf_printf(b, ",\"sequence\":%lld", (long long)l->sequence);
    buf_puts(b, "}");
}

static void put_text_line(struct buf *b, const struct loss *l)
{
    buf_printf(b, "%s  %s", l->is_lost ? "lost   " : "damaged", l->file);
    if (l->offset || l->length)
        buf_printf(b, ", byte %llu", (unsigned long long)l->offset);
    if (l->length)
        buf_printf(b, " (%llu bytes)", (unsigned long long)l->length);
    buf_printf(b, ": %s", l->what);
    if (l->device[0])
        buf_printf(b, ", device %s", l->device);
    if (l->partition >= 0)
        buf_printf(b, ", partition %d", l->partition);
    if (l->sequence >= 0)
        buf_printf(b, ", sequence number %lld", (long long)l->sequence);
}

void repair_tell(struct repair *r, const struct loss *l)
{
    struct buf line = buf_max(LINE_MAX_LEN);

    r->lost += l->is_lost;
    if (r->config->json)
        put_json(&line, l);
    else
        put_text_line(&line, l);
    puts(buf_str(&line));
    buf_free(&line);
}

/* ---- folders --------------------------------------------------------------------------------------------------- */

/* Only what an interrupted repair left may be there. */
static bool is_free(struct repair *r)
{
    DIR *dir = opendir(r->to);
    bool taken = false;

    if (!dir)
        return errno == ENOENT ? true : errand_fail_errno(&r->errand, r->to);
    for (const struct dirent *d; (d = readdir(dir));)
        taken |= strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 && strcmp(d->d_name, ASIDE) != 0 &&
                 strcmp(d->d_name, "lost+found") != 0;
    closedir(dir);
    return taken ? errand_fail(&r->errand, r->to, "this folder is not empty: name a new one") : true;
}

/* As a hub holds it: nothing is written. What is not there cannot be held, nor used. */
static bool lock(struct repair *r, const char *name, int flags, int *out)
{
    char path[PATH_CAP];

    config_path(r->config, name, path);
    *out = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (*out < 0 || flock(*out, LOCK_EX | LOCK_NB) == 0)
        return true;
    return errand_fail(&r->errand, r->config->data, "a hub runs in this folder: stop it first");
}

static bool make_folders(struct repair *r)
{
    static const char *const names[] = {"log", "state", "tls"};
    char path[PATH_CAP];
    bool done;

    remove_all(r->fresh.data);
    done = errand_folder(&r->errand, r->fresh.data);
    for (size_t i = 0; done && i < sizeof names / sizeof *names; i++) {
        config_path(&r->fresh, names[i], path);
        done = errand_folder(&r->errand, path);
    }
    return done;
}

static bool move_one(struct repair *r, const char *name)
{
    char from[PATH_CAP], to[PATH_CAP];

    config_path(&r->fresh, name, from);
    if (!errand_path(&r->errand, r->to, name, to))
        return false;
    return rename(from, to) ? errand_fail_errno(&r->errand, to) : true;
}

static bool move_all(struct repair *r)
{
    DIR *dir = opendir(r->fresh.data);
    char path[PATH_CAP];
    bool done = dir != NULL;

    if (!dir)
        return errand_fail_errno(&r->errand, r->fresh.data);
    for (const struct dirent *d; done && (d = readdir(dir));)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 && strcmp(d->d_name, "log") != 0)
            done = move_one(r, d->d_name);
    closedir(dir);
    if (!errand_path(&r->errand, r->to, "log", path))
        return false;
    file_sync_folder(path);
    done = done && move_one(r, "log");
    if (done)
        remove_all(r->fresh.data);
    file_sync_folder(path);
    return done;
}

/* ---- the hub --------------------------------------------------------------------------------------------------- */

/* How the new checkpoint comes about, and whether there may have been more than is known. */
static void decide(struct repair *r)
{
    bool log_whole = r->has_log && !r->log.damages && r->log.first == SEGMENT_HEAD &&
                     (!r->state.has_sum || r->log.end >= r->state.sum.place);
    bool state_whole = repair_state_is_whole(r);

    r->anew = !state_whole && log_whole;
    r->jumps = !r->has_log || r->log.damages || (r->state.has_sum && r->state.sum.place > r->log.end) ||
               (!r->state.has_sum && !r->anew);
    if (r->anew)
        r->place = 0;
    else if (state_whole || (r->state.has_sum && r->log.damages))
        r->place = r->state.sum.place;
    else /* the log brings back what it still has of what is lost */
        r->place = r->log.first;
    if (!r->anew && r->place < r->log.first)
        r->place = r->log.first;
}

static bool save_facts(struct repair *r, const struct hub *hub, const struct policy *policies, size_t n)
{
    static struct config final;
    char path[PATH_CAP];
    json_t *facts;
    enum err e;

    config_path(&r->fresh, "hub.json", path);
    if (access(path, F_OK) == 0)
        return true;
    final = *r->config;
    snprintf(final.data, sizeof final.data, "%s", r->to);
    if (!final.name[0])
        snprintf(final.name, sizeof final.name, "%s", hub_birth(hub)->name);
    facts = facts_make(&final, hub_birth(hub), policies, n);
    e = facts ? facts_save(&r->fresh, facts) : ERR_MEMORY;
    json_decref(facts);
    return e ? errand_fail(&r->errand, path, err_text(e)) : true;
}

static enum err bring_up(struct repair *r, struct hub *hub)
{
    uint64_t skip = (uint64_t)LOST_S_MIN * LOST_EVENTS_PER_S + r->most;
    enum err e = OK;

    if (r->jumps || (!repair_state_is_whole(r) && !r->anew))
        e = hub_restored(hub, skip, net_wall_ms());
    if (!e)
        e = hub_policies_complete(hub);
    return e ? e : hub_checkpoint(hub, net_steady_ms());
}

/* It starts, and knows from now on what it has. */
static bool open_hub(struct repair *r)
{
    struct policy policies[POLICIES_CAP];
    struct hub *hub = NULL;
    struct data data;
    bool done;
    enum err e;

    if (data_open(&r->fresh, &data)) {
        repair_state_tell(r, NULL);
        return errand_fail(&r->errand, r->fresh.data, "what is whole does not fit together");
    }
    if (!(e = hub_open(&data.options, &hub)))
        e = bring_up(r, hub);
    repair_state_tell(r, hub);
    done = !e && save_facts(r, hub, policies, hub_policy_list(hub, policies, POLICIES_CAP));
    store_close(data.store);
    hub_close(hub);
    state_close(data.state);
    if (e == ERR_NOT_FOUND)
        return errand_fail(&r->errand, r->config->data,
                           "neither the log nor the checkpoint holds a hub; nothing was written");
    return e ? errand_fail(&r->errand, r->config->data, err_text(e)) : done;
}

static bool save(struct repair *r)
{
    if (!repair_rest(r) || !repair_state_look(r) || !repair_log(r))
        return false;
    decide(r);
    if (!repair_log_jump(r) || !repair_state_write(r)) {
        repair_state_tell(r, NULL);
        return false;
    }
    return open_hub(r) && move_all(r);
}

static bool as_owner(struct repair *r)
{
    bool done;

    if (!lock(r, "log/lock", 0, &r->log_lock) || !lock(r, "state", O_DIRECTORY, &r->state_lock))
        return false;
    done = make_folders(r) && save(r);
    if (!done)
        remove_all(r->fresh.data);
    return done;
}

static bool repair(struct repair *r)
{
    bool was_there = access(r->to, F_OK) == 0, done;

    umask(077);
    if (!errand_is_apart(&r->errand, r->to, r->config->data) || !is_free(r))
        return false;
    if (folder_make(r->to, 0700) || chmod(r->to, 0700) || owner_take_folder(&r->errand.owner, r->to))
        return errand_fail_errno(&r->errand, r->to);
    if (owner_begin(&r->errand.owner))
        return errand_fail(&r->errand, r->config->data, "this program cannot become its owner");
    done = as_owner(r);
    owner_end(&r->errand.owner);
    if (!done && !was_there)
        rmdir(r->to);
    return done;
}

static void say_done(const struct repair *r)
{
    if (r->config->json)
        printf("{\"event\":\"repaired\",\"folder\":\"%s\",\"records\":%llu,\"values\":%llu,\"lost\":%llu}\n", r->to,
               (unsigned long long)r->records, (unsigned long long)(r->anew ? 0 : r->state.entries),
               (unsigned long long)r->lost);
    else
        printf(
            "What is whole is in %s: %llu records of the log, %llu values of the checkpoint; %s\n\nNext:\n  d2dhub run "
            "--data %s\n",
            r->to, (unsigned long long)r->records, (unsigned long long)(r->anew ? 0 : r->state.entries),
            r->lost ? "what is lost is named above" : "nothing is lost", r->to);
}

static void repair_end(struct repair *r)
{
    log_files_free(&r->files);
    buf_free(&r->seen.birth);
    free(r->damage);
    if (r->log_lock >= 0)
        close(r->log_lock);
    if (r->state_lock >= 0)
        close(r->state_lock);
    errand_end(&r->errand);
}

static int repair_run(struct config *c, int argc, char **argv)
{
    static struct repair r;
    int status;
    bool done;

    (void)argc;
    if (!data_exists(c)) {
        fprintf(stderr, "d2dhub repair: there is no hub in %s; --data names its folder\n", c->data);
        return 4;
    }
    r = (struct repair){.config = c, .fresh = *c, .log_lock = -1, .state_lock = -1, .seen = {.birth = buf_max(1024)}};
    snprintf(r.to, sizeof r.to, "%s", argv[1]);
    if (!errand_begin(&r.errand, "repair"))
        return 1;
    if ((status = owner_of(c, "repair", &r.errand.owner))) {
        errand_end(&r.errand);
        return status;
    }
    done = errand_path(&r.errand, r.to, ASIDE, r.fresh.data) && repair(&r);
    if (done)
        say_done(&r);
    status = errand_status(&r.errand, done && !r.lost);
    repair_end(&r);
    return status;
}

const struct command command_repair = {
    {.name = "repair",
     .deed = "the hub was saved",
     .usage = "TO [--data DIR]",
     .summary = "save what is whole of a damaged hub into a new folder, and name what is lost",
     .examples = "d2dhub repair /var/lib/d2dhub-2\n"
                 "d2dhub repair DIR-2 --data DIR -o json >lost\n",
     .least = 1,
     .most = 1,
     .first = OPT_FOLDER},
    repair_run};
