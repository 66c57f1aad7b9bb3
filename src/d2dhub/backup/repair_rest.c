#include "repair.h"

#include "facts.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 16 << 20 }; /* configuration and keys are small */

static void tell_rest(struct repair *r, const char *name, const char *what)
{
    repair_tell(
        r, &(struct loss){.file = name, .what = what, .device = "", .partition = -1, .sequence = -1, .is_lost = true});
}

static bool copy_open(struct repair *r, const char *name, int in, uint64_t len)
{
    char path[PATH_CAP];
    bool done;
    int out;

    config_path(&r->fresh, name, path);
    if ((out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
        return errand_fail_errno(&r->errand, path);
    sum_begin(&r->errand);
    done = errand_copy(&r->errand, in, out, path, 0, len);
    return errand_finish(&r->errand, out, path) && done;
}

/* No link is followed; what is no file is not of a hub. */
static bool copy_one(struct repair *r, const char *name)
{
    char path[PATH_CAP];
    bool done = true;
    struct stat st;
    int in;

    config_path(r->config, name, path);
    if ((in = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) < 0) {
        if (errno != ELOOP)
            tell_rest(r, name, strerror(errno));
        return true;
    }
    if (fstat(in, &st) || !S_ISREG(st.st_mode))
        ;
    else if (st.st_size > FILE_MOST)
        tell_rest(r, name, "larger than 16 MiB: it is left out");
    else
        done = copy_open(r, name, in, (uint64_t)st.st_size);
    close(in);
    return done;
}

static bool copy_folder(struct repair *r, const char *prefix)
{
    char path[PATH_CAP], name[280];
    bool done = true;
    DIR *dir;

    config_path(r->config, prefix, path);
    if (!(dir = opendir(path))) {
        tell_rest(r, prefix, strerror(errno));
        return true;
    }
    for (const struct dirent *d; done && (d = readdir(dir));) {
        if (d->d_name[0] == '.' || d->d_type == DT_DIR)
            continue;
        snprintf(name, sizeof name, "%s%.255s", prefix, d->d_name);
        done = copy_one(r, name);
    }
    closedir(dir);
    return done;
}

bool repair_rest(struct repair *r)
{
    return copy_folder(r, "") && copy_folder(r, "tls/");
}

/* ---- hub.json -------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *facts, const char *key)
{
    const char *text = json_string_value(json_object_get(facts, key));

    return text ? text : "";
}

/* "…;SharedAccessKey=BASE64"; the second key is nowhere, and made anew. */
static bool read_policy(const char *name, const char *text, struct policy *out)
{
    static const char before[] = "SharedAccessKey=";
    const char *key = strstr(text, before);
    size_t len;

    *out = (struct policy){.secondary.len = 32};
    if (!key || !bytes_to_str(bytes_str(name), out->name, sizeof out->name) ||
        base64_decode(bytes_str(key + sizeof before - 1), out->primary.at, sizeof out->primary.at, &len))
        return false;
    out->primary.len = (uint8_t)len;
    random_bytes(NULL, out->secondary.at, out->secondary.len);
    return true;
}

void repair_facts(const struct repair *r, struct hub_birth *birth, struct policy said[SAID_MAX], size_t *n)
{
    json_t *facts = NULL, *strings, *string;
    const char *name;

    *birth = (struct hub_birth){.placed = PLACED_BY_ID};
    *n = 0;
    if (facts_load(r->config, &facts))
        return;
    birth->partitions = (unsigned)json_integer_value(json_object_get(facts, "partitions"));
    if (birth->partitions < 1 || birth->partitions > PARTITIONS_MAX ||
        !bytes_to_str(bytes_str(text_of(facts, "scope_id")), birth->scope, sizeof birth->scope) ||
        !bytes_to_str(bytes_str(text_of(facts, "host_name")), birth->name, sizeof birth->name))
        birth->name[0] = 0;
    strings = json_object_get(facts, "connection_strings");
    json_object_foreach(strings, name, string) if (*n < SAID_MAX && json_is_string(string) &&
                                                   read_policy(name, json_string_value(string), &said[*n]))++ *n;
    json_decref(facts);
}
