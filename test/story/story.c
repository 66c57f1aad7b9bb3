/* Tells a story to a hub in memory and compares what comes back.
 *
 *     title  a sentence
 *     0s     d1     CONNECT clean=0 ka=60                        -> CONNACK 0 sp=0
 *     1s     d1     PUBLISH 7 devices/d1/messages/events/k=v hi   -> PUBACK 7
 *            svc    READS                                        -> "hi" k=v
 *            hub    d1: connected
 *
 * A line is: time (or blanks: the same), who, what, and behind `->` all that this one hears from it; nothing means
 * nothing. `d1` is a device over MQTT and `d1/2` is another connection of it. Times only grow; at each, every
 * connection ticks, and jobs and configurations go on.
 * `d1+m1` is a module of d1.
 * `events`, `events/k=v`, `c2d`, `twin`, `desired`, `methods`, `dps`, `twin/get/rid`, `twin/report/rid`,
 * `answer/status/rid`, `dps/register/rid` and `dps/status/rid` stand for topics of the one who says them; a message is
 * told as "body" and name=value, with mid, cid, ct … for the system's properties, an answer as twin/status/rid.
 *   device: CONNECT [clean= ka= token= key= user= id= will= willbody=] | SUBSCRIBE id filter qos |
 *           UNSUBSCRIBE id filter |
 *           PUBLISH id topic body (id 0: QoS 0) | RETAINED … | QOS2 … | PUBACK id | PING | DISCONNECT | DROP | HEARS
 *   d1:http, svc:http: story_http.c; d1:amqp, svc:amqp: story_amqp.c; r1:dps: one that registers over MQTT
 *   d1:ws, d1:amqp-ws: MQTT and AMQP in a WebSocket
 *   svc:    READS | DISABLES id | DELETES id | POSTS id body [mid= ack= ttl= k=v] | PURGES id | FEEDBACK |
 *           ENROLLS id [chip]
 *   store:  HOLDS | SETTLES | FULL | WORKS
 *   hub:    the next sentence of its trace; lines of the trace that no story line names are passed over */
#include "story.h"

#include "challenges.h"
#include "configurations.h"
#include "runner.h"
#include "text.h"

#include <stdarg.h>

static void on_trace(void *ctx, const char *sentence)
{
    struct story *s = ctx;
    buf_printf(&s->trace, "%s\n", sentence);
}

/* A story reads when it is told to. */
static void no_wake(struct waker *waker)
{
    (void)waker;
}

static struct waker nobody = {no_wake};

static bool is_device(const char *id, const char *role)
{
    return strcmp(id, "svc") != 0 && strcmp(role, "dps") != 0;
}

struct actor *story_actor(struct story *s, const char *name)
{
    for (size_t i = 0; i < s->n_actors; i++)
        if (!strcmp(s->actors[i].name, name))
            return &s->actors[i];
    if (s->n_actors == ACTORS_MAX)
        abort();
    struct actor *a = &s->actors[s->n_actors++];
    size_t len = strcspn(name, "/:");
    struct buf text = buf_max(DOC_LEN_MAX);
    struct doc enrolled;
    struct device d;

    a->told = buf_max(1 << 20);
    a->story = s;
    snprintf(a->name, sizeof a->name, "%s", name);
    snprintf(a->id, sizeof a->id, "%.*s", (int)len, name);
    if (strchr(a->id, '+'))
        *strchr(a->id, '+') = '/';
    story_record(s, a, "APPEARS");
    story_chance(s);
    if (is_device(a->id, name[len] ? name + len + 1 : "") &&
        hub_doc_get(s->world.hub, DOC_ENROLLMENT, bytes_str(a->id), &text, &enrolled) == ERR_NOT_FOUND &&
        hub_device_get(s->world.hub, bytes_str(a->id), &d) == ERR_NOT_FOUND)
        world_device(&s->world, a->id);
    buf_free(&text);
    return a;
}

void story_chance(struct story *s)
{
    s->world.seed = ++s->chance << 32;
}

void story_join(struct story *s, struct actor *a, struct talk *client, const char *kind)
{
    const struct peer peer = {.address = "192.0.2.7:5000"};
    struct talk *front;

    if (a->open)
        join_close(&a->join);
    story_record(s, a, "OPENS %s", kind);
    MUST((!strcmp(kind, "mqtt")   ? front_mqtt_new
          : !strcmp(kind, "amqp") ? front_amqp_new
                                  : front_http_new)(&s->world.env, &peer, s->now_ms, &front));
    a->open = true;
    a->told_end = false;
    a->join = (struct join){.store = s->world.store, .now_ms = s->now_ms, .tap = story_tapped, .tap_ctx = a};
    join_open(&a->join, client, front);
}

