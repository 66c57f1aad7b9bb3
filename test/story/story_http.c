/* Clients over HTTP.
 *
 *     d1:http  POST events body k=v | GET c2d | DELETE c2d/A[?reject] | POST c2d/A/abandon | METHOD /any/path [body]
 *     d1:http  REGISTERS | ASKS          (provisioning 1.6)
 *
 * The answer is heard as its status, a message with `lock A`, or what story_tell_json() tells of an error. */
#include "story.h"

#include "http.h"
#include "properties.h"

#include <ctype.h>

struct teller {
    struct talk talk; /* first */
    struct http_in in;
    bool answered;
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

static void nothing(struct talk *t, int64_t now_ms)
{
    (void)t;
    (void)now_ms;
}

static int64_t never(struct talk *t, int64_t now_ms)
{
    (void)t;
    (void)now_ms;
    return INT64_MAX;
}

static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    (void)t;
    (void)why;
    (void)now_ms;
}

static void dial(struct story *s, struct actor *a)
{
    static const struct talk_ops ops = {
        .input = input, .wake = nothing, .tick = never, .close = closed, .name = "teller"};
    const struct peer peer = {.address = "192.0.2.8:5000"};
    struct teller *h = calloc(1, sizeof *h);
    struct talk *front;

    if (!h)
        abort();
    h->talk = (struct talk){.ops = &ops, .proved = true};
    http_in_init(&h->in, HTTP_RESPONSES, CONN_OUT_MAX);
    MUST(front_http_new(&s->world.env, &peer, s->now_ms, &front));
    a->teller = h;
    a->open = true;
    a->join = (struct join){.store = s->world.store, .now_ms = s->now_ms};
    join_open(&a->join, &h->talk, front);
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

    if (!strcmp(text, "REGISTERS"))
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

static void hear(struct story *s, struct teller *h)
{
    struct bytes type = http_header(&h->in.head, BYTES("Content-Type"));

    story_heard(s, "%d", h->in.head.status);
    if (bytes_eq(type, BYTES("application/octet-stream")))
        tell_message(s, h);
    else
        story_tell_json(s, buf_bytes(&h->in.body));
    struct bytes name = http_header(&h->in.head, BYTES("iothub-errorcode"));
    if (name.len)
        buf_printf(&s->got, " %.*s", BYTES_ARG(name));
}

void story_http(struct story *s, struct actor *a, char **words, size_t n)
{
    bool registers = !strcmp(words[0], "REGISTERS"), asks = !strcmp(words[0], "ASKS"), posts;
    struct buf say = buf_max(CONN_IN_MAX), token = buf_max(SAS_LEN_MAX);
    struct bytes body = NO_BYTES;

    if (!registers && !asks && n < 2)
        story_cannot(a->name, words[0]);
    if (!a->teller)
        dial(s, a);
    a->join.now_ms = s->now_ms;
    posts = n >= 3;
    put_token(s, a, registers || asks, &token);
    buf_printf(&say, "%s ", registers ? "PUT" : asks ? "GET" : words[0]);
    put_target(s, a, registers || asks ? words[0] : words[1], &say);
    buf_printf(&say, " HTTP/1.1\r\nHost: " WORLD_HOST "\r\nAuthorization: %s\r\n", buf_str(&token));
    if (posts)
        put_headers(s, words + 2, &say, &body);
    if (registers || (words[1] && words[1][0] == '/'))
        buf_puts(&say, "Content-Type: application/json\r\n");
    buf_printf(&say, "Content-Length: %zu\r\n\r\n%.*s", body.len, BYTES_ARG(body));
    a->teller->answered = false;
    buf_put(&a->join.client.out, buf_bytes(&say));
    join_run(&a->join);
    if (a->teller->answered)
        hear(s, a->teller);
    buf_free(&say);
    buf_free(&token);
}
