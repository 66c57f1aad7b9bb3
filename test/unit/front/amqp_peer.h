/* A hub in memory, and an AMQP client of Proton joined to its front. */
#pragma once

#include "auth.h"
#include "check.h"
#include "front_world.h"
#include "proton_end.h"
#include "text.h"

#include <proton/sasl.h>

#include <stdio.h>
#include <stdlib.h>

#define T0 WORLD_T0
#define SELECTOR "apache.org:selector-filter:string"
#define PARTITION_0 "hub/ConsumerGroups/$Default/Partitions/0"

static struct world w;

static inline void world_open(unsigned partitions)
{
    world_serve(&w, partitions);
    CHECK_OK(hub_policy_get(w.hub, BYTES("service"), &w.service));
    CHECK_OK(hub_policy_get(w.hub, BYTES("registryRead"), &w.registry));
    log_to(world_logged, &w, LOG_INFO);
}

static inline void world_close(void)
{
    log_to(NULL, NULL, LOG_ERROR);
    world_end(&w);
}

static inline const char *key_text(const struct key_bytes *key)
{
    static char text[128];
    struct buf b = buf_max(sizeof text);
    buf_put_base64(&b, bytes_of(key->at, key->len));
    snprintf(text, sizeof text, "%s", buf_str(&b));
    buf_free(&b);
    return text;
}

/* A token of a policy; signed with the decoded key, or with its text as Event Hubs clients do. */
static inline const char *token_for(const struct policy *p, const char *resource, int64_t expires_ms, bool text_key)
{
    static char token[SAS_LEN_MAX];
    struct buf b = buf_max(sizeof token);
    struct bytes key = text_key ? bytes_str(key_text(&p->primary)) : bytes_of(p->primary.at, p->primary.len);
    CHECK_OK(sas_make(bytes_str(resource), bytes_str(p->name), expires_ms / 1000, key, &b));
    snprintf(token, sizeof token, "%s", buf_str(&b));
    buf_free(&b);
    return token;
}

static inline void quiet_wake(struct waker *waker)
{
    (void)waker;
}

/* Sends n events of a device with bodies "0", "1", …; a millisecond apart. */
static inline void send_events(const char *device, int n, int64_t from_ms, size_t padding)
{
    static struct waker waker = {quiet_wake};
    static char body[MESSAGE_LEN_MAX];
    struct device made;
    struct seat *seat;
    uint64_t at;

    if (hub_device_get(w.hub, bytes_str(device), &made))
        world_device(&w, device);
    CHECK_OK(hub_attach(w.hub, bytes_str(device), NO_BYTES, PROOF_DEVICE_SAS, &waker, from_ms, &seat));
    for (int i = 0; i < n; i++) {
        int len = snprintf(body, 16, "%d", i);
        memset(body + len, ' ', padding);
        struct msg m = {.body = bytes_of(body, (size_t)len + padding)};
        CHECK_OK(hub_send(seat, &m, from_ms + i, &at));
    }
    hub_detach(seat, from_ms + n);
}

/* ---- the client ------------------------------------------------------------------------------------------------ */

struct client {
    struct join join; /* watched */
    struct proton_end proton;
    uint32_t max_frame; /* that the client announces; 0: none */
    struct buf *record; /* what was given to the front, each turn behind its length; or NULL */
    struct peer peer;
    enum err (*make)(const struct front_env *, const struct peer *, int64_t now_ms, struct talk **); /* NULL: AMQP */
    pn_connection_t *conn;
    pn_session_t *session;
    pn_message_t *message;
    pn_link_t *asks, *answers;        /* of $cbs */
    char error[64];                   /* of the transport */
    void (*prepare)(struct client *); /* before it says anything; NULL: nothing */
};

static void client_said(void *ctx, bool from_hub, struct bytes said)
{
    struct client *c = ctx;

    if (from_hub || !c->record)
        return;
    buf_put_u32(c->record, (uint32_t)said.len);
    buf_put(c->record, said);
}

static inline void client_join(struct client *c, struct talk *talk)
{
    struct talk *front;

    c->join.now_ms = c->join.now_ms ? c->join.now_ms : T0;
    c->join.watched = true;
    c->join.tap = client_said;
    c->join.tap_ctx = c;
    snprintf(c->peer.address, sizeof c->peer.address, "192.0.2.7:1");
    CHECK_OK((c->make ? c->make : front_amqp_new)(&w.env, &c->peer, c->join.now_ms, &front));
    join_open(&c->join, talk, front);
}

