/* A hub in memory, and a client joined to its HTTP front. */
#pragma once

#include "auth.h"
#include "check.h"
#include "front_world.h"
#include "groups.h"
#include "http.h"
#include "join.h"
#include "text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define T0 WORLD_T0
#define V "?api-version=2021-04-12"
#define GROUPS "/eventHubEndpoints/events/ConsumerGroups"
#define KEY_A "cHJpbWFyeXByaW1hcnlwcmltYXJ5cHJpbWFyeQ=="
#define KEY_B "c2Vjb25kYXJ5c2Vjb25kYXJ5c2Vjb25kYXJ5cw=="

static struct world w;

static inline void world_open(void)
{
    world_serve(&w, 2);
    MUST(enrollment_groups_new(&w.env.groups));
    log_to(world_logged, &w, LOG_INFO);
}

static inline void world_close(void)
{
    log_to(NULL, NULL, LOG_ERROR);
    enrollment_groups_free(w.env.groups);
    world_end(&w);
}

/* A token of a policy for a resource. Lent until the next call. */
static inline const char *token_for(const char *policy, const char *resource, int64_t expires_ms)
{
    static char token[SAS_LEN_MAX];
    struct buf b = buf_max(sizeof token);
    struct policy p;
    CHECK_OK(hub_policy_get(w.hub, bytes_str(policy), &p));
    CHECK_OK(
        sas_make(bytes_str(resource), bytes_str(policy), expires_ms / 1000, bytes_of(p.primary.at, p.primary.len), &b));
    snprintf(token, sizeof token, "%s", buf_str(&b));
    buf_free(&b);
    return token;
}

/* ---- the client ------------------------------------------------------------------------------------------------ */

/* It takes out of c->join.hub.out what it hears. */
struct client {
    struct join join; /* watched */
    struct http_in in;
    char why[64];
    unsigned turns; /* that the last answer took, beyond the first */
};

static inline void quiet_wake(struct waker *waker)
{
    (void)waker;
}

static inline void client_open_from(struct client *c, const struct peer *peer)
{
    struct talk *front;

    c->join.now_ms = c->join.now_ms ? c->join.now_ms : T0;
    c->join.watched = true;
    CHECK_OK(front_http_new(&w.env, peer, c->join.now_ms, &front));
    join_open(&c->join, NULL, front);
    c->join.client.deaf = true;
    http_in_init(&c->in, HTTP_RESPONSES, CONN_OUT_MAX);
}

static inline void client_open(struct client *c)
{
    const struct peer peer = {.address = "192.0.2.7:51234"};

    client_open_from(c, &peer);
}

static inline void client_close(struct client *c)
{
    join_close(&c->join);
    http_in_free(&c->in);
}

/* Gives the front bytes as a connection would; the turns that it asks for come with client_hear(). */
static inline void client_say(struct client *c, struct bytes in)
{
    join_say(&c->join, in);
    while (c->join.client.out.len)
        (void)join_turn(&c->join);
    CHECK(!c->join.hub.in.bad);
}

/* Room came back: what was left over is given again. */
static inline void client_say_rest(struct client *c)
{
    c->join.hub.woken = true;
    (void)join_turn(&c->join);
}

/* The turns that the front asks for, as its connection gives them. */
static inline void client_turns(struct client *c)
{
    unsigned before = c->join.hub.wakes;

    join_run(&c->join);
    c->turns = c->join.hub.wakes - before;
}

/* The next answer into c->in; false when there is none. Answers of 100 come too. */
static inline bool client_hear(struct client *c)
{
    enum http_step step;
    size_t used;
    client_turns(c);
    do {
        step = http_read(&c->in, buf_bytes(&c->join.hub.out), &used);
        CHECK(step != HTTP_STEP_BAD);
        buf_drop(&c->join.hub.out, used);
    } while (step == HTTP_STEP_HEAD);
    return step == HTTP_STEP_MESSAGE;
}