static void swap_heard(struct story *s, struct actor *a)
{
    struct buf mine = a->told;

    a->told = s->got;
    s->got = mine;
}

void story_run(struct story *s, struct actor *a)
{
    bool was_open = a->join.hub.talk;

    swap_heard(s, a);
    join_tick(&a->join, s->now_ms - a->join.now_ms);
    swap_heard(s, a);
    if (was_open && !a->join.hub.talk)
        story_record(s, a, "CLOSED %s", err_name(a->join.hub.why));
}

void story_settle_all(struct story *s)
{
    for (size_t i = 0; i < s->n_actors; i++)
        if (s->actors[i].open)
            story_run(s, &s->actors[i]);
}

static void move_time(struct story *s, int64_t now_ms)
{
    s->now_ms = now_ms;
    story_chance(s);
    hub_tick(s->world.hub, now_ms);
    story_work(s);
    story_settle_all(s);
}

/* ---- what is heard --------------------------------------------------------------------------------------------- */

void story_heard(struct story *s, const char *format, ...)
{
    va_list args;

    if (s->got.len)
        buf_puts(&s->got, ", ");
    va_start(args, format);
    buf_vprintf(&s->got, format, args);
    va_end(args);
}

static void hear_packet(struct story *s, const struct mqtt_packet *p)
{
    if (p->type == MQTT_CONNACK)
        story_heard(s, "CONNACK %d sp=%d", p->connack.code, p->connack.session_present);
    else if (p->type == MQTT_SUBACK)
        story_heard(s, "SUBACK %d [%d]", p->filters.id, p->filters.list.at[0]);
    else if (p->type == MQTT_PINGRESP)
        story_heard(s, "PINGRESP");
    else if (p->type == MQTT_PUBACK || p->type == MQTT_UNSUBACK)
        story_heard(s, "%s %d", p->type == MQTT_PUBACK ? "PUBACK" : "UNSUBACK", p->id);
    if (p->type != MQTT_PUBLISH)
        return;
    story_heard(s, "PUBLISH");
    if (p->publish.qos)
        buf_printf(&s->got, " #%d%s", p->publish.id, p->publish.dup ? " again" : "");
    story_tell_publish(s, &p->publish);
}

static void hear(struct story *s, struct actor *a)
{
    struct buf *in = a->socket ? story_ws_heard(a->socket) : &a->join.client.in;
    struct mqtt_packet p;
    size_t used;

    while (mqtt_decode(buf_bytes(in), CONN_OUT_MAX, &p, &used) == MQTT_PACKET) {
        hear_packet(s, &p);
        buf_drop(in, used);
    }
    if (a->open && !a->join.hub.talk && !a->told_end) {
        a->told_end = true;
        story_heard(s, "closed %s", a->join.hub.why ? err_name(a->join.hub.why) : "ok");
    }
}

/* ---- what is said ---------------------------------------------------------------------------------------------- */

const char *story_option(char **words, const char *name, const char *otherwise)
{
    for (size_t n = strlen(name); *words; words++)
        if (!strncmp(*words, name, n) && (*words)[n] == '=')
            return *words + n + 1;
    return otherwise;
}

static void say_connect(struct story *s, struct actor *a, char **words, struct buf *say)
{
    bool registers = strstr(a->name, ":dps");
    char user[300];
    struct buf token = buf_max(SAS_LEN_MAX), topic = buf_max(TOPIC_LEN_MAX);
    const char *key = story_option(words, "key", "primary"), *will = story_option(words, "will", NULL);
    int64_t until_ms = s->now_ms + atol(story_option(words, "token", "3600")) * 1000;
    struct device d;

    if (strstr(a->name, ":ws"))
        story_ws_open(s, a, NULL);
    else
        story_join(s, a, NULL, "mqtt");
    snprintf(user, sizeof user, WORLD_HOST "/%s/?api-version=2021-04-12", a->id);
    if (registers) {
        snprintf(user, sizeof user, "%s/registrations/%s/api-version=2019-03-31", hub_birth(s->world.hub)->scope,
                 a->id);
        world_registration_token(&s->world, a->id, until_ms, &token);
    } else if (hub_device_get(s->world.hub, bytes_str(a->id), &d) == OK) {
        world_token(&s->world, a->id, !strcmp(key, "secondary"), until_ms, &token);
    }
    if (!strcmp(key, "wrong"))
        token.at[bytes_find_bytes(buf_bytes(&token), BYTES("sig=")) + 5] ^= 1;
    if (will)
        story_topic(s, a->id, will, &topic);
    mqtt_put_connect(say, &(struct mqtt_connect){.clean = *story_option(words, "clean", "1") == '1',
                                                 .keep_alive_s = (uint16_t)atol(story_option(words, "ka", "0")),
                                                 .client_id = bytes_str(story_option(words, "id", a->id)),
                                                 .user = bytes_str(story_option(words, "user", user)),
                                                 .password = strcmp(key, "none") ? buf_bytes(&token) : NO_BYTES,
                                                 .will_topic = will ? buf_bytes(&topic) : NO_BYTES,
                                                 .will_body = bytes_str(story_option(words, "willbody", ""))});
    buf_free(&token);
    buf_free(&topic);
}

