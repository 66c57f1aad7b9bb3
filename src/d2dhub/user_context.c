#include "user_context.h"

#include "certs.h"
#include "files.h"
#include "home.h"
#include "json_text.h"
#include "typist.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_LEN_MAX = 60, TRIES = 100, FILE_MAX = 64 * 1024 };

struct task {
    const struct config *config;
    const json_t *facts;
    struct buf ca; /* read before: its folder may be closed to the user */
};

/* ---- files ----------------------------------------------------------------------------------------------------- */

static bool path_of(const char *name, const char *end, char out[PATH_CAP])
{
    char below[NAME_LEN_MAX + 40];

    return snprintf(below, sizeof below, "/contexts/%.*s%s", NAME_LEN_MAX + 5, name, end) > 0 &&
           home_config(below, out, PATH_CAP);
}

static json_t *read_json(const char *path)
{
    struct buf text = buf_max(FILE_MAX);
    json_t *read = NULL;

    if (!file_read(path, &text))
        read = json_loadb((const char *)text.at, text.len, 0, NULL);
    buf_free(&text);
    return read;
}

static enum err write_json(const char *path, const json_t *value)
{
    char *text = json_text(value, JSON_INDENT(2));
    enum err e = text ? file_write(path, bytes_str(text), 0600) : ERR_MEMORY;

    free(text);
    return e;
}

static const char *text_of(const json_t *from, const char *key)
{
    const char *text = json_string_value(json_object_get(from, key));

    return text ? text : "";
}

/* "" when there is none, or when it names one that is gone. */
static void current_name(char out[NAME_LEN_MAX + 6])
{
    char path[PATH_CAP];
    struct buf text = buf_max(256);
    struct bytes line = NO_BYTES;

    out[0] = 0;
    if (home_config("/current", path, PATH_CAP) && !file_read(path, &text))
        line = bytes_trim(buf_bytes(&text));
    if (!line.len || bytes_find(line, '/') < line.len || !bytes_to_str(line, out, NAME_LEN_MAX + 6) ||
        !path_of(out, ".json", path) || access(path, F_OK))
        out[0] = 0;
    buf_free(&text);
}

/* ---- what is in one -------------------------------------------------------------------------------------------- */

