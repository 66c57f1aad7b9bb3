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
 * connection ticks.
 *   device: CONNECT [clean= ka= token= key= user= id= will= willbody=] | SUBSCRIBE id filter qos | UNSUBSCRIBE id
 *     filter |
 *           PUBLISH id topic body (id 0: QoS 0) | RETAINED … | QOS2 … | PUBACK id | PING | DISCONNECT | DROP | HEARS
 *           A message to the device is heard as PUBLISH topic, and with QoS 1 as PUBLISH #id [again] "body" topic.
 *   svc:    READS | DISABLES id | DELETES id | POSTS id body [mid= ack= ttl= k=v] | PURGES id | FEEDBACK
 *   store:  HOLDS | SETTLES | FULL | WORKS
 *   hub:    the next sentence of its trace; lines of the trace that no story line names are passed over */
#include "mqtt_world.h"

#include "text.h"

enum { WORDS_MAX = 16, ACTORS_MAX = 16 };

struct actor {
    char name[64];
    struct wire wire;
    bool open, told_end;
};

struct story {
    struct world world;
    struct reader *reader;
    struct feedback_reader *feedback;
    struct actor actors[ACTORS_MAX];
    size_t n_actors;
    int64_t now_ms;
    struct buf trace, got;
    struct memory_faults faults;
};

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

static struct actor *actor_of(struct story *s, const char *name)
{
    for (size_t i = 0; i < s->n_actors; i++)
        if (!strcmp(s->actors[i].name, name))
            return &s->actors[i];
    if (s->n_actors == ACTORS_MAX)
        abort();
    struct actor *a = &s->actors[s->n_actors++];
    struct device d;
    snprintf(a->name, sizeof a->name, "%s", name);
    struct bytes id = bytes_str(name);
    id = bytes_first(id, bytes_find(id, '/'));
    if (hub_device_get(s->world.hub, id, &d) == ERR_NOT_FOUND) {
        char text[64];
        if (!bytes_to_str(id, text, sizeof text))
            abort();
        world_device(&s->world, text);
    }
    return a;
}

static void settle_all(struct story *s)
{
    for (size_t i = 0; i < s->n_actors; i++)
        if (s->actors[i].open)
            wire_settle(&s->actors[i].wire, &s->world, s->now_ms);
}

static void move_time(struct story *s, int64_t now_ms)
{
    s->now_ms = now_ms;
    hub_tick(s->world.hub, now_ms);
    for (size_t i = 0; i < s->n_actors; i++) {
        struct wire *c = &s->actors[i].wire;
        if (s->actors[i].open && c->front)
            c->front->ops->tick(c->front, now_ms);
    }
    settle_all(s);
}

/* ---- what is heard --------------------------------------------------------------------------------------------- */

static void heard(struct story *s, const char *text)
{
    if (s->got.len)
        buf_puts(&s->got, ", ");
    buf_puts(&s->got, text);
}

static void hear_packet(struct story *s, const struct mqtt_packet *p)
{
    static const char *const names[] = {
        [MQTT_PUBACK] = "PUBACK", [MQTT_UNSUBACK] = "UNSUBACK", [MQTT_PINGRESP] = "PINGRESP"};
    char text[512] = "?";

    if (p->type == MQTT_CONNACK)
        snprintf(text, sizeof text, "CONNACK %d sp=%d", p->connack.code, p->connack.session_present);
    else if (p->type == MQTT_SUBACK)
        snprintf(text, sizeof text, "SUBACK %d [%d]", p->filters.id, p->filters.list.at[0]);
    else if (p->type == MQTT_PUBLISH && p->publish.qos)
        snprintf(text, sizeof text, "PUBLISH #%d%s \"%.*s\" %.*s", p->publish.id, p->publish.dup ? " again" : "",
                 BYTES_ARG(p->publish.body), BYTES_ARG(p->publish.topic));
    else if (p->type == MQTT_PUBLISH)
        snprintf(text, sizeof text, "PUBLISH %.*s", BYTES_ARG(p->publish.topic));
    else if (p->type == MQTT_PINGRESP)
        snprintf(text, sizeof text, "PINGRESP");
    else if (p->type == MQTT_PUBACK || p->type == MQTT_UNSUBACK)
        snprintf(text, sizeof text, "%s %d", names[p->type], p->id);
    heard(s, text);
}