static void say_publish(const struct story *s, const struct actor *a, char **words, uint8_t qos, bool retain,
                        struct buf *say)
{
    struct buf topic = buf_max(TOPIC_LEN_MAX);
    uint16_t id = (uint16_t)atol(words[1]);

    story_topic(s, a->id, words[2], &topic);
    mqtt_put_publish(say, &(struct mqtt_publish){.topic = buf_bytes(&topic),
                                                 .body = bytes_str(words[3] ? words[3] : ""),
                                                 .id = id,
                                                 .qos = id ? qos : 0,
                                                 .retain = retain});
    buf_free(&topic);
}

void story_cannot(const char *who, const char *what)
{
    fprintf(stderr, "%s cannot %s\n", who, what);
    exit(1);
}

static void drop(struct story *s, struct actor *a)
{
    story_record(s, a, "CUTS");
    join_cut(&a->join, ERR_CLOSED, s->now_ms);
}

static void device_line(struct story *s, const char *who, char **words, size_t n)
{
    struct actor *a = story_actor(s, who);
    struct buf say = buf_max(CONN_IN_MAX), filter = buf_max(TOPIC_LEN_MAX);

    if (strstr(who, ":http") || strstr(who, ":amqp")) {
        (strstr(who, ":http") ? story_http : story_amqp)(s, a, words, n);
        story_settle_all(s);
        if (a->told.len && s->got.len)
            buf_puts(&s->got, ", ");
        buf_put(&s->got, buf_bytes(&a->told));
        buf_clear(&a->told);
        return;
    }
    if (strstr(words[0], "SUBSCRIBE") && n >= 3)
        story_topic(s, a->id, words[2], &filter);
    if (!strcmp(words[0], "CONNECT"))
        say_connect(s, a, words + 1, &say);
    else if (!strcmp(words[0], "SUBSCRIBE") && n == 4)
        mqtt_put_subscribe(&say, (uint16_t)atol(words[1]), buf_bytes(&filter), (uint8_t)atol(words[3]));
    else if (!strcmp(words[0], "UNSUBSCRIBE") && n == 3)
        mqtt_put_unsubscribe(&say, (uint16_t)atol(words[1]), buf_bytes(&filter));
    else if (!strcmp(words[0], "PUBLISH") && n >= 3)
        say_publish(s, a, words, 1, false, &say);
    else if (!strcmp(words[0], "RETAINED") && n >= 3)
        say_publish(s, a, words, 1, true, &say);
    else if (!strcmp(words[0], "QOS2") && n >= 3)
        say_publish(s, a, words, 2, false, &say);
    else if (!strcmp(words[0], "PUBACK") && n == 2)
        mqtt_put_ack(&say, MQTT_PUBACK, (uint16_t)atol(words[1]));
    else if (!strcmp(words[0], "PING"))
        mqtt_put_empty(&say, MQTT_PINGREQ);
    else if (!strcmp(words[0], "DISCONNECT"))
        mqtt_put_empty(&say, MQTT_DISCONNECT);
    else if (!strcmp(words[0], "DROP"))
        drop(s, a);
    else if (strcmp(words[0], "HEARS") != 0)
        story_cannot(who, words[0]);
    if (a->socket) {
        story_ws_say(a->socket, buf_bytes(&say));
        a->join.client.woken = true;
    } else {
        join_say(&a->join, buf_bytes(&say));
    }
    story_settle_all(s);
    hear(s, a);
    buf_free(&say);
    buf_free(&filter);
}