static inline struct bytes heard(const struct client *c, const char *header)
{
    return http_header(&c->in.head, bytes_str(header));
}

static inline const char *heard_body(struct client *c)
{
    return buf_str(&c->in.body);
}

/* Asks with a token of the policy (NULL: none) and waits for the answer, whose status it gives. */
static inline int ask_as(struct client *c, const char *policy, const char *method, const char *target,
                         const char *headers, const char *body)
{
    struct buf b = buf_max(1 << 21);
    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: hub.test\r\n", method, target);
    if (policy)
        buf_printf(&b, "Authorization: %s\r\n", token_for(policy, "hub.test", c->join.now_ms + 3600000));
    buf_puts(&b, headers ? headers : "");
    if (body)
        buf_printf(&b, "Content-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n", strlen(body));
    buf_puts(&b, "\r\n");
    buf_puts(&b, body ? body : "");
    c->in.answer_to_head = strcmp(method, "HEAD") == 0;
    client_say(c, buf_bytes(&b));
    buf_free(&b);
    CHECK(client_hear(c));
    return c->in.head.status;
}

static inline int ask(struct client *c, const char *method, const char *target, const char *headers, const char *body)
{
    return ask_as(c, "iothubowner", method, target, headers, body);
}

/* service 4.13: every error has a header and a body that name the same code. */
static inline void check_error(struct client *c, int status, const char *name)
{
    char begins[80];
    json_t *root = json_loadb(heard_body(c), c->in.body.len, JSON_REJECT_DUPLICATES, NULL);

    if (c->in.head.status != status)
        fail_msg("%d, not %d: %s", c->in.head.status, status, heard_body(c));
    CHECK_BYTES(heard(c, "iothub-errorcode"), bytes_str(name));
    CHECK_BYTES(heard(c, "content-type"), BYTES("application/json; charset=utf-8"));
    CHECK(heard(c, "x-ms-request-id").len == 36);
    snprintf(begins, sizeof begins, "ErrorCode:%s;", name);
    CHECK(root);
    CHECK(bytes_starts(bytes_str(json_string_value(json_object_get(root, "Message"))), bytes_str(begins)));
    struct bytes tracking = bytes_str(json_string_value(json_object_get(root, "ExceptionMessage")));
    CHECK(bytes_starts(tracking, BYTES("Tracking ID:")));
    CHECK_BYTES(bytes_skip(tracking, sizeof "Tracking ID:" - 1 + 32), BYTES("-G:0-TimeStamp:11/23/2026 05:25:00"));
    json_decref(root);
}

static inline bool body_has(struct client *c, const char *text)
{
    return strstr(heard_body(c), text) != NULL;
}

/* ---- what most tests begin with: a hub and one client ----------------------------------------------------------- */

static struct client c;

static inline int client_start(void **state)
{
    (void)state;
    world_open();
    memset(&c, 0, sizeof c);
    client_open(&c);
    return 0;
}

static inline int client_stop(void **state)
{
    (void)state;
    client_close(&c);
    world_close();
    return 0;
}

/* As one that registers with a key, whose token has the form of the Node client. */
static inline int ask_with_key(const char *method, const char *path, const char *scope, const char *id,
                               const char *key_text, int64_t expires_ms, const char *body)
{
    struct buf b = buf_max(1 << 16), token = buf_max(SAS_LEN_MAX);
    char resource[256];
    uint8_t key[KEY_LEN_MAX];
    size_t len;

    CHECK_OK(base64_decode(bytes_str(key_text), key, sizeof key, &len));
    snprintf(resource, sizeof resource, "%s/registrations/%s", scope, id);
    CHECK_OK(sas_make(bytes_str(resource), BYTES("registration"), expires_ms / 1000, bytes_of(key, len), &token));
    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nContent-Length: %zu\r\n\r\n%s", method, path,
               buf_str(&token), strlen(body), body);
    client_say(&c, buf_bytes(&b));
    buf_free(&b);
    buf_free(&token);
    CHECK(client_hear(&c));
    return c.in.head.status;
}