/* The address at which this computer reaches the hub, before its name means anything to it. */
static const char *address_of(const struct config *c)
{
    if (strcmp(c->listen, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(c->listen, "::") == 0 ? "::1" : c->listen;
}

static const char *owner_string(const json_t *facts)
{
    return text_of(json_object_get(facts, "connection_strings"), "iothubowner");
}

static const char *const ports[] = {"mqtts_port", "amqps_port", "https_port"};

static json_t *new_context(const struct task *t, const char *name, const char *ca)
{
    json_t *made = json_pack("{ss ss ss ss ss ss ss}", "name", name, "host_name", text_of(t->facts, "host_name"),
                             "address", address_of(t->config), "data", text_of(t->facts, "data"), "ca_file", ca,
                             "connection_string", owner_string(t->facts), "event_hub_connection_string",
                             text_of(t->facts, "event_hub_connection_string"));

    for (size_t i = 0; made && i < sizeof ports / sizeof *ports; i++)
        json_object_set(made, ports[i], json_object_get(t->facts, ports[i]));
    return made;
}

/* A context is of a hub that is no more when its data folder is this one's: init makes none where there is one. */
static bool is_free(const struct task *t, const char *name, bool *replaces)
{
    char path[PATH_CAP];
    json_t *found;

    *replaces = false;
    if (!path_of(name, ".json", path) || access(path, F_OK))
        return errno == ENOENT;
    found = read_json(path);
    *replaces = found && strcmp(text_of(found, "data"), text_of(t->facts, "data")) == 0;
    json_decref(found);
    return *replaces;
}

/* The hub's short name, its whole name, or that with a number. */
static bool choose(const struct task *t, char name[NAME_LEN_MAX + 6], bool *replaces)
{
    snprintf(name, NAME_LEN_MAX + 1, "%s", text_of(t->facts, "entity_path"));
    for (int i = 1; i < TRIES; i++) {
        if (is_free(t, name, replaces))
            return true;
        snprintf(name, NAME_LEN_MAX + 1, "%s", text_of(t->facts, "host_name"));
        if (i > 1)
            snprintf(name + strlen(name), 6, "-%d", i);
    }
    return false;
}

static enum err make_current(const char *name)
{
    char path[PATH_CAP], line[NAME_LEN_MAX + 8];

    snprintf(line, sizeof line, "%s\n", name);
    return home_config("/current", path, PATH_CAP) ? file_write(path, bytes_str(line), 0600) : ERR_NOT_FOUND;
}

/* ---- what is done ---------------------------------------------------------------------------------------------- */

static int make(void *ctx)
{
    struct task *t = ctx;
    char folder[PATH_CAP], path[PATH_CAP], ca[PATH_CAP], name[NAME_LEN_MAX + 6], current[NAME_LEN_MAX + 6];
    bool replaces, first;
    json_t *context;
    enum err e;

    if (!home_config("/contexts", folder, PATH_CAP) || folder_make(folder, 0700) || !choose(t, name, &replaces) ||
        !path_of(name, ".json", path) || !path_of(name, ".ca.pem", ca))
        return -1;
    current_name(current);
    first = !current[0] || strcmp(current, name) == 0;
    context = new_context(t, name, ca);
    e = context ? file_write(ca, buf_bytes(&t->ca), 0600) : ERR_MEMORY;
    if (!e)
        e = write_json(path, context);
    json_decref(context);
    if (e || (first && make_current(name)))
        return -1;
    fprintf(stderr, "d2dhub init: context \"%s\" for the command d2d: %s%s\n", name, path,
            replaces ? " (it replaces that of the hub that was in this data folder)" : "");
    if (!first)
        fprintf(stderr, "  \"%s\" stays the current one; `d2d context use %s` changes that\n", current, name);
    return 0;
}

/* True when it was not up to date; then it is now. */
static bool follow_one(struct task *t, const char *path)
{
    const char *const texts[] = {"event_hub_connection_string", "address"};
    const char *const now[] = {text_of(t->facts, "event_hub_connection_string"), address_of(t->config)};
    json_t *context = read_json(path);
    bool changed = false;

    if (!context || !*owner_string(t->facts) || strcmp(text_of(context, "connection_string"), owner_string(t->facts))) {
        json_decref(context);
        return false;
    }
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        const json_t *port = json_object_get(t->facts, ports[i]);

        changed |= !json_equal(json_object_get(context, ports[i]), port);
        json_object_set(context, ports[i], json_deep_copy(port));
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!*text_of(context, texts[i]) || strcmp(text_of(context, texts[i]), now[i]) == 0)
            continue;
        json_object_set_new(context, texts[i], json_string(now[i]));
        changed = true;
    }
    changed = changed && !write_json(path, context);
    json_decref(context);
    return changed;
}

static int follow(void *ctx)
{
    struct task *t = ctx;
    char folder[PATH_CAP], path[PATH_CAP];
    const struct dirent *found;
    int n = 0;
    DIR *dir;

    if (!home_config("/contexts", folder, PATH_CAP) || !(dir = opendir(folder)))
        return 0;
    while ((found = readdir(dir)) && n < TRIES)
        if (found->d_name[0] != '.' && bytes_ends(bytes_str(found->d_name), BYTES(".json")) &&
            snprintf(path, sizeof path, "%s/%s", folder, found->d_name) < PATH_CAP)
            n += follow_one(t, path);
    closedir(dir);
    return n;
}

enum err user_context_make(const struct config *c, const json_t *facts)
{
    struct task t = {c, facts, buf_max(FILE_MAX)};
    char path[PATH_CAP];
    enum err e;

    certs_ca_file(c, path);
    if (!(e = file_read(path, &t.ca)) && as_typist(make, &t))
        e = ERR_IO;
    buf_free(&t.ca);
    return e;
}

int user_context_follow(const struct config *c, const json_t *facts)
{
    struct task t = {.config = c, .facts = facts};
    int n = as_typist(follow, &t);

    return n > 0 ? n : 0;
}

enum err user_context_ca(struct buf *out)
{
    char name[NAME_LEN_MAX + 6], path[PATH_CAP];
    json_t *context = NULL;
    enum err e = ERR_NOT_FOUND;

    current_name(name);
    if (name[0] && path_of(name, ".json", path) && (context = read_json(path)) && *text_of(context, "ca_file"))
        e = file_read(text_of(context, "ca_file"), out);
    json_decref(context);
    return e;
}
