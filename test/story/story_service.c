/* Requests of services over REST that stories say in one word, and how their answers are told. */
#include "configurations.h"
#include "runner.h"
#include "story.h"

#include <jansson.h>

void story_work(struct story *s)
{
    while (configurations_turn(s->configurations, s->now_ms) <= s->now_ms) {
        /* a slice */
    }
    while (job_runner_turn(s->jobs, s->now_ms) <= s->now_ms) {
        /* a slice */
    }
    story_settle_all(s);
}

static void join_words(char **words, char *out, size_t cap)
{
    out[0] = 0;
    for (; *words; words++)
        snprintf(out + strlen(out), cap - strlen(out), "%s%s", out[0] ? " " : "", *words);
}

struct service_ask story_service_ask(char **words, size_t n)
{
    struct service_ask ask = {0};
    char query[1000];

    if (!strcmp(words[0], "TWIN") && n >= 2) {
        ask.method = n > 2 ? "PATCH" : "GET";
        snprintf(ask.path, sizeof ask.path, "/twins/%s", words[1]);
        snprintf(ask.body, sizeof ask.body, "%s", n > 2 ? words[2] : "");
    } else if (!strcmp(words[0], "CALLS") && n >= 3) {
        ask.method = "POST";
        snprintf(ask.path, sizeof ask.path, "/twins/%s/methods", words[1]);
        snprintf(ask.body, sizeof ask.body, "{\"methodName\":\"%s\",\"payload\":%s,\"responseTimeoutInSeconds\":%s}",
                 words[2], n > 3 ? words[3] : "null", n > 4 ? words[4] : "30");
    } else if (!strcmp(words[0], "QUERIES") && n >= 2) {
        ask.method = "POST";
        snprintf(ask.path, sizeof ask.path, "/devices/query");
        join_words(words + 1, query, sizeof query);
        snprintf(ask.body, sizeof ask.body, "{\"query\":\"%s\"}", query);
    }
    return ask;
}

/* ` name={…}`, without $metadata; nothing where there is nothing. */
static void tell_member(struct story *s, const char *name, json_t *member)
{
    char text[4096];
    size_t len;

    json_object_del(member, "$metadata");
    if (!json_object_size(member))
        return;
    len = json_dumpb(member, text, sizeof text, JSON_COMPACT);
    buf_printf(&s->got, " %s=%.*s", name, (int)(len < sizeof text ? len : sizeof text), text);
}

static void tell_twin(struct story *s, struct bytes json)
{
    json_t *twin = json_loadb((const char *)json.at, json.len, 0, NULL);
    const json_t *properties = json_object_get(twin, "properties");

    tell_member(s, "tags", json_object_get(twin, "tags"));
    tell_member(s, "desired", json_object_get(properties, "desired"));
    tell_member(s, "reported", json_object_get(properties, "reported"));
    json_decref(twin);
}

/* Rows without their times. */
static void tell_rows(struct story *s, struct bytes json)
{
    json_t *rows = json_loadb((const char *)json.at, json.len, 0, NULL), *row, *member;
    const char *name;
    char text[8192];
    size_t i, len;
    void *next;

    json_array_foreach(rows, i, row)
    {
        json_object_foreach_safe(row, next, name, member) if (bytes_ends(bytes_str(name), BYTES("Utc")))
            json_object_del(row, name);
    }
    len = json_dumpb(rows, text, sizeof text, JSON_COMPACT);
    buf_printf(&s->got, " %.*s", (int)(len < sizeof text ? len : sizeof text), text);
    json_decref(rows);
}

bool story_service_tell(struct story *s, const struct service_ask *ask, struct bytes json)
{
    if (!ask->method)
        return false;
    if (strcmp(ask->method, "POST") != 0)
        tell_twin(s, json);
    else if (strstr(ask->path, "/query"))
        tell_rows(s, json);
    else
        buf_printf(&s->got, " %.*s", BYTES_ARG(json));
    return true;
}