/* The client is the test: what the front says stays in c->join.hub.out. */
static inline void client_front(struct client *c)
{
    client_join(c, NULL);
    c->join.client.deaf = true;
}

/* Gives the front bytes as a connection would. */
static inline void client_input(struct client *c, struct bytes in)
{
    join_say(&c->join, in);
    do
        (void)join_turn(&c->join);
    while (c->join.client.out.len || c->join.hub.woken);
    CHECK(!c->join.hub.in.bad);
}

/* To and fro until nobody has anything to say. */
static inline void client_run(struct client *c)
{
    c->join.client.woken = true;
    for (int turn = 0; join_turn(&c->join); turn++)
        CHECK(turn < 100000);
    pn_condition_t *error = pn_transport_condition(c->proton.driver.transport);
    if (pn_condition_is_set(error))
        snprintf(c->error, sizeof c->error, "%s", pn_condition_get_name(error));
}

enum { NO_SASL, SASL };

/* Connects; `user` may be NULL. The session is open afterwards unless the front refused. */
static inline void client_open(struct client *c, int sasl, const char *user, const char *password)
{
    CHECK(proton_open(&c->proton));
    c->conn = c->proton.driver.connection;
    if (sasl == SASL) {
        pn_sasl_set_allow_insecure_mechs(pn_sasl(c->proton.driver.transport), true);
        if (c->peer.has_certificate)
            pn_sasl_allowed_mechs(pn_sasl(c->proton.driver.transport), "EXTERNAL");
        if (user)
            pn_connection_set_user(c->conn, user);
        if (password)
            pn_connection_set_password(c->conn, password);
    }
    if (c->max_frame)
        pn_transport_set_max_frame(c->proton.driver.transport, c->max_frame);
    if (c->prepare)
        c->prepare(c);
    pn_connection_driver_bind(&c->proton.driver);
    pn_connection_set_container(c->conn, "client");
    pn_connection_open(c->conn);
    c->session = pn_session(c->conn);
    pn_session_open(c->session);
    c->message = pn_message();
    client_join(c, &c->proton.talk);
    client_run(c);
}

/* As the policy that may listen. */
static inline void client_open_as_service(struct client *c)
{
    client_open(c, SASL, w.service.name, key_text(&w.service.primary));
    CHECK(pn_connection_state(c->conn) & PN_REMOTE_ACTIVE);
}

static inline void client_close(struct client *c)
{
    join_close(&c->join);
    if (c->conn)
        pn_connection_driver_destroy(&c->proton.driver);
    if (c->message)
        pn_message_free(c->message);
}

/* Time passes, a minute at a time, with the signs of life that the client owes. */
static inline void client_tick(struct client *c, int64_t ms)
{
    for (int64_t step; ms > 0; ms -= step) {
        step = ms < 60000 ? ms : 60000;
        join_tick(&c->join, step);
    }
}

/* ---- links ----------------------------------------------------------------------------------------------------- */

static inline pn_link_t *attach_to(struct client *c, pn_session_t *s, const char *name, bool sender,
                                   const char *address)
{
    pn_link_t *l = sender ? pn_sender(s, name) : pn_receiver(s, name);
    pn_terminus_set_address(sender ? pn_link_target(l) : pn_link_source(l), address);
    pn_terminus_set_type(sender ? pn_link_source(l) : pn_link_target(l), sender ? PN_SOURCE : PN_TARGET);
    pn_link_open(l);
    client_run(c);
    return l;
}

static inline void put_filter(pn_link_t *l, uint64_t descriptor, const char *expression)
{
    pn_data_t *f = pn_terminus_filter(pn_link_source(l));
    pn_data_put_map(f);
    pn_data_enter(f);
    pn_data_put_symbol(f, pn_bytes(strlen(SELECTOR), SELECTOR));
    pn_data_put_described(f);
    pn_data_enter(f);
    if (descriptor)
        pn_data_put_ulong(f, descriptor);
    else
        pn_data_put_symbol(f, pn_bytes(strlen(SELECTOR), SELECTOR));
    pn_data_put_string(f, pn_bytes(strlen(expression), expression));
}

