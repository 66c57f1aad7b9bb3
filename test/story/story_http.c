/* Clients over HTTP.
 *
 *     d1:http  POST events body k=v | GET c2d | DELETE c2d/A[?reject] | POST c2d/A/abandon | METHOD /any/path [body]
 *     d1:http  REGISTERS | ASKS          (provisioning 1.6); with a chip SHOWS | PROVES: story_chip.c
 *     svc:http TWIN d1 [patch] | CALLS d1 method [payload [timeout]] | QUERIES SELECT … | METHOD /any/path [body]
 *     svc:http HEARS                     what comes later
 *
 * The answer is heard as its status, a message with `lock A`, what story_service_tell() tells of twins, answers of
 * devices and rows, or what story_tell_json() tells of all others. */
#include "story.h"

#include "http.h"
#include "properties.h"

#include <ctype.h>

struct teller {
    struct talk talk; /* first */
    struct http_in in;
    bool answered;
    struct service_ask ask; /* the last one, by its verb */
};

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct teller *h = (struct teller *)(void *)t;
    size_t all = 0, used = 0;
    enum http_step step = HTTP_STEP_HEAD;

    (void)now_ms;
    while (step == HTTP_STEP_HEAD) {
        step = http_read(&h->in, bytes_skip(in, all), &used);
        all += used;
    }
    if (step == HTTP_STEP_BAD)
        abort();
    h->answered |= step == HTTP_STEP_MESSAGE;
    return all;
}

static void dial(struct story *s, struct actor *a)
{
    static const struct talk_ops ops = {
        .input = input, .wake = story_idle, .tick = story_never, .close = story_gone, .name = "teller"};
    struct teller *h = calloc(1, sizeof *h);

    if (!h)
        abort();
    h->talk = (struct talk){.ops = &ops, .proved = true};
    http_in_init(&h->in, HTTP_RESPONSES, CONN_OUT_MAX);
    a->teller = h;
    story_join(s, a, &h->talk, "https");
}

void story_http_free(struct teller *h)
{
    if (h)
        http_in_free(&h->in);
    free(h);
}

/* The lock token that a story calls by this letter. */
static const char *lock_called(const struct story *s, char letter)
{
    size_t i = (size_t)(letter - 'A');

    return i < s->n_locks ? s->locks[i] : "none";
}

static void put_target(const struct story *s, const struct actor *a, const char *text, struct buf *out)
{
    const char *scope = hub_birth(s->world.hub)->scope;

    if (!strcmp(text, "REGISTERS") || !strcmp(text, "SHOWS") || !strcmp(text, "PROVES"))
        buf_printf(out, "/%s/registrations/%s/register?api-version=2021-06-01", scope, a->id);
    else if (!strcmp(text, "ASKS"))
        buf_printf(out, "/%s/registrations/%s/operations/%s?api-version=2021-06-01", scope, a->id, s->operation);
    else if (!strcmp(text, "events"))
        buf_printf(out, "/devices/%s/messages/events?api-version=2021-04-12", a->id);
    else if (!strcmp(text, "c2d"))
        buf_printf(out, "/devices/%s/messages/deviceBound?api-version=2021-04-12", a->id);
    else if (!strncmp(text, "c2d/", 4) && isupper(text[4]))
        buf_printf(out, "/devices/%s/messages/deviceBound/%s%s%capi-version=2021-04-12", a->id, lock_called(s, text[4]),
                   text + 5, strchr(text, '?') ? '&' : '?');
    else
        buf_printf(out, "%s?api-version=2021-04-12", text);
}

static void put_token(struct story *s, const struct actor *a, bool registers, struct buf *out)
{
    struct device d;

    if (registers && story_chip_token(s, a->id, out))
        return;
    if (registers)
        world_registration_token(&s->world, a->id, s->now_ms + 3600000, out);
    else if (!hub_device_get(s->world.hub, bytes_str(a->id), &d))
        world_token(&s->world, a->id, false, s->now_ms + 3600000, out);
    else
        world_policy_token(&s->world, "iothubowner", s->now_ms + 3600000, out);
}

static void put_headers(const struct story *s, char **words, struct buf *out, struct bytes *body)
{
    struct prop props[WORDS_MAX];
    struct msg m;

    story_take_message(s, words, props, &m);
    for (enum property p = 0; p < PROPERTIES; p++)
        if (property_of(&m, p).at && property_name(p, IN_HEADER).at)
            buf_printf(out, "%.*s: %.*s\r\n", BYTES_ARG(property_name(p, IN_HEADER)), BYTES_ARG(property_of(&m, p)));
    for (size_t i = 0; i < m.n_props; i++)
        buf_printf(out, "iothub-app-%.*s: %.*s\r\n", BYTES_ARG(m.props[i].name), BYTES_ARG(m.props[i].value));
    *body = m.body;
}