static void svc_reads(struct story *s)
{
    struct msg_room room = {.text = buf_max(2 * RECORD_LEN_MAX)};
    struct event e;
    enum err failed;
    struct msg m;

    hub_grew(s->world.hub);
    while ((failed = hub_read(s->reader, &e)) == OK || failed == ERR_BUSY) {
        if (failed)
            continue;
        MUST(msg_read(e.sections, &room, &m));
        story_heard(s, "event from %.*s", BYTES_ARG(e.device));
        story_tell_message(s, &m);
    }
    buf_free(&room.text);
}

static void svc_posts(struct story *s, char **words)
{
    struct prop props[WORDS_MAX];
    struct msg m;
    uint64_t at;
    enum err e;

    story_take_message(s, words + 2, props, &m);
    if ((e = hub_post(s->world.hub, bytes_str(words[1]), &m, s->now_ms, &at)))
        story_heard(s, "%s", err_name(e));
}

static void svc_feedback(struct story *s)
{
    struct feedback_record got[FEEDBACK_BATCH];
    struct c2d_lock lock;
    uint64_t at;
    size_t n;

    while (!hub_feedback_next(s->feedback, s->now_ms, got, &n, &lock)) {
        for (size_t i = 0; i < n; i++) {
            story_heard(s, "%s %s", got[i].message_id, fate_name(got[i].fate));
        }
        MUST(hub_feedback_settle(s->feedback, &lock, OUTCOME_COMPLETE, s->now_ms, &at));
    }
}

static void svc_line(struct story *s, char **words, size_t n)
{
    struct device d, out;
    uint64_t at, purged;

    if (!strcmp(words[0], "READS")) {
        svc_reads(s);
    } else if (!strcmp(words[0], "POSTS") && n >= 3) {
        svc_posts(s, words);
    } else if (!strcmp(words[0], "FEEDBACK")) {
        svc_feedback(s);
    } else if (!strcmp(words[0], "PURGES") && n == 2) {
        MUST(hub_purge(s->world.hub, bytes_str(words[1]), s->now_ms, &purged, &at));
        story_heard(s, "%llu purged", (unsigned long long)purged);
    } else if (!strcmp(words[0], "DISABLES") && n == 2) {
        MUST(hub_device_get(s->world.hub, bytes_str(words[1]), &d));
        d.disabled = true;
        MUST(hub_device_put(s->world.hub, &d, (struct match){.how = MATCH_ANY}, s->now_ms, &out, &at));
    } else if (!strcmp(words[0], "DELETES") && n == 2) {
        MUST(hub_device_delete(s->world.hub, bytes_str(words[1]), (struct match){.how = MATCH_ANY}, s->now_ms, &at));
    } else if (!strcmp(words[0], "ENROLLS") && n == 2) {
        world_enroll(&s->world, words[1]);
    } else if (!strcmp(words[0], "ENROLLS") && n == 3 && !strcmp(words[2], "chip")) {
        story_chip_enroll(s, words[1]);
    } else {
        story_cannot("svc", words[0]);
    }
    story_settle_all(s);
}

static void store_line(struct story *s, const char *what)
{
    if (!strcmp(what, "SETTLES"))
        memory_store_settle(s->world.store, UINT64_MAX);
    s->faults.manual = !strcmp(what, "HOLDS") || (s->faults.manual && !strcmp(what, "FULL"));
    s->faults.full = !strcmp(what, "FULL") ? ROOM_UPKEEP : ROOM_MESSAGES;
    memory_store_faults(s->world.store, &s->faults);
    story_settle_all(s);
}

/* The trace up to and with this sentence is used up. */
static bool hub_line(struct story *s, const char *sentence)
{
    struct bytes rest = buf_bytes(&s->trace);

    while (rest.at && rest.len)
        if (bytes_eq(bytes_cut(&rest, '\n'), bytes_str(sentence))) {
            buf_drop(&s->trace, s->trace.len - rest.len);
            return true;
        }
    fprintf(stderr, "the hub did not say: %s\nit said:\n%s", sentence, buf_str(&s->trace));
    return false;
}

/* ---- lines ----------------------------------------------------------------------------------------------------- */