/* A receiver with a selector (NULL: none) and credit. */
static inline pn_link_t *receive_from(struct client *c, const char *address, const char *selector, int credit)
{
    static unsigned n;
    char name[32];
    snprintf(name, sizeof name, "receiver-%u", n++);
    pn_link_t *l = pn_receiver(c->session, name);
    pn_terminus_set_address(pn_link_source(l), address);
    if (selector)
        put_filter(l, 0, selector);
    pn_link_open(l);
    pn_link_flow(l, credit);
    client_run(c);
    return l;
}

static inline bool link_is_open(pn_link_t *l)
{
    pn_terminus_t *far = pn_link_is_sender(l) ? pn_link_remote_target(l) : pn_link_remote_source(l);

    return pn_link_state(l) == (PN_LOCAL_ACTIVE | PN_REMOTE_ACTIVE) && pn_terminus_get_type(far) != PN_UNSPECIFIED;
}

/* Refused as service 2.4 says: attached without termini, then closed with this condition. */
static inline void check_refused(pn_link_t *l, const char *condition, const char *text)
{
    pn_condition_t *error = pn_link_remote_condition(l);
    CHECK(pn_link_state(l) & PN_REMOTE_CLOSED);
    CHECK(pn_terminus_get_type(pn_link_remote_source(l)) == PN_UNSPECIFIED);
    CHECK(pn_terminus_get_type(pn_link_remote_target(l)) == PN_UNSPECIFIED);
    CHECK(pn_condition_is_set(error));
    assert_string_equal(pn_condition_get_name(error), condition);
    if (text && !strstr(pn_condition_get_description(error), text))
        fail_msg("\"%s\" is not in \"%s\"", text, pn_condition_get_description(error));
}

/* Takes the next message of a receiver into c->message; false when there is none. */
static inline bool take(struct client *c, pn_link_t *l)
{
    static char bytes[AMQP_MESSAGE_MAX];
    pn_delivery_t *d = pn_link_current(l);
    if (!d || !pn_delivery_readable(d) || pn_delivery_partial(d))
        return false;
    ssize_t n = pn_link_recv(l, bytes, sizeof bytes);
    CHECK(n > 0);
    pn_message_clear(c->message);
    CHECK(!pn_message_decode(c->message, bytes, (size_t)n));
    pn_link_advance(l);
    pn_delivery_settle(d);
    return true;
}

/* The value of a map behind a key of either kind; type PN_NULL when it is not there. */
static inline pn_atom_t value_of(pn_data_t *map, const char *key)
{
    pn_data_rewind(map);
    if (pn_data_next(map) && pn_data_type(map) == PN_MAP) {
        pn_data_enter(map);
        while (pn_data_next(map)) {
            pn_atom_t k = pn_data_get_atom(map);
            if (!pn_data_next(map))
                break;
            if (bytes_eq(bytes_of(k.u.as_bytes.start, k.u.as_bytes.size), bytes_str(key)))
                return pn_data_get_atom(map);
        }
    }
    return (pn_atom_t){.type = PN_NULL};
}

static inline void check_text(pn_atom_t a, const char *text)
{
    CHECK(a.type == PN_STRING || a.type == PN_SYMBOL);
    CHECK_BYTES(bytes_of(a.u.as_bytes.start, a.u.as_bytes.size), bytes_str(text));
}

/* All sequence numbers that are there, as text: "0 1 2". */
static inline const char *sequences(struct client *c, pn_link_t *l)
{
    static char text[4096];
    size_t used = 0;
    text[0] = '\0';
    while (take(c, l)) {
        pn_atom_t n = value_of(pn_message_annotations(c->message), "x-opt-sequence-number");
        CHECK(n.type == PN_LONG);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", used ? " " : "", (long long)n.u.as_long);
        CHECK(used < sizeof text);
    }
    return text;
}

static inline void send_request(struct client *c, pn_link_t *sender, pn_message_t *m)
{
    static uint64_t tag;
    char bytes[8192];
    size_t size = sizeof bytes;
    tag++;
    CHECK(!pn_message_encode(m, bytes, &size));
    pn_delivery(sender, pn_dtag((const char *)&tag, sizeof tag));
    CHECK(pn_link_send(sender, bytes, size) == (ssize_t)size);
    pn_link_advance(sender);
    client_run(c);
}

