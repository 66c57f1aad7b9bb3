#include "certs.h"
#include "commands.h"
#include "data.h"
#include "facts.h"
#include "files.h"
#include "net.h"
#include "output.h"
#include "owner.h"
#include "user_context.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLICIES_CAP = 8 };

static bool name_valid(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && name[0] != '.' && name[0] != '-' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.") == len;
}

static enum err add_groups(const struct config *c, struct hub *hub)
{
    for (size_t i = 0; i < c->groups.n; i++) {
        uint64_t at;
        enum err e = hub_group_add(hub, bytes_str(c->groups.at[i]), &at);

        if (e && e != ERR_EXISTS) {
            fprintf(stderr, "d2dhub: consumer group \"%s\": %s\n", c->groups.at[i], err_text(e));
            return e;
        }
    }
    return OK;
}

/* The hub in the log, with its policies and groups; what is to be known of it as facts. */
static enum err make_hub(const struct config *c, json_t **facts)
{
    struct hub_birth birth = {.partitions = (unsigned)c->partitions};
    struct policy policies[POLICIES_CAP];
    struct hub *hub = NULL;
    struct data data;
    enum err e;

    if ((e = data_open(c, &data)))
        return e;
    snprintf(birth.name, sizeof birth.name, "%s", c->name);
    if ((e = hub_init(&data.options, &birth, net_wall_ms()))) {
        fprintf(stderr, "d2dhub: %s: %s\n", c->data, err_text(e));
        goto done;
    }
    if ((e = hub_open(&data.options, &hub)) || (e = add_groups(c, hub)))
        goto done;
    *facts = facts_make(c, hub_birth(hub), policies, hub_policy_list(hub, policies, POLICIES_CAP));
    e = *facts ? OK : ERR_MEMORY;
done:
    store_close(data.store);
    hub_close(hub);
    state_close(data.state);
    return e;
}

/* Everything in the data folder. On failure a message was printed. */
static bool make_all(const struct config *c, json_t **facts)
{
    if (make_hub(c, facts))
        return false;
    if (!certs_make(c, net_wall_ms() / 1000) && !config_write(c) && !facts_save(c, *facts))
        return true;
    fprintf(stderr, "d2dhub init: the certificates could not be written to %s: %m\n", c->data);
    json_decref(*facts);
    return false;
}

/* The service has the hub of its folder, if somebody installed it: then its user is there. */
static void print_next(const struct config *c, const struct owner *owner)
{
    if (owner->other && strcmp(c->data, SERVICE_DATA) == 0 && access("/run/systemd/system", F_OK) == 0)
        puts("\nNext:\n  sudo systemctl enable --now d2dhub\n  d2d device add phone");
    else
        printf("\nNext:\n  d2dhub run%s%s\n  d2d device add phone\n", c->data[0] ? " --data " : "", c->data);
}

/* As of d2d: what is there is not replaced. */
enum { REFUSED = 7 };

static int init_run(struct config *c, int argc, char **argv)
{
    json_t *facts = NULL;
    struct owner owner;
    char path[PATH_CAP];
    bool made;
    int status;

    (void)argc;
    (void)argv;
    if (!c->name[0]) {
        fprintf(stderr, "d2dhub init: --name is missing: the host name by which devices will reach this hub (localhost "
                        "for a try on this machine)\n");
        return 2;
    }
    if (!name_valid(c->name)) {
        fprintf(stderr, "d2dhub init: --name must be a host name (letters, digits, '-' and '.'), not \"%s\"\n",
                c->name);
        return 2;
    }
    config_path(c, "hub.json", path);
    if (access(path, F_OK) == 0) {
        fprintf(stderr, "d2dhub init: there is already a hub in %s; `d2dhub show --data %s` shows it\n", c->data,
                c->data);
        return REFUSED;
    }
    if ((status = owner_of(c, "init", &owner)))
        return status;
    umask(077);
    if (folder_make(c->data, 0700) || chmod(c->data, 0700) || owner_take_folder(&owner, c->data) ||
        owner_begin(&owner)) {
        fprintf(stderr, "d2dhub init: %s cannot be made: %m\n", c->data);
        return 1;
    }
    made = make_all(c, &facts);
    owner_end(&owner);
    if (!made)
        return 1;
    facts_print(c, facts);
    if (!c->no_context && user_context_make(c, facts))
        fprintf(stderr, "d2dhub init: no context was written for the command d2d: is HOME set, and writable?\n");
    if (!c->json)
        print_next(c, &owner);
    json_decref(facts);
    if (!output_flush())
        fprintf(stderr, "d2dhub init: the hub is made; `d2dhub show --data %s` prints its connection strings\n",
                c->data);
    return 0;
}

static const struct opt init_options[] = {
    {"also", "NAME", "a further name in the certificate; may be given several times", OPT_LIST,
     .offset = offsetof(struct config, also)},
    {"group", "NAME", "a consumer group besides $Default; may be given several times", OPT_LIST,
     .offset = offsetof(struct config, groups)},
    {"no-context", NULL, "write no context for the command d2d", OPT_FLAG,
     .offset = offsetof(struct config, no_context)},
    {0}};

const struct command command_init = {{.name = "init",
                                      .deed = "the hub was made",
                                      .usage = "--name HOST [--also NAME]... [--data DIR]",
                                      .summary = "make a hub in a data folder",
                                      .examples = "d2dhub init --name hub.home.example\n"
                                                  "d2dhub init --data DIR --name localhost --no-context -o json\n",
                                      .options = init_options,
                                      .more = config_keys},
                                     init_run};
