#include "certs.h"
#include "commands.h"
#include "facts.h"
#include "files.h"
#include "json_text.h"
#include "new_file.h"
#include "output.h"
#include "typist.h"
#include "user_context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_member(const char *name, const char *value)
{
    json_t *object = json_pack("{ss}", name, value);
    char *line = object ? json_text(object, JSON_COMPACT) : NULL;

    if (line)
        puts(line);
    else
        output_fail();
    free(line);
    json_decref(object);
}

/* A user without access to the data folder, as after `sudo d2dhub init`, has a copy beside the context. */
static int show_ca(const struct config *c)
{
    struct buf pem = buf_max(64 * 1024);
    char path[PATH_CAP];
    enum err e;

    certs_ca_file(c, path);
    e = file_read(path, &pem);
    if (e && !c->data_given && user_context_ca(&pem) == OK)
        e = OK;
    if (e)
        fprintf(stderr, "d2dhub show: %s: %s; --data names the data folder of the hub%s\n", path, err_text(e),
                c->data_given || geteuid() == 0 ? "" : ", sudo shows the hub that root made");
    else if (c->json)
        print_member("ca", buf_str(&pem));
    else
        fwrite(pem.at, 1, pem.len, stdout);
    buf_free(&pem);
    return e == OK ? 0 : e == ERR_NOT_FOUND ? 4 : 1;
}

struct one_string {
    const struct config *config;
    const char *text;
};

/* As whoever typed the command, to whom the file belongs. */
static int save_string(void *ctx)
{
    const struct one_string *s = ctx;
    const struct config *c = s->config;
    const char *why = "";
    struct new_file file;
    char line[1024];
    enum err e;

    snprintf(line, sizeof line, "%s\n", s->text);
    if (!(e = new_file_open(&file, c->out, c->replace, &why)) && !(e = new_file_write(&file, bytes_str(line), &why)))
        e = new_file_keep(&file, &why);
    new_file_close(&file);
    explicit_bzero(line, sizeof line);
    if (e)
        fprintf(stderr, "d2dhub show: %s: %s\n", c->out, why);
    return e != OK;
}

/* The connection string of one policy, to a file or to standard output. */
static int show_policy(const struct config *c, const json_t *facts)
{
    const json_t *strings = json_object_get(facts, "connection_strings"), *events = NULL, *value;
    struct one_string one = {.config = c};
    const char *name;

    if (strcmp(c->policy, "events") == 0)
        events = json_object_get(facts, "event_hub_connection_string");
    one.text = json_string_value(events ? events : json_object_get(strings, c->policy));
    if (!one.text) {
        fprintf(stderr, "d2dhub show: --policy must be events");
        json_object_foreach((json_t *)(uintptr_t)strings, name, value) fprintf(stderr, ", %s", name);
        fprintf(stderr, ", not \"%.100s\"\n", c->policy);
        return 2;
    }
    if (c->out)
        return as_typist(save_string, &one) ? 1 : 0;
    if (c->json)
        print_member("connection_string", one.text);
    else
        puts(one.text);
    return 0;
}

static const struct opt show_options[] = {
    {"ca", NULL, "print only the certificate authority (CA) that devices and receivers need", OPT_FLAG,
     .offset = offsetof(struct config, ca)},
    {"policy", "NAME", "print only the connection string of this policy; events: that of the events endpoint", OPT_TEXT,
     .offset = offsetof(struct config, policy)},
    {"out", "FILE", "write it to this file, readable only by the user who typed the command", OPT_TEXT,
     .offset = offsetof(struct config, out), .what = OPT_FILE},
    {"replace", NULL, "overwrite that file", OPT_FLAG, .offset = offsetof(struct config, replace)},
    {0}};

static int show_run(struct config *c, int argc, char **argv)
{
    int status = 0;
    json_t *facts;
    enum err e;

    (void)argc;
    (void)argv;
    if (c->ca && c->policy) {
        fprintf(stderr, "d2dhub show: --ca and --policy exclude each other; give one of them\n");
        return 2;
    }
    if (c->out && !c->policy) {
        fprintf(stderr, "d2dhub show: --out is the file for one connection string: give --policy too\n");
        return 2;
    }
    if (c->replace && !c->out) {
        fprintf(stderr, "d2dhub show: --replace is for the file of --out: give --out too\n");
        return 2;
    }
    if (c->ca)
        return show_ca(c);
    if ((e = facts_load(c, &facts))) {
        if (e == ERR_NOT_FOUND)
            fprintf(stderr, "d2dhub show: there is no hub in %s; `d2dhub init --data %s --name HOST` makes one\n",
                    c->data, c->data);
        else
            fprintf(stderr, "d2dhub show: %s/hub.json: %s\n", c->data, err_text(e));
        return e == ERR_NOT_FOUND ? 4 : 1;
    }
    if (c->policy)
        status = show_policy(c, facts);
    else
        facts_print(c, facts);
    json_decref(facts);
    return status;
}

const struct command command_show = {{.name = "show",
                                      .usage = "[--ca] [--policy NAME [--out FILE]] [--data DIR]",
                                      .summary = "print names, ports, certificate authority and connection strings",
                                      .examples = "d2dhub show\n"
                                                  "d2dhub show --ca > ca.pem\n"
                                                  "d2dhub show --policy iothubowner --out owner.cs\n"
                                                  "d2dhub show -o json | jq -r .connection_strings.service\n",
                                      .options = show_options},
                                     show_run};