static void hear(struct story *s, struct actor *a)
{
    struct mqtt_packet p;
    size_t used;
    char text[64];

    while (mqtt_decode(buf_bytes(&a->wire.heard), CONN_OUT_MAX, &p, &used) == MQTT_PACKET) {
        hear_packet(s, &p);
        buf_drop(&a->wire.heard, used);
    }
    if (a->open && a->wire.closed && !a->told_end) {
        a->told_end = true;
        snprintf(text, sizeof text, "closed %s", a->wire.why ? err_name(a->wire.why) : "ok");
        heard(s, text);
    }
}

/* ---- what is said ---------------------------------------------------------------------------------------------- */

static const char *option(char **words, const char *name, const char *otherwise)
{
    for (size_t n = strlen(name); *words; words++)
        if (!strncmp(*words, name, n) && (*words)[n] == '=')
            return *words + n + 1;
    return otherwise;
}

static void say_connect(struct story *s, struct actor *a, char **words, struct buf *say)
{
    char id[64], user[300];
    struct bytes name = bytes_str(a->name);
    struct buf token = buf_max(SAS_LEN_MAX);
    const char *key = option(words, "key", "primary"), *will = option(words, "will", NULL);

    if (a->open)
        wire_free(&a->wire, s->now_ms);
    wire_open(&a->wire, &s->world, "192.0.2.7:5000", s->now_ms);
    a->open = true;
    a->told_end = false;
    if (!bytes_to_str(bytes_first(name, bytes_find(name, '/')), id, sizeof id))
        abort();
    snprintf(user, sizeof user, WORLD_HOST "/%s/?api-version=2021-04-12", id);
    struct device d;
    if (hub_device_get(s->world.hub, bytes_str(id), &d) == OK)
        world_token(&s->world, id, !strcmp(key, "secondary"), s->now_ms + atol(option(words, "token", "3600")) * 1000,
                    &token);
    if (!strcmp(key, "wrong"))
        token.at[bytes_find_bytes(buf_bytes(&token), BYTES("sig=")) + 5] ^= 1;
    mqtt_put_connect(say, &(struct mqtt_connect){.clean = *option(words, "clean", "1") == '1',
                                                 .keep_alive_s = (uint16_t)atol(option(words, "ka", "0")),
                                                 .client_id = bytes_str(option(words, "id", id)),
                                                 .user = bytes_str(option(words, "user", user)),
                                                 .password = strcmp(key, "none") ? buf_bytes(&token) : NO_BYTES,
                                                 .will_topic = bytes_str(will),
                                                 .will_body = bytes_str(option(words, "willbody", ""))});
    buf_free(&token);
}

static void say_publish(char **words, uint8_t qos, bool retain, struct buf *say)
{
    uint16_t id = (uint16_t)atol(words[1]);

    mqtt_put_publish(say, &(struct mqtt_publish){.topic = bytes_str(words[2]),
                                                 .body = bytes_str(words[3] ? words[3] : ""),
                                                 .id = id,
                                                 .qos = id ? qos : 0,
                                                 .retain = retain});
}

