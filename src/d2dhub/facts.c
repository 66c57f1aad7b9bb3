#include "facts.h"

#include "certs.h"
#include "files.h"
#include "json_text.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STRING_CAP = 1024, FILE_MAX = 64 * 1024 };

static void hub_string(const struct config *c, const struct policy *p, struct buf *out)
{
    buf_clear(out);
    buf_printf(out, "HostName=%s;SharedAccessKeyName=%s;SharedAccessKey=", c->name, p->name);
    buf_put_base64(out, bytes_of(p->primary.at, p->primary.len));
}

static void event_hub_string(const struct config *c, const struct policy *p, const char *entity, struct buf *out)
{
    char port[16] = "";

    if (c->amqps_port != 5671)
        snprintf(port, sizeof port, ":%d", c->amqps_port);
    buf_clear(out);
    buf_printf(out, "Endpoint=sb://%s%s/;SharedAccessKeyName=%s;SharedAccessKey=", c->name, port, p->name);
    buf_put_base64(out, bytes_of(p->primary.at, p->primary.len));
    buf_printf(out, ";EntityPath=%s", entity);
}

/* False: it is not in there, or not all of it. */
static bool put(json_t *object, const char *name, struct buf *text)
{
    return json_object_set_new(object, name, text->bad ? NULL : json_string(buf_str(text))) == 0;
}

json_t *facts_make(const struct config *c, const struct hub_birth *birth, const struct policy *policies, size_t n)
{
    char ca[PATH_CAP], entity[HOST_LEN_MAX + 1];
    struct buf text = buf_max(STRING_CAP);
    json_t *strings = json_object(), *facts;
    bool whole = true;

    certs_ca_file(c, ca);
    config_entity(c, entity);
    facts = json_pack("{ss ss si si si ss ss ss si}", "host_name", c->name, "data", c->data, "mqtts_port",
                      c->mqtts_port, "amqps_port", c->amqps_port, "https_port", c->https_port, "ca_file", ca,
                      "scope_id", birth->scope, "entity_path", entity, "partitions", (int)birth->partitions);
    for (size_t i = 0; i < n; i++) {
        hub_string(c, &policies[i], &text);
        whole = put(strings, policies[i].name, &text) && whole;
        if (strcmp(policies[i].name, "service") == 0) {
            event_hub_string(c, &policies[i], entity, &text);
            whole = put(facts, "event_hub_connection_string", &text) && whole;
        }
    }
    whole = json_object_set_new(facts, "connection_strings", strings) == 0 && whole;
    buf_free(&text);
    if (whole)
        return facts;
    json_decref(facts);
    return NULL;
}

static enum err save_json(const char *path, const json_t *value)
{
    char *text = json_text(value, JSON_INDENT(2));
    enum err e = text ? file_write(path, bytes_str(text), 0600) : ERR_MEMORY;

    free(text);
    return e;
}

enum err facts_save(const struct config *c, const json_t *facts)
{
    char path[PATH_CAP];

    config_path(c, "hub.json", path);
    return save_json(path, facts);
}

enum err facts_load(const struct config *c, json_t **out)
{
    struct buf text = buf_max(FILE_MAX);
    char path[PATH_CAP];
    enum err e;

    config_path(c, "hub.json", path);
    if (!(e = file_read(path, &text))) {
        *out = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
        e = *out ? OK : ERR_DAMAGED;
    }
    buf_free(&text);
    return e;
}

static const char *text_of(const json_t *facts, const char *key)
{
    const char *text = json_string_value(json_object_get(facts, key));

    return text ? text : "";
}

void facts_print(const struct config *c, const json_t *facts)
{
    static const char *const order[] = {"iothubowner",  "service",           "device",
                                        "registryRead", "registryReadWrite", "provisioningserviceowner"};
    const json_t *strings = json_object_get(facts, "connection_strings");
    char *line;

    if (c->json) {
        line = json_text(facts, JSON_COMPACT);
        puts(line ? line : "{}");
        free(line);
        return;
    }
    printf("hub         %s\nCA          %s (devices and receivers trust the hub by it)\nMQTT        %d\nAMQP        "
           "%d\nHTTPS      "
           " %d\n"
           "event hub   %s, %d partitions\nscope id    %s\n\nconnection strings\n",
           text_of(facts, "host_name"), text_of(facts, "ca_file"),
           (int)json_integer_value(json_object_get(facts, "mqtts_port")),
           (int)json_integer_value(json_object_get(facts, "amqps_port")),
           (int)json_integer_value(json_object_get(facts, "https_port")), text_of(facts, "entity_path"),
           (int)json_integer_value(json_object_get(facts, "partitions")), text_of(facts, "scope_id"));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        printf("  %-24s %s\n", order[i], text_of(strings, order[i]));
    printf("  %-24s %s\n", "events", text_of(facts, "event_hub_connection_string"));
}