static void tell_message(struct story *s, struct teller *h)
{
    const struct http_head *head = &h->in.head;
    struct prop props[WORDS_MAX];
    struct msg m = {.body = buf_bytes(&h->in.body), .props = props};
    struct bytes etag = http_header(head, BYTES("ETag"));

    for (size_t i = 0; i < head->n_headers; i++) {
        struct bytes name = head->headers[i].name;
        enum property which = property_named(IN_HEADER, name);

        if (which != PROPERTIES)
            *property_in(&m, which) = head->headers[i].value;
        else if (bytes_starts_nocase(name, BYTES("iothub-app-")) && m.n_props < WORDS_MAX)
            props[m.n_props++] = (struct prop){bytes_skip(name, strlen("iothub-app-")), head->headers[i].value};
    }
    story_tell_message(s, &m);
    buf_printf(&s->got, " count=%.*s", BYTES_ARG(http_header(head, BYTES("iothub-deliverycount"))));
    etag = bytes_first(bytes_skip(etag, 1), etag.len - 2);
    if (s->n_locks == LETTERS || !bytes_to_str(etag, s->locks[s->n_locks], sizeof s->locks[0]))
        abort();
    buf_printf(&s->got, " lock %c", (char)('A' + s->n_locks++));
}

/* A challenge says no more than whether the chip of the one who hears it can open it. */
static bool tell_challenge(struct story *s, struct teller *h)
{
    struct bytes json = buf_bytes(&h->in.body);

    if (h->in.head.status != 401 || bytes_find_bytes(json, BYTES("\"authenticationKey\"")) == json.len)
        return false;
    buf_printf(&s->got, " a challenge %s", story_chip_opens(json) ? "that its chip opens" : "for another chip");
    return true;
}

static void hear(struct story *s, struct teller *h)
{
    struct bytes type = http_header(&h->in.head, BYTES("Content-Type"));

    story_heard(s, "%d", h->in.head.status);
    if (bytes_eq(type, BYTES("application/octet-stream")))
        tell_message(s, h);
    else if (!tell_challenge(s, h) &&
             (h->in.head.status != 200 || !story_service_tell(s, &h->ask, buf_bytes(&h->in.body))))
        story_tell_json(s, buf_bytes(&h->in.body));
    struct bytes name = http_header(&h->in.head, BYTES("iothub-errorcode"));
    if (name.len)
        buf_printf(&s->got, " %.*s", BYTES_ARG(name));
}

/* The request of a line, in full. */
static void put_request(struct story *s, struct actor *a, char **words, size_t n, struct buf *say)
{
    bool shows = !strcmp(words[0], "SHOWS"), proves = !strcmp(words[0], "PROVES"), asks = !strcmp(words[0], "ASKS");
    bool registers = proves || !strcmp(words[0], "REGISTERS"), one_word = shows || registers || asks;
    struct service_ask *ask = &a->teller->ask;
    struct buf token = buf_max(SAS_LEN_MAX), chip = buf_max(4096);
    struct bytes body = NO_BYTES;

    buf_printf(say, "%s ", ask->method ? ask->method : shows || registers ? "PUT" : asks ? "GET" : words[0]);
    if (ask->method)
        buf_printf(say, "%s?api-version=2021-04-12", ask->path);
    else
        put_target(s, a, one_word ? words[0] : words[1], say);
    buf_puts(say, " HTTP/1.1\r\nHost: " WORLD_HOST "\r\n");
    if (!shows) {
        put_token(s, a, registers || asks, &token);
        buf_printf(say, "Authorization: %s\r\n", buf_str(&token));
    }
    if (shows) {
        story_chip_show(a->id, n > 1, &chip);
        body = buf_bytes(&chip);
    } else if (ask->method) {
        body = bytes_str(ask->body);
    } else if (n >= 3) {
        put_headers(s, words + 2, say, &body);
    }
    if (ask->method || registers || shows || (words[1] && words[1][0] == '/'))
        buf_puts(say, "Content-Type: application/json\r\n");
    buf_printf(say, "Content-Length: %zu\r\n\r\n%.*s", body.len, BYTES_ARG(body));
    buf_free(&token);
    buf_free(&chip);
}

void story_http(struct story *s, struct actor *a, char **words, size_t n)
{
    static const char *const alone[] = {"REGISTERS", "ASKS", "SHOWS", "PROVES"};
    bool hears = !strcmp(words[0], "HEARS"), understood = hears || n >= 2;
    struct buf say = buf_max(CONN_IN_MAX);

    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        understood |= !strcmp(words[0], alone[i]);
    if (!understood)
        story_cannot(a->name, words[0]);
    if (!a->teller || !a->join.hub.talk) {
        story_http_free(a->teller);
        dial(s, a);
    }
    if (!hears) {
        a->teller->ask = story_service_ask(words, n);
        put_request(s, a, words, n, &say);
        a->teller->answered = false;
        buf_put(&a->join.client.out, buf_bytes(&say));
    }
    story_run(s, a);
    story_settle_all(s);
    if (a->teller->answered)
        hear(s, a->teller);
    a->teller->answered = false;
    buf_free(&say);
}