static void device_line(struct story *s, const char *who, char **words, size_t n)
{
    struct actor *a = actor_of(s, who);
    struct buf say = buf_max(CONN_IN_MAX);

    if (!strcmp(words[0], "CONNECT"))
        say_connect(s, a, words + 1, &say);
    else if (!strcmp(words[0], "SUBSCRIBE") && n == 4)
        mqtt_put_subscribe(&say, (uint16_t)atol(words[1]), bytes_str(words[2]), (uint8_t)atol(words[3]));
    else if (!strcmp(words[0], "UNSUBSCRIBE") && n == 3)
        mqtt_put_unsubscribe(&say, (uint16_t)atol(words[1]), bytes_str(words[2]));
    else if (!strcmp(words[0], "PUBLISH") && n >= 3)
        say_publish(words, 1, false, &say);
    else if (!strcmp(words[0], "RETAINED") && n >= 3)
        say_publish(words, 1, true, &say);
    else if (!strcmp(words[0], "QOS2") && n >= 3)
        say_publish(words, 2, false, &say);
    else if (!strcmp(words[0], "PUBACK") && n == 2)
        mqtt_put_ack(&say, MQTT_PUBACK, (uint16_t)atol(words[1]));
    else if (!strcmp(words[0], "PING"))
        mqtt_put_empty(&say, MQTT_PINGREQ);
    else if (!strcmp(words[0], "DISCONNECT"))
        mqtt_put_empty(&say, MQTT_DISCONNECT);
    else if (!strcmp(words[0], "DROP"))
        wire_close(&a->wire, ERR_CLOSED, s->now_ms);
    else if (strcmp(words[0], "HEARS") != 0) {
        fprintf(stderr, "%s cannot %s\n", who, words[0]);
        exit(1);
    }
    wire_say(&a->wire, &s->world, buf_bytes(&say), s->now_ms);
    settle_all(s);
    hear(s, a);
    buf_free(&say);
}

/* The sections are AMQP: what a story asks for is found in them as text. */
static void svc_reads(struct story *s)
{
    struct event e;
    enum err failed;

    hub_grew(s->world.hub);
    while ((failed = hub_read(s->reader, &e)) == OK || failed == ERR_BUSY) {
        if (failed)
            continue;
        heard(s, "event from ");
        buf_put(&s->got, e.device);
        for (size_t i = 0, run = 0; i <= e.sections.len; i++) {
            bool printable = i < e.sections.len && e.sections.at[i] > ' ' && e.sections.at[i] < 127;
            if (printable) {
                run++;
                continue;
            }
            static const char *const told[] = {"Will", "mqtt-retain", "true", "on", "off", "gone", "k", "v", "late"};
            for (size_t t = 0; t < sizeof told / sizeof *told; t++)
                if (bytes_eq(bytes_of(e.sections.at + i - run, run), bytes_str(told[t])))
                    buf_printf(&s->got, " %s", told[t]);
            run = 0;
        }
    }
}

/* Anything that is no option of ours is an application property. */
static void svc_posts(struct story *s, char **words)
{
    struct prop props[WORDS_MAX];
    struct msg m = {.body = bytes_str(words[2]), .props = props};
    int64_t ttl_ms;
    uint64_t at;
    enum err e;

    for (char **word = words + 3; *word; word++) {
        struct bytes value = bytes_str(*word), name = bytes_cut(&value, '=');

        if (bytes_eq(name, BYTES("mid")))
            m.message_id = value;
        else if (bytes_eq(name, BYTES("ack")))
            m.ack = value;
        else if (!bytes_eq(name, BYTES("ttl")))
            props[m.n_props++] = (struct prop){name, value};
        else if (!duration_parse(value, &ttl_ms))
            m.expiry_ms = s->now_ms + ttl_ms;
    }
    if ((e = hub_post(s->world.hub, bytes_str(words[1]), &m, s->now_ms, &at)))
        heard(s, err_name(e));
}

static void svc_feedback(struct story *s)
{
    struct feedback_record got[FEEDBACK_BATCH];
    struct c2d_lock lock;
    uint64_t at;
    size_t n;

    while (!hub_feedback_next(s->feedback, s->now_ms, got, &n, &lock)) {
        for (size_t i = 0; i < n; i++) {
            heard(s, got[i].message_id);
            buf_printf(&s->got, " %s", fate_name(got[i].fate));
        }
        MUST(hub_feedback_settle(s->feedback, &lock, OUTCOME_COMPLETE, s->now_ms, &at));
    }
}