static inline void put_property(pn_data_t *p, const char *name, const char *value)
{
    pn_data_put_string(p, pn_bytes(strlen(name), name));
    pn_data_put_string(p, pn_bytes(strlen(value), value));
}

static inline int answer_status(struct client *c)
{
    pn_atom_t status = value_of(pn_message_properties(c->message), "status-code");
    pn_atom_t text = value_of(pn_message_properties(c->message), "status-description");
    CHECK(status.type == PN_INT && text.type == PN_STRING);
    return status.u.as_int;
}

/* ---- put-token ------------------------------------------------------------------------------------------------- */

static inline void client_open_cbs(struct client *c)
{
    c->asks = attach_to(c, c->session, "cbs-out", true, "$cbs");
    c->answers = attach_to(c, c->session, "cbs-in", false, "$cbs");
    pn_link_flow(c->answers, 100);
    client_run(c);
    CHECK(pn_link_credit(c->asks) == 100);
    CHECK(pn_link_remote_max_message_size(c->asks) == AMQP_MESSAGE_MAX);
}

/* Python's pyamqp writes values as binary. */
static inline void client_put_token_bytes(struct client *c, const char *name, const char *token)
{
    static const char *const keys[] = {"operation", "type", "name"};
    const char *const values[] = {"put-token", "servicebus.windows.net:sastoken", name};
    pn_message_t *m = pn_message();
    pn_data_t *p = pn_message_properties(m);

    pn_message_set_id(m, (pn_msgid_t){.type = PN_ULONG, .u.as_ulong = 1});
    pn_data_put_map(p);
    pn_data_enter(p);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        pn_data_put_string(p, pn_bytes(strlen(keys[i]), keys[i]));
        pn_data_put_binary(p, pn_bytes(strlen(values[i]), values[i]));
    }
    pn_data_put_string(pn_message_body(m), pn_bytes(strlen(token), token));
    send_request(c, c->asks, m);
    pn_message_free(m);
}

static inline void client_put_token_as(struct client *c, pn_msgid_t id, const char *operation, const char *type,
                                       const char *name, const char *token)
{
    pn_message_t *m = pn_message();
    pn_data_t *p = pn_message_properties(m);
    pn_message_set_id(m, id);
    pn_data_put_map(p);
    pn_data_enter(p);
    put_property(p, "operation", operation);
    put_property(p, "type", type);
    if (name)
        put_property(p, "name", name);
    if (token)
        pn_data_put_string(pn_message_body(m), pn_bytes(strlen(token), token));
    send_request(c, c->asks, m);
    pn_message_free(m);
}

#define AN_ID ((pn_msgid_t){.type = PN_STRING, .u.as_bytes = {6, "an-id!"}})

static inline int client_put_token(struct client *c, const char *name, const char *token)
{
    client_put_token_as(c, AN_ID, "put-token", "servicebus.windows.net:sastoken", name, token);
    CHECK(take(c, c->answers));
    return answer_status(c);
}

/* A device that exists, and what signs for it. */
static inline struct policy device_keys(const char *id)
{
    struct policy keys = {0}; /* signs without a policy name */
    struct device made;

    if (hub_device_get(w.hub, bytes_str(id), &made))
        world_device(&w, id);
    CHECK_OK(hub_device_get(w.hub, bytes_str(id), &made));
    keys.primary = made.primary;
    keys.secondary = made.secondary;
    return keys;
}

/* A token of a device for itself. */
static inline const char *token_of(const char *id, int64_t expires_ms)
{
    struct policy keys = device_keys(id);
    char resource[64 + ID_LEN_MAX];

    snprintf(resource, sizeof resource, "hub.test/devices/%s", id);
    return token_for(&keys, resource, expires_ms, false);
}

/* Shows the token of a device on $cbs, which is open. */
static inline int client_prove(struct client *c, const char *id)
{
    char name[64 + ID_LEN_MAX];

    snprintf(name, sizeof name, "hub.test/devices/%s", id);
    return client_put_token(c, name, token_of(id, c->join.now_ms + 3600000));
}
