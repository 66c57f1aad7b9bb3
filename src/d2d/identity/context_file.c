#include "context_file.h"

#include "home.h"
#include "json_text.h"
#include "out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_CAP = 4096, FILE_MAX = 64 * 1024 };

/* The folders of a path, each readable by its owner only. */
static bool make_folders(const char *path)
{
    char part[PATH_CAP];

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        if (!bytes_to_str(bytes_of(path, (size_t)(slash - path)), part, sizeof part))
            return false;
        if (mkdir(part, 0700) && errno != EEXIST)
            return false;
    }
    return true;
}

/* Written beside and renamed: a reader sees the old one or the new one. */
static enum err write_file(const char *path, struct bytes text)
{
    char beside[PATH_CAP + 8];
    int fd;
    bool written;

    if (!make_folders(path))
        return ERR_IO;
    snprintf(beside, sizeof beside, "%s.new", path);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    written = write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    if (close(fd) || !written || rename(beside, path)) {
        unlink(beside);
        return ERR_IO;
    }
    return OK;
}

static enum err context_path(const char *name, char out[PATH_CAP])
{
    char below[128];

    if (!context_name_valid(name))
        return ERR_ARGUMENT;
    snprintf(below, sizeof below, "/contexts/%s.json", name);
    return home_config(below, out, PATH_CAP) ? OK : ERR_IO;
}

bool context_name_valid(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < sizeof((struct context *)0)->name && name[0] != '.' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == len;
}

bool context_exists(const char *name)
{
    char path[PATH_CAP];
    struct stat st;

    return context_path(name, path) == OK && lstat(path, &st) == 0;
}

void context_current(char name[65])
{
    char path[PATH_CAP], line[128] = "";
    const char *environment = getenv("D2D_CONTEXT");
    FILE *f;

    name[0] = 0;
    if (environment && context_name_valid(environment)) {
        snprintf(name, 65, "%.64s", environment);
        return;
    }
    if (!home_config("/current", path, PATH_CAP) || !(f = fopen(path, "re")))
        return;
    if (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        if (context_name_valid(line))
            snprintf(name, 65, "%.64s", line);
    }
    fclose(f);
}

static void take_text(const json_t *object, const char *key, char *out, size_t cap)
{
    const char *text = json_string_value(json_object_get(object, key));

    if (text && strlen(text) < cap)
        memcpy(out, text, strlen(text) + 1);
}

static int take_port(const json_t *object, const char *key)
{
    json_int_t port = json_integer_value(json_object_get(object, key));

    return port > 0 && port < 65536 ? (int)port : 0;
}

enum err context_load(const char *name, struct context *out)
{
    char path[PATH_CAP], current[65];
    json_error_t why;
    json_t *object;
    enum err e;

    if (!name) {
        context_current(current);
        if (!current[0])
            return ERR_NOT_FOUND;
        name = current;
    }
    if ((e = context_path(name, path)))
        return e;
    if (access(path, F_OK))
        return ERR_NOT_FOUND;
    object = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!object) {
        say("d2d: %s: line %d: %s", path, why.line, why.text);
        return ERR_MALFORMED;
    }
    *out = (struct context){.mqtts_port = take_port(object, "mqtts_port"),
                            .amqps_port = take_port(object, "amqps_port"),
                            .https_port = take_port(object, "https_port")};
    snprintf(out->name, sizeof out->name, "%s", name);
    take_text(object, "ca_file", out->ca_file, sizeof out->ca_file);
    take_text(object, "address", out->address, sizeof out->address);
    take_text(object, "connection_string", out->connection_string, sizeof out->connection_string);
    take_text(object, "event_hub_connection_string", out->event_hub_connection_string,
              sizeof out->event_hub_connection_string);
    json_decref(object);
    return out->connection_string[0] ? OK : ERR_MALFORMED;
}

enum err context_save(const struct context *c)
{
    char path[PATH_CAP];
    enum err e = context_path(c->name, path);
    json_t *object;
    char *text;

    if (e)
        return e;
    object = json_pack("{ss ss ss si si si ss ss}", "name", c->name, "ca_file", c->ca_file, "address", c->address,
                       "mqtts_port", c->mqtts_port, "amqps_port", c->amqps_port, "https_port", c->https_port,
                       "connection_string", c->connection_string, "event_hub_connection_string",
                       c->event_hub_connection_string);
    text = object ? json_text(object, JSON_INDENT(2)) : NULL;
    e = text ? write_file(path, bytes_str(text)) : ERR_MALFORMED;
    free(text);
    json_decref(object);
    return e;
}

enum err context_remove(const char *name)
{
    char path[PATH_CAP], ca[PATH_CAP], current[65];
    enum err e = context_path(name, path);

    if (e)
        return e;
    if (unlink(path))
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (snprintf(ca, sizeof ca, "%.*s.ca.pem", (int)(strlen(path) - strlen(".json")), path) < PATH_CAP)
        unlink(ca); /* the copy that `d2dhub init` made */
    context_current(current);
    if (strcmp(current, name) == 0 && home_config("/current", path, PATH_CAP))
        unlink(path);
    return OK;
}

enum err context_use(const char *name)
{
    char path[PATH_CAP], line[128];
    enum err e = context_path(name, path);

    if (e)
        return e;
    if (access(path, F_OK))
        return ERR_NOT_FOUND;
    if (!home_config("/current", path, PATH_CAP))
        return ERR_IO;
    snprintf(line, sizeof line, "%s\n", name);
    return write_file(path, bytes_str(line));
}

static int is_context(const struct dirent *d)
{
    return d->d_name[0] != '.' && bytes_ends(bytes_str(d->d_name), BYTES(".json"));
}

enum err context_each(void (*visit)(void *ctx, const char *name), void *ctx)
{
    char path[PATH_CAP];
    struct dirent **found;
    int n;

    if (!home_config("/contexts", path, PATH_CAP))
        return ERR_IO;
    n = scandir(path, &found, is_context, alphasort);
    if (n < 0)
        return errno == ENOENT ? OK : ERR_IO;
    for (int i = 0; i < n; i++) {
        found[i]->d_name[strlen(found[i]->d_name) - strlen(".json")] = 0;
        visit(ctx, found[i]->d_name);
        free(found[i]);
    }
    free(found);
    return OK;
}