static void svc_line(struct story *s, char **words, size_t n)
{
    struct device d, out;
    uint64_t at, purged;
    char text[32];

    if (!strcmp(words[0], "READS")) {
        svc_reads(s);
    } else if (!strcmp(words[0], "POSTS") && n >= 3) {
        svc_posts(s, words);
    } else if (!strcmp(words[0], "FEEDBACK")) {
        svc_feedback(s);
    } else if (!strcmp(words[0], "PURGES") && n == 2) {
        MUST(hub_purge(s->world.hub, bytes_str(words[1]), s->now_ms, &purged, &at));
        snprintf(text, sizeof text, "%llu purged", (unsigned long long)purged);
        heard(s, text);
    } else if (!strcmp(words[0], "DISABLES") && n == 2) {
        MUST(hub_device_get(s->world.hub, bytes_str(words[1]), &d));
        d.disabled = true;
        MUST(hub_device_put(s->world.hub, &d, (struct match){.how = MATCH_ANY}, s->now_ms, &out, &at));
    } else if (!strcmp(words[0], "DELETES") && n == 2) {
        MUST(hub_device_delete(s->world.hub, bytes_str(words[1]), (struct match){.how = MATCH_ANY}, s->now_ms, &at));
    } else {
        fprintf(stderr, "svc cannot %s\n", words[0]);
        exit(1);
    }
    settle_all(s);
}

static void store_line(struct story *s, const char *what)
{
    if (!strcmp(what, "SETTLES"))
        memory_store_settle(s->world.store, UINT64_MAX);
    s->faults.manual = !strcmp(what, "HOLDS") || (s->faults.manual && !strcmp(what, "FULL"));
    s->faults.full = !strcmp(what, "FULL") ? ROOM_UPKEEP : ROOM_MESSAGES;
    memory_store_faults(s->world.store, &s->faults);
    settle_all(s);
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
    bool timed = line[0] != ' ';
    size_t n = 0;
    int64_t at_ms;

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
    if (!strcmp(at[0], "svc"))
        svc_line(s, at + 1, n - 1);
    else if (!strcmp(at[0], "store"))
        store_line(s, at[1]);
    else
        device_line(s, at[0], at + 1, n - 1);
    if (bytes_eq(buf_bytes(&s->got), expected))
        return true;
    fprintf(stderr, "expected: %.*s\n     got: %s\n", BYTES_ARG(expected), buf_str(&s->got));
    return false;
}

int main(int argc, char **argv)
{
    static struct story s;
    static char line[4096];
    FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
    bool good = f != NULL;
    int number = 0, told = 0;

    s.trace = buf_max(1 << 20);
    s.got = buf_max(1 << 20);
    s.now_ms = WORLD_T0;
    s.world.trace = on_trace;
    s.world.trace_ctx = &s;
    world_open(&s.world);
    static struct waker waker = {no_wake};
    const struct read_options all = {.group = BYTES("$Default"), .waker = &waker};
    MUST(hub_reader_open(s.world.hub, &all, NULL, &s.reader));
    MUST(hub_feedback_open(s.world.hub, &waker, &s.feedback));
    while (good && fgets(line, sizeof line, f)) {
        number++;
        line[strcspn(line, "\n")] = 0;
        if (!line[strspn(line, " ")] || line[0] == '#' || !strncmp(line, "title", 5))
            continue;
        good = tell(&s, line);
        told++;
    }
    if (!good || !told)
        fprintf(stderr, "%s:%d: the story goes differently\n", argc > 1 ? argv[1] : "?", number);
    for (size_t i = 0; i < s.n_actors; i++)
        if (s.actors[i].open)
            wire_free(&s.actors[i].wire, s.now_ms);
    hub_reader_close(s.reader);
    hub_feedback_close(s.feedback);
    world_close(&s.world);
    buf_free(&s.trace);
    buf_free(&s.got);
    if (f)
        fclose(f);
    return good && told ? 0 : 1;
}