static bool tell(struct story *s, char *line)
{
    char *arrow = strstr(line, "->"), *words[WORDS_MAX + 1] = {0}, *more;
    struct bytes expected = arrow ? bytes_trim(bytes_str(arrow + 2)) : BYTES("");
    bool timed = line[0] != ' ', good;
    size_t n = 0;
    int64_t at_ms;

    story_record_line(s, line);
    if (story_replay(s, line, &good))
        return good;
    if (arrow)
        *arrow = 0;
    char *hub = strstr(line, " hub ");
    if (!timed && hub && strspn(line, " ") == (size_t)(hub + 1 - line))
        return hub_line(s, hub + 5 + strspn(hub + 5, " "));
    for (char *word = strtok_r(line, " ", &more); word && n < WORDS_MAX; word = strtok_r(NULL, " ", &more))
        words[n++] = word;
    char **at = words;
    if (timed) {
        MUST(duration_parse(bytes_str(*at), &at_ms));
        move_time(s, WORLD_T0 + at_ms);
        at++;
        n--;
    }
    if (n < 2)
        return false;
    buf_clear(&s->got);
    if (!strcmp(at[0], "svc")) {
        story_chance(s);
        svc_line(s, at + 1, n - 1);
    } else if (!strcmp(at[0], "store"))
        store_line(s, at[1]);
    else if (strcmp(at[0], "time") != 0)
        device_line(s, at[0], at + 1, n - 1);
    if (bytes_eq(buf_bytes(&s->got), expected))
        return true;
    fprintf(stderr, "expected: %.*s\n     got: %s\n", BYTES_ARG(expected), buf_str(&s->got));
    return false;
}

static void actor_free(struct actor *a)
{
    buf_free(&a->told);
    if (a->open)
        join_close(&a->join);
    story_ws_free(a->socket);
    if (a->teller)
        (strstr(a->name, ":http") ? story_http_free : story_amqp_free)(a->teller);
}

/* The next line into `line`, with those that it goes on in. False at the end. */
static bool next_line(FILE *f, struct buf *line, int *number)
{
    char part[4096];

    buf_clear(line);
    while (fgets(part, sizeof part, f)) {
        size_t len = strcspn(part, "\n");

        ++*number;
        if (!len || part[len - 1] != '\\') {
            buf_put(line, bytes_of(part, len));
            return true;
        }
        buf_put(line, bytes_of(part, len - 1));
    }
    return line->len > 0;
}

static bool tell_all(struct story *s, const char *path)
{
    struct buf line = buf_max(1 << 22);
    FILE *f = fopen(path, "r");
    bool good = f != NULL;
    int number = 0, told = 0;

    while (good && next_line(f, &line, &number)) {
        char *text = (char *)line.at;

        if (!line.len || !buf_str(&line)[strspn(text, " ")] || text[0] == '#')
            continue;
        if (!strncmp(text, "title", 5)) {
            story_record_title(s, text);
            continue;
        }
        good = tell(s, text);
        told++;
    }
    for (size_t i = 0; i < s->n_actors; i++)
        good = good && (!s->replays || story_heard_all(&s->actors[i]));
    if (!good || !told)
        fprintf(stderr, "%s:%d: the story goes differently\n", path, number);
    buf_free(&line);
    if (f)
        fclose(f);
    return good && told;
}

static bool run(const char *path, const char *record)
{
    static const struct read_options all = {.group = BYTES("$Default"), .waker = &nobody};
    static struct story s;
    bool good;

    s.trace = buf_max(1 << 20);
    s.got = buf_max(1 << 20);
    s.now_ms = WORLD_T0;
    s.world.trace = on_trace;
    s.world.trace_ctx = &s;
    world_open(&s.world);
    MUST(hub_reader_open(s.world.hub, &all, NULL, &s.reader));
    MUST(hub_feedback_open(s.world.hub, &nobody, &s.feedback));
    MUST(configurations_new(s.world.hub, &nobody, &s.configurations));
    MUST(job_runner_new(s.world.hub, &nobody, NULL, &s.jobs));
    s.world.env.configurations = s.configurations;
    MUST(challenges_new(&s.world.env.challenges));
    s.record = record ? fopen(record, "w") : NULL;
    good = tell_all(&s, path);
    for (size_t i = 0; i < s.n_actors; i++)
        actor_free(&s.actors[i]);
    hub_reader_close(s.reader);
    hub_feedback_close(s.feedback);
    configurations_free(s.configurations);
    job_runner_free(s.jobs);
    challenges_free(s.world.env.challenges);
    story_chip_free();
    world_close(&s.world);
    buf_free(&s.trace);
    buf_free(&s.got);
    if (s.record)
        fclose(s.record);
    return good;
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "--record"))
        return !run(argv[3], argv[2]);
    return argc == 2 ? !run(argv[1], NULL) : 2;
}
